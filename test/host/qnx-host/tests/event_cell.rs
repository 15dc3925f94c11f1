//! Registered semaphores that a server posts without the client's kernel thread: `docs/qnx-ipc.md` 7, where
//! MsgDeliverEvent is a kernel call that wakes the waiting thread.

mod common;
mod event_support;
use common::*;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use event_support::*;
use qnx_host::sem::*;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Voluntary context switches of a thread of ours.
fn switches(task: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/self/task/{task}/status")).expect("status");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.expect("a count").trim().parse().expect("a number")
}

/// The stand-in's hidden thread; it gives itself its name when it first runs.
fn kernel_thread() -> String {
    let find = || {
        let tasks = fs::read_dir("/proc/self/task").expect("tasks").flatten();
        let mut names = tasks.map(|task| task.file_name().into_string().expect("a number"));
        names.find(|task| {
            let name = fs::read_to_string(format!("/proc/self/task/{task}/comm"));
            name.is_ok_and(|name| name == "qnx-kernel\n")
        })
    };
    let mut found = None;
    eventually("a kernel thread", || {
        found = find();
        found.is_some()
    });
    // It sleeps before the counting begins.
    sleep_ms(50);
    found.unwrap_or_default()
}

/// The point of it all: 10,000 deliveries wake the kernel thread not once, and the waiting thread at most once each.
#[test]
fn the_kernel_thread_sleeps() {
    const ROUNDS: u64 = 10_000;
    let (server, chid) = server();
    let pid = server.pid;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let sem = new_sem();
        let event = registered(sem, coid);
        assert_eq!(order(coid, &event, 1, false), 0);
        assert_eq!(wait(sem), 0);
        // SAFETY: no preconditions.
        let own = unsafe { libc::gettid() }.to_string();
        let kernel = kernel_thread();
        let before = (switches(&kernel), switches(&own), qnx_host::counters());
        for _ in 0..ROUNDS {
            assert_eq!(pulse(coid, 10, 1, 1), 0);
            assert_eq!(wait(sem), 0);
        }
        let (woken, slept) = (switches(&kernel) - before.0, switches(&own) - before.1);
        let counted = qnx_host::counters().since(&before.2);
        assert_eq!((woken, counted.kthread_wakeups), (0, 0), "the kernel thread");
        assert!(
            slept <= ROUNDS && counted.futex_waits <= ROUNDS,
            "{slept} {counted:?}"
        );
        assert_eq!(value(sem), 0);
    });
    client.join();
}

/// Every call sees posts that no thread has slept for, and none is lost when the event or the semaphore ends.
#[test]
fn posts_count_wherever_they_lie() {
    let (server, chid) = server();
    let pid = server.pid;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let sem = new_sem();
        post(sem);
        let event = registered(sem, coid);
        assert_eq!(value(sem), 1, "what was there before");
        assert_eq!(order(coid, &event, 3, false), 0);
        post(sem);
        assert_eq!(value(sem), 5);
        assert_eq!(
            (try_wait(sem), try_wait(sem), try_wait(sem)),
            (Ok(()), Ok(()), Ok(()))
        );
        assert_eq!(value(sem), 2);
        unregister(&event);
        assert_eq!(value(sem), 2, "delivered before");
        assert_eq!(order(coid, &event, 1, false), 22, "no longer registered");
        assert_eq!((wait(sem), try_wait(sem)), (0, Ok(())));
        assert_eq!(try_wait(sem), Err(11));

        let again = registered(sem, coid);
        let twice = registered(sem, coid);
        assert_eq!(order(coid, &again, 2, false), 0);
        assert_eq!(order(coid, &twice, 1, false), 0);
        for _ in 0..3 {
            assert_eq!(wait_soon(sem), Ok(()), "two events of one semaphore");
        }
        timeout(TIMEOUT_SEM, Duration::from_millis(20));
        assert_eq!((wait(sem), errno()), (-1, 260));
        // SAFETY: ours. The event outlives the first semaphore and posts the one that takes its place.
        unsafe {
            assert_eq!(order(coid, &again, 2, false), 0);
            assert_eq!(qnx_sem_init(sem, 0, 1), 0);
            assert_eq!(value(sem), 1, "made anew");
            assert_eq!(order(coid, &again, 1, false), 0);
            assert_eq!(value(sem), 2);
            assert_eq!(qnx_sem_destroy(sem), 0);
            assert_eq!(qnx_sem_init(sem, 0, 0), 0);
        }
        assert_eq!(order(coid, &again, 1, false), 0);
        assert_eq!(wait_soon(sem), Ok(()));
    });
    client.join();
}

/// A second connection to the same server may deliver as well; another server may not.
#[test]
fn whose_event_it_is() {
    let ((server, chid), (other, other_chid)) = (server(), server());
    let (pid, other_pid) = (server.pid, other.pid);
    let client = spawn(move || {
        let (coid, other) = (attach(pid, chid), attach(other_pid, other_chid));
        let sem = new_sem();
        let event = registered(sem, coid);
        assert_eq!(order(other, &event, 1, false), 13, "another server's");
        assert_eq!(value(sem), 0);
        assert_eq!(order(attach(pid, chid), &event, 1, false), 0);
        assert_eq!(value(sem), 1);
        // SAFETY: no pointers.
        let quiet = unsafe { ConnectAttach_r(0, pid, chid, SIDE, COF_NOEVENT as i32) };
        assert_eq!(order(quiet, &event, 1, false), 13);
        assert_eq!(value(sem), 1);
    });
    client.join();
}

/// Threads that sleep already when the event is registered, and when it ends, are woken by whoever posts next.
#[test]
fn sleepers_change_over() {
    let (server, chid) = server();
    let pid = server.pid;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let sem = new_sem();
        let address = sem as usize;
        let sleeper = || {
            let thread = std::thread::spawn(move || assert_eq!(wait_soon(address as *mut Sem), Ok(())));
            sleep_ms(30);
            thread
        };
        let first = sleeper();
        let event = registered(sem, coid);
        assert_eq!(order(coid, &event, 1, false), 0);
        first.join().expect("woken by the server");
        let second = sleeper();
        post(sem);
        second.join().expect("woken by us");
        let third = sleeper();
        unregister(&event);
        post(sem);
        third.join().expect("woken after the event's end");
        assert_eq!(value(sem), 0);
    });
    client.join();
}

/// A signal handler ends the wait, whatever it asked for: EINTR.
#[test]
fn a_handler_ends_the_wait() {
    let (server, chid) = server();
    let pid = server.pid;
    let client = spawn(move || {
        extern "C" fn nothing(_: i32) {}
        // SAFETY: a handler that does nothing; `signal` gives it SA_RESTART.
        unsafe { libc::signal(libc::SIGUSR1, nothing as *const () as usize) };
        let sem = new_sem();
        registered(sem, attach(pid, chid));
        // SAFETY: no preconditions.
        let own = unsafe { libc::pthread_self() } as usize;
        let done = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&done);
        let other = std::thread::spawn(move || {
            while !seen.load(SeqCst) {
                sleep_ms(20);
                // SAFETY: the thread lives until we are joined.
                unsafe { libc::pthread_kill(own as libc::pthread_t, libc::SIGUSR1) };
            }
        });
        assert_eq!(wait_soon(sem), Err(4));
        done.store(true, SeqCst);
        other.join().expect("signals");
    });
    client.join();
}

/// A semaphore in memory of two processes: the one that did not register the event is woken all the same.
#[test]
fn a_semaphore_of_two_processes() {
    let (server, chid) = server();
    let pid = server.pid;
    // SAFETY: a new mapping that children inherit, large enough.
    let sem = unsafe {
        let both = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        let page = libc::mmap(core::ptr::null_mut(), 4096, both, flags, -1, 0);
        assert_eq!(qnx_sem_init(page.cast(), 1, 0), 0);
        page as usize
    };
    let waiter = spawn(move || assert_eq!(wait_soon(sem as *mut Sem), Ok(())));
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let event = registered(sem as *mut Sem, coid);
        assert_eq!(order(coid, &event, 1, false), 0);
        sleep_ms(5000);
    });
    waiter.join();
    client.kill9();
}

/// A child has its own copy of the semaphore, with what had been posted; later deliveries are its parent's.
#[test]
fn a_fork_copies_the_count() {
    let (server, chid) = server();
    let pid = server.pid;
    let client = spawn(move || {
        let coid = attach(pid, chid);
        let sem = new_sem();
        let event = registered(sem, coid);
        assert_eq!(order(coid, &event, 2, false), 0);
        let (mut tx, mut rx) = pipe();
        let child = spawn(move || {
            rx.recv();
            assert_eq!(value(sem), 2);
            assert_eq!((wait(sem), wait(sem)), (0, 0));
            post(sem);
            assert_eq!((wait(sem), try_wait(sem)), (0, Err(11)));
        });
        assert_eq!(order(coid, &event, 1, false), 0);
        tx.send(0);
        child.join();
        assert_eq!(value(sem), 3);
    });
    client.join();
}

/// Nobody sleeps while there is something to take: several threads wait, one process and its server post. What a machine
/// seldom does between two steps is gone through in `event_cell_model.rs`.
#[test]
fn no_post_is_lost() {
    let (server, chid) = server();
    let pid = server.pid;
    let client = spawn(move || {
        const WAITERS: u64 = 3;
        let coid = attach(pid, chid);
        let sem = new_sem();
        let event = registered(sem, coid);
        let taken = Arc::new(AtomicU64::new(0));
        for _ in 0..WAITERS {
            let (taken, sem) = (Arc::clone(&taken), sem as usize);
            forever(move || {
                loop {
                    assert_eq!(wait(sem as *mut Sem), 0);
                    taken.fetch_add(1, SeqCst);
                }
            });
        }
        let end = Instant::now() + Duration::from_secs(2);
        let (mut posted, mut rounds) = (0, 0u64);
        assert_eq!(order(coid, &event, 1, true), 0);
        posted += 1;
        while Instant::now() < end {
            // One post or a few, from one side or both, and a wait until all are taken: so the waiters are about to sleep.
            for turn in 0..=rounds % 3 {
                if (rounds + turn) % 2 == 0 {
                    post(sem);
                } else {
                    assert_eq!(pulse(coid, 10, 1, 1), 0);
                }
                posted += 1;
            }
            rounds += 1;
            eventually("every post is taken", || taken.load(SeqCst) == posted || spin());
        }
        eventually("every post is taken", || taken.load(SeqCst) == posted);
        assert_eq!(value(sem), 0);
        assert!(rounds > 100, "{rounds}");
    });
    client.join();
}

/// Gives the others a chance before `eventually` sleeps.
fn spin() -> bool {
    std::thread::yield_now();
    false
}

/// A server killed in the middle of its deliveries: what it posted can be taken, and nobody sleeps over a post.
#[test]
fn the_server_is_killed_while_it_delivers() {
    for round in 0..40 {
        let (server, chid) = server();
        let pid = server.pid;
        let client = spawn(move || {
            let coid = attach(pid, chid);
            let sem = new_sem();
            let event = registered(sem, coid);
            assert_eq!(order(coid, &event, ENDLESS, true), 0);
            let mut taken = 0u64;
            while taken < 50 + round * 13 {
                assert_eq!(wait_soon(sem), Ok(()));
                taken += 1;
            }
            // SAFETY: the server's pid; its parent has not waited for it.
            unsafe { libc::kill(pid, libc::SIGKILL) };
            // Down to the last post, and then a wait for nothing.
            loop {
                timeout(TIMEOUT_SEM, Duration::from_millis(30));
                match wait(sem) {
                    0 => taken += 1,
                    _ => break,
                }
            }
            assert_eq!((errno(), value(sem)), (260, 0), "after {taken}");
            unregister(&event);
            post(sem);
            assert_eq!(wait(sem), 0);
        });
        client.join();
        server.join_killed(libc::SIGKILL);
    }
}

/// A killed client: the server is told at once, whether its kernel thread has noticed or not.
#[test]
fn the_client_is_killed() {
    init();
    let chid = channel(CHF_DISCONNECT);
    let pid = std::process::id() as i32;
    for _ in 0..20 {
        let client = spawn(move || {
            let coid = attach(pid, chid);
            let event = registered(new_sem(), coid);
            assert_eq!(order(coid, &event, 1, false), 0);
            sleep_ms(20_000);
        });
        let got = receive_soon(chid);
        // SAFETY: the client sends a whole order.
        let order = unsafe { got.bytes.as_ptr().cast::<Order>().read_unaligned() };
        reply(got.rcvid, 0, &[]);
        // SAFETY: a valid structure.
        let deliver = || unsafe { MsgDeliverEvent_r(got.rcvid, &order.event) };
        assert_eq!((deliver(), deliver()), (0, 0));
        client.kill9();
        assert_eq!(deliver(), 3);
        assert_eq!(receive_soon(chid).pulse().code, PULSE_CODE_DISCONNECT);
        assert_eq!(deliver(), 3);
    }
}
