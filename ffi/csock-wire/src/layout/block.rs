//! One socket's rings in the pool.

use super::{
    GeometryError, MAX_RING_CAPACITY, MIN_RING_CAPACITY, MODULE_STATE, POOL_HEADER_LEN, RING_ALIGN,
    RING_BLOCK_HEADER_LEN, RING_MAGIC, RingBlockGeometry, RingGeometry, RingKind, SLOT_LEN, aligned, must_be,
    widen,
};
use crate::refusal::Field;
use crate::shm::{Load, OutOfBounds, SharedMem, Store};

/// One socket's rings, checked and kept in private memory. Nothing about it is read from shared memory.
///
/// # Invariants
/// Made only by [`RingBlock::validate`]: 64-aligned, behind the pool header, inside the pool, capacities powers of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingBlock {
    offset: usize,
    pub(super) len: usize,
    rings: [RingGeometry; 4],
}

impl RingBlock {
    /// Checks what a client asks for against the length of its pool.
    ///
    /// `pool_len` is where ring blocks end: [`super::PoolHeader::data_offset`] keeps them out of the data area.
    ///
    /// # Errors
    /// [`GeometryError`] with the first wrong field: `Reserved`; `SqCapacity`, `CqCapacity`, `FqCapacity`,
    /// `RqCapacity` (a power of two in 2..=4096); `RingOffset` (64-aligned, not over the pool header); `RingEnd`
    /// (not past the pool).
    pub fn validate(geometry: &RingBlockGeometry, pool_len: usize) -> Result<RingBlock, GeometryError> {
        let value = geometry.offset;
        let first = widen(POOL_HEADER_LEN);
        if value < first {
            return Err(GeometryError {
                field: Field::RingOffset,
                value,
                allowed: first,
            });
        }
        if !aligned(value) {
            return Err(GeometryError {
                field: Field::RingOffset,
                value,
                allowed: widen(RING_ALIGN),
            });
        }
        let past = GeometryError {
            field: Field::RingEnd,
            value,
            allowed: widen(pool_len),
        };
        let offset = usize::try_from(value).map_err(|_| past)?;
        let block = RingBlock::place(geometry, offset)?;
        // `place` saturates, so an end that overflows is past every pool.
        match offset.checked_add(block.len) {
            Some(end) if end <= pool_len => Ok(block),
            Some(end) => Err(GeometryError {
                value: widen(end),
                ..past
            }),
            None => Err(past),
        }
    }

    /// Lays the four rings out from `offset`, after checking everything but the offset.
    pub(super) fn place(geometry: &RingBlockGeometry, offset: usize) -> Result<RingBlock, GeometryError> {
        for word in geometry.reserved {
            must_be(Field::Reserved, word.into(), 0)?;
        }
        let mut at = offset.saturating_add(RING_BLOCK_HEADER_LEN);
        let mut ring = |kind: RingKind, capacity: u32| {
            if !capacity.is_power_of_two() || !(MIN_RING_CAPACITY..=MAX_RING_CAPACITY).contains(&capacity) {
                let allowed = capacity
                    .clamp(MIN_RING_CAPACITY, MAX_RING_CAPACITY)
                    .checked_next_power_of_two()
                    .unwrap_or(MAX_RING_CAPACITY);
                return Err(GeometryError {
                    field: kind.capacity_field(),
                    value: capacity.into(),
                    allowed: allowed.into(),
                });
            }
            let ring = RingGeometry::place(at, capacity);
            let slots = usize::try_from(capacity)
                .unwrap_or(usize::MAX)
                .saturating_mul(SLOT_LEN);
            at = ring.slots.saturating_add(slots);
            Ok(ring)
        };
        let rings = [
            ring(RingKind::Submission, geometry.sq)?,
            ring(RingKind::Completion, geometry.cq)?,
            ring(RingKind::Fill, geometry.fq)?,
            ring(RingKind::Ready, geometry.rq)?,
        ];
        Ok(RingBlock {
            offset,
            len: at.saturating_sub(offset),
            rings,
        })
    }

    /// One of the four rings.
    #[must_use]
    pub const fn ring(&self, kind: RingKind) -> RingGeometry {
        let [sq, cq, fq, rq] = self.rings;
        match kind {
            RingKind::Submission => sq,
            RingKind::Completion => cq,
            RingKind::Fill => fq,
            RingKind::Ready => rq,
        }
    }

    /// Offset of the block in the pool, bytes.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Length of the block, bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// False: a block has at least its header.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Offset of the module's state word in the pool.
    #[must_use]
    pub const fn module_state(&self) -> usize {
        self.offset.saturating_add(MODULE_STATE)
    }

    /// Makes the block ready for a new socket: indices and armed words zero, state unused, magic written (client).
    ///
    /// Only for memory that the module does not use: never handed over, or released.
    ///
    /// # Errors
    /// [`OutOfBounds`] when `mem` is shorter than the pool that was validated.
    pub fn initialise<M: SharedMem>(&self, mem: &M) -> Result<(), OutOfBounds> {
        for ring in self.rings {
            mem.store_u32(ring.producer, 0, Store::Relaxed)?;
            mem.store_u32(ring.consumer, 0, Store::Relaxed)?;
            mem.store_u32(ring.armed, 0, Store::Relaxed)?;
        }
        mem.store_u32(self.module_state(), ModuleState::Unused.to_wire(), Store::Relaxed)?;
        mem.store_u32(self.offset, RING_MAGIC, Store::Release)
    }

    /// Reads the block's magic, once (module, before it uses the block): tells a block that was initialised from an
    /// offset that points somewhere else.
    ///
    /// # Errors
    /// [`GeometryError`] with field `RingMagic`.
    pub fn check_magic<M: SharedMem>(&self, mem: &M) -> Result<(), GeometryError> {
        must_be(
            Field::RingMagic,
            mem.load_u32(self.offset, Load::Acquire)?.into(),
            RING_MAGIC.into(),
        )
    }

    /// Publishes the module's state (module only). What the module wrote before is visible to who sees it.
    ///
    /// # Errors
    /// [`OutOfBounds`] when `mem` is shorter than the pool that was validated.
    pub fn set_state<M: SharedMem>(&self, mem: &M, state: ModuleState) -> Result<(), OutOfBounds> {
        mem.store_u32(self.module_state(), state.to_wire(), Store::Release)
    }

    /// The state that the module published (client), or `None` for a number that means nothing.
    ///
    /// # Errors
    /// [`OutOfBounds`] when `mem` is shorter than the pool that was validated.
    pub fn state<M: SharedMem>(&self, mem: &M) -> Result<Option<ModuleState>, OutOfBounds> {
        Ok(ModuleState::from_wire(
            mem.load_u32(self.module_state(), Load::Acquire)?,
        ))
    }
}

/// What the module says about a ring block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModuleState {
    /// The module has not taken it.
    Unused,
    /// A socket uses it.
    Active,
    /// The module will never again touch the block, nor any buffer posted through it.
    Released,
}

impl ModuleState {
    /// The number in shared memory.
    #[must_use]
    pub const fn to_wire(self) -> u32 {
        match self {
            ModuleState::Unused => 0,
            ModuleState::Active => 1,
            ModuleState::Released => 2,
        }
    }

    /// The state of a number, `None` when it means nothing.
    #[must_use]
    pub const fn from_wire(number: u32) -> Option<ModuleState> {
        match number {
            0 => Some(ModuleState::Unused),
            1 => Some(ModuleState::Active),
            2 => Some(ModuleState::Released),
            _ => None,
        }
    }
}
