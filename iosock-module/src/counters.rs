//! The ledger: what happened, per session and in total, readable while running (`docs/design.md` 7).

use core::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Counters that only grow. What is "now" (sockets open, pools mapped) is counted when it is asked for.
        pub struct CounterSet {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        impl CounterSet {
            /// All zero.
            #[must_use]
            pub const fn new() -> Self {
                Self { $($name: AtomicU64::new(0),)* }
            }

            /// Back to zero: a new session starts.
            pub fn reset(&self) {
                $(self.$name.store(0, Ordering::Relaxed);)*
            }

            /// The wire form, with the "now" fields zero.
            #[must_use]
            pub fn snapshot(&self) -> csock_wire::Counters {
                csock_wire::Counters {
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    ..csock_wire::Counters::default()
                }
            }
        }
    };
}

counters! {
    /// Control messages received.
    control_msgs;
    /// Doorbells received, by pulse or by message.
    doorbells;
    /// Of these, by message.
    doorbell_msgs;
    /// Events delivered to sleeping threads, and parked requests answered.
    events;
    /// Times a worker was woken.
    worker_wakeups;
    /// Times the doorbell thread came out of its wait.
    doorbell_wakeups;
    /// Bytes given to the stack.
    tx_bytes;
    /// Of these, bytes copied into its own memory.
    tx_bytes_copied;
    /// Of these, bytes that came by message.
    tx_bytes_by_message;
    /// Bytes given to clients.
    rx_bytes;
    /// Bytes copied to do so.
    rx_bytes_copied;
    /// Of the received bytes, those that went by message.
    rx_bytes_by_message;
    /// Ranges lent to the stack.
    ext_mbufs_total;
    /// Calls of `sosend`.
    sends;
    /// Ranges and returned buffers that passed every check.
    entries_accepted;
    /// Words and entries refused.
    faults;
    /// Times that data waited because the client held every receive buffer.
    starved;
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
