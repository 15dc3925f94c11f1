//! The life of a socket's slot: one word that holds the state and the generation, so that no look can mix two lives.
//!
//! ```text
//! Vacant --reserve--> Reserved --open--> Open --close--> Closing --vacate--> Vacant, next generation
//!                         \----------------- end -----------^
//! ```
//! Only an Open socket can be named by its client. A Reserved one is known to whoever holds the
//! [`super::Reservation`], and to nobody else.

use crate::handle::{Handle, next_generation};
use core::sync::atomic::{AtomicU64, Ordering};

/// Where a slot is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nobody's.
    Vacant,
    /// Kept for a socket that is on its way in.
    Reserved,
    /// A socket that its client may name.
    Open,
    /// A socket that nobody may name any more, until everything that it held is back.
    Closing,
}

impl State {
    const fn number(self) -> u32 {
        match self {
            Self::Vacant => 0,
            Self::Reserved => 1,
            Self::Open => 2,
            Self::Closing => 3,
        }
    }

    const fn of(number: u32) -> Self {
        match number {
            0 => Self::Vacant,
            1 => Self::Reserved,
            2 => Self::Open,
            _ => Self::Closing,
        }
    }
}

/// State and handle. While Vacant the handle is that of the last life.
pub struct Life(AtomicU64);

impl Life {
    /// Vacant, before the first life: zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn split(word: u64) -> (State, u32) {
        let [h0, h1, h2, h3, s0, s1, s2, s3] = word.to_le_bytes();
        let state = State::of(u32::from_le_bytes([s0, s1, s2, s3]));
        (state, u32::from_le_bytes([h0, h1, h2, h3]))
    }

    fn join(state: State, raw: u32) -> u64 {
        let [h0, h1, h2, h3] = raw.to_le_bytes();
        let [s0, s1, s2, s3] = state.number().to_le_bytes();
        u64::from_le_bytes([h0, h1, h2, h3, s0, s1, s2, s3])
    }

    fn now(&self) -> (State, u32) {
        // SYNC POINT: pairs with the Release of `change`.
        Self::split(self.0.load(Ordering::Acquire))
    }

    /// Changes the state as `next` says, which gets state and raw handle; `None` leaves it as it is.
    fn change(&self, mut next: impl FnMut(State, u32) -> Option<(State, u32)>) -> bool {
        let step = |word| {
            let (state, raw) = Self::split(word);
            next(state, raw).map(|(state, raw)| Self::join(state, raw))
        };
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, step)
            .is_ok()
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> State {
        self.now().0
    }

    /// Starts the next life of slot `index`; `None` when one is under way.
    pub fn reserve(&self, index: u16) -> Option<Handle> {
        let (state, last) = self.now();
        let last = Handle::from_raw(last).map_or(0, Handle::generation);
        let handle = Handle::new(index, next_generation(last))?;
        let vacant = |state, _| match state {
            State::Vacant => Some((State::Reserved, handle.raw())),
            _ => None,
        };
        (state == State::Vacant && self.change(vacant)).then_some(handle)
    }

    /// The socket has moved in.
    pub fn open(&self) -> bool {
        self.change(|state, raw| (state == State::Reserved).then_some((State::Open, raw)))
    }

    /// Its client closes it; false when somebody has done so before.
    pub fn close(&self) -> bool {
        self.change(|state, raw| (state == State::Open).then_some((State::Closing, raw)))
    }

    /// Nobody may name it any more, whatever it was.
    pub fn end(&self) {
        self.change(|state, raw| (state != State::Vacant).then_some((State::Closing, raw)));
    }

    /// Its life is over; everything is back.
    pub fn vacate(&self) {
        self.change(|_, raw| Some((State::Vacant, raw)));
    }

    /// The handle of the life under way.
    #[must_use]
    pub fn handle(&self) -> Option<Handle> {
        match self.now() {
            (State::Vacant, _) => None,
            (_, raw) => Handle::from_raw(raw),
        }
    }

    /// The same, as it goes on the wire and into mbufs; 0 for none.
    #[must_use]
    pub fn raw(&self) -> u32 {
        self.handle().map_or(0, Handle::raw)
    }

    /// `handle` is of the life under way: for the stack's callbacks.
    #[must_use]
    pub fn is(&self, handle: Handle) -> bool {
        self.handle() == Some(handle)
    }

    /// `handle` is of the life under way, and its client may name it.
    #[must_use]
    pub fn is_open(&self, handle: Handle) -> bool {
        self.now() == (State::Open, handle.raw())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_open_socket_can_be_named_and_no_generation_comes_twice() {
        let life = Life::new();
        assert_eq!((life.state(), life.handle()), (State::Vacant, None));
        let first = life.reserve(3).unwrap();
        assert_eq!(life.reserve(3), None);
        assert!(life.is(first) && !life.is_open(first));
        assert!(!life.close(), "what is not open cannot be closed");
        assert!(life.open() && life.is_open(first) && !life.open());
        assert!(life.close() && !life.close() && !life.is_open(first) && life.is(first));
        life.end();
        assert_eq!(life.state(), State::Closing);
        life.vacate();
        assert!(!life.is(first) && life.raw() == 0);
        life.end();
        assert_eq!(life.state(), State::Vacant);
        let second = life.reserve(3).unwrap();
        assert_eq!((second.index(), second.generation()), (3, first.generation() + 1));
        assert!(!life.is(first));
    }
}
