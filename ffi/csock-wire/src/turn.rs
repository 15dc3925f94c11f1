//! Who runs a socket: one thread at a time, the others leave a note and go.
//!
//! Doorbells, control messages, upcalls and freed mbufs all make work for the same socket, from several threads. Each
//! posts its event bits and tries to take the turn. Who gets it serves all bits, also those that others post
//! meanwhile; who does not, leaves. Nobody waits, so nobody of a high priority waits for a low one.

use core::fmt;

#[cfg(loom)]
use loom::{cell::UnsafeCell, sync::atomic::AtomicU32, sync::atomic::Ordering};

#[cfg(not(loom))]
use core::{cell::UnsafeCell, sync::atomic::AtomicU32, sync::atomic::Ordering};

/// Set in the word while somebody has the turn.
const TAKEN: u32 = 1 << 31;

/// What became of an attempt to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "after `Budget` somebody must run again"]
pub enum RunOutcome {
    /// No bits are left.
    Done,
    /// Somebody else has the turn, and will see the bits that were posted before.
    Busy,
    /// The turn was given up with bits left: whoever gets this must see to it that [`Turn::run`] is called again.
    Budget,
}

/// A value that one thread at a time may work on, and a word of event bits that say what is to be done.
///
/// Bits and turn share one word, so "no bits are left" and "the turn is free" are one atomic step: a bit posted just
/// before it makes the release fail, a bit posted just after it finds the turn free. No fence argument is needed.
///
/// Bit 31 is the turn itself; events use bits 0 to 30.
pub struct Turn<T> {
    word: AtomicU32,
    value: UnsafeCell<T>,
}

// The cell is the crate's second and last place with unsafe code.
#[allow(unsafe_code)]
// SAFETY: `value` is reached only between a fetch_or that set TAKEN (Acquire) and the operation that clears it
// (Release), which makes the access exclusive and ordered; so `T` moves between threads but is never shared.
unsafe impl<T: Send> Sync for Turn<T> {}

impl<T> Turn<T> {
    /// The events that can be posted: all bits but the highest.
    pub const EVENTS: u32 = !TAKEN;

    /// No bits, nobody has the turn.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new(value: T) -> Turn<T> {
        Turn {
            word: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// No bits, nobody has the turn.
    #[cfg(loom)]
    #[must_use]
    pub fn new(value: T) -> Turn<T> {
        Turn {
            word: AtomicU32::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Adds event bits; returns those that were there. What the caller wrote before is seen by who serves the bits.
    ///
    /// Callable from anywhere, also from inside [`Turn::run`] of the same value. Follow with `run`, or leave it to
    /// somebody who will.
    pub fn post(&self, bits: u32) -> u32 {
        self.word.fetch_or(bits & Self::EVENTS, Ordering::Release) & Self::EVENTS
    }

    /// The bits that wait now; only a hint.
    #[must_use]
    pub fn pending(&self) -> u32 {
        self.word.load(Ordering::Relaxed) & Self::EVENTS
    }

    /// Takes the turn if it is free and calls `f` with the value and the bits, again while bits come, at most
    /// `max_rounds` times. Does not call `f` without bits. Never waits.
    pub fn run(&self, max_rounds: u32, mut f: impl FnMut(&mut T, u32)) -> RunOutcome {
        if !self.take() {
            return RunOutcome::Busy;
        }
        for _ in 0..max_rounds {
            // SYNC POINT: Acquire pairs with the Release in `post`.
            let bits = self.word.swap(TAKEN, Ordering::AcqRel) & Self::EVENTS;
            if bits != 0 {
                self.with_value(|value| f(value, bits));
            }
            // SYNC POINT: Release pairs with the Acquire in `take`. Fails exactly when bits came meanwhile.
            if self
                .word
                .compare_exchange(TAKEN, 0, Ordering::Release, Ordering::Relaxed)
                .is_ok()
            {
                return RunOutcome::Done;
            }
        }
        self.give_up()
    }

    /// Takes the turn if it is free and calls `f` with the value, leaving the bits alone. `None`: somebody else has
    /// the turn. The outcome beside the result is `Done` or `Budget`: bits wait, call [`Turn::run`].
    pub fn with<R>(&self, f: impl FnOnce(&mut T) -> R) -> Option<(R, RunOutcome)> {
        if !self.take() {
            return None;
        }
        let result = self.with_value(f);
        Some((result, self.give_up()))
    }

    /// The value, by exclusive borrow: nobody else can be there.
    #[cfg(not(loom))]
    pub const fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value itself.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }

    fn take(&self) -> bool {
        // SYNC POINT: Acquire pairs with the Release of the last holder.
        self.word.fetch_or(TAKEN, Ordering::Acquire) & TAKEN == 0
    }

    fn give_up(&self) -> RunOutcome {
        // SYNC POINT: Release pairs with the Acquire in `take`.
        match self.word.fetch_and(Self::EVENTS, Ordering::Release) & Self::EVENTS {
            0 => RunOutcome::Done,
            _ => RunOutcome::Budget,
        }
    }

    /// Only while this thread has the turn. Should `f` unwind, the turn stays taken for ever: the value may be half
    /// changed, and nobody is let near it.
    #[allow(unsafe_code)]
    fn with_value<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(loom))]
        // SAFETY: TAKEN was clear and this thread set it, and nobody else touches the value until it is clear.
        let result = f(unsafe { &mut *self.value.get() });
        #[cfg(loom)]
        // SAFETY: as above; loom checks it.
        let result = self.value.with_mut(|value| f(unsafe { &mut *value }));
        result
    }
}

impl<T> fmt::Debug for Turn<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("pending", &self.pending())
            .finish_non_exhaustive()
    }
}
