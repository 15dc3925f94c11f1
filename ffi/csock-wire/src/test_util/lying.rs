use alloc::boxed::Box;
use alloc::rc::Rc;
use core::cell::RefCell;
use core::fmt;

use super::check;
use crate::shm::{Change, Load, OutOfBounds, SharedMem, Store};

/// A load that the script answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Offset, bytes.
    pub offset: usize,
    /// Width: 4 or 8; 1 for each byte of a copy.
    pub width: usize,
}

type Script = dyn FnMut(Read) -> u64;

/// Answers every load from a script and forgets every store: the peer that writes what it likes at any moment.
/// Accesses outside panic: honest code has no reason to make one.
#[derive(Clone)]
pub struct LyingMem {
    len: usize,
    script: Rc<RefCell<Box<Script>>>,
}

impl LyingMem {
    /// A memory of `len` bytes that answers with `script`; a narrow load takes the low bits.
    #[must_use]
    pub fn new(len: usize, script: impl FnMut(Read) -> u64 + 'static) -> LyingMem {
        LyingMem {
            len,
            script: Rc::new(RefCell::new(Box::new(script))),
        }
    }

    fn lie(&self, offset: usize, width: usize) -> u64 {
        self.inside(offset, width, width);
        (self.script.borrow_mut())(Read { offset, width })
    }

    fn inside(&self, offset: usize, len: usize, align: usize) {
        if let Err(e) = check(offset, len, align, self.len) {
            panic!("the code under test went astray: {e}");
        }
    }
}

impl fmt::Debug for LyingMem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LyingMem")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl SharedMem for LyingMem {
    fn len(&self) -> usize {
        self.len
    }

    fn load_u32(&self, off: usize, _: Load) -> Result<u32, OutOfBounds> {
        Ok(self.lie(off, 4) as u32)
    }

    fn store_u32(&self, off: usize, _: u32, _: Store) -> Result<(), OutOfBounds> {
        self.inside(off, 4, 4);
        Ok(())
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        Ok(self.lie(off, 8))
    }

    fn store_u64(&self, off: usize, _: u64) -> Result<(), OutOfBounds> {
        self.inside(off, 8, 8);
        Ok(())
    }

    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        self.load_u64(off)
    }

    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.store_u64(off, v)
    }

    fn change_word(&self, off: usize, _: Change) -> Result<u64, OutOfBounds> {
        self.load_u64(off)
    }

    fn exchange_word(&self, off: usize, expected: u64, _: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        let found = self.load_u64(off)?;
        Ok(if found == expected { Ok(found) } else { Err(found) })
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        self.inside(off, dst.len(), 1);
        for (i, byte) in dst.iter_mut().enumerate() {
            *byte = self.lie(off + i, 1) as u8;
        }
        Ok(())
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        self.inside(off, src.len(), 1);
        Ok(())
    }
}
