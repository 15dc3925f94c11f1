//! Checked access to the memory of a mapped module.
//!
//! What linker sets point to is data of a file that anybody may have built: an address is used only when the image has memory
//! there. This guards against broken files, not against hostile code: a module runs in this process and can do as it likes.

use crate::elf::Segments;
use std::ops::Range;

/// The memory of one mapped module. Valid as long as the mapping: whoever owns that owns this.
#[derive(Clone, Debug)]
pub struct ModuleMemory {
    base: usize,
    segments: Segments,
}

/// A plain C structure of a linker set: every bit pattern is a value.
///
/// # Safety
/// The type is `repr(C)`, without padding that matters, and valid for any bit pattern.
pub unsafe trait Plain: Copy {}

// SAFETY: integers.
unsafe impl Plain for u64 {}
// SAFETY: integers.
unsafe impl Plain for usize {}
// SAFETY: an array of integers.
unsafe impl Plain for [u32; 4] {}
// SAFETY: integers.
unsafe impl Plain for i32 {}

impl ModuleMemory {
    pub(crate) fn new(base: usize, segments: Segments) -> Self {
        Self { base, segments }
    }

    /// The address in this process of an image address.
    pub fn address(&self, image: u64) -> Option<usize> {
        self.base.checked_add(usize::try_from(image).ok()?)
    }

    /// Where the image lies in this process: first byte to last.
    pub fn span(&self) -> Range<usize> {
        let end = self.segments.loads.last().map_or(0, |load| load.memory.end);
        self.base..self.address(end).unwrap_or(self.base)
    }

    fn image_range(&self, address: usize, len: usize) -> Option<Range<u64>> {
        let start = u64::try_from(address.checked_sub(self.base)?).ok()?;
        Some(start..start.checked_add(u64::try_from(len).ok()?)?)
    }

    /// Whether `len` bytes at `address` are the module's.
    pub fn readable(&self, address: usize, len: usize) -> bool {
        self.image_range(address, len)
            .is_some_and(|range| self.segments.holding(&range).is_some())
    }

    /// Whether `len` bytes at `address` are the module's and can be written.
    pub fn writable(&self, address: usize, len: usize) -> bool {
        self.image_range(address, len)
            .is_some_and(|range| self.segments.writable(&range))
    }

    /// Whether `address` is in the module's code.
    pub fn executable(&self, address: usize) -> bool {
        self.image_range(address, 1)
            .is_some_and(|range| self.segments.executable(range.start))
    }

    /// Copies a structure out.
    pub fn read<T: Plain>(&self, address: usize) -> Option<T> {
        if !self.readable(address, size_of::<T>()) {
            return None;
        }
        let pointer = std::ptr::with_exposed_provenance::<T>(address);
        // SAFETY: the range lies in a mapped segment; `Plain` allows any content and the read needs no alignment.
        Some(unsafe { pointer.read_unaligned() })
    }

    /// Writes a structure into a writable segment; `false` when it is none.
    pub fn write<T: Plain>(&self, address: usize, value: T) -> bool {
        if !self.writable(address, size_of::<T>()) {
            return false;
        }
        let pointer = std::ptr::with_exposed_provenance_mut::<T>(address);
        // SAFETY: the range lies in a writable mapped segment; the write needs no alignment.
        unsafe { pointer.write_unaligned(value) };
        true
    }

    /// Copies a C string out; `None` when it does not end within the segment or is longer than `max` bytes.
    pub fn string(&self, address: usize, max: usize) -> Option<String> {
        let mut bytes = Vec::new();
        for at in 0..=max {
            match self.read::<[u8; 1]>(address.checked_add(at)?)? {
                [0] => return Some(String::from_utf8_lossy(&bytes).into_owned()),
                [byte] => bytes.push(byte),
            }
        }
        None
    }
}

// SAFETY: a byte.
unsafe impl Plain for [u8; 1] {}
