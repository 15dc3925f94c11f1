//! The ledger: what happened, per session and in total, readable while running (`docs/design.md` 7).

use core::sync::atomic::{AtomicU64, Ordering};

/// Counters that only grow. What is "now" (sockets open, pools mapped) is counted when it is asked for.
#[derive(Default)]
pub struct CounterSet {
    /// Control messages received.
    pub control_msgs: AtomicU64,
    /// Doorbell pulses received.
    pub doorbells: AtomicU64,
    /// Parked waits answered.
    pub events: AtomicU64,
    /// Times a worker was woken.
    pub worker_wakeups: AtomicU64,
    /// Bytes given to the stack.
    pub tx_bytes: AtomicU64,
    /// Of these, copied first.
    pub tx_bytes_copied: AtomicU64,
    /// Bytes given to clients.
    pub rx_bytes: AtomicU64,
    /// Bytes copied to do so.
    pub rx_bytes_copied: AtomicU64,
    /// External mbufs made.
    pub ext_mbufs_total: AtomicU64,
    /// Descriptors accepted.
    pub desc_accepted: AtomicU64,
    /// Descriptors refused.
    pub desc_refused: AtomicU64,
}

impl CounterSet {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        const fn zero() -> AtomicU64 {
            AtomicU64::new(0)
        }
        Self {
            control_msgs: zero(),
            doorbells: zero(),
            events: zero(),
            worker_wakeups: zero(),
            tx_bytes: zero(),
            tx_bytes_copied: zero(),
            rx_bytes: zero(),
            rx_bytes_copied: zero(),
            ext_mbufs_total: zero(),
            desc_accepted: zero(),
            desc_refused: zero(),
        }
    }

    /// Back to zero: a new session starts.
    pub fn reset(&self) {
        self.each(&Self::new(), |mine, zero| {
            mine.store(zero.load(Ordering::Relaxed), Ordering::Relaxed)
        });
    }

    fn each(&self, other: &Self, mut f: impl FnMut(&AtomicU64, &AtomicU64)) {
        f(&self.control_msgs, &other.control_msgs);
        f(&self.doorbells, &other.doorbells);
        f(&self.events, &other.events);
        f(&self.worker_wakeups, &other.worker_wakeups);
        f(&self.tx_bytes, &other.tx_bytes);
        f(&self.tx_bytes_copied, &other.tx_bytes_copied);
        f(&self.rx_bytes, &other.rx_bytes);
        f(&self.rx_bytes_copied, &other.rx_bytes_copied);
        f(&self.ext_mbufs_total, &other.ext_mbufs_total);
        f(&self.desc_accepted, &other.desc_accepted);
        f(&self.desc_refused, &other.desc_refused);
    }

    /// The wire form, with the "now" fields zero.
    #[must_use]
    pub fn snapshot(&self) -> csock_wire::Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        csock_wire::Counters {
            control_msgs: read(&self.control_msgs),
            doorbells: read(&self.doorbells),
            events: read(&self.events),
            worker_wakeups: read(&self.worker_wakeups),
            tx_bytes: read(&self.tx_bytes),
            tx_bytes_copied: read(&self.tx_bytes_copied),
            rx_bytes: read(&self.rx_bytes),
            rx_bytes_copied: read(&self.rx_bytes_copied),
            ext_mbufs_total: read(&self.ext_mbufs_total),
            desc_accepted: read(&self.desc_accepted),
            desc_refused: read(&self.desc_refused),
            ..csock_wire::Counters::default()
        }
    }
}

/// How often each limit said no, since the load. One for each quota that can be tuned.
#[derive(Default)]
pub struct Refusals {
    /// Sessions (`max_sessions`, `sessions_per_uid`, `root_sessions`).
    pub sessions: AtomicU64,
    /// Sockets (`sockets_per_session`, `sockets_per_uid`, `root_sockets`, `spare_sockets`, or the table is full).
    pub sockets: AtomicU64,
    /// Pools (`pools_per_uid`, `pool_mib_per_uid`, or the table is full).
    pub pools: AtomicU64,
    /// Parked requests (`parked_per_session`).
    pub parked: AtomicU64,
    /// Requests that the library was told to repeat.
    pub repeats: AtomicU64,
    /// Closed sockets that were ended early to make room.
    pub hurried: AtomicU64,
}

impl Refusals {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sessions: AtomicU64::new(0),
            sockets: AtomicU64::new(0),
            pools: AtomicU64::new(0),
            parked: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
            hurried: AtomicU64::new(0),
        }
    }

    /// Names and values.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("refused_sessions", &self.sessions),
            ("refused_sockets", &self.sockets),
            ("refused_pools", &self.pools),
            ("refused_parked", &self.parked),
            ("told_to_repeat", &self.repeats),
            ("closed_early", &self.hurried),
        ]
        .map(|(name, counter)| (name, counter.load(Ordering::Relaxed)))
    }
}

/// Counts one refusal if `result` is one, and hands it on.
pub fn count_refusal<T, E>(counter: &AtomicU64, result: Result<T, E>) -> Result<T, E> {
    if result.is_err() {
        counter.fetch_add(1, Ordering::Relaxed);
    }
    result
}

/// Where one thing is counted: in the total, and for its session if it still has one.
#[derive(Clone, Copy)]
pub struct Tally<'a> {
    total: &'a CounterSet,
    mine: Option<&'a CounterSet>,
}

impl<'a> Tally<'a> {
    /// Counts in `total` and in `mine`.
    #[must_use]
    pub const fn new(total: &'a CounterSet, mine: Option<&'a CounterSet>) -> Self {
        Self { total, mine }
    }

    /// Adds `n` to the counter that `which` picks.
    pub fn add(self, which: impl Fn(&CounterSet) -> &AtomicU64, n: u64) {
        which(self.total).fetch_add(n, Ordering::Relaxed);
        if let Some(mine) = self.mine {
            which(mine).fetch_add(n, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_in_both() {
        let (total, mine) = (CounterSet::new(), CounterSet::new());
        Tally::new(&total, Some(&mine)).add(|c| &c.tx_bytes, 5);
        Tally::new(&total, None).add(|c| &c.tx_bytes, 2);
        assert_eq!(total.snapshot().tx_bytes, 7);
        assert_eq!(mine.snapshot().tx_bytes, 5);
        mine.reset();
        assert_eq!(mine.snapshot().tx_bytes, 0);
    }
}
