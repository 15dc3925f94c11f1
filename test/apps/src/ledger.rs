//! What a program counted, as it prints it at its end: one JSON line that the demo reads.

use serde::{Deserialize, Serialize};

/// Counts of one program's run over one path, from both sides where there are two.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Payload bytes sent.
    pub tx_bytes: u64,
    /// Bytes copied to send them, by the library and by the module.
    pub tx_bytes_copied: u64,
    /// Payload bytes received.
    pub rx_bytes: u64,
    /// Bytes copied to receive them, by the module and by the library.
    pub rx_bytes_copied: u64,
    /// Messages to io-sock.
    pub control_msgs: u64,
    /// Doorbell pulses that were sent.
    pub doorbells: u64,
    /// Times that the module's worker woke up.
    pub worker_wakeups: u64,
    /// Times that this program waited in the module.
    pub waits: u64,
    /// External mbufs that are still in the stack.
    pub ext_mbufs_outstanding: u64,
    /// Seconds that the transfer took.
    pub seconds: f64,
    /// SHA-256 of the body, in hex, where the program saw it.
    pub sha256: Option<String>,
}

impl Ledger {
    /// The mark that a ledger's line starts with.
    pub const MARK: &'static str = "ledger ";

    /// Prints the ledger on stdout.
    pub fn print(&self) -> anyhow::Result<()> {
        println!("{}{}", Self::MARK, serde_json::to_string(self)?);
        Ok(())
    }
}

/// How far a transfer is: printed often, read by the demo's progress bar.
pub fn progress(bytes: u64) {
    println!("progress {bytes}");
}
