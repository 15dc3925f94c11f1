//! Bells: a client's word that its memory has work. One that was asked for wakes a worker, any other costs a look at its
//! session. What a bell says stands in the client's memory too, so where bells have to wait, the memory is looked at instead.

use super::Table;
use crate::{handle::Handle, machine::Platform};
use core::sync::atomic::Ordering;

impl<P: Platform> Table<P> {
    /// The bell of the session `raw`. True: it was asked for.
    pub fn ring(&self, raw: u32, by_message: bool) -> bool {
        let session =
            Handle::from_raw(raw).and_then(|handle| Some((handle, self.sessions.get(handle.index())?)));
        let Some((handle, shared)) = session else {
            return false;
        };
        if shared.raw.load(Ordering::Acquire) != raw {
            return false;
        }
        for counters in [&self.totals, &shared.counters] {
            counters.doorbells.fetch_add(1, Ordering::Relaxed);
            if by_message {
                counters.doorbell_msgs.fetch_add(1, Ordering::Relaxed);
            }
        }
        let asked = shared.invitation.accept();
        if asked {
            self.activate(handle.index());
        }
        asked
    }

    /// Bells were lost, nobody knows whose: every session gets a look.
    pub fn ring_all(&self) {
        for (index, shared) in self.sessions.iter().enumerate() {
            if shared.raw.load(Ordering::Acquire) != 0 {
                self.activate(index);
            }
        }
    }

    /// Has every session served whose memory has work and whose bell has not come: it waits behind others', perhaps for long.
    pub fn look_for_bells(&self) {
        for (index, shared) in self.sessions.iter().enumerate() {
            if !shared.invitation.is_extended() || shared.faulty.load(Ordering::Acquire) != 0 {
                continue;
            }
            // Where somebody is at the plane, a worker is, or the control thread, for a moment: then the next look finds it.
            let marked = self.plane(index).is_some_and(|plane| plane.is_marked());
            if marked && shared.invitation.accept() {
                self.activate(index);
            }
        }
    }
}
