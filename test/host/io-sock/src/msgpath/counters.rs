//! What the message path counts. All since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters, each by itself: a reader may see one ahead of another.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests answered.
    pub messages: AtomicU64,
    /// Bytes that clients sent and the stack took.
    pub tx_bytes: AtomicU64,
    /// How often those were copied: by the message, and into mbufs.
    pub tx_bytes_copied: AtomicU64,
    /// Bytes that clients received.
    pub rx_bytes: AtomicU64,
    /// How often those were copied: out of mbufs, and by the reply.
    pub rx_bytes_copied: AtomicU64,
    /// Requests whose client wanted out.
    pub unblocked: AtomicU64,
    /// Clients that went.
    pub disconnects: AtomicU64,
    /// Sockets that clients have now.
    pub sockets: AtomicU64,
    /// Threads of the pool.
    pub threads: AtomicU64,
}

/// Adds to a counter.
pub fn add(counter: &AtomicU64, value: usize) {
    counter.fetch_add(value as u64, Ordering::Relaxed);
}

impl Counters {
    /// Names and values.
    pub fn list(&self) -> Vec<(String, u64)> {
        let counters = [
            ("messages", &self.messages),
            ("tx_bytes", &self.tx_bytes),
            ("tx_bytes_copied", &self.tx_bytes_copied),
            ("rx_bytes", &self.rx_bytes),
            ("rx_bytes_copied", &self.rx_bytes_copied),
            ("unblocked", &self.unblocked),
            ("disconnects", &self.disconnects),
            ("sockets", &self.sockets),
            ("threads", &self.threads),
        ];
        counters
            .iter()
            .map(|(name, value)| (format!("msgpath.{name}"), value.load(Ordering::Relaxed)))
            .collect()
    }
}
