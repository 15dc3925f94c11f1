//! QNX's signal numbers, which differ from Linux's, and sending a signal that carries a value.

use crate::errno::Errno;
use crate::sys;
use crate::thread_block;

/// (QNX, Linux) for the signals that have both a number and a meaning on both.
const PAIRS: [(i32, i32); 28] = [
    (1, libc::SIGHUP),
    (2, libc::SIGINT),
    (3, libc::SIGQUIT),
    (4, libc::SIGILL),
    (5, libc::SIGTRAP),
    (6, libc::SIGABRT),
    (8, libc::SIGFPE),
    (9, libc::SIGKILL),
    (10, libc::SIGBUS),
    (11, libc::SIGSEGV),
    (12, libc::SIGSYS),
    (13, libc::SIGPIPE),
    (14, libc::SIGALRM),
    (15, libc::SIGTERM),
    (16, libc::SIGUSR1),
    (17, libc::SIGUSR2),
    (18, libc::SIGCHLD),
    (19, libc::SIGPWR),
    (20, libc::SIGWINCH),
    (21, libc::SIGURG),
    (22, libc::SIGIO),
    (23, libc::SIGSTOP),
    (24, libc::SIGTSTP),
    (25, libc::SIGCONT),
    (26, libc::SIGTTIN),
    (27, libc::SIGTTOU),
    (28, libc::SIGVTALRM),
    (29, libc::SIGPROF),
];

/// QNX's realtime signals.
const RT_FIRST: i32 = 41;
const RT_LAST: i32 = 56;

/// Linux's number for a QNX signal.
pub fn to_linux(qnx: i32) -> Option<i32> {
    if (RT_FIRST..=RT_LAST).contains(&qnx) {
        let linux = libc::SIGRTMIN() + qnx - RT_FIRST;
        return (linux <= libc::SIGRTMAX()).then_some(linux);
    }
    PAIRS
        .iter()
        .find(|(number, _)| *number == qnx)
        .map(|(_, linux)| *linux)
}

/// Queues a signal with a value to this process, or to one of its threads by QNX id.
pub fn queue(qnx: i32, value: u64, tid: Option<i32>) -> Result<(), Errno> {
    let signal = to_linux(qnx).ok_or(Errno::EINVAL)?;
    let Some(tid) = tid else {
        let value = libc::sigval {
            sival_ptr: value as *mut _,
        };
        // SAFETY: plain call; the value is data to us.
        sys::check(unsafe { libc::sigqueue(sys::pid(), signal, value) })?;
        return Ok(());
    };
    let linux_tid = thread_block::linux_tid(tid).ok_or(Errno::ESRCH)?;
    // SAFETY: plain call; the kernel checks that the thread is ours.
    let result = unsafe { libc::syscall(libc::SYS_tgkill, sys::pid(), linux_tid, signal) };
    sys::check(result as i32).map(|_| ())
}
