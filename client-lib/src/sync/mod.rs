//! Blocking locks: std's where there is std, POSIX threads' elsewhere. Never a spinning one: on a real-time system a
//! spinning thread of high priority keeps the owner of low priority from running.
//!
//! A thread notes that it is about to take a lock, and that it has given it up: a signal handler that runs on it asks before it
//! takes one itself, since it would wait for the very thread that it interrupts.

#[cfg(not(feature = "std"))]
mod pthread;
#[cfg(feature = "std")]
mod std_locks;

#[cfg(not(feature = "std"))]
pub(crate) use pthread::sleep;
#[cfg(feature = "std")]
pub(crate) use std::thread::sleep;

#[cfg(not(feature = "std"))]
use pthread::{Mutex as Raw, MutexGuard as RawGuard};
#[cfg(feature = "std")]
use std_locks::{Mutex as Raw, MutexGuard as RawGuard};

use core::{
    fmt,
    marker::PhantomData,
    ops::{Deref, DerefMut},
};

/// What threads note of the locks that they take.
pub(crate) trait Notes: 'static {
    /// Exists from before a thread takes a lock until after it has given it up.
    type Mark;

    /// This thread is about to take a lock.
    fn locking() -> Self::Mark;

    /// It has it.
    #[inline]
    fn locked() {}

    /// This thread holds a lock, or is about to: true only in a signal handler that interrupted it there, and under a lock.
    fn is_locking() -> bool;
}

/// A blocking lock.
pub(crate) struct Mutex<T, N> {
    raw: Raw<T>,
    notes: PhantomData<fn() -> N>,
}

/// The value of a locked [`Mutex`]; dropping it unlocks.
pub(crate) struct Guard<'a, T, N: Notes> {
    raw: RawGuard<'a, T>,
    /// Dropped after `raw`: fields go in order.
    _mark: N::Mark,
}

impl<T, N: Notes> Mutex<T, N> {
    pub(crate) const fn new(value: T) -> Self {
        Self {
            raw: Raw::new(value),
            notes: PhantomData,
        }
    }

    /// Waits for the lock. Not interrupted by signals.
    #[inline]
    pub(crate) fn lock(&self) -> Guard<'_, T, N> {
        let mark = N::locking();
        let raw = self.raw.lock();
        N::locked();
        Guard { raw, _mark: mark }
    }
}

impl<T, N: Notes> Deref for Guard<'_, T, N> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.raw
    }
}

impl<T, N: Notes> DerefMut for Guard<'_, T, N> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.raw
    }
}

impl<T, N> fmt::Debug for Mutex<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}
