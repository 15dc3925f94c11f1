//! What can go wrong, whose fault it is, and which QNX errno that is.

use core::fmt;
use csock_wire::{GeometryError, Refusal, WireErrno, stream::StreamFault};

/// An error of this library.
///
/// Three kinds: the stack said no ([`Error::Refused`]), the server is gone or lies ([`Error::ServerGone`],
/// [`Error::ServerSilent`], [`Error::ServerFault`]; final for the session), and what this side found out itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The module or the stack refused: the error, and where one field is at fault, its value and what is allowed.
    Refused(Refusal),
    /// Nobody serves the path: the io-sock that it belongs to does not run, or runs without the module.
    NotRunning,
    /// The path is served by a process that is neither root's nor this user's nor named by `Config::server_uid`. Nothing was sent to it.
    Impostor {
        /// The process.
        pid: i32,
        /// Its effective user.
        uid: i32,
    },
    /// The server died or unloaded the module. Every socket of the session is lost; open a new session.
    ServerGone,
    /// The server did not answer a request in time. The session is given up.
    ServerSilent,
    /// The server broke the protocol. The session is given up.
    ServerFault(Fault),
    /// The call would have to wait, and is not to (or not any longer).
    WouldBlock,
    /// Time is up.
    TimedOut,
    /// The module is busy: repeated inside the library, never seen by a program.
    #[doc(hidden)]
    Busy,
    /// A signal came while the call waited. Nothing was lost; call again.
    Interrupted,
    /// The socket is closed, perhaps by another thread.
    Closed,
    /// The session belongs to the parent of this process. A child opens its own.
    Forked,
    /// Not connected.
    NotConnected,
    /// The sending side is shut down.
    ShutDown,
    /// The connection is being made.
    InProgress,
    /// The pool has no room for this many bytes, and waiting would not help.
    PoolExhausted {
        /// Bytes asked for.
        asked: usize,
        /// Bytes of the largest piece there is.
        largest: usize,
    },
    /// A C program has as many sockets as there are handles.
    TooManySockets {
        /// How many.
        limit: u32,
    },
    /// The process's own memory is exhausted.
    NoMemory,
    /// An argument is wrong.
    Invalid {
        /// Which.
        what: &'static str,
        /// What it is.
        value: u64,
        /// The limit, or the nearest allowed value.
        allowed: u64,
    },
    /// A kernel call failed: its QNX errno.
    System(i32),
}

/// How a server broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A word or an entry of a stream is what it cannot be.
    Stream(StreamFault),
    /// It hands over a buffer that it does not have.
    UnknownBuffer {
        /// The number that it gave.
        id: u64,
    },
    /// It hands over more of a buffer than there is, or nothing.
    WrongBuffer {
        /// Length that it gave.
        value: u64,
        /// The buffer's length.
        most: u64,
    },
    /// Geometry that this side made was refused by the checks that both sides use.
    Geometry(GeometryError),
    /// A reply holds a value that it cannot hold.
    Reply {
        /// Which field.
        what: &'static str,
        /// What it holds.
        value: u64,
    },
}

impl Error {
    /// The error's number on QNX (`errno.h` there), whatever platform this is. Positive.
    #[must_use]
    pub const fn qnx_errno(&self) -> i32 {
        match self {
            Error::Refused(refusal) => refusal.error.to_qnx(),
            Error::NotRunning => WireErrno::ENOENT.to_qnx(),
            Error::Impostor { .. } => WireErrno::EACCES.to_qnx(),
            Error::ServerGone => WireErrno::ECONNRESET.to_qnx(),
            Error::ServerSilent | Error::TimedOut => WireErrno::ETIMEDOUT.to_qnx(),
            Error::ServerFault(_) => WireErrno::EPROTO.to_qnx(),
            Error::WouldBlock | Error::Busy => WireErrno::EWOULDBLOCK.to_qnx(),
            Error::Interrupted => WireErrno::EINTR.to_qnx(),
            Error::Closed => WireErrno::EBADF.to_qnx(),
            Error::Forked => WireErrno::ESTALE.to_qnx(),
            Error::NotConnected => WireErrno::ENOTCONN.to_qnx(),
            Error::ShutDown => WireErrno::EPIPE.to_qnx(),
            Error::InProgress => WireErrno::EINPROGRESS.to_qnx(),
            Error::PoolExhausted { .. } => WireErrno::ENOBUFS.to_qnx(),
            Error::TooManySockets { .. } => WireErrno::EMFILE.to_qnx(),
            Error::NoMemory => WireErrno::ENOMEM.to_qnx(),
            Error::Invalid { .. } => WireErrno::EINVAL.to_qnx(),
            Error::System(errno) => *errno,
        }
    }

    /// The error's number on this platform, as errno has it: QNX's on QNX, Linux's under the stand-in. Positive.
    #[must_use]
    pub const fn raw_os_error(&self) -> i32 {
        match crate::errno::platform(WireErrno::from_qnx(self.qnx_errno())) {
            errno @ 1.. => errno,
            // A server may claim success as an error.
            _ => crate::errno::platform(WireErrno::EIO),
        }
    }

    /// True when the whole session is lost and not only this call.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Error::ServerGone | Error::ServerSilent | Error::ServerFault(_) | Error::Forked
        )
    }

    /// The stack's error as an error of this library: "try again" has one form only.
    pub(crate) const fn from_wire(error: WireErrno) -> Self {
        Self::from_refusal(Refusal::bare(error))
    }

    /// As [`Error::from_wire`], with the field at fault.
    pub(crate) const fn from_refusal(refusal: Refusal) -> Self {
        match refusal.error {
            WireErrno::EAGAIN => Error::WouldBlock,
            WireErrno::EINPROGRESS => Error::InProgress,
            WireErrno::ENOTCONN => Error::NotConnected,
            WireErrno::EPIPE | WireErrno::ESHUTDOWN => Error::ShutDown,
            _ => Error::Refused(refusal),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Error::ServerFault(fault)
    }
}

impl From<StreamFault> for Fault {
    fn from(fault: StreamFault) -> Self {
        Fault::Stream(fault)
    }
}

impl From<GeometryError> for Fault {
    fn from(error: GeometryError) -> Self {
        Fault::Geometry(error)
    }
}

impl From<csock_wire::OutOfBounds> for Fault {
    fn from(error: csock_wire::OutOfBounds) -> Self {
        Fault::Stream(error.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(f, "refused: {refusal}"),
            Error::NotRunning => {
                f.write_str("no csock module answers: io-sock does not run, or runs without it")
            }
            Error::Impostor { pid, uid } => {
                write!(f, "served by process {pid} of user {uid}, which is not trusted")
            }
            Error::ServerGone => f.write_str("io-sock died or unloaded the csock module"),
            Error::ServerSilent => f.write_str("io-sock did not answer in time"),
            Error::ServerFault(fault) => write!(f, "io-sock broke the protocol: {fault}"),
            Error::WouldBlock | Error::Busy => f.write_str("would have to wait"),
            Error::TimedOut => f.write_str("timed out"),
            Error::Interrupted => f.write_str("interrupted by a signal"),
            Error::Closed => f.write_str("the socket is closed"),
            Error::Forked => f.write_str("the session belongs to the parent process"),
            Error::NotConnected => f.write_str("not connected"),
            Error::ShutDown => f.write_str("the sending side is shut down"),
            Error::InProgress => f.write_str("the connection is being made"),
            Error::PoolExhausted { asked, largest } => {
                write!(
                    f,
                    "no {asked} bytes left in the pool, the largest piece has {largest}"
                )
            }
            Error::TooManySockets { limit } => write!(f, "all {limit} handles of sockets are in use"),
            Error::NoMemory => f.write_str("out of memory"),
            Error::Invalid { what, value, allowed } => write!(f, "{what} is {value}, allowed {allowed}"),
            Error::System(errno) => write!(f, "kernel call failed: {}", WireErrno::from_qnx(*errno)),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Stream(fault) => fault.fmt(f),
            Fault::UnknownBuffer { id } => {
                write!(f, "handed over buffer {id:#x}, which it does not have")
            }
            Fault::WrongBuffer { value, most } => {
                write!(f, "handed over {value} bytes in a buffer of {most}")
            }
            Fault::Geometry(error) => error.fmt(f),
            Fault::Reply { what, value } => write!(f, "replied with {what} = {value:#x}"),
        }
    }
}

impl core::error::Error for Error {}

#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    /// What a socket call says anywhere becomes the platform's error, with `raw_os_error()` and the kind that std gives it; what
    /// only this library can say stays inside, under the nearest [`std::io::ErrorKind`].
    fn from(error: Error) -> Self {
        use std::io::ErrorKind;
        let kind = match error {
            Error::NotRunning => ErrorKind::NotFound,
            Error::Impostor { .. } => ErrorKind::PermissionDenied,
            Error::ServerGone => ErrorKind::ConnectionReset,
            Error::ServerSilent => ErrorKind::TimedOut,
            Error::ServerFault(_) => ErrorKind::InvalidData,
            Error::Closed | Error::Invalid { .. } => ErrorKind::InvalidInput,
            Error::PoolExhausted { .. } | Error::TooManySockets { .. } => ErrorKind::QuotaExceeded,
            Error::Forked => ErrorKind::StaleNetworkFileHandle,
            // Not what EINPROGRESS is to std, but what an event loop asks for.
            Error::InProgress => ErrorKind::WouldBlock,
            _ => return std::io::Error::from_raw_os_error(error.raw_os_error()),
        };
        std::io::Error::new(kind, error)
    }
}
