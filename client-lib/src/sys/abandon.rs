//! What is to be done for a thread that is cancelled while it sleeps.

#![allow(unsafe_code)]

use core::{cell::UnsafeCell, ptr};

/// Where a thread that sleeps has a place in a queue.
pub(crate) trait Leave {
    /// The thread with this number does not come back.
    fn leave(&self, number: u64);
}

/// A place that is left behind.
#[derive(Clone, Copy)]
struct Left {
    queue: *const (),
    number: u64,
    /// Makes a queue of `queue` again.
    leave: unsafe fn(*const (), u64),
}

/// What is to be done for a thread that is cancelled while it sleeps. Its frames are gone when that is done, and nothing in them was
/// dropped, so all of it is here. Used by that thread alone, also when it ends.
pub(crate) struct Abandon(UnsafeCell<Option<Left>>);

// SAFETY: reached by the thread alone that the sleeper belongs to; one that takes a sleeper over gets it from the list, with
// acquire after the release of the one that ended.
unsafe impl Send for Abandon {}
// SAFETY: as above.
unsafe impl Sync for Abandon {}

impl Abandon {
    pub(super) const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// While `body` runs the thread has place `number` in `queue`.
    pub(crate) fn during<Q: Leave, R>(&self, queue: &Q, number: u64, body: impl FnOnce() -> R) -> R {
        /// # Safety
        /// `queue` is a `Q` that is borrowed.
        unsafe fn leave<Q: Leave>(queue: *const (), number: u64) {
            // SAFETY: the caller's promise.
            unsafe { &*queue.cast::<Q>() }.leave(number);
        }
        let left = Left {
            queue: ptr::from_ref(queue).cast(),
            number,
            leave: leave::<Q>,
        };
        // SAFETY: this thread's own, and no reference to it exists.
        unsafe { *self.0.get() = Some(left) };
        let result = body();
        // SAFETY: as above.
        unsafe { *self.0.get() = None };
        result
    }

    /// The thread ends; if it was cancelled in `during`, it leaves its place.
    pub(crate) fn leave(&self) {
        // SAFETY: this thread's own, and no reference to it exists.
        let left = unsafe { (*self.0.get()).take() };
        if let Some(left) = left {
            // SAFETY: `during` has not returned, so its borrow of the queue never ends: a frame that is left without being
            // unwound is forgotten, with all borrows in it.
            unsafe { (left.leave)(left.queue, left.number) };
        }
    }
}

impl core::fmt::Debug for Abandon {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Abandon")
    }
}
