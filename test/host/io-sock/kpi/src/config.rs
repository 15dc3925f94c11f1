//! What the stand-in lets tests and io-sock's sysctls change while it runs.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

static RELEASE_DELAY_MS: AtomicU32 = AtomicU32::new(0);
static RELEASE_REORDER: AtomicBool = AtomicBool::new(false);
static TCP_ACKS: AtomicBool = AtomicBool::new(false);
static ACK_DELAY_MS: AtomicU32 = AtomicU32::new(0);
static DELACK_MS: AtomicU32 = AtomicU32::new(40);
static MSS: AtomicU32 = AtomicU32::new(1448);
static SENDBUF_AUTO: AtomicBool = AtomicBool::new(false);
static RX_FOREIGN: AtomicBool = AtomicBool::new(false);
static LINUX_SNDBUF: AtomicU32 = AtomicU32::new(0);
static LINUX_RCVBUF: AtomicU32 = AtomicU32::new(0);
static LOW_PORTS_OPEN: AtomicBool = AtomicBool::new(false);

/// `standin.release_delay_ms`: how long mbufs whose bytes were sent are kept before they are freed, as a
/// driver keeps them until its transmit is complete. 0: freed at once, under the so_snd lock, as by TCP's ACK
/// path. Otherwise another thread frees them.
pub fn set_release_delay_ms(ms: u32) {
    RELEASE_DELAY_MS.store(ms, Ordering::Relaxed);
}

/// As set by [`set_release_delay_ms`].
pub fn release_delay_ms() -> u32 {
    RELEASE_DELAY_MS.load(Ordering::Relaxed)
}

/// `standin.release_reorder`: sent mbufs are freed by another thread in another order than they were sent in.
pub fn set_release_reorder(on: bool) {
    RELEASE_REORDER.store(on, Ordering::Relaxed);
}

/// As set by [`set_release_reorder`].
pub fn release_reorder() -> bool {
    RELEASE_REORDER.load(Ordering::Relaxed)
}

/// `standin.tcp_acks`: TCP sockets made from now on behave as on a network: sent bytes stay in so_snd until the
/// peer has acknowledged them, and small segments leave, and are acknowledged, by TCP's rules and not at once.
pub fn set_tcp_acks(on: bool) {
    TCP_ACKS.store(on, Ordering::Relaxed);
}

/// As set by [`set_tcp_acks`].
pub fn tcp_acks() -> bool {
    TCP_ACKS.load(Ordering::Relaxed)
}

/// `standin.ack_delay_ms`: with `standin.tcp_acks`, an acknowledgement counts only so long after the bytes were
/// sent, as with that round-trip time. For sockets made from now on.
pub fn set_ack_delay_ms(value: u32) {
    ACK_DELAY_MS.store(value, Ordering::Relaxed);
}

/// As set by [`set_ack_delay_ms`].
pub fn ack_delay_ms() -> u32 {
    ACK_DELAY_MS.load(Ordering::Relaxed)
}

/// `standin.delack_ms`: with `standin.tcp_acks`, how long a peer keeps the acknowledgement of a single segment
/// back (`net.inet.tcp.delacktime`). 0: it does not. For sockets made from now on.
pub fn set_delack_ms(value: u32) {
    DELACK_MS.store(value, Ordering::Relaxed);
}

/// As set by [`set_delack_ms`].
pub fn delack_ms() -> u32 {
    DELACK_MS.load(Ordering::Relaxed)
}

/// `standin.mss`: bytes of a full TCP segment, for `standin.tcp_acks` and for what is counted in segments.
pub fn set_mss(value: u32) {
    MSS.store(value, Ordering::Relaxed);
}

/// As set by [`set_mss`].
pub fn mss() -> u32 {
    MSS.load(Ordering::Relaxed)
}

/// `standin.sendbuf_auto`: with `standin.tcp_acks`, send buffers grow by themselves, as without it.
pub fn set_sendbuf_auto(on: bool) {
    SENDBUF_AUTO.store(on, Ordering::Relaxed);
}

/// As set by [`set_sendbuf_auto`].
pub fn sendbuf_auto() -> bool {
    SENDBUF_AUTO.load(Ordering::Relaxed)
}

/// `standin.rx_foreign`: received data lies in external storage of a driver, not in clusters of the stack.
pub fn set_rx_foreign(on: bool) {
    RX_FOREIGN.store(on, Ordering::Relaxed);
}

/// As set by [`set_rx_foreign`].
pub fn rx_foreign() -> bool {
    RX_FOREIGN.load(Ordering::Relaxed)
}

/// `standin.linux_sndbuf`: bytes of Linux's own send buffer of sockets made from now on; 0 lets Linux choose.
/// With a small one more bytes wait in so_snd, where the peer's window would keep them on a real stack.
pub fn set_linux_sndbuf(bytes: u32) {
    LINUX_SNDBUF.store(bytes, Ordering::Relaxed);
}

/// As set by [`set_linux_sndbuf`].
pub fn linux_sndbuf() -> u32 {
    LINUX_SNDBUF.load(Ordering::Relaxed)
}

/// `standin.linux_rcvbuf`: the same for Linux's receive buffer.
pub fn set_linux_rcvbuf(bytes: u32) {
    LINUX_RCVBUF.store(bytes, Ordering::Relaxed);
}

/// As set by [`set_linux_rcvbuf`].
pub fn linux_rcvbuf() -> u32 {
    LINUX_RCVBUF.load(Ordering::Relaxed)
}

/// Lets everybody bind ports below 1024, as `net.inet.ip.portrange.reservedhigh=0` does.
pub fn set_low_ports_open(on: bool) {
    LOW_PORTS_OPEN.store(on, Ordering::Relaxed);
}

/// As set by [`set_low_ports_open`].
pub fn low_ports_open() -> bool {
    LOW_PORTS_OPEN.load(Ordering::Relaxed)
}
