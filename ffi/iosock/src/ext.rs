//! Memory of ours, lent to the stack as external mbuf storage.

use crate::trampoline;
use core::{ffi::c_void, mem};

/// Bytes that the stack may read until it says that it is done: external storage of an mbuf before it is attached, see
/// [`MbufChain::external`](crate::MbufChain::external).
///
/// # Invariants
/// `free` is the trampoline of the callback's type, and is called exactly once with `arg1` and `arg2`: by the stack when the last
/// reference is gone, or by `Drop` when the storage never became part of a chain.
#[derive(Debug)]
#[must_use = "dropping it calls the release callback"]
pub struct ExternalBuf {
    ptr: *const u8,
    len: u32,
    release: fn(usize, usize),
    free: trampoline::ExtFree,
    arg1: usize,
    arg2: usize,
}

// SAFETY: it owns the right to `len` bytes at `ptr`, which by `new`'s contract any thread may read, and words.
unsafe impl Send for ExternalBuf {}

impl ExternalBuf {
    /// Lends `len` bytes at `ptr`. `release(arg1, arg2)` is called exactly once, when the stack and the driver have let go of them,
    /// or when the value is dropped without having been attached.
    ///
    /// `release` must be a plain function (or a closure that captures nothing): the mbuf has room for two words and no more.
    /// Anything else does not compile.
    ///
    /// `release` runs in any thread, also inside [`Socket::send`](crate::Socket::send), with locks of the stack held: it may use
    /// atomics, a leaf [`Mutex`](crate::Mutex) and [`WaitQueue::signal`](crate::WaitQueue::signal), and nothing else.
    ///
    /// # Safety
    /// The `len` bytes at `ptr` stay mapped and readable until `release` is called. They may change meanwhile (the stack then sends
    /// what it happens to read), and no Rust reference to them is made.
    ///
    /// # Context
    /// Any.
    pub unsafe fn new<F>(ptr: *const u8, len: u32, release: F, arg1: usize, arg2: usize) -> Self
    where
        F: Fn(usize, usize) + Copy + Send + Sync + 'static,
    {
        let _ = release;
        // INVARIANT: both are made for the same `F`.
        Self {
            ptr,
            len,
            release: trampoline::call2::<F>,
            free: trampoline::ext_free::<F>,
            arg1,
            arg2,
        }
    }

    /// Bytes lent.
    ///
    /// # Context
    /// Any.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether no byte is lent.
    ///
    /// # Context
    /// Any.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The two words that the callback gets.
    ///
    /// # Context
    /// Any.
    pub const fn args(&self) -> (usize, usize) {
        (self.arg1, self.arg2)
    }

    /// Takes the bytes back. The callback is not called.
    ///
    /// # Context
    /// Any.
    pub fn cancel(self) {
        mem::forget(self);
    }

    /// Attaches the bytes to a new mbuf; `None` when there is none, and then nothing has changed.
    pub(crate) fn attach(&self, wait: i32) -> Option<*mut iosock_sys::mbuf> {
        let (arg1, arg2) = (self.arg1 as *mut c_void, self.arg2 as *mut c_void);
        let buf = self.ptr.cast_mut().cast();
        // SAFETY: by `new`'s contract the bytes outlive the callback; M_RDONLY, which the shim sets, keeps the stack from writing.
        let m = unsafe {
            iosock_sys::iosock_shim_mbuf_external(buf, self.len, Some(self.free), arg1, arg2, wait)
        };
        (!m.is_null()).then_some(m)
    }
}

impl Drop for ExternalBuf {
    /// Calls the release callback: nobody else will.
    fn drop(&mut self) {
        (self.release)(self.arg1, self.arg2);
    }
}
