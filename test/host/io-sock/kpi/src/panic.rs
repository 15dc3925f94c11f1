//! panic(9): says what rule was broken, and by which thread, and ends the process, as io-sock's own death
//! would.

use crate::thread;
use std::io::Write;

/// Ends the process with a message on standard error.
pub fn end(what: std::fmt::Arguments<'_>) -> ! {
    // Not eprintln: a test harness would swallow it.
    let _ = writeln!(
        std::io::stderr(),
        "io-sock panic: {what} (thread {})",
        thread::current_name()
    );
    std::process::abort()
}

/// `die!("format", ..)`: the stack's panic, for rules that FreeBSD enforces.
macro_rules! die {
    ($($arg:tt)*) => { $crate::panic::end(format_args!($($arg)*)) };
}
pub(crate) use die;
