//! Why a request or a word in shared memory was refused: the error, the field at fault, its value, and what is allowed.

use core::fmt;

use crate::errno::WireErrno;

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $n:literal;)*) => {
        /// The field that a peer got wrong, as it travels in [`crate::ReplyHeader::what`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Field {
            $($(#[$doc])* $name,)*
        }

        impl Field {
            /// The number on the wire.
            #[must_use]
            pub const fn to_wire(self) -> u16 {
                match self { $(Field::$name => $n,)* }
            }

            /// The field of a wire number; a number that this build does not know is [`Field::None`].
            #[must_use]
            pub const fn from_wire(number: u16) -> Field {
                match number { $($n => Field::$name,)* _ => Field::None }
            }

            /// The name, for messages to people.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Field::$name => stringify!($name),)* }
            }
        }
    };
}

fields! {
    /// No single field is at fault.
    None = 0;
    /// Length of the message in bytes.
    Length = 1;
    /// Room for the reply in bytes.
    ReplyLength = 2;
    /// Protocol version.
    Version = 3;
    /// `MsgHeader::flags`.
    HeaderFlags = 4;
    /// `MsgHeader::session`.
    Session = 5;
    /// `MsgHeader::socket`.
    Socket = 6;
    /// A reserved field that is not zero.
    Reserved = 7;
    /// Layout hash of the peer.
    LayoutHash = 8;
    /// Shared-memory handle of the pool.
    PoolHandle = 9;
    /// Size of the pool.
    PoolSize = 10;
    /// Flags of the pool's object (not anonymous, not sealed, revocable, ...).
    PoolFlags = 11;
    /// Magic number of the pool header.
    PoolMagic = 12;
    /// Where the pool's data area starts.
    PoolDataOffset = 13;
    /// Number of pools of the session, or of all.
    PoolCount = 14;
    /// Socket domain.
    Domain = 22;
    /// Socket type.
    Type = 23;
    /// Socket protocol.
    Protocol = 24;
    /// Address family.
    AddrFamily = 25;
    /// Port.
    AddrPort = 26;
    /// Address bytes, scope or flow.
    Addr = 27;
    /// Backlog of listen.
    Backlog = 28;
    /// `how` of shutdown.
    How = 29;
    /// Event bits.
    Events = 31;
    /// Level of a socket option.
    OptLevel = 33;
    /// Name of a socket option.
    OptName = 34;
    /// Length of a socket option.
    OptLen = 35;
    /// Value of a socket option.
    OptValue = 36;
    /// Number of sockets of the session.
    SocketCount = 37;
    /// Number of parked requests of the session.
    ParkedCount = 38;
    /// Number of sessions.
    SessionCount = 39;
    /// State of the socket or session does not permit the request.
    State = 40;
    /// Number of receive buffers.
    BufferCount = 48;
    /// Length of a receive buffer.
    BufferLength = 49;
    /// Id of a receive buffer.
    BufferId = 50;
    /// Stream: bytes committed.
    StreamTail = 51;
    /// Stream: ranges posted.
    StreamRanges = 52;
    /// Stream: bytes taken.
    StreamTaken = 53;
    /// Stream: ranges given back.
    StreamFreed = 54;
    /// Stream: bytes consumed.
    StreamHead = 55;
    /// Stream: entries filled.
    StreamReady = 56;
    /// Stream: state word.
    StreamState = 57;
    /// Stream: ready entries taken.
    ReadyTaken = 58;
    /// Receive buffers given back.
    ReturnsPosted = 59;
    /// Range: position of its first byte.
    RangeStart = 60;
    /// Range: pool.
    RangePool = 61;
    /// Range: offset in the pool.
    RangeOffset = 62;
    /// Range: end (offset + length).
    RangeEnd = 63;
    /// Number of a pool.
    PoolNumber = 64;
    /// Index of a socket's block.
    BlockIndex = 65;
    /// Wait slot.
    WaitSlot = 66;
    /// Event to register.
    Event = 67;
    /// Position in a stream that a request follows.
    After = 68;
    /// Flags of a send or a receive.
    MsgFlags = 69;
    /// Bytes that a send brings.
    SendLength = 70;
    /// Ready entries that a receive has seen.
    Seen = 71;
}

/// A refused request: which error, which field, what it held, what is allowed there (a value, a mask or a limit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error for the caller.
    pub error: WireErrno,
    /// The field at fault.
    pub what: Field,
    /// What the field held.
    pub value: u64,
    /// The nearest allowed value, the limit, or the mask of allowed bits.
    pub allowed: u64,
}

impl Refusal {
    /// A refusal with all its parts.
    #[must_use]
    pub const fn new(error: WireErrno, what: Field, value: u64, allowed: u64) -> Refusal {
        Refusal {
            error,
            what,
            value,
            allowed,
        }
    }

    /// A bare error without a field.
    #[must_use]
    pub const fn bare(error: WireErrno) -> Refusal {
        Refusal::new(error, Field::None, 0, 0)
    }
}

impl From<WireErrno> for Refusal {
    fn from(error: WireErrno) -> Refusal {
        Refusal::bare(error)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            Field::None => write!(f, "{}", self.error),
            what => write!(
                f,
                "{}: {} is {:#x}, allowed {:#x}",
                self.error,
                what.name(),
                self.value,
                self.allowed
            ),
        }
    }
}

impl core::error::Error for Refusal {}
