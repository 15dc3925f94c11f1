//! The side that fills slots.

use super::{Index, PushError, RingFault, slot, store_desc};
use crate::desc::Desc;
use crate::layout::RingGeometry;
use crate::shm::{Load, SharedMem, Store};

/// The producing side of a ring. There must be one only; nothing blocks, nothing allocates.
///
/// `I` is the width of the indices: leave it at `u32`.
///
/// # Invariants
/// `seen <= published <= next <= seen + capacity`, in the wrapping order of the indices.
#[derive(Debug)]
pub struct Producer<M: SharedMem, I: Index = u32> {
    mem: M,
    ring: RingGeometry,
    /// Next slot to fill.
    next: I,
    /// What the consumer was told.
    published: I,
    /// The consumer's index when it was last loaded.
    seen: I,
    /// A doorbell that was due but did not get through.
    owed: bool,
    fault: Option<RingFault>,
}

impl<M: SharedMem> Producer<M> {
    /// The producer of a fresh ring, whose indices are all zero. Nothing is accessed.
    #[must_use]
    pub fn new(mem: M, ring: RingGeometry) -> Self {
        // INVARIANT: all three equal.
        Self::with_state(mem, ring, u32::START, u32::START, u32::START)
    }
}

impl<M: SharedMem, I: Index> Producer<M, I> {
    /// As [`Producer::new`], but with every index at `start`.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn starting_at(mem: M, ring: RingGeometry, start: I) -> Self {
        Self::with_state(mem, ring, start, start, start)
    }

    /// In any state that keeps the invariant, for tests that walk through all of them.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn in_state(mem: M, ring: RingGeometry, next: I, published: I, seen: I) -> Self {
        Self::with_state(mem, ring, next, published, seen)
    }

    const fn with_state(mem: M, ring: RingGeometry, next: I, published: I, seen: I) -> Self {
        Producer {
            mem,
            ring,
            next,
            published,
            seen,
            owed: false,
            fault: None,
        }
    }

    /// Capacity in slots.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.ring.capacity
    }

    /// Free slots now. Loads the consumer's index, once.
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn free(&mut self) -> Result<u32, RingFault> {
        self.refresh()?;
        Ok(self.room())
    }

    /// Fills the next slot; the consumer sees it after [`Producer::publish`]. Loads the consumer's index only when
    /// the ring looks full.
    ///
    /// # Errors
    /// [`PushError::Full`] leaves everything as it was; [`PushError::Fault`] is final.
    pub fn push(&mut self, d: &Desc) -> Result<(), PushError> {
        self.sound()?;
        if self.room() == 0 && self.free()? == 0 {
            return Err(PushError::Full);
        }
        let stored = store_desc(&self.mem, slot(&self.ring, self.next.to_word()), d);
        self.guard(stored)?;
        self.next = self.next.forward(1);
        Ok(())
    }

    /// Lets the consumer see everything pushed so far. Follow with [`Producer::must_ring`].
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn publish(&mut self) -> Result<(), RingFault> {
        self.sound()?;
        if self.next == self.published {
            return Ok(());
        }
        // SYNC POINT: pairs with the Acquire in `Consumer::refresh`; the slots are written before.
        let stored = self
            .mem
            .store_u32(self.ring.producer, self.next.to_word(), Store::Release);
        self.guard(stored)?;
        self.published = self.next;
        Ok(())
    }

    /// After [`Producer::publish`]: true when the consumer sleeps, or is about to, and must be rung. At most one true
    /// for each arming. The argument is in the module's documentation.
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn must_ring(&mut self) -> Result<bool, RingFault> {
        self.sound()?;
        // SYNC POINT: pairs with the fence in `Consumer::arm`.
        self.mem.full_fence();
        let loaded = self.mem.load_u32(self.ring.armed, Load::Relaxed);
        // Anything but 0 is "armed": the word is the peer's, and a needless ring harms only the peer.
        if self.guard(loaded)? != 0 {
            let stored = self.mem.store_u32(self.ring.armed, 0, Store::Relaxed);
            self.guard(stored)?;
            self.owed = true;
        }
        Ok(core::mem::take(&mut self.owed))
    }

    /// Says that the doorbell which [`Producer::must_ring`] asked for could not be rung (the pulse failed): the next
    /// `must_ring` asks for it again, although the armed word has been cleared.
    pub const fn ring_failed(&mut self) {
        self.owed = true;
    }

    /// The index of the next slot, as published: where the data so far ends.
    #[must_use]
    pub fn position(&self) -> u32 {
        self.published.to_word()
    }

    /// How far the consumer is: its index. Loads it once. `position() - consumed()`, wrapping, are still in the ring.
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn consumed(&mut self) -> Result<u32, RingFault> {
        self.refresh()?;
        Ok(self.seen.to_word())
    }

    /// The fault, once there is one.
    #[must_use]
    pub const fn fault(&self) -> Option<RingFault> {
        self.fault
    }

    /// Free slots by what was last seen of the consumer.
    fn room(&self) -> u32 {
        self.ring.capacity.saturating_sub(self.next.ahead_of(self.seen))
    }

    /// Loads the consumer's index once and checks that the consumer can be there: not behind where it was, not past
    /// what was published.
    fn refresh(&mut self) -> Result<(), RingFault> {
        self.sound()?;
        // SYNC POINT: pairs with the Release in `Consumer::publish`; the consumer has read the slots.
        let loaded = self.mem.load_u32(self.ring.consumer, Load::Acquire);
        let value = self.guard(loaded)?;
        let index = I::from_word(value);
        if index.moved(self.seen, self.published).is_none() {
            let (own, capacity) = (self.published.to_word(), self.ring.capacity);
            return Err(self.fail(RingFault::PeerIndex { value, own, capacity }));
        }
        // INVARIANT: `moved` proved seen <= index <= published.
        self.seen = index;
        Ok(())
    }

    const fn sound(&self) -> Result<(), RingFault> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(()),
        }
    }

    fn guard<T>(&mut self, result: Result<T, crate::shm::OutOfBounds>) -> Result<T, RingFault> {
        result.map_err(|e| self.fail(e.into()))
    }

    #[cold]
    const fn fail(&mut self, fault: RingFault) -> RingFault {
        self.fault = Some(fault);
        fault
    }
}
