//! Shared memory that is mapped, and unmapped when dropped.

use core::ffi::c_void;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use qnx_sys as sys;

use crate::decode::last;
use crate::{Errno, Prot, ShmHandle};

/// Mapped shared memory. Other processes change it at any time: it is reached by raw pointers and never by references.
///
/// Dropping it unmaps: whoever keeps pointers into it keeps it too.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// `mmap_handle_pid` - maps the object of a handle that `creator` made for us, without a descriptor: for handles of
    /// [`create_map_only_handle`](crate::ShmObject::create_map_only_handle). The handle is used up. **Blocks** while page tables are made.
    ///
    /// Nothing can be checked first: not for memory offered by a process that is not trusted.
    ///
    /// # Errors
    /// `EACCES` more than the handle has; `ENOENT`, `ESRCH`, `EINVAL` no such handle, not for us, or not by `creator`; `ENOMEM`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `mmap_handle_pid()`.
    pub fn of_handle(handle: ShmHandle, len: usize, prot: Prot, creator: i32) -> Result<Self, Errno> {
        let (nowhere, shared) = (ptr::null_mut(), sys::MAP_SHARED);
        // SAFETY: without MAP_FIXED the system picks an address where nothing is: no memory of ours changes.
        let address =
            unsafe { sys::mmap_handle_pid(nowhere, len, prot.bits(), shared, handle.raw(), creator, 0) };
        Self::from_address(address, len)
    }

    /// An address, or `MAP_FAILED` and errno.
    pub(crate) fn from_address(address: *mut c_void, len: usize) -> Result<Self, Errno> {
        if address == sys::MAP_FAILED {
            return Err(last());
        }
        NonNull::new(address.cast())
            .map(|base| Self { base, len })
            .ok_or(Errno::EIO)
    }

    /// Start and length, without the ownership: nobody unmaps it then but [`from_raw`](Mapping::from_raw) or the process's end.
    #[must_use]
    pub fn into_raw(self) -> (NonNull<u8>, usize) {
        let mapping = ManuallyDrop::new(self);
        (mapping.base, mapping.len)
    }

    /// Takes a mapping over.
    ///
    /// # Safety
    /// `base` and `len` are those of a mapping that nobody else unmaps or will take over.
    #[must_use]
    pub unsafe fn from_raw(base: NonNull<u8>, len: usize) -> Self {
        Self { base, len }
    }

    /// Its start. Good until this is dropped.
    #[must_use]
    pub fn ptr(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True for no bytes, which no mapping has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: this range was mapped for us and is unmapped once; who holds pointers into it was told to keep `self`.
        let _ = unsafe { sys::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

// SAFETY: an address range of the process; mapping and unmapping work from any thread.
unsafe impl Send for Mapping {}
// SAFETY: a shared reference gives the address and the length only.
unsafe impl Sync for Mapping {}
