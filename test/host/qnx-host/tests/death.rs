//! Deaths: either side killed at any point leaves no hang and nothing behind.

mod common;
use common::*;
use std::time::{Duration, Instant};

/// DISCONNECT comes when the client process is gone. Its scoid names nobody from then on, and is free after ConnectDetach.
#[test]
fn disconnect_pulse_and_scoid_until_detached() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        assert_eq!(send(coid, b"hello", &mut []), 0);
        sleep_ms(60_000);
    });
    let got = receive(chid);
    assert_eq!(got.info.pid, client.pid);
    let mut who = ClientInfo::default();
    // SAFETY: a valid structure.
    assert_eq!(unsafe { ConnectClientInfo_r(got.info.scoid, &mut who, 0) }, 0);
    // SAFETY: no preconditions.
    let euid = unsafe { libc::geteuid() };
    assert_eq!((who.pid, who.cred.euid as u32), (client.pid, euid));
    reply(got.rcvid, 0, &[]);
    client.kill9();
    let pulse = receive_soon(chid).pulse();
    assert_eq!((pulse.code, pulse.scoid), (PULSE_CODE_DISCONNECT, got.info.scoid));
    // SAFETY: a valid structure.
    let known = unsafe { ConnectClientInfo_r(got.info.scoid, &mut who, 0) };
    assert_eq!(known, 22, "gone, though its number is not free yet");
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(got.info.scoid) }, 0);
    // SAFETY: a valid structure.
    assert_eq!(unsafe { ConnectClientInfo_r(got.info.scoid, &mut who, 0) }, 22);
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(got.info.scoid) }, 22);
}

/// One scoid per client process; DISCONNECT only after its last coid is closed.
#[test]
fn one_scoid_for_all_coids_of_a_process() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let (mut go, mut wait) = pipe();
    let client = spawn(move || {
        let (a, b) = (attach(pid, chid), attach(pid, chid));
        assert_ne!(a, b);
        for coid in [a, b] {
            assert_eq!(send(coid, &[], &mut []), i64::from(coid));
        }
        // SAFETY: no pointers.
        unsafe {
            assert_eq!(ConnectDetach_r(a), 0);
            assert_eq!(ConnectDetach_r(a), 22);
        }
        assert_eq!(send(a, &[], &mut []), -9);
        assert_eq!(send(b, &[], &mut []), i64::from(b));
        wait.recv();
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(b) }, 0);
        wait.recv();
    });
    let mut scoids = Vec::new();
    for _ in 0..3 {
        let got = receive(chid);
        scoids.push(got.info.scoid);
        reply(got.rcvid, i64::from(got.info.coid), &[]);
    }
    assert!(scoids.iter().all(|scoid| *scoid == scoids[0]));
    assert_empty(chid);
    go.send(1);
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
    go.send(1);
    client.join();
}

/// A REPLY-blocked client killed on an UNBLOCK channel: unblock pulse with its rcvid, MsgInfo shows the request until it
/// is answered, and DISCONNECT comes only after that.
#[test]
fn killed_reply_blocked_client_goes_through_the_unblock_protocol() {
    init();
    let chid = channel(CHF_DISCONNECT | CHF_UNBLOCK);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        send(coid, b"park me", &mut []);
    });
    let got = receive(chid);
    assert_eq!(info(got.rcvid).map(|i| i.flags), Ok(0));
    client.kill9();
    let pulse = receive_soon(chid).pulse();
    assert_eq!(
        (pulse.code, pulse.value, pulse.scoid),
        (PULSE_CODE_UNBLOCK, got.rcvid as u64, got.info.scoid)
    );
    assert_eq!(info(got.rcvid).map(|i| i.flags), Ok(MI_UNBLOCK_REQ));
    assert_empty(chid);
    assert_eq!(error(got.rcvid, 4), 0);
    assert_eq!(info(got.rcvid).map(|_| ()), Err(3));
    assert_eq!(error(got.rcvid, 4), 3);
    let pulse = receive_soon(chid).pulse();
    assert_eq!((pulse.code, pulse.scoid), (PULSE_CODE_DISCONNECT, got.info.scoid));
}

/// Without the UNBLOCK flag the rcvid of a killed client is dead at once.
#[test]
fn killed_client_without_the_flag_is_just_gone() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        send(coid, b"park me", &mut []);
    });
    let got = receive(chid);
    client.kill9();
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
    assert_eq!(reply(got.rcvid, 0, &[]), -3);
}

/// A SEND-blocked client that dies is never seen.
#[test]
fn killed_send_blocked_client_is_never_received() {
    init();
    let chid = channel(CHF_UNBLOCK | CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        send(coid, b"never seen", &mut []);
    });
    sleep_ms(100);
    client.kill9();
    // The death is noticed by our kernel thread, not by the kernel: until it has run, the message is still there.
    sleep_ms(200);
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
    assert_empty(chid);
}

/// A killed server: SEND- and REPLY-blocked clients get ESRCH within a second, later calls EBADF.
#[test]
fn killed_server_frees_its_clients() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_UNBLOCK);
        tx.send(chid as u64);
        let got = receive(chid);
        assert!(got.rcvid > 0);
        tx.send(0);
        sleep_ms(60_000);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    let blocked: Vec<_> = (0..3)
        .map(|_| std::thread::spawn(move || send(coid, b"x", &mut [])))
        .collect();
    rx.recv();
    sleep_ms(50);
    let start = Instant::now();
    server.kill9();
    for thread in blocked {
        assert_eq!(thread.join().expect("client"), -3);
    }
    assert!(start.elapsed() < Duration::from_secs(1));
    assert_eq!(send(coid, b"x", &mut []), -9);
    assert_eq!(pulse(coid, 10, 1, 1), -9);
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
}

/// COIDDEATH: a process learns on its own channel that a connection lost its server.
#[test]
fn coid_death_pulse() {
    init();
    let child = spawn(|| {
        let own = channel(CHF_COID_DISCONNECT);
        // SAFETY: no pointers.
        let second = unsafe { ChannelCreate_r(CHF_COID_DISCONNECT) };
        assert_eq!(second, -16, "one per process");
        let (server, chid) = echo_server(0);
        let coid = attach(server.pid, chid);
        assert_eq!(send(coid, b"x", &mut [0]), 1);
        server.kill9();
        let pulse = receive_soon(own).pulse();
        assert_eq!((pulse.code, pulse.value), (PULSE_CODE_COIDDEATH, coid as u64));
    });
    child.join();
}

/// ChannelDestroy with clients blocked: they fail, receivers leave, the number is unknown afterwards.
#[test]
fn destroying_a_channel_frees_everybody() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let got = receive(chid);
        let waiting = std::thread::spawn(move || {
            loop {
                let got = receive(chid);
                if got.rcvid < 0 {
                    return got.rcvid;
                }
            }
        });
        wait.recv();
        // SAFETY: no pointers.
        unsafe {
            assert_eq!(ChannelDestroy_r(chid), 0);
            assert_eq!(ChannelDestroy_r(chid), 22);
        }
        assert_eq!(waiting.join().expect("receiver"), -3);
        assert_eq!(reply(got.rcvid, 0, &[]), -3);
        assert_eq!(receive(chid).rcvid, -3);
        tx.send(0);
        wait.recv();
    });
    let coid = attach(server.pid, rx.recv() as i32);
    let blocked: Vec<_> = (0..2)
        .map(|_| std::thread::spawn(move || send(coid, b"x", &mut [])))
        .collect();
    sleep_ms(100);
    go.send(1);
    for thread in blocked {
        assert_eq!(thread.join().expect("client"), -3);
    }
    rx.recv();
    assert_eq!(send(coid, b"x", &mut []), -9);
    go.send(1);
    server.join();
}

/// Clients killed at random times while sending: the server serves on, every client is reported once.
#[test]
fn clients_killed_at_random() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_DISCONNECT | CHF_UNBLOCK);
        tx.send(chid as u64);
        let mut gone = 0u64;
        loop {
            let got = receive_room(chid, 100_000);
            match got.rcvid {
                0 => match got.pulse().code {
                    PULSE_CODE_DISCONNECT => {
                        // SAFETY: no pointers.
                        assert_eq!(unsafe { ConnectDetach_r(got.pulse().scoid) }, 0);
                        gone += 1;
                    }
                    PULSE_CODE_UNBLOCK => {
                        let rcvid = got.pulse().value as i64;
                        if info(rcvid).is_ok() {
                            error(rcvid, 4);
                        }
                    }
                    _ => {}
                },
                rcvid if rcvid > 0 && got.bytes.first() == Some(&b'?') => {
                    reply(rcvid, gone as i64, &[]);
                }
                rcvid if rcvid > 0 => {
                    reply(rcvid, 0, &got.bytes);
                }
                _ => panic!("receive {}", got.rcvid),
            }
        }
    });
    let chid = rx.recv() as i32;
    const ROUNDS: u64 = 60;
    for round in 0..ROUNDS {
        let pid = server.pid;
        let client = spawn(move || {
            let coid = attach(pid, chid);
            std::thread::spawn(move || {
                loop {
                    pulse(coid, 10, 1, 1);
                    send(coid, &[1; 60_000], &mut [0; 60_000]);
                }
            });
            loop {
                send(coid, &[2; 100], &mut [0; 100]);
            }
        });
        sleep_ms(round % 13);
        client.kill9();
    }
    let coid = attach(server.pid, chid);
    // Some were killed before they had connected.
    eventually("every connected client is reported", || {
        send(coid, b"?", &mut []) >= ROUNDS as i64 / 3
    });
    assert!(send(coid, b"?", &mut []) <= ROUNDS as i64);
}

/// A child that a client or a server has forked does not keep its parent's connections alive.
#[test]
fn forked_children_do_not_hold_connections() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let (mut tx, mut rx) = pipe();
    let client = spawn(move || {
        let coid = attach(pid, chid);
        assert_eq!(send(coid, b"x", &mut []), 0);
        // SAFETY: the child only sleeps.
        let grandchild = unsafe { libc::fork() };
        if grandchild == 0 {
            sleep_ms(10_000);
        }
        tx.send(grandchild as u64);
        sleep_ms(10_000);
    });
    reply(receive_soon(chid).rcvid, 0, &[]);
    let grandchild = rx.recv() as i32;
    client.kill9();
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
    // SAFETY: our own descendant, which is still there.
    assert_eq!(unsafe { libc::kill(grandchild, libc::SIGKILL) }, 0);
}

/// Servers killed at random while threads of this client send: each call ends, nothing stays open or mapped.
#[test]
fn servers_killed_at_random() {
    init();
    let client = spawn(|| {
        let fds = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        let maps = || {
            std::fs::read_to_string("/proc/self/maps")
                .expect("maps")
                .matches("qnx-lane")
                .count()
        };
        channel(0);
        let mut before = 0;
        for round in 0..40u64 {
            let (server, chid) = echo_server(CHF_UNBLOCK);
            let coid = attach(server.pid, chid);
            let threads: Vec<_> = [16usize, 100, 70_000, 200_000]
                .into_iter()
                .map(|len| {
                    std::thread::spawn(move || {
                        let (message, mut answer) = (vec![7; len], vec![0; len]);
                        loop {
                            match send(coid, &message, &mut answer) {
                                status if status == len as i64 => {}
                                // Died during the send, or before it.
                                -3 | -9 => return,
                                other => panic!("MsgSend {other}"),
                            }
                            pulse(coid, 10, 1, 1);
                        }
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_micros(round * 997 % 9000));
            server.kill9();
            threads
                .into_iter()
                .for_each(|thread| thread.join().expect("thread"));
            // SAFETY: no pointers.
            assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
            if round == 0 {
                before = fds();
            }
        }
        eventually("descriptors come back", || fds() <= before);
        eventually("mappings come back", || maps() == 0);
    });
    client.join();
}
