//! `sys/_lock.h`, `sys/_mutex.h`, `sys/_sx.h`.

use std::ffi::{c_char, c_int, c_void};
use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicU32, AtomicUsize};

/// `struct lock_object`: what all locks start with.
#[repr(C)]
pub struct LockObject {
    /// Name, kept by the caller.
    pub lo_name: *const c_char,
    /// `LO_*` and the class.
    pub lo_flags: AtomicU32,
    /// Recursion depth, written by the owner only.
    pub lo_data: AtomicU32,
    /// Unused: witness is not imitated.
    pub lo_witness: *mut c_void,
}

/// `struct mtx`.
#[repr(C)]
pub struct Mtx {
    /// Name, flags, recursion depth.
    pub lock_object: LockObject,
    /// Owner's thread and `MTX_*` bits.
    pub mtx_lock: AtomicUsize,
}

/// `struct sx`.
#[repr(C)]
pub struct Sx {
    /// Name and flags.
    pub lock_object: LockObject,
    /// Writer's thread, or count of readers, and `SX_*` bits.
    pub sx_lock: AtomicUsize,
}

/// `struct mtx_args`, what `MTX_SYSINIT` leaves for `mtx_sysinit`.
#[repr(C)]
pub struct MtxArgs {
    /// The mutex.
    pub ma_mtx: *mut Mtx,
    /// Its name.
    pub ma_desc: *const c_char,
    /// `MTX_*`.
    pub ma_opts: c_int,
}

/// `struct sx_args`, what `SX_SYSINIT` leaves for `sx_sysinit`.
#[repr(C)]
pub struct SxArgs {
    /// The lock.
    pub sa_sx: *mut Sx,
    /// Its name.
    pub sa_desc: *const c_char,
    /// `SX_*`.
    pub sa_flags: c_int,
}

const _: () = {
    assert!(size_of::<LockObject>() == 24);
    assert!(size_of::<Mtx>() == 32);
    assert!(offset_of!(Mtx, mtx_lock) == 24);
    assert!(size_of::<Sx>() == 32);
    assert!(offset_of!(Sx, sx_lock) == 24);
    assert!(size_of::<MtxArgs>() == 24);
};
