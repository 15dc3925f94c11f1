//! Sending, as far as memory goes: which bytes of the pool hold the stream, which the program fills, which came back.
//! Pure: no message, no wait, no lock but the pool's books.
//!
//! A socket carves its stream out of chunks of the pool. Copies and reservations are handed out of the current chunk one after
//! the other; what is committed where the last byte was only moves the stream's end, everything else opens another range.

use crate::{
    error::{Error, Fault},
    num::{length, short, widen},
    pool::{Books, GRANULE, Span},
    slots::Slots,
    sync::Mutex,
    sys::System,
};
use alloc::vec::Vec;
use csock_wire::{
    SharedMem,
    stream::{Appended, Block, Memory, Opened, RANGES, Writer},
};

/// Bytes copied with the lock held at a time.
const STEP: usize = 32 << 10;
/// The chunk that a quiet socket takes, and the longest that a busy one does for small writes.
const FIRST_CHUNK: usize = 4 << 10;
const BUSY_CHUNK: usize = 64 << 10;
/// A rest of a chunk shorter than this is left for a longer write to waste.
const WORTH: usize = GRANULE;
/// Reservations that a program may hold on one socket.
const MAX_GRANTS: u32 = 64;
/// Chunks that one socket can have: one for each range, for each reservation, and the current one.
const MAX_CHUNKS: u32 = 64 + MAX_GRANTS + 1;

/// Bytes of the pool that the program may fill, until it commits or aborts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Names the grant.
    pub key: u64,
    /// Offset in the pool.
    pub offset: usize,
    /// Bytes.
    pub len: u32,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// So many bytes are the module's.
    Taken(usize),
    /// The stack's send buffer has no room.
    Window,
    /// No memory, no range, or no shared memory at all: they must go by message.
    ByMessage,
}

/// What came of asking for bytes to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reserved {
    /// Here they are.
    Grant(Grant),
    /// The stack's send buffer has no room, or memory is on its way back.
    Wait,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Committed {
    /// The module has it.
    Taken,
    /// All ranges are in use.
    Full,
    /// The socket goes by messages: send these bytes so.
    ByMessage(Grant),
}

/// A piece of the pool, and how many ranges and reservations lie in it; the current chunk counts as one.
#[derive(Debug)]
struct Chunk {
    span: Span,
    uses: u32,
}

/// Where the next bytes are handed out.
#[derive(Clone, Copy, Debug)]
struct Current {
    key: u64,
    next: usize,
    end: usize,
}

#[derive(Debug)]
struct Granted {
    chunk: u64,
    offset: usize,
    len: u32,
}

/// What a socket takes memory from.
pub(super) struct Memories<'a, S: System> {
    pub mem: &'a S::Mem,
    pub books: &'a Mutex<Books, S>,
    /// Largest chunk.
    pub piece: usize,
}

/// The part of a sending half that lies in shared memory.
struct Shared<S: System> {
    writer: Writer<S::Mem>,
    chunks: Slots<Chunk>,
    /// Which chunk each range lies in.
    ranges: [u64; 64],
    /// Ranges whose chunks were let go.
    reaped: u64,
    current: Option<Current>,
    grants: Slots<Granted>,
    next_chunk: usize,
    /// The socket has left shared memory.
    gone: bool,
}

/// The sending half of a socket.
pub(super) struct Tx<S: System> {
    shared: Option<Shared<S>>,
    shut: bool,
}

const _: () = assert!(RANGES == 64);

fn slot(range: u64) -> usize {
    usize::try_from(range & RANGES.saturating_sub(1)).unwrap_or(0)
}

impl<S: System> Tx<S> {
    /// Over a fresh block, or over none.
    pub(super) fn new(mem: &S::Mem, block: Option<Block>) -> Self {
        Self {
            shared: block.map(|block| Shared {
                writer: Writer::new(mem.clone(), block),
                chunks: Slots::new(MAX_CHUNKS),
                ranges: [0; 64],
                reaped: 0,
                current: None,
                grants: Slots::new(MAX_GRANTS),
                next_chunk: FIRST_CHUNK,
                gone: false,
            }),
            shut: false,
        }
    }

    /// Bytes committed so far: what ordered requests carry.
    pub(super) const fn tail(&self) -> u64 {
        match &self.shared {
            Some(shared) => shared.writer.tail(),
            None => 0,
        }
    }

    /// No more sending, by the program's wish.
    pub(super) const fn shut(&mut self) {
        self.shut = true;
    }

    /// Why nothing can be sent, if so.
    pub(super) const fn check(&self) -> Result<(), Error> {
        if self.shut { Err(Error::ShutDown) } else { Ok(()) }
    }

    /// Copies the first bytes of `data` to the end of the stream. `more`: more follows at once.
    #[inline]
    pub(super) fn append(&mut self, from: &Memories<'_, S>, data: &[u8], more: bool) -> Result<Sent, Error> {
        self.check()?;
        let Some(shared) = self.shared.as_mut().filter(|shared| !shared.gone) else {
            return Ok(Sent::ByMessage);
        };
        let mut room = shared.writer.known_room();
        if room < widen(data.len()) {
            room = shared.writer.room().map_err(Fault::from)?;
            if room == 0 {
                return Ok(Sent::Window);
            }
        }
        let wanted = data
            .len()
            .min(STEP)
            .min(usize::try_from(room).unwrap_or(usize::MAX));
        let Some((offset, room)) = shared.room_for(from, wanted, data.len())? else {
            return Ok(Sent::ByMessage);
        };
        let part = data.get(..wanted.min(room)).unwrap_or(data);
        from.mem.copy_out(offset, part).map_err(Fault::from)?;
        match shared.writer.append(short(part.len())).map_err(Fault::from)? {
            Appended::Taken => shared.used(offset, part.len()),
            Appended::Gone => {
                shared.gone = true;
                return Ok(Sent::ByMessage);
            }
        }
        if !more && part.len() == data.len() {
            shared.writer.flush().map_err(Fault::from)?;
        }
        Ok(Sent::Taken(part.len()))
    }

    /// `len` bytes for the program to fill.
    pub(super) fn reserve(&mut self, from: &Memories<'_, S>, len: u32) -> Result<Reserved, Error> {
        self.check()?;
        let none = Error::PoolExhausted {
            asked: length(len),
            largest: 0,
        };
        let shared = self.shared.as_mut().ok_or(none)?;
        if shared.writer.known_room() == 0 && shared.writer.room().map_err(Fault::from)? == 0 && !shared.gone
        {
            return Ok(Reserved::Wait);
        }
        if shared.grants.is_full() {
            // Held by the program: nobody but itself can change that.
            return Err(Error::PoolExhausted {
                asked: length(len),
                largest: 0,
            });
        }
        let wanted = length(len);
        let fits = shared
            .current
            .is_some_and(|current| current.end.saturating_sub(current.next) >= wanted);
        if !fits && !shared.take_chunk(from, wanted, wanted)? {
            return if shared.has_ranges_out() {
                Ok(Reserved::Wait)
            } else {
                Err(Error::PoolExhausted {
                    asked: wanted,
                    largest: from.books.lock().largest(),
                })
            };
        }
        let Some(current) = &mut shared.current else {
            return Err(none);
        };
        let (chunk, offset) = (current.key, current.next);
        let key = shared
            .grants
            .insert(Granted { chunk, offset, len })
            .map_err(|_| none)?;
        current.next = current.next.saturating_add(wanted);
        shared.use_chunk(chunk);
        Ok(Reserved::Grant(Grant { key, offset, len }))
    }

    /// Hands the first `n` bytes of a grant to the module, as the next bytes of the stream.
    pub(super) fn commit(
        &mut self,
        from: &Memories<'_, S>,
        key: u64,
        n: u32,
        more: bool,
    ) -> Result<Committed, Error> {
        self.check()?;
        let unknown = Error::Invalid {
            what: "buffer",
            value: key,
            allowed: 0,
        };
        let shared = self.shared.as_mut().ok_or(unknown)?;
        let Some(&mut Granted { chunk, offset, len }) = shared.grants.get_mut(key) else {
            return Err(unknown);
        };
        if n == 0 || n > len {
            return Err(Error::Invalid {
                what: "length",
                value: n.into(),
                allowed: len.into(),
            });
        }
        let grant = Grant { key, offset, len };
        if shared.gone {
            return Ok(Committed::ByMessage(grant));
        }
        let end = offset.saturating_add(length(len));
        let last = shared
            .current
            .filter(|current| current.key == chunk && current.next == end);
        let place = shared.writer.place();
        let adjacent = place.offset == widen(offset) && place.room >= n;
        if !adjacent {
            let cap = last.map_or(length(len), |current| current.end.saturating_sub(offset));
            if !shared.open_range(chunk, offset, cap)? {
                shared.reap(from.books)?;
                if !shared.open_range(chunk, offset, cap)? {
                    return Ok(Committed::Full);
                }
            }
        }
        if shared.writer.append(n).map_err(Fault::from)? == Appended::Gone {
            shared.gone = true;
            return Ok(Committed::ByMessage(grant));
        }
        if !more {
            shared.writer.flush().map_err(Fault::from)?;
        }
        // What was not committed is handed out again, unless something was handed out behind it.
        if last.is_some()
            && let Some(current) = &mut shared.current
        {
            current.next = offset.saturating_add(length(n));
        }
        let _ = shared.grants.remove(key);
        shared.let_go(chunk, from.books);
        Ok(Committed::Taken)
    }

    /// Gives a grant back unused. False: there is no such grant.
    pub(super) fn abort(&mut self, key: u64, books: &Mutex<Books, S>) -> bool {
        let Some(shared) = &mut self.shared else {
            return false;
        };
        let Some(Granted { chunk, offset, len }) = shared.grants.remove(key) else {
            return false;
        };
        let end = offset.saturating_add(length(len));
        if let Some(current) = &mut shared.current
            && current.key == chunk
            && current.next == end
        {
            current.next = offset;
        }
        shared.let_go(chunk, books);
        true
    }

    /// The socket is closed: memory that the module may still use goes into `out`. What the program holds stays with the grants
    /// that are left.
    pub(super) fn retire(mut self, books: &Mutex<Books, S>, out: &mut Vec<Span>) -> Held {
        let Some(shared) = &mut self.shared else {
            return Held(None);
        };
        if let Some(current) = shared.current.take() {
            shared.let_go(current.key, books);
        }
        // Chunks with a reservation in them stay until it is given back, others until the module releases the socket.
        let grants = &shared.grants;
        let mut kept = Vec::new();
        shared.chunks.drain_where(
            |_| true,
            |chunk| {
                let range = chunk.span.offset()..chunk.span.offset().saturating_add(chunk.span.len());
                let held = grants
                    .find(0, |granted| range.contains(&granted.offset))
                    .is_some();
                let list = if held { &mut kept } else { &mut *out };
                if list.try_reserve(1).is_ok() {
                    list.push(chunk.span);
                }
            },
        );
        if kept.is_empty() {
            return Held(None);
        }
        let grants = core::mem::replace(&mut shared.grants, Slots::new(0));
        Held(Some((grants, kept)))
    }
}

/// Reservations that outlive their socket, with the memory that they lie in. It goes back with the last of them.
#[derive(Debug)]
pub(super) struct Held(Option<(Slots<Granted>, Vec<Span>)>);

impl Held {
    /// Nothing.
    pub(super) const NONE: Held = Held(None);

    /// The program gives a reservation back. True: it was one, and `out` has the memory if it was the last.
    pub(super) fn abort(&mut self, key: u64, out: &mut Vec<Span>) -> bool {
        let Some((grants, spans)) = &mut self.0 else {
            return false;
        };
        if grants.remove(key).is_none() {
            return false;
        }
        if grants.len() == 0 {
            *out = core::mem::take(spans);
            self.0 = None;
        }
        true
    }
}

impl<S: System> Shared<S> {
    /// Room for copied bytes: `(offset, bytes)`. `None`: no memory, or no range.
    #[inline]
    fn room_for(
        &mut self,
        from: &Memories<'_, S>,
        wanted: usize,
        total: usize,
    ) -> Result<Option<(usize, usize)>, Error> {
        if let Some(current) = self.current {
            let rest = current.end.saturating_sub(current.next);
            let place = self.writer.place();
            if rest >= wanted && place.offset == widen(current.next) && place.room == short(rest) {
                return Ok(Some((current.next, rest)));
            }
        }
        self.find_room(from, wanted, total)
    }

    #[cold]
    fn find_room(
        &mut self,
        from: &Memories<'_, S>,
        wanted: usize,
        total: usize,
    ) -> Result<Option<(usize, usize)>, Error> {
        let rest = self
            .current
            .map_or(0, |current| current.end.saturating_sub(current.next));
        if rest < wanted.min(WORTH) && !self.take_chunk(from, wanted.min(WORTH), total)? {
            return Ok(None);
        }
        let Some(current) = self.current else {
            return Ok(None);
        };
        let rest = current.end.saturating_sub(current.next);
        let place = self.writer.place();
        if place.offset == widen(current.next) && place.room == short(rest) {
            return Ok(Some((current.next, rest)));
        }
        if self.open_range(current.key, current.next, rest)? {
            return Ok(Some((current.next, rest)));
        }
        self.reap(from.books)?;
        if self.open_range(current.key, current.next, rest)? {
            return Ok(Some((current.next, rest)));
        }
        Ok(None)
    }

    /// Bytes at `offset`, in the current chunk, were committed.
    #[inline]
    fn used(&mut self, offset: usize, n: usize) {
        if let Some(current) = &mut self.current {
            current.next = offset.saturating_add(n);
        }
    }

    /// Has the stream go on at `offset` in `chunk`. False: all ranges are in use.
    fn open_range(&mut self, chunk: u64, offset: usize, cap: usize) -> Result<bool, Error> {
        let memory = Memory {
            pool: 0,
            offset: widen(offset),
            cap: short(cap),
        };
        // A place that was reaped too late to be taken note of must not be written over.
        if self.writer.posted().saturating_sub(self.reaped) >= RANGES {
            return Ok(false);
        }
        match self.writer.open(memory).map_err(Fault::from)? {
            Opened::Full => Ok(false),
            Opened::Range(number) => {
                if let Some(range) = self.ranges.get_mut(slot(number)) {
                    *range = chunk;
                }
                self.use_chunk(chunk);
                Ok(true)
            }
        }
    }

    /// Makes another chunk current, of at least `least` bytes. False: there is no memory.
    fn take_chunk(&mut self, from: &Memories<'_, S>, least: usize, total: usize) -> Result<bool, Error> {
        self.reap(from.books)?;
        let wanted = total
            .clamp(self.next_chunk, from.piece.max(self.next_chunk))
            .max(least);
        if self.chunks.is_full() {
            return Ok(false);
        }
        let Ok(span) = from.books.lock().alloc(from.mem, least, wanted) else {
            return Ok(false);
        };
        self.next_chunk = self.next_chunk.saturating_mul(2).min(BUSY_CHUNK);
        let (next, end) = (span.offset(), span.offset().saturating_add(span.len()));
        match self.chunks.insert(Chunk { span, uses: 1 }) {
            Ok(key) => {
                if let Some(old) = self.current.replace(Current { key, next, end }) {
                    self.let_go(old.key, from.books);
                }
                Ok(true)
            }
            Err(chunk) => {
                from.books.lock().free(chunk.span);
                Ok(false)
            }
        }
    }

    fn use_chunk(&mut self, key: u64) {
        if let Some(chunk) = self.chunks.get_mut(key) {
            chunk.uses = chunk.uses.saturating_add(1);
        }
    }

    fn let_go(&mut self, key: u64, books: &Mutex<Books, S>) {
        let Some(chunk) = self.chunks.get_mut(key) else {
            return;
        };
        chunk.uses = chunk.uses.saturating_sub(1);
        if chunk.uses == 0
            && let Some(chunk) = self.chunks.remove(key)
        {
            books.lock().free(chunk.span);
        }
    }

    /// Takes back the memory of ranges that the module is done with.
    fn reap(&mut self, books: &Mutex<Books, S>) -> Result<(), Error> {
        let freed = self.writer.freed().map_err(Fault::from)?;
        while self.reaped < freed {
            let key = self.ranges.get(slot(self.reaped)).copied().unwrap_or(0);
            self.reaped = self.reaped.saturating_add(1);
            self.let_go(key, books);
        }
        if self.writer.posted() == freed && self.current.is_none() {
            self.next_chunk = FIRST_CHUNK;
        }
        Ok(())
    }

    /// Whether memory of this socket is on its way back.
    fn has_ranges_out(&self) -> bool {
        self.writer.posted().saturating_sub(self.reaped) > 1
    }
}
