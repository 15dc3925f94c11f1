//! One round of a socket's turn: everything that is due, in this order, within a budget (S-36).

use super::{Body, Effects, Phase, SocketSlot, binding::deliver};
use crate::{
    config::Config,
    counters::Tally,
    events,
    limits::{LEAST_ROUND_BYTES, ROUND_BYTES, ROUND_PIECES},
    machine::Platform,
    plane::Plane,
    session::Orders,
};
use csock_wire::stream::StreamFault;

/// When what failed is tried again, ms: the stack had no memory, or the client's process took no event.
const RETRY_MS: u64 = 20;

/// What one round may still do in one direction.
pub(super) struct Budget {
    pieces: u32,
    bytes: u32,
    spent: u32,
}

impl Budget {
    fn of(bytes: u32) -> Self {
        Self {
            pieces: ROUND_PIECES,
            bytes: bytes.clamp(LEAST_ROUND_BYTES, ROUND_BYTES),
            spent: 0,
        }
    }

    pub const fn is_spent(&self) -> bool {
        self.pieces == 0 || self.bytes == 0
    }

    pub const fn bytes(&self) -> u32 {
        self.bytes
    }

    pub const fn spend_piece(&mut self) {
        self.pieces = self.pieces.saturating_sub(1);
    }

    pub const fn spend_bytes(&mut self, n: u32) {
        self.bytes = self.bytes.saturating_sub(n);
        self.spent = self.spent.saturating_add(n);
    }
}

/// What a socket gets from outside for one round.
pub struct Surroundings<'a, P: Platform> {
    /// The tunables.
    pub config: &'a Config,
    /// Where its doings are counted.
    pub tally: Tally<'a>,
    /// What its owner's state asks of it.
    pub orders: Orders,
    /// The data plane of its session, where a worker serves it and there is one.
    pub plane: Option<&'a mut Plane<P>>,
    /// Data may move: a worker is at it. The control thread only answers requests.
    pub bulk: bool,
    /// So much of it, each way, at least [`LEAST_ROUND_BYTES`].
    pub bytes: u32,
}

/// What a round works with.
pub(super) struct Round<'a, P: Platform> {
    pub slot: &'a SocketSlot<P>,
    pub config: &'a Config,
    pub tally: Tally<'a>,
    pub orders: Orders,
    pub plane: Option<&'a mut Plane<P>>,
    pub bulk: bool,
    pub tx_budget: Budget,
    pub rx_budget: Budget,
    pub effects: Effects<P>,
}

impl<P: Platform> Body<P> {
    /// Serves `bits` of `slot`. The bits only say where to look.
    pub fn round(&mut self, around: Surroundings<'_, P>, slot: &SocketSlot<P>, bits: u32) -> Effects<P> {
        let mut round = Round {
            slot,
            config: around.config,
            tally: around.tally,
            orders: around.orders,
            plane: around.plane,
            bulk: around.bulk,
            tx_budget: Budget::of(around.bytes),
            rx_budget: Budget::of(around.bytes),
            effects: Effects::new(),
        };
        // Before anything looks at the client's memory.
        self.obey(&mut round, Orders::FAULT);
        let served = self.serve(&mut round, bits);
        // After a fault too: the parked must be answered, and the close must go on.
        self.progress_failure();
        if let Err(fault) = served.and_then(|()| self.publish(&mut round)) {
            self.stream_fault(&mut round, fault);
        }
        self.progress_close(&mut round);
        self.serve_parked(&mut round);
        if core::mem::take(&mut self.retry) {
            round.effects.wake_at(P::now_ms().saturating_add(RETRY_MS));
        }
        round.effects.moved = round.tx_budget.spent.saturating_add(round.rx_budget.spent);
        round.effects
    }

    fn serve(&mut self, round: &mut Round<'_, P>, bits: u32) -> Result<(), StreamFault> {
        self.rx.hint |= bits & events::RECV != 0;
        if bits & events::OP != 0 {
            self.requests(round);
        }
        if self.phase == Phase::Vacant {
            return Ok(());
        }
        if bits & events::TIMER != 0 {
            self.timer(round);
        }
        if bits & events::ACCEPT != 0
            && let (Phase::Listening, Some(binding)) = (self.phase, self.binding.as_mut())
        {
            binding.filler.announce();
        }
        // An orphan's stream goes on without its session, so it must first hold all that its bytes lie in: that needs the
        // plane, which a worker has.
        if round.plane.is_some() || self.binding.is_none() {
            self.obey(round, Orders::all());
        } else {
            self.obey(round, Orders::all().difference(Orders::ORPHAN));
        }
        if bits & events::UNBLOCK != 0 {
            self.answer_unblocked(round);
        }
        self.progress_connect(round);
        if !round.bulk {
            // A worker shows what this round has changed, and does what the other bits ask.
            round.effects.more |= self.phase != Phase::Vacant;
            return Ok(());
        }
        self.transmit(round)?;
        self.receive(round)
    }

    /// Shows the client everything of this round, and wakes who waits for it.
    fn publish(&mut self, round: &mut Round<'_, P>) -> Result<(), StreamFault> {
        let (limit, enough) = (self.limit(), self.enough_room());
        let Some(binding) = self.binding.as_mut().filter(|_| round.bulk) else {
            return Ok(());
        };
        let due = binding.publish(limit, enough)?;
        if let Some(plane) = round.plane.as_deref_mut() {
            let woken = binding.wake(due, |slot| deliver(plane, slot));
            round.tally.add(|c| &c.events, u64::from(woken));
        }
        if binding.owed {
            round.effects.wake_at(P::now_ms().saturating_add(RETRY_MS));
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
