//! Administration of a running io-sock: `mount`, `umount`, `ls`, `sysctl`, `stat`, `stop`.
//!
//! On QNX these go through paths and the resource manager. Here they go through a channel of their own, named `dev/io-sock`, and the
//! tool `io-sock-ctl` has their command lines. `wire.rs` says what is sent, `server.rs` answers, `client.rs` asks.

pub mod client;
mod server;
mod wire;

pub use server::{Attached, Running};

use std::ffi::CString;

/// The name of a stack's channel: `dev/WHAT`, below the prefix that the stack was started with. `None` with a NUL in the prefix.
pub fn channel_name(prefix: &str, what: &str) -> Option<CString> {
    let path = format!("{prefix}/dev/{what}");
    CString::new(path.trim_start_matches('/')).ok()
}
