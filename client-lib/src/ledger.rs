//! What this side counts: bytes, copies, doorbells, messages. The module keeps the other half.

use core::sync::atomic::{AtomicU64, Ordering};
use csock_wire::Counters;

macro_rules! ledger {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counters of one session, on any thread.
        #[derive(Debug, Default)]
        pub(crate) struct Ledger {
            $(pub(crate) $name: AtomicU64,)*
        }

        /// What this library counted for one session. All only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct ClientCounters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Ledger {
            pub(crate) fn snapshot(&self) -> ClientCounters {
                ClientCounters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

ledger! {
    /// Payload bytes handed to the module.
    tx_bytes,
    /// Of these, bytes that this library copied into the pool (`write`; in place there are none).
    tx_bytes_copied,
    /// Payload bytes handed to the program.
    rx_bytes,
    /// Of these, bytes that this library copied out of the pool (`read`; in place there are none).
    rx_bytes_copied,
    /// Doorbells sent: pulses, or messages where the system allows no pulse.
    doorbells_sent,
    /// Doorbells that were not needed: the module was awake.
    doorbells_suppressed,
    /// Messages to the module, waits included.
    control_msgs,
    /// Of these, waits.
    waits,
}

/// Adds to a counter; no order with anything.
pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Both halves of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// What the module counted for this session.
    pub mine: Counters,
    /// What the module counted for all sessions.
    pub total: Counters,
    /// What this library counted for this session.
    pub client: ClientCounters,
}
