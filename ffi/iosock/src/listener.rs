//! Sockets that listen.

use crate::{
    Errno, SockAddr, Socket, SocketOption, addr,
    socket::{RawSocket, known},
    upcall,
};
use core::{
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};

/// A socket that listens. Another type than [`Socket`], since it has no buffers: touching them is corruption. Dropping it clears its
/// upcall, closes it and gives up the connections that nobody accepted.
#[derive(Debug)]
pub struct Listener {
    raw: RawSocket,
}

/// This method stands here and not with the rest of a socket's, since a socket knows nothing of listeners.
impl Socket {
    /// Makes a listener of the socket; `backlog` below 0 or too large is io-sock's limit. Its upcalls are cleared, and its buffers
    /// are gone: set their sizes before, accepted sockets have them.
    ///
    /// # Errors
    /// The socket comes back, without its upcalls, with `EINVAL` (it is connected, or connects), `EOPNOTSUPP`, or
    /// `EAGAIN` (over FreeBSD 14, while another call sends or receives on it).
    ///
    /// # Context
    /// Sleeps.
    #[doc(alias = "solisten")]
    pub fn listen(self, backlog: i32) -> Result<Listener, (Self, Errno)> {
        self.clear_upcalls();
        // SAFETY: a live socket.
        match Errno::check(unsafe { iosock_sys::iosock_shim_solisten(self.as_ptr(), backlog) }) {
            // SAFETY: it listens now, and is not used as a socket any more.
            Ok(()) => Ok(unsafe { Listener::from_raw(self.into_raw()) }),
            Err(errno) => Err((self, errno)),
        }
    }
}

impl Listener {
    /// Takes the oldest connection that was made. The new socket is non-blocking when the listener is, and has its options.
    ///
    /// # Errors
    /// `EWOULDBLOCK` (none there, non-blocking), `ECONNABORTED` (the peer is gone again; try once more), `EAFNOSUPPORT` (neither IPv4
    /// nor IPv6), and the listener's pending error, once.
    ///
    /// # Context
    /// Sleeps; for a connection only when the listener is blocking.
    #[doc(alias = "solisten_dequeue")]
    #[doc(alias = "soaccept")]
    pub fn accept(&self) -> Result<(Socket, SockAddr), Errno> {
        let (mut so, mut peer) = (ptr::null_mut(), addr::NONE);
        // SAFETY: a live listener, and places for what comes back.
        let error = unsafe { iosock_sys::iosock_shim_soaccept(self.as_ptr(), &mut so, &mut peer) };
        Errno::check(error)?;
        let so = NonNull::new(so).ok_or(Errno::ECONNABORTED)?;
        // SAFETY: taken from the queue just now, ours alone.
        let socket = unsafe { Socket::from_raw(so) };
        Ok((socket, known(0, &peer)?))
    }

    /// Changes the longest queue of connections that nobody has accepted yet; below 0 or too large is io-sock's limit. The upcall stays.
    ///
    /// # Errors
    /// `EINVAL` (listening has ended).
    ///
    /// # Context
    /// Sleeps.
    #[doc(alias = "solisten")]
    pub fn set_backlog(&self, backlog: i32) -> Result<(), Errno> {
        // SAFETY: a live listener, for which the call only changes the limit.
        Errno::check(unsafe { iosock_sys::iosock_shim_solisten(self.as_ptr(), backlog) })
    }

    /// Has `upcall(arg)` called when a connection was made, or listening ended. As [`Socket::set_recv_upcall`], with the listener's
    /// lock.
    ///
    /// # Context
    /// Takes the listener's lock: not from an upcall.
    #[doc(alias = "solisten_upcall_set")]
    pub fn set_upcall<F: Fn(usize) + Copy + Send + Sync + 'static>(&self, upcall: F, arg: usize) {
        let upcall::Registration { upcall, arg } = upcall::Registration::new(upcall, arg);
        // SAFETY: a live listener; the trampoline takes `arg` for a word.
        unsafe { iosock_sys::iosock_shim_upcall_set_listener(self.as_ptr(), upcall, arg) };
    }

    /// Takes the upcall away. When this returns it is not running, and will not.
    ///
    /// # Context
    /// Takes the listener's lock: not from an upcall.
    pub fn clear_upcall(&self) {
        // SAFETY: a live listener.
        unsafe { iosock_sys::iosock_shim_upcall_clear_listener(self.as_ptr()) };
    }

    /// Sets whether [`Listener::accept`] sleeps for a connection (`SS_NBIO`).
    ///
    /// # Context
    /// Takes the listener's lock: not from an upcall.
    pub fn set_nonblocking(&self, on: bool) {
        self.raw.set_nonblocking(on);
    }

    /// The local address.
    ///
    /// # Errors
    /// `ENOBUFS`.
    ///
    /// # Context
    /// Sleeps.
    pub fn local_addr(&self) -> Result<SockAddr, Errno> {
        self.raw.local_addr()
    }

    /// Sets an option of type `int`; see [`Socket::set_int_option`].
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EINVAL`, `ENOBUFS`.
    ///
    /// # Context
    /// Sleeps.
    pub fn set_int_option(&self, level: i32, name: i32, value: i32) -> Result<(), Errno> {
        self.raw.set_int_option(SocketOption { level, name }, value)
    }

    /// Reads an option of type `int`.
    ///
    /// # Errors
    /// `ENOPROTOOPT`; `EINVAL` when its value is no `int`.
    ///
    /// # Context
    /// Sleeps.
    pub fn get_int_option(&self, level: i32, name: i32) -> Result<i32, Errno> {
        self.raw.int_option(SocketOption { level, name })
    }

    /// The pending error, which is then cleared.
    ///
    /// # Context
    /// Takes the listener's lock: not from an upcall.
    pub fn take_error(&self) -> Option<Errno> {
        self.raw.take_error()
    }

    /// Closes the listener.
    ///
    /// # Errors
    /// An error says what went wrong while closing; the listener is gone all the same.
    ///
    /// # Context
    /// Sleeps.
    #[doc(alias = "soclose")]
    pub fn close(self) -> Result<(), Errno> {
        ManuallyDrop::new(self).end()
    }

    fn end(&self) -> Result<(), Errno> {
        self.clear_upcall();
        // SAFETY: called once, by `close` or by `drop`; no upcall is left.
        unsafe { self.raw.close() }
    }

    /// The socket's address, which tells it from others while it lives.
    ///
    /// # Context
    /// Any.
    pub const fn as_ptr(&self) -> *mut iosock_sys::socket {
        self.raw.as_ptr()
    }

    /// Gives the listener away, with its upcall.
    ///
    /// # Context
    /// Any.
    pub fn into_raw(self) -> NonNull<iosock_sys::socket> {
        ManuallyDrop::new(self).raw.as_non_null()
    }

    /// Takes a listener over.
    ///
    /// # Safety
    /// It lives, listens, and nobody else closes it or sets its upcall.
    ///
    /// # Context
    /// Any.
    pub const unsafe fn from_raw(so: NonNull<iosock_sys::socket>) -> Self {
        Self {
            raw: RawSocket::new(so),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Nobody is left who could be told of an error.
        let _ = self.end();
    }
}
