//! time(9): the clocks, and the tick counters that modules read as data.

use crate::layout::{Timespec, Timeval};
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// Ticks in a second.
const HZ: c_int = 1000;
/// One tick as sbintime (seconds in the upper half).
pub(crate) const TICK_SBT: i64 = (1_i64 << 32) / HZ as i64;

/// `hz`.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static hz: c_int = HZ;
/// `tick`: microseconds in a tick.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static tick: c_int = 1_000_000 / HZ;
/// `tick_sbt`.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static tick_sbt: i64 = TICK_SBT;
/// `ticks`. Right after every sleep; a thread that spins on it needs [`start_ticker`].
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static ticks: AtomicI32 = AtomicI32::new(0);
/// `cold`: the system is up.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static cold: c_int = 0;
/// `bootverbose`.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static bootverbose: AtomicI32 = AtomicI32::new(0);

fn now(clock: libc::clockid_t) -> Duration {
    let mut ts = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `ts` is a timespec; both clocks always exist.
    unsafe { libc::clock_gettime(clock, &raw mut ts) };
    Duration::new(ts.tv_sec as u64, ts.tv_nsec as u32)
}

fn uptime() -> Duration {
    now(libc::CLOCK_MONOTONIC)
}

/// Time since boot as sbintime.
pub(crate) fn uptime_sbt() -> i64 {
    to_sbt(uptime())
}

/// A span as sbintime.
pub(crate) fn to_sbt(span: Duration) -> i64 {
    ((span.as_secs() as i64) << 32) + ((u64::from(span.subsec_nanos()) << 32) / 1_000_000_000) as i64
}

/// An sbintime as a span, rounded up; nothing for a negative one.
pub(crate) fn from_sbt(sbt: i64) -> Duration {
    if sbt <= 0 {
        return Duration::ZERO;
    }
    let nanos = ((sbt as u64 & 0xffff_ffff) * 1_000_000_000).div_ceil(1 << 32);
    Duration::from_secs((sbt >> 32) as u64) + Duration::from_nanos(nanos)
}

/// Brings `ticks` up to date.
pub(crate) fn update_ticks() {
    let up = uptime();
    ticks.store(
        (up.as_millis() as u64 * HZ as u64 / 1000) as i32,
        Ordering::Relaxed,
    );
}

/// Keeps `ticks` counting all by itself, for modules that spin on it. The loader calls this when a module
/// imports `ticks`: a thread that wakes once a tick would spoil every count of wake-ups otherwise.
pub fn start_ticker() {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if STARTED.swap(true, Ordering::Relaxed) {
        return;
    }
    let ticker = std::thread::Builder::new().name("ticker".to_owned());
    // Without the thread `ticks` is still right after every sleep.
    let _ = ticker.spawn(|| {
        loop {
            update_ticks();
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

fn timeval(span: Duration) -> Timeval {
    Timeval {
        tv_sec: span.as_secs() as i64,
        tv_usec: span.subsec_micros() as i32,
        pad: 0,
    }
}

fn timespec(span: Duration) -> Timespec {
    Timespec {
        tv_sec: span.as_secs() as i64,
        tv_nsec: span.subsec_nanos().into(),
    }
}

macro_rules! clocks {
    ($($name:ident: $type:ty = $convert:ident($clock:expr), $doc:literal;)*) => {
        $(
            #[doc = $doc]
            /// Any context.
            #[unsafe(no_mangle)]
            pub extern "C" fn $name(to: &mut $type) {
                *to = $convert(now($clock));
            }
        )*
    };
}

clocks! {
    microuptime: Timeval = timeval(libc::CLOCK_MONOTONIC), "Time since boot.";
    getmicrouptime: Timeval = timeval(libc::CLOCK_MONOTONIC), "Time since boot, as of the last tick on FreeBSD.";
    nanouptime: Timespec = timespec(libc::CLOCK_MONOTONIC), "Time since boot.";
    getnanouptime: Timespec = timespec(libc::CLOCK_MONOTONIC), "Time since boot, as of the last tick on FreeBSD.";
    microtime: Timeval = timeval(libc::CLOCK_REALTIME), "Time since 1970.";
    getmicrotime: Timeval = timeval(libc::CLOCK_REALTIME), "Time since 1970, as of the last tick on FreeBSD.";
    nanotime: Timespec = timespec(libc::CLOCK_REALTIME), "Time since 1970.";
    getnanotime: Timespec = timespec(libc::CLOCK_REALTIME), "Time since 1970, as of the last tick on FreeBSD.";
}

/// Time since boot as sbintime. Any context.
#[unsafe(no_mangle)]
pub extern "C" fn sbinuptime() -> i64 {
    uptime_sbt()
}

/// As [`sbinuptime`].
#[unsafe(no_mangle)]
pub extern "C" fn getsbinuptime() -> i64 {
    uptime_sbt()
}

/// Ticks that cover the span, rounded up, at least 1.
#[unsafe(no_mangle)]
pub extern "C" fn tvtohz(tv: &Timeval) -> c_int {
    let micros = tv
        .tv_sec
        .saturating_mul(1_000_000)
        .saturating_add(tv.tv_usec.into());
    let each = i64::from(tick);
    c_int::try_from(micros.saturating_add(each - 1) / each + 1)
        .unwrap_or(c_int::MAX)
        .max(1)
}

/// 1 when at least `mininterval` has passed since the time in `last`, which is then set to now.
#[unsafe(no_mangle)]
pub extern "C" fn ratecheck(last: &mut Timeval, mininterval: &Timeval) -> c_int {
    let span = |tv: &Timeval| Duration::new(tv.tv_sec.max(0) as u64, tv.tv_usec.max(0) as u32 * 1000);
    let up = uptime();
    if span(last) != Duration::ZERO && up < span(last) + span(mininterval) {
        return 0;
    }
    *last = timeval(up);
    1
}

/// 1 while no more than `maxpps` events happened in this second.
#[unsafe(no_mangle)]
pub extern "C" fn ppsratecheck(last: &mut Timeval, pps: &mut c_int, maxpps: c_int) -> c_int {
    let up = uptime();
    if last.tv_sec == 0 || up.as_secs() as i64 > last.tv_sec {
        *last = timeval(up);
        *pps = 1;
        return (maxpps != 0).into();
    }
    *pps += 1;
    (maxpps < 0 || *pps <= maxpps).into()
}

/// Busy for that long.
#[unsafe(no_mangle)]
pub extern "C" fn DELAY(usec: c_int) {
    let until = uptime() + Duration::from_micros(usec.max(0) as u64);
    while uptime() < until {
        std::hint::spin_loop();
    }
}
