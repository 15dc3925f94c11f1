//! A piece of memory shared between the two sides of a connection, reached by offset only.
//!
//! The peer may write to it at any time. Control words are atomics, payload is copied through raw pointers; no Rust
//! reference to plain data in it is ever made.

use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::errno::Errno;
use crate::fds::{Fd, generation};
use crate::layout::lane;
use crate::shared_slot::SharedSlot;

/// A shared mapping. Unmapped on drop, unless a fork has happened since (children do not have it).
#[derive(Debug)]
pub struct Region {
    base: *mut u8,
    len: usize,
    generation: u32,
}

// SAFETY: the mapping is plain memory; all access goes through atomics or copies that tolerate concurrent writers.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Maps `len` bytes of a memory file for reading and writing.
    pub fn map(fd: &Fd, len: usize) -> Result<Region, Errno> {
        Region::map_with(
            fd.raw(),
            len,
            libc::MAP_SHARED,
            libc::PROT_READ | libc::PROT_WRITE,
        )
    }

    /// Maps `len` bytes of a memory file that only its maker writes to: a store through this mapping would be a fault.
    pub fn map_to_read(fd: &Fd, len: usize) -> Result<Region, Errno> {
        Region::map_with(fd.raw(), len, libc::MAP_SHARED, libc::PROT_READ)
    }

    /// Memory for a connection inside one process.
    pub fn private(len: usize) -> Result<Region, Errno> {
        let shared = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        Region::map_with(-1, len, shared, libc::PROT_READ | libc::PROT_WRITE)
    }

    fn map_with(fd: i32, len: usize, flags: i32, protection: i32) -> Result<Region, Errno> {
        // SAFETY: a new mapping at an address that the kernel chooses.
        let base = unsafe { libc::mmap(ptr::null_mut(), len, protection, flags, fd, 0) };
        if base == libc::MAP_FAILED {
            return Err(Errno::last_linux());
        }
        // A forked child has no business in its parent's connections. Failure only costs that protection.
        // SAFETY: exactly the range just mapped.
        unsafe { libc::madvise(base, len, libc::MADV_DONTFORK) };
        Ok(Region {
            base: base.cast(),
            len,
            generation: generation(),
        })
    }

    /// Address of `len` bytes at `offset`. Offsets come from constants and checked indices of ours, never from the peer.
    #[inline]
    pub fn at(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(
            offset <= self.len && len <= self.len - offset,
            "region offset {offset}+{len} beyond {}",
            self.len
        );
        // SAFETY: inside the mapping, as just checked.
        unsafe { self.base.add(offset) }
    }

    /// Message slot `slot` of a lane.
    #[inline]
    pub fn slot(&self, slot: usize) -> &SharedSlot {
        assert!(
            slot < lane::SLOTS && self.len >= lane::LEN,
            "slot {slot} of {} in {} bytes",
            lane::SLOTS,
            self.len
        );
        // SAFETY: in bounds (slots lie within a lane, and the mapping is at least that long), aligned to a page, mapped for our lifetime;
        // atomics and UnsafeCell take any content, and changes by the other process.
        unsafe { &*self.base.add(lane::slot(slot)).cast() }
    }

    /// The 32-bit word at `offset` (a multiple of 4).
    #[inline]
    pub fn u32(&self, offset: usize) -> &AtomicU32 {
        debug_assert!(offset.is_multiple_of(4));
        // SAFETY: in bounds (checked by `at`), aligned (page-aligned base plus a multiple of 4), mapped for our lifetime.
        unsafe { AtomicU32::from_ptr(self.at(offset, 4).cast()) }
    }

    /// The 64-bit word at `offset` (a multiple of 8).
    #[inline]
    pub fn u64(&self, offset: usize) -> &AtomicU64 {
        debug_assert!(offset.is_multiple_of(8));
        // SAFETY: as for `u32`.
        unsafe { AtomicU64::from_ptr(self.at(offset, 8).cast()) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        if self.generation == generation() {
            // SAFETY: our own mapping, unmapped once; no reference into it outlives `self`.
            unsafe { libc::munmap(self.base.cast(), self.len) };
        }
    }
}
