//! Every function that C calls. Each turns C's words into values and calls safe Rust; nothing else in the crate is `extern "C"`.
//!
//! A callback is a function item or a closure that captures nothing, known by its type alone ([`conjure`]): the kernel keeps one or
//! two words for us, and those are the caller's arguments.

use crate::kthread_control::Control;
use core::{
    ffi::{c_int, c_void},
    ptr::NonNull,
};
use iosock_sys::{mbuf, socket};

/// `ext_free` of external mbuf storage.
pub(crate) type ExtFree = unsafe extern "C" fn(*mut mbuf);
/// A socket upcall.
pub(crate) type Upcall = unsafe extern "C" fn(*mut socket, *mut c_void, c_int) -> c_int;

/// What an upcall returns: FreeBSD's `SU_OK`, the same in every base.
const SU_OK: c_int = 0;

/// Makes a value of a callback type. Such a type has no size, so the kernel need not keep the value: its type says which function it is.
fn conjure<F: Copy + 'static>() -> F {
    const {
        assert!(
            size_of::<F>() == 0,
            "a callback must be a plain function or a closure that captures nothing"
        );
    }
    // SAFETY: a value without size may be read from any aligned address. The type has a value: whoever registered the callback had one.
    unsafe { NonNull::<F>::dangling().as_ptr().read() }
}

/// Calls an `F` by its type.
pub(crate) fn call2<F: Fn(usize, usize) + Copy + 'static>(arg1: usize, arg2: usize) {
    conjure::<F>()(arg1, arg2);
}

/// Calls an `F` by its type.
pub(crate) fn call1<F: Fn(usize) + Copy + 'static>(arg: usize) {
    conjure::<F>()(arg);
}

/// The stack lets go of external storage.
///
/// # Safety
/// `m` is the mbuf that [`ExternalBuf::attach`](crate::ExternalBuf) made for this `F`, given by the stack at its last release.
pub(crate) unsafe extern "C" fn ext_free<F: Fn(usize, usize) + Copy + 'static>(m: *mut mbuf) {
    // SAFETY: the stack passes the original mbuf, whose arguments are those that were set.
    let arg1 = unsafe { iosock_sys::iosock_shim_mbuf_ext_arg1(m) };
    // SAFETY: as above.
    let arg2 = unsafe { iosock_sys::iosock_shim_mbuf_ext_arg2(m) };
    call2::<F>(arg1 as usize, arg2 as usize);
}

/// A socket has news.
///
/// # Safety
/// Registered with a word as `arg`, and cleared before that word means something else.
pub(crate) unsafe extern "C" fn upcall<F: Fn(usize) + Copy + 'static>(
    _so: *mut socket,
    arg: *mut c_void,
    _wait: c_int,
) -> c_int {
    call1::<F>(arg as usize);
    SU_OK
}

/// A thread begins.
///
/// # Safety
/// `arg` is the control block that [`Kthread::spawn`](crate::Kthread::spawn) made; it stays until this thread was joined.
pub(crate) unsafe extern "C" fn kthread_main(arg: *mut c_void) {
    // SAFETY: by the caller the block lives until this thread is joined, and nobody has it mutably.
    unsafe { &*arg.cast::<Control>() }.run();
    // SAFETY: kthread_add made this thread, which does nothing after this call.
    unsafe { iosock_sys::iosock_shim_kthread_exit() }
}
