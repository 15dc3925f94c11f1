//! One round of a socket's turn: everything that is due, in this order, within a budget (S-36).

use super::{Body, Phase, SocketSlot};
use crate::{
    counters::Tally,
    events,
    limits::{ROUND_BYTES, ROUND_DESCS},
    machine::Platform,
    table::Table,
};
use csock_wire::RingFault;

/// What one round may still do in one direction.
pub(super) struct Budget {
    descs: u32,
    bytes: u32,
}

impl Budget {
    const fn full() -> Self {
        Self {
            descs: ROUND_DESCS,
            bytes: ROUND_BYTES,
        }
    }

    pub const fn is_spent(&self) -> bool {
        self.descs == 0 || self.bytes == 0
    }

    pub const fn spend_desc(&mut self) {
        self.descs = self.descs.saturating_sub(1);
    }

    pub const fn spend_bytes(&mut self, n: u32) {
        self.bytes = self.bytes.saturating_sub(n);
    }
}

/// What a round works with.
pub(super) struct Round<'a, P: Platform> {
    pub table: &'a Table<P>,
    pub slot: &'a SocketSlot<P>,
    pub tally: Tally<'a>,
    pub tx_budget: Budget,
    pub rx_budget: Budget,
    /// Work is left for the next round.
    pub more: bool,
    /// A ring was read: its slots go back at the end.
    pub popped: bool,
    /// Another socket that got work from this one.
    pub follow: Option<usize>,
}

impl<P: Platform> Body<P> {
    /// Serves `bits` of `slot`. Returns another socket to serve, if this one made work for it.
    pub fn round(&mut self, table: &Table<P>, slot: &SocketSlot<P>, bits: u32) -> Option<usize> {
        let mut round = Round {
            table,
            slot,
            tally: table.tally(slot),
            tx_budget: Budget::full(),
            rx_budget: Budget::full(),
            more: false,
            popped: false,
            follow: None,
        };
        if bits & events::FAULT != 0 && self.phase != Phase::Vacant {
            self.fault(&mut round);
        }
        if let Err(fault) = self.serve(&mut round, bits) {
            self.ring_fault(&mut round, fault);
        }
        // After a fault too: the waits must be answered, and the close must go on.
        self.progress_failure(&mut round);
        self.progress_close(&mut round);
        self.answer_waits(&round);
        if self.phase != Phase::Vacant {
            if self.retry {
                self.retry = false;
                table.arm_retry(slot);
            }
            if round.more {
                slot.turn.post(events::MORE);
            }
        }
        round.follow
    }

    fn serve(&mut self, round: &mut Round<'_, P>, bits: u32) -> Result<(), RingFault> {
        if bits & events::DOORBELL != 0 {
            self.tx.rung();
            self.rx.rung();
        }
        if bits & events::RECV != 0 {
            self.rx.hint = true;
        }
        if bits & events::OP != 0 {
            self.requests(round);
        }
        if self.phase == Phase::Vacant {
            return Ok(());
        }
        if bits & events::TIMER != 0 {
            self.timer(round);
        }
        if bits & events::ORPHAN != 0 {
            self.orphan(round);
        }
        if bits & events::ABORT != 0 {
            self.abort(round);
        }
        if bits & events::UNBLOCK != 0 {
            self.answer_unblocked(round);
        }
        self.progress_connect(round);
        self.harvest(round)?;
        self.transmit(round)?;
        self.receive(round)?;
        self.harvest(round)?;
        if let Some(wire) = self.wire.as_mut() {
            wire.publish()?;
        }
        Ok(())
    }
}
