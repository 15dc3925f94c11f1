//! Where everything lies in a pool.
//!
//! ```text
//! pool (one shared-memory object, created and sealed by the client)
//! 0                4096                                   data_offset                     size
//! +----------------+-----------+-----------+-- ... ------+--------------------------------+
//! | PoolHeader     | RingBlock | RingBlock |             | data area: the client's        |
//! | 32 B, then 0   | socket a  | socket b  |             | allocator carves it            |
//! +----------------+-----------+-----------+-- ... ------+--------------------------------+
//!
//! PoolHeader                          RingBlock (64-aligned, one per socket)
//! 0   magic        u32                0    magic         u32   client, before handing it over
//! 4   version      u16                4    module_state  u32   module only: 0 unused, 1 active, 2 released
//! 6   reserved     u16                8    zero
//! 8   layout_hash  u64                64   submission ring (SQ)   client -> module   data to send
//! 16  size         u64                     completion ring (CQ)   module -> client   buffer is yours again
//! 24  data_offset  u64                     fill ring       (FQ)   client -> module   empty receive buffers
//! 32  zero                                 ready ring      (RQ)   module -> client   data, EOF, error
//!
//! each ring (64-aligned)
//! 0     producer index  u32   own cache line, written by the producer only
//! 64    consumer index  u32   own cache line, written by the consumer only
//! 128   armed           u32   own cache line, 1 = the consumer is about to sleep
//! 192   slots, capacity x 32 bytes (Desc)
//! ```
//!
//! Geometry is checked once, from private memory, when the pool is attached and when a socket is made; nothing in
//! shared memory is believed about it afterwards (S-05). Memory that is all zero is a harmless state: empty rings,
//! and descriptors of length 0, which no validation accepts (S-17).

mod block;
mod geometry;
mod pool;

pub use block::{ModuleState, RingBlock};
pub use geometry::{RingBlockGeometry, RingGeometry, RingKind};
pub use pool::PoolHeader;

use core::fmt;

use crate::errno::WireErrno;
use crate::refusal::{Field, Refusal};
use crate::shm::OutOfBounds;

/// First word of a pool: "CSPL".
pub const POOL_MAGIC: u32 = u32::from_le_bytes(*b"CSPL");
/// First word of a ring block: "CSRB".
pub const RING_MAGIC: u32 = u32::from_le_bytes(*b"CSRB");
/// Version of the pool layout.
pub const POOL_VERSION: u16 = 1;
/// Bytes at the start of a pool that hold nothing but its header.
pub const POOL_HEADER_LEN: usize = 4096;
/// Alignment of a ring block, of each ring and of the data area: a cache line.
pub const RING_ALIGN: usize = 64;
/// Bytes of a ring block before its first ring.
pub const RING_BLOCK_HEADER_LEN: usize = 64;
/// Bytes of a ring before its slots.
pub const RING_HEADER_LEN: usize = 192;
/// Bytes of a slot.
pub const SLOT_LEN: usize = 32;
/// Smallest capacity of a ring, in slots.
pub const MIN_RING_CAPACITY: u32 = 2;
/// Largest capacity of a ring, in slots.
pub const MAX_RING_CAPACITY: u32 = 4096;
/// Offset of the consumer index in a ring.
pub const CONSUMER_INDEX: usize = 64;
/// Offset of the armed word in a ring.
pub const ARMED: usize = 128;
/// Offset of `module_state` in a ring block.
pub const MODULE_STATE: usize = 4;

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
    // `as` is fine here: constants of this file, all far below 2^32.
    #[allow(clippy::as_conversions)]
    const NUMBERS: [u64; 22] = [
        POOL_MAGIC as u64,
        RING_MAGIC as u64,
        POOL_VERSION as u64,
        POOL_HEADER_LEN as u64,
        RING_ALIGN as u64,
        RING_BLOCK_HEADER_LEN as u64,
        RING_HEADER_LEN as u64,
        SLOT_LEN as u64,
        MIN_RING_CAPACITY as u64,
        MAX_RING_CAPACITY as u64,
        CONSUMER_INDEX as u64,
        ARMED as u64,
        MODULE_STATE as u64,
        PoolHeader::LAYOUT_HASH_AT as u64,
        PoolHeader::SIZE_AT as u64,
        PoolHeader::DATA_OFFSET_AT as u64,
        core::mem::offset_of!(crate::desc::Desc, offset) as u64,
        core::mem::offset_of!(crate::desc::Desc, len) as u64,
        core::mem::offset_of!(crate::desc::Desc, flags) as u64,
        core::mem::offset_of!(crate::desc::Desc, user) as u64,
        core::mem::offset_of!(crate::desc::Desc, aux) as u64,
        size_of::<RingBlockGeometry>() as u64,
    ];
    let mut hash = 0xCBF2_9CE4_8422_2325;
    let mut rest: &[u64] = &NUMBERS;
    while let [number, tail @ ..] = rest {
        hash = mix(hash, *number);
        rest = tail;
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
    // RING_ALIGN is 64, a power of two.
    offset & 63 == 0
}

const _: () = {
    assert!(RING_ALIGN == 64 && RING_HEADER_LEN.is_multiple_of(RING_ALIGN));
    assert!(RING_BLOCK_HEADER_LEN.is_multiple_of(RING_ALIGN) && POOL_HEADER_LEN.is_multiple_of(RING_ALIGN));
    // The smallest ring keeps the next one aligned.
    assert!(SLOT_LEN == 32 && MIN_RING_CAPACITY == 2);
    assert!(size_of::<crate::desc::Desc>() == SLOT_LEN);
};
