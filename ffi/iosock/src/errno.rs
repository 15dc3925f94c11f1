//! Error numbers.

use core::{fmt, num::NonZeroI32};

/// An error number of io-sock, positive. The numbers are QNX's, not FreeBSD's.
///
/// A newtype and not an enum: a number without a constant here survives. The constants are compared with io-sock's headers when
/// the shims are compiled, and once more by [`check_abi`](crate::check_abi).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Errno(NonZeroI32);

macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $value:literal, $constant:ident;)*) => {
        impl Errno {
            $($(#[$doc])* pub const $name: Self = Self::literal($value);)*

            /// The name of the C constant, or `None` for a number without one here.
            ///
            /// # Context
            /// Any.
            pub const fn name(self) -> Option<&'static str> {
                match self.0.get() {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        /// Each constant with its number in the headers that the shims were compiled against.
        pub(crate) fn pairs() -> impl Iterator<Item = (&'static str, i32, i32)> {
            [$((
                stringify!($name),
                $value,
                // SAFETY: a constant of the shims, never written.
                unsafe { iosock_sys::$constant },
            )),*].into_iter()
        }
    };
}

errnos! {
    /// Not permitted.
    EPERM = 1, iosock_const_EPERM;
    /// Interrupted.
    EINTR = 4, iosock_const_EINTR;
    /// No such device or address.
    ENXIO = 6, iosock_const_ENXIO;
    /// Would block; the same number as `EWOULDBLOCK`.
    EAGAIN = 11, iosock_const_EAGAIN;
    /// Out of memory.
    ENOMEM = 12, iosock_const_ENOMEM;
    /// Permission denied: a privileged port, a broadcast without the option.
    EACCES = 13, iosock_const_EACCES;
    /// Bad address.
    EFAULT = 14, iosock_const_EFAULT;
    /// Busy.
    EBUSY = 16, iosock_const_EBUSY;
    /// Exists.
    EEXIST = 17, iosock_const_EEXIST;
    /// Invalid argument.
    EINVAL = 22, iosock_const_EINVAL;
    /// The sending side is shut down.
    EPIPE = 32, iosock_const_EPIPE;
    /// The thread would wait for itself.
    EDEADLK = 45, iosock_const_EDEADLK;
    /// Not supported.
    EOPNOTSUPP = 103, iosock_const_EOPNOTSUPP;
    /// The connection is being made.
    EINPROGRESS = 236, iosock_const_EINPROGRESS;
    /// The connection was already being made.
    EALREADY = 237, iosock_const_EALREADY;
    /// Not a socket.
    ENOTSOCK = 238, iosock_const_ENOTSOCK;
    /// No destination.
    EDESTADDRREQ = 239, iosock_const_EDESTADDRREQ;
    /// More than the send buffer can ever hold.
    EMSGSIZE = 240, iosock_const_EMSGSIZE;
    /// The protocol has another type.
    EPROTOTYPE = 241, iosock_const_EPROTOTYPE;
    /// No such option.
    ENOPROTOOPT = 242, iosock_const_ENOPROTOOPT;
    /// No such protocol.
    EPROTONOSUPPORT = 243, iosock_const_EPROTONOSUPPORT;
    /// No such address family.
    EAFNOSUPPORT = 247, iosock_const_EAFNOSUPPORT;
    /// The address is in use.
    EADDRINUSE = 248, iosock_const_EADDRINUSE;
    /// No such address on this host.
    EADDRNOTAVAIL = 249, iosock_const_EADDRNOTAVAIL;
    /// The network is down.
    ENETDOWN = 250, iosock_const_ENETDOWN;
    /// No route to the network.
    ENETUNREACH = 251, iosock_const_ENETUNREACH;
    /// The connection was given up before it was accepted.
    ECONNABORTED = 253, iosock_const_ECONNABORTED;
    /// The peer reset the connection.
    ECONNRESET = 254, iosock_const_ECONNRESET;
    /// No buffers.
    ENOBUFS = 255, iosock_const_ENOBUFS;
    /// Already connected.
    EISCONN = 256, iosock_const_EISCONN;
    /// Not connected.
    ENOTCONN = 257, iosock_const_ENOTCONN;
    /// Timed out.
    ETIMEDOUT = 260, iosock_const_ETIMEDOUT;
    /// Nobody listens there.
    ECONNREFUSED = 261, iosock_const_ECONNREFUSED;
    /// The host is down.
    EHOSTDOWN = 264, iosock_const_EHOSTDOWN;
    /// No route to the host.
    EHOSTUNREACH = 265, iosock_const_EHOSTUNREACH;
}

impl Errno {
    /// The other name of [`Errno::EAGAIN`].
    pub const EWOULDBLOCK: Self = Self::EAGAIN;

    const fn literal(value: i32) -> Self {
        match NonZeroI32::new(value) {
            Some(value) => Self(value),
            // Only constants are made with this, so it fails while compiling or never.
            None => panic!("0 is success"),
        }
    }

    /// `None` for 0, which is success.
    ///
    /// # Context
    /// Any.
    pub const fn from_raw(value: i32) -> Option<Self> {
        match NonZeroI32::new(value) {
            Some(value) => Some(Self(value)),
            None => None,
        }
    }

    /// The number, as io-sock and QNX have it.
    ///
    /// # Context
    /// Any.
    #[doc(alias = "raw")]
    pub const fn qnx(self) -> i32 {
        self.0.get()
    }

    /// 0 or an errno, as the kernel's calls return it, to a `Result`.
    pub(crate) const fn check(value: i32) -> Result<(), Self> {
        match Self::from_raw(value) {
            None => Ok(()),
            Some(errno) => Err(errno),
        }
    }

    /// A `Result` to 0 or an errno, for a function that the kernel calls.
    pub(crate) const fn to_raw(result: Result<(), Self>) -> i32 {
        match result {
            Ok(()) => 0,
            Err(errno) => errno.qnx(),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.qnx()),
        }
    }
}

impl core::error::Error for Errno {}
