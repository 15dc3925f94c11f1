//! What a verb returns: its result, or -1 with errno set.

use crate::error::Error;
use core::ffi::c_int;

unsafe extern "C" {
    #[cfg_attr(any(target_os = "nto", target_os = "qnx"), link_name = "__get_errno_ptr")]
    #[cfg_attr(
        not(any(target_os = "nto", target_os = "qnx")),
        link_name = "__errno_location"
    )]
    safe fn errno_place() -> *mut c_int;
}

// Linux's libc unwinds the frames of a cancelled thread, QNX's leaves them. A build that aborts at a panic has nothing in them that
// could stop an unwinding; a call that is said to unwind it would guard against that.
#[cfg(panic = "abort")]
unsafe extern "C" {
    fn pthread_testcancel();
}
#[cfg(panic = "unwind")]
unsafe extern "C-unwind" {
    fn pthread_testcancel();
}

/// At the beginning of a verb that may wait, and at its end when it has done nothing: a thread that is cancelled ends here.
#[inline]
pub(super) fn cancellation_point() {
    // SAFETY: nothing that needs dropping is alive in the verb: its closure has not begun, or has returned.
    unsafe { pthread_testcancel() };
}

/// Sets errno; returns -1. A wait that ended early may have ended since the thread is cancelled: here nothing is held any more.
fn failed(error: Error) -> c_int {
    if error == Error::Interrupted {
        cancellation_point();
    }
    // SAFETY: libc gives the address of the calling thread's errno.
    unsafe { errno_place().write(error.raw_os_error()) };
    -1
}

/// 0, or -1.
pub(super) fn status(result: Result<(), Error>) -> c_int {
    number(result.map(|()| 0))
}

/// A number that is not negative, or -1.
pub(super) fn number(result: Result<c_int, Error>) -> c_int {
    result.unwrap_or_else(failed)
}

/// A count, or -1.
pub(super) fn count(result: Result<usize, Error>) -> isize {
    match result {
        Ok(n) => isize::try_from(n).unwrap_or(isize::MAX),
        Err(error) => isize::try_from(failed(error)).unwrap_or(-1),
    }
}
