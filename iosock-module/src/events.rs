//! Why a socket needs a turn: the bits of its [`csock_wire::Turn`]. All only say where to look: what is to be
//! done follows from the state that the turn finds, so a bit that comes late does no harm.

/// A request lies in the mailbox.
pub const OP: u32 = 1;
/// The client has marked the socket in its dirty map.
pub const DOORBELL: u32 = 1 << 1;
/// Upcall of the receive buffer: data, EOF, error.
pub const RECV: u32 = 1 << 2;
/// Upcall of the send buffer: space, connected, error.
pub const SEND: u32 = 1 << 3;
/// Upcall of a listener: a connection is in the queue.
pub const ACCEPT: u32 = 1 << 4;
/// An external mbuf came back.
pub const FREED: u32 = 1 << 5;
/// The last round left work.
pub const MORE: u32 = 1 << 6;
/// The socket's timer ran out.
pub const TIMER: u32 = 1 << 7;
/// A parked client of this socket may want out.
pub const UNBLOCK: u32 = 1 << 8;
/// The owner's state has changed: look at it ([`crate::session::Orders`]).
pub const LOOK: u32 = 1 << 9;
