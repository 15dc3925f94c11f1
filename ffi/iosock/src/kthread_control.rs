//! What a thread and its handle share: known to the handle and to the trampoline, which know nothing of each other's work.

use crate::WaitQueue;
use core::sync::atomic::{AtomicBool, Ordering};

/// Tells a thread that it shall end. The thread sees this when it looks; see `wake` of [`Kthread::spawn`](crate::Kthread::spawn).
#[derive(Debug)]
pub struct StopFlag(AtomicBool);

impl StopFlag {
    pub(crate) const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    pub(crate) fn set(&self) {
        // SYNC POINT: pairs with the load in `is_set`.
        self.0.store(true, Ordering::Release);
    }

    /// Whether to return now.
    ///
    /// # Context
    /// Any.
    pub fn is_set(&self) -> bool {
        // SYNC POINT: pairs with the store in `set`.
        self.0.load(Ordering::Acquire)
    }
}

/// What a thread and its handle share. Freed by the handle, after the join.
pub(crate) struct Control {
    pub(crate) stop: StopFlag,
    /// Signalled when the handle has the thread's id: before that the thread must not end, or the id would be read too late.
    pub(crate) known: WaitQueue,
    pub(crate) entry: fn(&StopFlag, usize),
    pub(crate) arg: usize,
}

impl Control {
    /// Everything that the thread does; the trampoline ends it afterwards.
    pub(crate) fn run(&self) {
        self.known.wait(None);
        (self.entry)(&self.stop, self.arg);
    }
}
