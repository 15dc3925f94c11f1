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

/// What a session keeps of its pool. Freed by [`Pools::unref`], once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolRef {
    index: u16,
}

impl PoolRef {
    /// The pool's slot, for a [`crate::machine::ReleaseKey`].
    #[must_use]
    pub const fn slot(self) -> u16 {
        self.index
    }

    /// Back from a [`crate::machine::ReleaseKey`].
    #[must_use]
    pub const fn from_slot(index: u16) -> Self {
        Self { index }
    }
}

/// All pools.
pub struct Pools<P: Platform> {
    slots: [PoolSlot<P>; MAX_POOLS],
    /// Pools without references, for the workers.
    idle: Bitmap<WORDS>,
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
        }
    }

    /// Takes over a mapping with one reference (the session's). Control thread only.
    ///
    /// # Errors
    /// The mapping, when every slot is taken.
    pub fn attach(&self, uid: u32, mapping: P::Mapping) -> Result<(PoolRef, P::Mem), P::Mapping> {
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
        let mem = mapping.mem();
        slot.uid.store(uid, Ordering::Relaxed);
        slot.pages.store(
            u32::try_from(mapping.len().div_ceil(4096)).unwrap_or(u32::MAX),
            Ordering::Relaxed,
        );
        *place = Some(mapping);
        slot.refs.store(1, Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire above and in `usage`.
        slot.tag.store(tag.raw(), Ordering::Release);
        Ok((PoolRef { index }, mem))
    }

    /// One more reference, by somebody who has one.
    pub fn add_ref(&self, pool: PoolRef) {
        if let Some(slot) = self.slots.get(usize::from(pool.index)) {
            slot.refs.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// References now.
    #[must_use]
    pub fn refs(&self, pool: PoolRef) -> u32 {
        self.slots
            .get(usize::from(pool.index))
            .map_or(0, |slot| slot.refs.load(Ordering::Acquire))
    }

    /// Gives a reference back; true when it was the last one and a worker must be woken. From any context.
    #[must_use]
    pub fn unref(&self, pool: PoolRef) -> bool {
        let index = usize::from(pool.index);
        let Some(slot) = self.slots.get(index) else {
            return false;
        };
        // AcqRel: who unmaps has seen everybody's last access.
        slot.refs.fetch_sub(1, Ordering::AcqRel) == 1 && {
            self.idle.set(index);
            true
        }
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
