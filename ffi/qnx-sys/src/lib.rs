//! Raw QNX 8 kernel calls and libc, as `bindgen` reads them: types, numbers, functions, and nothing safe.
//!
//! Only `ffi/qnx` and the stand-in `qnx-host` depend on this crate. The bindings come from our own headers in `include/` and are
//! checked in; with feature `sdp` and `QNX_TARGET` set, a build for QNX makes them from the SDP's headers instead (`build.rs`).
//! On Linux the functions that its libc has too and means otherwise (`mmap`, `close`, ...) are the stand-in's `qnx_<name>`.
//!
//! `layout` states every size and offset a second time, by hand; `check_libc` (feature `check-libc`) compares with the `libc` crate.

#![no_std]

#[cfg(not(all(target_pointer_width = "64", target_endian = "little")))]
compile_error!("QNX 8 is 64-bit little endian (x86_64, aarch64) only");
#[cfg(not(any(target_os = "nto", target_os = "qnx", target_os = "linux")))]
compile_error!("the target is QNX (target_os nto or qnx), or Linux with the stand-in qnx-host");

mod generated;
mod layout;
mod pointers;

#[cfg(all(feature = "check-libc", any(target_os = "nto", target_os = "qnx")))]
mod check_libc;

pub use generated::*;
pub use pointers::*;
