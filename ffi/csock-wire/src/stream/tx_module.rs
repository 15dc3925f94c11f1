//! Sending, the module's side: what was committed, as pieces of memory that were checked, in order.
//!
//! Everything read here is an allegation: each word and each entry is loaded once, checked, and used from private memory
//! (S-01). Ranges that overlap harm nobody but the client, so they are not looked for (S-09).

use super::{Block, GONE, MAX_WINDOW, RANGES, StreamFault, TRIES, moved};
use crate::refusal::Field;
use crate::shm::SharedMem;

/// What part of a pool ranges may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolWindow {
    /// First byte of the data area.
    pub start: u64,
    /// End of the pool.
    pub end: u64,
}

/// Committed bytes that lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which of the socket's [`RANGES`] entries they belong to.
    pub entry: u16,
    /// Which pool of the session.
    pub pool: u16,
    /// Where in that pool, bytes. Checked against the pool's window.
    pub offset: u64,
    /// Bytes.
    pub len: u32,
    /// Bytes that lie behind the piece in the same range and may still be committed there.
    pub rest: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Range {
    start: u64,
    offset: u64,
    cap: u32,
    pool: u16,
}

/// The sending half of one socket, as its turn sees it.
#[derive(Debug)]
pub struct Reader {
    tail: u64,
    taken: u64,
    /// Range entries read.
    ranges: u64,
    /// Ranges whose bytes have all been taken and that no more bytes can come into.
    spent: u64,
    /// Ranges given back.
    freed: u64,
    /// Number of the range that the next byte lies in.
    current: u64,
    /// A copy of the entries that are in use.
    kept: [Range; 64],
    shown: (u64, u64, u64),
    flush: u64,
    /// The way through shared memory has ended at `tail`: the word there only counts what was not taken.
    gone: bool,
}

const _: () = assert!(RANGES == 64);

fn place(number: u64) -> usize {
    usize::try_from(number & RANGES.saturating_sub(1)).unwrap_or(0)
}

impl Reader {
    /// Nothing committed yet.
    #[must_use]
    pub const fn new() -> Reader {
        const NONE: Range = Range {
            start: 0,
            offset: 0,
            cap: 0,
            pool: 0,
        };
        Reader {
            tail: 0,
            taken: 0,
            ranges: 0,
            spent: 0,
            freed: 0,
            current: 0,
            kept: [NONE; 64],
            shown: (0, 0, 0),
            flush: 0,
            gone: false,
        }
    }

    /// Looks at what the client has committed. `window` answers which part of a pool may be named, `None` for a pool that
    /// the session does not have. Returns the bytes that wait.
    ///
    /// # Errors
    /// [`StreamFault`] for anything that an honest client cannot have written; the stream must not be read again.
    pub fn look<M: SharedMem>(
        &mut self,
        mem: &M,
        block: Block,
        window: impl Fn(u16) -> Option<PoolWindow>,
    ) -> Result<u64, StreamFault> {
        if !self.gone {
            self.see_tail(mem.load_word(block.tail())?)?;
        }
        let most = self.freed.saturating_add(RANGES);
        let posted = moved(
            Field::StreamRanges,
            mem.load_word(block.ranges())?,
            self.ranges,
            most,
        )?;
        while self.ranges < posted {
            let range = self.fetch(mem, block, &window)?;
            if let Some(slot) = self.kept.get_mut(place(self.ranges)) {
                *slot = range;
            }
            self.ranges = self.ranges.saturating_add(1);
        }
        // The last range was read after the tail, so an honest client's bytes end in it or before it.
        let last = self.ranges.checked_sub(1).and_then(|n| self.kept.get(place(n)));
        let end = last.map_or(0, |last| last.start.saturating_add(last.cap.into()));
        if self.tail > end {
            return Err(StreamFault::new(Field::StreamTail, self.tail, end));
        }
        self.flush = mem.load_word(block.flush())?.min(self.tail);
        Ok(self.waiting())
    }

    fn see_tail(&mut self, word: u64) -> Result<(), StreamFault> {
        let most = self.taken.saturating_add(MAX_WINDOW);
        self.tail = moved(Field::StreamTail, word & !GONE, self.tail, most)?;
        Ok(())
    }

    /// Fetches the next entry, once, and checks it.
    fn fetch<M: SharedMem>(
        &self,
        mem: &M,
        block: Block,
        window: impl Fn(u16) -> Option<PoolWindow>,
    ) -> Result<Range, StreamFault> {
        let [start, offset, third, user] = mem.load_entry(block.range(self.ranges))?;
        let [c0, c1, c2, c3, p0, p1, r0, r1] = third.to_le_bytes();
        let range = Range {
            start,
            offset,
            cap: u32::from_le_bytes([c0, c1, c2, c3]),
            pool: u16::from_le_bytes([p0, p1]),
        };
        let reserved = u64::from(u16::from_le_bytes([r0, r1])) | user;
        if reserved != 0 {
            return Err(StreamFault::new(Field::Reserved, reserved, 0));
        }
        // A range begins where the one before it was left: not before its start, not behind its end.
        let (low, high) = match self.ranges.checked_sub(1).and_then(|n| self.kept.get(place(n))) {
            Some(before) => (before.start, before.start.saturating_add(before.cap.into())),
            None => (0, 0),
        };
        moved(Field::RangeStart, start, low, high)?;
        let Some(window) = window(range.pool) else {
            return Err(StreamFault::new(Field::RangePool, range.pool.into(), 0));
        };
        if range.cap != 0 {
            moved(Field::RangeOffset, offset, window.start, window.end)?;
            let Some(end) = offset.checked_add(range.cap.into()) else {
                return Err(StreamFault::new(Field::RangeEnd, offset, window.end));
            };
            moved(Field::RangeEnd, end, offset, window.end)?;
        }
        Ok(range)
    }

    /// Bytes committed and not taken.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.tail.saturating_sub(self.taken)
    }

    /// Bytes taken so far.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// Bytes committed at the last look.
    #[must_use]
    pub const fn tail(&self) -> u64 {
        self.tail
    }

    /// Up to where the client wants everything to go out at once, at the last look; not beyond [`Reader::tail`].
    #[must_use]
    pub const fn flush(&self) -> u64 {
        self.flush
    }

    /// The next piece, of at most `most` bytes; `None` when everything is taken.
    ///
    /// # Errors
    /// [`StreamFault`] when bytes were committed that lie in no range.
    pub fn next(&mut self, most: u32) -> Result<Option<Piece>, StreamFault> {
        while self.waiting() != 0 {
            let missing = StreamFault::new(Field::StreamTail, self.tail, self.taken);
            if self.current >= self.ranges {
                return Err(missing);
            }
            let range = self.kept.get(place(self.current)).copied().unwrap_or_default();
            let next = self.current.saturating_add(1);
            let closed = (next < self.ranges).then(|| self.kept.get(place(next))).flatten();
            let end = closed.map_or(range.start.saturating_add(range.cap.into()), |next| next.start);
            if self.taken >= end {
                if closed.is_none() {
                    return Err(missing);
                }
                self.current = next;
                continue;
            }
            let len = end.min(self.tail).saturating_sub(self.taken).min(most.into());
            let inside = self.taken.saturating_sub(range.start);
            let len = u32::try_from(len).unwrap_or(most);
            let used = inside.saturating_add(len.into());
            return Ok(Some(Piece {
                entry: u16::try_from(place(self.current)).unwrap_or(0),
                pool: range.pool,
                offset: range.offset.saturating_add(inside),
                len,
                rest: u32::try_from(u64::from(range.cap).saturating_sub(used)).unwrap_or(0),
            }));
        }
        Ok(None)
    }

    /// The first `n` bytes of what waits have been taken.
    pub fn take(&mut self, n: u32) {
        self.taken = self.taken.saturating_add(n.into()).min(self.tail);
    }

    /// Entries of ranges that nothing more can come from, each once: the module's own hold of their memory may end.
    pub fn spent(&mut self) -> Option<u16> {
        let next = self.spent.saturating_add(1);
        let after = (next < self.ranges)
            .then(|| self.kept.get(place(next)))
            .flatten()?;
        if self.taken < after.start {
            return None;
        }
        let entry = u16::try_from(place(self.spent)).ok();
        self.spent = next;
        self.current = self.current.max(next);
        entry
    }

    /// Gives ranges back, the oldest first, as long as `is_back` says that the stack has let go of the entry.
    pub fn free(&mut self, mut is_back: impl FnMut(u16) -> bool) {
        while self.freed < self.spent && u16::try_from(place(self.freed)).is_ok_and(&mut is_back) {
            self.freed = self.freed.saturating_add(1);
        }
    }

    /// Shows the client what was taken and given back, and up to where it may commit. True: something changed, so a
    /// barrier and a look at the wait word must follow.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn publish<M: SharedMem>(&mut self, mem: &M, block: Block, limit: u64) -> Result<bool, StreamFault> {
        let (taken, freed, shown) = self.shown;
        if taken != self.taken {
            mem.store_word(block.taken(), self.taken)?;
        }
        if freed != self.freed {
            mem.store_word(block.freed(), self.freed)?;
        }
        if shown != limit {
            mem.store_word(block.limit(), limit)?;
        }
        let now = (self.taken, self.freed, limit);
        Ok(core::mem::replace(&mut self.shown, now) != now)
    }

    /// Ends the way through shared memory, for good: bytes that were committed before it count, later ones go by message.
    /// [`Reader::look`] once more for the ranges that the last of them lie in.
    ///
    /// # Errors
    /// [`StreamFault`] for a client that keeps changing the word, or whose word is out of range.
    pub fn demote<M: SharedMem>(&mut self, mem: &M, block: Block) -> Result<(), StreamFault> {
        if !self.gone {
            let word = set_gone(mem, block.tail(), Field::StreamTail)?;
            self.see_tail(word)?;
            self.gone = true;
        }
        Ok(())
    }
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

/// Sets GONE in a word that the client adds to; what the word held.
pub(super) fn set_gone<M: SharedMem>(mem: &M, at: usize, field: Field) -> Result<u64, StreamFault> {
    let mut word = mem.load_word(at)?;
    for _ in 0..TRIES {
        match mem.exchange_word(at, word, word | GONE)? {
            Ok(was) => return Ok(was & !GONE),
            Err(found) => word = found,
        }
    }
    Err(StreamFault::new(field, word, 0))
}
