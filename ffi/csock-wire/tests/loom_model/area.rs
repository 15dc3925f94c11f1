//! A session's area made of loom's parts: one socket block, its dirty bit, one receive buffer to return.

use std::sync::Arc;

use csock_wire::stream::{Area, AreaGeometry, Block};
use csock_wire::{Change, Load, OutOfBounds, SharedMem, Store};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU64, Ordering, fence};

pub fn area() -> Area {
    let geometry = AreaGeometry {
        sockets: 1,
        small_count: 2,
        small_len: 64,
        large_count: 0,
        large_len: 64,
        reserved: 0,
    };
    Area::plan(&geometry, 1 << 20).unwrap()
}

pub fn block() -> Block {
    area().block(0).unwrap()
}

/// The words that both sides reach: the session's two, two dirty words, the return ring's count, twelve of the block.
fn words() -> Vec<usize> {
    let block = block().offset();
    let session = [4096, 4104, 4160, 4168, 4224];
    let of_block = [0, 8, 16, 64, 72, 128, 136, 192, 200, 208, 256, 264];
    let of_block = of_block.iter().map(|word| block + word);
    session.into_iter().chain(of_block).collect()
}

/// Not atomic: one range's four words, two ready entries, the ids of the return ring, four bytes of data.
fn cells() -> Vec<usize> {
    let at = block().offset();
    let ranges = (0..8).map(|word| at + 320 + word * 8);
    let entries = (0..3).map(|entry| at + 2368 + entry * 8);
    let ids = [4224 + 64, 4224 + 68];
    let data = (0..4).map(|byte| area().data() + byte);
    ranges.chain(entries).chain(ids).chain(data).collect()
}

struct Inner {
    words: Vec<(usize, AtomicU64)>,
    cells: Vec<(usize, UnsafeCell<u64>)>,
}

// SAFETY: the cells check every access themselves; that is what the model is for.
unsafe impl Sync for Inner {}
// SAFETY: as above.
unsafe impl Send for Inner {}

/// Which barriers a side leaves out: for the controls, which must fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without {
    pub full: bool,
    pub after_change: bool,
}

/// One side's handle (std's `Arc`: loom's own cannot be dropped while a control's panic unwinds).
#[derive(Clone)]
pub struct AreaMem {
    inner: Arc<Inner>,
    without: Without,
}

impl AreaMem {
    pub fn new() -> AreaMem {
        AreaMem {
            inner: Arc::new(Inner {
                words: words().into_iter().map(|at| (at, AtomicU64::new(0))).collect(),
                cells: cells().into_iter().map(|at| (at, UnsafeCell::new(0))).collect(),
            }),
            without: Without::default(),
        }
    }

    pub fn without(&self, without: Without) -> AreaMem {
        AreaMem {
            inner: Arc::clone(&self.inner),
            without,
        }
    }

    fn refuse(&self, offset: usize) -> OutOfBounds {
        OutOfBounds {
            offset,
            len: 8,
            size: self.len(),
        }
    }

    fn word(&self, off: usize) -> Result<&AtomicU64, OutOfBounds> {
        let found = self.inner.words.iter().find(|(at, _)| *at == off);
        found.map(|(_, word)| word).ok_or(self.refuse(off))
    }

    fn cell(&self, off: usize) -> Result<&UnsafeCell<u64>, OutOfBounds> {
        let found = self.inner.cells.iter().find(|(at, _)| *at == off);
        found.map(|(_, cell)| cell).ok_or(self.refuse(off))
    }

    pub fn put(&self, off: usize, v: u64) {
        // SAFETY: loom fails the model if another access may run at the same time.
        self.cell(off).unwrap().with_mut(|p| unsafe { *p = v });
    }

    pub fn get(&self, off: usize) -> u64 {
        // SAFETY: loom fails the model if a write may run at the same time.
        self.cell(off).unwrap().with(|p| unsafe { *p })
    }
}

impl SharedMem for AreaMem {
    fn len(&self) -> usize {
        1 << 20
    }

    fn load_u32(&self, off: usize, _: Load) -> Result<u32, OutOfBounds> {
        Ok(self.get(off) as u32)
    }

    fn store_u32(&self, off: usize, v: u32, _: Store) -> Result<(), OutOfBounds> {
        self.put(off, v.into());
        Ok(())
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        Ok(self.get(off))
    }

    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.put(off, v);
        Ok(())
    }

    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        Ok(self.word(off)?.load(Ordering::Acquire))
    }

    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.word(off)?.store(v, Ordering::Release);
        Ok(())
    }

    fn change_word(&self, off: usize, change: Change) -> Result<u64, OutOfBounds> {
        let word = self.word(off)?;
        Ok(match change {
            Change::Add(n) => word.fetch_add(n, Ordering::AcqRel),
            Change::Set(bits) => word.fetch_or(bits, Ordering::AcqRel),
        })
    }

    fn exchange_word(&self, off: usize, expected: u64, new: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        let word = self.word(off)?;
        Ok(word.compare_exchange(expected, new, Ordering::AcqRel, Ordering::Acquire))
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        for (i, byte) in dst.iter_mut().enumerate() {
            *byte = self.get(off + i) as u8;
        }
        Ok(())
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        for (i, byte) in src.iter().enumerate() {
            self.put(off + i, (*byte).into());
        }
        Ok(())
    }

    fn fence_after_change(&self) {
        if !self.without.after_change {
            fence(Ordering::SeqCst);
        }
    }

    fn full_fence(&self) {
        if !self.without.full {
            fence(Ordering::SeqCst);
        }
    }
}
