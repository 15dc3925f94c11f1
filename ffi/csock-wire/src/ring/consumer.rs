//! The side that empties slots.

use super::{Index, RingFault, load_desc, slot};
use crate::desc::Desc;
use crate::layout::RingGeometry;
use crate::shm::{Load, SharedMem, Store};

/// The consuming side of a ring. There must be one only; nothing blocks, nothing allocates.
///
/// `I` is the width of the indices: leave it at `u32`.
///
/// # Invariants
/// `published <= next <= seen <= published + capacity`, in the wrapping order of the indices.
#[derive(Debug)]
pub struct Consumer<M: SharedMem, I: Index = u32> {
    mem: M,
    ring: RingGeometry,
    /// Next slot to empty.
    next: I,
    /// What the producer was told: slots before it are the producer's.
    published: I,
    /// The producer's index when it was last loaded.
    seen: I,
    fault: Option<RingFault>,
}

impl<M: SharedMem> Consumer<M> {
    /// The consumer of a fresh ring, whose indices are all zero. Nothing is accessed.
    #[must_use]
    pub fn new(mem: M, ring: RingGeometry) -> Self {
        // INVARIANT: all three equal.
        Self::with_state(mem, ring, u32::START, u32::START, u32::START)
    }
}

impl<M: SharedMem, I: Index> Consumer<M, I> {
    /// As [`Consumer::new`], but with every index at `start`.
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
        Consumer {
            mem,
            ring,
            next,
            published,
            seen,
            fault: None,
        }
    }

    /// Capacity in slots.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.ring.capacity
    }

    /// Takes the next descriptor, or `None` when there is none now. The slot is copied once; it stays this side's
    /// until [`Consumer::publish`]. Loads the producer's index only when everything known is taken, so a loop that
    /// ends at `None` may run as long as the producer keeps filling: take [`Consumer::available`] first and count
    /// (S-36).
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn pop(&mut self) -> Result<Option<Desc>, RingFault> {
        self.sound()?;
        if self.next == self.seen {
            self.refresh()?;
            if self.next == self.seen {
                return Ok(None);
            }
        }
        let loaded = load_desc(&self.mem, slot(&self.ring, self.next.to_word()));
        let desc = self.guard(loaded)?;
        self.next = self.next.forward(1);
        Ok(Some(desc))
    }

    /// Gives every slot popped so far back to the producer.
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn publish(&mut self) -> Result<(), RingFault> {
        self.sound()?;
        if self.next == self.published {
            return Ok(());
        }
        // SYNC POINT: pairs with the Acquire in `Producer::refresh`; the slots are read before.
        let stored = self
            .mem
            .store_u32(self.ring.consumer, self.next.to_word(), Store::Release);
        self.guard(stored)?;
        self.published = self.next;
        Ok(())
    }

    /// About to sleep: asks for a doorbell, then looks once more. True: there is work (the asking is undone), do not
    /// sleep. False: sleep, the producer will ring. The argument is in the module's documentation.
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn arm(&mut self) -> Result<bool, RingFault> {
        self.sound()?;
        let stored = self.mem.store_u32(self.ring.armed, 1, Store::Relaxed);
        self.guard(stored)?;
        // SYNC POINT: pairs with the fence in `Producer::must_ring`.
        self.mem.full_fence();
        if self.available()? == 0 {
            return Ok(false);
        }
        self.disarm()?;
        Ok(true)
    }

    /// Takes the asking back; for a consumer that wakes for another reason. A ring that is already under way comes
    /// all the same.
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn disarm(&mut self) -> Result<(), RingFault> {
        self.sound()?;
        let stored = self.mem.store_u32(self.ring.armed, 0, Store::Relaxed);
        self.guard(stored)
    }

    /// Descriptors that can be popped now. Loads the producer's index, once.
    ///
    /// # Errors
    /// [`RingFault`], this time and ever after.
    pub fn available(&mut self) -> Result<u32, RingFault> {
        self.refresh()?;
        Ok(self.seen.ahead_of(self.next))
    }

    /// This side's index as the producer sees it: everything before has been given back.
    #[must_use]
    pub fn position(&self) -> u32 {
        self.published.to_word()
    }

    /// The index of the next slot to pop: everything before has been taken, given back or not. When it reaches the
    /// producer's position, all of the data before that position has been seen.
    #[must_use]
    pub fn cursor(&self) -> u32 {
        self.next.to_word()
    }

    /// The fault, once there is one.
    #[must_use]
    pub const fn fault(&self) -> Option<RingFault> {
        self.fault
    }

    /// Loads the producer's index once and checks that the producer can be there: not behind where it was, not more
    /// than the capacity ahead of what was given back.
    fn refresh(&mut self) -> Result<(), RingFault> {
        self.sound()?;
        // SYNC POINT: pairs with the Release in `Producer::publish`; the slots are written.
        let loaded = self.mem.load_u32(self.ring.producer, Load::Acquire);
        let value = self.guard(loaded)?;
        let index = I::from_word(value);
        let limit = self.published.forward(self.ring.capacity);
        if index.moved(self.seen, limit).is_none() {
            let (own, capacity) = (self.published.to_word(), self.ring.capacity);
            return Err(self.fail(RingFault::PeerIndex { value, own, capacity }));
        }
        // INVARIANT: `moved` proved seen <= index <= published + capacity.
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
