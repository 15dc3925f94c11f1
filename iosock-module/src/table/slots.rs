//! The life of a socket's slot: reserved, handed over, vacated.

use super::Table;
use crate::{
    events,
    handle::{Handle, next_generation},
    limits::{MAX_SOCKETS, SOCKETS_PER_SESSION, SOCKETS_PER_UID},
    machine::Platform,
    session::count_up,
    socket::{Op, RingSetup, SocketSlot},
};
use core::sync::atomic::Ordering;
use csock_wire::{Field, Refusal, WireErrno};

impl<P: Platform> Table<P> {
    /// Reserves a socket slot for `session`. Control thread only. The slot goes back by [`Table::unreserve`], or by
    /// the end of the socket that moves in.
    ///
    /// # Errors
    /// `EMFILE` for the session's or the user's limit, `ENFILE` for the table's, with count and limit.
    pub fn reserve(&self, session: Handle, uid: u32) -> Result<Handle, Refusal> {
        let refuse = |error, count: u32, limit: u32| {
            Refusal::new(error, Field::SocketCount, u64::from(count), u64::from(limit))
        };
        let mine = self.sockets_of(uid);
        if mine >= SOCKETS_PER_UID {
            return Err(refuse(WireErrno::EMFILE, mine, SOCKETS_PER_UID));
        }
        let shared = self.sessions.get(session.index()).ok_or(WireErrno::EBADF)?;
        let free = (0u16..)
            .zip(&self.sockets)
            .find(|(_, slot)| slot.tag.load(Ordering::Acquire) == 0);
        let all = u32::try_from(MAX_SOCKETS).unwrap_or(u32::MAX);
        let (index, slot) = free.ok_or(refuse(WireErrno::ENFILE, all, all))?;
        count_up(&shared.sockets, SOCKETS_PER_SESSION)
            .map_err(|count| refuse(WireErrno::EMFILE, count, SOCKETS_PER_SESSION))?;
        let generation = next_generation(u16::try_from(slot.generation.load(Ordering::Relaxed)).unwrap_or(0));
        slot.generation.store(u32::from(generation), Ordering::Relaxed);
        let handle = Handle::new(index, generation).ok_or(WireErrno::EIO)?;
        slot.uid.store(uid, Ordering::Relaxed);
        slot.session.store(session.raw(), Ordering::Relaxed);
        slot.open.store(true, Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire in `notify` and here.
        slot.tag.store(handle.raw(), Ordering::Release);
        Ok(handle)
    }

    /// Gives a reserved slot back that nobody moved into.
    pub fn unreserve(&self, child: Handle, setup: RingSetup<P>) {
        match self.sockets.get(child.index()) {
            Some(slot) => self.unreserve_slot(slot, Some(setup)),
            None => self.drop_pool_ref(setup.pool),
        }
    }

    /// The same, by slot.
    pub fn unreserve_slot(&self, slot: &SocketSlot<P>, setup: Option<RingSetup<P>>) {
        if let Some(setup) = setup {
            self.drop_pool_ref(setup.pool);
        }
        self.leave_session(slot);
        self.vacate(slot);
    }

    /// Puts `op` into the mailbox of a fresh slot; its index, to be served next.
    pub fn hand_to(&self, child: Handle, op: Op<P>) -> Option<usize> {
        let slot = self.sockets.get(child.index())?;
        match slot.mailbox.put(op) {
            Ok(()) => {
                slot.turn.post(events::OP);
                Some(child.index())
            }
            Err(op) => {
                // Cannot be: nobody else knows the slot yet.
                if let Op::Adopt { setup, asked, .. } = op {
                    self.unreserve_slot(slot, setup);
                    asked.refuse(&Refusal::bare(WireErrno::EIO));
                }
                None
            }
        }
    }

    /// Ends the life of a slot. By the holder of its turn, or by who reserved it.
    pub fn vacate(&self, slot: &SocketSlot<P>) {
        slot.open.store(false, Ordering::Relaxed);
        slot.bound.store(0, Ordering::Relaxed);
        slot.timer.store(0, Ordering::Relaxed);
        slot.uid.store(0, Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire in `reserve`.
        slot.tag.store(0, Ordering::Release);
    }

    /// The socket belongs to no session any more. Idempotent.
    pub fn leave_session(&self, slot: &SocketSlot<P>) {
        let raw = slot.session.swap(0, Ordering::AcqRel);
        let Some(shared) = self.session_of(raw) else {
            return;
        };
        // AcqRel: who takes the session apart has seen the last of its sockets.
        if shared.sockets.fetch_sub(1, Ordering::AcqRel) == 1 && shared.dying.load(Ordering::Acquire) != 0 {
            P::session_drained();
        }
    }
}
