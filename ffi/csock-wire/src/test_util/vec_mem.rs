use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::check;
use crate::shm::{Change, Load, OutOfBounds, SharedMem, Store};

/// Ordinary bytes behind the accessor. Clones share them; one thread only.
#[derive(Clone, Debug)]
pub struct VecMem(Rc<RefCell<Vec<u8>>>);

impl VecMem {
    /// `len` zero bytes.
    #[must_use]
    pub fn new(len: usize) -> VecMem {
        VecMem(Rc::new(RefCell::new(vec![0; len])))
    }

    /// Fills everything with one byte.
    pub fn fill(&self, byte: u8) {
        self.0.borrow_mut().fill(byte);
    }

    /// A copy of everything.
    #[must_use]
    pub fn dump(&self) -> Vec<u8> {
        self.0.borrow().clone()
    }

    fn get<const N: usize>(&self, off: usize) -> Result<[u8; N], OutOfBounds> {
        let mut bytes = [0; N];
        check(off, N, N, self.len())?;
        bytes.copy_from_slice(&self.0.borrow()[off..off + N]);
        Ok(bytes)
    }
}

impl SharedMem for VecMem {
    fn len(&self) -> usize {
        self.0.borrow().len()
    }

    fn load_u32(&self, off: usize, _: Load) -> Result<u32, OutOfBounds> {
        self.get(off).map(u32::from_le_bytes)
    }

    fn store_u32(&self, off: usize, v: u32, _: Store) -> Result<(), OutOfBounds> {
        check(off, 4, 4, self.len())?;
        self.copy_out(off, &v.to_le_bytes())
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        self.get(off).map(u64::from_le_bytes)
    }

    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        check(off, 8, 8, self.len())?;
        self.copy_out(off, &v.to_le_bytes())
    }

    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        self.load_u64(off)
    }

    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.store_u64(off, v)
    }

    fn change_word(&self, off: usize, change: Change) -> Result<u64, OutOfBounds> {
        let old = self.load_u64(off)?;
        self.store_u64(off, change.apply(old))?;
        Ok(old)
    }

    fn exchange_word(&self, off: usize, expected: u64, new: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        let found = self.load_u64(off)?;
        if found != expected {
            return Ok(Err(found));
        }
        self.store_u64(off, new)?;
        Ok(Ok(found))
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        check(off, dst.len(), 1, self.len())?;
        dst.copy_from_slice(&self.0.borrow()[off..off + dst.len()]);
        Ok(())
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        check(off, src.len(), 1, self.len())?;
        self.0.borrow_mut()[off..off + src.len()].copy_from_slice(src);
        Ok(())
    }
}
