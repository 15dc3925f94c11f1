//! What the stand-in lets tests and io-sock's sysctls change while it runs.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

static RELEASE_DELAY_MS: AtomicU32 = AtomicU32::new(0);
static RELEASE_REORDER: AtomicBool = AtomicBool::new(false);
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
