//! Linux to so_rcv, for as long as there is room; the rest stays with Linux, whose peer then waits.

use super::{BYTES_IN, Cause, Pcb, Phase, Rx, close, connect, netisr, output, ring};
use crate::config;
use crate::errno::{EAGAIN, EINTR};
use crate::malloc::M_NOWAIT;
use crate::mbuf::{self, MT_DATA, Mb};
use crate::moment::{self, Moment};
use crate::socket::sockbuf::{SB_AUTOSIZE, SBS_CANTRCVMORE};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Bytes of one mbuf that data is read into, and how many mbufs one call fills.
const CLUSTER: usize = ring::BUFFER;
const PIECES: usize = 16;
/// Reads without pause before other sockets get their turn.
const ROUNDS: usize = 16;
/// How far a receive buffer grows by itself (`net.inet.tcp.recvbuf_max`, less the mbufs' share).
const GROW_TO: u32 = 2 * 1024 * 1024 / 2304 * 2048;
/// When there was no memory: like a segment that was dropped and comes again.
const RETRANSMIT: Duration = Duration::from_millis(10);
/// When the window was not opened in time: like the peer's probe.
const PROBE: Duration = Duration::from_millis(200);

/// What Linux reports of a stream socket.
pub(super) fn event(pcb: &Arc<Pcb>, events: c_int) {
    let mut rx = pcb.rx();
    if rx.gone {
        return;
    }
    if rx.phase == Phase::Connecting && !connect::event(pcb, &mut rx, events) {
        return;
    }
    if rx.phase != Phase::Connected {
        return;
    }
    let mut ends = events & (libc::EPOLLRDHUP | libc::EPOLLHUP) != 0;
    if events & (libc::EPOLLERR | libc::EPOLLHUP) != 0 {
        let reports = pcb.follows.load(Ordering::Relaxed);
        if reports {
            pcb.fd.drop_reports();
        }
        let errno = pcb.fd.take_error();
        if errno != 0 {
            close::broken(pcb, errno);
        }
        // A report alone is no end.
        ends |= errno != 0 || !reports;
    }
    if ends || events & libc::EPOLLIN != 0 {
        rx.ends |= ends;
        read(pcb, &mut rx);
    }
    let heard = std::mem::take(&mut rx.heard);
    drop(rx);
    moment::reach(Moment::Read);
    let follows = pcb.follows.load(Ordering::Relaxed);
    if heard && follows {
        self::heard(pcb);
    }
    let room = events & libc::EPOLLOUT != 0;
    let wanted = room && (pcb.room.comes() || follows);
    if wanted || events & (libc::EPOLLERR | libc::EPOLLHUP) != 0 {
        output(pcb, Cause::Linux);
    }
}

/// What the peer sends acknowledges what it has.
fn heard(pcb: &Arc<Pcb>) {
    let waits = pcb
        .tx()
        .acks
        .as_ref()
        .is_some_and(|acks| acks.flow.in_flight() > 0);
    if waits {
        output(pcb, Cause::Heard);
    }
}

/// The reader has made room: goes on reading, in the reader's context, when reading had stopped for want of
/// it. `quiet`: the reader asked that nothing be sent to the peer (`MSG_SOCALLBCK`), so it happens later.
pub(crate) fn window_update(pcb: &Arc<Pcb>, quiet: bool) {
    if !pcb.paused.load(Ordering::Acquire) {
        return;
    }
    if quiet {
        netisr::retry(pcb.id, PROBE);
        return;
    }
    let rcv = pcb.so.rcv();
    rcv.lock();
    // As TCP: a window that grows by less than half of itself, or two segments, is not worth a packet.
    let worth = rcv.space() >= i64::from(rcv.hiwat()) / 2 || rcv.used() == 0;
    if worth && rcv.flags() & SB_AUTOSIZE != 0 && rcv.hiwat() < GROW_TO {
        // The reader keeps up with a full window: give it a larger one.
        rcv.reserve((u64::from(rcv.hiwat()) * 2).min(GROW_TO.into()));
    }
    rcv.unlock();
    if worth {
        let mut rx = pcb.rx();
        if !rx.gone && rx.phase == Phase::Connected {
            read(pcb, &mut rx);
        }
    }
}

/// Reads until Linux has no more, so_rcv has no room, or it is others' turn.
fn read(pcb: &Arc<Pcb>, rx: &mut Rx) {
    let rcv = pcb.so.rcv();
    pcb.paused.store(false, Ordering::Relaxed);
    for _ in 0..ROUNDS {
        if rx.eof {
            return;
        }
        rcv.lock();
        let (space, closed) = (rcv.space(), rcv.is(SBS_CANTRCVMORE));
        rcv.unlock();
        if !closed && space <= 0 {
            pause(pcb);
            return;
        }
        let most = CLUSTER * rx.pieces;
        let want = if closed { most } else { (space as usize).min(most) };
        let got = if closed {
            pcb.fd.discard(want).map(|n| Filled {
                n,
                room: want,
                chain: None,
            })
        } else {
            fill(pcb, rx, want)
        };
        match got {
            Ok(Filled { n: 0, .. }) => return end(pcb, rx),
            Ok(Filled { n, room, chain }) => {
                BYTES_IN.fetch_add(n as u64, Ordering::Relaxed);
                rx.heard = true;
                deliver(pcb, chain);
                // Less than there was room for: that was all, and for what comes from now on there is an
                // event. But the end has been reported.
                if n < room && !rx.ends {
                    return;
                }
            }
            Err(EAGAIN) => {
                if pcb.broken.load(Ordering::Acquire) != 0 {
                    end(pcb, rx);
                }
                return;
            }
            Err(EINTR) => {}
            Err(crate::errno::ENOMEM) => return netisr::retry(pcb.id, RETRANSMIT),
            Err(errno) => {
                close::broken(pcb, errno);
                return end(pcb, rx);
            }
        }
    }
    netisr::retry(pcb.id, Duration::ZERO);
}

/// so_rcv is full. A reader that makes room from now on sees the mark; one that did before it was set is seen
/// here.
fn pause(pcb: &Arc<Pcb>) {
    pcb.paused.store(true, Ordering::SeqCst);
    let rcv = pcb.so.rcv();
    rcv.lock();
    let empty = rcv.used() == 0;
    rcv.unlock();
    if empty {
        netisr::retry(pcb.id, Duration::ZERO);
    }
}

/// What one read gave.
struct Filled {
    n: usize,
    /// How much it could have been.
    room: usize,
    chain: Option<Mb>,
}

/// Reads at most `want` bytes into fresh mbufs. `ENOMEM`: there are none.
fn fill(pcb: &Pcb, rx: &mut Rx, want: usize) -> Result<Filled, c_int> {
    let mut pieces = [libc::iovec {
        iov_base: std::ptr::null_mut(),
        iov_len: 0,
    }; PIECES];
    let mut mbufs: [Option<Mb>; PIECES] = [None; PIECES];
    let mut room = 0;
    let mut count = 0;
    while room < want && count < PIECES {
        let m = if config::rx_foreign() {
            ring::get(M_NOWAIT, 0)
        } else {
            mbuf::m_getjcl(M_NOWAIT, MT_DATA, 0, CLUSTER as c_int)
        };
        let Some(m) = m else { break };
        let len = m.trailing().min(want - room);
        pieces[count] = libc::iovec {
            iov_base: m.data().cast(),
            iov_len: len,
        };
        mbufs[count] = Some(m);
        room += len;
        count += 1;
    }
    if count == 0 {
        return Err(crate::errno::ENOMEM);
    }
    let result = pcb.fd.receive(&mut pieces[..count], false);
    let n = *result.as_ref().map_or(&0, |(n, _, _)| n);
    let (mut left, mut first, mut last): (usize, Option<Mb>, Option<Mb>) = (n, None, None);
    for (m, piece) in mbufs.iter().flatten().zip(&pieces) {
        let take = left.min(piece.iov_len);
        left -= take;
        if take == 0 {
            mbuf::m_freem(Some(*m));
            continue;
        }
        m.set_len(take);
        match last {
            Some(last) => last.set_next(Some(*m)),
            None => first = Some(*m),
        }
        last = Some(*m);
    }
    // Likely as much comes next time, or more.
    let filled = n.div_ceil(CLUSTER);
    rx.pieces = if n >= room {
        (count * 2).min(PIECES)
    } else {
        filled.max(1)
    };
    result.map(|(n, _, _)| Filled {
        n,
        room,
        chain: first,
    })
}

/// Appends to so_rcv under its lock, and tells.
fn deliver(pcb: &Pcb, chain: Option<Mb>) {
    let Some(chain) = chain else { return };
    let rcv = pcb.so.rcv();
    rcv.lock();
    if rcv.is(SBS_CANTRCVMORE) {
        rcv.unlock();
        mbuf::m_freem(Some(chain));
        return;
    }
    rcv.append_stream(Some(chain));
    rcv.wakeup_unlock();
}

/// Nothing more comes: the peer has finished, or the connection is broken.
fn end(pcb: &Pcb, rx: &mut Rx) {
    rx.eof = true;
    rx.heard = true;
    let errno = pcb.broken.load(Ordering::Acquire);
    if errno != 0 {
        rx.phase = Phase::Dead;
        pcb.so.set_error(errno);
        pcb.so.is_disconnected();
        return;
    }
    pcb.so.cant_receive_more();
    close::both_ended(pcb, rx);
}
