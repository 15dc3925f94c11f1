//! Buffers in place: bytes of the pool that the program fills before they are sent, or looks at where they arrived.
//!
//! The pool is memory that another process can write. Rust's references promise that nobody does, so the safe methods
//! here copy, and a slice has to be asked for with `unsafe`. In return nothing is copied.

#![allow(unsafe_code)]

use crate::{
    error::{Error, Fault},
    num::{length, short},
    session::Core,
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
    /// Bytes from the start that the program has written.
    filled: usize,
    /// Of these, bytes that this library copied.
    copied: usize,
    done: bool,
}

impl ReservedBuf {
    pub(crate) const fn new(socket: Arc<Socket<Qnx>>, grant: Grant) -> Self {
        Self {
            socket,
            grant,
            filled: 0,
            copied: 0,
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
    /// does not have this memory. Whoever writes through it from C or by a system call needs no more; for Rust's own references see
    /// [`ReservedBuf::as_mut_slice`].
    #[must_use]
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        self.socket
            .core()
            .address(self.grant.offset, self.len())
            .unwrap_or(core::ptr::null_mut())
    }

    /// Bytes from the start that were written so far: what can be committed.
    #[must_use]
    pub const fn filled(&self) -> usize {
        self.filled
    }

    /// Says that the first `n` bytes were written through [`ReservedBuf::as_mut_ptr`] or [`ReservedBuf::as_mut_slice`].
    ///
    /// # Safety
    /// They were: otherwise old data of this program, perhaps of another connection, goes to the peer.
    pub unsafe fn assume_filled(&mut self, n: usize) {
        self.filled = self.filled.max(n.min(self.len()));
    }

    /// The same socket?
    #[cfg(feature = "capi")]
    pub(crate) fn is_of(&self, socket: &Arc<Socket<Qnx>>) -> bool {
        Arc::ptr_eq(&self.socket, socket)
    }

    /// Whether this process may touch it.
    #[cfg(feature = "capi")]
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.socket.core().begin()
    }

    /// The buffer as a slice. Its content is what was there before: zeros, or old data of this program. Say what was written with
    /// [`ReservedBuf::assume_filled`].
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

    /// `at`, unless bytes before it would stay unwritten.
    fn start(&self, at: usize) -> Result<usize, Error> {
        if at <= self.filled {
            return Ok(at);
        }
        Err(Error::Invalid {
            what: "start behind what is filled",
            value: crate::num::widen(at),
            allowed: crate::num::widen(self.filled),
        })
    }

    /// Appends as much of `src` as fits behind what is filled; returns how much.
    ///
    /// # Errors
    /// [`Error::Forked`] in a child.
    pub fn append(&mut self, src: &[u8]) -> Result<usize, Error> {
        let n = self.len().saturating_sub(self.filled).min(src.len());
        self.copy_from_slice(self.filled, src.get(..n).unwrap_or_default())?;
        Ok(n)
    }

    /// Copies `src` into the buffer, `at` bytes from its start, which is at most what is filled already.
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
        self.start(at)?;
        let core = self.socket.core();
        core.check_process()?;
        core.mem
            .copy_out(self.grant.offset.saturating_add(at), src)
            .map_err(|error| Error::ServerFault(Fault::from(error)))?;
        self.copied = self.copied.saturating_add(src.len());
        self.filled = self.filled.max(at.saturating_add(src.len()));
        Ok(())
    }

    /// Reads from a file descriptor straight into the buffer, `at` bytes from its start: one read(2), nothing copied
    /// by this library. Returns the bytes read; 0 at the end of the file.
    ///
    /// # Errors
    /// Those of read(2), and `InvalidInput` when `at` is past the end or past what is filled.
    #[cfg(feature = "std")]
    pub fn fill_from_fd(&mut self, fd: impl std::os::fd::AsFd, at: usize) -> std::io::Result<usize> {
        use std::os::fd::AsRawFd;
        self.start(at)?;
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
        let n = usize::try_from(n).map_err(|_| std::io::Error::last_os_error())?;
        self.filled = self.filled.max(at.saturating_add(n));
        Ok(n)
    }

    /// Sends the first `n` bytes, which must be filled, and gives the rest back.
    ///
    /// # Errors
    /// As a write(2); [`Error::Invalid`] when `n` is more than [`ReservedBuf::filled`]. The buffer is gone, and on an error nothing
    /// of it is sent.
    pub fn commit(mut self, n: usize) -> Result<(), Error> {
        self.check_filled(n)?;
        self.hand_over(n, false)
    }

    /// As [`ReservedBuf::commit`], but the stack may wait for the next commit before it sends a short segment.
    ///
    /// # Errors
    /// As [`ReservedBuf::commit`].
    pub fn commit_more(mut self, n: usize) -> Result<(), Error> {
        self.check_filled(n)?;
        self.hand_over(n, true)
    }

    fn check_filled(&self, n: usize) -> Result<(), Error> {
        if n <= self.filled {
            return Ok(());
        }
        Err(Error::Invalid {
            what: "length",
            value: crate::num::widen(n),
            allowed: crate::num::widen(self.filled),
        })
    }

    /// Sends the first `n` bytes, filled or not: a C program is trusted with its own. On an error the buffer is as it was.
    pub(crate) fn hand_over(&mut self, n: usize, more: bool) -> Result<(), Error> {
        if n == 0 {
            return Ok(());
        }
        self.socket
            .commit(self.grant.key, short(n), self.copied.min(n), more)?;
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
/// While it lives the buffer is the program's; dropping it gives the buffer back to be filled again. It owns its memory and not
/// the connection, which closes without it. A program that holds all receive buffers that a socket can get (a quarter of
/// its session's) receives there by copy alone.
#[derive(Debug)]
pub struct ReceivedBuf {
    core: Arc<Core<Qnx>>,
    filled: Filled,
}

impl ReceivedBuf {
    pub(crate) const fn new(core: Arc<Core<Qnx>>, filled: Filled) -> Self {
        Self { core, filled }
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
        let found = self.core.address(self.filled.offset, self.len());
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

    /// Whether this process may touch it.
    #[cfg(feature = "capi")]
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.core.begin()
    }

    /// Copies bytes from `at` on into `dst`, as many as there are and fit; returns how many.
    pub fn copy_to(&self, at: usize, dst: &mut [u8]) -> usize {
        let n = self.len().saturating_sub(at).min(dst.len());
        let core = &self.core;
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
        if let Some(line) = core.ledger.line(None, true) {
            crate::ledger::add(&line.rx_bytes_copied, n);
        }
        n
    }

    /// Gives the buffer back. The same as dropping it.
    pub fn release(self) {}
}

impl Drop for ReceivedBuf {
    fn drop(&mut self) {
        // A child's copy holds nothing.
        if !self.core.is_foreign() {
            self.core.let_go(self.filled.id);
        }
    }
}
