//! Compares what Rust believes of io-sock with what the shims were compiled against.

use crate::{errno, log::Level, option};

/// The FreeBSD bases (`__FreeBSD_version`) that the shims were written for: 13 and 14.
pub const FREEBSD_VERSION_RANGE: core::ops::Range<i32> = 1_300_000..1_500_000;

/// A constant that differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AbiMismatch {
    /// The C constant.
    pub name: &'static str,
    /// What Rust was written for.
    pub expected: i32,
    /// What the headers say.
    pub found: i32,
}

/// `__FreeBSD_version` of the headers that the shims were compiled against: which base io-sock has.
///
/// # Context
/// Any.
pub fn freebsd_version() -> i32 {
    // SAFETY: a constant of the shims, never written.
    unsafe { iosock_sys::iosock_const_freebsd_version }
}

/// Compares every constant that Rust uses with the shims' headers. [`register_module!`](crate::register_module) does so on load.
///
/// # Errors
/// The first that differs.
///
/// # Context
/// Any.
pub fn check_abi() -> Result<(), AbiMismatch> {
    let version = freebsd_version();
    if !FREEBSD_VERSION_RANGE.contains(&version) {
        let expected = FREEBSD_VERSION_RANGE.start;
        return Err(AbiMismatch {
            name: "__FreeBSD_version",
            expected,
            found: version,
        });
    }
    let pairs = errno::pairs()
        .chain(option::pairs())
        .chain(Level::pairs())
        .chain(crate::raw_copy::pairs())
        .chain(crate::socket::pairs());
    for (name, expected, found) in pairs {
        if expected != found {
            return Err(AbiMismatch {
                name,
                expected,
                found,
            });
        }
    }
    Ok(())
}
