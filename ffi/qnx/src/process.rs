//! What a process knows of itself and of others.

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

/// `open`, `fstat` and `close` of `/proc` - bytes of memory that the process manager has. **Blocks** while it answers.
///
/// # Errors
/// `ENOENT` and the like; `ENOSYS` where it does not say, as on Linux.
///
/// # References
/// None of QNX's: programs that were ported to QNX find it there (V8's `AmountOfPhysicalMemory`).
// ON-TARGET: that st_size of /proc is a number of bytes, and whether of all memory or of what is free; 8.0 has /proc/vm/stats besides.
pub fn system_memory() -> Result<u64, Errno> {
    let mut stat = sys::stat::default();
    // SAFETY: the path is a C string and read during the call only; without O_CREAT there is no third argument.
    let result = unsafe { sys::open(c"/proc".as_ptr(), sys::O_RDONLY | sys::O_CLOEXEC) };
    let fd = decode::not_negative(result)?;
    // SAFETY: libc writes one `stat` to `stat`.
    let result = unsafe { sys::fstat(fd, &mut stat) };
    let told = decode::minus_one(result);
    // SAFETY: the descriptor is ours, and nobody uses it afterwards.
    let _ = unsafe { sys::close(fd) };
    told?;
    match u64::try_from(stat.st_size) {
        Ok(bytes @ 1..) => Ok(bytes),
        _ => Err(Errno::ENOSYS),
    }
}

/// `stat` of `/proc/PID` - the effective user of another process. **Blocks** while the process manager answers.
///
/// Meant for servers: a connection names its server's process, and nothing else says whose that is.
///
/// # Errors
/// `ESRCH` there is no such process; what the process manager says.
///
/// # References
/// QNX 8.0 C Library Reference, `stat()`; Programmer's Guide, processes and `/proc`.
// ON-TARGET: that /proc/PID belongs to the effective user of PID, and that everybody may stat it.
pub fn process_uid(pid: i32) -> Result<i32, Errno> {
    let mut path = *b"/proc/\0\0\0\0\0\0\0\0\0\0\0";
    let mut left = u32::try_from(pid).map_err(|_| Errno::ESRCH)?;
    let mut digits = [0_u8; 10];
    let mut used = 0_usize;
    for digit in &mut digits {
        *digit = b'0'.wrapping_add((left % 10) as u8);
        left /= 10;
        used = used.saturating_add(1);
        if left == 0 {
            break;
        }
    }
    for (to, from) in path.iter_mut().skip(6).zip(digits.iter().take(used).rev()) {
        *to = *from;
    }
    let mut status = sys::stat::default();
    // SAFETY: `path` ends in a 0, since ten digits leave one of its eleven; `status` is ours alone.
    let result = unsafe { sys::stat(path.as_ptr().cast(), &mut status) };
    match decode::minus_one(result) {
        Ok(_) => Ok(status.st_uid),
        Err(Errno::ENOENT) => Err(Errno::ESRCH),
        Err(error) => Err(error),
    }
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
