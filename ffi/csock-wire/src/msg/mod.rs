//! Control messages: what a client sends with `MsgSend` and what the module answers with `MsgReply`.
//!
//! ```text
//! request  = MsgHeader (16 bytes)   + the body of its kind
//! reply    = ReplyHeader (24 bytes) + the reply body of its kind      status of MsgReply is always 0 (EOK)
//! ```
//!
//! - The first `u16` is the kind, far above QNX's own message types (`_IO_MAX`, 0x1FF).
//! - Lengths are exact: a request is as long as its kind says, and so is the reply, also when it carries an error
//!   (then the body is zero). SEND and the reply of RECV carry data behind their bodies, whose length stands there. The
//!   length is checked before any content (S-22), the room for the reply before any side effect (S-24).
//! - `MsgError` is used only where no reply can be: unknown kind (`ENOSYS`), a message too short for its kind
//!   (`EBADMSG`), and to answer an unblock pulse.
//! - Everything is little-endian, `repr(C)`, without padding; a number is never an enum before it was matched.

mod bodies;
mod checks;

pub use bodies::*;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::errno::WireErrno;
use crate::layout::widen;
use crate::refusal::{Field, Refusal};

/// First message kind.
pub const MSG_BASE: u16 = 0x4C00;
/// Version of the protocol that this build speaks.
pub const WIRE_VERSION: u16 = 2;
/// Pulse code of the doorbell; its value is the session's handle, zero-extended.
pub const PULSE_DOORBELL: i8 = 1;
/// Path of the module's node, below the prefix of its io-sock, unless a tunable says otherwise.
pub const NODE_PATH: &str = "/dev/csock";
/// Bytes of the longest request; a receive buffer of this size never truncates one.
pub const MAX_REQUEST_LEN: usize = Kind::longest(true);
/// Bytes of the longest reply.
pub const MAX_REPLY_LEN: usize = Kind::longest(false);

/// Starts every request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MsgHeader {
    /// [`Kind`], as [`Kind::to_wire`] numbers it.
    pub kind: u16,
    /// [`WIRE_VERSION`].
    pub version: u16,
    /// The session that HELLO gave (index in the low half, generation in the high), 0 in HELLO itself.
    pub session: u32,
    /// The socket that the request is about, 0 when it is about none.
    pub socket: u32,
    /// Zero.
    pub flags: u32,
}

/// Starts every reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ReplyHeader {
    /// [`WireErrno`], 0 for success.
    pub error: u16,
    /// [`Field`] at fault, 0 for none.
    pub what: u16,
    /// Zero.
    pub reserved: u32,
    /// What the field held.
    pub value: u64,
    /// What is allowed there.
    pub allowed: u64,
}

const _: () = assert!(size_of::<MsgHeader>() == 16 && size_of::<ReplyHeader>() == 24);

impl MsgHeader {
    /// A header of this version.
    #[must_use]
    pub const fn new(kind: Kind, session: u32, socket: u32) -> MsgHeader {
        MsgHeader {
            kind: kind.to_wire(),
            version: WIRE_VERSION,
            session,
            socket,
            flags: 0,
        }
    }
}

impl ReplyHeader {
    /// Success.
    pub const OK: ReplyHeader = ReplyHeader {
        error: 0,
        what: 0,
        reserved: 0,
        value: 0,
        allowed: 0,
    };

    /// `Ok(())` for success, otherwise what was refused.
    ///
    /// # Errors
    /// The [`Refusal`] that the header carries.
    pub const fn to_result(&self) -> Result<(), Refusal> {
        if self.error == 0 {
            return Ok(());
        }
        Err(Refusal::new(
            WireErrno(self.error),
            Field::from_wire(self.what),
            self.value,
            self.allowed,
        ))
    }
}

impl From<&Refusal> for ReplyHeader {
    fn from(r: &Refusal) -> ReplyHeader {
        ReplyHeader {
            error: r.error.0,
            what: r.what.to_wire(),
            reserved: 0,
            value: r.value,
            allowed: r.allowed,
        }
    }
}

/// The body of one kind of request.
pub trait Body: FromBytes + IntoBytes + Immutable + KnownLayout {
    /// Its kind.
    const KIND: Kind;
    /// The body of its reply.
    type Reply: FromBytes + IntoBytes + Immutable + KnownLayout;

    /// Checks what needs no knowledge of any session: reserved fields, flag bits, addresses.
    ///
    /// # Errors
    /// The first wrong field.
    fn check(&self) -> Result<(), Refusal> {
        Ok(())
    }
}

/// A request that cannot be parsed, and how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// `MsgError(rcvid, EBADMSG)`: shorter than its kind.
    Short {
        /// Bytes that arrived.
        len: usize,
        /// Bytes that the kind (or the header) takes.
        needed: usize,
    },
    /// `MsgError(rcvid, ENOSYS)`: not a kind of this version.
    UnknownKind(u16),
    /// `MsgReply` with a [`ReplyHeader`] made of the refusal, and a zero body of the kind.
    Refused(Kind, Refusal),
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $n:literal, $reply:ty;)*) => {
        /// The kinds of request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind, in wire order.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// The number on the wire.
            #[must_use]
            pub const fn to_wire(self) -> u16 {
                // The constants are checked by the compiler: an overflow would not build.
                match self { $(Kind::$name => const { MSG_BASE + $n },)* }
            }

            /// The kind of a number, `None` when this version has no such kind.
            #[must_use]
            pub const fn from_wire(number: u16) -> Option<Kind> {
                match number.checked_sub(MSG_BASE) { $(Some($n) => Some(Kind::$name),)* _ => None }
            }

            /// Exact length of the request, header included, bytes.
            #[must_use]
            pub const fn request_len(self) -> usize {
                match self { $(Kind::$name => const { size_of::<MsgHeader>() + size_of::<$name>() },)* }
            }

            /// Exact length of the reply, header included, bytes. The client must have room for all of it.
            #[must_use]
            pub const fn reply_len(self) -> usize {
                match self { $(Kind::$name => const { size_of::<ReplyHeader>() + size_of::<$reply>() },)* }
            }
        }

        /// A request, copied out of the message and checked as far as [`Body::check`] goes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Request { $($(#[$doc])* $name($name),)* }

        impl Request {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> Kind {
                match self { $(Request::$name(_) => Kind::$name,)* }
            }

            fn parse_body(kind: Kind, body: &[u8]) -> Result<Request, ParseError> {
                match kind {
                    $(Kind::$name => {
                        let Ok(body) = $name::read_from_bytes(body) else {
                            let len = body.len().saturating_add(size_of::<MsgHeader>());
                            return Err(ParseError::Short { len, needed: kind.request_len() });
                        };
                        body.check().map_err(|refusal| ParseError::Refused(kind, refusal))?;
                        Ok(Request::$name(body))
                    })*
                }
            }
        }

        $(impl From<$name> for Request {
            fn from(body: $name) -> Request { Request::$name(body) }
        })*
    };
}

kinds! {
    /// Opens a session: versions and limits.
    Hello = 0, HelloReply;
    /// Hands a pool over.
    PoolAttach = 1, Empty;
    /// socket(2).
    Socket = 2, SocketReply;
    /// bind(2).
    Bind = 3, AddrReply;
    /// listen(2).
    Listen = 4, Empty;
    /// connect(2).
    Connect = 5, ConnectReply;
    /// accept(2).
    Accept = 6, AcceptReply;
    /// shutdown(2), after the data before a position.
    Shutdown = 7, Empty;
    /// close(2), after the data before a position.
    Close = 8, Empty;
    /// getsockname(2).
    GetSockName = 9, AddrReply;
    /// getpeername(2).
    GetPeerName = 10, AddrReply;
    /// Parks the client until an event holds: for sockets that have no block.
    Wait = 11, WaitReply;
    /// Reads the ledger.
    Stats = 12, StatsReply;
    /// setsockopt(2).
    SetSockOpt = 13, Empty;
    /// getsockopt(2).
    GetSockOpt = 14, OptReply;
    /// Takes a pool back, once no socket uses it.
    PoolDetach = 15, Empty;
    /// Ends the session.
    Goodbye = 16, Empty;
    /// send(2) with the data behind the body.
    Send = 17, SendReply;
    /// recv(2) with the data behind the reply's body.
    Recv = 18, RecvReply;
    /// Registers what wakes one sleeping thread.
    AddWaiter = 19, WaiterReply;
    /// Forgets it.
    DropWaiter = 20, Empty;
    /// Parks for as long as the session lives: its end tells of the module's.
    Watch = 21, Empty;
    /// Rings, on the doorbell channel, where the system allows no pulse.
    Doorbell = 22, Empty;
}

impl Kind {
    // Runs in the compiler only; the sums are of sizes of types.
    #[allow(clippy::arithmetic_side_effects)]
    const fn longest(request: bool) -> usize {
        let mut longest = 0;
        let mut rest = Kind::ALL;
        while let [kind, tail @ ..] = rest {
            let len = if request {
                kind.request_len()
            } else {
                kind.reply_len()
            };
            if len > longest {
                longest = len;
            }
            rest = tail;
        }
        longest
    }
}

impl Request {
    /// Parses a whole request. `bytes` must be cut to what arrived (`msglen`): the rest of a receive buffer is
    /// somebody else's old message.
    ///
    /// # Errors
    /// [`ParseError`], which says how the sender is answered. Length first, then kind, version, header, body.
    pub fn parse(bytes: &[u8]) -> Result<(MsgHeader, Request), ParseError> {
        let short = ParseError::Short {
            len: bytes.len(),
            needed: size_of::<MsgHeader>(),
        };
        let (header, body) = MsgHeader::read_from_prefix(bytes).map_err(|_| short)?;
        let kind = Kind::from_wire(header.kind).ok_or(ParseError::UnknownKind(header.kind))?;
        let needed = kind.request_len();
        if bytes.len() < needed {
            return Err(ParseError::Short {
                len: bytes.len(),
                needed,
            });
        }
        let refuse = |error, what, value, allowed| {
            Err(ParseError::Refused(
                kind,
                Refusal::new(error, what, value, allowed),
            ))
        };
        // A send brings its data behind the body, as many bytes as the body says: the receiver compares that with the
        // length that the kernel gives for the whole message.
        let body = if kind == Kind::Send {
            body.get(..needed.saturating_sub(size_of::<MsgHeader>()))
                .unwrap_or(body)
        } else {
            body
        };
        if bytes.len() > needed && kind != Kind::Send {
            return refuse(
                WireErrno::EBADMSG,
                Field::Length,
                widen(bytes.len()),
                widen(needed),
            );
        }
        if header.version != WIRE_VERSION {
            return refuse(
                WireErrno::EPROTONOSUPPORT,
                Field::Version,
                header.version.into(),
                WIRE_VERSION.into(),
            );
        }
        if header.flags != 0 {
            return refuse(WireErrno::EINVAL, Field::HeaderFlags, header.flags.into(), 0);
        }
        Ok((header, Request::parse_body(kind, body)?))
    }
}

/// Writes a request into `buf` and returns the bytes to send; `None` when `buf` is too short
/// ([`MAX_REQUEST_LEN`] always suffices).
#[must_use]
pub fn encode_request<'b, B: Body>(
    session: u32,
    socket: u32,
    body: &B,
    buf: &'b mut [u8],
) -> Option<&'b [u8]> {
    let header = MsgHeader::new(B::KIND, session, socket);
    encode(&header, body, B::KIND.request_len(), buf)
}

/// Writes a reply of success into `buf` and returns the bytes to send; `None` when `buf` is too short
/// ([`MAX_REPLY_LEN`] always suffices).
#[must_use]
pub fn encode_reply<'b, B: Body>(reply: &B::Reply, buf: &'b mut [u8]) -> Option<&'b [u8]> {
    encode(&ReplyHeader::OK, reply, B::KIND.reply_len(), buf)
}

/// Writes a reply that refuses a request of `kind` into `buf`: as long as a success, its body zero (S-24). `None`
/// when `buf` is too short ([`MAX_REPLY_LEN`] always suffices).
#[must_use]
pub fn encode_refusal<'b>(kind: Kind, refusal: &Refusal, buf: &'b mut [u8]) -> Option<&'b [u8]> {
    let out = buf.get_mut(..kind.reply_len())?;
    out.fill(0);
    ReplyHeader::from(refusal).write_to_prefix(out).ok()?;
    Some(out)
}

/// Parses the reply to a request of kind `B`. `bytes` must be cut to what arrived.
///
/// # Errors
/// The refusal that the module sent, or `EBADMSG` when the length is not that of the reply (a module that lies).
pub fn parse_reply<B: Body>(bytes: &[u8]) -> Result<B::Reply, Refusal> {
    let needed = B::KIND.reply_len();
    let bad = Refusal::new(
        WireErrno::EBADMSG,
        Field::Length,
        widen(bytes.len()),
        widen(needed),
    );
    let (header, body) = ReplyHeader::read_from_prefix(bytes).map_err(|_| bad)?;
    header.to_result()?;
    B::Reply::read_from_bytes(body).map_err(|_| bad)
}

fn encode<'b, H, B>(header: &H, body: &B, len: usize, buf: &'b mut [u8]) -> Option<&'b [u8]>
where
    H: IntoBytes + Immutable,
    B: IntoBytes + Immutable,
{
    let out = buf.get_mut(..len)?;
    let (head, tail) = out.split_at_mut_checked(size_of::<H>())?;
    header.write_to(head).ok()?;
    body.write_to(tail).ok()?;
    Some(out)
}
