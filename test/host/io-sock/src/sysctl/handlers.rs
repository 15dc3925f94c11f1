//! The handlers that `SYSCTL_INT`, `SYSCTL_STRING` and their like name, as modules import them.
//!
//! `arg1` is the variable, or null for a constant in `arg2`. The variable may be read and written by the module at the same time:
//! it is copied by whole words, never lent.

use super::{oid::SysctlOid, request::SysctlReq};
use crate::{errno::Errno, symbols::Symbol};
use std::ffi::{c_char, c_int, c_void};

pub(super) fn symbols() -> Vec<Symbol> {
    let table = [
        ("sysctl_handle_bool", sysctl_handle_8 as *const () as usize),
        ("sysctl_handle_8", sysctl_handle_8 as *const () as usize),
        ("sysctl_handle_16", sysctl_handle_16 as *const () as usize),
        ("sysctl_handle_32", sysctl_handle_int as *const () as usize),
        ("sysctl_handle_int", sysctl_handle_int as *const () as usize),
        ("sysctl_handle_long", sysctl_handle_64 as *const () as usize),
        ("sysctl_handle_64", sysctl_handle_64 as *const () as usize),
        ("sysctl_handle_string", sysctl_handle_string as *const () as usize),
        ("sysctl_handle_opaque", sysctl_handle_opaque as *const () as usize),
    ];
    table.map(|(name, address)| (name.to_owned(), address)).into()
}

macro_rules! word_handler {
    ($name:ident, $word:ty) => {
        /// # Safety
        /// Called by io-sock or by a module's own handler: `arg1` is null or a variable of this type, `req` the request at hand.
        unsafe extern "C" fn $name(
            _oid: *mut SysctlOid,
            arg1: *mut c_void,
            arg2: i64,
            req: *mut SysctlReq,
        ) -> c_int {
            let variable = arg1.cast::<$word>();
            let value = if variable.is_null() {
                arg2 as $word
            } else {
                // SAFETY: the caller's promise. Volatile: one access, whatever the module does to the variable meanwhile.
                unsafe { variable.read_volatile() }
            };
            // SAFETY: the caller's promise.
            let req = unsafe { &mut *req };
            let error = req.give(&value.to_ne_bytes());
            if error != 0 || !req.writes() {
                return error;
            }
            if variable.is_null() {
                return Errno::EPERM.raw();
            }
            let mut bytes = [0; size_of::<$word>()];
            let error = req.take(&mut bytes);
            if error == 0 {
                // SAFETY: the caller's promise.
                unsafe { variable.write_volatile(<$word>::from_ne_bytes(bytes)) };
            }
            error
        }
    };
}

word_handler!(sysctl_handle_8, i8);
word_handler!(sysctl_handle_16, i16);
word_handler!(sysctl_handle_int, i32);
word_handler!(sysctl_handle_64, i64);

/// `arg2` is the length of the buffer at `arg1`; 0: a constant string.
///
/// # Safety
/// As for the words: `arg1` is a C string, in a buffer of `arg2` bytes unless that is 0.
unsafe extern "C" fn sysctl_handle_string(
    _oid: *mut SysctlOid,
    arg1: *mut c_void,
    arg2: i64,
    req: *mut SysctlReq,
) -> c_int {
    // SAFETY: the caller's promise.
    let req = unsafe { &mut *req };
    let Ok(room) = usize::try_from(arg2) else {
        return Errno::EINVAL.raw();
    };
    if arg1.is_null() {
        return Errno::EINVAL.raw();
    }
    let text = arg1.cast::<c_char>();
    // SAFETY: a C string, or `room` bytes of one.
    let len = unsafe {
        if room == 0 {
            libc::strlen(text)
        } else {
            libc::strnlen(text, room - 1)
        }
    };
    // SAFETY: `len` bytes were found there. Copied before use, since the module may write meanwhile.
    let mut copy: Vec<u8> = (0..len)
        .map(|at| unsafe { text.add(at).cast::<u8>().read_volatile() })
        .collect();
    copy.push(0);
    let error = req.give(&copy);
    if error != 0 || !req.writes() {
        return error;
    }
    if room == 0 {
        return Errno::EPERM.raw();
    }
    let mut left = req.left();
    if left > room {
        return Errno::EINVAL.raw();
    }
    let mut bytes = vec![0; left];
    let error = req.take(&mut bytes);
    if error != 0 {
        return error;
    }
    if bytes.last() == Some(&0) {
        left -= 1;
    }
    if left >= room {
        return Errno::EINVAL.raw();
    }
    for (at, byte) in bytes[..left].iter().chain(&[0]).enumerate() {
        // SAFETY: left + 1 bytes fit the buffer of `room` bytes.
        unsafe { text.add(at).cast::<u8>().write_volatile(*byte) };
    }
    0
}

/// `arg2` bytes at `arg1`.
///
/// # Safety
/// As for the words: `arg1` has `arg2` bytes.
unsafe extern "C" fn sysctl_handle_opaque(
    _oid: *mut SysctlOid,
    arg1: *mut c_void,
    arg2: i64,
    req: *mut SysctlReq,
) -> c_int {
    // SAFETY: the caller's promise.
    let req = unsafe { &mut *req };
    let Ok(len) = usize::try_from(arg2) else {
        return Errno::EINVAL.raw();
    };
    if arg1.is_null() {
        return Errno::EINVAL.raw();
    }
    let memory = arg1.cast::<u8>();
    // SAFETY: the caller's promise; copied before use, since the module may write meanwhile.
    let copy: Vec<u8> = (0..len)
        .map(|at| unsafe { memory.add(at).read_volatile() })
        .collect();
    let error = req.give(&copy);
    if error != 0 || !req.writes() {
        return error;
    }
    let mut bytes = vec![0; len];
    let error = req.take(&mut bytes);
    if error == 0 {
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: within the `len` bytes at `arg1`.
            unsafe { memory.add(at).write_volatile(*byte) };
        }
    }
    error
}
