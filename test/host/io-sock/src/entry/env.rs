//! getenv(9) and the hints: the kernel environment as modules read it. None sleeps; all may be called from any thread.

use crate::{errno::Errno, kenv::Kenv, kernel, symbols::Symbol};
use std::ffi::{CStr, CString, c_char, c_int, c_long, c_uint, c_ulong};

pub(super) fn symbols() -> Vec<Symbol> {
    macro_rules! table {
        ($($name:ident),* $(,)?) => { vec![$((stringify!($name).to_owned(), $name as *const () as usize)),*] };
    }
    table![
        getenv_int,
        getenv_uint,
        getenv_long,
        getenv_ulong,
        getenv_int64,
        getenv_uint64,
        getenv_quad,
        getenv_bool,
        getenv_string,
        kern_getenv,
        freeenv,
        testenv,
        kern_setenv,
        kern_unsetenv,
        resource_int_value,
        resource_long_value,
        resource_string_value,
    ]
}

/// A C string of a module as text; `None` when it is null or not UTF-8.
///
/// # Safety
/// `text` is null or a C string.
unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

fn kenv() -> Option<&'static Kenv> {
    kernel::current().map(|kernel| &kernel.kenv)
}

/// # Safety
/// `name` is null or a C string.
pub(super) unsafe fn lookup(name: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    kenv()?.get(unsafe { text(name) }?)
}

/// # Safety
/// `name` is null or a C string.
pub(super) unsafe fn number(name: *const c_char) -> Option<i64> {
    // SAFETY: the caller's promise.
    kenv()?.number(unsafe { text(name) }?)
}

/// "1", "true", "yes", "on" or "0", "false", "no", "off", as FreeBSD has them.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "y" | "yes" | "t" | "true" | "on" => Some(true),
        "0" | "n" | "no" | "f" | "false" | "off" => Some(false),
        _ => None,
    }
}

macro_rules! number_getter {
    ($name:ident, $type:ty) => {
        /// Stores the number of `name`; answers 1, or 0 and stores nothing when there is none.
        ///
        /// # Safety
        /// `name` is a C string, `data` a variable of this type.
        pub(super) unsafe extern "C" fn $name(name: *const c_char, data: *mut $type) -> c_int {
            // SAFETY: the caller's promise.
            let Some(value) = (unsafe { number(name) }) else {
                return 0;
            };
            // SAFETY: the caller's promise. Cut to the type, as FreeBSD does.
            unsafe { data.write(value as $type) };
            1
        }
    };
}

number_getter!(getenv_int, c_int);
number_getter!(getenv_uint, c_uint);
number_getter!(getenv_long, c_long);
number_getter!(getenv_ulong, c_ulong);
number_getter!(getenv_int64, i64);
number_getter!(getenv_uint64, u64);
number_getter!(getenv_quad, i64);

/// # Safety
/// As for the numbers.
pub(super) unsafe extern "C" fn getenv_bool(name: *const c_char, data: *mut bool) -> c_int {
    // SAFETY: the caller's promise.
    let Some(value) = unsafe { lookup(name) }.as_deref().and_then(boolean) else {
        return 0;
    };
    // SAFETY: the caller's promise.
    unsafe { data.write(value) };
    1
}

/// Copies the text of `name`, cut to `size` with its NUL; answers 1, or 0 when there is none.
///
/// # Safety
/// `name` is a C string, `data` has `size` bytes.
pub(super) unsafe extern "C" fn getenv_string(name: *const c_char, data: *mut c_char, size: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let Some(value) = (unsafe { lookup(name) }) else {
        return 0;
    };
    let Some(room) = usize::try_from(size).ok().and_then(|size| size.checked_sub(1)) else {
        return 1;
    };
    let len = value.len().min(room);
    // SAFETY: `data` has `size` bytes, more than `len`.
    unsafe {
        data.copy_from(value.as_ptr().cast(), len);
        data.add(len).write(0);
    }
    1
}

/// A copy of the text of `name` for [`freeenv`]; null when there is none.
///
/// # Safety
/// `name` is a C string.
unsafe extern "C" fn kern_getenv(name: *const c_char) -> *mut c_char {
    // SAFETY: the caller's promise.
    let value = unsafe { lookup(name) }.and_then(|value| CString::new(value).ok());
    value.map_or(std::ptr::null_mut(), CString::into_raw)
}

/// # Safety
/// `value` is null or comes from [`kern_getenv`] and is not used any more.
unsafe extern "C" fn freeenv(value: *mut c_char) {
    if !value.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { CString::from_raw(value) });
    }
}

/// # Safety
/// `name` is a C string.
unsafe extern "C" fn testenv(name: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    c_int::from(unsafe { lookup(name) }.is_some())
}

/// # Safety
/// Both are C strings.
unsafe extern "C" fn kern_setenv(name: *const c_char, value: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let (name, value) = unsafe { (text(name), text(value)) };
    match (kenv(), name, value) {
        (Some(kenv), Some(name), Some(value)) => {
            kenv.set(name, value);
            0
        }
        _ => -1,
    }
}

/// # Safety
/// `name` is a C string.
unsafe extern "C" fn kern_unsetenv(name: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    match (kenv(), unsafe { text(name) }) {
        (Some(kenv), Some(name)) if kenv.unset(name) => 0,
        _ => -1,
    }
}

/// The hint `hint.NAME.UNIT.KEY`.
///
/// # Safety
/// Both are C strings.
unsafe fn hint(name: *const c_char, unit: c_int, key: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    let (name, key) = unsafe { (text(name)?, text(key)?) };
    kenv()?.get(&format!("hint.{name}.{unit}.{key}"))
}

/// # Safety
/// `name` and `key` are C strings, `result` is a variable.
unsafe extern "C" fn resource_int_value(
    name: *const c_char,
    unit: c_int,
    key: *const c_char,
    result: *mut c_int,
) -> c_int {
    let mut long = 0;
    // SAFETY: the caller's promise.
    let error = unsafe { resource_long_value(name, unit, key, &mut long) };
    if error == 0 {
        // SAFETY: the caller's promise. Cut to the type, as FreeBSD does.
        unsafe { result.write(long as c_int) };
    }
    error
}

/// # Safety
/// `name` and `key` are C strings, `result` is a variable.
unsafe extern "C" fn resource_long_value(
    name: *const c_char,
    unit: c_int,
    key: *const c_char,
    result: *mut c_long,
) -> c_int {
    // SAFETY: the caller's promise.
    let Some(text) = (unsafe { hint(name, unit, key) }) else {
        return Errno::ENOENT.raw();
    };
    let Some(value) = crate::kenv::parse_number(&text) else {
        return Errno::EINVAL.raw();
    };
    // SAFETY: the caller's promise.
    unsafe { result.write(value) };
    0
}

/// Stores a text that stays valid for the life of the process.
///
/// # Safety
/// `name` and `key` are C strings, `result` is a variable.
unsafe extern "C" fn resource_string_value(
    name: *const c_char,
    unit: c_int,
    key: *const c_char,
    result: *mut *const c_char,
) -> c_int {
    // SAFETY: the caller's promise.
    let value = unsafe { hint(name, unit, key) }.and_then(|value| CString::new(value).ok());
    let Some(value) = value else {
        return Errno::ENOENT.raw();
    };
    // FreeBSD hands out its own environment's memory, which stays. Hints are read a few times per load.
    // SAFETY: the caller's promise.
    unsafe { result.write(value.into_raw()) };
    0
}
