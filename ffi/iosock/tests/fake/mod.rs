//! The shims, in Rust, for tests of the wrappers alone: ownership, order of calls, threads. They stand where the linker would take
//! the C ones from the archive, so the tests run without io-sock, and under Miri. What a kernel does is tested elsewhere, with the
//! real shims, in the stand-in.
#![allow(
    dead_code,
    clippy::missing_safety_doc,
    clippy::undocumented_unsafe_blocks,
    missing_docs
)]

pub mod kernel;
pub mod mbuf;
pub mod socket;

use std::sync::{Mutex, MutexGuard};

/// Tests that count what the fake does run one at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
