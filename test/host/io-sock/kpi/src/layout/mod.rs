//! The structs that a module and the stack both touch, as the C headers lay them out.
//!
//! Hand-written after `include/`; every offset that `../c/layout.c` asserts of the headers is asserted here of
//! the Rust side. What the FreeBSD bases lay out differently is in `base13.rs` and `base14.rs`, of which one is
//! compiled (`IOSOCK_BASE`).

#[cfg(iosock_base = "13")]
#[path = "base13.rs"]
mod base;
#[cfg(iosock_base = "14")]
#[path = "base14.rs"]
mod base;
mod lock;
mod mbuf;
mod misc;
mod socket;
mod thread;

pub use base::{
    AddressCall, FREEBSD_VERSION, PKTHDR_MORE, PrUsrreqs, Protosw, SO_RCV, SO_SND, SYSCTL_LINK, SYSINIT_LINK,
    SockBuf, Socket,
};
pub(crate) use base::{LOCKS_STAY, locks};
pub use lock::{LockObject, Mtx, MtxArgs, Sx, SxArgs};
pub use mbuf::{ExtFree, MExt, MTag, MbArgs, Mbuf, PktHdr};
pub use misc::{Callout, Iovec, Linger, MallocType, SockOpt, Task, Timespec, Timeval, Uio};
pub use socket::{Buffers, SoUpcall, SocketTail, SolistenTail, TailqEntry, TailqHead};
pub use thread::{Proc, Thread, Ucred};
