//! Upcalls: the stack tells that a socket has news. See [`Socket::set_recv_upcall`](crate::Socket::set_recv_upcall).

use crate::trampoline;
use core::ffi::c_void;
use iosock_sys::socket;

/// A callback and its word, as the shims take them.
pub(crate) struct Registration {
    pub(crate) upcall: iosock_sys::iosock_upcall,
    pub(crate) arg: *mut c_void,
}

impl Registration {
    /// `upcall` must be a plain function or a closure that captures nothing; anything else does not compile.
    pub(crate) fn new<F: Fn(usize) + Copy + Send + Sync + 'static>(upcall: F, arg: usize) -> Self {
        let _ = upcall;
        let upcall: trampoline::Upcall = trampoline::upcall::<F>;
        Self {
            upcall: Some(upcall),
            arg: arg as *mut c_void,
        }
    }
}

/// Clears both upcalls of a socket. When this returns none is running, and none will.
///
/// # Safety
/// `so` is a socket that lives and does not listen.
pub(crate) unsafe fn clear_socket(so: *mut socket) {
    // SAFETY: by the caller.
    unsafe { iosock_sys::iosock_shim_upcall_clear_receive(so) };
    // SAFETY: by the caller.
    unsafe { iosock_sys::iosock_shim_upcall_clear_send(so) };
}
