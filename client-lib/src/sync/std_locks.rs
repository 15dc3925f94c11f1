//! The locks of std, without poisoning: nothing here panics while it holds one.

use std::sync::PoisonError;

pub(super) use std::sync::MutexGuard;

/// A blocking lock.
#[derive(Debug, Default)]
pub(super) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Waits for the lock. Not interrupted by signals.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
