//! Completions: which send buffers are the client's again, sent or not.

use super::{Body, round::Round, tx::Stop};
use crate::machine::Platform;
use csock_wire::{Desc, PushError, RingFault, WireErrno};

impl<P: Platform> Body<P> {
    /// Tells the client which buffers are its own again.
    pub(super) fn harvest(&mut self, round: &mut Round<'_, P>) -> Result<(), RingFault> {
        let deaf = self.closing.is_some();
        let (entries, mut wire) = (&mut self.tx.entries, self.wire.as_mut());
        let mut fault = Ok(());
        round.slot.inflight.drain_done(|index| {
            let Some(entry) = entries.remove(index) else {
                return;
            };
            if let (false, Ok(()), Some(wire)) = (deaf, &fault, wire.as_deref_mut()) {
                let desc =
                    Desc::completion_raw(entry.offset, entry.user, entry.taken, WireErrno(entry.error));
                fault = complete(&mut wire.cq, &desc);
            }
        });
        fault
    }

    /// Ends the descriptor in hand with `error`; nothing more of it will be sent.
    pub(super) fn drop_current(&mut self, round: &Round<'_, P>, error: WireErrno) {
        if let Some(current) = self.tx.current.take() {
            if let Some(kept) = self.tx.entries.get_mut(current.entry) {
                kept.error = error.0;
            }
            round.slot.inflight.end_hold(current.entry);
        }
    }

    /// Gives back what is still in the submission ring of a failed connection.
    pub(super) fn refuse_rest(&mut self, round: &mut Round<'_, P>) -> Result<Stop, RingFault> {
        let error = self.failure.unwrap_or(WireErrno::ECONNRESET);
        self.drop_current(round, error);
        let Some(wire) = self.wire.as_mut() else {
            return Ok(Stop::Empty);
        };
        if self.closing.is_some() {
            return Ok(Stop::Empty);
        }
        loop {
            if round.tx_budget.is_spent() {
                return Ok(Stop::Budget);
            }
            if wire.cq.free()? <= self.tx.entries.count() {
                return Ok(Stop::NoCompletionRoom);
            }
            let Some(raw) = wire.sq.pop()? else {
                return Ok(Stop::Empty);
            };
            round.popped = true;
            self.tx.armed = false;
            round.tx_budget.spend_desc();
            complete(&mut wire.cq, &Desc::refused(&raw, error))?;
        }
    }
}

/// Pushes a completion. There was room when the descriptor was taken: a full ring now means that the client moved its
/// index back.
pub(super) fn complete<M: csock_wire::SharedMem>(
    cq: &mut csock_wire::Producer<M>,
    desc: &Desc,
) -> Result<(), RingFault> {
    match cq.push(desc) {
        Ok(()) => Ok(()),
        Err(PushError::Fault(fault)) => Err(fault),
        Err(PushError::Full) => Err(RingFault::PeerIndex {
            value: 0,
            own: cq.position(),
            capacity: cq.capacity(),
        }),
    }
}
