//! mmap and fstat in QNX's numbers and shapes.

use core::ffi::{CStr, c_void};

use crate::errno::Errno;
use crate::process::process;
use crate::shm;
use crate::shm_handle;
use crate::shm_range::Range;
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

/// `mmap()`. `EINVAL` unless exactly one of MAP_SHARED and MAP_PRIVATE is given, or for unknown bits; `EPERM` MAP_PHYS;
/// `ENXIO` beyond the part of an object that `fd` stands for.
pub fn map(
    addr: *mut c_void,
    len: usize,
    prot: i32,
    flags: i32,
    fd: i32,
    off: i64,
) -> Result<*mut c_void, Errno> {
    let process = process();
    let range = if flags & MAP_ANON != 0 {
        None
    } else {
        process.ranges.of(fd)
    };
    let since = process.mappings.before_opening();
    map_part(addr, len, (prot, flags), fd, off, (range, since))
}

/// `range`: the part of the object that may be mapped. `since`: see `Mappings::before_opening`.
fn map_part(
    addr: *mut c_void,
    len: usize,
    (prot, flags): (i32, i32),
    fd: i32,
    off: i64,
    (range, since): (Option<Range>, u64),
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
    let off = match range {
        None => off,
        Some(range) => {
            let offset = u64::try_from(off).map_err(|_| Errno::EINVAL)?;
            range.inner(offset, len as u64).map_err(|_| Errno::ENXIO)?.offset as i64
        }
    };
    let revocable = (fd >= 0).then(|| shm::revocable(fd)).flatten();
    let process = process();
    if revocable.is_some() {
        // Its creator may ask us for it. If that fails, it takes the memory from everybody.
        let _ = process.be_reachable();
    }
    let mut change = process.mappings.change();
    // SAFETY: as for the C function: with MAP_FIXED the caller owns the range, else the kernel chooses.
    let mapped = unsafe { libc::mmap(addr, len, prot, linux, fd, off) };
    if mapped == libc::MAP_FAILED {
        return Err(Errno::last_linux());
    }
    change.removed(mapped, len);
    if flags & MAP_NOINHERIT != 0 || revocable.is_some() {
        // SAFETY: exactly the range just mapped.
        unsafe { libc::madvise(mapped, len, libc::MADV_DONTFORK) };
    }
    if let Some(object) = revocable {
        change.added(fd, object, mapped, len, since);
    }
    Ok(mapped)
}

/// `munmap()`.
///
/// # Safety
/// The range must be the caller's.
pub unsafe fn unmap(addr: *mut c_void, len: usize) -> Result<(), Errno> {
    let mut change = process().mappings.change();
    // SAFETY: as the caller promises.
    sys::check(unsafe { libc::munmap(addr, len) })?;
    change.removed(addr, len);
    Ok(())
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
    let since = process().mappings.before_opening();
    let opened = shm_handle::open(handle, access, creator, true)?;
    map_part(
        addr,
        len,
        (prot, flags),
        opened.object.raw(),
        off,
        (opened.range, since),
    )
}

/// `fstat()` in QNX's structure.
pub fn status(fd: i32) -> Result<Stat, Errno> {
    let linux = sys::file_status(fd)?;
    let size = process()
        .ranges
        .of(fd)
        .map_or(linux.st_size, |range| range.size as i64);
    Ok(Stat {
        mode: shm::visible_mode(fd, linux.st_mode),
        size,
        ..image(&linux)
    })
}

/// `stat()` of a Linux file in QNX's structure.
pub fn status_of(path: &CStr) -> Result<Stat, Errno> {
    // SAFETY: an all-zero stat is valid.
    let mut linux: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: a C string, and a structure that is valid for writing.
    sys::check(unsafe { libc::stat(path.as_ptr(), &mut linux) })?;
    Ok(image(&linux))
}

fn image(linux: &libc::stat) -> Stat {
    Stat {
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
        mode: linux.st_mode,
        nlink: linux.st_nlink as u32,
        blocksize: 512,
        nblocks: linux.st_blocks as i32,
        blksize: linux.st_blksize as u32,
        blocks: linux.st_blocks as u64,
        mtim: [linux.st_mtime, linux.st_mtime_nsec],
        atim: [linux.st_atime, linux.st_atime_nsec],
        ctim: [linux.st_ctime, linux.st_ctime_nsec],
    }
}
