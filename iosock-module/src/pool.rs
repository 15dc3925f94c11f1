//! Mapped pools, and who still needs each of them (S-20). A pool is unmapped by a worker, after the last reference: its
//! session's, its sockets', and one per external mbuf, which may live minutes longer than the client.

use crate::{
    bitmap::Bitmap,
    handle::{Handle, next_generation},
    limits::MAX_POOLS,
    machine::{Mapping, Platform},
};
use core::sync::atomic::{AtomicU32, Ordering};
use spin::Mutex;

const WORDS: usize = MAX_POOLS.div_ceil(32);

/// One pool.
///
/// # Invariants
/// `mapping` is `Some` while `refs` is above 0. `refs` rises from 0 only in [`Pools::attach`], under `free`'s rule that
/// one thread (control) attaches; it falls to 0 once per life, and from then on only the worker that took the
/// pool's bit touches it, until it sets `tag` to 0.
struct PoolSlot<P: Platform> {
    /// Handle of this life; 0: free.
    tag: AtomicU32,
    generation: AtomicU32,
    refs: AtomicU32,
    /// Owner's user id, for quotas, also after its death.
    uid: AtomicU32,
    /// Size in pages of 4096 bytes, for quotas.
    pages: AtomicU32,
    mapping: Mutex<Option<P::Mapping>>,
}

/// All pools.
pub struct Pools<P: Platform> {
    slots: [PoolSlot<P>; MAX_POOLS],
    /// Pools without references, for the workers.
    idle: Bitmap<WORDS>,
    /// External mbufs that the stack holds, of all pools. Unload waits for 0.
    lent: AtomicU32,
}

impl<P: Platform> Pools<P> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slots: [const {
                PoolSlot {
                    tag: AtomicU32::new(0),
                    generation: AtomicU32::new(0),
                    refs: AtomicU32::new(0),
                    uid: AtomicU32::new(0),
                    pages: AtomicU32::new(0),
                    mapping: Mutex::new(None),
                }
            }; MAX_POOLS],
            idle: Bitmap::new(),
            lent: AtomicU32::new(0),
        }
    }

    /// Takes over a mapping with one reference (the session's). Control thread only.
    ///
    /// # Errors
    /// The mapping, when every slot is taken.
    pub fn attach(&'static self, uid: u32, mapping: P::Mapping) -> Result<PoolHold<P>, P::Mapping> {
        let Some((index, slot)) = (0u16..)
            .zip(&self.slots)
            .find(|(_, slot)| slot.tag.load(Ordering::Acquire) == 0)
        else {
            return Err(mapping);
        };
        let generation = next_generation(u16::try_from(slot.generation.load(Ordering::Relaxed)).unwrap_or(0));
        slot.generation.store(u32::from(generation), Ordering::Relaxed);
        let (Some(tag), Some(mut place)) = (Handle::new(index, generation), slot.mapping.try_lock()) else {
            return Err(mapping);
        };
        let mem = mapping.mem().clone();
        slot.uid.store(uid, Ordering::Relaxed);
        slot.pages.store(
            u32::try_from(mapping.len().div_ceil(4096)).unwrap_or(u32::MAX),
            Ordering::Relaxed,
        );
        *place = Some(mapping);
        slot.refs.store(1, Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire above and in `usage`.
        slot.tag.store(tag.raw(), Ordering::Release);
        Ok(PoolHold {
            pools: self,
            index,
            mem,
        })
    }

    /// One more reference, by somebody who has one.
    fn add_ref(&self, index: u16) {
        if let Some(slot) = self.slots.get(usize::from(index)) {
            slot.refs.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Gives a reference back. From any context.
    fn unref(&self, index: u16) {
        let index = usize::from(index);
        let Some(slot) = self.slots.get(index) else {
            return;
        };
        // AcqRel: the worker that unmaps must have seen the last access of every other holder.
        if slot.refs.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.idle.set(index);
            P::wake_worker(0);
        }
    }

    /// The stack has let go of an external mbuf over the pool in slot `index`. From any context.
    pub fn returned(&self, index: u16) {
        self.unref(index);
        // SYNC POINT: Release pairs with the Acquire in `lent`. The last step: after it the module may go.
        self.lent.fetch_sub(1, Ordering::Release);
    }

    /// External mbufs that the stack holds.
    #[must_use]
    pub fn lent(&self) -> u32 {
        self.lent.load(Ordering::Acquire)
    }

    /// A pool waits to be unmapped.
    #[must_use]
    pub fn has_idle(&self) -> bool {
        self.idle.any()
    }

    /// Unmaps every pool without references. Workers only: unmapping may take long.
    pub fn unmap_idle(&self) {
        self.idle.drain(|index| {
            let Some(slot) = self.slots.get(index) else { return };
            match slot.mapping.try_lock() {
                Some(mut place) => drop(place.take()),
                // Nobody else may hold it by the invariant; if somebody does, the next round tries again.
                None => {
                    self.idle.set(index);
                    return;
                }
            }
            // SYNC POINT: pairs with the Acquire in `attach`.
            slot.tag.store(0, Ordering::Release);
        });
    }

    /// Pools and bytes of `uid` that are mapped now, and pools of everybody.
    #[must_use]
    pub fn usage(&self, uid: u32) -> Usage {
        let mut usage = Usage::default();
        for slot in &self.slots {
            if slot.tag.load(Ordering::Acquire) != 0 {
                usage.all_pools = usage.all_pools.saturating_add(1);
                if slot.uid.load(Ordering::Relaxed) == uid {
                    usage.pools = usage.pools.saturating_add(1);
                    let bytes = u64::from(slot.pages.load(Ordering::Relaxed)).saturating_mul(4096);
                    usage.bytes = usage.bytes.saturating_add(bytes);
                }
            }
        }
        usage
    }

    /// Pools mapped now.
    #[must_use]
    pub fn mapped(&self) -> u32 {
        self.usage(u32::MAX).all_pools
    }
}

/// A reference to a mapped pool, which stays mapped as long as this lives.
pub struct PoolHold<P: Platform> {
    pools: &'static Pools<P>,
    index: u16,
    mem: P::Mem,
}

impl<P: Platform> PoolHold<P> {
    /// The pool's memory. Who keeps a copy of the handle keeps a hold beside it.
    pub const fn mem(&self) -> &P::Mem {
        &self.mem
    }

    /// The pool's slot, for a [`crate::machine::ReleaseKey`].
    #[must_use]
    pub const fn slot(&self) -> u16 {
        self.index
    }

    /// References now, this one included.
    #[must_use]
    pub fn refs(&self) -> u32 {
        self.pools
            .slots
            .get(usize::from(self.index))
            .map_or(0, |slot| slot.refs.load(Ordering::Acquire))
    }

    /// An external mbuf over the pool is about to be made: it takes a reference of its own, which
    /// [`Pools::returned`] gives back.
    pub fn lend(&self) {
        self.pools.add_ref(self.index);
        self.pools.lent.fetch_add(1, Ordering::Relaxed);
    }

    /// The mbuf was not made.
    pub fn take_back(&self) {
        self.pools.returned(self.index);
    }
}

impl<P: Platform> Clone for PoolHold<P> {
    fn clone(&self) -> Self {
        self.pools.add_ref(self.index);
        Self {
            pools: self.pools,
            index: self.index,
            mem: self.mem.clone(),
        }
    }
}

impl<P: Platform> Drop for PoolHold<P> {
    fn drop(&mut self) {
        self.pools.unref(self.index);
    }
}

/// What a user id has mapped.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Pools of the user id.
    pub pools: u32,
    /// Bytes of these, rounded up to pages.
    pub bytes: u64,
    /// Pools of all.
    pub all_pools: u32,
}
