//! Conversions between the widths of lengths. None loses anything on a 64-bit target.

/// A length in memory as a 64-bit number of the wire.
pub(crate) fn widen(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A wire length as a length in memory.
pub(crate) fn length(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// A length in memory as one on the wire, at most `u32::MAX`.
pub(crate) fn short(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
