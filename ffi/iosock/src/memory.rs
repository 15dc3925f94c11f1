//! Memory from io-sock's allocator (malloc(9)), of the module's own type: io-sock shows what a module holds, and names what it
//! left behind.

use crate::Errno;
use core::{mem, ops::Deref, ptr::NonNull};

/// A value in memory of io-sock's allocator, freed on drop.
///
/// # Invariants
/// `ptr` came from the shim's malloc with room for a `T`, holds a valid `T`, and is owned.
pub(crate) struct KernelBox<T>(NonNull<T>);

// SAFETY: the box owns its `T` as if it held it directly.
unsafe impl<T: Send> Send for KernelBox<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for KernelBox<T> {}

/// What malloc(9) aligns every allocation to.
const MALLOC_ALIGN: usize = 16;

impl<T> KernelBox<T> {
    /// Sleeps until there is memory; `ENOMEM` where the allocator gives up all the same.
    pub(crate) fn new(value: T) -> Result<Self, Errno> {
        const {
            assert!(align_of::<T>() <= MALLOC_ALIGN && size_of::<T>() > 0);
        }
        // SAFETY: any size may be asked for.
        let raw = unsafe { iosock_sys::iosock_shim_malloc(size_of::<T>(), 1) };
        let ptr = NonNull::new(raw.cast::<T>()).ok_or(Errno::ENOMEM)?;
        // SAFETY: fresh memory of that size, aligned for any `T` that passes the test above.
        unsafe { ptr.write(value) };
        // INVARIANT: written just now.
        Ok(Self(ptr))
    }

    /// The value's address, which stays as long as the box.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }

    /// Gives the memory up without freeing it, for when somebody may still be using it.
    pub(crate) fn leak(self) {
        mem::forget(self);
    }
}

impl<T> Deref for KernelBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the type's invariant.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for KernelBox<T> {
    fn drop(&mut self) {
        // SAFETY: by the type's invariant; nothing reads it afterwards.
        unsafe { self.0.drop_in_place() };
        // SAFETY: from the shim's malloc, and freed once.
        unsafe { iosock_sys::iosock_shim_free(self.0.as_ptr().cast()) };
    }
}
