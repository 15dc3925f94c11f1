//! Sockets over message passing: one `MsgSend` for each call, data in the message, a blocked call costs a thread of io-sock's.
//!
//! This is what libsocket does on QNX, and what csock is compared with. Each byte is copied by the kernel from the client into
//! io-sock's buffer, and once more between that and the stack's mbufs.

mod client;
pub mod wire;

pub use client::{How, Listener, MessagePath, Stream};
pub use qnx::Errno;
