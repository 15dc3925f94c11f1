//! callout(9): one-shot timers, run by one thread. Handlers must not sleep.

use crate::layout::{Callout, LockObject};
use crate::lock::{Interlock, Mx};
use crate::panic::die;
use crate::thread::{self, Attached};
use crate::time;
use std::ffi::{c_int, c_short, c_void};
use std::ptr::{NonNull, null_mut};
use std::sync::{Condvar, Mutex, MutexGuard, Once};

const ACTIVE: c_short = 0x2;
const PENDING: c_short = 0x4;
const MPSAFE: c_short = 0x8;
const RETURNUNLOCKED: c_short = 0x10;
const CS_DRAIN: c_int = 1;
const C_ABSOLUTE: c_int = 0x200;

type Handler = unsafe extern "C" fn(*mut c_void);

struct Armed {
    at: i64,
    callout: usize,
    sequence: u64,
}

struct Wheel {
    armed: Vec<Armed>,
    /// The callout whose handler runs; 0: none.
    running: usize,
}

/// Also guards the flags and the sequence of every callout.
static WHEEL: Mutex<Wheel> = Mutex::new(Wheel {
    armed: Vec::new(),
    running: 0,
});
static CHANGED: Condvar = Condvar::new();
static FINISHED: Condvar = Condvar::new();

fn wheel() -> MutexGuard<'static, Wheel> {
    WHEEL.lock().unwrap_or_else(|e| e.into_inner())
}

/// Callouts that are armed.
pub(crate) fn armed() -> usize {
    wheel().armed.len()
}

/// Initialises a callout without a lock; `mpsafe` 0: Giant is held while the handler runs.
///
/// # Safety
/// `c` is a `struct callout` that nobody uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callout_init(c: *mut Callout, mpsafe: c_int) {
    let lock = if mpsafe != 0 {
        null_mut()
    } else {
        Mx::giant().as_object().cast_mut()
    };
    // SAFETY: the caller's contract.
    unsafe { _callout_init_lock(c, lock, if mpsafe != 0 { RETURNUNLOCKED.into() } else { 0 }) };
}

/// Initialises a callout whose handler runs with `lock` held, unless that is null.
///
/// # Safety
/// `c` is a `struct callout` that nobody uses; `lock` is null or a lock that outlives it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _callout_init_lock(c: *mut Callout, lock: *mut LockObject, flags: c_int) {
    let fresh = Callout {
        c_func: None,
        c_arg: null_mut(),
        c_lock: lock,
        c_time: 0,
        c_flags: 0,
        c_iflags: flags as c_short & RETURNUNLOCKED | if lock.is_null() { MPSAFE } else { 0 },
        c_cpu: 0,
        c_sequence: 0,
        c_room: 0,
    };
    // SAFETY: the caller's contract.
    unsafe { c.write(fresh) };
}

/// Arms a callout, or arms it anew: 1 = it was armed.
///
/// # Safety
/// `c` was initialised; it stays until it is drained.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callout_reset_sbt_on(
    c: *mut Callout,
    sbt: i64,
    _pr: i64,
    func: Option<Handler>,
    arg: *mut c_void,
    _cpu: c_int,
    flags: c_int,
) -> c_int {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        if let Err(error) = std::thread::Builder::new().name("callout".to_owned()).spawn(run) {
            die!("no thread for callouts: {error}");
        }
    });
    let at = if flags & C_ABSOLUTE != 0 {
        sbt
    } else {
        time::uptime_sbt().saturating_add(sbt.max(0))
    };
    let mut wheel = wheel();
    // SAFETY: the caller's contract; the fields are guarded by the wheel's lock.
    let callout = unsafe { &mut *c };
    let was = disarm(&mut wheel, callout);
    callout.c_func = func;
    callout.c_arg = arg;
    callout.c_time = at;
    callout.c_flags |= ACTIVE;
    callout.c_iflags |= PENDING;
    wheel.armed.push(Armed {
        at,
        callout: c as usize,
        sequence: callout.c_sequence,
    });
    CHANGED.notify_one();
    was.into()
}

/// Arms a callout again with what it had, so many ticks from now.
///
/// # Safety
/// As [`callout_reset_sbt_on`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callout_schedule(c: *mut Callout, ticks: c_int) -> c_int {
    // SAFETY: the caller's contract.
    unsafe {
        let (func, arg) = ((*c).c_func, (*c).c_arg);
        callout_reset_sbt_on(c, time::TICK_SBT * i64::from(ticks), 0, func, arg, -1, 0)
    }
}

/// Takes a callout off the wheel: whether it was on it.
fn disarm(wheel: &mut Wheel, c: &mut Callout) -> bool {
    let at = std::ptr::from_ref(c) as usize;
    c.c_sequence += 1;
    let was = c.c_iflags & PENDING != 0;
    c.c_iflags &= !PENDING;
    wheel.armed.retain(|armed| armed.callout != at);
    was
}

/// Stops a callout: 1 = it will not run, 0 = it runs right now, -1 = it was not armed. With `CS_DRAIN` waits
/// until it does not run any more.
///
/// # Safety
/// `c` was initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _callout_stop_safe(c: *mut Callout, flags: c_int, _drain: Option<Handler>) -> c_int {
    if flags & CS_DRAIN != 0
        && let Some(td) = thread::try_current()
    {
        td.private().may_sleep("callout_drain");
    }
    let mut wheel = wheel();
    // SAFETY: the caller's contract; the fields are guarded by the wheel's lock.
    let callout = unsafe { &mut *c };
    let was = disarm(&mut wheel, callout);
    callout.c_flags &= !ACTIVE;
    let running = wheel.running == c as usize;
    if flags & CS_DRAIN != 0 {
        while wheel.running == c as usize {
            wheel = FINISHED.wait(wheel).unwrap_or_else(|e| e.into_inner());
        }
    }
    match (was, running) {
        (true, _) => 1,
        (false, true) => 0,
        (false, false) => -1,
    }
}

fn run() {
    let _attached = Attached::of_stack("callout");
    let mut guard = wheel();
    loop {
        let now = time::uptime_sbt();
        let Some(first) = guard
            .armed
            .iter()
            .enumerate()
            .min_by_key(|(_, armed)| armed.at)
            .map(|(i, _)| i)
        else {
            guard = CHANGED.wait(guard).unwrap_or_else(|e| e.into_inner());
            continue;
        };
        if guard.armed[first].at > now {
            let span = time::from_sbt(guard.armed[first].at - now);
            guard = CHANGED
                .wait_timeout(guard, span)
                .unwrap_or_else(|e| e.into_inner())
                .0;
            continue;
        }
        let armed = guard.armed.swap_remove(first);
        guard.running = armed.callout;
        drop(guard);
        fire(&armed);
        guard = wheel();
        guard.running = 0;
        FINISHED.notify_all();
    }
}

/// Runs one handler, unless the callout was stopped while its lock was waited for.
fn fire(armed: &Armed) {
    let c = armed.callout as *mut Callout;
    // SAFETY: a callout that is armed or running stays: its owner must drain it, which waits for us.
    let lock = NonNull::new(unsafe { (*c).c_lock });
    // SAFETY: the lock it was initialised with.
    let lock = lock.map(|lock| unsafe { Interlock::from_object(lock) });
    match lock {
        Some(Interlock::Mutex(mx)) => mx.lock(),
        Some(Interlock::Sx(_)) => die!("a callout with an sx lock"),
        None => {}
    }
    let (func, arg, unlocks) = {
        let _wheel = wheel();
        // SAFETY: as above; the fields are guarded by the wheel's lock.
        let callout = unsafe { &mut *c };
        let current = callout.c_sequence == armed.sequence;
        if current {
            callout.c_iflags &= !PENDING;
        }
        (
            callout.c_func.filter(|_| current),
            callout.c_arg,
            callout.c_iflags & RETURNUNLOCKED != 0,
        )
    };
    if let Some(func) = func {
        let call = || {
            // SAFETY: the module's handler and its argument.
            unsafe { func(arg) }
        };
        if unlocks && lock.is_some() {
            call()
        } else {
            thread::current().private().in_callback("a callout", call)
        }
    }
    if let (Some(Interlock::Mutex(mx)), false) = (lock, unlocks && func.is_some()) {
        mx.unlock();
    }
}
