//! A worker that sleeps when it has no work, and is woken once by who makes some.
//!
//! It lies beside [`crate::Turn`] for the same reason: loom runs the very code that ships.

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering, fence};

#[cfg(not(loom))]
use core::sync::atomic::{AtomicBool, Ordering, fence};

/// One worker's word that it sleeps, or is about to.
#[derive(Debug)]
pub struct Sleeper(AtomicBool);

impl Sleeper {
    /// Awake.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Sleeper {
        Sleeper(AtomicBool::new(false))
    }

    /// Awake.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Sleeper {
        Sleeper(AtomicBool::new(false))
    }

    /// Work was published before this call. True: the worker sleeps, and this caller alone must wake it. From any context.
    #[must_use]
    pub fn must_wake(&self) -> bool {
        // SYNC POINT: pairs with the fence in `may_sleep`: either the worker sees the work, or we see that it sleeps.
        fence(Ordering::SeqCst);
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel)
    }

    /// The worker is about to sleep; `has_work` looks once more. False: there is work after all, and nobody wakes it.
    #[must_use]
    pub fn may_sleep(&self, has_work: impl FnOnce() -> bool) -> bool {
        // Swaps, where stores would do in C++'s memory model: loom does not know that nothing comes between what a swap of
        // `must_wake` reads and what it writes, unless all who write do it so.
        self.0.swap(true, Ordering::AcqRel);
        // SYNC POINT: pairs with the fence in `must_wake`.
        fence(Ordering::SeqCst);
        if has_work() {
            self.awake();
            return false;
        }
        true
    }

    /// The worker is awake.
    pub fn awake(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }
}

impl Default for Sleeper {
    fn default() -> Sleeper {
        Sleeper::new()
    }
}
