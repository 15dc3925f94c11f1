//! The header of a pool.

use super::hash::LAYOUT_HASH;
use super::numbers::{
    DATA_ALIGN, DATA_OFFSET_AT, GeometryError, LAYOUT_HASH_AT, POOL_HEADER_LEN, POOL_MAGIC, POOL_VERSION,
    SIZE_AT, VERSION_AT, aligned, must_be, widen,
};
use crate::refusal::Field;
use crate::shm::{Load, SharedMem, Store};

/// What the first bytes of a pool say. A client writes it once, the module reads it once, at attach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolHeader {
    /// Length of the pool in bytes.
    pub size: u64,
    /// Where the data area starts. In a session's first pool its area lies before it.
    pub data_offset: u64,
}

impl PoolHeader {
    /// Writes the header into a pool that nobody else uses yet (client).
    ///
    /// # Errors
    /// [`GeometryError`] as for [`PoolHeader::read`], before anything is written.
    pub fn write<M: SharedMem>(&self, mem: &M) -> Result<(), GeometryError> {
        self.check(widen(mem.len()))?;
        mem.store_u32(VERSION_AT, u32::from(POOL_VERSION), Store::Relaxed)?;
        mem.store_u64(LAYOUT_HASH_AT, LAYOUT_HASH)?;
        mem.store_u64(SIZE_AT, self.size)?;
        mem.store_u64(DATA_OFFSET_AT, self.data_offset)?;
        mem.store_u32(0, POOL_MAGIC, Store::Release)?;
        Ok(())
    }

    /// Reads the header, each field once, and checks it against the mapped length (module, at attach).
    ///
    /// # Errors
    /// [`GeometryError`] with the first wrong field: `PoolMagic`, `Version`, `LayoutHash`, `PoolSize` (must be the
    /// mapped length and hold the header), `PoolDataOffset` (64-aligned, from [`POOL_HEADER_LEN`] to the size).
    pub fn read<M: SharedMem>(mem: &M) -> Result<PoolHeader, GeometryError> {
        let magic = mem.load_u32(0, Load::Acquire)?;
        let version = mem.load_u32(VERSION_AT, Load::Relaxed)?;
        let hash = mem.load_u64(LAYOUT_HASH_AT)?;
        let size = mem.load_u64(SIZE_AT)?;
        let data_offset = mem.load_u64(DATA_OFFSET_AT)?;
        must_be(Field::PoolMagic, magic.into(), POOL_MAGIC.into())?;
        // The reserved half of the word must be zero, which this comparison includes.
        must_be(Field::Version, version.into(), POOL_VERSION.into())?;
        must_be(Field::LayoutHash, hash, LAYOUT_HASH)?;
        let header = PoolHeader { size, data_offset };
        header.check(widen(mem.len()))?;
        Ok(header)
    }

    fn check(&self, mapped: u64) -> Result<(), GeometryError> {
        must_be(Field::PoolSize, self.size, mapped)?;
        let first = widen(POOL_HEADER_LEN);
        if self.size < first {
            return Err(GeometryError {
                field: Field::PoolSize,
                value: self.size,
                allowed: first,
            });
        }
        let field = Field::PoolDataOffset;
        if self.data_offset < first {
            return Err(GeometryError {
                field,
                value: self.data_offset,
                allowed: first,
            });
        }
        if self.data_offset > self.size {
            return Err(GeometryError {
                field,
                value: self.data_offset,
                allowed: self.size,
            });
        }
        if !aligned(self.data_offset) {
            return Err(GeometryError {
                field,
                value: self.data_offset,
                allowed: widen(DATA_ALIGN),
            });
        }
        Ok(())
    }
}
