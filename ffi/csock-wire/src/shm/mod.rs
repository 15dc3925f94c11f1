//! All access to memory that a peer can write: the only file pair (with `bulk.rs`) that touches it.
//!
//! The rule book, after S-01, S-12 and S-47:
//!
//! - Shared memory is never a Rust reference, slice or box, not even for a moment: `&[u8]` promises that the bytes
//!   stay, `&mut` promises that nobody else writes, and the peer breaks both at will. Offsets go in, values come out.
//! - The one exception is an atomic, which promises neither: the words that one side publishes and the other reads are
//!   reached as `AtomicU32` and `AtomicU64`, because they need an order. Everything else is a volatile access of one
//!   machine word, or the bulk copy, which is assembly: the compiler can neither repeat, split nor move such a load.
//! - Every access is bounds- and alignment-checked against a length in private memory. A wrong offset is an error,
//!   never a fault.
//! - Under Miri each access is a relaxed atomic, since Miri calls a volatile race a race.

// The project's one door to shared memory; each block says why it holds.
#![allow(unsafe_code)]

mod bulk;

use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering, compiler_fence, fence};

/// Ordering of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// No ordering.
    Relaxed,
    /// What the peer wrote before its [`Store::Release`] is seen by what follows.
    Acquire,
}

/// Ordering of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// No ordering.
    Relaxed,
    /// What was written before is seen by a peer whose [`Load::Acquire`] sees this.
    Release,
}

/// What an atomic read-modify-write does to a word that both sides may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds, wrapping.
    Add(u64),
    /// Sets bits.
    Set(u64),
}

impl Change {
    /// The word after the change.
    #[must_use]
    pub const fn apply(self, word: u64) -> u64 {
        match self {
            Change::Add(n) => word.wrapping_add(n),
            Change::Set(bits) => word | bits,
        }
    }
}

/// Offsets of the words in a range entry.
const ENTRY_WORDS: [usize; 4] = [0, 8, 16, 24];

/// An access outside the region, or not aligned to its width. Numbers in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds {
    /// Offset asked for.
    pub offset: usize,
    /// Length asked for.
    pub len: usize,
    /// Length of the region.
    pub size: usize,
}

impl fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OutOfBounds { offset, len, size } = self;
        write!(
            f,
            "{len} bytes at offset {offset} are misaligned or outside the {size} bytes of shared memory"
        )
    }
}

impl core::error::Error for OutOfBounds {}

/// Memory that a peer can read and write at the same time. A handle: cloning it clones no memory.
///
/// Offsets and lengths are bytes from the start of the region. No call blocks. A `u32` access must be 4-aligned, a
/// `u64` access 8-aligned; copies need no alignment. Nothing read here may be believed before it is checked.
///
/// The product has one implementation, [`SharedRegion`]; the others (counting, flipping, lying, loom) are for tests.
pub trait SharedMem: Clone {
    /// Length of the region in bytes. Private knowledge, constant for the life of the handle.
    fn len(&self) -> usize;

    /// True when the region has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Loads a `u32`, once.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn load_u32(&self, off: usize, order: Load) -> Result<u32, OutOfBounds>;

    /// Stores a `u32`, once.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn store_u32(&self, off: usize, v: u32, order: Store) -> Result<(), OutOfBounds>;

    /// Loads a `u64`, once, without ordering.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds>;

    /// Stores a `u64`, once, without ordering.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds>;

    /// Loads the four words of a range entry, each once, without ordering.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    fn load_entry(&self, off: usize) -> Result<[u64; 4], OutOfBounds> {
        let [a, b, c, d] = ENTRY_WORDS.map(|word| self.load_u64(off.saturating_add(word)));
        Ok([a?, b?, c?, d?])
    }

    /// Stores the four words of a range entry, each once, without ordering.
    ///
    /// # Errors
    /// [`OutOfBounds`].
    fn store_entry(&self, off: usize, words: [u64; 4]) -> Result<(), OutOfBounds> {
        let ([a, b, c, d], [v, w, x, y]) = (ENTRY_WORDS.map(|word| off.saturating_add(word)), words);
        self.store_u64(a, v)?;
        self.store_u64(b, w)?;
        self.store_u64(c, x)?;
        self.store_u64(d, y)
    }

    /// Copies shared bytes into private memory, each byte once, in no promised order.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds>;

    /// Copies private bytes into shared memory, each byte once, in no promised order.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds>;

    /// Loads a `u64` that the peer publishes, once, with Acquire and in the one order of all sequentially consistent
    /// accesses: what the peer wrote before its [`SharedMem::store_word`] is seen by what follows.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds>;

    /// Publishes a `u64`, once, with Release.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds>;

    /// Changes a `u64` in one atomic, sequentially consistent step and returns what it was. For the client's side: on
    /// machines without a single instruction for it the step is a loop, which a hostile peer could keep going for ever.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn change_word(&self, off: usize, change: Change) -> Result<u64, OutOfBounds>;

    /// Replaces `expected` by `new` in one atomic, sequentially consistent step, one try: `Ok(Err(found))` when
    /// something else was there, or for no reason at all.
    ///
    /// # Errors
    /// [`OutOfBounds`], without any access.
    fn exchange_word(&self, off: usize, expected: u64, new: u64) -> Result<Result<u64, u64>, OutOfBounds>;

    /// Orders a [`SharedMem::change_word`] or a successful [`SharedMem::exchange_word`] before the
    /// [`SharedMem::load_word`] that follows. The product's accesses are sequentially consistent and need no
    /// instruction for that; a memory whose accesses are weaker (loom's) makes it a full barrier.
    fn fence_after_change(&self) {
        compiler_fence(Ordering::SeqCst);
    }

    /// A full barrier (`fence(SeqCst)`): stores before it are seen by the peer before loads after it are done.
    ///
    /// It is part of the memory so that a model of memory can have a model of the barrier.
    fn full_fence(&self) {
        fence(Ordering::SeqCst);
    }
}

/// The product's [`SharedMem`]: a mapping, by address and length.
///
/// # Invariants
/// `base..base + len` is mapped readable and writable for as long as any copy of the value is used, and no Rust
/// reference to any of it exists or will be made.
#[derive(Clone, Copy)]
pub struct SharedRegion {
    base: *mut u8,
    len: usize,
}

// SAFETY: The value is an address; every access through it is atomic, volatile or opaque assembly, and the memory is
// by nature shared with other threads and processes. The invariant keeps it mapped.
unsafe impl Send for SharedRegion {}
// SAFETY: As for Send; the methods that take `&self` never make a reference to plain data in the region.
unsafe impl Sync for SharedRegion {}

impl SharedRegion {
    /// Wraps a mapping of `len` bytes at `base`. Nothing is touched.
    ///
    /// # Safety
    /// - `base..base + len` must be mapped readable and writable, and stay so until the last use of the value and of
    ///   every copy of it. It must not be able to vanish: a sealed anonymous object (S-15).
    /// - No Rust reference to any byte of it may exist while the value or a copy of it is used.
    /// - The region must not lie at the end of the address space: `base + len` must not wrap.
    #[must_use]
    pub const unsafe fn new(base: *mut u8, len: usize) -> SharedRegion {
        // INVARIANT: the caller's promise, word for word.
        SharedRegion { base, len }
    }

    /// The address of `len` bytes at `off`: a raw pointer for external storage and for handing to C.
    ///
    /// The pointer must never become a reference. `len` may be 0.
    ///
    /// # Errors
    /// [`OutOfBounds`] when `off + len` overflows or ends past the region.
    pub fn addr(&self, off: usize, len: usize) -> Result<*mut u8, OutOfBounds> {
        match off.checked_add(len) {
            // `wrapping_add` keeps provenance and, in bounds, is plain addition.
            Some(end) if end <= self.len => Ok(self.base.wrapping_add(off)),
            _ => Err(self.refuse(off, len)),
        }
    }

    /// As [`SharedRegion::addr`] for one `T`, which must be aligned.
    fn word<T>(&self, off: usize) -> Result<*mut T, OutOfBounds> {
        let ptr = self.addr(off, size_of::<T>())?.cast::<T>();
        if ptr.is_aligned() {
            Ok(ptr)
        } else {
            Err(self.refuse(off, size_of::<T>()))
        }
    }

    #[cold]
    const fn refuse(&self, offset: usize, len: usize) -> OutOfBounds {
        OutOfBounds {
            offset,
            len,
            size: self.len,
        }
    }

    /// The `u32` at `off` as an atomic, the only kind of reference allowed into the region.
    fn atomic(&self, off: usize) -> Result<&AtomicU32, OutOfBounds> {
        let ptr = self.word::<u32>(off)?;
        // SAFETY: `word` proved bounds and alignment, the type's invariant proves that it is mapped; an atomic
        // promises nothing about the value, so writes by the peer are no aliasing violation.
        Ok(unsafe { AtomicU32::from_ptr(ptr) })
    }
}

impl SharedRegion {
    /// The `u64` at `off` as an atomic, as [`SharedRegion::atomic`].
    fn atomic_word(&self, off: usize) -> Result<&AtomicU64, OutOfBounds> {
        let ptr = self.word::<u64>(off)?;
        // SAFETY: as in `atomic`.
        Ok(unsafe { AtomicU64::from_ptr(ptr) })
    }
}

impl fmt::Debug for SharedRegion {
    /// Prints the length only: addresses stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedRegion")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl SharedMem for SharedRegion {
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn load_u32(&self, off: usize, order: Load) -> Result<u32, OutOfBounds> {
        let order = match order {
            Load::Relaxed => Ordering::Relaxed,
            Load::Acquire => Ordering::Acquire,
        };
        Ok(self.atomic(off)?.load(order))
    }

    #[inline]
    fn store_u32(&self, off: usize, v: u32, order: Store) -> Result<(), OutOfBounds> {
        let order = match order {
            Store::Relaxed => Ordering::Relaxed,
            Store::Release => Ordering::Release,
        };
        self.atomic(off)?.store(v, order);
        Ok(())
    }

    #[inline]
    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        let ptr = self.word::<u64>(off)?;
        // SAFETY: `word` proved bounds and alignment; the invariant proves that it is mapped and that no reference
        // covers it. Any bit pattern is a u64.
        Ok(unsafe { bulk::load_word(ptr) })
    }

    #[inline]
    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        let ptr = self.word::<u64>(off)?;
        // SAFETY: As for `load_u64`; the mapping is writable.
        unsafe { bulk::store_word(ptr, v) };
        Ok(())
    }

    #[inline]
    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        Ok(self.atomic_word(off)?.load(Ordering::SeqCst))
    }

    #[inline]
    fn store_word(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        self.atomic_word(off)?.store(v, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn change_word(&self, off: usize, change: Change) -> Result<u64, OutOfBounds> {
        let word = self.atomic_word(off)?;
        Ok(match change {
            Change::Add(n) => word.fetch_add(n, Ordering::SeqCst),
            Change::Set(bits) => word.fetch_or(bits, Ordering::SeqCst),
        })
    }

    #[inline]
    fn exchange_word(&self, off: usize, expected: u64, new: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        let word = self.atomic_word(off)?;
        Ok(word.compare_exchange_weak(expected, new, Ordering::SeqCst, Ordering::SeqCst))
    }

    #[inline]
    fn load_entry(&self, off: usize) -> Result<[u64; 4], OutOfBounds> {
        let slot = self.word::<[u64; 4]>(off)?;
        // SAFETY: `word` proved bounds and alignment of all four words; otherwise as for `load_u64`.
        Ok(ENTRY_WORDS.map(|word| unsafe { bulk::load_word(slot.wrapping_byte_add(word).cast()) }))
    }

    #[inline]
    fn store_entry(&self, off: usize, words: [u64; 4]) -> Result<(), OutOfBounds> {
        let slot = self.word::<[u64; 4]>(off)?;
        for (word, v) in ENTRY_WORDS.into_iter().zip(words) {
            // SAFETY: `word` proved bounds and alignment of all four words; otherwise as for `store_u64`.
            unsafe { bulk::store_word(slot.wrapping_byte_add(word).cast(), v) };
        }
        Ok(())
    }

    #[inline]
    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        let src = self.addr(off, dst.len())?;
        // SAFETY: `addr` proved that `src` has `dst.len()` mapped bytes; `dst` is private and exclusive, so it
        // cannot overlap the region, to which no reference exists.
        unsafe { bulk::copy_in(dst.as_mut_ptr(), src, dst.len()) };
        Ok(())
    }

    #[inline]
    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        let dst = self.addr(off, src.len())?;
        // SAFETY: `addr` proved that `dst` has `src.len()` mapped writable bytes; `src` is a private slice, which
        // cannot overlap the region, to which no reference exists.
        unsafe { bulk::copy_out(dst, src.as_ptr(), src.len()) };
        Ok(())
    }
}
