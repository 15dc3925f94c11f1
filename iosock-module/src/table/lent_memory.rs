//! Client memory that the stack holds: external mbufs, and the pool references that they stand for.

use super::Table;
use crate::{
    events,
    handle::Handle,
    machine::{Platform, ReleaseKey},
    pool::PoolRef,
};
use core::sync::atomic::Ordering;

impl<P: Platform> Table<P> {
    /// An external mbuf over `pool` is about to be made.
    pub fn piece_out(&self, pool: PoolRef) {
        self.pools.add_ref(pool);
        self.ext_outstanding.fetch_add(1, Ordering::Relaxed);
    }

    /// It was not made.
    pub fn piece_undone(&self, pool: PoolRef) {
        self.ext_outstanding.fetch_sub(1, Ordering::Relaxed);
        self.drop_pool_ref(pool);
    }

    /// The release of an external mbuf (`ext_free`): from any thread, under any lock. Atomics and a wakeup.
    pub fn released(&self, key: ReleaseKey) {
        if let Some((handle, slot)) =
            Handle::from_raw(key.socket).and_then(|h| Some((h, self.sockets.get(h.index())?)))
        {
            // The slot cannot have started a new life: it waits for this very piece.
            slot.inflight.piece_back(key.entry);
            self.post(handle.index(), slot, events::FREED);
        }
        self.drop_pool_ref(PoolRef::from_slot(key.pool));
        // Last: after it the module may go.
        self.ext_outstanding.fetch_sub(1, Ordering::Release);
    }

    /// External mbufs that the stack still holds.
    #[must_use]
    pub fn ext_outstanding(&self) -> u32 {
        self.ext_outstanding.load(Ordering::Acquire)
    }

    /// Gives a pool reference back. From any context.
    pub fn drop_pool_ref(&self, pool: PoolRef) {
        if self.pools.unref(pool) {
            P::wake_worker(0);
        }
    }
}
