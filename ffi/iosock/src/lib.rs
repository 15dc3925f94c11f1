//! Safe wrappers over io-sock's kernel interface: what a module written in Rust needs, and no policy.
//!
//! io-sock is FreeBSD's network stack as a QNX process; a module is a shared object inside it. A panic, a fault or a blocked upcall
//! in a module takes the machine's network down, so nothing here panics, and ownership is in the types:
//!
//! - [`MbufChain`] frees itself, and [`Socket::send`] consumes it, whatever the result.
//! - [`ExternalBuf`] lends memory to the stack and says once, by its callback, that it is free again; [`ExternalRange`] sends it
//!   piece by piece under that one callback.
//! - [`Socket`] and [`Listener`] are two types: the buffers of a listener do not exist. Both clear their upcalls, then close.
//! - [`Kthread`] stops and joins on drop.
//! - [`WaitQueue`] sleeps until a signal, and loses none.
//! - [`Module`] and [`register_module!`] make a crate a module.
//!
//! Every method has a `# Context` line: whether it may sleep, whether an upcall or an external-storage callback may call it, and
//! which locks it takes. "Any context" includes both, whatever locks the stack holds. "Sleeps" means: only from a thread that
//! io-sock knows (one of [`Kthread`], or one that io-sock itself brought in), with no [`Mutex`] held.
//!
//! See socket(9), mbuf(9), kthread(9), mutex(9), sleep(9) of FreeBSD 13 for the calls below.
#![no_std]
#![deny(
    unsafe_op_in_unsafe_fn,
    clippy::multiple_unsafe_ops_per_block,
    clippy::indexing_slicing
)]

#[cfg(test)]
extern crate std;

mod abi;
mod addr;
mod errno;
mod ext;
mod ext_range;
mod format;
mod kthread;
mod kthread_control;
mod listener;
mod log;
mod mbuf;
mod memory;
mod module;
mod mutex;
mod option;
mod raw_copy;
mod segment;
mod socket;
mod thread;
mod time;
mod trampoline;
mod tunable;
mod upcall;
mod wait;

pub use abi::{AbiMismatch, FREEBSD_VERSION_RANGE, check_abi, freebsd_version};
pub use addr::SockAddr;
pub use errno::Errno;
pub use ext::ExternalBuf;
pub use ext_range::ExternalRange;
pub use format::LineBuf;
pub use kthread::Kthread;
pub use kthread_control::StopFlag;
pub use listener::Listener;
pub use log::{Level, log};
pub use mbuf::{MbufChain, Wait};
pub use module::{__private, Module};
pub use mutex::{Mutex, MutexGuard};
pub use option::SocketOption;
pub use segment::{Segment, Segments};
pub use socket::{
    Domain, How, Protocol, Received, ReceivedFlags, RecvFlags, SendFlags, Socket, SocketState, SocketType,
};
pub use thread::Thread;
pub use time::uptime_ns;
pub use tunable::{tunable_int, tunable_str};
pub use wait::WaitQueue;
