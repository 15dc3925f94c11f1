//! What libkern has and glibc does not, and copies between a client's memory and the stack's.

use crate::errno::EFAULT;
use std::ffi::{CStr, c_char, c_int, c_void};

/// Copies a string, always ending it; gives the length of `from`.
///
/// # Safety
/// `from` is a C string; `to` has `size` bytes.
pub(crate) unsafe extern "C" fn strlcpy(to: *mut c_char, from: *const c_char, size: usize) -> usize {
    // SAFETY: the caller's contract.
    let bytes = unsafe { CStr::from_ptr(from) }.to_bytes();
    if size > 0 {
        let n = bytes.len().min(size - 1);
        // SAFETY: `n` bytes and the end fit.
        unsafe {
            std::ptr::copy_nonoverlapping(from, to, n);
            *to.add(n) = 0;
        }
    }
    bytes.len()
}

/// Appends a string, always ending it; gives the length that was tried.
///
/// # Safety
/// Both are C strings; `to` has `size` bytes.
pub(crate) unsafe extern "C" fn strlcat(to: *mut c_char, from: *const c_char, size: usize) -> usize {
    // SAFETY: the caller's contract.
    let used = unsafe { libc::strnlen(to, size) };
    // SAFETY: `used` is at most `size`.
    used + unsafe { strlcpy(to.add(used), from, size - used) }
}

/// Random bytes.
///
/// # Safety
/// `buf` has `len` bytes.
pub(crate) unsafe extern "C" fn arc4random_buf(buf: *mut c_void, len: usize) {
    let mut done = 0;
    while done < len {
        // SAFETY: the caller's contract.
        let n = unsafe { libc::getrandom(buf.byte_add(done), len - done, 0) };
        done += usize::try_from(n).unwrap_or(0);
    }
}

/// A random number.
pub(crate) extern "C" fn arc4random() -> u32 {
    let mut n = 0_u32;
    // SAFETY: four bytes.
    unsafe { arc4random_buf((&raw mut n).cast(), 4) };
    n
}

/// From a client's memory: a module's thread has no client.
pub(crate) extern "C" fn copyin(_from: *const c_void, _to: *mut c_void, _len: usize) -> c_int {
    EFAULT
}

/// To a client's memory: a module's thread has no client.
pub(crate) extern "C" fn copyout(_from: *const c_void, _to: *mut c_void, _len: usize) -> c_int {
    EFAULT
}

/// A string from a client's memory: a module's thread has no client.
pub(crate) extern "C" fn copyinstr(
    _from: *const c_void,
    _to: *mut c_void,
    _len: usize,
    _done: *mut usize,
) -> c_int {
    EFAULT
}
