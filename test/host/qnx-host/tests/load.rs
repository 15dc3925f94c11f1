//! Many threads, many processes, and nothing to do.
//!
//! `QNX_TEST_SECONDS` (default 2) makes the long run longer.

mod common;
use common::*;
use core::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long the load lasts.
fn load_seconds() -> u64 {
    let given = std::env::var("QNX_TEST_SECONDS").ok();
    given.map_or(2, |value| {
        let parsed = value.parse();
        parsed.unwrap_or_else(|_| panic!("QNX_TEST_SECONDS={value} is not a number"))
    })
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

const CLIENTS: usize = 64;
const THREADS: usize = 4;

/// Counters that forked children share: answers per client thread.
fn shared_counters() -> &'static [AtomicU64; CLIENTS * THREADS] {
    let (prot, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED | libc::MAP_ANONYMOUS,
    );
    // SAFETY: fresh zeroed memory that is never unmapped, valid as atomic words.
    unsafe {
        let len = size_of::<[AtomicU64; CLIENTS * THREADS]>();
        let at = libc::mmap(core::ptr::null_mut(), len, prot, flags, -1, 0);
        assert_ne!(at, libc::MAP_FAILED);
        &*at.cast()
    }
}

/// One client thread: sends until `end`; every message is unlike all others, and its answer is the message reversed.
fn send_until(end: Instant, coid: i32, who: u64, answers: &AtomicU64) {
    let mut round = 0u64;
    while Instant::now() < end {
        let len = match round % 50 {
            0 => 8000,
            25 => 4100,
            _ => 32,
        };
        let mut message = vec![0u8; len];
        message[..8].copy_from_slice(&(who << 40 | round).to_ne_bytes());
        message[len - 8..].copy_from_slice(&(round << 16 | who).to_ne_bytes());
        let mut answer = vec![0u8; len];
        assert_eq!(send(coid, &message, &mut answer), len as i64);
        answer.reverse();
        assert!(answer == message, "thread {who} round {round}: another's answer");
        round += 1;
        answers.store(round, Ordering::Relaxed);
    }
}

/// 64 client processes with 4 threads each against 4 server threads: every reply matches its request, and nobody starves.
#[test]
fn every_reply_matches_its_request() {
    init();
    let seconds = load_seconds();
    let answers = shared_counters();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_UNBLOCK);
        tx.send(chid as u64);
        let threads = (0..4).map(|_| {
            forever(move || {
                loop {
                    let mut got = receive_room(chid, 10_000);
                    assert!(got.rcvid > 0);
                    got.bytes.reverse();
                    assert_eq!(reply(got.rcvid, got.bytes.len() as i64, &got.bytes), 0);
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|thread| drop(thread.join()));
    });
    let (pid, chid) = (server.pid, rx.recv() as i32);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut clients: Vec<Child> = (0..CLIENTS)
        .map(|client| {
            spawn(move || {
                let coid = attach(pid, chid);
                let threads = (0..THREADS).map(|thread| {
                    let who = client * THREADS + thread;
                    std::thread::spawn(move || send_until(end, coid, who as u64, &answers[who]))
                });
                let threads: Vec<_> = threads.collect();
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().expect("thread"));
            })
        })
        .collect();
    while !clients.iter_mut().all(Child::has_ended) {
        let late = Instant::now().saturating_duration_since(end);
        assert!(
            late < Duration::from_secs(30),
            "somebody hangs: {:#?}",
            qnx_host::admin::processes()
        );
        sleep_ms(20);
    }
    clients.into_iter().for_each(Child::join);
    let answers: Vec<u64> = answers
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .collect();
    let (all, least) = (
        answers.iter().sum::<u64>(),
        answers.iter().copied().min().unwrap_or(0),
    );
    assert!(least > 0, "a thread got no answer: {answers:?}");
    println!(
        "{all} messages in {seconds} s, at least {least} for each of {} threads",
        answers.len()
    );
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
