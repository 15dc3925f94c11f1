//! Threads, locks, sleeping, memory, timers.

mod common;
use common::*;
use iosock_kpi::errno::*;
use iosock_kpi::layout::{Callout, Mtx, Task};
use iosock_kpi::thread::{Attached, interrupt};
use iosock_kpi::{callout, log, sleep, taskqueue, thread};
use std::ffi::c_void;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use std::time::{Duration, Instant};

#[test]
fn c_macros_of_locks_and_memory() {
    let bench = bench();
    // SAFETY: functions of the test's own.
    unsafe {
        assert_eq!((t_locks(), t_memory()), (0, 0));
    }
    bench.clean();
}

struct Shared {
    mtx: Mtx,
    counter: u64,
    flag: bool,
}

fn shared() -> Box<Shared> {
    // SAFETY: zeroes are a mutex that is not initialised, 0, and false.
    let mut shared: Box<Shared> = Box::new(unsafe { zeroed() });
    // SAFETY: the mutex stays in its box.
    unsafe { t_mtx_init(&raw mut shared.mtx) };
    shared
}

/// Waits for a kernel thread.
fn join(tid: i32) -> i32 {
    // SAFETY: no value is asked for.
    unsafe { thread::qnx_pthread_join(tid, null_mut()) }
}

static RESULT: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn count_up(arg: *mut c_void) {
    let shared = arg.cast::<Shared>();
    for _ in 0..20_000 {
        // SAFETY: the mutex guards the counter.
        unsafe {
            t_mtx_lock(&raw mut (*shared).mtx);
            (*shared).counter += 1;
            t_mtx_unlock(&raw mut (*shared).mtx);
        }
    }
    thread::kthread_exit();
}

#[test]
fn kernel_threads_exclude_each_other_and_are_joined() {
    let bench = bench();
    let shared = Box::into_raw(shared());
    let tids: Vec<i32> = (0..4)
        .map(|_| {
            let mut tid = 0;
            // SAFETY: the threads are joined before the box goes.
            assert_eq!(unsafe { t_spawn(count_up, shared.cast(), &raw mut tid) }, 0);
            tid
        })
        .collect();
    for tid in &tids {
        assert_eq!(join(*tid), 0);
    }
    assert_eq!(join(tids[0]), ESRCH);
    // SAFETY: the threads are gone.
    unsafe {
        assert_eq!((*shared).counter, 80_000);
        t_mtx_destroy(&raw mut (*shared).mtx);
        drop(Box::from_raw(shared));
    }
    bench.clean();
}

unsafe extern "C" fn sleeper(arg: *mut c_void) {
    let shared = arg.cast::<Shared>();
    // SAFETY: the mutex guards the flag; the channel is its address.
    unsafe {
        t_mtx_lock(&raw mut (*shared).mtx);
        while !(*shared).flag {
            let error = t_msleep((&raw mut (*shared).flag).cast(), &raw mut (*shared).mtx, 0);
            if error != 0 {
                RESULT.store(error as u32, Ordering::Relaxed);
                break;
            }
        }
        (*shared).counter += 1;
        t_mtx_unlock(&raw mut (*shared).mtx);
    }
    thread::kthread_exit();
}

#[test]
fn no_wakeup_is_lost() {
    let bench = bench();
    for _ in 0..300 {
        let shared = Box::into_raw(shared());
        let mut tid = 0;
        // SAFETY: the thread is joined before the box goes.
        unsafe {
            assert_eq!(t_spawn(sleeper, shared.cast(), &raw mut tid), 0);
            t_mtx_lock(&raw mut (*shared).mtx);
            (*shared).flag = true;
            sleep::kpi_wakeup((&raw const (*shared).flag).cast());
            t_mtx_unlock(&raw mut (*shared).mtx);
            assert_eq!(join(tid), 0);
            assert_eq!((*shared).counter, 1);
            t_mtx_destroy(&raw mut (*shared).mtx);
            drop(Box::from_raw(shared));
        }
    }
    bench.clean();
}

/// Sleeps and is woken as often as `counter` says; shows the Linux thread that it is in `tid`.
unsafe extern "C" fn sleep_often(arg: *mut c_void) {
    let shared = arg.cast::<Shared>();
    // SAFETY: the mutex guards the other fields, and the test outlives the thread.
    unsafe {
        t_mtx_lock(&raw mut (*shared).mtx);
        LINUX_ID.store(libc::gettid() as u32, Ordering::Release);
        while (*shared).counter > 0 {
            (*shared).flag = true;
            assert_eq!(
                t_msleep((&raw mut (*shared).flag).cast(), &raw mut (*shared).mtx, 0),
                0
            );
        }
        t_mtx_unlock(&raw mut (*shared).mtx);
    }
    thread::kthread_exit();
}

static LINUX_ID: AtomicU32 = AtomicU32::new(0);

#[test]
fn who_is_woken_under_a_mutex_does_not_run_into_it() {
    const TIMES: u64 = 100;
    let mut woken = 0;
    let bench = bench();
    let shared = Box::into_raw(shared());
    let mut tid = 0;
    // SAFETY: the thread is joined before the box goes, and the mutex guards its fields.
    unsafe {
        (*shared).counter = TIMES;
        assert_eq!(t_spawn(sleep_often, shared.cast(), &raw mut tid), 0);
        wait_until("started", || LINUX_ID.load(Ordering::Acquire) != 0);
        let status = format!("/proc/self/task/{}/status", LINUX_ID.load(Ordering::Acquire));
        let sleeps = || -> u64 {
            let status = std::fs::read_to_string(&status).unwrap();
            let line = status
                .lines()
                .find(|line| line.starts_with("voluntary_ctxt_switches"));
            line.unwrap().split_whitespace().last().unwrap().parse().unwrap()
        };
        let before = sleeps();
        for _ in 0..TIMES {
            wait_until("asleep", || {
                t_mtx_lock(&raw mut (*shared).mtx);
                let asleep = (*shared).flag;
                t_mtx_unlock(&raw mut (*shared).mtx);
                asleep
            });
            // Beyond the time that a sleeper spins.
            std::thread::sleep(Duration::from_millis(1));
            t_mtx_lock(&raw mut (*shared).mtx);
            (*shared).flag = false;
            (*shared).counter -= 1;
            sleep::kpi_wakeup((&raw const (*shared).flag).cast());
            std::thread::sleep(Duration::from_millis(1));
            // It has not left: this is the last round's too.
            woken = sleeps() - before;
            t_mtx_unlock(&raw mut (*shared).mtx);
        }
    }
    assert_eq!(join(tid), 0);
    // Once each, and now and then for a lock of the test's; twice each if it came for the mutex too early.
    assert!(woken < TIMES * 3 / 2, "it slept {woken} times in {TIMES} rounds");
    // SAFETY: the thread is gone.
    unsafe {
        t_mtx_destroy(&raw mut (*shared).mtx);
        drop(Box::from_raw(shared));
    }
    bench.clean();
}

#[test]
fn wakeup_one_wakes_one_and_time_runs_out() {
    let bench = bench();
    let shared = Box::into_raw(shared());
    let channel = shared as usize;
    let done = std::sync::Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let done = done.clone();
            std::thread::spawn(move || {
                let _attached = Attached::new("sleeper", 0, 0);
                // SAFETY: sleeps on an address that nobody writes.
                unsafe { sleep::_sleep(channel as *const c_void, null_mut(), 0, null_mut(), 0, 0, 0) };
                done.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(50));
    sleep::wakeup_one(channel as *const c_void);
    wait_until("woken", || done.load(Ordering::SeqCst) == 1);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(done.load(Ordering::SeqCst), 1);
    sleep::kpi_wakeup(channel as *const c_void);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let start = Instant::now();
    // SAFETY: the mutex is initialised.
    unsafe {
        t_mtx_lock(&raw mut (*shared).mtx);
        assert_eq!(t_msleep(shared.cast(), &raw mut (*shared).mtx, 30), EWOULDBLOCK);
        t_mtx_unlock(&raw mut (*shared).mtx);
        t_mtx_destroy(&raw mut (*shared).mtx);
        drop(Box::from_raw(shared));
    }
    assert!(start.elapsed() >= Duration::from_millis(30));
    // SAFETY: no name.
    let error = unsafe { sleep::pause_sbt(null_mut(), 1 << 24, 0, 0) };
    assert_eq!(error, EWOULDBLOCK);
    bench.clean();
}

#[test]
fn a_signal_ends_an_interruptible_sleep() {
    let bench = bench();
    static SLEEPER: AtomicPtr<iosock_kpi::layout::Thread> = AtomicPtr::new(null_mut());
    let thread = std::thread::spawn(|| {
        let attached = Attached::new("sleeper", 0, 0);
        SLEEPER.store(attached.thread(), Ordering::SeqCst);
        // SAFETY: an address that nobody writes. 0x100 is PCATCH.
        unsafe {
            sleep::_sleep(
                (&raw const SLEEPER).cast(),
                null_mut(),
                0x100,
                null_mut(),
                0,
                0,
                0,
            )
        }
    });
    wait_until("asleep", || !SLEEPER.load(Ordering::SeqCst).is_null());
    // SAFETY: a live thread: it sleeps.
    unsafe { interrupt(SLEEPER.load(Ordering::SeqCst)) };
    assert_eq!(thread.join().unwrap(), EINTR);
    bench.clean();
}

static FIRED: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" fn fire(_arg: *mut c_void) {
    FIRED.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn work(_context: *mut c_void, pending: i32) {
    FIRED.fetch_add(pending as u32, Ordering::SeqCst);
}

#[test]
fn callouts_and_taskqueues() {
    let bench = bench();
    FIRED.store(0, Ordering::SeqCst);
    // SAFETY: the callout is drained, the task has run, before they go.
    unsafe {
        let mut c: Callout = zeroed();
        callout::callout_init(&raw mut c, 1);
        let soon = (1_i64 << 32) / 100;
        assert_eq!(
            callout::callout_reset_sbt_on(&raw mut c, soon, 0, Some(fire), null_mut(), -1, 0),
            0
        );
        wait_until("fired", || FIRED.load(Ordering::SeqCst) == 1);
        callout::callout_reset_sbt_on(&raw mut c, 1 << 36, 0, Some(fire), null_mut(), -1, 0);
        assert_eq!(callout::_callout_stop_safe(&raw mut c, 1, None), 1);
        assert_eq!(callout::_callout_stop_safe(&raw mut c, 1, None), -1);
        assert_eq!(FIRED.load(Ordering::SeqCst), 1);

        let mut task: Task = zeroed();
        task.ta_func = Some(work);
        taskqueue::taskqueue_enqueue(taskqueue::taskqueue_thread, &raw mut task);
        taskqueue::taskqueue_drain(taskqueue::taskqueue_thread, &raw mut task);
        assert_eq!(FIRED.load(Ordering::SeqCst), 2);
    }
    bench.clean();
}

#[test]
fn messages_go_to_the_sink() {
    let bench = bench();
    static LINES: std::sync::Mutex<Vec<(i32, String)>> = std::sync::Mutex::new(Vec::new());
    log::set_sink(Box::new(|level, text| {
        LINES.lock().unwrap().push((level, text.to_owned()))
    }));
    // SAFETY: a C string.
    unsafe { t_say(c"a line 100% plain".as_ptr()) };
    assert!(
        LINES
            .lock()
            .unwrap()
            .contains(&(6, "a line 100% plain\n".to_owned()))
    );
    bench.clean();
}

#[test]
fn symbols_have_names_and_addresses_once() {
    let all = iosock_kpi::symbols();
    let mut names: Vec<_> = all.iter().map(|symbol| symbol.name).collect();
    names.sort_unstable();
    let before = names.len();
    names.dedup();
    assert_eq!(names.len(), before);
    assert!(all.iter().all(|symbol| !symbol.address.is_null()));
    for needed in [
        "socreate",
        "m_extadd",
        "malloc",
        "wakeup",
        "proc0",
        "zone_mbuf",
        "kthread_add",
        "pthread_join",
        "hz",
    ] {
        assert!(names.contains(&needed), "{needed}");
    }
}
