//! The clock (microtime(9)).

/// Nanoseconds since some moment in the past (`nanouptime`); never goes back.
///
/// # Context
/// Any.
pub fn uptime_ns() -> u64 {
    // SAFETY: reads a clock.
    unsafe { iosock_sys::iosock_shim_uptime_ns() }
}
