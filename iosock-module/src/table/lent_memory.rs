//! Client memory that the stack holds: external mbufs, and the pool references that they stand for.

use super::Table;
use crate::{
    events,
    handle::Handle,
    machine::{Platform, ReleaseKey},
};

impl<P: Platform> Table<P> {
    /// The release of an external mbuf (`ext_free`): from any thread, under any lock. Atomics and a wakeup.
    pub fn released(&self, key: ReleaseKey) {
        if let Some((handle, slot)) =
            Handle::from_raw(key.socket).and_then(|h| Some((h, self.sockets.get(h.index())?)))
        {
            // The slot cannot have started a new life: it waits for this very piece.
            slot.inflight.back(key.entry);
            self.post(handle.index(), slot, events::FREED);
        }
        // Last: after it the module may go.
        self.pools.returned(key.pool);
    }

    /// External mbufs that the stack still holds.
    #[must_use]
    pub fn ext_outstanding(&self) -> u32 {
        self.pools.lent()
    }
}
