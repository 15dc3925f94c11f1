//! QNX error numbers as C functions answer them.

pub use qnx::Errno;
use std::ffi::c_int;

/// `ENOEXEC`: no file that can be loaded.
pub const ENOEXEC: Errno = match Errno::from_raw(8) {
    Some(error) => error,
    None => Errno::EINVAL,
};

/// A C function's answer: 0 is success, any other number an error.
pub fn check(answer: c_int) -> Result<(), Errno> {
    Errno::from_raw(answer).map_or(Ok(()), Err)
}
