use alloc::collections::BTreeSet;
use alloc::rc::Rc;
use core::cell::RefCell;

use super::VecMem;
use crate::shm::{Change, Load, OutOfBounds, SharedMem, Store};

/// The first load of a word gives its value, every later one the opposite bits: what a peer does that changes a
/// field between check and use. [`FlipFlopMem::forget`] starts over.
#[derive(Clone, Debug)]
pub struct FlipFlopMem {
    mem: VecMem,
    seen: Rc<RefCell<BTreeSet<usize>>>,
}

impl FlipFlopMem {
    /// Flips over `mem`.
    #[must_use]
    pub fn new(mem: VecMem) -> FlipFlopMem {
        FlipFlopMem {
            mem,
            seen: Rc::default(),
        }
    }

    /// The next load of each word is a first one again.
    pub fn forget(&self) {
        self.seen.borrow_mut().clear();
    }

    fn first(&self, off: usize) -> bool {
        self.seen.borrow_mut().insert(off)
    }
}

impl SharedMem for FlipFlopMem {
    fn len(&self) -> usize {
        self.mem.len()
    }

    fn load_u32(&self, off: usize, order: Load) -> Result<u32, OutOfBounds> {
        let v = self.mem.load_u32(off, order)?;
        Ok(if self.first(off) { v } else { !v })
    }

    fn store_u32(&self, off: usize, v: u32, order: Store) -> Result<(), OutOfBounds> {
        self.mem.store_u32(off, v, order)
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        let v = self.mem.load_u64(off)?;
        Ok(if self.first(off) { v } else { !v })
    }

    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.mem.store_u64(off, v)
    }

    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        self.load_u64(off)
    }

    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.mem.store_word(off, v)
    }

    fn change_word(&self, off: usize, change: Change) -> Result<u64, OutOfBounds> {
        self.mem.change_word(off, change)
    }

    fn exchange_word(&self, off: usize, expected: u64, new: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        self.mem.exchange_word(off, expected, new)
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        self.mem.copy_in(off, dst)?;
        for (i, byte) in dst.iter_mut().enumerate() {
            if !self.first(off + i) {
                *byte = !*byte;
            }
        }
        Ok(())
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        self.mem.copy_out(off, src)
    }
}
