//! Log lines are rationed: what a client can cause must not fill the log (S-35), nor take away the lines about others. So each
//! place for a session has a ration of its own, which the next session there inherits: a client that comes again and again gets
//! no more lines.

use crate::machine::Platform;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(not(test))]
pub use iosock::LineBuf as Line;

// io-sock's shims cannot be linked into a test: the kernel under them is missing.
#[cfg(test)]
pub use crate::testing::Line;

/// Length of a window, ms.
const WINDOW_MS: u64 = 60_000;

/// At most `LINES` lines in each window, then silence and a count.
pub struct LogLimit<const LINES: u32> {
    window: AtomicU64,
    lines: AtomicU32,
    suppressed: AtomicU32,
}

impl<const LINES: u32> LogLimit<LINES> {
    /// A full ration.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            window: AtomicU64::new(0),
            lines: AtomicU32::new(0),
            suppressed: AtomicU32::new(0),
        }
    }

    /// Writes a line that `write` makes, if there is a line left. Thread context.
    pub fn line<P: Platform>(&self, write: impl FnOnce(&mut Line)) {
        let now = P::now_ms();
        let start = self.window.load(Ordering::Relaxed);
        let mut line = Line::new();
        line.text("csock: ");
        if start == 0 || now.saturating_sub(start) >= WINDOW_MS {
            self.window.store(now.max(1), Ordering::Relaxed);
            self.lines.store(0, Ordering::Relaxed);
            let lost = self.suppressed.swap(0, Ordering::Relaxed);
            if lost != 0 {
                line.text("(").dec(u64::from(lost)).text(" lines suppressed) ");
            }
        }
        if self.lines.fetch_add(1, Ordering::Relaxed) >= LINES {
            self.lines.store(LINES, Ordering::Relaxed);
            self.suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        write(&mut line);
        P::log(line.as_bytes());
    }
}
