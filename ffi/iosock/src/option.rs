//! Socket options with an `int` value.

/// An option by its level and name, in io-sock's numbers (which are QNX's).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SocketOption {
    /// `SOL_SOCKET` or a protocol number.
    pub level: i32,
    /// The option within the level.
    pub name: i32,
}

const SOL_SOCKET: i32 = 0xffff;
const IPPROTO_TCP: i32 = 6;

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident = ($level:expr, $value:literal), $constant:ident;)*) => {
        impl SocketOption {
            $($(#[$doc])* pub const $name: Self = Self { level: $level, name: $value };)*
        }

        /// Each constant with its number in the headers that the shims were compiled against.
        pub(crate) fn pairs() -> impl Iterator<Item = (&'static str, i32, i32)> {
            [
                // SAFETY: a constant of the shims, never written.
                ("SOL_SOCKET", SOL_SOCKET, unsafe { iosock_sys::iosock_const_SOL_SOCKET }),
                // SAFETY: as above.
                ("IPPROTO_TCP", IPPROTO_TCP, unsafe { iosock_sys::iosock_const_IPPROTO_TCP }),
                $((
                    stringify!($name),
                    $value,
                    // SAFETY: as above.
                    unsafe { iosock_sys::$constant },
                )),*
            ]
            .into_iter()
        }
    };
}

options! {
    /// `SO_REUSEADDR`: bind over an address in TIME_WAIT.
    SO_REUSEADDR = (SOL_SOCKET, 0x4), iosock_const_SO_REUSEADDR;
    /// `SO_KEEPALIVE`: probe an idle connection.
    SO_KEEPALIVE = (SOL_SOCKET, 0x8), iosock_const_SO_KEEPALIVE;
    /// `SO_BROADCAST`: send to broadcast addresses.
    SO_BROADCAST = (SOL_SOCKET, 0x20), iosock_const_SO_BROADCAST;
    /// `SO_REUSEPORT`: several sockets on one port.
    SO_REUSEPORT = (SOL_SOCKET, 0x200), iosock_const_SO_REUSEPORT;
    /// `SO_SNDBUF`: high-water mark of the send buffer, in bytes. Set, it turns automatic growth off.
    SO_SNDBUF = (SOL_SOCKET, 0x1001), iosock_const_SO_SNDBUF;
    /// `SO_RCVBUF`: high-water mark of the receive buffer, in bytes. Set, it turns automatic growth off.
    SO_RCVBUF = (SOL_SOCKET, 0x1002), iosock_const_SO_RCVBUF;
    /// `SO_SNDLOWAT`: free bytes from which a socket counts as writable.
    SO_SNDLOWAT = (SOL_SOCKET, 0x1003), iosock_const_SO_SNDLOWAT;
    /// `SO_RCVLOWAT`: bytes from which a socket counts as readable.
    SO_RCVLOWAT = (SOL_SOCKET, 0x1004), iosock_const_SO_RCVLOWAT;
    /// `SO_ERROR`: the pending error, read and cleared; see [`Socket::take_error`](crate::Socket::take_error).
    SO_ERROR = (SOL_SOCKET, 0x1007), iosock_const_SO_ERROR;
    /// `TCP_NODELAY`: no waiting to fill a segment.
    TCP_NODELAY = (IPPROTO_TCP, 1), iosock_const_TCP_NODELAY;
}

impl SocketOption {
    /// Any other option, by its numbers.
    ///
    /// # Context
    /// Any.
    pub const fn new(level: i32, name: i32) -> Self {
        Self { level, name }
    }
}
