//! eventhandler(9): callbacks under the name of an event. The stand-in has no events of its own: it keeps the
//! list, so that a module that leaves without deregistering is found.

use crate::panic::die;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Mutex;

struct Entry {
    tag: usize,
    name: String,
}

static ENTRIES: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Callbacks that are registered.
pub(crate) fn registered() -> usize {
    ENTRIES.lock().unwrap_or_else(|e| e.into_inner()).len()
}

/// Registers a callback; gives the tag to deregister it with.
///
/// # Safety
/// `name` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eventhandler_register(
    _list: *mut c_void,
    name: *const c_char,
    func: *mut c_void,
    _arg: *mut c_void,
    _priority: c_int,
) -> *mut c_void {
    if func.is_null() {
        die!("eventhandler_register without a function");
    }
    // SAFETY: the caller's contract.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
    let mut entries = ENTRIES.lock().unwrap_or_else(|e| e.into_inner());
    let tag = entries.iter().map(|entry| entry.tag).max().unwrap_or(0) + 1;
    entries.push(Entry { tag, name });
    tag as *mut c_void
}

/// Deregisters a callback.
///
/// # Safety
/// `name` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eventhandler_deregister_name(name: *const c_char, tag: *mut c_void) {
    // SAFETY: the caller's contract.
    let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
    let mut entries = ENTRIES.lock().unwrap_or_else(|e| e.into_inner());
    let before = entries.len();
    entries.retain(|entry| entry.tag != tag as usize || entry.name != name);
    if entries.len() == before {
        die!("eventhandler_deregister of a tag that is not registered for {name}");
    }
}
