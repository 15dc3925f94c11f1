//! The ledger that both sides keep and STATS returns.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Counters of one session or of the whole module. All only ever grow, except where "now" is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Counters {
    /// Control messages received; doorbells by message are not among them.
    pub control_msgs: u64,
    /// Doorbells received, by pulse or by message.
    pub doorbells: u64,
    /// Of these, by message.
    pub doorbell_msgs: u64,
    /// Events delivered to sleeping threads, and parked requests answered.
    pub events: u64,
    /// Times a worker thread was woken.
    pub worker_wakeups: u64,
    /// Times the doorbell thread came out of its wait.
    pub doorbell_wakeups: u64,
    /// Bytes of client data given to the stack.
    pub tx_bytes: u64,
    /// Of these, bytes that were copied into the stack's own memory.
    pub tx_bytes_copied: u64,
    /// Of these, bytes that came by message.
    pub tx_bytes_by_message: u64,
    /// Bytes of received data given to clients.
    pub rx_bytes: u64,
    /// Bytes copied to do so.
    pub rx_bytes_copied: u64,
    /// Of the received bytes, those that went by message.
    pub rx_bytes_by_message: u64,
    /// External mbufs that point into client memory now.
    pub ext_mbufs_outstanding: u64,
    /// External mbufs made.
    pub ext_mbufs_total: u64,
    /// Calls of `sosend`.
    pub sends: u64,
    /// Ranges and returned buffers that passed every check.
    pub entries_accepted: u64,
    /// Words and entries refused.
    pub faults: u64,
    /// Sockets open now.
    pub sockets_open: u64,
    /// Sessions open now.
    pub sessions_open: u64,
    /// Pools mapped now.
    pub pools_mapped: u64,
    /// Requests parked now.
    pub parked: u64,
    /// Times that data waited because the client held every receive buffer.
    pub starved: u64,
    /// Zero.
    pub reserved: [u64; 2],
}

const _: () = assert!(size_of::<Counters>() == 192);
