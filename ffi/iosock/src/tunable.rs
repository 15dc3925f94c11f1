//! Tunables: io-sock's kernel environment (kenv), filled from its configuration file and from module options.

use core::ffi::{CStr, c_int};

/// The value of an `int` tunable; `None` when it is not set, or is no number.
///
/// # Context
/// Sleeps (takes the environment's lock): on load, or in a thread of the module.
#[doc(alias = "getenv_int")]
pub fn tunable_int(name: &CStr) -> Option<i32> {
    let mut value: c_int = 0;
    // SAFETY: a C string and a place for an int.
    let found = unsafe { iosock_sys::iosock_shim_getenv_int(name.as_ptr(), &mut value) };
    (found != 0).then_some(value)
}

/// Reads a string tunable into `value` and returns its length without the NUL, which is there, too; `None` when it is not set. A
/// longer one is cut.
///
/// # Context
/// Sleeps (takes the environment's lock): on load, or in a thread of the module.
#[doc(alias = "getenv_string")]
pub fn tunable_str(name: &CStr, value: &mut [u8]) -> Option<usize> {
    let size = c_int::try_from(value.len()).ok().filter(|size| *size > 0)?;
    // SAFETY: a C string, and `size` bytes to write.
    let found =
        unsafe { iosock_sys::iosock_shim_getenv_string(name.as_ptr(), value.as_mut_ptr().cast(), size) };
    if found == 0 {
        return None;
    }
    value.iter().position(|byte| *byte == 0)
}
