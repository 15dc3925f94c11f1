//! Receiving, the module's side: filled buffers, one entry each, and the state of the socket.

use super::tx_module::set_gone;
use super::{Block, GONE, READY_ENTRIES, State, StreamFault, moved};
use crate::refusal::Field;
use crate::shm::SharedMem;

/// A part of a filled buffer that the client had not consumed when the module took the stream back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recalled {
    /// The buffer.
    pub id: u32,
    /// Where the part begins in it, bytes.
    pub skip: u32,
    /// Bytes.
    pub len: u32,
}

/// The receiving half of one socket, as its turn sees it.
#[derive(Debug)]
pub struct Filler {
    /// Entries filled.
    ready: u64,
    /// Entries that the client has taken.
    taken: u64,
    /// Bytes in all entries so far.
    delivered: u64,
    kept: [(u32, u32); 64],
    state: State,
    shown: (u64, State),
}

const _: () = assert!(READY_ENTRIES == 64);

fn place(number: u64) -> usize {
    usize::try_from(number & READY_ENTRIES.saturating_sub(1)).unwrap_or(0)
}

impl Filler {
    /// Nothing received yet.
    #[must_use]
    pub const fn new() -> Filler {
        Filler {
            ready: 0,
            taken: 0,
            delivered: 0,
            kept: [(0, 0); 64],
            state: State::empty(),
            shown: (0, State::empty()),
        }
    }

    /// Whether there is an entry for another buffer. Looks at what the client has taken when it must.
    ///
    /// # Errors
    /// [`StreamFault`] for a count that an honest client cannot have written.
    pub fn has_room<M: SharedMem>(&mut self, mem: &M, block: Block) -> Result<bool, StreamFault> {
        if self.ready.saturating_sub(self.taken) < READY_ENTRIES {
            return Ok(true);
        }
        self.look(mem, block)?;
        Ok(self.ready.saturating_sub(self.taken) < READY_ENTRIES)
    }

    /// Entries that wait for the client. Looks anew.
    ///
    /// # Errors
    /// As [`Filler::has_room`].
    pub fn look<M: SharedMem>(&mut self, mem: &M, block: Block) -> Result<u64, StreamFault> {
        let value = mem.load_word(block.entries_taken())?;
        self.taken = moved(Field::ReadyTaken, value, self.taken, self.shown.0)?;
        Ok(self.ready.saturating_sub(self.taken))
    }

    /// Hands buffer `id` with `len` bytes to the client; [`Filler::publish`] shows it. There must be room.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn push<M: SharedMem>(
        &mut self,
        mem: &M,
        block: Block,
        id: u32,
        len: u32,
    ) -> Result<(), StreamFault> {
        let word = u64::from(id) | u64::from(len).wrapping_shl(32);
        mem.store_u64(block.entry(self.ready), word)?;
        if let Some(kept) = self.kept.get_mut(place(self.ready)) {
            *kept = (id, len);
        }
        self.ready = self.ready.saturating_add(1);
        self.delivered = self.delivered.saturating_add(len.into());
        Ok(())
    }

    /// A listener: connections came.
    pub const fn announce(&mut self) {
        self.ready = self.ready.saturating_add(1);
    }

    /// Entries filled so far: the position that a receive by message must have seen.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.ready
    }

    /// The state that the client sees, or will see after [`Filler::publish`].
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Changes the state; [`Filler::publish`] shows it.
    pub const fn set_state(&mut self, state: State) {
        self.state = state;
    }

    /// Shows the client what was filled and what has become of the socket: first the entries, then the state, so that an
    /// end is never seen before its last byte. True: something changed, so a barrier and a look at the wait words must
    /// follow.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn publish<M: SharedMem>(&mut self, mem: &M, block: Block) -> Result<bool, StreamFault> {
        let (ready, state) = self.shown;
        if ready != self.ready {
            mem.store_word(block.ready(), self.ready)?;
        }
        if state != self.state {
            mem.store_word(block.state(), self.state.bits())?;
        }
        let now = (self.ready, self.state);
        Ok(core::mem::replace(&mut self.shown, now) != now)
    }

    /// Takes back what the client has not consumed, for good: calls `part` with every rest, in order. What the client was
    /// in the middle of copying it throws away, because its own step on `head` fails.
    ///
    /// # Errors
    /// [`StreamFault`] for a `head` that no honest client can have written; the socket is then reset, never guessed at.
    pub fn recall<M: SharedMem>(
        &self,
        mem: &M,
        block: Block,
        mut part: impl FnMut(Recalled),
    ) -> Result<(), StreamFault> {
        let head = set_gone(mem, block.head(), Field::StreamHead)? & !GONE;
        let oldest = self.ready.saturating_sub(READY_ENTRIES);
        let mut before = 0u64;
        let mut number = self.ready;
        while number > oldest {
            number = number.saturating_sub(1);
            before =
                before.saturating_add(self.kept.get(place(number)).map_or(0, |(_, len)| u64::from(*len)));
        }
        let mut position = self.delivered.saturating_sub(before);
        moved(Field::StreamHead, head, position, self.delivered)?;
        while number < self.ready {
            let (id, len) = self.kept.get(place(number)).copied().unwrap_or_default();
            let end = position.saturating_add(len.into());
            if end > head {
                let skip = u32::try_from(head.saturating_sub(position)).unwrap_or(0);
                let len = len.saturating_sub(skip);
                part(Recalled { id, skip, len });
            }
            position = end;
            number = number.saturating_add(1);
        }
        Ok(())
    }
}

impl Default for Filler {
    fn default() -> Filler {
        Filler::new()
    }
}
