//! Counts of what costs time, per process: tests assert on them and benchmarks print them.

use core::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// One snapshot of this process' counters, or the difference of two.
        #[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
        pub struct Counters { $($(#[$doc])* pub $name: u64),* }

        #[derive(Default)]
        pub(crate) struct Live { $(pub(crate) $name: AtomicU64),* }

        pub(crate) static LIVE: Live = Live { $($name: AtomicU64::new(0)),* };

        /// Reads the counters. Not one atomic snapshot: each is exact, together they may be a few events apart.
        pub fn counters() -> Counters {
            Counters { $($name: LIVE.$name.load(Ordering::Relaxed)),* }
        }

        /// A forked child counts from 0.
        pub(crate) fn reset() {
            $(LIVE.$name.store(0, Ordering::Relaxed);)*
        }

        impl Counters {
            /// What happened since `earlier`.
            pub fn since(&self, earlier: &Counters) -> Counters {
                Counters { $($name: self.$name.wrapping_sub(earlier.$name)),* }
            }
        }
    };
}

counters! {
    /// Messages sent with the MsgSend family.
    sends,
    /// Messages taken by the MsgReceive family.
    receives,
    /// Replies and errors given to clients.
    replies,
    /// Pulses sent.
    pulses_sent,
    /// Pulses delivered to a receiver.
    pulses_received,
    /// Times a thread went to sleep in the kernel.
    futex_waits,
    /// Times a thread woke another one.
    futex_wakes,
    /// Waits that ended within the spin.
    spin_hits,
    /// Bytes moved straight between two address spaces: one copy each.
    bytes_direct,
    /// Bytes that went through the slot of a small message: two copies each.
    bytes_inline,
    /// Bytes moved with the client's help because direct copying was refused: two copies each.
    bytes_bounced,
    /// Times the hidden kernel thread woke up.
    kthread_wakeups,
}

/// Adds to one counter.
#[inline]
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Ordering::Relaxed);
}
