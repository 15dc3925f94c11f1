//! Calls on descriptors beside those of `memory.rs`: each is a message if the descriptor is a connection, else Linux's own.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};

use libc::iovec;

use super::calls;
use super::guard::Uncancellable;
use crate::errno::{EOK, Errno, set_errno};
use crate::parts::{from_raw, one};
use crate::resmgr::client;
use crate::resmgr::client_io::{self, AT_POSITION};
use crate::types::Stat;
use crate::{mmap, open_flags, process, sys};

/// A count, or Linux's errno.
fn moved(result: isize) -> Result<isize, Errno> {
    if result == -1 {
        Err(Errno::last_linux())
    } else {
        Ok(result)
    }
}

/// An offset that a file can have.
fn position(offset: i64) -> Result<i64, Errno> {
    if offset < 0 {
        Err(Errno::EINVAL)
    } else {
        Ok(offset)
    }
}

/// Status of a path as the resource manager that has attached it gives it; `None`: nobody has.
fn attached_status(path: &CStr) -> Result<Option<Stat>, Errno> {
    path.to_str().map_or(Ok(None), client::status)
}

/// What the C headers for Linux ask: 0 and the status, -1 and errno, or 1 for what is Linux's.
fn status_or_linux(found: Result<Option<Stat>, Errno>, to: *mut Stat) -> c_int {
    match found {
        Ok(None) => 1,
        Ok(Some(image)) => {
            // SAFETY: the caller's structure.
            unsafe { to.write(image) };
            0
        }
        Err(error) => {
            set_errno(error);
            -1
        }
    }
}

/// For `sys/stat.h` on Linux: fstat() of a connection. 1 if the descriptor is none.
///
/// # Safety
/// `status` valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qnx_host_connection_stat(fd: c_int, status: *mut Stat) -> c_int {
    let _off = Uncancellable::begin();
    let found = client::is_connection(fd).then(|| client_io::stat(fd));
    status_or_linux(found.transpose(), status)
}

/// For `sys/stat.h` on Linux: stat() of an attached path. 1 if nobody has attached it.
///
/// # Safety
/// `path` a C string, `status` valid for writing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qnx_host_attached_stat(path: *const c_char, status: *mut Stat) -> c_int {
    let _off = Uncancellable::begin();
    if path.is_null() {
        return 1;
    }
    // SAFETY: the caller's string.
    status_or_linux(attached_status(unsafe { CStr::from_ptr(path) }), status)
}

calls! {
    SYMBOLS;

    /// `lseek()`.
    ["lseek"] fn qnx_lseek(fd: c_int, offset: i64, whence: c_int) -> i64 = errno {
        if client::is_connection(fd) {
            return client_io::lseek(fd, offset, whence);
        }
        // SAFETY: plain call.
        match unsafe { libc::lseek(fd, offset, whence) } {
            -1 => Err(Errno::last_linux()),
            position => Ok(position),
        }
    }

    /// `pread()`.
    ["pread"] fn qnx_pread(fd: c_int, buf: *mut c_void, len: usize, offset: i64) -> isize = errno {
        if client::is_connection(fd) {
            // SAFETY: the caller's buffer.
            return unsafe { client_io::read(fd, &[one(buf, len)], position(offset)?) }.map(|moved| moved as isize);
        }
        // SAFETY: the caller's buffer.
        moved(unsafe { libc::pread(fd, buf, len, offset) })
    }

    /// `pwrite()`.
    ["pwrite"] fn qnx_pwrite(fd: c_int, buf: *const c_void, len: usize, offset: i64) -> isize = errno {
        if client::is_connection(fd) {
            // SAFETY: the caller's buffer.
            return unsafe { client_io::write(fd, &[one(buf, len)], position(offset)?) }.map(|moved| moved as isize);
        }
        // SAFETY: the caller's buffer.
        moved(unsafe { libc::pwrite(fd, buf, len, offset) })
    }

    /// `readv()`.
    ["readv"] fn qnx_readv(fd: c_int, iov: *const iovec, parts: c_int) -> isize = errno {
        let count = usize::try_from(parts).map_err(|_| Errno::EINVAL)?;
        if client::is_connection(fd) {
            // SAFETY: the caller's buffers.
            return unsafe { client_io::read(fd, from_raw(iov, count)?, AT_POSITION) }.map(|moved| moved as isize);
        }
        // SAFETY: the caller's buffers.
        moved(unsafe { libc::readv(fd, iov, parts) })
    }

    /// `writev()`.
    ["writev"] fn qnx_writev(fd: c_int, iov: *const iovec, parts: c_int) -> isize = errno {
        let count = usize::try_from(parts).map_err(|_| Errno::EINVAL)?;
        if client::is_connection(fd) {
            // SAFETY: the caller's buffers.
            return unsafe { client_io::write(fd, from_raw(iov, count)?, AT_POSITION) }.map(|moved| moved as isize);
        }
        // SAFETY: the caller's buffers.
        moved(unsafe { libc::writev(fd, iov, parts) })
    }

    /// `dup()`: a second descriptor for the same open file.
    ["dup"] fn qnx_dup(fd: c_int) -> c_int = errno {
        const DUPLICATE: c_int = 0;
        if client::is_connection(fd) {
            return client::dup(fd, 0, false);
        }
        open_flags::control(fd, DUPLICATE, 0)
    }

    /// `dup2()`: the same under a number of the caller's choice, which is closed first. `EBUSY` if another thread opens
    /// it meanwhile.
    ["dup2"] fn qnx_dup2(fd: c_int, to: c_int) -> c_int = errno {
        if !client::is_connection(fd) {
            sys::file_status(fd)?;
        }
        if fd == to {
            return Ok(to);
        }
        if client::is_connection(to) {
            // As with close(): it is gone whatever its server says.
            let _ = client::close(to);
        }
        process::process().ranges.forget(to);
        if !client::is_connection(fd) {
            // SAFETY: plain call.
            sys::check(unsafe { libc::dup2(fd, to) })?;
            process::process().ranges.duplicated(fd, to);
            return Ok(to);
        }
        if to < 0 {
            return Err(Errno::EBADF);
        }
        // SAFETY: the caller gives the number up.
        unsafe { libc::close(to) };
        let made = client::dup(fd, to, false)?;
        if made != to {
            let _ = client::close(made);
            return Err(Errno::EBUSY);
        }
        Ok(made)
    }

    /// `stat()`: asks the resource manager that has attached the path, else Linux.
    ["stat"] fn qnx_stat(path: *const c_char, status: *mut Stat) -> c_int = errno {
        if path.is_null() || status.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's string.
        let path = unsafe { CStr::from_ptr(path) };
        let image = match attached_status(path)? {
            Some(image) => image,
            None => mmap::status_of(path)?,
        };
        // SAFETY: the caller's structure.
        unsafe { status.write(image) };
        Ok(EOK)
    }

    /// `fchmod()`.
    ["fchmod"] fn qnx_fchmod(fd: c_int, mode: c_uint) -> c_int = errno {
        if client::is_connection(fd) {
            return client_io::chmod(fd, mode).map(|()| EOK);
        }
        // SAFETY: plain call.
        sys::check(unsafe { libc::fchmod(fd, mode) })
    }

    /// `fchown()`.
    ["fchown"] fn qnx_fchown(fd: c_int, uid: c_int, gid: c_int) -> c_int = errno {
        if client::is_connection(fd) {
            return client_io::chown(fd, uid, gid).map(|()| EOK);
        }
        // SAFETY: plain call.
        sys::check(unsafe { libc::fchown(fd, uid as u32, gid as u32) })
    }

    /// `fsync()`.
    ["fsync"] fn qnx_fsync(fd: c_int) -> c_int = errno {
        const O_SYNC: u32 = 0x20;
        if client::is_connection(fd) {
            return client_io::sync(fd, O_SYNC).map(|()| EOK);
        }
        // SAFETY: plain call.
        sys::check(unsafe { libc::fsync(fd) })
    }

    /// `devctl()`: a command to a device. EOK or an error number; errno is not touched.
    ["devctl"]
    fn devctl(fd: c_int, command: c_int, data: *mut c_void, bytes: usize, info: *mut c_int) -> c_int = value {
        // SAFETY: the caller's buffer.
        match unsafe { client_io::devctl(fd, command, data, bytes) } {
            Ok(number) => {
                if !info.is_null() {
                    // SAFETY: the caller's variable.
                    unsafe { info.write(number) };
                }
                EOK
            }
            Err(error) => error.0,
        }
    }
}
