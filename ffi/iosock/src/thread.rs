//! The calling thread, as io-sock knows it.

use core::{ffi::c_uint, marker::PhantomData};

/// A thread that io-sock knows: `curthread`. The socket calls act with its credential, so a module must check its client's rights
/// itself, before the call.
#[derive(Clone, Copy, Debug)]
pub struct Thread {
    /// Keeps the value in the thread that asked, since it says something about that thread alone.
    not_send: PhantomData<*const ()>,
}

impl Thread {
    /// The calling thread; `None` in one that io-sock does not know (a raw pthread): no socket call may be made there.
    ///
    /// # Context
    /// Any.
    #[doc(alias = "curthread")]
    pub fn current() -> Option<Self> {
        // SAFETY: reads a per-thread pointer.
        let known = unsafe { !iosock_sys::iosock_shim_curthread().is_null() };
        known.then_some(Self {
            not_send: PhantomData,
        })
    }

    /// The effective user id of its credential (`td_ucred`). 0 passes every privilege check of the stack.
    ///
    /// # Context
    /// Any.
    pub fn uid(self) -> u32 {
        let uid: c_uint = {
            // SAFETY: io-sock knows this thread, by the type.
            unsafe { iosock_sys::iosock_shim_curthread_uid() }
        };
        uid
    }
}
