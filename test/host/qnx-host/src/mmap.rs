//! mmap and fstat in QNX's numbers and shapes.

use core::ffi::c_void;
use core::ptr;

use crate::errno::Errno;
use crate::shm;
use crate::shm_handle;
use crate::sys;
use crate::types::*;

/// Linux's protection bits.
pub fn protection(qnx: i32) -> Result<i32, Errno> {
    if qnx & !(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_NOCACHE) != 0 {
        return Err(Errno::EINVAL);
    }
    let pairs = [
        (PROT_READ, libc::PROT_READ),
        (PROT_WRITE, libc::PROT_WRITE),
        (PROT_EXEC, libc::PROT_EXEC),
    ];
    Ok(pairs
        .iter()
        .filter(|(flag, _)| qnx & flag != 0)
        .fold(0, |all, (_, linux)| all | linux))
}

/// `mmap()`. `EINVAL` unless exactly one of MAP_SHARED and MAP_PRIVATE is given, or for unknown bits; `EPERM` MAP_PHYS.
pub fn map(
    addr: *mut c_void,
    len: usize,
    prot: i32,
    flags: i32,
    fd: i32,
    off: i64,
) -> Result<*mut c_void, Errno> {
    let mut linux = match flags & MAP_TYPE {
        MAP_SHARED => libc::MAP_SHARED,
        MAP_PRIVATE => libc::MAP_PRIVATE,
        _ => return Err(Errno::EINVAL),
    };
    if flags & MAP_PHYS != 0 {
        return Err(Errno::EPERM);
    }
    let known = MAP_TYPE | MAP_FIXED | MAP_LAZY | MAP_STACK | MAP_BELOW | MAP_NOINHERIT | MAP_ANON;
    if flags & !known != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & MAP_FIXED != 0 {
        linux |= libc::MAP_FIXED;
    }
    let fd = if flags & MAP_ANON != 0 {
        linux |= libc::MAP_ANONYMOUS;
        -1
    } else {
        fd
    };
    let prot = protection(prot)?;
    // SAFETY: as for the C function: with MAP_FIXED the caller owns the range, else the kernel chooses.
    let mapped = unsafe { libc::mmap(addr, len, prot, linux, fd, off) };
    if mapped == libc::MAP_FAILED {
        return Err(Errno::last_linux());
    }
    let revocable = fd >= 0 && shm::control(fd, SHMCTL_GET_FLAGS, 0).is_ok_and(|f| f & SHMCTL_REVOCABLE != 0);
    if flags & MAP_NOINHERIT != 0 || revocable {
        // SAFETY: exactly the range just mapped.
        unsafe { libc::madvise(mapped, len, libc::MADV_DONTFORK) };
    }
    Ok(mapped)
}

/// `mmap_handle_pid()`: opens the handle with the access that `prot` needs, maps it, and keeps no descriptor.
pub fn map_handle(
    addr: *mut c_void,
    len: usize,
    prot: i32,
    flags: i32,
    handle: u64,
    creator: i32,
    off: i64,
) -> Result<*mut c_void, Errno> {
    let access = match (prot & PROT_READ != 0, prot & PROT_WRITE != 0) {
        (_, false) => O_RDONLY,
        (true, true) => O_RDWR,
        (false, true) => O_WRONLY,
    };
    let fd = shm_handle::open(handle, access, creator, true)?;
    map(
        if addr.is_null() { ptr::null_mut() } else { addr },
        len,
        prot,
        flags,
        fd.raw(),
        off,
    )
}

/// `fstat()` in QNX's structure.
pub fn status(fd: i32) -> Result<Stat, Errno> {
    let linux = sys::file_status(fd)?;
    let mode = shm::visible_mode(fd, linux.st_mode);
    Ok(Stat {
        ino: linux.st_ino,
        size: linux.st_size,
        dev: linux.st_dev as u32,
        rdev: linux.st_rdev as u32,
        uid: linux.st_uid as i32,
        gid: linux.st_gid as i32,
        old_times: [
            linux.st_mtime as u32,
            linux.st_atime as u32,
            linux.st_ctime as u32,
        ],
        mode,
        nlink: linux.st_nlink as u32,
        blocksize: 512,
        nblocks: linux.st_blocks as i32,
        blksize: linux.st_blksize as u32,
        blocks: linux.st_blocks as u64,
        mtim: [linux.st_mtime, linux.st_mtime_nsec],
        atim: [linux.st_atime, linux.st_atime_nsec],
        ctim: [linux.st_ctime, linux.st_ctime_nsec],
    })
}
