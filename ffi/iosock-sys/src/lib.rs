//! Bindings of the C shims over io-sock's kernel interface (`shim/`). No safe function, no policy; `iosock` is the one user.
//!
//! `src/bindings.rs` is bindgen's output for `shim/iosock_shim.h`, checked in: the header is our own, so it needs no SDP. What each
//! function does, who owns what, and where it may be called from is said in that header.
#![no_std]

mod bindings {
    // bindgen's output is exempt from our lints here, and nowhere else.
    #![allow(
        missing_docs,
        non_camel_case_types,
        non_upper_case_globals,
        clippy::all,
        clippy::undocumented_unsafe_blocks
    )]
    include!("bindings.rs");
}

pub use bindings::*;

// The struct that crosses by value, as `addr.c` asserts it too.
const _: () = {
    assert!(size_of::<iosock_addr>() == 28 && align_of::<iosock_addr>() == 4);
    assert!(core::mem::offset_of!(iosock_addr, port) == 2);
    assert!(core::mem::offset_of!(iosock_addr, addr) == 12);
};
