//! Acknowledgements as a module feels them: with `standin.tcp_acks` bytes stay in so_snd, and external mbufs
//! with the stack, until the peer has acknowledged them. Linux says how many are not (`SIOCOUTQ`); `flow.rs`
//! says which of the others count already.
//!
//! Linux has no event for "acknowledged in part". What wakes netisr instead, and only while bytes are in
//! flight: a transmit timestamp (`SOF_TIMESTAMPING_TX_ACK`, on the socket's error queue) where the peer
//! acknowledges at once, a timer for what `flow.rs` knows to come later, and a slow look where neither came.

use super::flow::{Flow, Rules};
use super::linux::Fd;
use super::{Pcb, Tx, netisr, release};
use crate::config;
use crate::socket::Sb;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How soon, and at last how seldom, Linux is asked again for an acknowledgement that should be there; how soon
/// when Linux reports it anyway.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const FIRST_LOOK_REPORTED: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(100);
/// The same where Linux reports no acknowledgements (qemu's user mode).
const LAST_LOOK_BLIND: Duration = Duration::from_millis(5);
/// A short rest that nobody pushes is sent by the persist timer (`net.inet.tcp.persmin`).
const PERSIST: Duration = Duration::from_secs(5);

/// Times that SIOCOUTQ was asked, and acknowledgements that took bytes out of a buffer.
static LOOKS: AtomicU64 = AtomicU64::new(0);
static ACKS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn looks() -> u64 {
    LOOKS.load(Ordering::Relaxed)
}

pub(crate) fn acks() -> u64 {
    ACKS.load(Ordering::Relaxed)
}

/// The part of a sending half that follows acknowledgements.
pub(super) struct Acks {
    pub(super) flow: Flow,
    /// Linux reports acknowledgements of sends that ask for it.
    reported: bool,
    /// Position up to which Linux's peer has acknowledged, when last asked.
    linux: u64,
    /// How long the next look at Linux waits.
    patience: Duration,
    /// The timer that is set.
    timer: Option<Instant>,
    /// When a rest that nobody pushes leaves.
    persist: Option<Instant>,
}

impl Acks {
    /// For a new socket; `None` when it lives without, as `standin.tcp_acks` says.
    pub(super) fn of(fd: &Fd) -> Option<Acks> {
        config::tcp_acks().then(|| {
            Acks::with(
                fd,
                Flow::new(Rules {
                    mss: config::mss().max(1).into(),
                    delack: Duration::from_millis(config::delack_ms().into()),
                    rtt: Duration::from_millis(config::ack_delay_ms().into()),
                }),
            )
        })
    }

    /// For a connection that came in through a listener.
    pub(super) fn child(&self, fd: &Fd) -> Acks {
        Acks::with(fd, self.flow.child())
    }

    fn with(fd: &Fd, flow: Flow) -> Acks {
        // When a segment leaves is decided here. Linux's own peer should acknowledge like one on Ethernet.
        let _ = fd.set_option(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
        let _ = fd.set_option(libc::IPPROTO_TCP, libc::TCP_MAXSEG, flow.rules().mss as i32 + 12);
        let mut acks = Acks {
            flow,
            reported: fd.report_acks(),
            linux: 0,
            patience: FIRST_LOOK,
            timer: None,
            persist: None,
        };
        acks.patience = acks.first_look();
        acks
    }

    /// Whether a send of `n` bytes should ask Linux to report its acknowledgement: not when a timer waits for
    /// it anyway.
    pub(super) fn report(&self, n: u64) -> bool {
        self.reports_at_once() && self.flow.pairs(n)
    }

    fn reports_at_once(&self) -> bool {
        self.reported && self.flow.rules().rtt.is_zero()
    }

    /// Whether the persist timer pushes the rest now.
    pub(super) fn persists(&self) -> bool {
        self.persist.is_some_and(|at| at <= Instant::now())
    }

    fn first_look(&self) -> Duration {
        if self.reports_at_once() {
            FIRST_LOOK_REPORTED
        } else {
            FIRST_LOOK
        }
    }

    fn last_look(&self) -> Duration {
        if self.reported { LAST_LOOK } else { LAST_LOOK_BLIND }
    }
}

/// Takes out of so_snd, which is locked, what the peer has acknowledged by now.
pub(super) fn take(pcb: &Pcb, tx: &mut Tx, snd: Sb) {
    let fin = tx.fin_sent;
    let Some(acks) = &mut tx.acks else { return };
    if acks.flow.in_flight() == 0 {
        return;
    }
    if snd.used() == 0 {
        // The connection broke and its output was dropped.
        acks.flow.acknowledge(acks.flow.handed());
        return;
    }
    let due = acks.flow.due(Instant::now());
    if due > acks.linux {
        LOOKS.fetch_add(1, Ordering::Relaxed);
        // The end of the stream counts as a byte.
        let unacked = pcb.fd.unacknowledged().saturating_sub(fin.into());
        acks.linux = acks.flow.handed().saturating_sub(unacked as u64);
    }
    let n = acks.flow.acknowledge(due.min(acks.linux));
    if n > 0 {
        ACKS.fetch_add(1, Ordering::Relaxed);
        acks.patience = acks.first_look();
        release::sent(snd.cut(n as usize));
    }
}

/// Sees to it that netisr comes back when there will be something to [`take`]. `rest`: bytes that may not leave
/// yet.
pub(super) fn wait(pcb: &Pcb, tx: &mut Tx, rest: u64) {
    let blocked = tx.blocked;
    let Some(acks) = &mut tx.acks else { return };
    let now = Instant::now();
    let look = acks.flow.next_look(now, acks.linux, acks.patience);
    let held = rest > 0 && look.is_none() && !blocked;
    acks.persist = held.then(|| acks.persist.unwrap_or(now + PERSIST));
    let next = look.or(acks.persist);
    // A timer that is set already and comes too early finds nothing to do, which is cheaper than to move it.
    let Some(next) = next else { return };
    if acks.timer.is_none_or(|timer| next < timer) {
        netisr::set_timer(pcb.id, acks.timer.replace(next), next);
    }
}

/// The timer of a socket went off: nothing is set any more.
pub(super) fn timer_is_off(tx: &mut Tx) {
    let Some(acks) = &mut tx.acks else { return };
    if acks.timer.take().is_some() && acks.flow.due(Instant::now()) > acks.linux {
        // It was a look that found nothing, or the first one.
        acks.patience = (acks.patience * 2).min(acks.last_look());
    }
}

/// The socket goes: nothing is waited for any more.
pub(super) fn cancel(pcb: &Pcb, tx: &mut Tx) {
    if let Some(timer) = tx.acks.as_mut().and_then(|acks| acks.timer.take()) {
        netisr::clear_timer(pcb.id, timer);
    }
}
