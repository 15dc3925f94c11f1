//! TimerTimeout beyond what `unblock.rs` shows: `docs/qnx-ipc.md` 6.

mod common;
use common::*;
use std::time::{Duration, Instant};

/// TimerTimeout_r with everything spelled out.
fn arm(clock: i32, states: u32, notify: Option<SigEvent>, ns: Option<u64>, left: Option<&mut u64>) -> i32 {
    let notify = notify.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    let ns = ns.as_ref().map_or(core::ptr::null(), core::ptr::from_ref);
    let left = left.map_or(core::ptr::null_mut(), core::ptr::from_mut);
    // SAFETY: valid or null pointers.
    unsafe { TimerTimeout_r(clock, states, notify, ns, left) }
}

fn event(kind: i32) -> SigEvent {
    SigEvent {
        notify: kind,
        ..SigEvent::default()
    }
}

fn now(clock: i32) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid structure.
    assert_eq!(unsafe { qnx_clock_gettime(clock, &mut time) }, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// docs/qnx-ipc.md 6 (D71, D6): the notification is SIGEV_UNBLOCK, and NULL means the same; a time relative or absolute, on the
/// realtime or the monotonic clock.
#[test]
fn clocks_and_ways_to_say_when() {
    init();
    let chid = channel(0);
    for clock in [CLOCK_REALTIME, CLOCK_MONOTONIC] {
        for absolute in [false, true] {
            for notify in [None, Some(event(SIGEV_UNBLOCK))] {
                let wait = 40_000_000;
                let start = Instant::now();
                let (flags, time) = if absolute {
                    (TIMEOUT_RECEIVE | TIMER_ABSTIME, now(clock) + wait)
                } else {
                    (TIMEOUT_RECEIVE, wait)
                };
                assert_eq!(arm(clock, flags, notify, Some(time), None), 0);
                assert_eq!(receive(chid).rcvid, -260);
                let passed = start.elapsed();
                assert!(
                    passed >= Duration::from_nanos(wait - 1_000_000),
                    "{clock} {absolute}: {passed:?}"
                );
                assert!(passed < Duration::from_secs(5));
            }
        }
        // A time that has passed is a poll.
        let past = Some(now(clock) - 1);
        assert_eq!(arm(clock, TIMEOUT_RECEIVE | TIMER_ABSTIME, None, past, None), 0);
        assert_eq!(receive(chid).rcvid, -260);
    }
    assert_eq!(arm(77, TIMEOUT_RECEIVE, None, Some(1), None), -22);
    assert_eq!(
        arm(
            CLOCK_MONOTONIC,
            TIMEOUT_RECEIVE,
            Some(event(SIGEV_PULSE)),
            Some(1),
            None
        ),
        -22
    );
    // What was refused is not armed.
    let coid = attach(0, chid);
    assert_eq!(pulse(coid, 10, 1, 1), 0);
    assert_eq!(receive(chid).pulse().value, 1);
}

/// docs/qnx-ipc.md 6: the remaining time of the timeout that this one replaces is handed out; there is none after a call.
#[test]
fn the_time_left_is_told() {
    init();
    let chid = channel(0);
    let second = 1_000_000_000u64;
    let mut left = 7;
    assert_eq!(
        arm(
            CLOCK_MONOTONIC,
            TIMEOUT_RECEIVE,
            None,
            Some(5 * second),
            Some(&mut left)
        ),
        0
    );
    assert_eq!(left, 0, "nothing was armed");
    assert_eq!(
        arm(CLOCK_MONOTONIC, TIMEOUT_RECEIVE, None, Some(0), Some(&mut left)),
        0
    );
    assert!((4 * second..=5 * second).contains(&left), "{left}");
    assert_eq!(receive(chid).rcvid, -260);
    assert_eq!(arm(CLOCK_MONOTONIC, 0, None, Some(0), Some(&mut left)), 0);
    assert_eq!(left, 0, "used up by the receive");
}

/// docs/qnx-ipc.md 1 and 6: a timeout for another state does not apply to this one; no state disarms.
#[test]
fn other_states_do_not_count() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    for states in [0, TIMEOUT_SEND, TIMEOUT_REPLY, TIMEOUT_SEM, 0x1000, 0x4000] {
        assert_eq!(arm(CLOCK_MONOTONIC, states, None, Some(0), None), 0);
        let sender = std::thread::spawn(move || {
            sleep_ms(60);
            pulse(coid, 10, 1, 5)
        });
        assert_eq!(receive(chid).pulse().value, 5, "states {states:#x}");
        assert_eq!(sender.join().expect("sender"), 0);
    }
    let sender = std::thread::spawn(move || {
        assert_eq!(
            arm(
                CLOCK_MONOTONIC,
                TIMEOUT_RECEIVE | TIMEOUT_SEM,
                None,
                Some(0),
                None
            ),
            0
        );
        send(coid, &[], &mut [])
    });
    sleep_ms(60);
    let got = receive_soon(chid);
    sleep_ms(60);
    assert_eq!(reply(got.rcvid, 4, &[]), 0);
    assert_eq!(sender.join().expect("sender"), 4);
}

/// docs/qnx-ipc.md 1 and 6: SEM is a state too: sem_wait ends with ETIMEDOUT; a semaphore that can be had is had.
#[test]
fn semaphores_time_out() {
    init();
    let sem: *mut u64 = Box::leak(Box::new(0u64));
    let sem = sem.cast();
    let start = Instant::now();
    // SAFETY: eight bytes that live for ever.
    unsafe {
        assert_eq!(qnx_host::sem::qnx_sem_init(sem, 0, 1), 0);
        assert_eq!(arm(CLOCK_MONOTONIC, TIMEOUT_SEM, None, Some(0), None), 0);
        assert_eq!(qnx_host::sem::qnx_sem_wait(sem), 0);
        assert_eq!(arm(CLOCK_MONOTONIC, TIMEOUT_SEM, None, Some(50_000_000), None), 0);
        assert_eq!((qnx_host::sem::qnx_sem_wait(sem), errno()), (-1, 260));
    }
    assert!(start.elapsed() >= Duration::from_millis(50));
}

/// docs/qnx-ipc.md 6 (D6): a null time is a poll: a message or pulse that waits is received, else ETIMEDOUT at once.
#[test]
fn a_null_time_polls() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    let poll = || {
        assert_eq!(arm(CLOCK_MONOTONIC, TIMEOUT_RECEIVE, None, None, None), 0);
        receive(chid)
    };
    assert_eq!(poll().rcvid, -260);
    assert_eq!(pulse(coid, 10, 1, 8), 0);
    assert_eq!(poll().pulse().value, 8);
    assert_eq!(poll().rcvid, -260);
    let sender = std::thread::spawn(move || send(coid, b"m", &mut []));
    sleep_ms(50);
    let got = poll();
    assert_eq!(got.bytes, b"m");
    assert_eq!(reply(got.rcvid, 0, &[]), 0);
    assert_eq!(sender.join().expect("sender"), 0);
}

/// docs/qnx-ipc.md 1 and 6 (D6): sending is polled too: where a thread receives, the message is taken at once and SEND is over; a
/// poll of both states ends in REPLY, as the unblock protocol shows; where nobody receives, it is ETIMEDOUT at once.
#[test]
fn a_null_time_polls_for_a_receiver() {
    init();
    let chid = channel(CHF_UNBLOCK);
    let pid = std::process::id() as i32;
    let (mut go, mut wait) = pipe();
    let (mut tx, mut rx) = pipe();
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let poll = |states| {
            assert_eq!(arm(CLOCK_MONOTONIC, states, None, None, None), 0);
            send(coid, b"m", &mut [])
        };
        tx.send(0);
        for round in 0..20 {
            wait.recv();
            assert_eq!(poll(TIMEOUT_SEND), round);
        }
        wait.recv();
        assert_eq!(
            poll(TIMEOUT_SEND | TIMEOUT_REPLY),
            -260,
            "what the server passes on"
        );
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(poll(TIMEOUT_SEND), -260, "nobody receives");
            assert_eq!(poll(TIMEOUT_SEND | TIMEOUT_REPLY), -260);
        }
        assert!(
            start.elapsed() < Duration::from_millis(500),
            "{:?}",
            start.elapsed()
        );
    });
    rx.recv();
    let receive_then_go = |go: &mut Tx| {
        let receiver = std::thread::spawn(move || receive_soon(chid));
        sleep_ms(10);
        go.send(0);
        receiver.join().expect("receiver")
    };
    for round in 0..20 {
        let got = receive_then_go(&mut go);
        sleep_ms(5);
        assert_eq!(reply(got.rcvid, round, &[]), 0);
    }
    let got = receive_then_go(&mut go);
    let pulse = receive_soon(chid).pulse();
    assert_eq!((pulse.code, pulse.value as i64), (PULSE_CODE_UNBLOCK, got.rcvid));
    assert_eq!(error(got.rcvid, -1), 0);
    client.join();
    assert_empty(chid);
}

/// docs/qnx-ipc.md 6: cleared on return from any kernel call, also from one that does not block and from one that fails.
#[test]
fn every_kind_of_call_uses_it_up() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    let calls: [(&str, &dyn Fn()); 6] = [
        ("ConnectDetach", &|| {
            // SAFETY: no pointers.
            assert_eq!(unsafe { ConnectDetach_r(4711) }, 22);
        }),
        ("ConnectAttach", &|| {
            let coid = attach(0, chid);
            // SAFETY: no pointers.
            assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
        }),
        ("MsgReply", &|| assert_eq!(reply(4711, 0, &[]), -3)),
        ("MsgError", &|| assert_eq!(error(4711, 4), 3)),
        ("MsgSend", &|| assert_eq!(send(4711, &[], &mut []), -9)),
        ("ChannelCreate", &|| {
            let other = channel(0);
            // SAFETY: no pointers.
            assert_eq!(unsafe { ChannelDestroy_r(other) }, 0);
        }),
    ];
    for (name, call) in calls {
        assert_eq!(arm(CLOCK_MONOTONIC, TIMEOUT_RECEIVE, None, Some(0), None), 0);
        call();
        let sender = std::thread::spawn(move || {
            sleep_ms(60);
            pulse(coid, 10, 1, 1)
        });
        assert_eq!(receive(chid).rcvid, 0, "after {name}");
        assert_eq!(sender.join().expect("sender"), 0);
    }
}

/// docs/qnx-ipc.md 6: each thread has a timeout of its own.
#[test]
fn timeouts_belong_to_threads() {
    init();
    let chid = channel(0);
    assert_eq!(arm(CLOCK_MONOTONIC, TIMEOUT_RECEIVE, None, Some(0), None), 0);
    let other = std::thread::spawn(move || receive(chid).rcvid);
    sleep_ms(100);
    assert!(!other.is_finished(), "it had no timeout");
    assert_eq!(receive(chid).rcvid, -260);
    let coid = attach(0, chid);
    assert_eq!(pulse(coid, 10, 1, 1), 0);
    assert_eq!(other.join().expect("receiver"), 0);
}
