//! The system log (log(9)); on QNX it is read with `slog2info`.

use core::ffi::c_int;

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(i32)]
pub enum Level {
    /// `LOG_ERR`.
    Error = 3,
    /// `LOG_WARNING`.
    Warning = 4,
    /// `LOG_INFO`.
    Info = 6,
    /// `LOG_DEBUG`.
    Debug = 7,
}

impl Level {
    /// Each constant with its number in the headers that the shims were compiled against.
    pub(crate) fn pairs() -> impl Iterator<Item = (&'static str, i32, i32)> {
        [
            // SAFETY: a constant of the shims, never written.
            ("LOG_ERR", Self::Error as i32, unsafe {
                iosock_sys::iosock_const_LOG_ERR
            }),
            // SAFETY: as above.
            ("LOG_WARNING", Self::Warning as i32, unsafe {
                iosock_sys::iosock_const_LOG_WARNING
            }),
            // SAFETY: as above.
            ("LOG_INFO", Self::Info as i32, unsafe {
                iosock_sys::iosock_const_LOG_INFO
            }),
            // SAFETY: as above.
            ("LOG_DEBUG", Self::Debug as i32, unsafe {
                iosock_sys::iosock_const_LOG_DEBUG
            }),
        ]
        .into_iter()
    }
}

/// Writes one line, without its newline. The bytes are no format; a NUL ends them early. For a line with numbers see
/// [`LineBuf`](crate::LineBuf).
///
/// # Context
/// Does not sleep, but takes a lock of the log: not from an upcall or an external-storage callback.
pub fn log(level: Level, line: impl AsRef<[u8]>) {
    let line = line.as_ref();
    let len = c_int::try_from(line.len()).unwrap_or(c_int::MAX);
    // SAFETY: `len` bytes at `line` are readable, and the shim reads no more.
    unsafe { iosock_sys::iosock_shim_log(level as c_int, line.as_ptr().cast(), len) };
}
