//! Failing on purpose: the n-th `M_NOWAIT` allocation from now on, or every n-th; the n-th output that a packet
//! filter refuses.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Something that goes wrong at the n-th time.
struct Fault {
    /// Times until the one that fails; not positive: none.
    countdown: AtomicI64,
    /// Every how many; 0: just one.
    period: AtomicI64,
    /// Times that it did.
    failed: AtomicU64,
}

impl Fault {
    const fn new() -> Fault {
        Fault {
            countdown: AtomicI64::new(0),
            period: AtomicI64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    fn set(&self, n: u32, period: u32) {
        self.period.store(period.into(), Ordering::Relaxed);
        self.countdown.store(n.into(), Ordering::Release);
    }

    fn strikes(&self) -> bool {
        if self.countdown.load(Ordering::Acquire) <= 0 || self.countdown.fetch_sub(1, Ordering::AcqRel) != 1 {
            return false;
        }
        self.countdown
            .store(self.period.load(Ordering::Relaxed), Ordering::Release);
        self.failed.fetch_add(1, Ordering::Relaxed);
        true
    }
}

static ALLOCATION: Fault = Fault::new();
static FILTER: Fault = Fault::new();

/// Lets the `n`-th `M_NOWAIT` allocation (mbuf, cluster, malloc) from now on fail, counted over all threads;
/// 0 turns it off.
pub fn fail_nth(n: u32) {
    ALLOCATION.set(n, 0);
}

/// Lets every `n`-th `M_NOWAIT` allocation fail; 0 turns it off.
pub fn fail_every(n: u32) {
    ALLOCATION.set(n, n);
}

/// How many allocations failed on purpose since the start.
pub fn failed() -> u64 {
    ALLOCATION.failed.load(Ordering::Relaxed)
}

/// Whether this allocation must fail.
pub(crate) fn strikes() -> bool {
    ALLOCATION.strikes()
}

/// Lets a packet filter refuse what the `n`-th sosend on a stream from now on sends: it answers `EACCES` with
/// the data queued, which TCP sends later; 0 turns it off.
pub fn filter_nth(n: u32) {
    FILTER.set(n, 0);
}

/// The same for every `n`-th.
pub fn filter_every(n: u32) {
    FILTER.set(n, n);
}

/// How many outputs the filter refused.
pub fn filtered() -> u64 {
    FILTER.failed.load(Ordering::Relaxed)
}

/// Whether the filter refuses this output.
pub(crate) fn filter_strikes() -> bool {
    FILTER.strikes()
}
