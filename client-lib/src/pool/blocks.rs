//! The allocator of sockets' blocks: all of one size, so a stack of free numbers.

use crate::error::Error;
use alloc::vec::Vec;

/// Numbers `0..capacity`, the free ones.
pub(crate) struct Blocks {
    free: Vec<u32>,
}

impl Blocks {
    pub(crate) fn new(capacity: u32) -> Result<Self, Error> {
        let mut free = Vec::new();
        let count = usize::try_from(capacity).map_err(|_| Error::NoMemory)?;
        free.try_reserve_exact(count).map_err(|_| Error::NoMemory)?;
        free.extend((0..capacity).rev());
        Ok(Self { free })
    }

    pub(crate) fn take(&mut self) -> Option<u32> {
        self.free.pop()
    }

    pub(crate) fn give(&mut self, index: u32) {
        debug_assert!(!self.free.contains(&index));
        self.free.push(index);
    }

    pub(crate) fn free(&self) -> usize {
        self.free.len()
    }
}
