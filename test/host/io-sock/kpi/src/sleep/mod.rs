//! sleep(9): sleeping on a channel, any address, and waking whoever sleeps there.
//!
//! A sleeper is queued under its channel *before* its interlock is released, so a wakeup that is sent with
//! the interlock held can never be lost. One that is sent without it can, as in FreeBSD.

mod queue;

pub(crate) use queue::{Woken, block, interrupt, wakeup};

use crate::errno::{EINTR, EWOULDBLOCK};
use crate::layout::LockObject;
use crate::lock::{GiantDropped, Interlock};
use crate::panic::die;
use crate::thread;
use crate::time;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{NonNull, null};

const PCATCH: c_int = 0x100;
const PDROP: c_int = 0x200;
const C_ABSOLUTE: c_int = 0x200;

/// `msleep`, `tsleep` and their relatives.
///
/// # Safety
/// `lock` is null or the first field of a `struct mtx` or `struct sx`; `wmesg` is null or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _sleep(
    chan: *const c_void,
    lock: *mut LockObject,
    pri: c_int,
    wmesg: *const c_char,
    sbt: i64,
    _pr: i64,
    flags: c_int,
) -> c_int {
    if chan.is_null() {
        die!("sleep on a null channel");
    }
    // SAFETY: the caller's contract.
    let interlock = NonNull::new(lock).map(|lock| unsafe { Interlock::from_object(lock) });
    let wmesg = if wmesg.is_null() {
        c"-"
    } else {
        // SAFETY: the caller's contract; the text outlives the sleep.
        unsafe { CStr::from_ptr(wmesg) }
    };
    sleep(chan, interlock, pri, wmesg, sbt, flags)
}

/// What [`_sleep`] does, for the stack itself.
pub(crate) fn sleep(
    chan: *const c_void,
    interlock: Option<Interlock>,
    pri: c_int,
    wmesg: &CStr,
    sbt: i64,
    flags: c_int,
) -> c_int {
    let td = thread::current();
    match interlock {
        Some(Interlock::Mutex(mx)) => {
            mx.must_own_once("sleep");
            td.private().may_sleep_with("sleep", mx.as_object());
        }
        _ => td.private().may_sleep_with("sleep", null()),
    }
    let limit = match (sbt, flags & C_ABSOLUTE != 0) {
        (0, false) => None,
        (at, true) => Some(time::from_sbt(at.saturating_sub(time::uptime_sbt()))),
        (span, false) => Some(time::from_sbt(span)),
    };
    let mut giant = None;
    let mut was_exclusive = false;
    let woken = block(chan, wmesg, pri & PCATCH != 0, limit, || {
        match interlock {
            Some(Interlock::Mutex(mx)) => mx.unlock(),
            Some(Interlock::Sx(sx)) => was_exclusive = sx.release(),
            None => {}
        }
        giant = Some(GiantDropped::new());
        true
    });
    drop(giant);
    if pri & PDROP == 0 {
        match interlock {
            Some(Interlock::Mutex(mx)) if mx.as_object() != crate::lock::giant_object() => mx.lock(),
            Some(Interlock::Mutex(giant)) => giant.lock(),
            Some(Interlock::Sx(sx)) => sx.reacquire(was_exclusive),
            None => {}
        }
    }
    match woken {
        Woken::Awake => 0,
        Woken::TimedOut => EWOULDBLOCK,
        Woken::Interrupted => EINTR,
    }
}

/// Asleep for sure that long: `EWOULDBLOCK`, or `EINTR` with `C_CATCH`.
///
/// # Safety
/// `wmesg` is null or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pause_sbt(wmesg: *const c_char, sbt: i64, pr: i64, flags: c_int) -> c_int {
    const C_CATCH: c_int = 0x800;
    let pri = if flags & C_CATCH != 0 { PCATCH } else { 0 };
    // Nobody else knows this channel.
    let td = thread::current();
    let own: *const c_void = std::ptr::from_ref(td.private()).cast();
    let sbt = if sbt <= 0 { crate::time::TICK_SBT } else { sbt };
    // SAFETY: the caller's contract; there is no interlock.
    unsafe { _sleep(own, std::ptr::null_mut(), pri, wmesg, sbt, pr, flags & C_ABSOLUTE) }
}

/// Wakes all who sleep on `chan`. Any context.
#[unsafe(export_name = "wakeup")]
pub extern "C" fn kpi_wakeup(chan: *const c_void) {
    queue::wakeup(chan);
}

/// Wakes who has slept longest on `chan`. Any context.
#[unsafe(no_mangle)]
pub extern "C" fn wakeup_one(chan: *const c_void) {
    queue::wakeup_some(chan, 1);
}

/// Wakes any one who sleeps on `chan`. Any context.
#[unsafe(no_mangle)]
pub extern "C" fn wakeup_any(chan: *const c_void) {
    queue::wakeup_some(chan, 1);
}
