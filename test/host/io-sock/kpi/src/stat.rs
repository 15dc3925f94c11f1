//! Counters of the stack, for `stat` and for tests that compare before and after.

use crate::below::{self, ack, burst, netisr, release, ring};
use crate::{callout, eventhandler, fault, malloc, mbuf, socket, thread, uma};
use std::sync::atomic::Ordering;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)*) => {
        /// What the stack has and has done. Gauges come back to where they were when everybody has closed and
        /// freed what was theirs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Counters {
            /// Each counter's name and value.
            pub fn entries(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }

        /// The counters now. Any thread.
        pub fn counters() -> Counters {
            Counters { $($name: $value,)* }
        }
    };
}

fn gauge(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

counters! {
    /// Gauge: mbufs.
    mbufs = gauge(uma::MBUF.in_use());
    /// Gauge: clusters of all sizes.
    clusters = [&uma::CLUST, &uma::JUMBOP, &uma::JUMBO9, &uma::JUMBO16].iter().map(|zone| gauge(zone.in_use())).sum();
    /// mbufs ever allocated.
    mbufs_total = uma::MBUF.allocations();
    /// Requests for mbufs and clusters that failed.
    mbuf_failures = [&uma::MBUF, &uma::CLUST, &uma::JUMBOP, &uma::JUMBO9, &uma::JUMBO16].iter().map(|zone| zone.failures()).sum();
    /// Gauge: pieces of external storage that modules attached and that were not given back.
    ext_outstanding = gauge(mbuf::ext_alive());
    /// Pieces of external storage that modules ever attached.
    ext_total = mbuf::ext_attached();
    /// Gauge: receive buffers of the driver that the stack or a module holds (`standin.rx_foreign`).
    ring_outstanding = gauge(ring::outstanding());
    /// Gauge: sent mbufs that the driver still holds.
    releases_pending = release::pending() as u64;
    /// Gauge: sockets, closed ones that still have data to send included.
    sockets = gauge(socket::alive());
    /// Gauge: sockets closed by their owners with data still to send.
    sockets_closing = gauge(below::closing());
    /// Gauge: bytes of `M_SONAME` memory.
    soname_bytes = malloc::soname_bytes();
    /// Gauge: kernel threads of modules.
    kthreads = gauge(thread::kthreads());
    /// Gauge: credentials.
    credentials = gauge(thread::credentials());
    /// Gauge: callouts that are armed.
    callouts = callout::armed() as u64;
    /// Gauge: callbacks registered with eventhandler(9).
    eventhandlers = eventhandler::registered() as u64;
    /// Times that netisr woke up.
    netisr_wakeups = netisr::wakeups();
    /// Bytes that Linux's sockets took.
    bytes_out = below::BYTES_OUT.load(Ordering::Relaxed);
    /// Bytes that came from Linux's sockets.
    bytes_in = below::BYTES_IN.load(Ordering::Relaxed);
    /// Datagrams dropped for want of room.
    datagrams_dropped = below::datagrams_dropped();
    /// Acknowledgements that took bytes out of a send buffer (`standin.tcp_acks`).
    tcp_acks = ack::acks();
    /// Times that Linux was asked what the peer has acknowledged.
    tcp_ack_looks = ack::looks();
    /// TCP segments sent.
    tcp_segments = burst::segments();
    /// Small payloads alone in a segment, which tcp_output would have copied beside the headers.
    tcp_payload_copies = burst::copies();
    /// Most segments that one sosend made at once.
    sosend_burst_most = burst::most();
    /// Calls of sosend that made more segments than netisr queues.
    sosend_bursts_over_queue = burst::over_queue();
    /// Allocations failed on purpose.
    faults = fault::failed();
    /// Outputs that the packet filter refused on purpose.
    filtered = fault::filtered();
}

/// Waits until the gauges that other threads bring down (closing sockets, pending releases) are at 0, at most
/// `limit`. `false`: they are not.
pub fn settle(limit: std::time::Duration) -> bool {
    let until = std::time::Instant::now() + limit;
    while below::closing() != 0 || release::pending() != 0 {
        if std::time::Instant::now() > until {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    true
}
