//! Pulses: `docs/qnx-ipc.md` 5.

mod common;
use common::*;

#[test]
fn pulse_carries_code_value_and_sender() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let first = receive(chid);
        let pulse = first.pulse();
        assert_eq!(
            (pulse.type_, pulse.subtype, pulse.code, pulse.value),
            (0, 0, 5, -77i64 as u64)
        );
        assert!(pulse.scoid & CONNECTION_SCOID != 0);
        let got = receive(chid);
        assert_eq!(got.info.scoid, pulse.scoid);
        assert_eq!(reply(got.rcvid, 0, &[]), 0);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    assert_eq!(pulse(coid, 10, 5, -77), 0);
    assert_eq!(send(coid, b"x", &mut []), 0);
    server.join();
}

/// Order is priority, then time, messages and pulses alike; priority -1 is the caller's, 0 becomes 1.
#[test]
fn order_by_priority_then_time_with_messages() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        wait.recv();
        let mut order = Vec::new();
        for _ in 0..6 {
            let got = receive_soon(chid);
            if got.rcvid == 0 {
                order.push(got.pulse().value);
            } else {
                order.push(u64::from(got.bytes[0]));
                reply(got.rcvid, 0, &[]);
            }
        }
        assert_eq!(order, [5, 6, 1, 2, 3, 4]);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    let message = |priority: i32, value: u8| {
        let thread = std::thread::spawn(move || {
            let param = SchedParam {
                priority,
                ..SchedParam::default()
            };
            // SAFETY: a valid structure.
            assert_eq!(unsafe { SchedSet_r(0, 0, 0, &param) }, 0);
            assert_eq!(send(coid, &[value], &mut []), 0);
        });
        sleep_ms(50);
        thread
    };
    let a = message(10, 1);
    assert_eq!(pulse(coid, -1, 1, 2), 0);
    let b = message(10, 3);
    assert_eq!(pulse(coid, 0, 1, 4), 0);
    assert_eq!(pulse(coid, 40, 1, 5), 0);
    let c = message(40, 6);
    go.send(1);
    for thread in [a, b, c] {
        thread.join().expect("sender");
    }
    server.join();
}

#[test]
fn identical_pulses_each_arrive() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        wait.recv();
        for _ in 0..1000 {
            assert_eq!(receive_soon(chid).pulse().value, 9);
        }
        assert_empty(chid);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    for _ in 0..1000 {
        assert_eq!(pulse(coid, 10, 1, 9), 0);
    }
    go.send(1);
    server.join();
}

/// More different pulses than the shared ring holds, while the server does not receive: none is lost, order is kept.
#[test]
fn more_pulses_than_the_ring_holds() {
    init();
    const COUNT: u64 = 20_000;
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        wait.recv();
        for value in 0..COUNT {
            assert_eq!(receive_soon(chid).pulse().value, value);
        }
        tx.send(0);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    for value in 0..COUNT {
        assert_eq!(pulse(coid, 10, 1, value as i64), 0);
    }
    go.send(1);
    rx.recv();
    server.join();
}

/// A pulse that meets a buffer under 24 bytes: EFAULT, and the pulse is lost.
#[test]
fn small_buffer_loses_the_pulse() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    assert_eq!(pulse(coid, 10, 1, 1), 0);
    assert_eq!(pulse(coid, 10, 1, 2), 0);
    assert_eq!(receive_room(chid, 23).rcvid, -14);
    assert_eq!(receive(chid).pulse().value, 2);
}

#[test]
fn bad_arguments() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    assert_eq!(pulse(coid, 256, 1, 1), -22);
    assert_eq!(pulse(coid, -2, 1, 1), -22);
    assert_eq!(pulse(coid, 10, 128, 1), -22);
    assert_eq!(pulse(coid + 1000, 10, 1, 1), -9);
}

/// MsgReceivePulse takes pulses only; messages keep waiting.
#[test]
fn receive_pulse_passes_over_messages() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    let sender = std::thread::spawn(move || send(coid, b"m", &mut []));
    sleep_ms(50);
    assert_eq!(pulse(coid, 5, 3, 33), 0);
    let mut image = Pulse::default();
    // SAFETY: a valid buffer.
    let got = unsafe { MsgReceivePulse_r(chid, (&raw mut image).cast(), 24, core::ptr::null_mut()) };
    assert_eq!((got, image.value), (0, 33));
    let waiting = std::thread::spawn(move || {
        let mut image = Pulse::default();
        // SAFETY: a valid buffer.
        let got = unsafe { MsgReceivePulse_r(chid, (&raw mut image).cast(), 24, core::ptr::null_mut()) };
        (got, image.value)
    });
    sleep_ms(50);
    let got = receive(chid);
    assert_eq!(reply(got.rcvid, 3, &[]), 0);
    assert_eq!(sender.join().expect("sender"), 3);
    assert_eq!(pulse(coid, 5, 3, 44), 0);
    assert_eq!(waiting.join().expect("waiter"), (0, 44));
}

/// Times that the calling thread's neighbour `tid` went to sleep.
fn sleeps(tid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/self/task/{tid}/status")).expect("a thread");
    let line = status
        .lines()
        .find(|line| line.starts_with("voluntary_ctxt_switches"));
    let number = line
        .and_then(|line| line.split_whitespace().last())
        .expect("a number");
    number.parse().expect("a number")
}

/// A message wakes one receiver, and a thread in MsgReceivePulse sleeps on, as on QNX. A pulse finds it all the same.
#[test]
fn a_message_wakes_nobody_who_wants_pulses_only() {
    init();
    const MESSAGES: u64 = 200;
    let chid = channel(0);
    let coid = attach(0, chid);
    let (tell, told) = std::sync::mpsc::channel();
    let picky = std::thread::spawn(move || {
        // SAFETY: no pointers.
        tell.send(unsafe { libc::gettid() }).expect("told");
        let mut image = Pulse::default();
        // SAFETY: a valid buffer.
        let got = unsafe { MsgReceivePulse_r(chid, (&raw mut image).cast(), 24, core::ptr::null_mut()) };
        (got, image.value)
    });
    let picky_id = told.recv().expect("an id");
    let servers: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                loop {
                    let got = receive(chid);
                    if got.rcvid == 0 {
                        return;
                    }
                    assert_eq!(reply(got.rcvid, 0, &[]), 0);
                }
            })
        })
        .collect();
    sleep_ms(50);
    let before = sleeps(picky_id);
    for _ in 0..MESSAGES {
        assert_eq!(send(coid, b"m", &mut []), 0);
        // So that the next one finds all of them asleep.
        sleep_ms(1);
    }
    let woken = sleeps(picky_id) - before;
    assert!(
        woken < MESSAGES / 10,
        "it woke {woken} times for {MESSAGES} messages"
    );
    let mut value = 0;
    eventually("each has its pulse", || {
        value += 1;
        assert_eq!(pulse(coid, 10, 1, value), 0);
        sleep_ms(1);
        picky.is_finished() && servers.iter().all(std::thread::JoinHandle::is_finished)
    });
    assert_eq!(picky.join().expect("picky").0, 0);
}

fn pool(num: u32, options: u32, event: SigEvent) -> i32 {
    let config = ChannelConfig {
        event,
        num_pulses: num,
        rearm_threshold: 1,
        options,
        reserved: [0; 3],
    };
    // SAFETY: a valid structure.
    unsafe { ChannelCreatePulsePool_r(CHF_DISCONNECT, &config) }
}

/// A pool that runs out raises the custom event instead of killing its owner; kernel pulses still arrive.
#[test]
fn exhausted_pool_raises_the_custom_event() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let sem = Box::leak(Box::new(0u64));
        let sem = core::ptr::from_mut(sem).cast();
        // SAFETY: eight bytes that live for ever.
        assert_eq!(unsafe { qnx_host::sem::qnx_sem_init(sem, 0, 0) }, 0);
        let event = SigEvent {
            notify: SIGEV_SEM,
            target: sem as u64,
            ..SigEvent::default()
        };
        let chid = pool(4, CHO_CUSTOM_EVENT, event);
        tx.send(chid as u64);
        wait.recv();
        // SAFETY: an initialised semaphore.
        assert_eq!(unsafe { qnx_host::sem::qnx_sem_wait(sem) }, 0);
        let got: Vec<u64> = (0..4).map(|_| receive_soon(chid).pulse().value).collect();
        assert_eq!(got, [1, 2, 3, 4]);
        tx.send(1);
        let disconnect = receive_soon(chid).pulse();
        assert_eq!(disconnect.code, PULSE_CODE_DISCONNECT);
        // SAFETY: no pointers.
        assert_eq!(unsafe { ConnectDetach_r(disconnect.scoid) }, 0);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    for value in 1..=5 {
        assert_eq!(pulse(coid, 10, 1, value), 0);
    }
    go.send(1);
    rx.recv();
    // SAFETY: no pointers.
    assert_eq!(unsafe { ConnectDetach_r(coid) }, 0);
    server.join();
}

/// Without a custom event the owner of an exhausted pool is killed.
#[test]
fn exhausted_pool_kills_its_owner_by_default() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        tx.send(pool(2, 0, SigEvent::default()) as u64);
        sleep_ms(20_000);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    for value in 0..3 {
        pulse(coid, 10, 1, value);
    }
    server.join_killed(libc::SIGKILL);
    eventually("the coid dies", || pulse(coid, 10, 1, 1) == -9);
}

#[test]
fn bad_pool_configurations() {
    init();
    assert_eq!(pool(0, 0, SigEvent::default()), -22);
    let config = ChannelConfig {
        num_pulses: 4,
        rearm_threshold: 5,
        ..ChannelConfig::default()
    };
    // SAFETY: a valid structure, then null.
    unsafe {
        assert_eq!(ChannelCreatePulsePool_r(0, &config), -22);
        assert_eq!(ChannelCreatePulsePool_r(0, core::ptr::null()), -22);
    }
}
