//! sopoll: for threads with select state, which a module's have not.

use super::sockbuf::{SBS_CANTRCVMORE, SBS_CANTSENDMORE};
use super::{SS_ISCONNECTED, So};
use crate::layout::{Thread, Ucred};
use crate::panic::die;
use std::ffi::c_int;

const POLLIN: c_int = 0x1;
const POLLOUT: c_int = 0x4;
const POLLHUP: c_int = 0x10;
const POLLRDNORM: c_int = 0x40;

/// Which of `events` are there. When none is, FreeBSD records the thread for select, which crashes with one
/// that has no select state: so this ends the process.
#[unsafe(no_mangle)]
pub extern "C" fn sopoll(so: So, events: c_int, _cred: *mut Ucred, _td: *mut Thread) -> c_int {
    so.enter("sopoll");
    let mut ready = 0;
    if so.is_listener() {
        so.mutex().lock();
        let queue = so.queue();
        // SAFETY: the listener's lock is held.
        if unsafe { (*queue).sol_qlen } != 0 || so.error() != 0 {
            ready |= events & (POLLIN | POLLRDNORM);
        }
        so.mutex().unlock();
    } else {
        let (snd, rcv) = (so.snd(), so.rcv());
        snd.lock();
        let writable = snd.is(SBS_CANTSENDMORE)
            || snd.space() >= i64::from(snd.lowat()) && (so.is(SS_ISCONNECTED) || !so.is_stream());
        let sent = snd.is(SBS_CANTSENDMORE);
        snd.unlock();
        rcv.lock();
        let readable = rcv.acc() as i64 >= i64::from(rcv.lowat()) || rcv.is(SBS_CANTRCVMORE);
        let closed = rcv.is(SBS_CANTRCVMORE);
        rcv.unlock();
        if readable || so.error() != 0 {
            ready |= events & (POLLIN | POLLRDNORM);
        }
        if writable || so.error() != 0 {
            ready |= events & POLLOUT;
        }
        if closed && sent {
            ready |= POLLHUP;
        }
    }
    if ready == 0 {
        die!("sopoll with nothing ready in a thread without select state: test sbavail and sbspace instead");
    }
    ready
}
