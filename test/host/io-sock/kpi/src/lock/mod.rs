//! Locks: mutex(9) and sx(9), with the rules that FreeBSD checks under INVARIANTS always checked.

mod giant;
mod mtx;
mod mutex_c;
mod sx;

pub use giant::Giant;
pub(crate) use giant::{GiantDropped, giant_object};
pub(crate) use mtx::{Mx, init};
pub use mutex_c::{
    __mtx_assert, __mtx_lock_flags, __mtx_lock_spin_flags, __mtx_trylock_spin_flags, __mtx_unlock_flags,
    __mtx_unlock_spin_flags, _mtx_destroy, _mtx_init, _mtx_trylock_flags_, mtx_sysinit,
};
pub use sx::{
    _sx_assert, _sx_slock, _sx_sunlock, _sx_xlock, _sx_xunlock, sx_destroy, sx_downgrade_, sx_init_flags,
    sx_sysinit, sx_try_slock_, sx_try_upgrade_, sx_try_xlock_,
};
pub(crate) use sx::{Sxl, init as init_sx};

use crate::layout::LockObject;
use crate::panic::die;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

/// `lo_flags` of a lock that was initialised.
const LO_INITIALIZED: u32 = 0x0001_0000;
/// The owner may take it again.
const LO_RECURSABLE: u32 = 0x0008_0000;
const LO_CLASSSHIFT: u32 = 24;
const LO_CLASSMASK: u32 = 0x0f00_0000;
const CLASS_SLEEP_MUTEX: u32 = 1;
const CLASS_SX: u32 = 2;

/// `LA_*`: what an assertion asks.
const LA_UNLOCKED: c_int = 0;
const LA_XLOCKED: c_int = 4;
const LA_RECURSED: c_int = 8;
const LA_NOTRECURSED: c_int = 16;

/// The interlock of a sleep, either kind.
#[derive(Clone, Copy)]
pub(crate) enum Interlock {
    Mutex(Mx),
    Sx(Sxl),
}

impl Interlock {
    /// From the `lock_object` that msleep hands over.
    ///
    /// # Safety
    /// `object` is the first field of a `struct mtx` or `struct sx`.
    pub(crate) unsafe fn from_object(object: NonNull<LockObject>) -> Interlock {
        // SAFETY: the caller's contract.
        let flags = unsafe { object.as_ref() }.lo_flags.load(Ordering::Relaxed);
        match (flags & LO_CLASSMASK) >> LO_CLASSSHIFT {
            // SAFETY: the caller's contract, and the class just read.
            CLASS_SX => Interlock::Sx(unsafe { Sxl::from_raw(object.cast()) }),
            // SAFETY: as above.
            CLASS_SLEEP_MUTEX => Interlock::Mutex(unsafe { Mx::from_raw(object.cast()) }),
            class => die!("a lock of unknown class {class} (never initialised?) was given to sleep"),
        }
    }
}

/// Sets name and flags of a new lock; ends the process when the memory still holds a live one.
fn init_object(object: &mut LockObject, name: *const c_char, flags: u32) {
    let old = object.lo_flags.load(Ordering::Relaxed);
    if old & LO_INITIALIZED != 0 && object.lo_name == name && old & !0x0080_0000 == flags {
        // SAFETY: the same pointer as the caller's, which is a C string.
        let name = unsafe { text(name) };
        die!("lock {name} is initialised a second time without being destroyed");
    }
    object.lo_name = name;
    object.lo_flags.store(flags, Ordering::Relaxed);
    object.lo_data.store(0, Ordering::Relaxed);
    object.lo_witness = std::ptr::null_mut();
}

/// A C string for a message.
///
/// # Safety
/// `s` is null or a C string.
unsafe fn text(s: *const c_char) -> String {
    if s.is_null() {
        return "?".to_owned();
    }
    // SAFETY: the caller's contract.
    unsafe { CStr::from_ptr(s) }.to_string_lossy().into_owned()
}

/// ` at file:line`, when the module was built with them.
fn place(file: *const c_char, line: c_int) -> String {
    if file.is_null() {
        return String::new();
    }
    // SAFETY: `LOCK_FILE` of the headers: a literal.
    format!(" at {}:{line}", unsafe { text(file) })
}
