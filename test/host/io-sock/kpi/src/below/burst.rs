//! What one call hands to the driver, in segments, and what it costs: counted here, since loopback hides it.

use crate::config;
use std::sync::atomic::{AtomicU64, Ordering};

/// Segments that netisr or a driver's ring holds by default: more at a time are dropped
/// (`net.isr.defaultqlimit`).
const QUEUE: u64 = 256;
/// The most payload that tcp_output copies into the mbuf of the headers instead of linking it: what is left of
/// 168 bytes after 16 for the link and 52 for TCP/IP with timestamps.
const COPIED: u64 = 100;

static MOST: AtomicU64 = AtomicU64::new(0);
static OVER_QUEUE: AtomicU64 = AtomicU64::new(0);
static COPIES: AtomicU64 = AtomicU64::new(0);
static SEGMENTS: AtomicU64 = AtomicU64::new(0);

/// Most segments that one sosend made.
pub(crate) fn most() -> u64 {
    MOST.load(Ordering::Relaxed)
}

/// Calls of sosend that made more segments than a queue holds.
pub(crate) fn over_queue() -> u64 {
    OVER_QUEUE.load(Ordering::Relaxed)
}

/// Segments sent; where Linux decides what a segment is, one send to it counts as full ones and a rest.
pub(crate) fn segments() -> u64 {
    SEGMENTS.load(Ordering::Relaxed)
}

/// Payloads that tcp_output would have copied, since they are alone in a segment and small.
pub(crate) fn copies() -> u64 {
    COPIES.load(Ordering::Relaxed)
}

/// One sosend appended `bytes`.
pub(super) fn count(bytes: u32) {
    let segments = u64::from(bytes).div_ceil(u64::from(config::mss()).max(1));
    MOST.fetch_max(segments, Ordering::Relaxed);
    if segments > QUEUE {
        OVER_QUEUE.fetch_add(1, Ordering::Relaxed);
    }
}

/// One output sent `bytes` in segments of `mss`.
pub(super) fn output(bytes: u64, mss: u64) {
    let mss = mss.max(1);
    SEGMENTS.fetch_add(bytes.div_ceil(mss), Ordering::Relaxed);
    if (1..=COPIED).contains(&(bytes % mss)) {
        COPIES.fetch_add(1, Ordering::Relaxed);
    }
}
