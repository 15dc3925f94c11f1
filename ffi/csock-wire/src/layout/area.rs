//! Where the parts of a session lie in its first pool: computed by both sides from the same few numbers, which travel in
//! a message and are kept in private memory. Nothing here is ever read from shared memory (S-05).
//!
//! ```text
//! 0        pool header, 4 KiB
//! 4096     session line   armed, wanted                      module writes
//!          dirty words    1 + sockets / 64                   client sets, module clears
//!          return ring    posted | ids                       client writes
//!          blocks         sockets x BLOCK_LEN
//!          receive buffers, small ones, then large ones      module fills
//!          data area      the client's allocator carves it
//!
//! block (64-aligned lines)
//! 0        tail, ranges, flush          client (the module sets GONE in tail, once)
//! 64       head, entries taken          client (the module sets GONE in head, once)
//! 128      tx wait, rx wait             client
//! 192      limit, taken, freed          module
//! 256      ready, state                 module
//! 320      64 ranges of 32 bytes        client
//! 2368     64 ready entries of 8 bytes  module
//! ```

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::numbers::{GeometryError, POOL_HEADER_LEN, widen};
use crate::refusal::Field;

/// Range entries of a socket: how many pieces of memory a stream may have in use at a time.
pub const RANGES: u64 = 64;
/// Ready entries of a socket: how many filled receive buffers may wait for the client.
pub const READY_ENTRIES: u64 = 64;
/// Bytes of a socket's block.
pub const BLOCK_LEN: usize = 2880;
/// Sockets that one area can have blocks for.
pub const MAX_SOCKETS: u32 = 4096;
/// Receive buffers of one area, small and large together.
pub const MAX_BUFFERS: u32 = 4096;
/// Longest receive buffer, bytes.
pub const MAX_BUFFER_LEN: u32 = 1 << 20;

const LINE: usize = 64;
const SESSION: usize = POOL_HEADER_LEN;
const DIRTY: usize = SESSION + LINE;

/// The numbers that an area is laid out by, as they travel in POOL_ATTACH.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AreaGeometry {
    /// Socket blocks, 1 to [`MAX_SOCKETS`].
    pub sockets: u32,
    /// Small receive buffers.
    pub small_count: u32,
    /// Length of each, a multiple of 64.
    pub small_len: u32,
    /// Large receive buffers.
    pub large_count: u32,
    /// Length of each, a multiple of 64, at least as long as a small one.
    pub large_len: u32,
    /// Zero.
    pub reserved: u32,
}

/// A session's area, laid out and checked.
///
/// # Invariants
/// Made by [`Area::plan`] alone: every part lies inside the pool, in the order of the file's picture, 64-aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    geometry: AreaGeometry,
    returns: usize,
    blocks: usize,
    buffers: usize,
    data: usize,
    len: usize,
}

/// Where a socket's block begins in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    offset: usize,
}

const fn round_up(n: usize, to: usize) -> usize {
    // `to` is 64 or 4096.
    n.saturating_add(to.saturating_sub(1)) & !to.saturating_sub(1)
}

fn size(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

impl Area {
    /// Lays the area out in a pool of `pool_len` bytes.
    ///
    /// # Errors
    /// [`GeometryError`] with the first number that is out of range, or with `PoolSize` when the parts do not fit.
    pub fn plan(geometry: &AreaGeometry, pool_len: usize) -> Result<Area, GeometryError> {
        let g = *geometry;
        let range = |field, value: u32, low: u32, high: u32| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            let allowed = u64::from(value.clamp(low, high));
            Err(GeometryError {
                field,
                value: value.into(),
                allowed,
            })
        };
        range(Field::SocketCount, g.sockets, 1, MAX_SOCKETS)?;
        let count = g.small_count.saturating_add(g.large_count);
        range(Field::BufferCount, count, 0, MAX_BUFFERS)?;
        range(Field::Reserved, g.reserved, 0, 0)?;
        for (len, low) in [(g.small_len, 64), (g.large_len, g.small_len)] {
            range(Field::BufferLength, len, low, MAX_BUFFER_LEN)?;
            range(Field::BufferLength, len, len & !63, len & !63)?;
        }
        let dirty = size(g.sockets).div_ceil(64).saturating_add(1).saturating_mul(8);
        let returns = DIRTY.saturating_add(round_up(dirty, LINE));
        let ids = size(count.next_power_of_two()).saturating_mul(4);
        let blocks = returns.saturating_add(LINE).saturating_add(round_up(ids, LINE));
        let buffers = blocks.saturating_add(size(g.sockets).saturating_mul(BLOCK_LEN));
        let buffers = round_up(buffers, POOL_HEADER_LEN);
        let small = size(g.small_count).saturating_mul(size(g.small_len));
        let large = size(g.large_count).saturating_mul(size(g.large_len));
        let data = round_up(
            buffers.saturating_add(small).saturating_add(large),
            POOL_HEADER_LEN,
        );
        if data > pool_len {
            return Err(GeometryError {
                field: Field::PoolSize,
                value: widen(pool_len),
                allowed: widen(data),
            });
        }
        Ok(Area {
            geometry: g,
            returns,
            blocks,
            buffers,
            data,
            len: pool_len,
        })
    }

    /// The numbers that it was laid out by.
    #[must_use]
    pub const fn geometry(&self) -> &AreaGeometry {
        &self.geometry
    }

    /// Where the data area begins; it ends with the pool.
    #[must_use]
    pub const fn data(&self) -> usize {
        self.data
    }

    /// Length of the pool, bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// False: an area has at least its header.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Block number `index`, or `None` when there is none.
    #[must_use]
    pub fn block(&self, index: u32) -> Option<Block> {
        (index < self.geometry.sockets).then(|| Block {
            offset: self.blocks.saturating_add(size(index).saturating_mul(BLOCK_LEN)),
        })
    }

    /// Receive buffers, small and large together; their ids are `0..buffers()`, the small ones first.
    #[must_use]
    pub const fn buffers(&self) -> u32 {
        self.geometry
            .small_count
            .saturating_add(self.geometry.large_count)
    }

    /// Receive buffers that one socket gets while others may want some: a quarter of all, and two at least.
    #[must_use]
    pub const fn share(&self) -> u32 {
        match self.buffers() / 4 {
            0..2 => 2,
            quarter => quarter,
        }
    }

    /// Offset and length of receive buffer `id`, or `None` when there is none.
    #[must_use]
    pub fn buffer(&self, id: u32) -> Option<(usize, u32)> {
        let g = &self.geometry;
        if id < g.small_count {
            let offset = size(id).saturating_mul(size(g.small_len));
            return Some((self.buffers.saturating_add(offset), g.small_len));
        }
        let large = id.checked_sub(g.small_count).filter(|n| *n < g.large_count)?;
        let small = size(g.small_count).saturating_mul(size(g.small_len));
        let offset = small.saturating_add(size(large).saturating_mul(size(g.large_len)));
        Some((self.buffers.saturating_add(offset), g.large_len))
    }

    /// Words of the dirty map: the session's own, then one for every 64 sockets.
    pub(crate) fn dirty_words(&self) -> usize {
        size(self.geometry.sockets).div_ceil(64).saturating_add(1)
    }

    /// Offset of word `word` of the dirty map.
    pub(crate) const fn dirty(word: usize) -> usize {
        DIRTY.saturating_add(word.saturating_mul(8))
    }

    pub(crate) const fn armed() -> usize {
        SESSION
    }

    pub(crate) const fn wanted() -> usize {
        SESSION.saturating_add(8)
    }

    pub(crate) const fn posted(&self) -> usize {
        self.returns
    }

    /// Ids that the return ring holds: a power of two, at least one for every buffer.
    pub(crate) const fn return_capacity(&self) -> u32 {
        match self.buffers().checked_next_power_of_two() {
            Some(capacity) => capacity,
            None => MAX_BUFFERS,
        }
    }

    /// Offset of the id at `position` of the return ring.
    pub(crate) fn returned(&self, position: u64) -> usize {
        let mask = u64::from(self.return_capacity()).saturating_sub(1);
        let slot = usize::try_from(position & mask).unwrap_or(0);
        self.returns
            .saturating_add(LINE)
            .saturating_add(slot.saturating_mul(4))
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $offset:literal;)*) => {
        impl Block {
            $($(#[$doc])* pub(crate) const fn $name(self) -> usize { self.offset.saturating_add($offset) })*
        }
        /// Offsets of the words in a block, for the layout hash.
        pub(crate) const BLOCK_WORDS: &[u64] = &[$($offset,)*];
    };
}

words! {
    /// Bytes committed; bit 63 is [`crate::stream::GONE`].
    tail = 0;
    /// Range entries posted.
    ranges = 8;
    /// Everything before this position shall go out at once.
    flush = 16;
    /// Bytes consumed; bit 63 is [`crate::stream::GONE`].
    head = 64;
    /// Ready entries taken.
    entries_taken = 72;
    /// Who waits for room.
    tx_wait = 128;
    /// Who waits for data, an end, a connection.
    rx_wait = 136;
    /// Up to which position the client may commit.
    limit = 192;
    /// Bytes taken from the ranges.
    taken = 200;
    /// Range entries whose memory is the client's again.
    freed = 208;
    /// Ready entries filled; of a listener, connections that came.
    ready = 256;
    /// [`crate::stream::State`].
    state = 264;
    /// First range entry.
    first_range = 320;
    /// First ready entry.
    first_ready = 2368;
}

impl Block {
    /// Offset of the block in the pool.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.offset
    }

    /// Offset of range entry number `position`.
    pub(crate) fn range(self, position: u64) -> usize {
        let slot = usize::try_from(position & RANGES.saturating_sub(1)).unwrap_or(0);
        self.first_range().saturating_add(slot.saturating_mul(32))
    }

    /// Offset of ready entry number `position`.
    pub(crate) fn entry(self, position: u64) -> usize {
        let slot = usize::try_from(position & READY_ENTRIES.saturating_sub(1)).unwrap_or(0);
        self.first_ready().saturating_add(slot.saturating_mul(8))
    }

    /// Makes the block ready for a new socket (client). Only for a block that the module does not use: never handed
    /// over, or released.
    ///
    /// # Errors
    /// [`crate::OutOfBounds`] when `mem` is shorter than the pool that the area was laid out for.
    pub fn initialise<M: crate::SharedMem>(self, mem: &M) -> Result<(), crate::OutOfBounds> {
        for word in BLOCK_WORDS.iter().take(12) {
            let at = self.offset.saturating_add(usize::try_from(*word).unwrap_or(0));
            mem.store_word(at, 0)?;
        }
        Ok(())
    }
}

const _: () = {
    assert!(BLOCK_LEN.is_multiple_of(LINE) && BLOCK_LEN == 2368 + 64 * 8);
    assert!(RANGES.is_power_of_two() && READY_ENTRIES.is_power_of_two());
    assert!(size_of::<AreaGeometry>() == 24);
};
