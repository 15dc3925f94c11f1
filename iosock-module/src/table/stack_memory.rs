//! What the socket buffers of one user may hold of the stack's memory (S-31). Nobody is refused a socket for it: a user's later
//! sockets get smaller buffers, down to [`LEAST_BUFFER`], which makes them slower.

use super::Table;
use crate::{
    limits::LEAST_BUFFER,
    machine::Platform,
    socket::{Granted, SocketSlot},
};
use core::sync::atomic::Ordering;
use csock_wire::{Field, Refusal, SockOpt, WireErrno};

impl<P: Platform> Table<P> {
    /// Grants buffers to the new socket in `slot`, of the user id `uid`. A listener's connections begin with its sizes.
    pub(super) fn grant_buffers(&self, uid: u32, slot: &SocketSlot<P>, listener: Option<&Granted>) {
        let left = self.buffers_left(uid);
        let most = u32::try_from(left / 16).unwrap_or(u32::MAX).max(LEAST_BUFFER);
        let granted = &slot.granted;
        let mut shrunk = false;
        for (place, configured, inherited) in [
            (&granted.send, self.config.sndbuf(), listener.map(|l| &l.send)),
            (
                &granted.receive,
                self.config.rcvbuf(),
                listener.map(|l| &l.receive),
            ),
        ] {
            let wanted = match inherited.map_or(configured, |size| size.load(Ordering::Relaxed)) {
                // The stack's own default, which is about as much.
                0 => LEAST_BUFFER,
                size => size,
            };
            shrunk |= most < wanted;
            place.store(wanted.min(most), Ordering::Relaxed);
        }
        granted.shrunk.store(shrunk.into(), Ordering::Relaxed);
        self.refusals.buffers.fetch_add(shrunk.into(), Ordering::Relaxed);
    }

    /// The client asks for another size of a buffer. What is no size is left to the stack to refuse; what the stack refuses
    /// stays counted until the next size or the end of the socket.
    ///
    /// # Errors
    /// `ENOBUFS` where the user's buffers would hold more than they may.
    pub fn resize_buffer(
        &self,
        uid: u32,
        slot: &SocketSlot<P>,
        option: SockOpt,
        size: i32,
    ) -> Result<(), Refusal> {
        let place = match option {
            SockOpt::SndBuf => &slot.granted.send,
            SockOpt::RcvBuf => &slot.granted.receive,
            _ => return Ok(()),
        };
        let Ok(size @ 1..) = u32::try_from(size) else {
            return Ok(());
        };
        let old = place.load(Ordering::Relaxed);
        let allowed = self.buffers_left(uid).saturating_add(old.into());
        if size > old && size > LEAST_BUFFER && u64::from(size) > allowed {
            self.refusals.buffers.fetch_add(1, Ordering::Relaxed);
            return Err(Refusal::new(
                WireErrno::ENOBUFS,
                Field::OptValue,
                size.into(),
                allowed,
            ));
        }
        place.store(size, Ordering::Relaxed);
        Ok(())
    }

    fn buffers_left(&self, uid: u32) -> u64 {
        if uid == 0 {
            return u64::MAX;
        }
        let mine = self
            .sockets
            .iter()
            .filter(|slot| slot.uid.load(Ordering::Relaxed) == uid);
        let used = mine.map(|slot| slot.granted.sum()).fold(0, u64::saturating_add);
        let limit = u64::from(self.config.buffer_mib_per_uid()).saturating_mul(1 << 20);
        limit.saturating_sub(used)
    }
}
