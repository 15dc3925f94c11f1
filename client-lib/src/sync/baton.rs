//! A baton: of the threads that would wait at one socket in one direction, one waits in the module.
//!
//! The module parks few requests per socket. Threads beyond the first wait here, in this process, and go one by one.

use super::{Condvar, Mutex};
use crate::{deadline::Deadline, error::Error};

/// Held by one thread at a time, for as long as that thread is parked in the module.
#[derive(Debug)]
pub(crate) struct Baton {
    held: Mutex<bool>,
    put_back: Condvar,
}

/// The baton in hand; dropping it puts it back.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a Baton);

impl Baton {
    pub(crate) const fn new() -> Self {
        Self {
            held: Mutex::new(false),
            put_back: Condvar::new(),
        }
    }

    /// Waits for the baton until `deadline`. Signals do not interrupt this wait, only the holder's.
    pub(crate) fn take(&self, deadline: Deadline, now: impl Fn() -> u64) -> Result<Held<'_>, Error> {
        let mut held = self.held.lock();
        while *held {
            let patience = deadline.remaining(now())?;
            held = self
                .put_back
                .wait(held, patience.map(core::time::Duration::from_nanos));
        }
        *held = true;
        Ok(Held(self))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *self.0.held.lock() = false;
        self.0.put_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::Arc, thread, time::Instant};

    #[test]
    fn one_holder_and_a_bounded_wait_for_the_others() {
        let baton = Arc::new(Baton::new());
        let start = Instant::now();
        let now = move || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let first = baton.take(Deadline::NEVER, now).unwrap();
        assert_eq!(
            baton
                .take(Deadline::after(now(), Some(2_000_000)), now)
                .unwrap_err(),
            Error::TimedOut
        );
        let other = Arc::clone(&baton);
        let waiter = thread::spawn(move || drop(other.take(Deadline::NEVER, now).unwrap()));
        thread::yield_now();
        drop(first);
        waiter.join().unwrap();
    }
}
