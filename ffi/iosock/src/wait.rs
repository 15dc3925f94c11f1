//! Sleeping until somebody has news (sleep(9)).

use crate::{Errno, mutex::RawMutex, time::uptime_ns};
use core::{
    ffi::CStr,
    num::NonZeroU32,
    sync::atomic::{AtomicBool, Ordering},
};

const NS_PER_MS: u64 = 1_000_000;

/// One thread waits, any number signal. A signal that comes while nobody waits is kept, and several are one: the waiter looks at
/// the state that they are about.
///
/// With several waiters a signal wakes one of them for certain, not each.
#[doc(alias = "msleep")]
#[doc(alias = "wakeup")]
pub struct WaitQueue {
    /// Held around the flag's last test before sleeping and around the wakeup; nothing else is locked under it.
    mutex: RawMutex,
    pending: AtomicBool,
    name: &'static CStr,
}

impl WaitQueue {
    /// Makes one; `name` shows up as what a thread waits for.
    ///
    /// # Errors
    /// `ENOMEM`.
    ///
    /// # Context
    /// Sleeps (allocates).
    pub fn new(name: &'static CStr) -> Result<Self, Errno> {
        Ok(Self {
            mutex: RawMutex::new(name)?,
            pending: AtomicBool::new(false),
            name,
        })
    }

    /// Wakes the waiter, or lets the next wait return at once. What was written before is seen by the waiter afterwards.
    ///
    /// # Context
    /// Any. Takes a leaf mutex of its own, and only when no signal is pending.
    pub fn signal(&self) {
        // SYNC POINT: pairs with the swap in `take`. A signal that finds the flag set needs no wakeup: whoever set it does the
        // wakeup, and the waiter that clears it sees what was written before every signal so far.
        if self.pending.swap(true, Ordering::AcqRel) {
            return;
        }
        // Under the mutex: the waiter tests the flag and falls asleep in one step, as seen from here.
        self.mutex.lock();
        // SAFETY: a channel is only compared, never read.
        unsafe { iosock_sys::iosock_shim_wakeup(self.channel()) };
        // SAFETY: locked above, in this thread.
        unsafe { self.mutex.unlock() };
    }

    /// Sleeps until there is a signal, and takes it. `timeout_ms` `None`: without limit; `Some(0)`: does not sleep. Returns whether
    /// there was a signal.
    ///
    /// # Context
    /// Sleeps.
    pub fn wait(&self, timeout_ms: Option<u32>) -> bool {
        if self.take() {
            return true;
        }
        let deadline = timeout_ms.map(|ms| uptime_ns().wrapping_add(u64::from(ms).wrapping_mul(NS_PER_MS)));
        self.mutex.lock();
        let woken = loop {
            if self.take() {
                break true;
            }
            let limit = match deadline {
                None => 0,
                // A wakeup may be spurious: sleep on for what is left.
                Some(deadline) => match ms_left(deadline, uptime_ns()) {
                    Some(ms) => ms.get(),
                    None => break false,
                },
            };
            // SAFETY: the mutex is held by this thread, and is again when the call returns; the name lives for ever.
            // How the sleep ended does not matter: flag and clock are read again.
            let _ = unsafe {
                iosock_sys::iosock_shim_sleep(self.channel(), self.mutex.as_ptr(), self.name.as_ptr(), limit)
            };
        };
        // SAFETY: locked above, in this thread.
        unsafe { self.mutex.unlock() };
        woken
    }

    fn take(&self) -> bool {
        // SYNC POINT: pairs with the swap in `signal`.
        self.pending.swap(false, Ordering::AcqRel)
    }

    fn channel(&self) -> *const core::ffi::c_void {
        // The queue's own address changes when it is moved, and the mutex's has waiters of its own: so the byte behind that.
        self.mutex.as_ptr().cast_const().wrapping_byte_add(1).cast()
    }
}

/// Milliseconds from `now` to `deadline`, rounded up; `None` when it has passed.
fn ms_left(deadline: u64, now: u64) -> Option<NonZeroU32> {
    let ms = deadline.saturating_sub(now).div_ceil(NS_PER_MS);
    NonZeroU32::new(u32::try_from(ms).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::ms_left;

    #[test]
    fn time_left_is_rounded_up_and_never_zero() {
        assert_eq!(ms_left(10, 10), None);
        assert_eq!(ms_left(10, 11), None);
        assert_eq!(ms_left(1, 0).map(|ms| ms.get()), Some(1));
        assert_eq!(ms_left(1_000_001, 0).map(|ms| ms.get()), Some(2));
        assert_eq!(ms_left(u64::MAX, 0).map(|ms| ms.get()), Some(u32::MAX));
    }
}
