//! Failing allocations on purpose: the n-th `M_NOWAIT` allocation from now on, or every n-th.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Allocations until the one that fails; not positive: none.
static COUNTDOWN: AtomicI64 = AtomicI64::new(0);
/// Every how many; 0: just one.
static PERIOD: AtomicI64 = AtomicI64::new(0);
/// Allocations failed on purpose.
static FAILED: AtomicU64 = AtomicU64::new(0);

/// Lets the `n`-th `M_NOWAIT` allocation (mbuf, cluster, malloc) from now on fail, counted over all threads;
/// 0 turns it off.
pub fn fail_nth(n: u32) {
    PERIOD.store(0, Ordering::Relaxed);
    COUNTDOWN.store(n.into(), Ordering::Release);
}

/// Lets every `n`-th `M_NOWAIT` allocation fail; 0 turns it off.
pub fn fail_every(n: u32) {
    PERIOD.store(n.into(), Ordering::Relaxed);
    COUNTDOWN.store(n.into(), Ordering::Release);
}

/// How many allocations failed on purpose since the start.
pub fn failed() -> u64 {
    FAILED.load(Ordering::Relaxed)
}

/// Whether this allocation must fail.
pub(crate) fn strikes() -> bool {
    if COUNTDOWN.load(Ordering::Acquire) <= 0 || COUNTDOWN.fetch_sub(1, Ordering::AcqRel) != 1 {
        return false;
    }
    COUNTDOWN.store(PERIOD.load(Ordering::Relaxed), Ordering::Release);
    FAILED.fetch_add(1, Ordering::Relaxed);
    true
}
