//! Sockets (socket(9)).

mod buffers;
mod flags;
mod raw;

pub(crate) use flags::pairs;
pub use flags::{Domain, How, Protocol, ReceivedFlags, RecvFlags, SendFlags, SocketState, SocketType};
pub(crate) use raw::{RawSocket, known};

use crate::{Errno, MbufChain, SockAddr, SocketOption, addr};
use core::{
    ffi::c_int,
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};

/// A socket that does not listen. Dropping it clears its upcalls and closes it.
///
/// All calls act with the credential of the calling thread ([`Thread`](crate::Thread)), which in a module is io-sock's own.
#[derive(Debug)]
pub struct Socket {
    raw: RawSocket,
}

/// What [`Socket::receive`] took.
#[derive(Debug)]
pub struct Received {
    /// The bytes, without any mbuf when there are none. They lie in the driver's buffers: copy them soon.
    pub chain: MbufChain,
    /// How many bytes. On a stream, 0 (unless 0 were asked for) is its end, or says that there was no mbuf for a copy: see
    /// [`Socket::can_recv_more`].
    pub bytes: usize,
    /// What else came to light.
    pub flags: ReceivedFlags,
}

impl Socket {
    /// Makes a socket.
    ///
    /// # Errors
    /// `EAFNOSUPPORT`, `EPROTONOSUPPORT`, `EPROTOTYPE`, `ENOBUFS`; `EPERM` in a thread that io-sock does not know.
    ///
    /// # Context
    /// Sleeps.
    #[doc(alias = "socreate")]
    pub fn create(domain: Domain, kind: SocketType, protocol: Protocol) -> Result<Self, Errno> {
        crate::Thread::current().ok_or(Errno::EPERM)?;
        let mut so = ptr::null_mut();
        // SAFETY: a thread that io-sock knows, and a place for the socket.
        let error = unsafe {
            iosock_sys::iosock_shim_socreate(domain as c_int, &mut so, kind as c_int, protocol as c_int)
        };
        Errno::check(error)?;
        let so = NonNull::new(so).ok_or(Errno::ENOBUFS)?;
        // SAFETY: made just now.
        Ok(unsafe { Self::from_raw(so) })
    }

    /// A TCP socket over IPv4.
    ///
    /// # Errors
    /// As [`Socket::create`].
    ///
    /// # Context
    /// Sleeps.
    pub fn tcp() -> Result<Self, Errno> {
        Self::create(Domain::Ipv4, SocketType::Stream, Protocol::Tcp)
    }

    /// Gives the socket a local address.
    ///
    /// # Errors
    /// `EADDRINUSE`, `EADDRNOTAVAIL`, `EACCES` (a privileged port without the right), `EINVAL` (it has one, or of another family).
    ///
    /// # Context
    /// Sleeps.
    #[doc(alias = "sobind")]
    pub fn bind(&self, local: &SockAddr) -> Result<(), Errno> {
        // SAFETY: a live socket; the shim makes its own sockaddr.
        Errno::check(unsafe { iosock_sys::iosock_shim_sobind(self.as_ptr(), &addr::to_shim(local)) })
    }

    /// Starts to connect. `Ok` says that it was started, or is done: see [`Socket::state`], and [`Socket::take_error`] when it ends.
    ///
    /// # Errors
    /// `EALREADY`, `EISCONN`, `EADDRNOTAVAIL`, `ENETUNREACH`, `EHOSTUNREACH`, `ECONNREFUSED` (known at once).
    ///
    /// # Context
    /// Sleeps for locks and memory, not for the peer.
    #[doc(alias = "soconnect")]
    pub fn connect(&self, peer: &SockAddr) -> Result<(), Errno> {
        // SAFETY: a live socket; the shim makes its own sockaddr.
        Errno::check(unsafe { iosock_sys::iosock_shim_soconnect(self.as_ptr(), &addr::to_shim(peer)) })
    }

    /// Sends `chain`, all of it or nothing. The chain is gone afterwards, **whatever the result**, and callbacks of its external
    /// storage may run inside: note what is in flight before the call.
    ///
    /// # Errors
    /// These say that nothing was sent: `EWOULDBLOCK` (no space, or another sender, with [`SendFlags::DONTWAIT`]; see [`Socket::send_space`]),
    /// `EMSGSIZE` (more than [`Socket::send_hiwat`]), `EPIPE`, `ENOTCONN`, `EINVAL` (a chain without any mbuf), and the pending error.
    /// After any other the bytes may or may not be on their way, and the connection is not to be trusted.
    ///
    /// # Context
    /// Sleeps for locks and memory; for space only without [`SendFlags::DONTWAIT`] on a blocking socket.
    #[doc(alias = "sosend")]
    pub fn send(&self, chain: MbufChain, flags: SendFlags) -> Result<(), Errno> {
        let top = chain.into_raw();
        if top.is_null() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: a live socket; a whole chain that nobody else owns, consumed by the call.
        Errno::check(unsafe { iosock_sys::iosock_shim_sosend(self.as_ptr(), top, flags.bits()) })
    }

    /// Takes at most `max` bytes from the socket, without copying them.
    ///
    /// # Errors
    /// `EWOULDBLOCK` (nothing there, non-blocking), `ENOTCONN`, and the pending error, once, after all data. Bytes that came with an
    /// error are freed.
    ///
    /// # Context
    /// Sleeps for locks; for data only without [`RecvFlags::DONTWAIT`] on a blocking socket.
    #[doc(alias = "soreceive")]
    pub fn receive(&self, max: usize, flags: RecvFlags) -> Result<Received, Errno> {
        let (mut top, mut bytes, mut flags) = (ptr::null_mut(), 0, flags.bits());
        let max = max.min(isize::MAX.unsigned_abs());
        // SAFETY: a live socket, and places for what comes back.
        let error = unsafe {
            iosock_sys::iosock_shim_soreceive(self.as_ptr(), max, &mut top, &mut bytes, &mut flags)
        };
        // SAFETY: the chain is ours, also with an error: dropped then.
        let chain = unsafe { MbufChain::from_raw(top) };
        Errno::check(error)?;
        Ok(Received {
            chain,
            bytes,
            flags: ReceivedFlags::from_bits_retain(flags),
        })
    }

    /// Shuts one direction down, or both.
    ///
    /// # Errors
    /// `ENOTCONN`.
    ///
    /// # Context
    /// Sleeps; shutting down reading waits for a reader to leave.
    #[doc(alias = "soshutdown")]
    pub fn shutdown(&self, how: How) -> Result<(), Errno> {
        // SAFETY: a live socket.
        Errno::check(unsafe { iosock_sys::iosock_shim_soshutdown(self.as_ptr(), how as c_int) })
    }

    /// Sets whether calls sleep until they can be done (`SS_NBIO`).
    ///
    /// # Context
    /// Takes SOCK_LOCK: not from an upcall.
    pub fn set_nonblocking(&self, on: bool) {
        self.raw.set_nonblocking(on);
    }

    /// The local address.
    ///
    /// # Errors
    /// `EINVAL` after a reset, `ENOBUFS`.
    ///
    /// # Context
    /// Sleeps.
    pub fn local_addr(&self) -> Result<SockAddr, Errno> {
        self.raw.local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    /// `ENOTCONN` without a peer (never connected, or reset), `EINVAL` when it goes during the call, `ENOBUFS`.
    ///
    /// # Context
    /// Sleeps.
    pub fn peer_addr(&self) -> Result<SockAddr, Errno> {
        self.raw.peer_addr()
    }

    /// Sets an option of type `int`. No privilege is checked: that is the caller's part.
    ///
    /// # Errors
    /// `ENOPROTOOPT`, `EINVAL`, `ENOBUFS` (a buffer size above the limit).
    ///
    /// # Context
    /// Sleeps.
    #[doc(alias = "so_setsockopt")]
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
    #[doc(alias = "sogetopt")]
    pub fn get_int_option(&self, level: i32, name: i32) -> Result<i32, Errno> {
        self.raw.int_option(SocketOption { level, name })
    }

    /// What closing does with unsent bytes (`SO_LINGER`). `None`: it returns at once, the stack goes on sending. `Some(0)`: they are
    /// dropped and the peer gets a reset. `Some(seconds)`: closing sleeps so long at most, unless the socket is non-blocking.
    ///
    /// # Errors
    /// `EINVAL`.
    ///
    /// # Context
    /// Sleeps.
    pub fn set_linger(&self, seconds: Option<u16>) -> Result<(), Errno> {
        let (on, seconds) = (c_int::from(seconds.is_some()), c_int::from(seconds.unwrap_or(0)));
        // SAFETY: a live socket.
        Errno::check(unsafe { iosock_sys::iosock_shim_socket_set_linger(self.as_ptr(), on, seconds) })
    }

    /// The pending error, which is then cleared.
    ///
    /// # Context
    /// Takes SOCK_LOCK: not from an upcall.
    #[doc(alias = "so_error")]
    pub fn take_error(&self) -> Option<Errno> {
        self.raw.take_error()
    }

    /// What state it is in.
    ///
    /// # Context
    /// Takes SOCK_LOCK and, one after the other, both buffer locks: not from an upcall.
    pub fn state(&self) -> SocketState {
        // SAFETY: a live socket that does not listen.
        SocketState::from_bits_retain(unsafe { iosock_sys::iosock_shim_socket_state(self.as_ptr()) })
    }

    /// Whether it is connected.
    ///
    /// # Context
    /// As [`Socket::state`].
    pub fn is_connected(&self) -> bool {
        self.state().contains(SocketState::CONNECTED)
    }

    /// Whether a connection is being made.
    ///
    /// # Context
    /// As [`Socket::state`].
    pub fn is_connecting(&self) -> bool {
        self.state().contains(SocketState::CONNECTING)
    }

    /// Whether more may come than is there.
    ///
    /// # Context
    /// As [`Socket::state`].
    pub fn can_recv_more(&self) -> bool {
        !self.state().contains(SocketState::CANT_RECEIVE)
    }

    /// Whether the sending side is open.
    ///
    /// # Context
    /// As [`Socket::state`].
    pub fn can_send_more(&self) -> bool {
        !self.state().contains(SocketState::CANT_SEND)
    }

    /// Closes the socket. Bytes in the send buffer are sent on by the stack (see [`Socket::set_linger`]), so callbacks of external
    /// storage may come long afterwards.
    ///
    /// # Errors
    /// What went wrong while closing, the pending error for example; the socket is gone all the same.
    ///
    /// # Context
    /// Sleeps.
    #[doc(alias = "soclose")]
    pub fn close(self) -> Result<(), Errno> {
        ManuallyDrop::new(self).end()
    }

    fn end(&self) -> Result<(), Errno> {
        self.clear_upcalls();
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

    /// Gives the socket away, with its upcalls.
    ///
    /// # Context
    /// Any.
    pub fn into_raw(self) -> NonNull<iosock_sys::socket> {
        ManuallyDrop::new(self).raw.as_non_null()
    }

    /// Takes a socket over.
    ///
    /// # Safety
    /// It lives, does not listen, and nobody else closes it or sets its upcalls.
    ///
    /// # Context
    /// Any.
    pub const unsafe fn from_raw(so: NonNull<iosock_sys::socket>) -> Self {
        Self {
            raw: RawSocket::new(so),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nobody is left who could be told of an error.
        let _ = self.end();
    }
}
