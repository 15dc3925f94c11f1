//! What the C headers need to make QNX's cancellation points out of our calls. Not calls of QNX.
//!
//! No thread is ever cancelled inside Rust code: a call that a cancelled thread is blocked in returns `EINTR` in the usual
//! way, and the header's function around it, which is C, calls `pthread_testcancel`.

use core::ffi::c_int;

use crate::thread;
use crate::thread_block;

/// Makes the calling thread known, so that [`qnx_host_wake_cancelled`] finds it. Called before `pthread_testcancel` on the
/// way into a cancellation point: a cancellation that comes later finds the thread, an earlier one is acted on there.
#[unsafe(no_mangle)]
pub extern "C" fn qnx_host_enlist() {
    thread::tid();
}

/// To be called after a `pthread_cancel` that succeeded: `thread` leaves the cancellation point that it is blocked in.
#[unsafe(no_mangle)]
pub extern "C" fn qnx_host_wake_cancelled(thread: libc::pthread_t) {
    thread_block::wake_cancelled(thread);
}

/// 1 if descriptor `fd` is a connection of the calling process: its reads and writes are messages.
#[unsafe(no_mangle)]
pub extern "C" fn qnx_host_is_connection(fd: c_int) -> c_int {
    c_int::from(crate::resmgr::client::is_connection(fd))
}
