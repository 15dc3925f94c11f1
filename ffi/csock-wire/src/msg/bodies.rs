//! The bodies of requests and replies, one struct each, in the order of their kinds.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::counters::Counters;
use crate::layout::RingBlockGeometry;
use crate::sockaddr::SockAddr;
use crate::sockopt::MAX_OPTION_LEN;

/// `SOCK_STREAM`.
pub const SOCK_STREAM: u16 = 1;
/// `SOCK_DGRAM`.
pub const SOCK_DGRAM: u16 = 2;
/// `IPPROTO_TCP`.
pub const IPPROTO_TCP: u16 = 6;
/// `IPPROTO_UDP`.
pub const IPPROTO_UDP: u16 = 17;

/// How the module sends: mbufs that point into the pool.
pub const TX_ZERO_COPY: u32 = 0;
/// How the module sends: a copy into mbufs of its own (`-m csock,tx=copy`).
pub const TX_COPY: u32 = 1;

bitflags! {
    /// What a [`Wait`] waits for and what its reply reports.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Events: u32 {
        /// The ready ring moved: data, end of file or error.
        const READABLE = 1;
        /// The completion ring moved: a send buffer came back.
        const TX_DONE = 2;
        /// The module took descriptors from the submission ring.
        const TX_SPACE = 4;
        /// A connection can be accepted.
        const ACCEPTABLE = 8;
        /// A connect in progress ended; [`WaitReply::error`] says how.
        const CONNECTED = 16;
        /// The socket failed or was closed. Reported also when not asked for.
        const ERROR = 32;
        /// Keeps the bits that this build has no name for.
        const _ = !0;
    }
}

impl Events {
    /// The events of this version; other bits are refused.
    pub const KNOWN: Events = Events::READABLE
        .union(Events::TX_DONE)
        .union(Events::TX_SPACE)
        .union(Events::ACCEPTABLE)
        .union(Events::CONNECTED)
        .union(Events::ERROR);
}

/// Declares wire structs with the derives that prove "no padding", and their sizes.
macro_rules! wire {
    ($($(#[$doc:meta])* struct $name:ident, $len:literal { $($(#[$fdoc:meta])* $field:ident: $ty:ty,)* })*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }

        const _: () = assert!(size_of::<$name>() == $len);)*
    };
}

wire! {
    /// A body without fields.
    struct Empty, 0 {}

    /// Opens a session. Header: session 0, socket 0.
    struct Hello, 16 {
        /// Lowest version that the client speaks.
        min_version: u16,
        /// Highest version that the client speaks.
        max_version: u16,
        /// Zero.
        reserved: u32,
        /// [`crate::LAYOUT_HASH`] of the client.
        layout_hash: u64,
    }

    /// Answer to [`Hello`]: the session and its limits.
    struct HelloReply, 40 {
        /// The version that is spoken from now on.
        version: u16,
        /// Zero.
        reserved: [u16; 3],
        /// The session, for every later header.
        session: u32,
        /// Sockets that the session may have at once.
        max_sockets: u32,
        /// Longest pool, bytes.
        max_pool_bytes: u64,
        /// Longest descriptor, bytes.
        max_desc_len: u32,
        /// Largest ring capacity, slots.
        max_ring_capacity: u32,
        /// Requests that the session may have parked at once.
        max_parked: u32,
        /// [`TX_ZERO_COPY`] or [`TX_COPY`].
        tx_mode: u32,
    }

    /// Hands the pool over: one per session, anonymous and sealed.
    struct PoolAttach, 16 {
        /// `shm_handle_t` made by `shm_create_handle` for the module's process.
        handle: u64,
        /// Length of the pool, bytes.
        size: u64,
    }

    /// Makes a socket.
    struct Socket, 40 {
        /// `AF_INET` (2) or `AF_INET6` (28).
        domain: u16,
        /// [`SOCK_STREAM`] or [`SOCK_DGRAM`].
        kind: u16,
        /// 0, [`IPPROTO_TCP`] or [`IPPROTO_UDP`].
        protocol: u16,
        /// Zero.
        reserved: u16,
        /// Its rings; all zero for a socket that will listen.
        rings: RingBlockGeometry,
    }

    /// Answer to [`Socket`].
    struct SocketReply, 8 {
        /// The socket: index in the low half, generation (never 0) in the high.
        socket: u32,
        /// Zero.
        reserved: u32,
    }

    /// Binds the header's socket.
    struct Bind, 32 {
        /// Address; port 0 for any.
        addr: SockAddr,
    }

    /// Answer to [`Bind`], [`GetSockName`] and [`GetPeerName`].
    struct AddrReply, 32 {
        /// The address.
        addr: SockAddr,
    }

    /// Makes the header's socket listen.
    struct Listen, 8 {
        /// Connections that may wait; the stack has its own limit.
        backlog: i32,
        /// Zero.
        reserved: u32,
    }

    /// Connects the header's socket. Never blocks: [`Wait`] for [`Events::CONNECTED`].
    struct Connect, 32 {
        /// The peer.
        addr: SockAddr,
    }

    /// Answer to [`Connect`].
    struct ConnectReply, 8 {
        /// [`ConnectReply::CONNECTED`] or [`ConnectReply::IN_PROGRESS`].
        state: u32,
        /// Zero.
        reserved: u32,
    }

    /// Accepts from the header's socket; `EAGAIN` when nobody waits.
    struct Accept, 32 {
        /// The rings of the new socket.
        rings: RingBlockGeometry,
    }

    /// Answer to [`Accept`].
    struct AcceptReply, 40 {
        /// The new socket.
        socket: u32,
        /// Zero.
        reserved: u32,
        /// Its peer.
        peer: SockAddr,
    }

    /// Shuts the header's socket down.
    struct Shutdown, 8 {
        /// [`Shutdown::READ`], [`Shutdown::WRITE`] or [`Shutdown::BOTH`].
        how: u32,
        /// Position of the submission ring ([`crate::Producer::position`]): what was published before it is sent first.
        tx_position: u32,
    }

    /// Closes the header's socket. Its ring block is free when the module's state word says released.
    struct Close, 8 {
        /// As in [`Shutdown`].
        tx_position: u32,
        /// Zero.
        reserved: u32,
    }

    /// Asks for the local address.
    struct GetSockName, 0 {}

    /// Asks for the peer's address.
    struct GetPeerName, 0 {}

    /// Parks the client until one of the events holds. Readiness is state: the module compares the positions that
    /// the client has seen with its own, so an event between look and wait is not lost.
    struct Wait, 16 {
        /// [`Events`] asked for, at least one.
        events: u32,
        /// Consumer position of the submission ring that the client has seen.
        seen_sq: u32,
        /// Producer position of the completion ring that the client has seen.
        seen_cq: u32,
        /// Producer position of the ready ring that the client has seen.
        seen_rq: u32,
    }

    /// Answer to [`Wait`].
    struct WaitReply, 8 {
        /// [`Events`] that hold.
        events: u32,
        /// With [`Events::CONNECTED`] or [`Events::ERROR`]: [`crate::WireErrno`] of the socket, 0 for none.
        error: u16,
        /// Zero.
        reserved: u16,
    }

    /// Asks for the ledger.
    struct Stats, 0 {}

    /// Answer to [`Stats`].
    struct StatsReply, 384 {
        /// Of this session.
        mine: Counters,
        /// Of the whole module.
        total: Counters,
    }

    /// Sets an option of the header's socket.
    struct SetSockOpt, 32 {
        /// Level, QNX's number.
        level: i32,
        /// Name, QNX's number.
        name: i32,
        /// Length of the value, exactly [`crate::SockOpt::value_len`].
        len: u32,
        /// Zero.
        reserved: u32,
        /// The value, zero behind `len`.
        value: [u8; MAX_OPTION_LEN],
    }

    /// Asks for an option of the header's socket.
    struct GetSockOpt, 16 {
        /// Level, QNX's number.
        level: i32,
        /// Name, QNX's number.
        name: i32,
        /// Length of the value, exactly [`crate::SockOpt::value_len`].
        len: u32,
        /// Zero.
        reserved: u32,
    }

    /// Answer to [`GetSockOpt`].
    struct OptReply, 24 {
        /// Length of the value.
        len: u32,
        /// Zero.
        reserved: u32,
        /// The value, zero behind `len`.
        value: [u8; MAX_OPTION_LEN],
    }

    /// Takes the pool back. `EBUSY` while a socket or an mbuf uses it.
    struct PoolDetach, 0 {}

    /// Ends the session: as if the client had died, but answered.
    struct Goodbye, 0 {}
}

impl ConnectReply {
    /// The connection is there.
    pub const CONNECTED: u32 = 0;
    /// The connection is being made.
    pub const IN_PROGRESS: u32 = 1;
}

impl Shutdown {
    /// No more receiving (`SHUT_RD`).
    pub const READ: u32 = 0;
    /// No more sending (`SHUT_WR`).
    pub const WRITE: u32 = 1;
    /// Neither (`SHUT_RDWR`).
    pub const BOTH: u32 = 2;
}
