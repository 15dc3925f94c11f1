//! What a client asks for (`RingBlockGeometry`) and what one ring looks like once that was checked.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{ARMED, CONSUMER_INDEX, GeometryError, RING_HEADER_LEN, RingBlock, widen};
use crate::refusal::Field;

/// Which of a socket's four rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RingKind {
    /// SQ, client to module: data to send.
    Submission,
    /// CQ, module to client: "the buffer of this send is yours again".
    Completion,
    /// FQ, client to module: empty receive buffers.
    Fill,
    /// RQ, module to client: received data, end of file, error.
    Ready,
}

impl RingKind {
    /// All four, in the order in which they lie in a block.
    pub const ALL: [RingKind; 4] = [
        RingKind::Submission,
        RingKind::Completion,
        RingKind::Fill,
        RingKind::Ready,
    ];

    pub(super) const fn capacity_field(self) -> Field {
        match self {
            RingKind::Submission => Field::SqCapacity,
            RingKind::Completion => Field::CqCapacity,
            RingKind::Fill => Field::FqCapacity,
            RingKind::Ready => Field::RqCapacity,
        }
    }
}

/// A ring block as a client asks for it, in a message. All zero: no rings (a socket that will listen).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RingBlockGeometry {
    /// Offset of the block in the pool, 64-aligned, at least [`super::POOL_HEADER_LEN`].
    pub offset: u64,
    /// Capacity of the submission ring in slots: a power of two, 2..=4096.
    pub sq: u32,
    /// Capacity of the completion ring, likewise.
    pub cq: u32,
    /// Capacity of the fill ring, likewise.
    pub fq: u32,
    /// Capacity of the ready ring, likewise.
    pub rq: u32,
    /// Zero.
    pub reserved: [u32; 2],
}

const _: () = assert!(size_of::<RingBlockGeometry>() == 32);

impl RingBlockGeometry {
    /// No rings.
    pub const NONE: RingBlockGeometry = RingBlockGeometry {
        offset: 0,
        sq: 0,
        cq: 0,
        fq: 0,
        rq: 0,
        reserved: [0; 2],
    };

    /// True when every field is zero.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == RingBlockGeometry::NONE
    }

    /// Bytes that a block of these capacities takes in a pool.
    ///
    /// # Errors
    /// [`GeometryError`] for a capacity that is not a power of two in 2..=4096, or a reserved field that is not 0.
    pub fn block_len(&self) -> Result<u64, GeometryError> {
        Ok(widen(RingBlock::place(self, 0)?.len))
    }
}

/// One ring, checked: offsets in bytes from the start of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingGeometry {
    pub(crate) producer: usize,
    pub(crate) consumer: usize,
    pub(crate) armed: usize,
    pub(crate) slots: usize,
    pub(crate) capacity: u32,
}

impl RingGeometry {
    /// Capacity in slots: a power of two in 2..=4096.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Offset of the producer index.
    #[must_use]
    pub const fn producer_index(&self) -> usize {
        self.producer
    }

    /// Offset of the consumer index.
    #[must_use]
    pub const fn consumer_index(&self) -> usize {
        self.consumer
    }

    /// Offset of the armed word.
    #[must_use]
    pub const fn armed_word(&self) -> usize {
        self.armed
    }

    /// Offset of the first slot.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.slots
    }

    /// A ring at `offset`, whatever else is there. The product gets its rings from [`RingBlock`].
    #[cfg(feature = "test-util")]
    #[must_use]
    pub fn at(offset: usize, capacity: u32) -> RingGeometry {
        RingGeometry::place(offset, capacity)
    }

    pub(super) fn place(offset: usize, capacity: u32) -> RingGeometry {
        RingGeometry {
            producer: offset,
            consumer: offset.saturating_add(CONSUMER_INDEX),
            armed: offset.saturating_add(ARMED),
            slots: offset.saturating_add(RING_HEADER_LEN),
            capacity,
        }
    }
}
