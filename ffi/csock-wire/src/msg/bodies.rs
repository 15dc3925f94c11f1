//! The bodies of requests and replies, one struct each, in the order of their kinds.

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::counters::Counters;
use crate::sockaddr::SockAddr;
use crate::sockopt::MAX_OPTION_LEN;
use crate::stream::AreaGeometry;

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

/// A socket without a block in shared memory: it goes by messages.
pub const NO_BLOCK: u32 = u32::MAX;
/// [`Send`] and [`Recv`]: do not park.
pub const DONT_WAIT: u32 = 1;
/// [`Send`]: more follows at once.
pub const MORE: u32 = 2;

bitflags! {
    /// What a [`Wait`] waits for and what its reply reports. All are states, not changes.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct Events: u32 {
        /// There is data, or the end of the stream.
        const READABLE = 1;
        /// The send buffer has room.
        const WRITABLE = 2;
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
        .union(Events::WRITABLE)
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
    struct HelloReply, 48 {
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
        /// The module's second channel, for doorbells.
        doorbell_chid: i32,
        /// Wait slots that the session may have at once.
        max_waiters: u32,
        /// Requests that the session may have parked at once.
        max_parked: u32,
        /// Pools that the session may have at once; their numbers are below it.
        max_pools: u32,
        /// [`TX_ZERO_COPY`] or [`TX_COPY`].
        tx_mode: u32,
        /// Zero.
        reserved_end: u32,
    }

    /// Hands a pool over: anonymous and sealed. Number 0 comes first and holds the session's area.
    struct PoolAttach, 48 {
        /// `shm_handle_t` made by `shm_create_handle` for the module's process.
        handle: u64,
        /// Length of the pool, bytes.
        size: u64,
        /// Its number in the session.
        number: u32,
        /// Zero.
        reserved: u32,
        /// The area, in pool 0; all zero in the others.
        area: AreaGeometry,
    }

    /// Makes a socket.
    struct Socket, 16 {
        /// `AF_INET` (2) or `AF_INET6` (28).
        domain: u16,
        /// [`SOCK_STREAM`] or [`SOCK_DGRAM`].
        kind: u16,
        /// 0, [`IPPROTO_TCP`] or [`IPPROTO_UDP`].
        protocol: u16,
        /// Zero.
        reserved: u16,
        /// Its block in the session's area, made ready by the client; or [`NO_BLOCK`].
        block: u32,
        /// Zero.
        reserved_end: u32,
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
    struct Accept, 8 {
        /// The block of the new socket, or [`NO_BLOCK`].
        block: u32,
        /// Zero.
        reserved: u32,
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
    struct Shutdown, 16 {
        /// [`Shutdown::READ`], [`Shutdown::WRITE`] or [`Shutdown::BOTH`].
        how: u32,
        /// Zero.
        reserved: u32,
        /// Bytes committed ([`crate::stream::Writer::tail`]): they are sent first.
        after: u64,
    }

    /// Closes the header's socket. Its block is free when the state says [`crate::stream::State::RELEASED`].
    struct Close, 8 {
        /// As in [`Shutdown`].
        after: u64,
    }

    /// Asks for the local address.
    struct GetSockName, 0 {}

    /// Asks for the peer's address.
    struct GetPeerName, 0 {}

    /// Parks the client until one of the events holds. For sockets without a block; with one, a wait needs no message.
    struct Wait, 8 {
        /// [`Events`] asked for, at least one.
        events: u32,
        /// Zero.
        reserved: u32,
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
    struct SetSockOpt, 40 {
        /// Level, QNX's number.
        level: i32,
        /// Name, QNX's number.
        name: i32,
        /// Length of the value, exactly [`crate::SockOpt::value_len`].
        len: u32,
        /// Zero.
        reserved: u32,
        /// Bytes committed: they are sent with the option as it was. Sizes of buffers, linger and getters act at once.
        after: u64,
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

    /// Takes a pool back. `EBUSY` while a socket or an mbuf uses it.
    struct PoolDetach, 8 {
        /// Its number.
        number: u32,
        /// Zero.
        reserved: u32,
    }

    /// Ends the session: as if the client had died, but answered.
    struct Goodbye, 0 {}

    /// Sends the bytes behind the body: the way of sockets without a block, and of calls that found no memory in the pool.
    struct Send, 16 {
        /// Bytes committed ([`crate::stream::Writer::tail`]): they go first.
        after: u64,
        /// Bytes behind the body.
        len: u32,
        /// [`DONT_WAIT`], [`MORE`].
        flags: u32,
    }

    /// Answer to [`Send`]. Parked until at least one byte was taken.
    struct SendReply, 8 {
        /// Bytes taken, at least one unless none were brought.
        len: u32,
        /// Zero.
        reserved: u32,
    }

    /// Receives into the room behind the reply's body. `EREPEAT` when the module has filled buffers that the client has
    /// not taken: they come first.
    struct Recv, 16 {
        /// Ready entries taken ([`crate::stream::Taker::position`]).
        seen: u64,
        /// Bytes wanted, at most the room.
        len: u32,
        /// [`DONT_WAIT`].
        flags: u32,
    }

    /// Answer to [`Recv`]; the data lies behind it. 0 bytes are the end of the stream.
    struct RecvReply, 8 {
        /// Bytes received.
        len: u32,
        /// Zero.
        reserved: u32,
    }

    /// Registers what wakes the thread that sends this: the module delivers the event when a wait word names the slot.
    struct AddWaiter, 32 {
        /// The event as `MsgRegisterEvent` left it (`struct sigevent` without its attributes): type and flags, target,
        /// value, code and priority.
        event: [u64; 4],
    }

    /// Answer to [`AddWaiter`].
    struct WaiterReply, 8 {
        /// The wait slot, 1 and up.
        slot: u32,
        /// Zero.
        reserved: u32,
    }

    /// Forgets a wait slot.
    struct DropWaiter, 8 {
        /// The slot.
        slot: u32,
        /// Zero.
        reserved: u32,
    }

    /// Parks until the session ends.
    struct Watch, 0 {}

    /// Rings. Answered at once.
    struct Doorbell, 0 {}
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
