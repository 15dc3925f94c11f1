//! Compiles C against io-sock's kernel headers, from a build script.
//!
//! Two users: `iosock-sys` compiles its shims with [`shims`], and a module compiles the file that registers it with io-sock with
//! [`Registration`]. Both go through one choice of compiler and headers (`compiler.rs`, `base.rs`), so the two can never disagree. The
//! stand-in reads [`Base`] too.

mod base;
pub mod compiler;
mod registration;
pub mod values;

pub use base::Base;
pub use registration::Registration;
pub use values::Group;

use std::path::PathBuf;

/// Where the shims and `iosock_shim.h` lie.
pub fn shim_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shim")
}

/// The shims that see kernel headers only. One file for each kernel header or concern.
pub const KERNEL_SHIMS: &[&str] = &[
    "addr.c",
    "constants.c",
    "cred.c",
    "env.c",
    "kthread.c",
    "log.c",
    "malloc.c",
    "mbuf.c",
    "mutex.c",
    "sleep.c",
    "sockbuf.c",
    "socket.c",
    "soreceive.c",
    "upcall.c",
];

/// The shims that see libc's headers only: the two sets of headers declare the same names with different types.
pub const LIBC_SHIMS: &[&str] = &["join.c"];

/// Compiles the shims into a static library that the calling crate links. `diag`: for an io-sock built with `INVARIANTS`.
///
/// # Panics
/// When the target is unknown or the compiler fails: a build script's way to fail.
pub fn shims(diag: bool) {
    let dir = shim_dir();
    println!("cargo::rerun-if-changed={}", dir.display());
    let mut kernel = compiler::kernel(diag);
    kernel
        .files(KERNEL_SHIMS.iter().map(|file| dir.join(file)))
        .compile("iosock_shim");
    let mut libc = compiler::libc();
    libc.files(LIBC_SHIMS.iter().map(|file| dir.join(file)))
        .compile("iosock_shim_libc");
}
