//! The end of a socket: closed by its client, orphaned, failed, aborted; and the release of what it held.
//!
//! ```text
//! close / orphan:  committed data goes out -> FIN -> all mbufs back (that is: acknowledged) -> soclose -> release
//! abort:           soclose with linger 0 (RST) -> all mbufs back -> release
//! release:         block "released", pool references back, slot free
//! ```
//! `soclose` waits for the mbufs because an orphan must stay abortable: after `soclose` there is no socket to abort.

use super::{Body, Phase, Sock, round::Round};
use crate::{
    machine::{How, OptValue, Platform, Stream},
    session::Orders,
};
use core::sync::atomic::Ordering;
use csock_wire::{WireErrno, msg::Empty, stream::StreamFault};

/// A socket on its way out.
#[derive(Clone, Copy)]
pub(super) struct Closing {
    /// FIN was sent, or is behind the data.
    shut: bool,
    /// When it is aborted, ms; 0: never.
    deadline: u64,
}

impl Closing {
    /// Starts now, and ends `patience` ms from now at the latest; 0 ms: when the peer has taken everything.
    fn within<P: Platform>(patience: u32) -> Self {
        let deadline = match patience {
            0 => 0,
            ms => P::now_ms().saturating_add(u64::from(ms)).max(1),
        };
        Self {
            shut: false,
            deadline,
        }
    }
}

impl<P: Platform> Body<P> {
    /// close(2). From now on one word alone concerns the client: RELEASED, which says that all of its memory is back.
    pub(super) fn close(&mut self, round: &mut Round<'_, P>, after: u64) -> Empty {
        if self.phase == Phase::Connected && self.binding.is_some() {
            self.tx.end_at(after);
        }
        self.cancel_waits(round, WireErrno::EBADF);
        // A peer that reads nothing would otherwise hold the slot, the block and the pools for ever.
        let closing = Closing::within::<P>(round.config.close_ms());
        self.closing.set(closing);
        note_close(round);
        if self.linger_zero() {
            self.abort_stack();
        } else if closing.deadline != 0 {
            round.effects.wake_at(closing.deadline);
        }
        Empty {}
    }

    /// The client is gone. What it committed still goes out, for a while.
    pub(super) fn orphan(&mut self, round: &mut Round<'_, P>) {
        round.slot.life.end();
        self.cancel_waits(round, WireErrno::ESRCH);
        if let (Some(binding), Some(plane)) = (self.binding.as_mut(), round.plane.as_deref()) {
            binding.hold_all(plane);
        }
        let patience = round.config.orphan_ms();
        let orphaned = Closing::within::<P>(patience);
        let deadline = orphaned.deadline;
        match self.closing.as_mut() {
            // Its client closed it and died: the earlier end counts.
            Some(closing) if closing.deadline == 0 => closing.deadline = deadline,
            Some(closing) => closing.deadline = closing.deadline.min(deadline),
            None => {
                if let (Phase::Connected, Some(binding)) = (self.phase, self.binding.as_mut()) {
                    match binding.look(round.plane.as_deref()) {
                        Ok(_) => self.tx.end_at(binding.reader.tail()),
                        Err(fault) => self.stream_fault(round, fault),
                    }
                }
                self.closing.set(orphaned);
                note_close(round);
            }
        }
        if patience == 0 || self.linger_zero() {
            self.abort_stack();
        } else if self.phase != Phase::Vacant {
            round.effects.wake_at(deadline);
        }
        round.effects.left = true;
    }

    /// Ends now, with RST: unloading, or an orphan out of time.
    pub(super) fn abort(&mut self, round: &mut Round<'_, P>) {
        round.slot.life.end();
        self.cancel_waits(round, WireErrno::ECONNABORTED);
        if self.closing.is_none() {
            self.closing.set(Closing {
                shut: false,
                deadline: 0,
            });
        }
        self.abort_stack();
    }

    /// The timer ran out: time to abort, or only to try again.
    pub(super) fn timer(&mut self, round: &mut Round<'_, P>) {
        self.rx.hint = true;
        let Some(Closing { deadline, .. }) = self.closing.get() else {
            return;
        };
        if deadline == 0 {
            return;
        }
        if P::now_ms() >= deadline {
            self.abort_stack();
        } else {
            round.effects.wake_at(deadline);
        }
    }

    /// The connection is gone. The client learns it from the state word, and who waits is woken.
    pub(super) fn fail(&mut self, round: &mut Round<'_, P>, error: WireErrno) {
        if self.failure.is_none() {
            self.failure = Some(error);
            self.pending_error = Some(error);
        }
        self.phase = Phase::Failed;
        self.rx.hint = true;
        self.tx.end_loan();
        if let Some(binding) = self.binding.as_mut() {
            binding.set_failed(error);
        }
        // The memory that was committed goes back to the client with the next round, at the latest.
        round.effects.more = true;
    }

    /// This socket's memory lies: the whole session ends.
    pub(super) fn stream_fault(&mut self, round: &mut Round<'_, P>, fault: StreamFault) {
        self.obeyed |= Orders::FAULT;
        self.fault(round);
        round.effects.fault = Some(fault);
    }

    /// The client's memory lies (S-04): it is never read again, and the socket is cut off.
    pub(super) fn fault(&mut self, round: &mut Round<'_, P>) {
        self.fail(round, WireErrno::EPROTO);
        self.abort_stack();
        // Without a word in the client's memory. External mbufs keep their own references.
        drop(self.binding.take());
    }

    /// RST, and the send buffer dropped.
    fn abort_stack(&mut self) {
        self.tx.end_loan();
        match core::mem::replace(&mut self.sock, Sock::None) {
            Sock::Stream(stream) => stream.abort(),
            listener => {
                self.sock = listener;
                self.stop_listening();
            }
        }
        if self.phase != Phase::Vacant {
            self.phase = Phase::Failed;
        }
    }

    /// A failed connection that its client knows of: nothing more will come, so the stack can forget it now.
    pub(super) fn progress_failure(&mut self) {
        if self.phase == Phase::Failed
            && (self.end_told() || (self.binding.is_none() && self.closing.is_some()))
            && matches!(self.sock, Sock::Stream(_))
        {
            self.abort_stack();
        }
    }

    /// Goes on with a close as far as it gets now.
    pub(super) fn progress_close(&mut self, round: &mut Round<'_, P>) {
        let Some(closing) = self.closing.as_mut() else {
            return;
        };
        if let (Phase::Connected, Sock::Stream(stream)) = (self.phase, &self.sock) {
            let sent = match (self.binding.as_ref(), self.tx.end) {
                (Some(binding), Some(end)) => binding.reader.taken() >= end,
                _ => true,
            };
            if !sent {
                return;
            }
            // Nothing more is made of the last range; the pieces that the stack has keep it.
            self.tx.end_loan();
            if round.slot.inflight.outstanding() != 0 {
                if !closing.shut {
                    closing.shut = true;
                    if stream.shutdown(How::Both).is_err() {
                        // No connection any more: what is queued will never go out.
                        return self.abort_stack();
                    }
                }
                return;
            }
        }
        match core::mem::replace(&mut self.sock, Sock::None) {
            Sock::Stream(stream) if self.phase == Phase::Failed => stream.abort(),
            Sock::Stream(stream) => stream.close(),
            Sock::Listener(listener) => {
                self.sock = Sock::Listener(listener);
                self.stop_listening();
            }
            Sock::None => {}
        }
        if round.slot.inflight.outstanding() == 0 {
            self.release(round);
        }
    }

    /// Gives everything back. The slot may have its next life at once.
    fn release(&mut self, round: &mut Round<'_, P>) {
        if let Some(binding) = self.binding.take() {
            round.effects.unbound = Some(binding.index);
            binding.release();
        }
        self.phase = Phase::Vacant;
        self.sock = Sock::None;
        self.tx.reset();
        self.rx.reset();
        self.failure = None;
        self.pending_error = None;
        self.closing.take();
        self.linger = OptValue::default();
        self.retry = false;
        self.obeyed = Orders::empty();
        round.effects.left = true;
        round.effects.vacated = true;
    }
}

/// From now on the socket may have to make room for a new one.
fn note_close<P: Platform>(round: &Round<'_, P>) {
    round.slot.closed_at.store(P::now_ms().max(1), Ordering::Relaxed);
}
