//! futex(2) on private words.

use std::sync::atomic::{AtomicU32, AtomicUsize};
use std::time::Duration;

/// Waits while `*word == expected`, at most `limit`. May come back early. `false`: time is up.
pub(crate) fn wait(word: &AtomicU32, expected: u32, limit: Option<Duration>) -> bool {
    let ts = limit.map(|d| libc::timespec {
        tv_sec: d.as_secs() as libc::time_t,
        tv_nsec: d.subsec_nanos() as libc::c_long,
    });
    let ts = ts.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the word and the time are alive during the call.
    let r = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG,
            expected,
            ts,
        )
    };
    !(r == -1 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ETIMEDOUT))
}

/// Wakes at most `count` waiters.
pub(crate) fn wake(word: &AtomicU32, count: i32) {
    // SAFETY: the word is alive; even if nobody waits any more the kernel only compares addresses.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            count,
        )
    };
}

/// The half of a lock word that changes with its owner and its flag bits: futexes are 32 bits wide.
pub(crate) fn low_half(word: &AtomicUsize) -> &AtomicU32 {
    const { assert!(cfg!(target_endian = "little") && size_of::<usize>() == 8) };
    // SAFETY: the low half of a little-endian word lies at its address; both views are atomic.
    unsafe { &*std::ptr::from_ref(word).cast::<AtomicU32>() }
}
