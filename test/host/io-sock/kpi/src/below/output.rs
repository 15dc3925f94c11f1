//! so_snd to Linux: what Linux takes leaves the buffer, as what the peer has acknowledged does on a real
//! stack.

use super::release;
use super::{BYTES_OUT, Pcb, Tx, close};
use crate::errno::{EAGAIN, ECONNRESET, EINTR, ENOBUFS, ENOMEM, EPIPE};
use crate::mbuf::Mb;
use crate::socket::Sb;
use crate::socket::sockbuf::{SB_AUTOSIZE, SBS_CANTSENDMORE};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

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
    autosize(snd);
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

/// Sends what so_snd holds, when Linux has room again or the end is to be sent.
pub(crate) fn output(pcb: &Arc<Pcb>, unblocked: bool) {
    let mut tx = pcb.tx();
    if tx.gone {
        return;
    }
    if unblocked {
        tx.blocked = false;
    }
    if tx.blocked {
        return;
    }
    let snd = pcb.so.snd();
    snd.lock();
    let before = snd.used();
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
    let mut pieces = [libc::iovec {
        iov_base: std::ptr::null_mut(),
        iov_len: 0,
    }; PIECES];
    loop {
        let mut count = 0;
        let mut bytes = 0;
        if let Some(first) = snd.first() {
            for m in first.iter() {
                if count == PIECES || bytes >= BATCH {
                    break;
                }
                pieces[count] = libc::iovec {
                    iov_base: m.data().cast(),
                    iov_len: m.len(),
                };
                count += 1;
                bytes += m.len();
            }
        }
        if count == 0 {
            return Sent::All;
        }
        let last = bytes == snd.used() as usize;
        match pcb.fd.send(&mut pieces[..count], None, more || !last) {
            Ok(n) => {
                BYTES_OUT.fetch_add(n as u64, Ordering::Relaxed);
                release::sent(snd.cut(n));
                if n < bytes {
                    // Linux will say when there is room.
                    tx.blocked = true;
                    return Sent::Blocked;
                }
            }
            Err(EAGAIN) => {
                tx.blocked = true;
                return Sent::Blocked;
            }
            Err(EINTR) => {}
            Err(ENOBUFS | ENOMEM) => {
                super::netisr::retry(pcb.id, Duration::from_millis(10));
                return Sent::Blocked;
            }
            Err(errno) => return Sent::Broken(if errno == EPIPE { ECONNRESET } else { errno }),
        }
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
        Sent::Blocked => {}
        Sent::Broken(errno) => {
            // Under the lock: afterwards the owner's close may finish at any time.
            close::broken(pcb, errno);
            let closing = tx.closing;
            drop(tx);
            if closing {
                close::finish(pcb);
            }
        }
        Sent::All => {
            if tx.fin_wanted && !tx.fin_sent {
                tx.fin_sent = true;
                pcb.fd.shutdown_write();
            }
            let closing = tx.closing;
            drop(tx);
            if closing {
                close::finish(pcb);
            }
        }
    }
}
