//! The numbers that every part of the layout is made of, and the refusal of a wrong one.

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

/// Offsets in a pool's header.
pub(super) const VERSION_AT: usize = 4;
pub(super) const LAYOUT_HASH_AT: usize = 8;
pub(super) const SIZE_AT: usize = 16;
pub(super) const DATA_OFFSET_AT: usize = 24;

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

pub(super) fn must_be(field: Field, value: u64, allowed: u64) -> Result<(), GeometryError> {
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

pub(super) const fn aligned(offset: u64) -> bool {
    // DATA_ALIGN is 64, a power of two.
    offset & 63 == 0
}

const _: () = assert!(DATA_ALIGN == 64 && POOL_HEADER_LEN.is_multiple_of(DATA_ALIGN));
