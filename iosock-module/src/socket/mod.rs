//! One socket: the slot that every thread may touch, and the body that only the holder of its turn touches. Nothing here
//! knows the table: a round gets what it needs, and returns what it wants done.
//!
//! | file | what |
//! |---|---|
//! | `slot.rs`, `life.rs` | what all threads share; the slot's life as one state with its generation |
//! | `round.rs`, `effects.rs` | one round of a turn, in its order; what it wants done outside |
//! | `binding.rs` | what ties the socket to its client's memory |
//! | `tx.rs` | committed bytes -> mbufs -> `sosend`, and the memory back |
//! | `rx.rs` | `soreceive` -> receive buffers -> ready entries |
//! | `request.rs` | control requests |
//! | `listen.rs` | listening and accepting |
//! | `wait.rs` | parked requests: waits, sending and receiving by message |
//! | `close.rs` | close, orphan, abort, failure, release |

mod binding;
mod close;
mod effects;
mod granted;
mod life;
mod listen;
mod request;
mod round;
mod rx;
mod slot;
#[cfg(test)]
mod tests;
mod tx;
mod wait;

pub use binding::BindingSetup;
pub use effects::Effects;
pub use granted::Granted;
pub use life::State;
pub use request::{SocketRequest, bound_key};
pub use round::Surroundings;
pub use slot::{Arrival, Close, Request, Reservation, SocketSlot};
pub use wait::What;

use crate::{
    limits::PARKED_PER_SOCKET,
    machine::{OptValue, Platform},
    maybe::Maybe,
    session::Orders,
};
use csock_wire::{SockAddr, WireErrno};

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
    binding: Maybe<binding::Binding<P>>,
    tx: tx::Tx<P>,
    rx: rx::Rx,
    /// A connection taken from the queue and not yet asked for.
    stash: Maybe<(P::Stream, SockAddr)>,
    parked: [Maybe<wait::Wait<P>>; PARKED_PER_SOCKET],
    /// Why the connection failed.
    failure: Option<WireErrno>,
    /// The same, until the client has read it as `SO_ERROR`.
    pending_error: Option<WireErrno>,
    closing: Maybe<close::Closing>,
    /// `SO_LINGER`: on or off, seconds. On with 0 seconds: close means RST.
    linger: OptValue,
    /// Out of mbufs or the like: try again in a while.
    retry: bool,
    /// What its owner's state asked and was carried out.
    obeyed: Orders,
}

impl<P: Platform> Body<P> {
    const fn new() -> Self {
        Self {
            phase: Phase::Vacant,
            sock: Sock::None,
            binding: Maybe::Nothing,
            tx: tx::Tx::new(),
            rx: rx::Rx::new(),
            stash: Maybe::Nothing,
            parked: [const { Maybe::Nothing }; PARKED_PER_SOCKET],
            failure: None,
            pending_error: None,
            closing: Maybe::Nothing,
            linger: OptValue { first: 0, second: 0 },
            retry: false,
            obeyed: Orders::empty(),
        }
    }

    const fn linger_zero(&self) -> bool {
        self.linger.first != 0 && self.linger.second == 0
    }
}
