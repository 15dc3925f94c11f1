//! "There is work" without a message: dirty bits, and a word that says whether the module sleeps.

use core::sync::atomic::Ordering;

#[cfg(loom)]
use loom::sync::atomic::AtomicU64;

#[cfg(not(loom))]
use core::sync::atomic::AtomicU64;

use super::{Area, StreamFault, TRIES};
use crate::shm::{Change, OutOfBounds, SharedMem};

/// Bit of the session's own dirty word: receive buffers came back.
const RETURNS: u64 = 1;
/// Set in `armed` while the module sleeps; above it counts how often it has gone to sleep.
const ASLEEP: u64 = 1;

/// The client's side: one for a session, used by all its threads.
#[derive(Debug)]
pub struct Bell<M: SharedMem> {
    mem: M,
    /// The value of `armed` that somebody of this process has rung for.
    rung: AtomicU64,
}

impl<M: SharedMem> Bell<M> {
    /// For a session whose module has never slept.
    pub fn new(mem: M) -> Bell<M> {
        Bell {
            mem,
            rung: AtomicU64::new(0),
        }
    }

    /// Says that the socket with block `index` has work. True: the module sleeps and nobody has rung since; the caller
    /// must ring. What the caller committed before is seen by the look that follows.
    ///
    /// # Errors
    /// [`OutOfBounds`] for a block that the area does not have.
    #[inline]
    pub fn mark(&self, index: u32) -> Result<bool, OutOfBounds> {
        let word = usize::try_from(index >> 6)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        self.set(word, 1u64.wrapping_shl(index & 63))
    }

    /// Says that receive buffers came back. As [`Bell::mark`].
    ///
    /// # Errors
    /// [`OutOfBounds`] when the memory is no area.
    pub fn mark_returns(&self) -> Result<bool, OutOfBounds> {
        self.set(0, RETURNS)
    }

    #[inline]
    fn set(&self, word: usize, bit: u64) -> Result<bool, OutOfBounds> {
        let at = Area::dirty(word);
        // A bit that is set already is as good as one that we set: the module reads the socket's words only after it
        // has cleared the bit, and it has not cleared it yet.
        self.mem.fence_after_change();
        if self.mem.load_word(at)? & bit == 0 {
            self.mem.change_word(at, Change::Set(bit))?;
            self.mem.fence_after_change();
        }
        let armed = self.mem.load_word(Area::armed())?;
        if armed & ASLEEP == 0 {
            return Ok(false);
        }
        Ok(self.first(armed))
    }

    /// One thread rings for each time that the module goes to sleep.
    #[cold]
    fn first(&self, armed: u64) -> bool {
        let rung = self.rung.load(Ordering::Relaxed);
        rung < armed
            && self
                .rung
                .compare_exchange(rung, armed, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }
}

/// The module's side: one for a session, used by the worker that serves it.
#[derive(Debug)]
pub struct Watch {
    words: usize,
    /// What `armed` holds.
    armed: u64,
}

impl Watch {
    /// Awake, over no area yet.
    #[must_use]
    pub const fn new() -> Watch {
        Watch { words: 0, armed: 0 }
    }

    /// Awake, over a fresh area.
    pub fn start(&mut self, area: &Area) {
        *self = Watch {
            words: area.dirty_words(),
            armed: 0,
        };
    }

    /// Clears the dirty bits and calls `dirty` with the index of every block that was marked. The result says whether
    /// receive buffers came back. A client that keeps changing a word cannot keep us: its bits then stay for the next
    /// look.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area that it was made for.
    pub fn drain<M: SharedMem>(&self, mem: &M, mut dirty: impl FnMut(u32)) -> Result<bool, StreamFault> {
        let mut returns = false;
        for word in 0..self.words {
            let mut bits = take(mem, Area::dirty(word))?;
            if word == 0 {
                returns = bits & RETURNS != 0;
                continue;
            }
            let base = u32::try_from(word.saturating_sub(1))
                .unwrap_or(0)
                .saturating_mul(64);
            while bits != 0 {
                dirty(base.saturating_add(bits.trailing_zeros()));
                bits &= bits.wrapping_sub(1);
            }
        }
        mem.fence_after_change();
        Ok(returns)
    }

    /// Whether any bit is set now.
    ///
    /// # Errors
    /// As [`Watch::drain`].
    pub fn any<M: SharedMem>(&self, mem: &M) -> Result<bool, StreamFault> {
        for word in 0..self.words {
            if mem.load_word(Area::dirty(word))? != 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Asks the client to ring from now on. False: there is work already, and the module stays awake.
    ///
    /// # Errors
    /// As [`Watch::drain`].
    pub fn arm<M: SharedMem>(&mut self, mem: &M) -> Result<bool, StreamFault> {
        if self.armed & ASLEEP == 0 {
            self.armed = self.armed.saturating_add(2) | ASLEEP;
            mem.store_word(Area::armed(), self.armed)?;
        }
        mem.full_fence();
        if self.any(mem)? {
            self.wake(mem)?;
            return Ok(false);
        }
        Ok(true)
    }

    /// The module is awake: nobody need ring.
    ///
    /// # Errors
    /// As [`Watch::drain`].
    pub fn wake<M: SharedMem>(&mut self, mem: &M) -> Result<(), StreamFault> {
        if self.armed & ASLEEP != 0 {
            self.armed &= !ASLEEP;
            mem.store_word(Area::armed(), self.armed)?;
        }
        Ok(())
    }

    /// The module sleeps, as far as the client knows.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.armed & ASLEEP != 0
    }
}

impl Default for Watch {
    fn default() -> Watch {
        Watch::new()
    }
}

/// Takes all bits of a word that a client sets bits in.
fn take<M: SharedMem>(mem: &M, at: usize) -> Result<u64, OutOfBounds> {
    let mut bits = mem.load_word(at)?;
    let mut tries = 0;
    while bits != 0 && tries < TRIES {
        match mem.exchange_word(at, bits, 0)? {
            Ok(_) => return Ok(bits),
            Err(found) => bits = found,
        }
        tries = tries.saturating_add(1);
    }
    Ok(bits)
}
