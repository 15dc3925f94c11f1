//! Many threads, many processes, nothing to do, and deaths at random.
//!
//! `QNX_TEST_SECONDS` (default 2) and `QNX_TEST_KILLS` (default 150) make the long runs longer.

mod common;
use common::*;
use std::time::{Duration, Instant};

fn knob(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// More threads of one client blocked at once than one lane has slots; a message still gets through to release them.
#[test]
fn two_hundred_blocked_threads_of_one_client() {
    init();
    const THREADS: usize = 200;
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_UNBLOCK | CHF_DISCONNECT);
        tx.send(chid as u64);
        let mut parked: Vec<(i64, Vec<u8>)> = Vec::new();
        loop {
            let got = receive(chid);
            assert!(got.rcvid > 0);
            match got.bytes.as_slice() {
                b"release" => {
                    assert_eq!(parked.len(), THREADS);
                    for (rcvid, bytes) in parked.drain(..) {
                        assert_eq!(reply(rcvid, 0, &bytes), 0);
                    }
                    assert_eq!(reply(got.rcvid, 0, &[]), 0);
                    tx.send(0);
                    sleep_ms(20_000);
                }
                _ => parked.push((got.rcvid, got.bytes)),
            }
            if parked.len() == THREADS {
                tx.send(0);
            }
        }
    });
    let coid = attach(server.pid, rx.recv() as i32);
    let threads: Vec<_> = (0..THREADS as u64)
        .map(|number| {
            std::thread::spawn(move || {
                let mut answer = [0; 8];
                assert_eq!(send(coid, &number.to_ne_bytes(), &mut answer), 0);
                assert_eq!(u64::from_ne_bytes(answer), number);
            })
        })
        .collect();
    rx.recv();
    assert_eq!(send(coid, b"release", &mut []), 0);
    for thread in threads {
        thread.join().expect("client");
    }
    rx.recv();
}

/// 64 client processes with 4 threads each against 4 server threads: every reply matches its request.
#[test]
fn every_reply_matches_its_request() {
    init();
    let seconds = knob("QNX_TEST_SECONDS", 2);
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_UNBLOCK);
        tx.send(chid as u64);
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(move || {
                    loop {
                        let mut got = receive_room(chid, 10_000);
                        assert!(got.rcvid > 0);
                        got.bytes.reverse();
                        assert_eq!(reply(got.rcvid, got.bytes.len() as i64, &got.bytes), 0);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    });
    let (pid, chid) = (server.pid, rx.recv() as i32);
    let clients: Vec<_> = (0..64u64)
        .map(|client| {
            spawn(move || {
                let coid = attach(pid, chid);
                let end = Instant::now() + Duration::from_secs(seconds);
                let threads: Vec<_> = (0..4u64)
                    .map(|thread| {
                        std::thread::spawn(move || {
                            let mut round = 0u64;
                            while Instant::now() < end {
                                let len = if round.is_multiple_of(50) { 8000 } else { 32 };
                                let mut message = vec![0u8; len];
                                message[..8]
                                    .copy_from_slice(&(client << 40 | thread << 32 | round).to_ne_bytes());
                                let mut answer = vec![0u8; len];
                                assert_eq!(send(coid, &message, &mut answer), len as i64);
                                answer.reverse();
                                assert!(answer == message, "client {client} thread {thread} round {round}");
                                round += 1;
                            }
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().expect("thread"));
            })
        })
        .collect();
    clients.into_iter().for_each(Child::join);
}

/// Context switches that all threads of a process made by themselves: a wake-up ends in one.
fn switches(pid: i32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("tasks");
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok())
        .filter_map(|status| {
            let line = status
                .lines()
                .find(|line| line.starts_with("voluntary_ctxt_switches"))?
                .to_string();
            line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum()
}

/// An idle server and its idle clients make no wake-up.
#[test]
fn idle_means_no_wake_ups() {
    init();
    let (server, chid) = echo_server(CHF_UNBLOCK | CHF_DISCONNECT);
    let pid = server.pid;
    let (mut tx, mut rx) = pipe();
    let client = spawn(move || {
        let own = channel(CHF_COID_DISCONNECT);
        let coid = attach(pid, chid);
        assert_eq!(send(coid, b"x", &mut [0]), 1);
        tx.send(0);
        receive(own);
    });
    rx.recv();
    sleep_ms(300);
    let before = [switches(server.pid), switches(client.pid)];
    sleep_ms(5000);
    assert_eq!([switches(server.pid), switches(client.pid)], before);
}

/// Clients and servers killed at random moments: nobody hangs, descriptors and mappings come back.
#[test]
fn random_kills_leave_nothing_behind() {
    init();
    let kills = knob("QNX_TEST_KILLS", 150);
    let child = spawn(move || {
        let chid = channel(CHF_UNBLOCK | CHF_DISCONNECT);
        let pid = std::process::id() as i32;
        let serve = move || {
            loop {
                let got = receive_room(chid, 70_000);
                match got.rcvid {
                    0 => match got.pulse().code {
                        PULSE_CODE_DISCONNECT => {
                            // SAFETY: no pointers.
                            assert_eq!(unsafe { ConnectDetach_r(got.pulse().scoid) }, 0);
                        }
                        PULSE_CODE_UNBLOCK => {
                            error(got.pulse().value as i64, 4);
                        }
                        _ => {}
                    },
                    // Every seventh is answered by its unblock pulse alone.
                    rcvid if rcvid > 0 && rcvid % 7 != 0 => {
                        reply(rcvid, 0, &got.bytes);
                    }
                    _ => {}
                }
            }
        };
        std::thread::spawn(serve);
        std::thread::spawn(serve);
        let count = |what: &str| std::fs::read_dir(what).map_or(0, Iterator::count);
        let maps = || {
            std::fs::read_to_string("/proc/self/maps")
                .expect("maps")
                .matches("qnx-lane")
                .count()
        };
        let fds = count("/proc/self/fd");
        let mut seed = 12345u64;
        for _ in 0..kills {
            seed = seed
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let one = spawn(move || {
                let coid = attach(pid, chid);
                std::thread::spawn(move || {
                    loop {
                        pulse(coid, 10, 1, 5);
                        send(coid, &[1; 66_000], &mut [0; 66_000]);
                    }
                });
                loop {
                    send(coid, &[2; 64], &mut [0; 64]);
                }
            });
            std::thread::sleep(Duration::from_micros(seed >> 51));
            one.kill9();
        }
        eventually("descriptors come back", || count("/proc/self/fd") <= fds + 1);
        // A receiver's memory of its last lane may keep one mapping each.
        eventually("mappings come back", || maps() <= 2);
    });
    child.join();
}
