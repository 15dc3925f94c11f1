//! Buffers in place: bytes of the pool that the program fills before they are sent, or looks at where they arrived.
//!
//! The pool is memory that another process can write. Rust's references promise that nobody does, so the safe methods
//! here copy, and a slice has to be asked for with `unsafe`. In return nothing is copied.

#![allow(unsafe_code)]

use crate::{
    error::{Error, Fault},
    num::{length, short},
    socket::{Filled, Grant, Socket},
    sys::Qnx,
};
use alloc::sync::Arc;
use csock_wire::SharedMem;

/// Bytes of the pool to fill and send. Made by [`crate::TcpStream::reserve`].
///
/// Dropping it without a commit gives the bytes back; nothing is sent then.
#[derive(Debug)]
#[must_use = "nothing is sent before `commit`"]
pub struct ReservedBuf {
    socket: Arc<Socket<Qnx>>,
    grant: Grant,
    done: bool,
}

impl ReservedBuf {
    pub(crate) const fn new(socket: Arc<Socket<Qnx>>, grant: Grant) -> Self {
        Self {
            socket,
            grant,
            done: false,
        }
    }

    /// Length in bytes, exactly what was asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        length(self.grant.len)
    }

    /// False: an empty buffer cannot be reserved.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.grant.len == 0
    }

    /// Where the buffer is. Valid for writes of [`ReservedBuf::len`] bytes while this value lives; null in a child, which
    /// does not have this memory. Whoever writes
    /// through it from C or by a system call needs no more; for Rust's own references see
    /// [`ReservedBuf::as_mut_slice`].
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.socket
            .core()
            .address(self.grant.offset, self.len())
            .unwrap_or(core::ptr::null_mut())
    }

    /// The buffer as a slice. Its content is what was there before: zeros, or old data of this program.
    ///
    /// # Safety
    /// Until the slice is gone nobody else may write to the buffer: no other thread, and not the server, which has
    /// no business there before the commit. A server that breaks that rule makes this undefined behaviour; use it
    /// with a server that you trust with your data anyway.
    #[must_use]
    pub unsafe fn as_mut_slice(&mut self) -> &mut [u8] {
        let (ptr, len) = (self.as_mut_ptr(), self.len());
        if ptr.is_null() {
            return &mut [];
        }
        // SAFETY: the grant is `len` mapped bytes that stay mapped while `self` holds the session; the caller vouches
        // for exclusiveness.
        unsafe { core::slice::from_raw_parts_mut(ptr, len) }
    }

    /// Copies `src` into the buffer, `at` bytes from its start.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it does not fit; [`Error::Forked`] in a child, which does not have this memory.
    pub fn copy_from_slice(&mut self, at: usize, src: &[u8]) -> Result<(), Error> {
        let end = at.checked_add(src.len()).filter(|end| *end <= self.len());
        if end.is_none() {
            let (value, allowed) = (
                crate::num::widen(at.saturating_add(src.len())),
                self.grant.len.into(),
            );
            return Err(Error::Invalid {
                what: "end of the copy",
                value,
                allowed,
            });
        }
        let core = self.socket.core();
        if core.is_foreign() {
            return Err(Error::Forked);
        }
        core.mem
            .copy_out(self.grant.offset.saturating_add(at), src)
            .map_err(|error| Error::ServerFault(Fault::from(error)))?;
        crate::ledger::add(&core.ledger.tx_bytes_copied, src.len());
        Ok(())
    }

    /// Reads from a file descriptor straight into the buffer, `at` bytes from its start: one read(2), nothing copied
    /// by this library. Returns the bytes read; 0 at the end of the file.
    ///
    /// # Errors
    /// Those of read(2), and `InvalidInput` when `at` is past the end.
    #[cfg(feature = "std")]
    pub fn fill_from_fd(&mut self, fd: impl std::os::fd::AsFd, at: usize) -> std::io::Result<usize> {
        use std::os::fd::AsRawFd;
        let Some(room) = self.len().checked_sub(at) else {
            let (value, allowed) = (crate::num::widen(at), self.grant.len.into());
            return Err(Error::Invalid {
                what: "start of the read",
                value,
                allowed,
            }
            .into());
        };
        let to = self.as_mut_ptr();
        if to.is_null() {
            return Ok(0);
        }
        let fd = fd.as_fd();
        // SAFETY: `to + at` has `room` writable bytes, which stay mapped during the call; no reference covers them.
        let n = unsafe { read(fd.as_raw_fd(), to.wrapping_add(at).cast(), room) };
        usize::try_from(n).map_err(|_| std::io::Error::last_os_error())
    }

    /// Sends the first `n` bytes and gives the rest back.
    ///
    /// # Errors
    /// As a write(2). The buffer is gone, and on an error nothing of it is sent.
    pub fn commit(self, n: usize) -> Result<(), Error> {
        self.hand_over(n, false)
    }

    /// As [`ReservedBuf::commit`], but the stack may wait for the next commit before it sends a short segment.
    ///
    /// # Errors
    /// As [`ReservedBuf::commit`].
    pub fn commit_more(self, n: usize) -> Result<(), Error> {
        self.hand_over(n, true)
    }

    fn hand_over(mut self, n: usize, more: bool) -> Result<(), Error> {
        if n == 0 {
            return Ok(());
        }
        self.socket.commit(self.grant.key, short(n), more)?;
        self.done = true;
        Ok(())
    }
}

#[cfg(feature = "std")]
unsafe extern "C" {
    /// read(2) of the platform's libc, for the program's own files.
    fn read(fd: core::ffi::c_int, buffer: *mut core::ffi::c_void, bytes: usize) -> isize;
}

impl Drop for ReservedBuf {
    fn drop(&mut self) {
        if !self.done {
            self.socket.abort(self.grant.key);
        }
    }
}

/// Received bytes, where they lie in the pool. Made by [`crate::TcpStream::recv_in_place`].
///
/// While it lives the buffer is the program's; dropping it gives the buffer back to be filled again. A program that
/// holds all of a connection's buffers receives nothing more.
#[derive(Debug)]
pub struct ReceivedBuf {
    socket: Arc<Socket<Qnx>>,
    filled: Filled,
}

impl ReceivedBuf {
    pub(crate) const fn new(socket: Arc<Socket<Qnx>>, filled: Filled) -> Self {
        Self { socket, filled }
    }

    /// Length in bytes, at least 1.
    #[must_use]
    pub fn len(&self) -> usize {
        length(self.filled.len)
    }

    /// False: there is at least one byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filled.len == 0
    }

    /// Where the bytes are. Valid for reads of [`ReceivedBuf::len`] bytes while this value lives; null in a child.
    #[must_use]
    pub fn as_ptr(&self) -> *const u8 {
        let found = self.socket.core().address(self.filled.offset, self.len());
        found.unwrap_or(core::ptr::null_mut()).cast_const()
    }

    /// The bytes as a slice.
    ///
    /// # Safety
    /// Until the slice is gone nobody may write to the buffer, the server included, which has no business there
    /// before the release. A server that breaks that rule makes this undefined behaviour; use it with a server that
    /// you trust with your data anyway, or copy.
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[u8] {
        let (ptr, len) = (self.as_ptr(), self.len());
        if ptr.is_null() {
            return &[];
        }
        // SAFETY: the buffer is `len` mapped bytes that stay mapped while `self` holds the session; the caller vouches
        // that nobody writes.
        unsafe { core::slice::from_raw_parts(ptr, len) }
    }

    /// Copies bytes from `at` on into `dst`, as many as there are and fit; returns how many.
    pub fn copy_to(&self, at: usize, dst: &mut [u8]) -> usize {
        let n = self.len().saturating_sub(at).min(dst.len());
        let core = self.socket.core();
        let Some(part) = dst.get_mut(..n) else { return 0 };
        // A child has no pool.
        if core.is_foreign()
            || core
                .mem
                .copy_in(self.filled.offset.saturating_add(at), part)
                .is_err()
        {
            return 0;
        }
        crate::ledger::add(&core.ledger.rx_bytes_copied, n);
        n
    }

    /// Gives the buffer back. The same as dropping it.
    pub fn release(self) {}
}

impl Drop for ReceivedBuf {
    fn drop(&mut self) {
        self.socket.release(self.filled.key);
    }
}
