//! Threads: ids, priorities, deaths, locks, and what `pidin` shows.

mod common;
use common::*;
use qnx_host::mutex::*;

fn priority() -> i32 {
    let mut param = SchedParam::default();
    // SAFETY: a valid structure.
    assert!(unsafe { SchedGet_r(0, 0, &mut param) } >= 0);
    param.priority
}

fn set_priority(priority: i32) -> i32 {
    let param = SchedParam {
        priority,
        ..SchedParam::default()
    };
    // SAFETY: a valid structure.
    unsafe { SchedSet_r(0, 0, 2, &param) }
}

/// The receiver takes the sender's priority, up or down, for messages and pulses; not with FIXED_PRIORITY.
#[test]
fn receiver_runs_at_the_senders_priority() {
    init();
    let child = spawn(|| {
        assert_eq!(priority(), 10);
        assert_eq!((set_priority(0), set_priority(256)), (-22, -22));
        for (flags, seen) in [(0, [30, 5, 17]), (CHF_FIXED_PRIORITY, [10, 10, 10])] {
            assert_eq!(set_priority(10), 0);
            let chid = channel(flags);
            let coid = attach(0, chid);
            let sender = std::thread::spawn(move || {
                assert_eq!(set_priority(30), 0);
                send(coid, &[], &mut []);
                assert_eq!(set_priority(5), 0);
                send(coid, &[], &mut []);
                pulse(coid, 17, 1, 1);
            });
            for (expected, sent) in seen.into_iter().zip([30, 5, 17]) {
                let got = receive_soon(chid);
                assert_eq!(priority(), expected);
                if got.rcvid > 0 {
                    assert_eq!(i32::from(got.info.priority), sent);
                    reply(got.rcvid, 0, &[]);
                    assert_eq!(priority(), expected, "not undone by the reply");
                }
            }
            sender.join().expect("sender");
        }
    });
    child.join();
}

/// Small thread ids; THREADDEATH with the id of a thread that has ended; one such channel per process.
#[test]
fn thread_death_pulse() {
    init();
    let child = spawn(|| {
        // SAFETY: no pointers.
        assert_eq!(unsafe { qnx_gettid() }, 1);
        let chid = channel(CHF_THREAD_DEATH);
        // SAFETY: no pointers.
        let second = unsafe { ChannelCreate_r(CHF_THREAD_DEATH) };
        assert_eq!(second, -16);
        // SAFETY: no pointers.
        let tid = std::thread::spawn(|| unsafe { qnx_gettid() })
            .join()
            .expect("thread");
        assert!(tid >= 2);
        let pulse = receive_soon(chid).pulse();
        assert_eq!((pulse.code, pulse.value), (PULSE_CODE_THREADDEATH, tid as u64));
    });
    child.join();
}

fn mutex(kind: i32, robust: i32) -> &'static mut Mutex {
    // SAFETY: a shared page that lives for ever, and valid objects.
    unsafe {
        let flags = MAP_SHARED | MAP_ANON;
        let page =
            qnx_mmap(core::ptr::null_mut(), 4096, PROT_READ | PROT_WRITE, flags, -1, 0).cast::<Mutex>();
        let mut attr = MutexAttr::default();
        assert_eq!(qnx_pthread_mutexattr_init(&mut attr), 0);
        assert_eq!(qnx_pthread_mutexattr_settype(&mut attr, kind), 0);
        assert_eq!(qnx_pthread_mutexattr_setpshared(&mut attr, 1), 0);
        assert_eq!(qnx_pthread_mutexattr_setrobust(&mut attr, robust), 0);
        assert_eq!(qnx_pthread_mutex_init(page, &attr), 0);
        &mut *page
    }
}

/// A robust mutex in shared memory whose owner dies: EOWNERDEAD with the lock held; consistent makes it good again,
/// unlocking without it makes it unusable for ever. Whether somebody waited or not.
#[test]
fn robust_mutex_after_its_owner_died() {
    init();
    for waiting in [false, true] {
        for repair in [true, false] {
            let (mut tx, mut rx) = pipe();
            let lock: *mut Mutex = mutex(0, 0x10);
            let address = lock as usize;
            let owner = spawn(move || {
                // SAFETY: a mutex in memory that both processes share.
                assert_eq!(unsafe { qnx_pthread_mutex_lock(address as *mut Mutex) }, 0);
                tx.send(0);
                sleep_ms(20_000);
            });
            rx.recv();
            // SAFETY: as above.
            assert_eq!(unsafe { qnx_pthread_mutex_trylock(lock) }, 16);
            let killer = std::thread::spawn(move || {
                if waiting {
                    sleep_ms(100);
                }
                owner.kill9();
            });
            if !waiting {
                killer.join().expect("killer");
            }
            // SAFETY: as above.
            unsafe {
                assert_eq!(qnx_pthread_mutex_lock(lock), 58, "waiting {waiting}");
                if repair {
                    assert_eq!(qnx_pthread_mutex_consistent(lock), 0);
                    assert_eq!(qnx_pthread_mutex_consistent(lock), 22);
                }
                assert_eq!(qnx_pthread_mutex_unlock(lock), 0);
                let again = if repair { 0 } else { 95 };
                assert_eq!(qnx_pthread_mutex_lock(lock), again);
                assert_eq!(qnx_pthread_mutex_trylock(lock), if repair { 16 } else { 95 });
            }
        }
    }
}

#[test]
fn kinds_of_mutex() {
    init();
    // SAFETY: initialised mutexes.
    unsafe {
        let lock = mutex(0, 0);
        assert_eq!(qnx_pthread_mutex_unlock(lock), 1);
        assert_eq!(qnx_pthread_mutex_lock(lock), 0);
        assert_eq!(qnx_pthread_mutex_lock(lock), 45);
        assert_eq!(qnx_pthread_mutex_destroy(lock), 16);
        assert_eq!(qnx_pthread_mutex_unlock(lock), 0);
        assert_eq!(qnx_pthread_mutex_destroy(lock), 0);
        let lock = mutex(2, 0);
        assert_eq!(
            [qnx_pthread_mutex_lock(lock), qnx_pthread_mutex_lock(lock)],
            [0, 0]
        );
        assert_eq!(qnx_pthread_mutex_unlock(lock), 0);
        let address = core::ptr::from_mut(lock) as usize;
        let other = std::thread::spawn(move || qnx_pthread_mutex_trylock(address as *mut Mutex));
        assert_eq!(other.join().expect("other"), 16);
        assert_eq!(
            [qnx_pthread_mutex_unlock(lock), qnx_pthread_mutex_unlock(lock)],
            [0, 1]
        );
        // QNX's static initialiser.
        let mut image: [u32; 2] = [0x8000_0000, 0];
        let lock: *mut Mutex = image.as_mut_ptr().cast();
        assert_eq!(qnx_pthread_mutex_lock(lock), 0);
        assert_eq!(qnx_pthread_mutex_unlock(lock), 0);
    }
}

/// States as `pidin` shows them.
#[test]
fn pidin_shows_who_waits_for_whom() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(0);
        tx.send(chid as u64);
        let got = receive(chid);
        assert!(got.rcvid > 0);
        tx.send(0);
        let other = channel(0);
        receive(other);
    });
    let (pid, chid) = (server.pid, rx.recv() as i32);
    let client = spawn(move || {
        let coid = attach(pid, chid);
        std::thread::spawn(move || {
            sleep_ms(300);
            send(coid, &[], &mut []);
        });
        send(coid, &[], &mut []);
    });
    rx.recv();
    let thread = |pid: i32, tid: i32| {
        let all = qnx_host::admin::processes().expect("processes");
        let threads = all.into_iter().find(|process| process.pid == pid)?.threads;
        let thread = threads.into_iter().find(|thread| thread.tid == tid)?;
        Some((thread.state, thread.pid, thread.chid, thread.priority))
    };
    let state = |word: &str, pid, chid| Some((word.to_string(), pid, chid, 10));
    eventually("the server waits in MsgReceive", || {
        thread(server.pid, 1) == state("RECEIVE", 0, 2)
    });
    eventually("one client thread is received", || {
        thread(client.pid, 1) == state("REPLY", pid, chid)
    });
    eventually("the other is not", || {
        thread(client.pid, 2) == state("SEND", pid, chid)
    });
}

/// With `QNX_HOST_RT` a server thread runs at the sender's realtime priority; without the privilege it says so once and
/// goes on. Needs a process of its own: the knob is read once.
#[test]
fn realtime_priorities_are_inherited() {
    if std::env::var_os("QNX_HOST_RT").is_none() {
        let own = std::env::current_exe().expect("own path");
        let mut again = std::process::Command::new(own);
        again
            .args(["realtime_priorities_are_inherited", "--exact", "--nocapture"])
            .env("QNX_HOST_RT", "1");
        assert!(again.status().expect("start").success());
        return;
    }
    init();
    let policy = || {
        let mut param = libc::sched_param { sched_priority: 0 };
        // SAFETY: a valid structure; 0 is the calling thread.
        unsafe {
            (
                libc::sched_getscheduler(0),
                libc::sched_getparam(0, &mut param),
                param.sched_priority,
            )
        }
    };
    let chid = channel(0);
    let coid = attach(0, chid);
    let sender = std::thread::spawn(move || {
        assert_eq!(set_priority(30), 0);
        let own = policy();
        send(coid, &[], &mut []);
        assert_eq!(set_priority(8), 0);
        send(coid, &[], &mut []);
        own
    });
    let got = receive_soon(chid);
    let high = policy();
    reply(got.rcvid, 0, &[]);
    let got = receive_soon(chid);
    assert_eq!(policy(), (libc::SCHED_OTHER, 0, 0));
    reply(got.rcvid, 0, &[]);
    let sender = sender.join().expect("sender");
    assert_eq!(
        high, sender,
        "the receiver took what the sender had, or both were refused"
    );
    assert!(
        matches!(high, (libc::SCHED_RR, 0, 20) | (libc::SCHED_OTHER, 0, 0)),
        "{high:?}"
    );
}
