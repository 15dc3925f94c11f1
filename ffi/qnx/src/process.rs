//! This process.

use qnx_sys as sys;

use crate::{Errno, decode};

/// `getpid` - the process id. Does not block, cannot fail.
#[must_use]
pub fn pid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { sys::getpid() }
}

/// `geteuid` - the effective user. Does not block, cannot fail.
#[must_use]
pub fn euid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { sys::geteuid() }
}

/// `getegid` - the effective group. Does not block, cannot fail.
#[must_use]
pub fn egid() -> i32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { sys::getegid() }
}

/// `sysconf(_SC_PAGESIZE)` - bytes of a page: 4096 on x86_64, decided at start on aarch64. Does not block.
///
/// # Errors
/// What libc says; none is expected.
///
/// # References
/// QNX 8.0 C Library Reference, `sysconf()`.
pub fn page_size() -> Result<usize, Errno> {
    // SAFETY: passes a number.
    let bytes = unsafe { sys::sysconf(sys::_SC_PAGESIZE) };
    match usize::try_from(bytes) {
        Ok(bytes) if bytes.is_power_of_two() => Ok(bytes),
        Ok(_) => Err(Errno::EIO),
        Err(_) => Err(decode::last()),
    }
}
