//! Memory and files: `qnx-ipc.md` section 9. Names that Linux's libc has too carry the prefix `qnx_`.

use core::ffi::{CStr, c_char, c_int, c_void};

use super::calls;
use crate::errno::{EOK, Errno};
use crate::types::*;
use crate::{attach, mmap, open_flags, process, shm, shm_handle, sys};

/// `SHM_ANON`.
const SHM_ANON: usize = usize::MAX;

/// # Safety
/// `name` null or a C string.
unsafe fn text<'a>(name: *const c_char) -> Result<&'a CStr, Errno> {
    if (name as usize) < 4096 {
        return Err(Errno::EFAULT);
    }
    // SAFETY: as the caller promises.
    Ok(unsafe { CStr::from_ptr(name) })
}

calls! {
    SYMBOLS;

    /// `shm_open()`: an object by name, or a new one for `SHM_ANON`; a descriptor.
    ["shm_open"] fn qnx_shm_open(name: *const c_char, oflag: c_int, mode: u32) -> c_int = errno {
        if name as usize == SHM_ANON {
            return shm::open_anonymous(oflag, mode);
        }
        // SAFETY: the caller's string.
        let name = unsafe { text(name)? }.to_str().map_err(|_| Errno::EINVAL)?;
        shm::open_named(name, oflag, mode)
    }

    /// `shm_unlink()`.
    ["shm_unlink"] fn qnx_shm_unlink(name: *const c_char) -> c_int = errno {
        // SAFETY: the caller's string.
        let name = unsafe { text(name)? }.to_str().map_err(|_| Errno::EINVAL)?;
        shm::unlink(name).map(|()| EOK)
    }

    /// `shm_ctl()`: sets size and flags of an object, or gets the flags.
    ["shm_ctl"] fn shm_ctl(fd: c_int, flags: c_int, _paddr: u64, size: u64) -> c_int = errno {
        shm::control(fd, flags as u32, size).map(|flags| flags as c_int)
    }

    /// `shm_create_handle()`: a handle for process `pid`.
    ["shm_create_handle"]
    fn shm_create_handle(fd: c_int, pid: c_int, access: c_int, handle: *mut u64, options: u32) -> c_int = errno {
        if handle.is_null() {
            return Err(Errno::EFAULT);
        }
        let made = shm_handle::create(fd, pid, access, options)?;
        // SAFETY: the caller's variable.
        unsafe { handle.write(made) };
        Ok(EOK)
    }

    /// `shm_create_subrange_handle()`: not imitated, a Linux descriptor is for the whole object: `ENOTSUP`.
    ["shm_create_subrange_handle"]
    fn shm_create_subrange_handle(
        _fd: c_int, _pid: c_int, _access: c_int, _handle: *mut u64, _options: u32, _size: usize, _offset: i64
    ) -> c_int = errno {
        Err(Errno::ENOTSUP)
    }

    /// `shm_open_handle()`: opens a handle made for us; a descriptor.
    ["shm_open_handle"] fn shm_open_handle(handle: u64, flags: c_int) -> c_int = errno {
        shm_handle::open(handle, flags, -1, false).map(|fd| fd.into_raw())
    }

    /// `shm_open_handle_pid()`: the same, and its creator must be `pid`.
    ["shm_open_handle_pid"] fn shm_open_handle_pid(handle: u64, flags: c_int, pid: c_int) -> c_int = errno {
        shm_handle::open(handle, flags, pid, false).map(|fd| fd.into_raw())
    }

    /// `shm_delete_handle()`: by its creator or its recipient.
    ["shm_delete_handle"] fn shm_delete_handle(handle: u64) -> c_int = errno {
        shm_handle::delete(handle).map(|()| EOK)
    }

    /// `shm_revoke()`: takes a revocable object's memory away.
    ["shm_revoke"] fn shm_revoke(fd: c_int, pid: c_int) -> c_int = errno {
        shm::revoke(fd, pid).map(|()| EOK)
    }

    /// `mmap()` with QNX's numbers.
    ["mmap"]
    fn qnx_mmap(addr: *mut c_void, len: usize, prot: c_int, flags: c_int, fd: c_int, off: i64) -> *mut c_void = errno {
        mmap::map(addr, len, prot, flags, fd, off)
    }

    /// `munmap()`.
    ["munmap"] fn qnx_munmap(addr: *mut c_void, len: usize) -> c_int = errno {
        // SAFETY: the caller's mapping.
        sys::check(unsafe { libc::munmap(addr, len) })
    }

    /// `mprotect()` with QNX's numbers.
    ["mprotect"] fn qnx_mprotect(addr: *mut c_void, len: usize, prot: c_int) -> c_int = errno {
        let prot = mmap::protection(prot)?;
        // SAFETY: the caller's mapping.
        sys::check(unsafe { libc::mprotect(addr, len, prot) })
    }

    /// `msync()` with QNX's numbers.
    ["msync"] fn qnx_msync(addr: *mut c_void, len: usize, flags: c_int) -> c_int = errno {
        let pairs = [(1, libc::MS_ASYNC), (2, libc::MS_SYNC), (4, libc::MS_INVALIDATE)];
        if flags & !7 != 0 {
            return Err(Errno::EINVAL);
        }
        let linux = pairs.iter().filter(|(flag, _)| flags & flag != 0).fold(0, |all, (_, linux)| all | linux);
        // SAFETY: the caller's mapping.
        sys::check(unsafe { libc::msync(addr, len, linux) })
    }

    /// `fcntl()`: duplicates and flags of a descriptor, in QNX's numbers.
    ["fcntl"] fn qnx_fcntl(fd: c_int, cmd: c_int, arg: c_int) -> c_int = errno {
        open_flags::control(fd, cmd, arg)
    }

    /// `mmap_handle()`: maps the object behind a handle, using the handle up.
    ["mmap_handle"]
    fn mmap_handle(addr: *mut c_void, len: usize, prot: c_int, flags: c_int, handle: u64, off: i64)
        -> *mut c_void = errno {
        mmap::map_handle(addr, len, prot, flags, handle, -1, off)
    }

    /// `mmap_handle_pid()`: the same, and its creator must be `pid`.
    ["mmap_handle_pid"]
    fn mmap_handle_pid(addr: *mut c_void, len: usize, prot: c_int, flags: c_int, handle: u64, pid: c_int, off: i64)
        -> *mut c_void = errno {
        mmap::map_handle(addr, len, prot, flags, handle, pid, off)
    }

    /// `ftruncate()`.
    ["ftruncate"] fn qnx_ftruncate(fd: c_int, size: i64) -> c_int = errno {
        shm::truncate(fd, size).map(|()| EOK)
    }

    /// `fstat()` with QNX's structure.
    ["fstat"] fn qnx_fstat(fd: c_int, status: *mut Stat) -> c_int = errno {
        let image = mmap::status(fd)?;
        if status.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's structure.
        unsafe { status.write(image) };
        Ok(EOK)
    }

    /// `close()`: of a descriptor, or of a connection in the descriptor range.
    ["close"] fn qnx_close(fd: c_int) -> c_int = errno {
        if process::process().coids.get(fd).is_some() {
            return attach::detach(fd).map(|()| EOK);
        }
        // SAFETY: the caller's descriptor.
        sys::check(unsafe { libc::close(fd) })
    }

    /// `open()` of a Linux file with QNX's flags.
    ["open"] fn qnx_open(path: *const c_char, oflag: c_int, mode: u32) -> c_int = errno {
        // SAFETY: the caller's string.
        let path = unsafe { text(path)? };
        let flags = open_flags::to_linux(oflag)?;
        // SAFETY: `path` is a C string.
        sys::check(unsafe { libc::open(path.as_ptr(), flags, mode) })
    }

    /// `read()`.
    ["read"] fn qnx_read(fd: c_int, buf: *mut c_void, len: usize) -> isize = errno {
        // SAFETY: the caller's buffer.
        match unsafe { libc::read(fd, buf, len) } {
            -1 => Err(Errno::last_linux()),
            done => Ok(done),
        }
    }

    /// `write()`.
    ["write"] fn qnx_write(fd: c_int, buf: *const c_void, len: usize) -> isize = errno {
        // SAFETY: the caller's buffer.
        match unsafe { libc::write(fd, buf, len) } {
            -1 => Err(Errno::last_linux()),
            done => Ok(done),
        }
    }
}
