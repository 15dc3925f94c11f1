//! Sending, the client's side: bytes are appended to ranges of memory, and one addition publishes them.
//!
//! There is no private buffer: a byte that was committed is in shared memory and counted in `tail`, so neither exit nor
//! a kill can lose it.

use super::{Block, GONE, RANGES, StreamFault, moved};
use crate::refusal::Field;
use crate::shm::{Change, SharedMem};

/// A piece of a pool that bytes of the stream lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Which pool of the session.
    pub pool: u16,
    /// Where it begins in that pool, bytes.
    pub offset: u64,
    /// How long it is, bytes. 0 closes the range before it, so that its memory comes back.
    pub cap: u32,
}

/// Where the next byte of the stream goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which pool of the session.
    pub pool: u16,
    /// Where in that pool, bytes.
    pub offset: u64,
    /// Bytes of room there.
    pub room: u32,
}

/// What came of opening a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is number so and so, counted from the first; its memory is free again when [`Writer::freed`] is past that.
    Range(u64),
    /// All entries are in use; one comes free when the module has given memory back.
    Full,
}

/// What came of committing bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "bytes that were not taken must go by message"]
pub enum Appended {
    /// They are the module's.
    Taken,
    /// The socket has left shared memory: these bytes were not taken, and none will be.
    Gone,
}

/// The sending half of one socket, under the client's own lock.
#[derive(Debug)]
pub struct Writer<M: SharedMem> {
    mem: M,
    block: Block,
    /// Bytes committed.
    tail: u64,
    /// Ranges posted.
    ranges: u64,
    freed: u64,
    taken: u64,
    limit: u64,
    open: Place,
}

const NO_PLACE: Place = Place {
    pool: 0,
    offset: 0,
    room: 0,
};

impl<M: SharedMem> Writer<M> {
    /// Over a block that [`Block::initialise`] made ready.
    #[must_use]
    pub const fn new(mem: M, block: Block) -> Writer<M> {
        Writer {
            mem,
            block,
            tail: 0,
            ranges: 0,
            freed: 0,
            taken: 0,
            limit: 0,
            open: NO_PLACE,
        }
    }

    /// Bytes committed so far: the position that ordered requests carry.
    #[must_use]
    pub const fn tail(&self) -> u64 {
        self.tail
    }

    /// How many bytes may be committed now as far as the last look goes.
    #[must_use]
    pub const fn known_room(&self) -> u64 {
        self.limit.saturating_sub(self.tail)
    }

    /// How many bytes may be committed now: what the stack's send buffer leaves. Looks anew.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn room(&mut self) -> Result<u64, StreamFault> {
        self.limit = self.mem.load_word(self.block.limit())?;
        Ok(self.known_room())
    }

    /// Where the next byte goes, and how much fits there.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.open
    }

    /// Has the stream go on in `memory`. The range before it is closed.
    ///
    /// # Errors
    /// As [`Writer::freed`].
    pub fn open(&mut self, memory: Memory) -> Result<Opened, StreamFault> {
        if self.ranges.saturating_sub(self.freed) >= RANGES
            && self.ranges.saturating_sub(self.freed()?) >= RANGES
        {
            return Ok(Opened::Full);
        }
        let second = u64::from(memory.cap) | u64::from(memory.pool).wrapping_shl(32);
        self.mem.store_entry(
            self.block.range(self.ranges),
            [self.tail, memory.offset, second, 0],
        )?;
        let number = self.ranges;
        self.ranges = number.saturating_add(1);
        self.mem.store_word(self.block.ranges(), self.ranges)?;
        self.open = Place {
            pool: memory.pool,
            offset: memory.offset,
            room: memory.cap,
        };
        Ok(Opened::Range(number))
    }

    /// Commits the `n` bytes that lie at [`Writer::place`]. Then [`super::Bell::mark`].
    ///
    /// # Errors
    /// [`StreamFault`] when `n` is more than fits there (a mistake of this side), or the memory is not the area.
    #[inline]
    pub fn append(&mut self, n: u32) -> Result<Appended, StreamFault> {
        let Some(room) = self.open.room.checked_sub(n) else {
            return Err(StreamFault::new(
                Field::StreamTail,
                n.into(),
                self.open.room.into(),
            ));
        };
        let was = self.mem.change_word(self.block.tail(), Change::Add(n.into()))?;
        if was & GONE != 0 {
            return Ok(Appended::Gone);
        }
        self.tail = self.tail.saturating_add(n.into());
        self.open.room = room;
        self.open.offset = self.open.offset.saturating_add(n.into());
        Ok(Appended::Taken)
    }

    /// The rest of the open range stays unused: the program holds it, or gave it back out of order.
    pub const fn skip(&mut self) {
        self.open = NO_PLACE;
    }

    /// Everything committed so far shall go out at once, whatever was said about more to come. Call it before
    /// [`super::Bell::mark`].
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn flush(&self) -> Result<(), StreamFault> {
        self.mem.store_word(self.block.flush(), self.tail)?;
        Ok(())
    }

    /// How many ranges' memory is this side's again: numbers below the result. Looks anew.
    ///
    /// # Errors
    /// [`StreamFault`] for a count that an honest module cannot have written.
    pub fn freed(&mut self) -> Result<u64, StreamFault> {
        let value = self.mem.load_word(self.block.freed())?;
        self.freed = moved(Field::StreamFreed, value, self.freed, self.ranges)?;
        Ok(self.freed)
    }

    /// Bytes that the module has taken. Looks anew.
    ///
    /// # Errors
    /// As [`Writer::freed`].
    pub fn taken(&mut self) -> Result<u64, StreamFault> {
        let value = self.mem.load_word(self.block.taken())?;
        self.taken = moved(Field::StreamTaken, value, self.taken, self.tail)?;
        Ok(self.taken)
    }

    /// Ranges posted so far.
    #[must_use]
    pub const fn posted(&self) -> u64 {
        self.ranges
    }
}
