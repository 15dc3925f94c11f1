//! Where `printf` and `log` of the modules go. On QNX that is slogger2.

use std::ffi::c_int;
use std::sync::RwLock;

/// Takes a level (`LOG_ERR` 3, `LOG_WARNING` 4, `LOG_INFO` 6, `LOG_DEBUG` 7) and one text, which may end in a
/// newline.
pub type Sink = Box<dyn Fn(c_int, &str) + Send + Sync>;

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// Sends messages to `sink` from now on; before that they go to standard error.
pub fn set_sink(sink: Sink) {
    *SINK.write().unwrap_or_else(|e| e.into_inner()) = Some(sink);
}

/// One message. Any context.
pub fn write(level: c_int, text: &str) {
    match &*SINK.read().unwrap_or_else(|e| e.into_inner()) {
        Some(sink) => sink(level, text),
        None => eprintln!("{}", text.trim_end_matches('\n')),
    }
}

/// What the variadic functions in `c/variadic.c` end in: `len` bytes at `text`.
///
/// # Safety
/// `text` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_log_text(level: c_int, text: *const u8, len: usize) {
    // SAFETY: the caller's contract.
    let bytes = unsafe { std::slice::from_raw_parts(text, len) };
    write(level, &String::from_utf8_lossy(bytes));
}

/// What `panic` in `c/variadic.c` ends in.
///
/// # Safety
/// `text` points to `len` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kpi_panic_text(text: *const u8, len: usize) -> ! {
    // SAFETY: the caller's contract.
    let bytes = unsafe { std::slice::from_raw_parts(text, len) };
    crate::panic::die!("{}", String::from_utf8_lossy(bytes))
}
