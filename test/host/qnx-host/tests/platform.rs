//! What programs need around the messages: scheduling, clocks, locks, ids and files in QNX's numbers. `docs/qnx-ipc.md` 9.4, 12.

mod common;
use common::*;
use core::ptr;
use qnx_host::mutex::*;
use qnx_host::sem::*;
use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

fn result(value: i32) -> Result<i32, i32> {
    if value == -1 { Err(errno()) } else { Ok(value) }
}

fn time(clock: i32) -> libc::timespec {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: a valid structure.
    assert_eq!(unsafe { qnx_clock_gettime(clock, &mut time) }, 0);
    time
}

fn soon(clock: i32) -> libc::timespec {
    let mut at = time(clock);
    at.tv_nsec += 40_000_000;
    if at.tv_nsec >= 1_000_000_000 {
        (at.tv_sec, at.tv_nsec) = (at.tv_sec + 1, at.tv_nsec - 1_000_000_000);
    }
    at
}

/// 12: SchedGet gives the policy (RR is 2) and the priority, SchedSet takes 1 to 255, SchedInfo tells the range and where
/// privilege begins.
#[test]
fn priorities_and_policies() {
    init();
    let child = spawn(|| {
        let mut param = SchedParam::default();
        // SAFETY: valid structures and null.
        unsafe {
            assert_eq!((SchedGet(0, 0, &mut param), param.priority), (2, 10));
            assert_eq!(SchedGet_r(0, 0, ptr::null_mut()), 2);
            assert_eq!(SchedGet_r(0, 4711, &mut param), -3);
            for priority in [1, 63] {
                let wanted = SchedParam { priority, ..param };
                assert_eq!(SchedSet_r(0, 0, 2, &wanted), 0);
                assert_eq!((SchedGet_r(0, 0, &mut param), param.priority), (2, priority));
                assert_eq!(param.curpriority, priority);
            }
            for (policy, priority) in [(2, 0), (2, -1), (2, 256), (77, 10)] {
                let wanted = SchedParam { priority, ..param };
                assert_eq!(SchedSet_r(0, 0, policy, &wanted), -22, "{policy} {priority}");
            }
            assert_eq!((SchedSet(0, 0, 2, ptr::null()), errno()), (-1, 14));
            assert_eq!(SchedGet_r(0, 0, &mut param), 2);
            assert_eq!(param.priority, 63, "nothing of that was taken");
            let mut range = SchedInfoData::default();
            assert_eq!(SchedInfo_r(0, 2, &mut range), 0);
            assert_eq!((range.priority_min, range.priority_max), (1, 255));
            assert_eq!(range.priority_priv, 64);
            assert_eq!(SchedInfo_r(0, 77, &mut range), -22);
            assert_eq!((SchedInfo(0, 2, ptr::null_mut()), errno()), (-1, 14));
        }
    });
    child.join();
}

/// 12: ThreadCtl RUNMASK (4) binds the calling thread to CPUs; what is not imitated is told as ENOTSUP.
#[test]
fn the_cpu_mask_of_a_thread() {
    init();
    let thread = std::thread::spawn(|| {
        let first = ptr::without_provenance_mut(1);
        // SAFETY: the mask is passed as the pointer; a valid set to read back.
        unsafe {
            assert_eq!(ThreadCtl_r(4, first), 0);
            let mut set: libc::cpu_set_t = core::mem::zeroed();
            libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set);
            assert_eq!((libc::CPU_COUNT(&set), libc::CPU_ISSET(0, &set)), (1, true));
            assert_eq!(ThreadCtl_r(4, ptr::null_mut()), -22, "no CPU at all");
            assert_eq!((ThreadCtl(99, ptr::null_mut()), errno()), (-1, 48));
        }
    });
    thread.join().expect("thread");
}

/// 12: clocks 0, 2, 3, 4; ClockTime reads in nanoseconds, ClockCycles goes forward at the rate that is told.
#[test]
fn clocks() {
    init();
    assert!(time(CLOCK_REALTIME).tv_sec > 1_500_000_000);
    // SAFETY: valid variables, or null where it is told.
    unsafe {
        for clock in [CLOCK_REALTIME, CLOCK_MONOTONIC, 3, 4] {
            let mut now = 0;
            assert_eq!(ClockTime_r(clock, ptr::null(), &mut now), 0);
            let same = time(clock);
            let ns = same.tv_sec as u64 * 1_000_000_000 + same.tv_nsec as u64;
            assert!(ns >= now && ns - now < 1_000_000_000, "clock {clock}");
        }
        assert_eq!(ClockTime_r(77, ptr::null(), ptr::null_mut()), -22);
        assert_eq!((ClockTime(CLOCK_REALTIME, &1, ptr::null_mut()), errno()), (-1, 1));
        assert_eq!(
            (qnx_clock_gettime(CLOCK_REALTIME, ptr::null_mut()), errno()),
            (-1, 14)
        );
        let (cycles, start) = (ClockCycles(), Instant::now());
        let nap = libc::timespec {
            tv_sec: 0,
            tv_nsec: 30_000_000,
        };
        assert_eq!(qnx_nanosleep(&nap, ptr::null_mut()), 0);
        let (passed, cycles) = (start.elapsed(), ClockCycles() - cycles);
        assert!(passed >= Duration::from_millis(30));
        let counted = cycles as f64 / qnx_cycles_per_sec as f64;
        assert!(
            (counted - passed.as_secs_f64()).abs() < 0.01,
            "{counted} {passed:?}"
        );
    }
}

/// 12 and 0.2: ids are Linux's, uid and gid signed; sysconf knows the page size and refuses what it does not know.
#[test]
fn ids_and_the_system() {
    init();
    // SAFETY: no preconditions.
    unsafe {
        assert_eq!(qnx_getpid(), std::process::id() as i32);
        let ours = [qnx_getuid(), qnx_geteuid(), qnx_getgid(), qnx_getegid()];
        let linux = [libc::getuid(), libc::geteuid(), libc::getgid(), libc::getegid()];
        assert_eq!(ours, linux.map(|id| id as i32));
        assert_eq!(qnx_sched_yield(), 0);
        assert_eq!(qnx_sysconf(11), libc::sysconf(libc::_SC_PAGESIZE));
        assert_eq!(
            (qnx_sysconf(30), errno()),
            (-1, 22),
            "Linux's number of the page size"
        );
        let text = |number| CStr::from_ptr(qnx_strerror(number)).to_owned();
        let all = [0, 22, 260, 312, 4711].map(text);
        for (index, one) in all.iter().enumerate() {
            assert!(!one.is_empty() && !all[..index].contains(one), "{all:?}");
        }
    }
}

/// 12: semaphores of 8 bytes: count, EAGAIN, EBUSY, EINVAL, and ETIMEDOUT on either clock.
#[test]
fn semaphores() {
    init();
    let sem: *mut u64 = Box::leak(Box::new(0u64));
    let sem = sem.cast::<Sem>();
    let mut value = -1;
    // SAFETY: eight bytes that live for ever, valid times, or null where it is told.
    unsafe {
        assert_eq!(result(qnx_sem_init(sem, 0, 0x8000_0000)), Err(22));
        assert_eq!(qnx_sem_init(sem, 0, 1), 0);
        assert_eq!(
            (qnx_sem_post(sem), qnx_sem_getvalue(sem, &mut value), value),
            (0, 0, 2)
        );
        assert_eq!([qnx_sem_wait(sem), qnx_sem_trywait(sem)], [0, 0]);
        assert_eq!(result(qnx_sem_trywait(sem)), Err(11));
        let start = Instant::now();
        assert_eq!(result(qnx_sem_timedwait(sem, &soon(CLOCK_REALTIME))), Err(260));
        let until = soon(CLOCK_MONOTONIC);
        assert_eq!(result(qnx_sem_timedwait_monotonic(sem, &until)), Err(260));
        assert!(start.elapsed() >= Duration::from_millis(70));
        assert_eq!(result(qnx_sem_timedwait(sem, ptr::null())), Err(22));
        assert_eq!(result(qnx_sem_timedwait_monotonic(sem, ptr::null())), Err(22));
        assert_eq!(result(qnx_sem_wait(ptr::null_mut())), Err(22));
        let address = sem as usize;
        let waiter = std::thread::spawn(move || qnx_sem_wait(address as *mut Sem));
        eventually("it is waited for", || result(qnx_sem_destroy(sem)) == Err(16));
        assert_eq!(qnx_sem_post(sem), 0);
        assert_eq!(waiter.join().expect("waiter"), 0);
        assert_eq!(qnx_sem_destroy(sem), 0);
    }
}

/// 12: a semaphore and a mutex in shared memory work between processes, mutexes of every protocol; timedlock gives up with
/// ETIMEDOUT as its result.
#[test]
fn locks_between_processes() {
    init();
    // SAFETY: a shared page that lives for ever; a semaphore and a mutex in it.
    let (sem, lock) = unsafe {
        let flags = MAP_SHARED | MAP_ANON;
        let page = qnx_mmap(ptr::null_mut(), 4096, PROT_READ | PROT_WRITE, flags, -1, 0);
        let (sem, lock) = (page.cast::<Sem>(), page.cast::<Mutex>().add(1));
        assert_eq!(qnx_sem_init(sem, 1, 0), 0);
        let mut attr = MutexAttr::default();
        assert_eq!(qnx_pthread_mutexattr_init(&mut attr), 0);
        for protocol in [1, 2, 0] {
            assert_eq!(qnx_pthread_mutexattr_setprotocol(&mut attr, protocol), 0);
        }
        assert_eq!(qnx_pthread_mutexattr_setprotocol(&mut attr, 3), 22);
        assert_eq!(qnx_pthread_mutexattr_settype(&mut attr, 4), 22);
        assert_eq!(qnx_pthread_mutexattr_setpshared(&mut attr, 2), 22);
        assert_eq!(
            qnx_pthread_mutexattr_setrobust(&mut attr, 1),
            22,
            "Linux's number"
        );
        assert_eq!(qnx_pthread_mutex_init(lock, &attr), 0);
        assert_eq!(qnx_pthread_mutexattr_destroy(&mut attr), 0);
        (sem as usize, lock as usize)
    };
    // SAFETY: as above, in both processes.
    unsafe {
        assert_eq!(qnx_pthread_mutex_lock(lock as *mut Mutex), 0);
        let child = spawn(move || {
            let lock = lock as *mut Mutex;
            assert_eq!(qnx_pthread_mutex_trylock(lock), 16);
            assert_eq!(qnx_pthread_mutex_timedlock(lock, &soon(CLOCK_REALTIME)), 260);
            assert_eq!(qnx_pthread_mutex_timedlock(lock, ptr::null()), 22);
            assert_eq!(qnx_sem_post(sem as *mut Sem), 0);
            assert_eq!(qnx_pthread_mutex_lock(lock), 0);
            assert_eq!(qnx_pthread_mutex_unlock(lock), 0);
        });
        assert_eq!(qnx_sem_wait(sem as *mut Sem), 0);
        assert_eq!(qnx_pthread_mutex_unlock(lock as *mut Mutex), 0);
        child.join();
        assert_eq!(qnx_pthread_mutex_destroy(lock as *mut Mutex), 0);
    }
}

/// 9.4: files by open, read, write, fcntl and close in QNX's numbers; Linux's are refused.
#[test]
fn files_in_qnx_numbers() {
    init();
    let path = std::env::temp_dir().join(format!("qnx-host-file-{}", std::process::id()));
    let name = CString::new(path.to_str().expect("text")).expect("path");
    let mut bytes = [0u8; 8];
    // SAFETY: a C string and valid buffers.
    unsafe {
        let open = |flags| result(qnx_open(name.as_ptr(), flags, 0o600));
        assert_eq!(open(O_RDWR), Err(2));
        assert_eq!(open(7), Err(22), "no such access mode");
        let fd = open(O_RDWR | O_CREAT | O_EXCL).expect("create");
        assert_eq!(open(O_RDWR | O_CREAT | O_EXCL), Err(17));
        assert_eq!(qnx_write(fd, b"12345678".as_ptr().cast(), 8), 8);
        let again = open(O_RDONLY | O_CLOEXEC).expect("open");
        assert_eq!(qnx_read(again, bytes.as_mut_ptr().cast(), 8), 8);
        assert_eq!(&bytes, b"12345678");
        assert_eq!((qnx_read(-1, bytes.as_mut_ptr().cast(), 8), errno()), (-1, 9));
        assert_eq!((qnx_write(again, bytes.as_ptr().cast(), 8), errno()), (-1, 9));
        let fcntl = |cmd, arg| result(qnx_fcntl(again, cmd, arg));
        assert_eq!(fcntl(1, 0), Ok(1), "close-on-exec");
        assert_eq!((fcntl(2, 0), fcntl(1, 0)), (Ok(0), Ok(0)));
        assert_eq!(fcntl(4, O_NONBLOCK), Ok(0));
        assert_eq!(fcntl(3, 0), Ok(O_RDONLY | O_NONBLOCK), "QNX's numbers back");
        let copy = fcntl(0, 100).expect("F_DUPFD");
        assert!(copy >= 100);
        assert_eq!(result(qnx_fcntl(copy, 77, 0)), Err(22));
        assert_eq!([qnx_close(copy), qnx_close(again), qnx_close(fd)], [0; 3]);
        assert_eq!(result(qnx_close(fd)), Err(9));
    }
    std::fs::remove_file(path).expect("file");
}
