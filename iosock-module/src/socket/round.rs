//! One round of a socket's turn: everything that is due, in this order, within a budget (S-36).

use super::{Body, Effects, Phase, SocketSlot};
use crate::{
    config::Config,
    counters::Tally,
    events,
    limits::{ROUND_BYTES, ROUND_DESCS},
    machine::Platform,
    session::Orders,
};
use csock_wire::RingFault;

/// What failed for want of memory or of a client that acts is tried again after this, ms.
const RETRY_MS: u64 = 20;

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

/// What a socket gets from outside for one round.
pub struct Surroundings<'a> {
    /// The tunables.
    pub config: &'a Config,
    /// Where its doings are counted.
    pub tally: Tally<'a>,
    /// What its owner's state asks of it.
    pub orders: Orders,
}

/// What a round works with.
pub(super) struct Round<'a, P: Platform> {
    pub slot: &'a SocketSlot<P>,
    pub config: &'a Config,
    pub tally: Tally<'a>,
    pub orders: Orders,
    pub tx_budget: Budget,
    pub rx_budget: Budget,
    /// A ring was read: its slots go back at the end.
    pub popped: bool,
    pub effects: Effects<P>,
}

impl<P: Platform> Body<P> {
    /// Serves `bits` of `slot`. The bits only say where to look.
    pub fn round(&mut self, around: Surroundings<'_>, slot: &SocketSlot<P>, bits: u32) -> Effects<P> {
        let mut round = Round {
            slot,
            config: around.config,
            tally: around.tally,
            orders: around.orders,
            tx_budget: Budget::full(),
            rx_budget: Budget::full(),
            popped: false,
            effects: Effects::new(),
        };
        // Before anything looks at a ring.
        self.obey(&mut round, Orders::FAULT);
        if let Err(fault) = self.serve(&mut round, bits) {
            self.ring_fault(&mut round, fault);
        }
        // After a fault too: the waits must be answered, and the close must go on.
        self.progress_failure(&mut round);
        self.progress_close(&mut round);
        self.answer_waits(&round);
        if core::mem::take(&mut self.retry) {
            round.effects.wake_at(P::now_ms().saturating_add(RETRY_MS));
        }
        round.effects
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
        self.obey(round, Orders::all());
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

    /// Carries out what the owner's state asks, each thing once.
    fn obey(&mut self, round: &mut Round<'_, P>, which: Orders) {
        if self.phase == Phase::Vacant {
            return;
        }
        let new = round.orders.intersection(which).difference(self.obeyed);
        self.obeyed |= new;
        if new.contains(Orders::FAULT) {
            self.fault(round);
        }
        if new.contains(Orders::ORPHAN) {
            self.orphan(round);
        }
        if new.contains(Orders::ABORT) {
            self.abort(round);
        }
    }
}
