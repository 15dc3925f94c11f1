//! What a module can import: this process's table of symbols.
//!
//! Four sources, in this order: io-sock's module machinery (`entry/`), the kernel interface, QNX's kernel calls, and the few
//! functions of libc that compilers call by themselves.

use std::ffi::{CStr, c_char, c_int, c_void};

/// (name, address) of one symbol.
pub type Symbol = (String, usize);

/// Functions of libc whose signature and meaning are the same on every system.
pub fn libc_symbols() -> Vec<Symbol> {
    macro_rules! table {
        ($($name:ident),* $(,)?) => { vec![$((stringify!($name).to_owned(), libc::$name as *const () as usize)),*] };
    }
    let mut symbols = table![
        memcpy, memmove, memset, memcmp, memchr, strlen, strnlen, strcmp, strncmp, strchr, strrchr, strstr,
        strcpy, strncpy, strcat, strncat, strtol, strtoul, strspn, strcspn, snprintf,
    ];
    let own = [
        ("bcmp", libc::memcmp as *const () as usize),
        ("bcopy", bcopy as *const () as usize),
        ("bzero", bzero as *const () as usize),
        ("strlcpy", strlcpy as *const () as usize),
        ("strlcat", strlcat as *const () as usize),
        ("__stack_chk_fail", stack_chk_fail as *const () as usize),
        ("rust_eh_personality", rust_eh_personality as *const () as usize),
    ];
    symbols.extend(own.map(|(name, address)| (name.to_owned(), address)));
    symbols
}

extern "C" fn bcopy(from: *const c_void, to: *mut c_void, len: usize) {
    // SAFETY: the caller's buffers, as bcopy(9) demands; they may overlap.
    unsafe { libc::memmove(to, from, len) };
}

extern "C" fn bzero(to: *mut c_void, len: usize) {
    // SAFETY: the caller's buffer of `len` bytes, as bzero(9) demands.
    unsafe { libc::memset(to, 0, len) };
}

/// Copies what fits and ends it with a NUL; answers the length of `from`.
extern "C" fn strlcpy(to: *mut c_char, from: *const c_char, size: usize) -> usize {
    // SAFETY: a C string, as strlcpy(3) demands.
    let text = unsafe { CStr::from_ptr(from) }.to_bytes();
    if let Some(room) = size.checked_sub(1) {
        let len = text.len().min(room);
        // SAFETY: `to` has `size` bytes, of which `len` and the NUL are written.
        unsafe {
            to.copy_from(text.as_ptr().cast(), len);
            to.add(len).write(0);
        }
    }
    text.len()
}

/// Appends what fits and ends it with a NUL; answers the length that was wanted.
extern "C" fn strlcat(to: *mut c_char, from: *const c_char, size: usize) -> usize {
    // SAFETY: `to` has `size` bytes, as strlcat(3) demands.
    let used = unsafe { libc::strnlen(to, size) };
    // SAFETY: within `to`; `size - used` bytes are left there.
    used + strlcpy(unsafe { to.add(used) }, from, size - used)
}

/// Called by code that was compiled with stack protectors.
extern "C" fn stack_chk_fail() -> c_int {
    eprintln!("io-sock: a module wrote beyond an array on its stack");
    std::process::abort();
}

/// Named, and never called, by Rust modules that are built for Linux with the ready-made `core`: they abort where others unwind.
extern "C" fn rust_eh_personality() -> c_int {
    eprintln!("io-sock: a module unwinds its stack");
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::{strlcat, strlcpy};
    use std::ffi::{CStr, c_char};

    fn text(buffer: &[c_char]) -> String {
        // SAFETY: the functions under test end the string within the buffer.
        unsafe { CStr::from_ptr(buffer.as_ptr()) }
            .to_string_lossy()
            .into_owned()
    }

    #[test]
    fn copies_cut() {
        let mut buffer = [0x7f as c_char; 8];
        assert_eq!(strlcpy(buffer.as_mut_ptr(), c"hello world".as_ptr(), 6), 11);
        assert_eq!((text(&buffer), buffer[6]), ("hello".to_owned(), 0x7f));
        assert_eq!(strlcat(buffer.as_mut_ptr(), c"!!!".as_ptr(), 8), 8);
        assert_eq!(text(&buffer), "hello!!");
        assert_eq!(strlcpy(buffer.as_mut_ptr(), c"x".as_ptr(), 0), 1);
        assert_eq!(text(&buffer), "hello!!");
    }
}
