//! Giant: the mutex that module event handlers run under, given up in every sleep.

use super::{CLASS_SLEEP_MUTEX, LO_CLASSSHIFT, LO_INITIALIZED, LO_RECURSABLE, Mx};
use crate::layout::{LockObject, Mtx};
use std::sync::atomic::{AtomicU32, AtomicUsize};

/// Held while module event handlers run.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static mut Giant: Mtx = Mtx {
    lock_object: LockObject {
        lo_name: c"Giant".as_ptr(),
        lo_flags: AtomicU32::new(LO_INITIALIZED | LO_RECURSABLE | CLASS_SLEEP_MUTEX << LO_CLASSSHIFT),
        lo_data: AtomicU32::new(0),
        lo_witness: std::ptr::null_mut(),
    },
    mtx_lock: AtomicUsize::new(0),
};

pub(crate) fn giant_object() -> *const LockObject {
    (&raw const Giant).cast()
}

/// Giant, given up for a sleep and taken again when this is dropped.
pub(crate) struct GiantDropped(u32);

impl GiantDropped {
    /// Gives Giant up if the calling thread holds it.
    pub(crate) fn new() -> GiantDropped {
        let giant = Mx::giant();
        let mut times = 0;
        while giant.owned() {
            giant.unlock();
            times += 1;
        }
        GiantDropped(times)
    }
}

impl Drop for GiantDropped {
    fn drop(&mut self) {
        for _ in 0..self.0 {
            Mx::giant().lock();
        }
    }
}
