use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Range;

use super::VecMem;
use crate::shm::{Change, Load, OutOfBounds, SharedMem, Store};

#[derive(Debug, Default)]
struct Log {
    /// Offset of each load and of each store, with its count.
    loads: BTreeMap<usize, u32>,
    stores: BTreeMap<usize, u32>,
    no_loads: Vec<Range<usize>>,
    no_stores: Vec<Range<usize>>,
}

/// Counts the accesses of one side, and panics at one that this side must never make.
///
/// Clones share the log. [`CountingMem::peer`] is the memory behind it, for the other side.
#[derive(Clone, Debug)]
pub struct CountingMem {
    mem: VecMem,
    log: Rc<RefCell<Log>>,
}

impl CountingMem {
    /// Counts over `mem`.
    #[must_use]
    pub fn new(mem: VecMem) -> CountingMem {
        CountingMem {
            mem,
            log: Rc::default(),
        }
    }

    /// The memory behind, uncounted.
    #[must_use]
    pub fn peer(&self) -> VecMem {
        self.mem.clone()
    }

    /// From now on a load that touches `range` panics.
    pub fn forbid_loads(&self, range: Range<usize>) {
        self.log.borrow_mut().no_loads.push(range);
    }

    /// From now on a store that touches `range` panics.
    pub fn forbid_stores(&self, range: Range<usize>) {
        self.log.borrow_mut().no_stores.push(range);
    }

    /// The offsets loaded since the last call, with how often each.
    pub fn take_loads(&self) -> BTreeMap<usize, u32> {
        core::mem::take(&mut self.log.borrow_mut().loads)
    }

    /// The offsets stored since the last call, with how often each.
    pub fn take_stores(&self) -> BTreeMap<usize, u32> {
        core::mem::take(&mut self.log.borrow_mut().stores)
    }

    fn loads(&self, off: usize, len: usize) {
        let mut log = self.log.borrow_mut();
        if let Some(range) = log.no_loads.iter().find(|r| off < r.end && r.start < off + len) {
            panic!("load of {len} bytes at {off}, which are off limits ({range:?})");
        }
        *log.loads.entry(off).or_default() += 1;
    }

    fn stores(&self, off: usize, len: usize) {
        let mut log = self.log.borrow_mut();
        if let Some(range) = log.no_stores.iter().find(|r| off < r.end && r.start < off + len) {
            panic!("store of {len} bytes at {off}, which are off limits ({range:?})");
        }
        *log.stores.entry(off).or_default() += 1;
    }
}

impl SharedMem for CountingMem {
    fn len(&self) -> usize {
        self.mem.len()
    }

    fn load_u32(&self, off: usize, order: Load) -> Result<u32, OutOfBounds> {
        self.loads(off, 4);
        self.mem.load_u32(off, order)
    }

    fn store_u32(&self, off: usize, v: u32, order: Store) -> Result<(), OutOfBounds> {
        self.stores(off, 4);
        self.mem.store_u32(off, v, order)
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        self.loads(off, 8);
        self.mem.load_u64(off)
    }

    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.stores(off, 8);
        self.mem.store_u64(off, v)
    }

    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        self.loads(off, 8);
        self.mem.load_word(off)
    }

    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.stores(off, 8);
        self.mem.store_word(off, v)
    }

    /// Counts as a store: what the step finds is the peer's or a flag of the peer's in our own word.
    fn change_word(&self, off: usize, change: Change) -> Result<u64, OutOfBounds> {
        self.stores(off, 8);
        self.mem.change_word(off, change)
    }

    fn exchange_word(&self, off: usize, expected: u64, new: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        self.stores(off, 8);
        self.mem.exchange_word(off, expected, new)
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        self.loads(off, dst.len());
        self.mem.copy_in(off, dst)
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        self.stores(off, src.len());
        self.mem.copy_out(off, src)
    }
}
