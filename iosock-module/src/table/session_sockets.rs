//! Which session a socket belongs to, and what happens to all sockets of a session at once.

use super::Table;
use crate::{
    counters::{Tally, count_refusal},
    events,
    handle::Handle,
    machine::Platform,
    session::{Orders, ParkPlace, SessionShared},
    socket::SocketSlot,
};
use core::sync::atomic::Ordering;
use csock_wire::{Field, Refusal, RingFault, WireErrno};

impl<P: Platform> Table<P> {
    /// The shared half of the session with the raw handle `raw`, 0 for none.
    #[must_use]
    pub fn session_of(&self, raw: u32) -> Option<&SessionShared> {
        self.sessions.get(Handle::from_raw(raw)?.index())
    }

    /// Where a socket's doings are counted.
    #[must_use]
    pub fn tally(&self, slot: &SocketSlot<P>) -> Tally<'_> {
        let mine = self
            .session_of(slot.session.load(Ordering::Relaxed))
            .map(|shared| &shared.counters);
        Tally::new(&self.totals, mine)
    }

    /// Counts one more parked request of `session`.
    ///
    /// # Errors
    /// `EBUSY` with count and limit.
    pub fn park(&'static self, session: Handle) -> Result<ParkPlace, Refusal> {
        let shared = self.sessions.get(session.index()).ok_or(WireErrno::EBADF)?;
        let limit = self.config.parked_per_session();
        let place = ParkPlace::take(shared, limit).map_err(|count| {
            Refusal::new(
                WireErrno::EBUSY,
                Field::ParkedCount,
                u64::from(count),
                u64::from(limit),
            )
        });
        count_refusal(&self.refusals.parked, place)
    }

    /// What the owner's state asks of the socket now.
    #[must_use]
    pub fn orders(&self, slot: &SocketSlot<P>) -> Orders {
        let mut orders = Orders::empty();
        let now = self.stopping.load(Ordering::Acquire) || slot.hurry.load(Ordering::Acquire);
        orders.set(Orders::ABORT, now);
        if let Some(shared) = self.session_of(slot.session.load(Ordering::Relaxed)) {
            orders.set(Orders::FAULT, shared.faulty.load(Ordering::Acquire) != 0);
            orders.set(Orders::ORPHAN, shared.dying.load(Ordering::Acquire) != 0);
        }
        orders
    }

    /// The rings of the slot's session lie: no ring of it is touched again (S-04).
    pub fn session_fault(&self, slot: &SocketSlot<P>, fault: RingFault) {
        let raw = slot.session.load(Ordering::Relaxed);
        let Some(shared) = self.session_of(raw) else {
            return;
        };
        if shared.faulty.swap(1, Ordering::AcqRel) != 0 {
            return;
        }
        self.log.line::<P>(|line| {
            line.text("session 0x").hex(u64::from(raw)).text(" failed: ");
            match fault {
                RingFault::PeerIndex { value, own, capacity } => line
                    .text("ring index 0x")
                    .hex(u64::from(value))
                    .text(" is impossible with 0x")
                    .hex(u64::from(own))
                    .text(" and capacity ")
                    .dec(u64::from(capacity)),
                RingFault::OutOfBounds(_) => line.text("ring outside its pool"),
            };
        });
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.session.load(Ordering::Acquire) == raw {
                self.post(index, slot, events::LOOK);
            }
        }
    }

    /// Posts `bits` to every socket, for the workers to serve.
    pub fn notify_all(&self, bits: u32) {
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.life.handle().is_some() {
                self.post(index, slot, bits);
            }
        }
    }

    /// Posts `bits` to every socket of a session and serves each here if nobody else is at it. Thread context.
    pub fn serve_session(&self, session: Handle, bits: u32) {
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.session.load(Ordering::Acquire) == session.raw() {
                slot.turn.post(bits);
                self.serve(index);
            }
        }
    }
}
