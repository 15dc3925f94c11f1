//! Private pulse pools: `docs/qnx-ipc.md` 2, `ChannelCreatePulsePool`, and how pulses fill a channel (section 5).

mod common;
use common::*;

fn semaphore() -> *mut core::ffi::c_void {
    let sem: *mut u64 = Box::leak(Box::new(0u64));
    // SAFETY: eight bytes that live for ever.
    assert_eq!(unsafe { qnx_host::sem::qnx_sem_init(sem.cast(), 0, 0) }, 0);
    sem.cast()
}

fn count(sem: *mut core::ffi::c_void) -> i32 {
    let mut value = -1;
    // SAFETY: an initialised semaphore.
    let got = unsafe { qnx_host::sem::qnx_sem_getvalue(sem.cast(), &mut value) };
    assert_eq!(got, 0);
    value
}

/// A channel with a pool of `num` pulses; `sem` gets a post when it runs out, without one the process is killed.
fn pooled(num: u32, rearm: u32, sem: Option<*mut core::ffi::c_void>) -> i32 {
    let event = SigEvent {
        notify: if sem.is_some() { SIGEV_SEM } else { 0 },
        target: sem.map_or(0, |sem| sem as u64),
        ..SigEvent::default()
    };
    let config = ChannelConfig {
        event,
        num_pulses: num,
        rearm_threshold: rearm,
        options: if sem.is_some() { CHO_CUSTOM_EVENT } else { 0 },
        reserved: [0; 3],
    };
    // SAFETY: a valid structure.
    let chid = unsafe { ChannelCreatePulsePool_r(0, &config) };
    assert!(chid > 0, "ChannelCreatePulsePool {chid}");
    chid
}

/// docs/qnx-ipc.md 5: identical queued pulses are one entry with a count, so a small pool holds any number of them, and each
/// is delivered.
#[test]
fn identical_pulses_take_one_entry() {
    init();
    let (mut tx, mut rx) = pipe();
    let (mut go, mut wait) = pipe();
    let server = spawn(move || {
        let chid = pooled(2, 1, None);
        tx.send(chid as u64);
        wait.recv();
        for _ in 0..500 {
            assert_eq!(receive_soon(chid).pulse().value, 1);
        }
        for _ in 0..500 {
            assert_eq!(receive_soon(chid).pulse().value, 2);
        }
        assert_empty(chid);
    });
    let coid = attach(server.pid, rx.recv() as i32);
    for value in [1, 2] {
        for _ in 0..500 {
            assert_eq!(pulse(coid, 10, 1, value), 0);
        }
    }
    go.send(0);
    server.join();
}

/// docs/qnx-ipc.md 5: a pulse that differs in code, value, priority or sender is another entry: the pool counts it.
#[test]
fn different_pulses_take_an_entry_each() {
    init();
    let sem = semaphore();
    let chid = pooled(4, 4, Some(sem));
    let coid = attach(0, chid);
    for (priority, code, value) in [(10, 1, 1), (11, 1, 1), (10, 2, 1), (10, 1, 2)] {
        assert_eq!(pulse(coid, priority, code, value), 0);
    }
    assert_eq!(pulse(coid, 10, 1, 2), 0, "joins an entry");
    // Pulses are collected from their senders when somebody receives.
    let first = receive_soon(chid).pulse();
    assert_eq!((first.code, first.value), (1, 1), "priority 11 comes first");
    assert_eq!(count(sem), 0, "four entries fitted");
    let rest: Vec<_> = (0..4)
        .map(|_| receive_soon(chid).pulse())
        .map(|pulse| (pulse.code, pulse.value))
        .collect();
    assert_eq!(rest, [(1, 1), (2, 1), (1, 2), (1, 2)]);
    assert_empty(chid);
}

/// docs/qnx-ipc.md 2: the custom event is raised once and again only after it was re-armed by rearm_threshold free entries.
#[test]
fn the_event_comes_once_until_rearmed() {
    init();
    let sem = semaphore();
    let chid = pooled(4, 2, Some(sem));
    let coid = attach(0, chid);
    let fill = |from: i64, to: i64| {
        for value in from..=to {
            assert_eq!(pulse(coid, 10, 1, value), 0);
        }
    };
    fill(1, 8);
    assert_eq!(receive_soon(chid).pulse().value, 1);
    assert_eq!(count(sem), 1, "once for four overflows");
    // One free entry is under the threshold: the next overflow is silent.
    fill(9, 10);
    assert_eq!(receive_soon(chid).pulse().value, 2);
    assert_eq!(count(sem), 1);
    assert_eq!(receive_soon(chid).pulse().value, 3);
    // ON-TARGET: the exact re-arm rule of ChannelCreatePulsePool.
    fill(11, 16);
    assert!(receive_soon(chid).rcvid == 0);
    assert_eq!(count(sem), 2, "armed again by two free entries");
    while {
        timeout(TIMEOUT_RECEIVE, core::time::Duration::ZERO);
        receive(chid).rcvid == 0
    } {}
    fill(20, 23);
    let last: Vec<u64> = (0..4).map(|_| receive_soon(chid).pulse().value).collect();
    assert_eq!(last, [20, 21, 22, 23], "an emptied pool is as good as new");
    assert_eq!(count(sem), 2);
}

/// docs/qnx-ipc.md 2 (M): without a custom event the owner is killed also when several clients fill the pool together.
#[test]
fn exhaustion_by_several_clients_kills_the_owner() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = pooled(3, 1, None);
        tx.send(chid as u64);
        // A message is what it waits for; pulses are judged on the way.
        sleep_ms(500);
        receive(chid);
        sleep_ms(20_000);
    });
    let (pid, chid) = (server.pid, rx.recv() as i32);
    let clients: Vec<_> = (0..5)
        .map(|value| {
            spawn(move || {
                let coid = attach(pid, chid);
                assert_eq!(pulse(coid, 10, 1, value), 0);
                sleep_ms(20_000);
            })
        })
        .collect();
    server.join_killed(libc::SIGKILL);
    drop(clients);
}

/// docs/qnx-ipc.md 2 (M): a channel without a pool takes pulses into memory: none of very many different ones is lost.
#[test]
fn without_a_pool_pulses_take_memory() {
    init();
    const COUNT: u64 = 50_000;
    let chid = channel(0);
    let coid = attach(0, chid);
    for value in 0..COUNT {
        assert_eq!(pulse(coid, 10, 1, value as i64), 0);
    }
    for value in 0..COUNT {
        assert_eq!(receive(chid).pulse().value, value);
    }
    assert_empty(chid);
}
