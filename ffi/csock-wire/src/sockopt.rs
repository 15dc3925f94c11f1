//! The socket options that may pass: a whitelist with exact lengths (S-41). Numbers are QNX's.

/// Level of the socket itself (`SOL_SOCKET`).
pub const SOL_SOCKET: i32 = 0xFFFF;
/// Level of TCP (`IPPROTO_TCP`).
pub const IPPROTO_TCP: i32 = 6;
/// Room for a value in a message, bytes.
pub const MAX_OPTION_LEN: usize = 16;

/// An option that SETSOCKOPT and GETSOCKOPT accept. See getsockopt(2), tcp(4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SockOpt {
    /// `SO_REUSEADDR`, i32 0 or 1.
    ReuseAddr,
    /// `SO_KEEPALIVE`, i32 0 or 1.
    KeepAlive,
    /// `SO_LINGER`, two i32: on/off, seconds.
    Linger,
    /// `SO_SNDBUF`, i32 bytes.
    SndBuf,
    /// `SO_RCVBUF`, i32 bytes.
    RcvBuf,
    /// `SO_ERROR`, i32 pending error (as [`crate::WireErrno`]); reading clears it. Cannot be set.
    Error,
    /// `TCP_NODELAY`, i32 0 or 1.
    NoDelay,
}

impl SockOpt {
    /// Every option of the list.
    pub const ALL: &'static [SockOpt] = &[
        SockOpt::ReuseAddr,
        SockOpt::KeepAlive,
        SockOpt::Linger,
        SockOpt::SndBuf,
        SockOpt::RcvBuf,
        SockOpt::Error,
        SockOpt::NoDelay,
    ];

    /// The option of a level and a name, or `None` when it is not on the list.
    #[must_use]
    pub const fn from_wire(level: i32, name: i32) -> Option<SockOpt> {
        match (level, name) {
            (SOL_SOCKET, 0x4) => Some(SockOpt::ReuseAddr),
            (SOL_SOCKET, 0x8) => Some(SockOpt::KeepAlive),
            (SOL_SOCKET, 0x80) => Some(SockOpt::Linger),
            (SOL_SOCKET, 0x1001) => Some(SockOpt::SndBuf),
            (SOL_SOCKET, 0x1002) => Some(SockOpt::RcvBuf),
            (SOL_SOCKET, 0x1007) => Some(SockOpt::Error),
            (IPPROTO_TCP, 1) => Some(SockOpt::NoDelay),
            _ => None,
        }
    }

    /// Level and name on the wire.
    #[must_use]
    pub const fn to_wire(self) -> (i32, i32) {
        match self {
            SockOpt::ReuseAddr => (SOL_SOCKET, 0x4),
            SockOpt::KeepAlive => (SOL_SOCKET, 0x8),
            SockOpt::Linger => (SOL_SOCKET, 0x80),
            SockOpt::SndBuf => (SOL_SOCKET, 0x1001),
            SockOpt::RcvBuf => (SOL_SOCKET, 0x1002),
            SockOpt::Error => (SOL_SOCKET, 0x1007),
            SockOpt::NoDelay => (IPPROTO_TCP, 1),
        }
    }

    /// Exact length of the value in bytes.
    #[must_use]
    pub const fn value_len(self) -> u32 {
        match self {
            SockOpt::Linger => 8,
            _ => 4,
        }
    }

    /// True when SETSOCKOPT accepts it.
    #[must_use]
    pub const fn settable(self) -> bool {
        !matches!(self, SockOpt::Error)
    }
}
