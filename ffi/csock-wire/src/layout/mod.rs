//! What lies at the start of every pool, and the number that names the layout of this build.
//!
//! ```text
//! pool (one shared-memory object, created and sealed by the client)
//! 0   magic        u32
//! 4   version      u16
//! 6   reserved     u16
//! 8   layout_hash  u64
//! 16  size         u64
//! 24  data_offset  u64     everything from here on is the client's to carve
//! 32  zero, up to 4096
//! ```
//!
//! The session's first pool has its area between the header and the data ([`crate::stream::Area`]). Geometry is checked
//! once, from private memory, when the pool is attached; nothing in shared memory is believed about it afterwards (S-05).
//! Memory that is all zero is a harmless state: nothing committed, nothing filled (S-17).

mod pool;

pub use pool::PoolHeader;

use core::fmt;

use crate::errno::WireErrno;
use crate::refusal::{Field, Refusal};
use crate::shm::OutOfBounds;

/// First word of a pool: "CSPL".
pub const POOL_MAGIC: u32 = u32::from_le_bytes(*b"CSPL");
/// Version of the pool layout.
pub const POOL_VERSION: u16 = 2;
/// Bytes at the start of a pool that hold nothing but its header.
pub const POOL_HEADER_LEN: usize = 4096;
/// Alignment of the data area: a cache line.
pub const DATA_ALIGN: usize = 64;

/// Names the layout of this build: both sides compare it before anything is shared.
pub const LAYOUT_HASH: u64 = layout_hash();

/// FNV-1a over every number that the two sides must agree on.
const fn layout_hash() -> u64 {
    const fn mix(mut hash: u64, number: u64) -> u64 {
        let mut shift = 0;
        while shift < 64 {
            hash = (hash ^ ((number >> shift) & 0xFF)).wrapping_mul(0x0000_0100_0000_01B3);
            shift = match u32::checked_add(shift, 8) {
                Some(next) => next,
                None => return hash,
            };
        }
        hash
    }
    // `as` is fine here: constants of this crate, all far below 2^32.
    #[allow(clippy::as_conversions)]
    const NUMBERS: [u64; 11] = [
        POOL_MAGIC as u64,
        POOL_VERSION as u64,
        POOL_HEADER_LEN as u64,
        DATA_ALIGN as u64,
        PoolHeader::LAYOUT_HASH_AT as u64,
        PoolHeader::SIZE_AT as u64,
        PoolHeader::DATA_OFFSET_AT as u64,
        crate::stream::RANGES,
        crate::stream::READY_ENTRIES,
        crate::stream::BLOCK_LEN as u64,
        size_of::<crate::stream::AreaGeometry>() as u64,
    ];
    let mut hash = 0xCBF2_9CE4_8422_2325;
    let mut lists: &[&[u64]] = &[&NUMBERS, crate::stream::BLOCK_WORDS];
    while let [list, others @ ..] = lists {
        let mut rest: &[u64] = list;
        while let [number, tail @ ..] = rest {
            hash = mix(hash, *number);
            rest = tail;
        }
        lists = others;
    }
    hash
}

/// A number of the layout that is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeometryError {
    /// Which number.
    pub field: Field,
    /// What it is.
    pub value: u64,
    /// The nearest allowed value, or the limit.
    pub allowed: u64,
}

impl From<GeometryError> for Refusal {
    fn from(e: GeometryError) -> Refusal {
        Refusal::new(WireErrno::EINVAL, e.field, e.value, e.allowed)
    }
}

impl From<OutOfBounds> for GeometryError {
    fn from(e: OutOfBounds) -> GeometryError {
        GeometryError {
            field: Field::PoolSize,
            value: widen(e.size),
            allowed: widen(e.offset.saturating_add(e.len)),
        }
    }
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {:#x}, allowed {:#x}",
            self.field.name(),
            self.value,
            self.allowed
        )
    }
}

impl core::error::Error for GeometryError {}

fn must_be(field: Field, value: u64, allowed: u64) -> Result<(), GeometryError> {
    if value == allowed {
        Ok(())
    } else {
        Err(GeometryError {
            field,
            value,
            allowed,
        })
    }
}

/// `usize` to `u64`, which loses nothing on any target of ours.
pub(crate) fn widen(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

const fn aligned(offset: u64) -> bool {
    // DATA_ALIGN is 64, a power of two.
    offset & 63 == 0
}

const _: () = assert!(DATA_ALIGN == 64 && POOL_HEADER_LEN.is_multiple_of(DATA_ALIGN));
