//! What a round wants done outside its socket. The round returns it and the table carries it out, still inside the
//! turn: nothing is overwritten, and a socket knows nobody but itself.

use super::slot::{Arrival, Reservation};
use crate::{limits::MAILBOX, machine::Platform};
use csock_wire::stream::StreamFault;
use heapless::Vec;

/// Everything that one round caused.
pub struct Effects<P: Platform> {
    /// The earliest time at which the socket wants a turn though nothing happens, ms.
    pub timer: Option<u64>,
    /// Work is left for the next round.
    pub more: bool,
    /// Bytes that went either way.
    pub moved: u32,
    /// The client's memory holds what an honest client cannot have written.
    pub fault: Option<StreamFault>,
    /// The session's dirty map and returned buffers are to be looked at once more.
    pub look_again: bool,
    /// Accepted connections, each for the slot that was kept for it. As many as one round takes requests.
    pub children: Vec<(Reservation<P>, Arrival<P>), MAILBOX>,
    /// The socket belongs to no session any more.
    pub left: bool,
    /// The socket has taken this block of its session.
    pub bound: Option<u32>,
    /// The socket has given up this block of its session.
    pub unbound: Option<u32>,
    /// The slot is free.
    pub vacated: bool,
}

impl<P: Platform> Effects<P> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            timer: None,
            more: false,
            moved: 0,
            fault: None,
            look_again: false,
            children: Vec::new(),
            left: false,
            bound: None,
            unbound: None,
            vacated: false,
        }
    }

    /// The socket wants a turn at `at` ms, or before.
    pub fn wake_at(&mut self, at: u64) {
        self.timer = Some(self.timer.map_or(at, |before| before.min(at)));
    }
}
