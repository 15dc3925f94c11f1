//! Memory and files: `docs/qnx-ipc.md` 9. Names that Linux's libc has too carry the prefix `qnx_`.

use core::ffi::{CStr, c_char, c_int, c_void};

use super::calls;
use crate::errno::{EOK, Errno};
use crate::parts::one;
use crate::resmgr::client::{self, Opened};
use crate::resmgr::client_io::{self, AT_POSITION};
use crate::types::*;
use crate::{mmap, open_flags, process, shm, shm_handle, sys};

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
        let made = shm_handle::create(fd, pid, access, options, None)?;
        // SAFETY: the caller's variable.
        unsafe { handle.write(made) };
        Ok(EOK)
    }

    /// `shm_create_subrange_handle()`: a handle for a part of the object; its recipient can map nothing else by our calls.
    ["shm_create_subrange_handle"]
    fn shm_create_subrange_handle(
        fd: c_int, pid: c_int, access: c_int, handle: *mut u64, options: u32, size: usize, offset: i64
    ) -> c_int = errno {
        if handle.is_null() {
            return Err(Errno::EFAULT);
        }
        let offset = u64::try_from(offset).map_err(|_| Errno::EINVAL)?;
        let made = shm_handle::create(fd, pid, access, options, Some((offset, size as u64)))?;
        // SAFETY: the caller's variable.
        unsafe { handle.write(made) };
        Ok(EOK)
    }

    /// `shm_open_handle()`: opens a handle made for us; a descriptor.
    ["shm_open_handle"] fn shm_open_handle(handle: u64, flags: c_int) -> c_int = errno {
        shm_handle::open_descriptor(handle, flags, -1)
    }

    /// `shm_open_handle_pid()`: the same, and its creator must be `pid`.
    ["shm_open_handle_pid"] fn shm_open_handle_pid(handle: u64, flags: c_int, pid: c_int) -> c_int = errno {
        shm_handle::open_descriptor(handle, flags, pid)
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
        unsafe { mmap::unmap(addr, len) }.map(|()| EOK)
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
        if client::is_connection(fd) {
            return client_io::control(fd, cmd, arg);
        }
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
        let image = if client::is_connection(fd) { client_io::stat(fd)? } else { mmap::status(fd)? };
        if status.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's structure.
        unsafe { status.write(image) };
        Ok(EOK)
    }

    /// `close()`: of a descriptor, or of a connection in the descriptor range.
    ["close"] fn qnx_close(fd: c_int) -> c_int = errno {
        if client::is_connection(fd) {
            return client::close(fd).map(|()| EOK);
        }
        process::process().ranges.forget(fd);
        // SAFETY: the caller's descriptor.
        sys::check(unsafe { libc::close(fd) })
    }

    /// `open()` with QNX's flags: of a path that a resource manager has attached, else of a Linux file.
    ["open"] fn qnx_open(path: *const c_char, oflag: c_int, mode: u32) -> c_int = errno {
        // SAFETY: the caller's string.
        let path = unsafe { text(path)? };
        let flags = open_flags::to_linux(oflag)?;
        let refused = match path.to_str().map_or(Ok(Opened::Below(None)), |path| client::open(path, oflag, mode))? {
            Opened::Fd(fd) => return Ok(fd),
            Opened::Below(refused) => refused,
        };
        // SAFETY: `path` is a C string.
        sys::check(unsafe { libc::open(path.as_ptr(), flags, mode) }).map_err(|error| match error {
            Errno::ENOENT => refused.unwrap_or(error),
            other => other,
        })
    }

    /// `read()`.
    ["read"] fn qnx_read(fd: c_int, buf: *mut c_void, len: usize) -> isize = errno {
        if client::is_connection(fd) {
            // SAFETY: the caller's buffer.
            return unsafe { client_io::read(fd, &[one(buf, len)], AT_POSITION) }.map(|moved| moved as isize);
        }
        // SAFETY: the caller's buffer.
        match unsafe { libc::read(fd, buf, len) } {
            -1 => Err(Errno::last_linux()),
            done => Ok(done),
        }
    }

    /// `write()`.
    ["write"] fn qnx_write(fd: c_int, buf: *const c_void, len: usize) -> isize = errno {
        if client::is_connection(fd) {
            // SAFETY: the caller's buffer.
            return unsafe { client_io::write(fd, &[one(buf, len)], AT_POSITION) }.map(|moved| moved as isize);
        }
        // SAFETY: the caller's buffer.
        match unsafe { libc::write(fd, buf, len) } {
            -1 => Err(Errno::last_linux()),
            done => Ok(done),
        }
    }
}
