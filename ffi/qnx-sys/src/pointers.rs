//! Numbers that C writes as pointers, which bindgen leaves out.

use core::ffi::{c_char, c_void};

/// `SHM_ANON`: in the place of a name, asks `shm_open` for an object without one.
pub const SHM_ANON: *const c_char = core::ptr::without_provenance(usize::MAX);
/// `MAP_FAILED`: what `mmap` and its kin return instead of an address.
pub const MAP_FAILED: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);
