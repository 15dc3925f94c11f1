//! Timeouts and clocks: `docs/qnx-ipc.md` 6 and 12.

use core::ffi::c_int;

use libc::timespec;

use super::calls;
use super::guard::Uncancellable;
use crate::errno::{EOK, Errno};
use crate::sys;
use crate::thread::{self, Timeout};
use crate::types::*;

/// Linux's clock for a QNX one.
fn clock(id: c_int) -> Result<libc::clockid_t, Errno> {
    match id {
        CLOCK_REALTIME => Ok(libc::CLOCK_REALTIME),
        CLOCK_MONOTONIC => Ok(libc::CLOCK_MONOTONIC),
        3 => Ok(libc::CLOCK_PROCESS_CPUTIME_ID),
        4 => Ok(libc::CLOCK_THREAD_CPUTIME_ID),
        _ => Err(Errno::EINVAL),
    }
}

calls! {
    fast SYMBOLS;

    /// `TimerTimeout()`: arms a timeout for this thread's next kernel call. A null time means at once.
    ///
    /// Only SIGEV_UNBLOCK (or no event) is imitated. The time runs on CLOCK_MONOTONIC once armed.
    fn [TimerTimeout] [TimerTimeout_r]
    (id: c_int, flags: u32, notify: *const SigEvent, ntime: *const u64, otime: *mut u64) -> c_int = negative {
        let now = sys::now_ns();
        // SAFETY: the caller's structure or null.
        if let Some(event) = unsafe { notify.as_ref() }
            && !matches!(event.kind(), SIGEV_UNBLOCK | SIGEV_NONE)
        {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the caller's time or null.
        let deadline = match unsafe { ntime.as_ref() } {
            None => now,
            Some(time) if flags & TIMER_ABSTIME != 0 => {
                let there = sys::clock_ns(clock(id)?);
                now.saturating_add(time.saturating_sub(there))
            }
            Some(time) => {
                clock(id)?;
                now.saturating_add(*time)
            }
        };
        let before = thread::take_timeout();
        if !otime.is_null() {
            let left = if before.states == 0 { 0 } else { before.deadline.saturating_sub(now) };
            // SAFETY: the caller's variable.
            unsafe { otime.write(left) };
        }
        thread::arm_timeout(Timeout { states: flags & 0xFF_FFFF, deadline: deadline.min(sys::FOREVER - 1) });
        Ok(EOK)
    }

    /// `clock_gettime()` with QNX's clock numbers (MONOTONIC is 2).
    ["clock_gettime"] fn qnx_clock_gettime(id: c_int, time: *mut timespec) -> c_int = errno {
        let id = clock(id)?;
        if time.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's structure.
        sys::check(unsafe { libc::clock_gettime(id, time) })
    }

    /// `nanosleep()`.
    ["nanosleep"] fn qnx_nanosleep(want: *const timespec, left: *mut timespec) -> c_int = errno {
        let _off = Uncancellable::begin();
        // SAFETY: the caller's structures.
        sys::check(unsafe { libc::nanosleep(want, left) })
    }

    /// `ClockTime()`: reads a clock in nanoseconds. Setting it is not imitated: `EPERM`.
    fn [ClockTime] [ClockTime_r] (id: c_int, new: *const u64, old: *mut u64) -> c_int = negative {
        let id = clock(id)?;
        if !new.is_null() {
            return Err(Errno::EPERM);
        }
        if !old.is_null() {
            // SAFETY: the caller's variable.
            unsafe { old.write(sys::clock_ns(id)) };
        }
        Ok(EOK)
    }

    /// `ClockCycles()`: a counter that runs at `qnx_cycles_per_sec`; here nanoseconds of CLOCK_MONOTONIC.
    ["ClockCycles"] fn ClockCycles() -> u64 = value {
        sys::now_ns()
    }
}

/// Rate of [`ClockCycles`].
#[unsafe(no_mangle)]
pub static qnx_cycles_per_sec: u64 = 1_000_000_000;
