//! What a forked child takes over from its parent's objects, whose locks it must not touch: a copy made before the fork.

use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

/// A place for one copy. Forks come one at a time (`fds::before_fork`).
pub struct Carried<T>(AtomicPtr<T>);

impl<T> Carried<T> {
    /// Empty.
    pub const fn new() -> Carried<T> {
        Carried(AtomicPtr::new(ptr::null_mut()))
    }

    /// Before the fork, in the parent.
    pub fn put(&self, copy: T) {
        drop(self.swap(Box::into_raw(Box::new(copy))));
    }

    /// After the fork: the child uses it, the parent drops it.
    pub fn take(&self) -> Option<Box<T>> {
        self.swap(ptr::null_mut())
    }

    fn swap(&self, new: *mut T) -> Option<Box<T>> {
        let old = self.0.swap(new, Ordering::SeqCst);
        // SAFETY: null, or a box that `put` has given up and nobody else has taken.
        (!old.is_null()).then(|| unsafe { Box::from_raw(old) })
    }
}
