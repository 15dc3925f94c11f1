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
use csock_wire::{Field, Refusal, WireErrno, stream::StreamFault};

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

    /// The memory of the slot's session lies: none of it is read again (S-04).
    pub fn session_fault(&self, slot: &SocketSlot<P>, fault: StreamFault) {
        let raw = slot.session.load(Ordering::Relaxed);
        if let Some(shared) = self.end_in_fault(raw) {
            shared.log.line::<P>(|line| {
                line.text("session 0x").hex(u64::from(raw)).text(" failed: ");
                line.text(fault.field.name()).text(" is 0x").hex(fault.value);
                line.text(", allowed 0x").hex(fault.allowed);
            });
        }
    }

    /// The dirty map or the returned buffers of the session in `lane` lie.
    pub(super) fn session_lies(&self, lane: usize) {
        let raw = self
            .sessions
            .get(lane)
            .map_or(0, |shared| shared.raw.load(Ordering::Acquire));
        if let Some(shared) = self.end_in_fault(raw) {
            shared.log.line::<P>(|line| {
                line.text("session 0x")
                    .hex(u64::from(raw))
                    .text(" failed: returned buffers lie");
            });
        }
    }

    /// The session, unless it has been ended before.
    fn end_in_fault(&self, raw: u32) -> Option<&SessionShared> {
        let shared = self.session_of(raw)?;
        if shared.faulty.swap(1, Ordering::AcqRel) != 0 {
            return None;
        }
        self.totals.faults.fetch_add(1, Ordering::Relaxed);
        shared.counters.faults.fetch_add(1, Ordering::Relaxed);
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.session.load(Ordering::Acquire) == raw {
                self.post(index, slot, events::LOOK);
            }
        }
        Some(shared)
    }

    /// Posts `bits` to every socket, for the workers to serve.
    pub fn notify_all(&self, bits: u32) {
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.life.handle().is_some() {
                self.post(index, slot, bits);
            }
        }
    }

    /// Posts `bits` to every socket of a session, for a worker to serve.
    pub fn notify_session(&self, session: Handle, bits: u32) {
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.session.load(Ordering::Acquire) == session.raw() {
                self.post(index, slot, bits);
            }
        }
    }
}
