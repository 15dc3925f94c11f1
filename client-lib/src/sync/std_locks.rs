//! The locks of std, without poisoning: nothing here panics while it holds one.

use core::time::Duration;
use std::sync::PoisonError;

pub(crate) use std::sync::MutexGuard;

/// A blocking lock.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Waits for the lock. Not interrupted by signals.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A condition to wait for.
#[derive(Debug, Default)]
pub(crate) struct Condvar(std::sync::Condvar);

impl Condvar {
    pub(crate) const fn new() -> Self {
        Self(std::sync::Condvar::new())
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Waits, at most for `patience` when there is one. May wake without a reason.
    pub(crate) fn wait<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        patience: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        match patience {
            None => self.0.wait(guard).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                self.0
                    .wait_timeout(guard, patience)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
        }
    }
}
