//! The wait policy of the stand-in: spin for a bounded time, then sleep.
//!
//! On QNX a thread that waits costs its waker one kernel call and a switch, about a microsecond; on Linux, in a virtual machine
//! above all, a sleeping thread costs a system call and tens of microseconds until it runs. So whatever is a wait in QNX's
//! kernel or in io-sock (a message, a pulse, a semaphore, `msleep`) spins a while first, by one policy: were one kind of wait
//! cheaper than another, programs over the stand-in would be compared by its doing and not by theirs.
//!
//! A spinning thread costs a CPU. So a waiter spins only where that has paid before: the budget starts at the knob's value,
//! is halved by each spin in vain down to a sixteenth, and returns to the full value after a hit or a short sleep. It is zero
//! when there is one CPU, or when the peer last ran on ours (it cannot run while we spin).

use std::cell::Cell;
use std::env;
use std::hint;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The knob: the longest spin in microseconds; 0: never spin.
pub const KNOB: &str = "QNX_HOST_SPIN_US";

/// Measured on two cores: below it a synchronous pair falls asleep between two messages, above it nothing is gained.
const DEFAULT_US: u32 = 40;

/// No CPU in particular.
pub const ANY_CPU: u16 = u16::MAX;

/// Longest spin in nanoseconds; 0 on a machine with one CPU.
pub fn longest() -> u32 {
    static LONGEST: OnceLock<u32> = OnceLock::new();
    *LONGEST.get_or_init(|| {
        // SAFETY: sysconf has no preconditions.
        if unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) } < 2 {
            return 0;
        }
        let knob = env::var(KNOB).ok().and_then(|text| text.trim().parse().ok());
        knob.unwrap_or(DEFAULT_US).min(100_000) * 1000
    })
}

/// The CPU this thread runs on. A hint: it may be another one by the time it is used.
#[inline]
pub fn current_cpu() -> u16 {
    // SAFETY: sched_getcpu has no preconditions.
    u16::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(ANY_CPU)
}

/// CLOCK_MONOTONIC, nanoseconds.
#[inline]
fn now_ns() -> u64 {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `ts` is a timespec of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut ts) };
    ts.tv_sec as u64 * 1_000_000_000 + ts.tv_nsec as u64
}

thread_local! {
    static LAST_CPU: Cell<u16> = const { Cell::new(ANY_CPU) };
}

/// Where this thread ran when it last had to wait: what it tells its peers, who need a hint and not the truth. Asking the system
/// costs as much as writing a message.
#[inline]
pub fn last_cpu() -> u16 {
    LAST_CPU.get()
}

/// How long one kind of wait may spin.
#[derive(Debug)]
pub struct SpinBudget(AtomicU32);

impl Default for SpinBudget {
    fn default() -> SpinBudget {
        SpinBudget::new()
    }
}

impl SpinBudget {
    /// Starts at the full budget.
    pub const fn new() -> SpinBudget {
        SpinBudget(AtomicU32::new(u32::MAX))
    }

    /// Nanoseconds to spin now, when the peer was last seen on `peer_cpu` ([`ANY_CPU`]: not known).
    #[inline]
    pub fn now(&self, peer_cpu: u16) -> u32 {
        let longest = longest();
        let ours = current_cpu();
        LAST_CPU.set(ours);
        if longest == 0 || LOST.with(Lost::passes) || (peer_cpu != ANY_CPU && peer_cpu == ours) {
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

    /// Waits until `ready`: spins as long as the budget allows, then runs `sleep` and learns from how long that took.
    /// `None`: the spin was enough.
    pub fn wait<T>(&self, ready: impl FnMut() -> bool, sleep: impl FnOnce() -> T) -> Option<T> {
        if spin_until(self.now(ANY_CPU), ready) {
            self.hit();
            return None;
        }
        let start = now_ns();
        let result = sleep();
        self.missed(now_ns().saturating_sub(start));
        Some(result)
    }
}

/// A CPU that was given up for longer than this went to somebody who computes and not to who we wait for.
const FOREIGN_NS: u64 = 200_000;

/// How often a thread goes without a spin at most after it lost its CPU.
const LOST_AT_MOST: u32 = 1024;

/// What a thread learned from giving up its CPU: where that costs a time slice, it does not spin for its next waits, twice as many
/// each time.
struct Lost {
    /// Waits still without a spin.
    left: Cell<u32>,
    /// How many it was at the last loss.
    last: Cell<u32>,
}

thread_local! {
    static LOST: Lost = const {
        Lost {
            left: Cell::new(0),
            last: Cell::new(8),
        }
    };
}

impl Lost {
    fn more(&self) {
        let next = (self.last.get() * 2).min(LOST_AT_MOST);
        self.last.set(next);
        self.left.set(next);
    }

    /// Counts a wait; true: without a spin.
    fn passes(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left != 0
    }
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
    // The clock is read after the first round only: most spins that succeed do so within it, and reading it takes as long as some
    // of them.
    let mut end = u64::MAX;
    loop {
        for _ in 0..ROUND {
            hint::spin_loop();
            if ready() {
                return true;
            }
        }
        let now = now_ns();
        if now >= end {
            return false;
        }
        end = end.min(now + u64::from(budget_ns));
        // Whoever is runnable on this CPU goes first: it may be who we wait for, or whom that one waits for.
        // SAFETY: sched_yield has no preconditions.
        unsafe { libc::sched_yield() };
        if now_ns().saturating_sub(now) > FOREIGN_NS && !ready() {
            LOST.with(Lost::more);
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_learns() {
        let budget = SpinBudget::new();
        let full = budget.now(ANY_CPU);
        assert_eq!(full, longest());
        for _ in 0..10 {
            budget.missed(u64::from(longest()) * 100);
        }
        assert_eq!(budget.now(ANY_CPU), longest() / 16);
        budget.missed(0);
        assert_eq!(budget.now(ANY_CPU), full, "the peer is active again");
        budget.missed(u64::from(longest()) * 100);
        budget.hit();
        assert_eq!(budget.now(ANY_CPU), full);
    }

    #[test]
    fn only_a_spin_in_vain_sleeps() {
        let budget = SpinBudget::new();
        assert_eq!(budget.wait(|| true, || 1), None);
        let mut slept = false;
        assert_eq!(budget.wait(|| false, || slept = true), Some(()));
        assert!(slept);
    }
}
