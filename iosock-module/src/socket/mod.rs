//! One socket: the slot that every thread may touch, and the body that only the holder of its turn touches.
//!
//! | file | what |
//! |---|---|
//! | `round.rs` | one round of a turn, in its order |
//! | `tx.rs` | submission ring -> mbufs -> `sosend` |
//! | `completion.rs` | send buffers given back |
//! | `rx.rs` | `soreceive` -> fill buffers -> ready ring |
//! | `request.rs` | control requests |
//! | `listen.rs` | listening and accepting |
//! | `wait.rs` | parked waits, readiness |
//! | `close.rs` | close, orphan, abort, failure, release |
//! | `wire.rs` | the socket's part of the pool |

mod close;
mod completion;
mod listen;
mod request;
mod round;
mod rx;
#[cfg(test)]
mod tests;
mod tx;
mod wait;
mod wire;

pub use request::{Op, SocketRequest, bound_key};
pub use wait::{Wait, WaitFor};
pub use wire::RingSetup;

use crate::{
    inflight::InFlight,
    limits::{MAILBOX, PARKED_PER_SOCKET},
    machine::{OptValue, Platform},
    mailbox::Mailbox,
    maybe::Maybe,
};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use csock_wire::{SockAddr, Turn, WireErrno};

/// What is in a slot of the socket table. Everything here may be touched by any thread; `turn` guards the rest.
pub struct SocketSlot<P: Platform> {
    /// Raw handle of this life; 0: free. Set by the control thread, cleared by the holder of the turn.
    pub tag: AtomicU32,
    /// Generation of the last life. Control thread only.
    pub generation: AtomicU32,
    /// Raw handle of the session; 0: none any more (an orphan).
    pub session: AtomicU32,
    /// Owner's user id, for quotas; outlives the session.
    pub uid: AtomicU32,
    /// The client may name it in requests: from its creation to its close.
    pub open: AtomicBool,
    /// Address of a successful bind: port in the low 16 bits, IPv4 address above; 0: none.
    pub bound: AtomicU64,
    /// When the socket wants a turn even if nothing happens, ms; 0: never.
    pub timer: AtomicU64,
    /// Waits parked here.
    pub parked: AtomicU32,
    /// Descriptors that the stack holds.
    pub inflight: InFlight,
    /// Requests on their way into the turn.
    pub mailbox: Mailbox<Op<P>, MAILBOX>,
    /// Somebody has the turn now: a hint that saves the wakeup of a worker. See [`crate::table::Table::serve`].
    pub served: AtomicBool,
    /// Who works on the socket, and what it is.
    pub turn: Turn<Body<P>>,
}

impl<P: Platform> SocketSlot<P> {
    /// A free slot.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            tag: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            session: AtomicU32::new(0),
            uid: AtomicU32::new(0),
            open: AtomicBool::new(false),
            bound: AtomicU64::new(0),
            timer: AtomicU64::new(0),
            parked: AtomicU32::new(0),
            inflight: InFlight::new(),
            mailbox: Mailbox::new(),
            served: AtomicBool::new(false),
            turn: Turn::new(Body::new()),
        }
    }
}

/// Where a socket is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Phase {
    /// No socket.
    Vacant = 0,
    /// Made, perhaps bound.
    Fresh,
    /// `soconnect` has started.
    Connecting,
    /// Data can move.
    Connected,
    /// Takes connections.
    Listening,
    /// The connection is gone; the client has not closed it yet.
    Failed,
}

/// The stack's side of a socket.
#[repr(u8)]
enum Sock<P: Platform> {
    None = 0,
    Stream(P::Stream),
    Listener(P::Listener),
}

/// The half of a socket that its turn guards.
pub struct Body<P: Platform> {
    phase: Phase,
    sock: Sock<P>,
    wire: Maybe<wire::Wire<P>>,
    tx: tx::Tx,
    rx: rx::Rx,
    /// A connection taken from the queue and not yet asked for.
    stash: Maybe<(P::Stream, SockAddr)>,
    waits: [Maybe<Wait<P>>; PARKED_PER_SOCKET],
    /// Why the connection failed.
    failure: Option<WireErrno>,
    /// The same, until the client has read it as `SO_ERROR`.
    pending_error: Option<WireErrno>,
    closing: Maybe<close::Closing>,
    /// `SO_LINGER`: on or off, seconds. On with 0 seconds: close means RST.
    linger: OptValue,
    /// Out of mbufs or the like: try again in a while.
    retry: bool,
}

impl<P: Platform> Body<P> {
    const fn new() -> Self {
        Self {
            phase: Phase::Vacant,
            sock: Sock::None,
            wire: Maybe::Nothing,
            tx: tx::Tx::new(),
            rx: rx::Rx::new(),
            stash: Maybe::Nothing,
            waits: [const { Maybe::Nothing }; PARKED_PER_SOCKET],
            failure: None,
            pending_error: None,
            closing: Maybe::Nothing,
            linger: OptValue { first: 0, second: 0 },
            retry: false,
        }
    }

    const fn linger_zero(&self) -> bool {
        self.linger.first != 0 && self.linger.second == 0
    }
}
