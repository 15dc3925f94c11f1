//! The ledger that both sides keep and STATS returns.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        /// Counters of one session or of the whole module. All only ever grow, except where "now" is said.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
        #[repr(C)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
            /// Zero.
            pub reserved: [u64; 2],
        }

        impl Counters {
            /// The names, in order.
            pub const NAMES: &[&str] = &[$(stringify!($name)),*];

            /// Names and values, in order.
            #[must_use]
            pub fn named(&self) -> [(&'static str, u64); Self::NAMES.len()] {
                [$((stringify!($name), self.$name),)*]
            }
        }
    };
}

counters! {
    /// Control messages received; doorbells by message are not among them.
    control_msgs;
    /// Doorbells received, by pulse or by message.
    doorbells;
    /// Of these, by message.
    doorbell_msgs;
    /// Events delivered to sleeping threads, and parked requests answered.
    events;
    /// Times a worker thread was woken.
    worker_wakeups;
    /// Times the doorbell thread came out of its wait.
    doorbell_wakeups;
    /// Bytes of client data given to the stack.
    tx_bytes;
    /// Of these, bytes that were copied into the stack's own memory.
    tx_bytes_copied;
    /// Of these, bytes that came by message.
    tx_bytes_by_message;
    /// Bytes of received data given to clients.
    rx_bytes;
    /// Bytes copied to do so.
    rx_bytes_copied;
    /// Of the received bytes, those that went by message.
    rx_bytes_by_message;
    /// Ranges of client memory that the stack holds now, as external mbufs.
    ext_mbufs_outstanding;
    /// Ranges of client memory lent to the stack, as external mbufs.
    ext_mbufs_total;
    /// Calls of `sosend`.
    sends;
    /// Pieces of what clients committed that passed every check.
    entries_accepted;
    /// Words and entries refused.
    faults;
    /// Sockets open now.
    sockets_open;
    /// Sessions open now.
    sessions_open;
    /// Pools mapped now.
    pools_mapped;
    /// Requests parked now.
    parked;
    /// Times that data waited because the client held every receive buffer.
    starved;
}

const _: () = assert!(size_of::<Counters>() == 192);
