//! `QNX_HOST_TRACE`: calls and objects on stderr, one line each, four levels (see `config.rs`).

use crate::api::guard::Uncancellable;
use crate::config::config;

/// True when lines of this level are wanted. Cheap: callers ask before they format.
#[inline]
pub(crate) fn enabled(level: u8) -> bool {
    config().trace >= level
}

/// One line on stderr with a single write, so that lines of several processes do not mix.
pub(crate) fn line(text: core::fmt::Arguments<'_>) {
    let _off = Uncancellable::begin();
    let text = format!("qnx-host[{}]: {text}\n", std::process::id());
    // SAFETY: the buffer lives across the call; a failed or short write of a diagnostic is of no consequence.
    unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
}

macro_rules! trace {
    ($level:literal, $($arg:tt)*) => {
        if $crate::trace::enabled($level) {
            $crate::trace::line(format_args!($($arg)*));
        }
    };
}
pub(crate) use trace;
