//! Credentials: `crget`, `crhold`, `crfree`, and the privilege check.

use super::{Td, try_current};
use crate::errno::EPERM;
use crate::layout::{Thread, Ucred};
use crate::panic::die;
use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// Credentials alive.
static ALIVE: AtomicI64 = AtomicI64::new(0);

/// A counted reference to a credential, for Rust callers of the crate.
pub struct Cred(*mut Ucred);

// SAFETY: a credential is not changed after it was made; its count is atomic.
unsafe impl Send for Cred {}

impl Cred {
    /// A credential of `uid` and `gid`.
    pub fn new(uid: i32, gid: i32) -> Cred {
        Cred(new(uid, gid))
    }

    /// The `struct ucred`, valid while this lives.
    pub fn as_ptr(&self) -> *mut Ucred {
        self.0
    }
}

impl Drop for Cred {
    fn drop(&mut self) {
        release(self.0);
    }
}

/// How many credentials have references.
pub(crate) fn alive() -> i64 {
    ALIVE.load(Ordering::Relaxed)
}

pub(super) fn new(uid: i32, gid: i32) -> *mut Ucred {
    ALIVE.fetch_add(1, Ordering::Relaxed);
    Box::into_raw(Box::new(Ucred {
        cr_ref: AtomicU32::new(1),
        cr_uid: uid,
        cr_ruid: uid,
        cr_svuid: uid,
        cr_ngroups: 1,
        cr_rgid: gid,
        cr_svgid: gid,
        cr_flags: 0,
        cr_prison: null_mut(),
        cr_groups: Box::into_raw(Box::new(gid)),
    }))
}

/// A new credential of user 0.
#[unsafe(no_mangle)]
pub extern "C" fn crget() -> *mut Ucred {
    new(0, 0)
}

/// A private copy.
///
/// # Safety
/// The caller has a reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crdup(cr: *mut Ucred) -> *mut Ucred {
    // SAFETY: the caller's contract.
    let (uid, gid) = unsafe { ((*cr).cr_uid, *(*cr).cr_groups) };
    new(uid, gid)
}

/// One more reference.
///
/// # Safety
/// The caller has a reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crhold(cr: *mut Ucred) -> *mut Ucred {
    hold(cr)
}

/// One reference less.
///
/// # Safety
/// The caller has a reference, and gives it up. Null is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn crfree(cr: *mut Ucred) {
    release(cr);
}

/// One more reference to a credential that the caller has a reference to.
pub(crate) fn hold(cr: *mut Ucred) -> *mut Ucred {
    // SAFETY: the caller has a reference.
    let before = unsafe { (*cr).cr_ref.fetch_add(1, Ordering::Relaxed) };
    if before == 0 {
        die!("crhold of a credential that is gone");
    }
    cr
}

/// Gives up a reference of the caller's.
pub(crate) fn release(cr: *mut Ucred) {
    if cr.is_null() {
        return;
    }
    // SAFETY: the caller has a reference.
    let before = unsafe { (*cr).cr_ref.fetch_sub(1, Ordering::AcqRel) };
    if before == 1 {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: that was the last reference; both were made by `new`.
        unsafe {
            drop(Box::from_raw((*cr).cr_groups));
            drop(Box::from_raw(cr));
        }
    }
}

/// 0, or `EPERM`: the stand-in gives every privilege to user 0 and none to others.
///
/// # Safety
/// The caller has a reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn priv_check_cred(cr: *mut Ucred, _privilege: c_int) -> c_int {
    // SAFETY: the caller's contract.
    if unsafe { (*cr).cr_uid } == 0 { 0 } else { EPERM }
}

/// As [`priv_check_cred`], for a thread's credential.
///
/// # Safety
/// `td` is null, which means the calling thread, or a live thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn priv_check(td: *mut Thread, privilege: c_int) -> c_int {
    let td = std::ptr::NonNull::new(td).map(Td).or_else(try_current);
    match td {
        // SAFETY: a thread holds its credential.
        Some(td) => unsafe { priv_check_cred(td.cred(), privilege) },
        None => die!("priv_check without a thread"),
    }
}
