//! Ends: of the stream, of the connection, of the socket.

use super::{CLOSING, Cause, Pcb, Phase, Rx, output};
use crate::moment::{self, Moment};
use crate::socket::{self, SS_ISDISCONNECTED};
use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Most bytes that are discarded before a socket is closed; more than Linux buffers.
const DISCARD: usize = 16 * 1024 * 1024;

/// The connection broke: what was to be sent is dropped now; the error is told after the data that is still
/// to be read.
pub(super) fn broken(pcb: &Pcb, errno: c_int) {
    // The first reason counts.
    let _ = pcb
        .broken
        .compare_exchange(0, errno, Ordering::AcqRel, Ordering::Relaxed);
    pcb.so.drop_output();
}

impl Pcb {
    /// No more is written: the end is sent after what so_snd holds. For `soshutdown`.
    pub(crate) fn send_fin(self: &Arc<Pcb>) {
        self.tx().fin_wanted = true;
        output(self, Cause::Owner);
        both_ended(self, &self.rx());
    }

    /// The owner has closed the socket: what so_snd holds is sent in the background, then the socket goes.
    pub(crate) fn close_gracefully(self: &Arc<Pcb>) {
        let connected = matches!(self.rx().phase, Phase::Connected);
        {
            let mut tx = self.tx();
            tx.closing = true;
            tx.fin_wanted = connected;
        }
        CLOSING.fetch_add(1, Ordering::Relaxed);
        moment::reach(Moment::Closing);
        if connected && self.broken.load(Ordering::Acquire) == 0 {
            output(self, Cause::Owner);
        } else {
            drop_and_finish(self);
        }
    }

    /// A listener stops: netisr leaves its queue alone when this returns.
    pub(crate) fn stop_listening(&self) {
        let mut rx = self.rx();
        rx.gone = true;
        self.tx().gone = true;
        self.unregister();
        self.fd.close();
    }

    /// The owner has closed the socket, or it has none: everything is dropped; a connection is reset.
    pub(crate) fn close_abruptly(self: &Arc<Pcb>) {
        self.fd.reset_on_close();
        self.tx().closing = true;
        CLOSING.fetch_add(1, Ordering::Relaxed);
        moment::reach(Moment::Closing);
        drop_and_finish(self);
    }
}

/// The owner is gone: so is what was to be sent, and then the socket. Since the socket is marked as closing netisr may
/// finish it at any time, and whoever holds `rx` keeps it alive.
fn drop_and_finish(pcb: &Arc<Pcb>) {
    {
        let rx = pcb.rx();
        if rx.gone {
            return;
        }
        pcb.so.drop_output();
    }
    finish(pcb);
}

/// When both sides have finished and the peer has everything, there is no connection any more.
pub(super) fn both_ended(pcb: &Pcb, rx: &Rx) {
    if rx.gone || !rx.eof || !pcb.tx().fin_sent || pcb.so.is(SS_ISDISCONNECTED) {
        return;
    }
    let snd = pcb.so.snd();
    snd.lock();
    let empty = snd.used() == 0;
    snd.unlock();
    if empty {
        pcb.so.is_disconnected();
    }
}

/// The socket has nothing more to do, and goes.
pub(super) fn finish(pcb: &Arc<Pcb>) {
    {
        let mut rx = pcb.rx();
        let mut tx = pcb.tx();
        if tx.gone || !tx.closing {
            return;
        }
        pcb.unregister();
        // With unread bytes left Linux would reset the connection, and the peer might lose what was sent.
        if rx.phase == Phase::Connected {
            let mut left = DISCARD;
            while let Ok(n) = pcb.fd.discard(left.min(1 << 20)) {
                left -= n.min(left);
                if n == 0 || left == 0 {
                    break;
                }
            }
        }
        super::ack::cancel(pcb, &mut tx);
        pcb.fd.close();
        rx.gone = true;
        tx.gone = true;
    }
    CLOSING.fetch_sub(1, Ordering::Relaxed);
    socket::finish(pcb.so);
}
