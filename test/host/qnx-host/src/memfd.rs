//! Memory files whose size, or more, nobody can change: what two processes that do not trust each other may share.

use std::ffi::CStr;

use crate::errno::Errno;
use crate::fds::Fd;
use crate::sys::{check, file_size, memfd};

/// Makes an anonymous memory file whose size nobody can change, so that whoever maps it need not fear a fault.
pub fn sealed(name: &CStr, len: u64) -> Result<Fd, Errno> {
    let fd = memfd(name, len)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: plain call on a descriptor that we own.
    check(unsafe { libc::fcntl(fd.raw(), libc::F_ADD_SEALS, seals) })?;
    Ok(fd)
}

/// Fixes the size of a memory file, and that whoever maps it from now on can only read it. Mappings that exist keep their
/// rights. Before Linux 5.1 the size alone is fixed.
pub fn seal_for_readers(fd: &Fd) -> Result<(), Errno> {
    let size = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW;
    let seal = |seals: i32| {
        // SAFETY: plain call on a descriptor that we own.
        check(unsafe { libc::fcntl(fd.raw(), libc::F_ADD_SEALS, seals | libc::F_SEAL_SEAL) })
    };
    seal(size | libc::F_SEAL_FUTURE_WRITE)
        .or_else(|_| seal(size))
        .map(|_| ())
}

/// Checks that memory from another process has `len` bytes at least and keeps them; `EINVAL` if not.
pub fn check_sealed(fd: &Fd, len: u64) -> Result<(), Errno> {
    // SAFETY: plain call on an open descriptor. Fails on what is not a memory file.
    let seals = unsafe { libc::fcntl(fd.raw(), libc::F_GET_SEALS) };
    if seals < 0 || seals & libc::F_SEAL_SHRINK == 0 || file_size(fd.raw())? < len {
        return Err(Errno::EINVAL);
    }
    Ok(())
}
