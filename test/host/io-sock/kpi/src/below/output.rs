//! so_snd to Linux. What Linux takes leaves the buffer, as what the peer has acknowledged does on a real
//! stack; or, with `standin.tcp_acks`, it stays there until the peer has.

use super::linux::Sending;
use super::{BYTES_OUT, Pcb, Tx, ack, burst, close, netisr, release};
use crate::errno::{EACCES, EAGAIN, ECONNRESET, EINTR, ENOBUFS, ENOMEM, EPIPE};
use crate::mbuf::Mb;
use crate::moment::{self, Moment};
use crate::socket::Sb;
use crate::socket::sockbuf::{SB_AUTOSIZE, SBS_CANTSENDMORE};
use crate::{config, fault};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// When a segment that was refused is tried again: TCP's least retransmit time.
const RETRANSMIT: Duration = Duration::from_millis(230);
/// Pieces and bytes of one system call.
const PIECES: usize = 64;
const BATCH: usize = 256 * 1024;
/// By how much and how far a send buffer grows by itself (`net.inet.tcp.sendbuf_inc`, `sendbuf_max`).
const GROW_BY: u64 = 8 * 1024;
const GROW_TO: u32 = 2 * 1024 * 1024 / 2304 * 2048;

/// What one attempt came to.
enum Sent {
    /// The buffer is empty.
    All,
    /// Linux has all of it; the peer has not acknowledged it yet.
    Handed,
    /// The rest is less than a segment, which may not leave yet.
    Held,
    /// Linux takes no more.
    Blocked,
    /// The connection is broken: that error.
    Broken(c_int),
}

/// Appends `top` and sends what can be sent, in the caller's context. The socket is connected and the caller
/// the only sender.
pub(crate) fn append_and_output(pcb: &Arc<Pcb>, top: Option<Mb>, more: bool) -> c_int {
    let snd = pcb.so.snd();
    let mut tx = pcb.tx();
    snd.lock();
    if snd.is(SBS_CANTSENDMORE) {
        // It broke since sosend looked.
        snd.unlock();
        drop(tx);
        crate::mbuf::m_freem(top);
        return ECONNRESET;
    }
    let before = snd.used();
    snd.append_stream(top);
    burst::count(snd.used() - before);
    if tx.acks.is_none() || config::sendbuf_auto() {
        autosize(snd);
    }
    if fault::filter_strikes() {
        // As from tcp_output when a packet filter refuses the segment: what is queued is tried again later.
        pcb.room.wait();
        snd.unlock();
        netisr::retry(pcb.id, RETRANSMIT);
        return EACCES;
    }
    if tx.blocked {
        snd.unlock();
        return 0;
    }
    let sent = transmit(pcb, &mut tx, snd, more);
    // Nobody saw the buffer in between, so there is something to tell only when it is emptier than it was.
    if snd.used() < before {
        snd.wakeup_unlock()
    } else {
        snd.unlock()
    }
    conclude(pcb, tx, sent);
    0
}

/// Why there is output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The owner has something to send, or has said that nothing follows.
    Owner,
    /// Linux has room again, or reports an acknowledgement.
    Linux,
    /// Data came from the peer.
    Heard,
    /// The socket's timer went off.
    Timer,
}

/// Takes out of so_snd what was acknowledged, and sends what may be sent.
pub(crate) fn output(pcb: &Arc<Pcb>, cause: Cause) {
    let mut tx = pcb.tx();
    if tx.gone {
        return;
    }
    match (cause, &mut tx.acks) {
        (Cause::Linux, _) => {
            tx.blocked = false;
            pcb.room.served();
        }
        (Cause::Heard, Some(acks)) => acks.flow.heard(Instant::now()),
        (Cause::Timer, Some(_)) => ack::timer_is_off(&mut tx),
        _ => {}
    }
    if tx.blocked && tx.acks.is_none() {
        return;
    }
    let snd = pcb.so.snd();
    snd.lock();
    let before = snd.used();
    ack::take(pcb, &mut tx, snd);
    let sent = transmit(pcb, &mut tx, snd, false);
    if snd.used() < before {
        snd.wakeup_unlock()
    } else {
        snd.unlock()
    }
    conclude(pcb, tx, sent);
}

/// Enters and leaves with so_snd locked.
fn transmit(pcb: &Pcb, tx: &mut Tx, snd: Sb, more: bool) -> Sent {
    if tx.acks.is_none() {
        return transmit_all(pcb, tx, snd, more);
    }
    let sent = if tx.blocked {
        Sent::Blocked
    } else {
        transmit_flow(pcb, tx, snd, more)
    };
    let in_flight = tx.acks.as_ref().map_or(0, |acks| acks.flow.in_flight());
    ack::wait(pcb, tx, u64::from(snd.used()).saturating_sub(in_flight));
    sent
}

const NO_PIECE: libc::iovec = libc::iovec {
    iov_base: std::ptr::null_mut(),
    iov_len: 0,
};

/// Gives Linux everything and forgets what it takes.
fn transmit_all(pcb: &Pcb, tx: &mut Tx, snd: Sb, more: bool) -> Sent {
    let mut pieces = [NO_PIECE; PIECES];
    loop {
        let (count, bytes) = gather(&mut pieces, snd.first().map(|m| (m, 0)), BATCH);
        if count == 0 {
            return Sent::All;
        }
        let last = bytes == snd.used() as usize;
        match hand_over(pcb, tx, &mut pieces[..count], more || !last, false) {
            Ok(n) => {
                burst::output(n as u64, config::mss().into());
                release::sent(snd.cut(n));
                if n < bytes && blocks(pcb, tx) {
                    return Sent::Blocked;
                }
            }
            Err(Some(sent)) => return sent,
            Err(None) => {}
        }
    }
}

/// Gives Linux what TCP would send now; it stays in so_snd.
fn transmit_flow(pcb: &Pcb, tx: &mut Tx, snd: Sb, more: bool) -> Sent {
    let last = tx.fin_wanted;
    let Some(acks) = &mut tx.acks else {
        return Sent::All;
    };
    let used = u64::from(snd.used());
    let unsent = used.saturating_sub(acks.flow.in_flight());
    let partial = acks.flow.begin(more) || acks.persists();
    let want = acks.flow.sendable(unsent, partial, last, snd.hiwat().into());
    let report = acks.report(want);
    let (sent, end) = hand_over_some(pcb, tx, snd, want as usize, report);
    if let Some(acks) = &mut tx.acks
        && sent > 0
    {
        burst::output(sent as u64, acks.flow.rules().mss);
        acks.flow.sent(sent as u64, Instant::now());
    }
    match end {
        Some(end) => end,
        None if want < unsent => Sent::Held,
        None if used > 0 => Sent::Handed,
        None => Sent::All,
    }
}

/// Gives Linux `want` bytes that it does not have yet: how many it took, and why not all.
fn hand_over_some(pcb: &Pcb, tx: &mut Tx, snd: Sb, want: usize, report: bool) -> (usize, Option<Sent>) {
    let mut pieces = [NO_PIECE; PIECES];
    let mut sent = 0;
    while sent < want {
        let (count, bytes) = gather(&mut pieces, snd.unsent(), BATCH.min(want - sent));
        match hand_over(pcb, tx, &mut pieces[..count], sent + bytes < want, report) {
            Ok(n) => {
                snd.mark_sent(n);
                sent += n;
                if n < bytes && blocks(pcb, tx) {
                    return (sent, Some(Sent::Blocked));
                }
            }
            Err(Some(end)) => return (sent, Some(end)),
            Err(None) => {}
        }
    }
    (sent, None)
}

/// The memory of at most `most` bytes of a chain, from an offset into its first mbuf on: how many pieces, how
/// many bytes.
fn gather(pieces: &mut [libc::iovec; PIECES], from: Option<(Mb, usize)>, most: usize) -> (usize, usize) {
    let Some((first, mut skip)) = from else {
        return (0, 0);
    };
    let (mut count, mut bytes) = (0, 0);
    for m in first.iter() {
        if count == PIECES || bytes >= most {
            break;
        }
        let len = (m.len() - skip).min(most - bytes);
        if len > 0 {
            pieces[count] = libc::iovec {
                iov_base: m.data().wrapping_add(skip).cast(),
                iov_len: len,
            };
            count += 1;
            bytes += len;
        }
        skip = 0;
    }
    (count, bytes)
}

/// Linux did not take everything, and will say when there is room. `false`: it has said so meanwhile.
fn blocks(pcb: &Pcb, tx: &mut Tx) -> bool {
    moment::reach(Moment::Full);
    tx.blocked = pcb.room.wait();
    tx.blocked
}

/// One system call. `Err(None)`: it was interrupted, or there is room again.
fn hand_over(
    pcb: &Pcb,
    tx: &mut Tx,
    pieces: &mut [libc::iovec],
    more: bool,
    report: bool,
) -> Result<usize, Option<Sent>> {
    let flags = Sending { more, report };
    pcb.room.forget();
    match pcb.fd.send(pieces, None, flags) {
        Ok(n) => {
            BYTES_OUT.fetch_add(n as u64, Ordering::Relaxed);
            Ok(n)
        }
        Err(EAGAIN) => Err(blocks(pcb, tx).then_some(Sent::Blocked)),
        Err(EINTR) => Err(None),
        Err(ENOBUFS | ENOMEM) => {
            pcb.room.wait();
            netisr::retry(pcb.id, Duration::from_millis(10));
            Err(Some(Sent::Blocked))
        }
        Err(errno) => Err(Some(Sent::Broken(if errno == EPIPE {
            ECONNRESET
        } else {
            errno
        }))),
    }
}

/// A send buffer that is nearly full grows, unless its owner has set its size.
fn autosize(snd: Sb) {
    let (used, hiwat) = (snd.used(), snd.hiwat());
    if snd.flags() & SB_AUTOSIZE != 0 && used >= hiwat / 8 * 7 && hiwat < GROW_TO {
        snd.reserve((u64::from(hiwat) + GROW_BY).min(GROW_TO.into()));
    }
}

/// What follows an attempt: the end of the stream, of the connection, of the socket.
fn conclude(pcb: &Arc<Pcb>, mut tx: std::sync::MutexGuard<'_, Tx>, sent: Sent) {
    match sent {
        Sent::Blocked | Sent::Held => {}
        Sent::Broken(errno) => {
            // Under the lock: afterwards the owner's close may finish at any time.
            close::broken(pcb, errno);
            let closing = tx.closing;
            drop(tx);
            moment::reach(Moment::Concluding);
            if closing {
                close::finish(pcb);
            }
        }
        Sent::All | Sent::Handed => {
            if tx.fin_wanted && !tx.fin_sent {
                tx.fin_sent = true;
                pcb.fd.shutdown_write();
            }
            let all = matches!(sent, Sent::All);
            let closing = tx.closing;
            let acknowledged = all && tx.fin_sent && tx.acks.is_some();
            drop(tx);
            moment::reach(Moment::Concluding);
            if closing && all {
                close::finish(pcb);
            } else if acknowledged {
                close::both_ended(pcb, &pcb.rx());
            }
        }
    }
}
