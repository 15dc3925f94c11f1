//! The sysinits of `TUNABLE_INT` and its like: `{path, variable}` filled from the kernel environment.

use super::env;
use crate::symbols::Symbol;
use std::ffi::{c_char, c_int, c_long, c_ulong};

pub(super) fn symbols() -> Vec<Symbol> {
    macro_rules! table {
        ($($name:ident),* $(,)?) => { vec![$((stringify!($name).to_owned(), $name as *const () as usize)),*] };
    }
    table![
        tunable_int_init,
        tunable_long_init,
        tunable_ulong_init,
        tunable_int64_init,
        tunable_uint64_init,
        tunable_quad_init,
        tunable_bool_init,
        tunable_str_init,
    ]
}

/// `struct tunable_int` and its like.
#[repr(C)]
struct Tunable<T> {
    path: *const c_char,
    variable: *mut T,
}

/// `struct tunable_str`.
#[repr(C)]
struct TunableStr {
    path: *const c_char,
    variable: *mut c_char,
    size: c_int,
}

macro_rules! tunable {
    ($name:ident, $type:ty, $getter:ident) => {
        /// # Safety
        /// A sysinit's function with the structure that the macro made.
        unsafe extern "C" fn $name(tunable: *const Tunable<$type>) {
            // SAFETY: the caller's promise.
            let tunable = unsafe { &*tunable };
            // SAFETY: the macro's path and variable. Without a value the variable keeps its own.
            unsafe { env::$getter(tunable.path, tunable.variable) };
        }
    };
}

tunable!(tunable_int_init, c_int, getenv_int);
tunable!(tunable_long_init, c_long, getenv_long);
tunable!(tunable_ulong_init, c_ulong, getenv_ulong);
tunable!(tunable_int64_init, i64, getenv_int64);
tunable!(tunable_uint64_init, u64, getenv_uint64);
tunable!(tunable_quad_init, i64, getenv_quad);
tunable!(tunable_bool_init, bool, getenv_bool);

/// # Safety
/// A sysinit's function with the structure that the macro made.
unsafe extern "C" fn tunable_str_init(tunable: *const TunableStr) {
    // SAFETY: the caller's promise.
    let tunable = unsafe { &*tunable };
    // SAFETY: the macro's path and buffer.
    unsafe { env::getenv_string(tunable.path, tunable.variable, tunable.size) };
}
