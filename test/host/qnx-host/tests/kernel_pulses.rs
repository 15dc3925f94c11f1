//! Pulses that the kernel sends, and what a sender may put into one: `docs/qnx-ipc.md` 5 and 6.

mod common;
use common::*;
use std::time::Duration;

/// docs/qnx-ipc.md 5 and 2: COIDDEATH once for each connection that lost its server, fd-range ones too; its value is the coid.
#[test]
fn coid_death_for_each_connection() {
    init();
    let child = spawn(|| {
        let (server, chid) = echo_server(0);
        let own = channel(CHF_COID_DISCONNECT);
        let side = attach(server.pid, chid);
        // SAFETY: no pointers.
        let in_fd_range = unsafe { ConnectAttach_r(0, server.pid, chid, 0, 0) };
        assert!((0..SIDE_CHANNEL).contains(&in_fd_range));
        let detached = attach(server.pid, chid);
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(detached) }, 0);
        server.kill9();
        let mut died: Vec<u64> = (0..2)
            .map(|_| {
                let pulse = receive_soon(own).pulse();
                assert_eq!(pulse.code, PULSE_CODE_COIDDEATH);
                pulse.value
            })
            .collect();
        died.sort();
        assert_eq!(died, [in_fd_range as u64, side as u64]);
        assert_empty(own);
        // SAFETY: no pointers.
        unsafe {
            assert_eq!(qnx_close(in_fd_range), 0);
            assert_eq!(ConnectDetach_r(side), 0);
        }
    });
    child.join();
}

/// docs/qnx-ipc.md 2: COIDDEATH also when the server destroys its channel and lives on.
#[test]
fn coid_death_when_the_channel_is_destroyed() {
    init();
    let child = spawn(|| {
        let (mut tx, mut rx) = pipe();
        let server = spawn(move || {
            let chid = channel(0);
            tx.send(chid as u64);
            assert_eq!(reply(receive(chid).rcvid, 0, &[]), 0);
            // SAFETY: no pointers.
            assert_eq!(unsafe { ChannelDestroy_r(chid) }, 0);
            sleep_ms(20_000);
        });
        let own = channel(CHF_COID_DISCONNECT);
        let coid = attach(server.pid, rx.recv() as i32);
        assert_eq!(send(coid, &[], &mut []), 0);
        let pulse = receive_soon(own).pulse();
        assert_eq!((pulse.code, pulse.value), (PULSE_CODE_COIDDEATH, coid as u64));
    });
    child.join();
}

/// docs/qnx-ipc.md 5: DISCONNECT carries the scoid alone, comes for a client that exits as for one that detaches, and only with
/// the flag; the scoid is not given to another client before ConnectDetach.
#[test]
fn disconnect_and_the_reserved_scoid() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let quiet = channel(0);
    let pid = std::process::id() as i32;
    let client = || {
        spawn(move || {
            let coids = [attach(pid, chid), attach(pid, quiet)];
            for coid in coids {
                assert_eq!(send(coid, &[], &mut []), 0);
            }
        })
    };
    let mut reserved = Vec::new();
    for _ in 0..3 {
        let one = client();
        let got = receive_soon(chid);
        assert!(!reserved.contains(&got.info.scoid), "still the old client's");
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
        assert_eq!(reply(receive_soon(quiet).rcvid, 0, &[]), 0);
        one.join();
        let pulse = receive_soon(chid).pulse();
        assert_eq!((pulse.code, pulse.scoid), (PULSE_CODE_DISCONNECT, got.info.scoid));
        reserved.push(pulse.scoid);
        assert_empty(quiet);
    }
    for scoid in reserved {
        // SAFETY: no pointers.
        unsafe {
            assert_eq!(ConnectDetach_r(scoid), 0);
            assert_eq!(ConnectDetach_r(scoid), 22);
        }
    }
}

/// docs/qnx-ipc.md 6: one UNBLOCK pulse per request, each with the rcvid of its own thread, and only that receive is marked.
#[test]
fn unblock_pulses_name_the_thread_that_wants_out() {
    init();
    let chid = channel(CHF_UNBLOCK);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let threads: Vec<_> = (0..4u8)
            .map(|number| {
                std::thread::spawn(move || {
                    if number % 2 == 1 {
                        timeout(TIMEOUT_SEND | TIMEOUT_REPLY, Duration::from_millis(100));
                    }
                    send(coid, &[number], &mut [])
                })
            })
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().expect("thread"));
        assert_eq!(results.collect::<Vec<_>>(), [0, -260, 0, -260]);
    });
    let all: Vec<Got> = (0..4).map(|_| receive_soon(chid)).collect();
    let marked = || {
        let mut marked: Vec<u8> = all
            .iter()
            .filter(|got| info(got.rcvid).is_ok_and(|info| info.flags & MI_UNBLOCK_REQ != 0))
            .map(|got| got.bytes[0])
            .collect();
        marked.sort();
        marked
    };
    assert_eq!(marked(), []);
    let mut asked: Vec<i64> = (0..2)
        .map(|_| {
            let pulse = receive_soon(chid).pulse();
            assert_eq!((pulse.code, pulse.scoid), (PULSE_CODE_UNBLOCK, all[0].info.scoid));
            pulse.value as i64
        })
        .collect();
    assert_eq!(marked(), [1, 3]);
    let mut wanted: Vec<i64> = all
        .iter()
        .filter(|got| got.bytes[0] % 2 == 1)
        .map(|got| got.rcvid)
        .collect();
    asked.sort();
    wanted.sort();
    assert_eq!(asked, wanted);
    assert_empty(chid);
    for got in &all {
        let status = if got.bytes[0] % 2 == 1 { -1 } else { 0 };
        assert_eq!(error(got.rcvid, status), 0);
    }
    client.join();
}

/// docs/qnx-ipc.md 3 (D8): ConnectDetach with a thread REPLY-blocked through the coid is an unblock request to the server.
#[test]
fn detaching_a_reply_blocked_coid_asks_the_server() {
    init();
    let chid = channel(CHF_UNBLOCK);
    let pid = std::process::id() as i32;
    let (mut go, mut wait) = pipe();
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let blocked = std::thread::spawn(move || {
            let mut answer = [0];
            (send(coid, b"x", &mut answer), answer)
        });
        wait.recv();
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
        assert_eq!(
            blocked.join().expect("client"),
            (9, [7]),
            "what the server answered"
        );
        assert_eq!(send(coid, b"x", &mut []), -9);
    });
    let got = receive_soon(chid);
    go.send(0);
    let pulse = receive_soon(chid).pulse();
    assert_eq!((pulse.code, pulse.value as i64), (PULSE_CODE_UNBLOCK, got.rcvid));
    assert_eq!(reply(got.rcvid, 9, &[7]), 0);
    client.join();
}

/// docs/qnx-ipc.md 6: an unblock pulse that comes after the answer is stale; MsgInfo tells, and the answer was not disturbed.
#[test]
fn an_unblock_pulse_may_be_stale() {
    init();
    let chid = channel(CHF_UNBLOCK);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        timeout(TIMEOUT_SEND | TIMEOUT_REPLY, Duration::from_millis(50));
        assert_eq!(send(coid, b"x", &mut []), 6, "the answer, not the timeout");
        assert_eq!(send(coid, b"next", &mut []), 7);
    });
    let got = receive_soon(chid);
    eventually("the client asks", || {
        info(got.rcvid).is_ok_and(|info| info.flags & MI_UNBLOCK_REQ != 0)
    });
    // Another thread of the server has answered; the pulse is still queued.
    assert_eq!(reply(got.rcvid, 6, &[]), 0);
    let stale = receive_soon(chid);
    let next = if stale.rcvid == 0 {
        assert_eq!(stale.pulse().value as i64, got.rcvid);
        assert_eq!(info(got.rcvid).map(|_| ()), Err(3), "stale");
        receive_soon(chid)
    } else {
        stale
    };
    assert_eq!(next.bytes, b"next");
    assert_eq!(
        info(next.rcvid).map(|info| info.flags),
        Ok(0),
        "the next message is not marked"
    );
    assert_eq!(reply(next.rcvid, 7, &[]), 0);
    client.join();
}

/// docs/qnx-ipc.md 5: any 8-bit code may be sent, so a peer may forge DISCONNECT; the scoid tells who did. The value has 64
/// bits, as a long and as a pointer; priority 0 becomes 1, -1 is the sender's.
#[test]
fn codes_values_and_priorities_of_a_pulse() {
    init();
    let child = spawn(|| {
        let chid = channel(0);
        let coid = attach(0, chid);
        let sent = [
            (0, i64::MIN, 200),
            (127, i64::MAX, 199),
            (-128, -1, 198),
            (i32::from(PULSE_CODE_DISCONNECT), 0x1234_5678_9ABC_DEF0, 197),
        ];
        for (code, value, priority) in sent {
            assert_eq!(pulse(coid, priority, code, value), 0, "code {code}");
        }
        for (code, value, priority) in sent {
            let got = receive_soon(chid).pulse();
            assert_eq!((i32::from(got.code), got.value as i64), (code, value));
            assert!(got.scoid & CONNECTION_SCOID != 0);
            assert_eq!(
                own_priority(),
                priority,
                "the receiver runs at the pulse's priority"
            );
        }
        let pointer = core::ptr::without_provenance_mut(0x7F00_1234_5678_9A00);
        // SAFETY: the pointer is carried, never followed.
        unsafe {
            assert_eq!(MsgSendPulsePtr_r(coid, 0, 1, pointer), 0);
            assert_eq!(MsgSendPulsePtr(4711, 0, 1, pointer), -1);
        }
        assert_eq!(errno(), 9);
        let got = receive_soon(chid).pulse();
        assert_eq!((got.value, own_priority()), (0x7F00_1234_5678_9A00, 1));
        let param = SchedParam {
            priority: 44,
            ..SchedParam::default()
        };
        // SAFETY: a valid structure.
        assert_eq!(unsafe { SchedSet_r(0, 0, 0, &param) }, 0);
        assert_eq!(pulse(coid, -1, 1, 0), 0);
        let lower = SchedParam { priority: 9, ..param };
        // SAFETY: a valid structure.
        assert_eq!(unsafe { SchedSet_r(0, 0, 0, &lower) }, 0);
        receive_soon(chid).pulse();
        assert_eq!(own_priority(), 44, "the priority at the time of sending");
    });
    child.join();
}

fn own_priority() -> i32 {
    let mut param = SchedParam::default();
    // SAFETY: a valid structure.
    assert!(unsafe { SchedGet_r(0, 0, &mut param) } >= 0);
    param.priority
}

/// docs/qnx-ipc.md 5: DISCONNECT comes after everything that the client had sent.
#[test]
fn a_clients_last_pulses_come_before_its_disconnect() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        for value in 0..300 {
            assert_eq!(pulse(coid, 10, 1, value), 0);
        }
    });
    client.join();
    for value in 0..300 {
        let got = receive_soon(chid).pulse();
        assert_eq!((got.code, got.value), (1, value));
    }
    assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
}
