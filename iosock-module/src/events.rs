//! Why a socket needs a turn: the bits of its [`csock_wire::Turn`]. All are hints; the turn looks at the state itself.

/// A request lies in the mailbox.
pub const OP: u32 = 1;
/// The client rang: a ring has work.
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
/// The session is gone: finish what is published, then close.
pub const ORPHAN: u32 = 1 << 9;
/// Close now, with RST.
pub const ABORT: u32 = 1 << 10;
/// Another socket of the session found a lying ring: no ring of the session is touched again.
pub const FAULT: u32 = 1 << 11;
