//! Clocks: which there are, and what time one shows.

use qnx_sys as sys;

use crate::Errno;
use crate::decode::minus_one;

/// `CLOCK_*`. The numbers are not Linux's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClockId {
    /// `CLOCK_MONOTONIC`: never set, never goes back.
    Monotonic,
    /// `CLOCK_REALTIME`: the time of day.
    Realtime,
}

impl ClockId {
    /// The number that C knows this clock by.
    #[must_use]
    pub const fn raw(self) -> i32 {
        match self {
            ClockId::Monotonic => sys::CLOCK_MONOTONIC,
            ClockId::Realtime => sys::CLOCK_REALTIME,
        }
    }
}

/// `clock_gettime` - nanoseconds on `clock`. Does not block.
///
/// # Errors
/// `EINVAL` no such clock; `EOVERFLOW` a time before the clock's start.
///
/// # References
/// QNX 8.0 C Library Reference, `clock_gettime()`.
pub fn now(clock: ClockId) -> Result<u64, Errno> {
    let mut time = sys::timespec::default();
    // SAFETY: libc writes one `timespec` to `time`.
    let result = unsafe { sys::clock_gettime(clock.raw(), &mut time) };
    minus_one(result)?;
    let seconds = u64::try_from(time.tv_sec).map_err(|_| Errno::EOVERFLOW)?;
    let nanoseconds = u64::try_from(time.tv_nsec).map_err(|_| Errno::EOVERFLOW)?;
    seconds
        .checked_mul(1_000_000_000)
        .and_then(|ns| ns.checked_add(nanoseconds))
        .ok_or(Errno::EOVERFLOW)
}
