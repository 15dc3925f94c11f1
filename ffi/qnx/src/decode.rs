//! How C says what went wrong: one small function for each convention.

use core::ffi::{c_int, c_long};

use qnx_sys as sys;

use crate::Errno;

/// An error number out of a kernel's answer, whose sign is documented both ways. Nothing that the kernel may say is lost but a value
/// that fits no errno, which becomes `i32::MAX`.
fn number(value: i64) -> Errno {
    let number = i32::try_from(value.unsigned_abs()).unwrap_or(i32::MAX);
    Errno::from_raw(number).unwrap_or(Errno::EIO)
}

/// `long` of the `MsgSend*_r` family: the server's status, or the negative error.
pub(crate) fn status_r(value: c_long) -> Result<i64, Errno> {
    if value < 0 { Err(number(value)) } else { Ok(value) }
}

/// `int` of `ChannelCreate_r`, `ConnectAttach_r`: an identifier, or the negative error.
pub(crate) fn id_r(value: c_int) -> Result<c_int, Errno> {
    if value < 0 {
        Err(number(value.into()))
    } else {
        Ok(value)
    }
}

/// `ssize_t` of `MsgRead*_r`, `MsgWrite*_r`: bytes moved, or the negative error.
pub(crate) fn count_r(value: isize) -> Result<usize, Errno> {
    usize::try_from(value).map_err(|_| number(value as i64))
}

/// `int` of the calls whose success is `EOK`. Their `_r` forms return the error positive, some older ones negative: both are taken.
pub(crate) fn eok_r(value: c_int) -> Result<(), Errno> {
    if value == 0 {
        Ok(())
    } else {
        Err(number(value.into()))
    }
}

/// `int` of the plain forms: -1 and errno, anything else is success.
pub(crate) fn minus_one(value: c_int) -> Result<c_int, Errno> {
    if value == -1 { Err(last()) } else { Ok(value) }
}

/// `int` that has to be a descriptor or a set of flags: -1 and errno. Another negative value is no answer at all.
pub(crate) fn not_negative(value: c_int) -> Result<c_int, Errno> {
    match minus_one(value)? {
        value if value < 0 => Err(Errno::EIO),
        value => Ok(value),
    }
}

/// This thread's errno, after a plain form returned -1. `EIO` when the call left none.
pub(crate) fn last() -> Errno {
    // SAFETY: takes nothing; always returns this thread's errno.
    let place = unsafe { sys::__get_errno_ptr() };
    // SAFETY: `place` is this thread's errno: valid, aligned, and written by this thread alone.
    let number = unsafe { place.read() };
    Errno::from_raw(number).unwrap_or(Errno::EIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_is_an_error_where_a_value_is_returned() {
        assert_eq!(status_r(7), Ok(7));
        assert_eq!(status_r(0), Ok(0));
        assert_eq!(status_r(-9), Err(Errno::EBADF));
        assert_eq!(id_r(0x4000_0000), Ok(0x4000_0000));
        assert_eq!(id_r(-3), Err(Errno::ESRCH));
        assert_eq!(count_r(12), Ok(12));
        assert_eq!(count_r(-312), Err(Errno::ESRVRFAULT));
    }

    #[test]
    fn both_signs_are_errors_where_success_is_eok() {
        assert_eq!(eok_r(0), Ok(()));
        assert_eq!(eok_r(3), Err(Errno::ESRCH));
        assert_eq!(eok_r(-3), Err(Errno::ESRCH));
    }

    #[test]
    fn absurd_values_stay_errors() {
        assert_eq!(status_r(i64::MIN).map_err(Errno::raw), Err(i32::MAX));
        assert_eq!(eok_r(i32::MIN).map_err(Errno::raw), Err(i32::MAX));
    }
}
