//! Who gets a slot, and who gives it back.

use super::Table;
use crate::{
    handle::Handle,
    limits::{MAX_SOCKETS, SOCKETS_PER_SESSION, SOCKETS_PER_UID},
    machine::Platform,
    session::{OnlyControl, count_up},
    socket::{Reservation, State},
};
use core::sync::atomic::Ordering;
use csock_wire::{Field, Refusal, WireErrno};

impl<P: Platform> Table<P> {
    /// Reserves a socket slot for `session`. The slot goes back with the reservation, or by the end of the socket that
    /// moves in.
    ///
    /// # Errors
    /// `EMFILE` for the session's or the user's limit, `ENFILE` for the table's, with count and limit.
    pub fn reserve(
        &'static self,
        _: &mut OnlyControl,
        session: Handle,
        uid: u32,
    ) -> Result<Reservation<P>, Refusal> {
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
            .find(|(_, slot)| slot.life.state() == State::Vacant);
        let all = u32::try_from(MAX_SOCKETS).unwrap_or(u32::MAX);
        let (index, slot) = free.ok_or(refuse(WireErrno::ENFILE, all, all))?;
        count_up(&shared.sockets, SOCKETS_PER_SESSION)
            .map_err(|count| refuse(WireErrno::EMFILE, count, SOCKETS_PER_SESSION))?;
        slot.uid.store(uid, Ordering::Relaxed);
        slot.session.store(session.raw(), Ordering::Relaxed);
        let Some(handle) = slot.life.reserve(index) else {
            // Cannot be: it was vacant, and only this thread reserves.
            shared.socket_left::<P>();
            return Err(WireErrno::EIO.into());
        };
        Ok(Reservation::new(slot, shared, handle))
    }

    /// A socket of the session with the raw handle `raw` has left it; 0: it had none any more.
    pub(super) fn socket_left(&self, raw: u32) {
        if let Some(shared) = self.session_of(raw) {
            shared.socket_left::<P>();
        }
    }
}
