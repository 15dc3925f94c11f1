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

/// Sets errno; returns -1.
fn failed(error: Error) -> c_int {
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
