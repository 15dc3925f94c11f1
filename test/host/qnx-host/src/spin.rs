//! The wait policy: spin for a bounded time, then sleep.
//!
//! A sleeping thread costs its waker a system call and tens of microseconds until it runs; a spinning one costs a CPU.
//! So a waiter spins only where that has paid before: the budget starts at the knob's value, is halved by each spin in
//! vain down to a sixteenth, and returns to the full value after a hit or a short sleep. It is zero when there is one
//! CPU, or when the peer last ran on ours (it cannot run while we spin).

use core::cell::Cell;
use core::hint;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

use crate::config::config;
use crate::counters::add;
use crate::sys;
pub use crate::sys::current_cpu;

/// How long one kind of wait may spin.
#[derive(Debug)]
pub struct SpinBudget(AtomicU32);

/// Longest spin in nanoseconds; 0 on a machine with one CPU.
pub fn longest() -> u32 {
    static LONGEST: OnceLock<u32> = OnceLock::new();
    *LONGEST.get_or_init(|| {
        if sys::online_cpus() > 1 {
            config().spin_ns as u32
        } else {
            0
        }
    })
}

impl Default for SpinBudget {
    /// Starts at the full budget.
    fn default() -> SpinBudget {
        SpinBudget(AtomicU32::new(u32::MAX))
    }
}

impl SpinBudget {
    /// Nanoseconds to spin now, when the peer was last seen on `peer_cpu`.
    #[inline]
    pub fn now(&self, peer_cpu: u16) -> u32 {
        let longest = longest();
        let ours = current_cpu();
        LAST_CPU.set(ours);
        if longest == 0 || (peer_cpu != u16::MAX && peer_cpu == ours) {
            return 0;
        }
        self.0.load(Ordering::Relaxed).min(longest)
    }

    /// The spin found what it waited for.
    #[inline]
    pub fn hit(&self) {
        if self.0.load(Ordering::Relaxed) != u32::MAX {
            self.0.store(u32::MAX, Ordering::Relaxed);
        }
        add(|c| &c.spin_hits, 1);
    }

    /// The spin did not help; the thread then slept for `slept_ns`.
    pub fn missed(&self, slept_ns: u64) {
        let longest = longest();
        // A short sleep means that the peer is active: a spin will hit again soon.
        let next = if slept_ns < u64::from(longest) {
            u32::MAX
        } else {
            (self.0.load(Ordering::Relaxed).min(longest) / 2).max(longest / 16)
        };
        self.0.store(next, Ordering::Relaxed);
    }
}

thread_local! {
    static LAST_CPU: Cell<u16> = const { Cell::new(u16::MAX) };
}

/// Where this thread ran when it last had to wait: what it tells its peers, who need a hint and not the truth. Asking the system
/// costs as much as writing a message.
#[inline]
pub fn last_cpu() -> u16 {
    LAST_CPU.get()
}

/// Looks between two readings of the clock, about a microsecond.
const ROUND: u32 = 32;

/// Spins until `ready` or until `budget_ns` have passed. True if ready.
#[inline]
pub fn spin_until(budget_ns: u32, mut ready: impl FnMut() -> bool) -> bool {
    if ready() {
        return true;
    }
    if budget_ns == 0 {
        return false;
    }
    // The clock is read after the first round only: most spins that succeed do so within it, and reading it takes as long as some of them.
    let mut end = u64::MAX;
    loop {
        for _ in 0..ROUND {
            hint::spin_loop();
            if ready() {
                return true;
            }
        }
        let now = sys::now_ns();
        if now >= end {
            return false;
        }
        end = end.min(now + u64::from(budget_ns));
    }
}
