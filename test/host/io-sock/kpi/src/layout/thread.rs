//! `sys/proc.h`, `sys/ucred.h`.

use crate::thread::Private;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem::{offset_of, size_of};
use std::sync::atomic::{AtomicPtr, AtomicU32};

/// `struct ucred`. Never changed once somebody else has a reference.
#[repr(C)]
pub struct Ucred {
    /// References.
    pub cr_ref: AtomicU32,
    /// Effective user.
    pub cr_uid: i32,
    /// Real user.
    pub cr_ruid: i32,
    /// Saved user.
    pub cr_svuid: i32,
    /// Groups.
    pub cr_ngroups: c_int,
    /// Real group.
    pub cr_rgid: i32,
    /// Saved group.
    pub cr_svgid: i32,
    /// Unused.
    pub cr_flags: c_int,
    /// Unused.
    pub cr_prison: *mut c_void,
    /// The groups; the first is the effective one.
    pub cr_groups: *mut i32,
}

/// `struct proc`.
#[repr(C)]
pub struct Proc {
    /// Credential.
    pub p_ucred: *mut Ucred,
    /// Process id.
    pub p_pid: i32,
    /// Unused.
    pub p_flag: c_int,
    /// Name.
    pub p_comm: [c_char; 20],
}

/// `struct thread`. The memory of one is used again, but never given back.
#[repr(C)]
pub struct Thread {
    /// Process.
    pub td_proc: *mut Proc,
    /// Credential that calls act with.
    pub td_ucred: *mut Ucred,
    /// What `pthread_join` takes.
    pub td_pt_tid: c_int,
    /// Linux thread id.
    pub td_tid: i32,
    /// Unused.
    pub td_flags: c_int,
    /// Unused.
    pub td_pflags: c_int,
    /// Locks held.
    pub td_locks: u32,
    /// Unused.
    pub td_priority: c_int,
    /// Messages sent and received, and two unused counts.
    pub td_ru: [c_long; 4],
    /// Unused.
    pub td_retval: [i64; 2],
    /// Channel that it sleeps on.
    pub td_wchan: AtomicPtr<c_void>,
    /// Why.
    pub td_wmesg: *const c_char,
    /// Name.
    pub td_name: [c_char; 20],
    /// What the headers do not show.
    pub td_private: *mut Private,
}

const _: () = {
    assert!(size_of::<Thread>() == 136);
    assert!(offset_of!(Thread, td_pt_tid) == 16);
    assert!(offset_of!(Thread, td_locks) == 32);
    assert!(offset_of!(Thread, td_ru) == 40);
    assert!(offset_of!(Thread, td_retval) == 72);
    assert!(offset_of!(Thread, td_wchan) == 88);
    assert!(offset_of!(Thread, td_name) == 104);
    assert!(offset_of!(Thread, td_private) == 128);
    assert!(size_of::<Ucred>() == 48);
    assert!(offset_of!(Ucred, cr_groups) == 40);
    assert!(size_of::<Proc>() == 40);
};
