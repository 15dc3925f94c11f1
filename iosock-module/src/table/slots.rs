//! Who gets a slot, and who gives it back.

use super::Table;
use crate::{
    counters::count_refusal,
    events,
    handle::Handle,
    limits::{MAX_SOCKETS, places},
    machine::Platform,
    session::{OnlyControl, count_up},
    socket::{Granted, Reservation, SocketSlot, State},
};
use core::sync::atomic::Ordering;
use csock_wire::{Field, Refusal, WireErrno};

impl<P: Platform> Table<P> {
    /// Reserves a socket slot for `session`. The slot goes back with the reservation, or by the end of the socket that
    /// moves in. Where there is no place, the closed socket that has been sending longest makes room.
    ///
    /// # Errors
    /// `EMFILE` for the session's or the user's limit, `ENFILE` for the table's, with count and limit.
    pub fn reserve(
        &'static self,
        only: &mut OnlyControl,
        session: Handle,
        uid: u32,
        listener: Option<&Granted>,
    ) -> Result<Reservation<P>, Refusal> {
        let first = self.try_reserve(only, session, uid, listener);
        let Err(refusal) = &first else {
            return first;
        };
        // A full table is everybody's, another limit the user's own.
        let whose = (refusal.error != WireErrno::ENFILE).then_some(uid);
        let again = if self.hurry_oldest(whose) {
            self.try_reserve(only, session, uid, listener)
        } else {
            first
        };
        count_refusal(&self.refusals.sockets, again)
    }

    fn try_reserve(
        &'static self,
        _: &mut OnlyControl,
        session: Handle,
        uid: u32,
        listener: Option<&Granted>,
    ) -> Result<Reservation<P>, Refusal> {
        let refuse = |error, count: u32, limit: u32| {
            Refusal::new(error, Field::SocketCount, u64::from(count), u64::from(limit))
        };
        let shared = self.sessions.get(session.index()).ok_or(WireErrno::EBADF)?;
        let all = self.open_sockets();
        let kept = match (uid, shared.sockets.load(Ordering::Relaxed)) {
            (0, _) => 0,
            (_, sockets) if sockets < self.config.few_sockets() => self.config.root_sockets(),
            _ => self
                .config
                .root_sockets()
                .saturating_add(self.config.spare_sockets()),
        };
        let allowed = places(MAX_SOCKETS).saturating_sub(kept);
        if all >= allowed {
            return Err(refuse(WireErrno::ENFILE, all, allowed));
        }
        let (mine, limit) = (self.sockets_of(uid), self.config.sockets_per_uid());
        if uid != 0 && mine >= limit {
            return Err(refuse(WireErrno::EMFILE, mine, limit));
        }
        let (index, slot) = (0u16..)
            .zip(&self.sockets)
            .find(|(_, slot)| slot.life.state() == State::Vacant)
            .ok_or(refuse(WireErrno::ENFILE, all, allowed))?;
        let limit = self.config.sockets_per_session();
        count_up(&shared.sockets, limit).map_err(|count| refuse(WireErrno::EMFILE, count, limit))?;
        slot.uid.store(uid, Ordering::Relaxed);
        slot.session.store(session.raw(), Ordering::Relaxed);
        self.grant_buffers(uid, slot, listener);
        let Some(handle) = slot.life.reserve(index) else {
            // Cannot be: it was vacant, and only this thread reserves.
            shared.socket_left::<P>();
            return Err(WireErrno::EIO.into());
        };
        Ok(Reservation::new(slot, shared, handle))
    }

    /// Ends the socket that was closed first, of `uid` or of anybody, unless it has had no time yet. True: there was one.
    fn hurry_oldest(&self, uid: Option<u32>) -> bool {
        let closed = |slot: &SocketSlot<P>| match slot.closed_at.load(Ordering::Relaxed) {
            0 => None,
            at => Some(at),
        };
        let oldest = self
            .sockets
            .iter()
            .enumerate()
            .filter(|(_, slot)| uid.is_none_or(|uid| slot.uid.load(Ordering::Relaxed) == uid))
            .filter_map(|(index, slot)| Some((closed(slot)?, index, slot)))
            .filter(|(_, _, slot)| !slot.hurry.load(Ordering::Relaxed))
            .min_by_key(|(at, ..)| *at);
        let Some((at, index, slot)) = oldest else {
            return false;
        };
        if P::now_ms().saturating_sub(at) < u64::from(self.config.close_least_ms()) {
            return false;
        }
        self.refusals.hurried.fetch_add(1, Ordering::Relaxed);
        slot.hurry.store(true, Ordering::Release);
        self.post_and_serve(index, events::LOOK);
        true
    }

    /// A socket of the session with the raw handle `raw` has left it; 0: it had none any more.
    pub(super) fn socket_left(&self, raw: u32) {
        if let Some(shared) = self.session_of(raw) {
            shared.socket_left::<P>();
        }
    }
}
