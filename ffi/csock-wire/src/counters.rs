//! The ledger that both sides keep and STATS returns.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Counters of one session or of the whole module. All only ever grow, except where "now" is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Counters {
    /// Control messages received.
    pub control_msgs: u64,
    /// Doorbell pulses received.
    pub doorbells: u64,
    /// Parked waits that were answered: wake-ups of a client.
    pub events: u64,
    /// Times a worker thread was woken.
    pub worker_wakeups: u64,
    /// Bytes of client data given to the stack.
    pub tx_bytes: u64,
    /// Of these, bytes that were copied first.
    pub tx_bytes_copied: u64,
    /// Bytes of received data given to clients.
    pub rx_bytes: u64,
    /// Bytes copied to do so.
    pub rx_bytes_copied: u64,
    /// External mbufs that point into client memory now.
    pub ext_mbufs_outstanding: u64,
    /// External mbufs made.
    pub ext_mbufs_total: u64,
    /// Descriptors that passed every check.
    pub desc_accepted: u64,
    /// Descriptors refused.
    pub desc_refused: u64,
    /// Sockets open now.
    pub sockets_open: u64,
    /// Sessions open now.
    pub sessions_open: u64,
    /// Pools mapped now.
    pub pools_mapped: u64,
    /// Requests parked now.
    pub parked: u64,
    /// Zero.
    pub reserved: [u64; 8],
}

const _: () = assert!(size_of::<Counters>() == 192);
