//! The structs that a module and the stack both touch, as the C headers lay them out.
//!
//! Hand-written after `include/devs`; every offset that `../c/layout.c` asserts of the headers is asserted
//! here of the Rust side.

mod lock;
mod mbuf;
mod misc;
mod socket;
mod thread;

pub use lock::{LockObject, Mtx, MtxArgs, Sx, SxArgs};
pub use mbuf::{ExtFree, MExt, MTag, MbArgs, Mbuf, PktHdr};
pub use misc::{Callout, Iovec, Linger, MallocType, SockOpt, Task, Timespec, Timeval, Uio};
pub use socket::{
    Buffers, PrUsrreqs, Protosw, SoUpcall, SockBuf, Socket, SocketTail, SolistenTail, TailqEntry, TailqHead,
};
pub use thread::{Proc, Thread, Ucred};
