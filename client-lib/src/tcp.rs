//! TCP, shaped like `std::net`.

use crate::{
    buf::{ReceivedBuf, ReservedBuf},
    error::Error,
    num::short,
    session::Session,
    socket::{Handle, How, IntOption, Socket},
    sys::Qnx,
};
use alloc::sync::Arc;
use core::{net::SocketAddr, time::Duration};
use csock_wire::msg;

/// Which directions [`TcpStream::shutdown`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// No more receiving.
    Read,
    /// No more sending: the peer sees the end of the stream after what was sent so far.
    Write,
    /// Neither.
    Both,
}

impl Shutdown {
    pub(crate) const fn wire(self) -> u32 {
        match self {
            Shutdown::Read => msg::Shutdown::READ,
            Shutdown::Write => msg::Shutdown::WRITE,
            Shutdown::Both => msg::Shutdown::BOTH,
        }
    }
}

/// A TCP connection. See tcp(4).
///
/// All methods take `&self`: one thread may receive while another sends, and several may do either (each call then
/// moves whole pieces). Dropping the last handle closes the connection gracefully.
#[derive(Debug)]
pub struct TcpStream {
    socket: Handle<Qnx>,
}

/// A TCP socket that takes connections. Any number of threads may accept at the same time.
#[derive(Debug)]
pub struct TcpListener {
    socket: Handle<Qnx>,
}

/// Methods that streams and listeners share.
macro_rules! common {
    ($type:ident) => {
        impl $type {
            /// The local address: getsockname(2). One message.
            ///
            /// # Errors
            /// As every call, when the server is gone.
            pub fn local_addr(&self) -> Result<SocketAddr, Error> {
                self.socket.local_addr()
            }

            /// Another handle to the same socket.
            ///
            /// # Errors
            /// None now; like std, so that programs need not change.
            pub fn try_clone(&self) -> Result<Self, Error> {
                Ok(Self {
                    socket: self.socket.clone(),
                })
            }

            /// Makes calls that would wait return [`Error::WouldBlock`] instead. Holds for all handles. No message.
            ///
            /// # Errors
            /// [`Error::Closed`], [`Error::Forked`].
            pub fn set_nonblocking(&self, nonblocking: bool) -> Result<(), Error> {
                self.socket.set_nonblocking(nonblocking)
            }

            /// The pending error of the socket, which is then no longer pending: `SO_ERROR`. One message.
            ///
            /// # Errors
            /// As every call, when the server is gone.
            pub fn take_error(&self) -> Result<Option<Error>, Error> {
                self.socket.take_error()
            }

            /// Closes the socket for all handles, gracefully: what was sent still goes out. Calls that wait in other
            /// threads return [`Error::Closed`].
            ///
            /// # Errors
            /// [`Error::Closed`] when it is closed already. The socket is closed whatever the result.
            pub fn close(&self) -> Result<(), Error> {
                self.socket.close()
            }
        }
    };
}

common!(TcpStream);
common!(TcpListener);

impl TcpStream {
    /// Connects to `addr`. Waits until the connection is there or fails; signals do not end the wait.
    ///
    /// # Errors
    /// [`Error::Refused`] with what socket(2) and connect(2) say, and with `EMFILE` or `ENFILE` when the module allows no
    /// more sockets.
    pub fn connect(session: &Session, addr: impl Into<SocketAddr>) -> Result<Self, Error> {
        Self::connect_within(session, addr.into(), None)
    }

    /// As [`TcpStream::connect`], but no longer than `timeout`.
    ///
    /// # Errors
    /// [`Error::TimedOut`] as well.
    pub fn connect_timeout(session: &Session, addr: &SocketAddr, timeout: Duration) -> Result<Self, Error> {
        if timeout.is_zero() {
            return Err(Error::Invalid {
                what: "timeout",
                value: 0,
                allowed: 1,
            });
        }
        Self::connect_within(session, *addr, Some(timeout))
    }

    fn connect_within(session: &Session, addr: SocketAddr, timeout: Option<Duration>) -> Result<Self, Error> {
        let socket = Socket::stream(&session.core, addr.is_ipv6())?;
        socket.connect_through_signals(addr, timeout)?;
        Ok(Self {
            socket: Handle::new(socket),
        })
    }

    /// Copies received bytes into `buffer`, as many as there are and fit, and waits for the first. 0 at the end of
    /// the stream.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] on a socket that does not block or when the read timeout is over,
    /// [`Error::Interrupted`] by a signal, [`Error::Refused`] with what happened to the connection.
    pub fn recv(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.socket.receive(buffer, false)
    }

    /// Copies bytes into the pool and hands them over; waits for room, not for the peer. Less than all of them only
    /// when an error, a signal or the write timeout came in between.
    ///
    /// # Errors
    /// As [`TcpStream::recv`]; [`Error::ShutDown`] after [`TcpStream::shutdown`].
    pub fn send(&self, buffer: &[u8]) -> Result<usize, Error> {
        self.socket.send(buffer, How::default())
    }

    /// `len` bytes of the pool, to fill and commit: nothing is copied on the way to the wire. Waits as
    /// [`TcpStream::send`] does.
    ///
    /// # Errors
    /// As [`TcpStream::send`]; [`Error::PoolExhausted`] when there is no such piece and none will come back,
    /// [`Error::Invalid`] for 0 or more than `u32::MAX`.
    pub fn reserve(&self, len: usize) -> Result<ReservedBuf, Error> {
        let grant = self.socket.reserve(short(len), false)?;
        Ok(ReservedBuf::new(Arc::clone(&self.socket), grant))
    }

    /// The next received bytes, where they lie in the pool; waits for them. `None` at the end of the stream.
    ///
    /// # Errors
    /// As [`TcpStream::recv`].
    pub fn recv_in_place(&self) -> Result<Option<ReceivedBuf>, Error> {
        let filled = self.socket.receive_in_place(usize::MAX, false)?;
        Ok(filled.map(|filled| ReceivedBuf::new(Arc::clone(self.socket.core()), filled)))
    }

    /// Ends one direction or both: shutdown(2). Ordered behind what was sent so far.
    ///
    /// # Errors
    /// [`Error::NotConnected`].
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        self.socket.shutdown(how.wire())
    }

    /// The peer's address: getpeername(2).
    ///
    /// # Errors
    /// [`Error::NotConnected`].
    pub fn peer_addr(&self) -> Result<SocketAddr, Error> {
        self.socket.peer_addr()
    }

    /// Limits how long receiving waits; `None` (as at first) is for ever. No message.
    ///
    /// # Errors
    /// [`Error::Invalid`] for zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.socket.set_read_timeout(timeout)
    }

    /// Limits how long sending waits; `None` (as at first) is for ever. No message.
    ///
    /// # Errors
    /// [`Error::Invalid`] for zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.socket.set_write_timeout(timeout)
    }

    /// The read timeout.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Forked`].
    pub fn read_timeout(&self) -> Result<Option<Duration>, Error> {
        self.socket.read_timeout()
    }

    /// The write timeout.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Forked`].
    pub fn write_timeout(&self) -> Result<Option<Duration>, Error> {
        self.socket.write_timeout()
    }

    /// Sends short segments at once (`TCP_NODELAY`).
    ///
    /// # Errors
    /// What the stack says.
    pub fn set_nodelay(&self, nodelay: bool) -> Result<(), Error> {
        self.socket.set_int(IntOption::NoDelay, nodelay.into())
    }

    /// Whether short segments are sent at once.
    ///
    /// # Errors
    /// What the stack says.
    pub fn nodelay(&self) -> Result<bool, Error> {
        Ok(self.socket.int(IntOption::NoDelay)? != 0)
    }

    /// Sends probes over a silent connection (`SO_KEEPALIVE`).
    ///
    /// # Errors
    /// What the stack says.
    pub fn set_keepalive(&self, keepalive: bool) -> Result<(), Error> {
        self.socket.set_int(IntOption::KeepAlive, keepalive.into())
    }

    /// Size of the stack's send buffer, bytes (`SO_SNDBUF`): how much may be sent and not yet acknowledged, in the pool and
    /// in the stack together.
    ///
    /// # Errors
    /// What the stack says.
    pub fn set_send_buffer_size(&self, bytes: u32) -> Result<(), Error> {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.socket.set_int(IntOption::SndBuf, bytes)
    }

    /// Size of the stack's receive buffer, bytes (`SO_RCVBUF`). What lies in the pool already does not count.
    ///
    /// # Errors
    /// What the stack says.
    pub fn set_recv_buffer_size(&self, bytes: u32) -> Result<(), Error> {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX);
        self.socket.set_int(IntOption::RcvBuf, bytes)
    }

    /// What closing does with data that is not sent yet (`SO_LINGER`): whole seconds; zero resets the connection.
    ///
    /// # Errors
    /// What the stack says.
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<(), Error> {
        self.socket.set_linger(linger)
    }

    /// The linger time.
    ///
    /// # Errors
    /// What the stack says.
    pub fn linger(&self) -> Result<Option<Duration>, Error> {
        self.socket.linger()
    }
}

impl TcpListener {
    /// Connections that may wait to be accepted, as std asks for.
    const BACKLOG: i32 = 128;

    /// Listens on `addr` (port 0: any free one), with `SO_REUSEADDR`, as std does.
    ///
    /// # Errors
    /// [`Error::Refused`] with what bind(2) and listen(2) say.
    pub fn bind(session: &Session, addr: impl Into<SocketAddr>) -> Result<Self, Error> {
        let addr = addr.into();
        let socket = Socket::stream(&session.core, addr.is_ipv6())?;
        socket.set_int(IntOption::ReuseAddr, 1)?;
        socket.bind(addr)?;
        socket.listen(Self::BACKLOG)?;
        Ok(Self {
            socket: Handle::new(socket),
        })
    }

    /// The next connection and its peer; waits for it. Signals do not end the wait.
    ///
    /// # Errors
    /// [`Error::WouldBlock`] on a listener that does not block; [`Error::Refused`] with `EMFILE` or `ENFILE` when the module
    /// allows no more sockets (the connection then stays in the queue).
    pub fn accept(&self) -> Result<(TcpStream, SocketAddr), Error> {
        let (socket, peer) = loop {
            match self.socket.accept() {
                Err(Error::Interrupted) => {}
                accepted => break accepted?,
            }
        };
        Ok((
            TcpStream {
                socket: Handle::new(socket),
            },
            peer,
        ))
    }

    /// Connections, one after the other, for ever.
    pub const fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }
}

/// The connections of a listener. Never ends.
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = Result<TcpStream, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}
