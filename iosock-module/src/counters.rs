//! The ledger: what happened, per session and in total, readable while running (`docs/design.md` 7). Each row of the lists is a
//! sysctl, its comment the description there (`published.rs`).

use core::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Counters that only grow. What is "now" (sockets open, pools mapped) is counted when it is asked for.
        pub struct CounterSet {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        impl CounterSet {
            /// What is counted.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// All zero.
            #[must_use]
            pub const fn new() -> Self {
                Self { $($name: AtomicU64::new(0),)* }
            }

            /// Back to zero: a new session starts.
            pub fn reset(&self) {
                $(self.$name.store(0, Ordering::Relaxed);)*
            }

            /// The values in the order of the names.
            #[must_use]
            pub fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$name.load(Ordering::Relaxed),)*]
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
    /// Of the doorbells, those by message.
    doorbell_msgs;
    /// Events delivered to sleeping threads, and parked requests answered.
    events;
    /// Times a worker was woken.
    worker_wakeups;
    /// Times the doorbell thread came out of its wait.
    doorbell_wakeups;
    /// Bytes given to the stack.
    tx_bytes;
    /// Of the bytes given to the stack, those copied into its own memory.
    tx_bytes_copied;
    /// Of the bytes given to the stack, those that came by message.
    tx_bytes_by_message;
    /// Bytes given to clients.
    rx_bytes;
    /// Bytes copied to give them to clients.
    rx_bytes_copied;
    /// Of the received bytes, those that went by message.
    rx_bytes_by_message;
    /// Ranges of client memory lent to the stack.
    ext_mbufs_total;
    /// Calls of `sosend`.
    sends;
    /// Pieces of what clients committed that passed every check.
    entries_accepted;
    /// Words and entries refused.
    faults;
    /// Times that data waited because the client held every receive buffer.
    starved;
}

macro_rules! now {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// What is counted when it is asked for.
        pub const NOW: &[&str] = &[$(stringify!($name)),*];

        /// The values of [`NOW`].
        #[must_use]
        pub fn now(ledger: &csock_wire::Counters) -> [u64; NOW.len()] {
            [$(ledger.$name,)*]
        }
    };
}

now! {
    /// Sockets open now.
    sockets_open;
    /// Sessions open now.
    sessions_open;
    /// Pools mapped now, those of dead clients included whose data is still in the stack.
    pools_mapped;
    /// Ranges of client memory that the stack has now.
    ext_mbufs_outstanding;
    /// Requests parked now.
    parked;
}

// Whatever the wire form has is published.
const _: () = assert!(
    (CounterSet::NAMES.len() + NOW.len()) * size_of::<u64>()
        == core::mem::offset_of!(csock_wire::Counters, reserved)
);

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// How often each limit said no, since the load.
        #[derive(Default)]
        pub struct Refusals {
            $($(#[$doc])* pub $name: AtomicU64,)*
        }

        impl Refusals {
            /// What is refused.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// None.
            #[must_use]
            pub const fn new() -> Self {
                Self { $($name: AtomicU64::new(0),)* }
            }

            /// The values in the order of the names.
            #[must_use]
            pub fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$name.load(Ordering::Relaxed),)*]
            }
        }
    };
}

refusals! {
    /// Sessions refused (max_sessions, sessions_per_uid, root_sessions).
    sessions;
    /// Sockets refused (sockets_per_session, sockets_per_uid, root_sockets, spare_sockets, or the table is full).
    sockets;
    /// Pools refused (pool_mib, pools_per_uid, pool_mib_per_uid, or the table is full).
    pools;
    /// Sockets that got smaller buffers, and sizes of buffers refused (buffer_mib_per_uid).
    buffers;
    /// Requests that were not parked (parked_per_session).
    parked;
    /// Requests that the library was told to repeat.
    repeats;
    /// Times that a channel had no pulse left and the kernel dropped some.
    pulses;
    /// Pauses of a doorbell thread that got too many bells that nobody had asked for.
    bells;
    /// Closed sockets that were ended early to make room.
    hurried;
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
