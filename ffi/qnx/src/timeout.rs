//! A bound on the next blocking call of this thread.

use core::ptr;

use qnx_sys as sys;

use crate::decode::minus_one;
use crate::{ClockId, Errno, Event, TimeoutFlags};

/// `TimerTimeout` - bounds this thread's next blocking kernel call: it fails with `ETIMEDOUT` after `ns` nanoseconds on `clock` in one
/// of the states of `flags`. Does not block.
///
/// **The next kernel call of the thread and no other**: any call, a log line or a lock in between uses it up. Arm it directly before
/// one of `send`, `sendv`, `receive`, `receivev`, `receive_pulse`, each of which makes exactly one call.
///
/// # Errors
/// `EINVAL` the clock or the flags.
///
/// # References
/// QNX 8.0 C Library Reference, `TimerTimeout()`.
pub fn timeout(clock: ClockId, flags: TimeoutFlags, ns: u64) -> Result<(), Errno> {
    arm(clock, flags, &raw const ns)
}

/// `TimerTimeout` without a time - makes this thread's next blocking kernel call a try: it fails at once with `ETIMEDOUT` where it would
/// block in one of the states of `flags`. Does not block. See [`timeout`] for what "next" means.
///
/// # Errors
/// `EINVAL` the flags.
///
/// # References
/// QNX 8.0 C Library Reference, `TimerTimeout()`.
pub fn no_wait(flags: TimeoutFlags) -> Result<(), Errno> {
    arm(ClockId::Monotonic, flags, ptr::null())
}

fn arm(clock: ClockId, flags: TimeoutFlags, ns: *const u64) -> Result<(), Errno> {
    let unblock = Event::UNBLOCK;
    // SAFETY: the kernel reads one event and, unless null, one u64; it is asked to write nothing.
    let result =
        unsafe { sys::TimerTimeout(clock.raw(), flags.bits(), unblock.as_ptr(), ns, ptr::null_mut()) };
    minus_one(result).map(|_| ())
}
