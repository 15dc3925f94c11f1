//! Threads, mutexes and wait queues, with real threads below.

mod fake;

use fake::{
    alone,
    kernel::{KTHREAD_ERROR, LOG, MALLOCS, MUTEXES},
};
use iosock::{Errno, Kthread, Level, LineBuf, Mutex, StopFlag, WaitQueue, log, tunable_int, tunable_str};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

/// Rounds of a race; fewer where each takes long.
const ROUNDS: usize = if cfg!(miri) { 20 } else { 20_000 };

struct Shared {
    queue: WaitQueue,
    rounds: AtomicUsize,
}

fn worker(stop: &StopFlag, arg: usize) {
    // SAFETY: the test keeps it until the thread was joined.
    let shared = unsafe { &*std::ptr::with_exposed_provenance::<Shared>(arg) };
    while !stop.is_set() {
        shared.queue.wait(None);
        shared.rounds.fetch_add(1, SeqCst);
    }
}

fn wake(arg: usize) {
    // SAFETY: as above.
    unsafe { &*std::ptr::with_exposed_provenance::<Shared>(arg) }
        .queue
        .signal();
}

#[test]
fn a_thread_is_stopped_and_joined_by_dropping_it() {
    let _alone = alone();
    let before = (MALLOCS.load(SeqCst), MUTEXES.load(SeqCst));
    let shared = Box::new(Shared {
        queue: WaitQueue::new(c"worker").expect("memory"),
        rounds: AtomicUsize::new(0),
    });
    let arg = (&raw const *shared).expose_provenance();
    let kthread = Kthread::spawn(c"worker", worker, arg, wake).expect("a thread");
    shared.queue.signal();
    while shared.rounds.load(SeqCst) == 0 {
        thread::yield_now();
    }
    kthread.join();
    // At once, before it waits or while it does.
    for _ in 0..20 {
        drop(Kthread::spawn(c"worker", worker, arg, wake).expect("a thread"));
    }
    drop(shared);
    assert_eq!((MALLOCS.load(SeqCst), MUTEXES.load(SeqCst)), before);
}

#[test]
fn a_thread_that_cannot_be_made_leaves_nothing() {
    let _alone = alone();
    let before = (MALLOCS.load(SeqCst), MUTEXES.load(SeqCst));
    KTHREAD_ERROR.store(11, SeqCst);
    assert_eq!(
        Kthread::spawn(c"worker", worker, 0, wake).err(),
        Some(Errno::EAGAIN)
    );
    assert_eq!((MALLOCS.load(SeqCst), MUTEXES.load(SeqCst)), before);
}

#[test]
fn no_signal_is_lost() {
    let _alone = alone();
    let ping = Arc::new(WaitQueue::new(c"ping").expect("memory"));
    let pong = Arc::new(WaitQueue::new(c"pong").expect("memory"));
    let other = {
        let (ping, pong) = (ping.clone(), pong.clone());
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                assert!(ping.wait(Some(10_000)));
                pong.signal();
            }
        })
    };
    for _ in 0..ROUNDS {
        ping.signal();
        assert!(pong.wait(Some(10_000)));
    }
    other.join().expect("every round was played");
    assert!(!ping.wait(Some(0)) && !pong.wait(Some(0)));
}

#[test]
fn signals_before_a_wait_are_one() {
    let _alone = alone();
    let queue = WaitQueue::new(c"queue").expect("memory");
    queue.signal();
    queue.signal();
    assert!(queue.wait(None));
    assert!(!queue.wait(Some(0)));
    let start = Instant::now();
    assert!(!queue.wait(Some(20)));
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_mutex_keeps_others_out() {
    let _alone = alone();
    let before = MUTEXES.load(SeqCst);
    let mut count = Mutex::new(c"count", 0_usize).expect("memory");
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    *count.lock() += 1;
                }
            });
        }
    });
    let held = count.lock();
    assert!(count.try_lock().is_none());
    drop(held);
    assert_eq!(count.try_lock().map(|value| *value), Some(2 * ROUNDS));
    assert_eq!(*count.get_mut(), 2 * ROUNDS);
    drop(count);
    assert_eq!(MUTEXES.load(SeqCst), before);
}

#[test]
fn lines_reach_the_log() {
    let _alone = alone();
    let mut line = LineBuf::<80>::new();
    line.text("session ").dec(3).text(" gone: ").errno(Errno::EPIPE);
    log(Level::Warning, line.as_bytes());
    assert_eq!(
        LOG.lock().expect("a lock").pop().as_deref(),
        Some("4 session 3 gone: EPIPE")
    );
}

#[test]
fn tunables_are_read() {
    let mut value = [0xff; 16];
    assert_eq!(tunable_str(c"csock.tx", &mut value), Some(8));
    assert_eq!(&value[..9], b"zerocopy\0");
    assert_eq!(tunable_str(c"csock.tx", &mut value[..5]), Some(4));
    assert_eq!(tunable_str(c"csock.tx", &mut []), None);
    assert_eq!(tunable_str(c"csock.none", &mut value), None);
    assert_eq!(
        (tunable_int(c"csock.orphan_ms"), tunable_int(c"csock.none")),
        (Some(250), None)
    );
}
