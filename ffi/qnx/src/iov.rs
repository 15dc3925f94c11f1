//! Parts of a message: a slice that the kernel reads, a slice that it fills.

use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use qnx_sys as sys;

/// `iov_t` over bytes that the kernel only reads.
#[repr(transparent)]
pub struct IoSlice<'a> {
    raw: sys::iovec,
    _bytes: PhantomData<&'a [u8]>,
}

/// `iov_t` over bytes that the kernel fills.
#[repr(transparent)]
pub struct IoSliceMut<'a> {
    raw: sys::iovec,
    _bytes: PhantomData<&'a mut [u8]>,
}

impl<'a> IoSlice<'a> {
    /// `SETIOV` - a part of what is sent.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let raw = sys::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        Self {
            raw,
            _bytes: PhantomData,
        }
    }

    /// Where the parts lie, as the array of `iovec` that C takes.
    pub(crate) fn raw(parts: &[Self]) -> *const sys::iovec {
        // `repr(transparent)`: an array of these is an array of iovecs.
        parts.as_ptr().cast()
    }
}

impl<'a> IoSliceMut<'a> {
    /// `SETIOV` - a part of what is received.
    #[must_use]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        let raw = sys::iovec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        };
        Self {
            raw,
            _bytes: PhantomData,
        }
    }

    /// Where the parts lie, as the array of `iovec` that C takes.
    pub(crate) fn raw(parts: &mut [Self]) -> *const sys::iovec {
        // `repr(transparent)`: an array of these is an array of iovecs.
        parts.as_ptr().cast()
    }
}

impl Deref for IoSlice<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: base and length are those of the slice that `new` borrowed for the lifetime of `self`.
        unsafe { core::slice::from_raw_parts(self.raw.iov_base.cast(), self.raw.iov_len) }
    }
}

impl Deref for IoSliceMut<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: base and length are those of the slice that `new` borrowed for the lifetime of `self`.
        unsafe { core::slice::from_raw_parts(self.raw.iov_base.cast(), self.raw.iov_len) }
    }
}

impl DerefMut for IoSliceMut<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: `raw` was made from a slice that this value borrows exclusively.
        unsafe { core::slice::from_raw_parts_mut(self.raw.iov_base.cast(), self.raw.iov_len) }
    }
}

// SAFETY: a shared borrow of bytes, and nothing else.
unsafe impl Send for IoSlice<'_> {}
// SAFETY: a shared borrow of bytes, which any number of threads may read.
unsafe impl Sync for IoSlice<'_> {}
// SAFETY: an exclusive borrow of bytes, and nothing else.
unsafe impl Send for IoSliceMut<'_> {}
// SAFETY: a shared reference to it gives shared access to the bytes only.
unsafe impl Sync for IoSliceMut<'_> {}
