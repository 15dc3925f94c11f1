//! QNX error numbers, the per-thread errno of this crate, and the translation of Linux's numbers.
//!
//! QNX and Linux share the small numbers and differ above 34, so a number must never cross without [`Errno::from_linux`].

use core::cell::{Cell, RefCell};
use std::ffi::CString;

/// A QNX error number; never 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(pub i32);

/// Success where a call returns an error number.
pub const EOK: i32 = 0;

macro_rules! errnos {
    ($($name:ident = $value:literal),* $(,)?) => {
        #[allow(missing_docs)]
        impl Errno {
            $(pub const $name: Errno = Errno($value);)*
        }
        /// Name of a QNX error number as a C string that lives for ever; `None` for no number of QNX's.
        fn known_name(number: i32) -> Option<*const core::ffi::c_char> {
            match number {
                0 => Some(c"EOK".as_ptr()),
                $($value => Some(concat!(stringify!($name), "\0").as_ptr().cast()),)*
                _ => None,
            }
        }

        /// Name of a QNX error number for traces and tests.
        pub fn errno_name(number: i32) -> &'static str {
            match number {
                0 => "EOK",
                $($value => stringify!($name),)*
                _ => "E?",
            }
        }
    };
}

errnos! {
    EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, EBADF = 9,
    ECHILD = 10, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, ENOTBLK = 15, EBUSY = 16, EEXIST = 17,
    EXDEV = 18, ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23, EMFILE = 24, ENOTTY = 25,
    ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, ESPIPE = 29, EROFS = 30, EMLINK = 31, EPIPE = 32, EDOM = 33,
    ERANGE = 34, ENOMSG = 35, EIDRM = 36, ECHRNG = 37, EL2NSYNC = 38, EL3HLT = 39, EL3RST = 40, ELNRNG = 41,
    EUNATCH = 42, ENOCSI = 43, EL2HLT = 44, EDEADLK = 45, ENOLCK = 46, ECANCELED = 47, ENOTSUP = 48,
    EDQUOT = 49, EBADE = 50, EBADR = 51, EXFULL = 52, ENOANO = 53, EBADRQC = 54, EBADSLT = 55, EDEADLOCK = 56,
    EBFONT = 57, EOWNERDEAD = 58, ENOSTR = 60, ENODATA = 61, ETIME = 62, ENOSR = 63, ENONET = 64, ENOPKG = 65,
    EREMOTE = 66, ENOLINK = 67, EADV = 68, ESRMNT = 69, ECOMM = 70, EPROTO = 71, EMULTIHOP = 74, EBADMSG = 77,
    ENAMETOOLONG = 78, EOVERFLOW = 79, ENOTUNIQ = 80, EBADFD = 81, EREMCHG = 82, ELIBACC = 83, ELIBBAD = 84,
    ELIBSCN = 85, ELIBMAX = 86, ELIBEXEC = 87, EILSEQ = 88, ENOSYS = 89, ELOOP = 90, ERESTART = 91,
    ESTRPIPE = 92, ENOTEMPTY = 93, EUSERS = 94, ENOTRECOVERABLE = 95, EOPNOTSUPP = 103, EFPOS = 110,
    ESTALE = 122, EINPROGRESS = 236, EALREADY = 237, ENOTSOCK = 238, EDESTADDRREQ = 239, EMSGSIZE = 240,
    EPROTOTYPE = 241, ENOPROTOOPT = 242, EPROTONOSUPPORT = 243, ESOCKTNOSUPPORT = 244, EPFNOSUPPORT = 246,
    EAFNOSUPPORT = 247, EADDRINUSE = 248, EADDRNOTAVAIL = 249, ENETDOWN = 250, ENETUNREACH = 251,
    ENETRESET = 252, ECONNABORTED = 253, ECONNRESET = 254, ENOBUFS = 255, EISCONN = 256, ENOTCONN = 257,
    ESHUTDOWN = 258, ETOOMANYREFS = 259, ETIMEDOUT = 260, ECONNREFUSED = 261, EHOSTDOWN = 264,
    EHOSTUNREACH = 265, EBADRPC = 272, ERPCMISMATCH = 273, EPROGUNAVAIL = 274, EPROGMISMATCH = 275,
    EPROCUNAVAIL = 276, ENOREMOTE = 300, ENONDP = 301, EBADFSYS = 302, EMORE = 309, ECTRLTERM = 310,
    ENOLIC = 311, ESRVRFAULT = 312, EENDIAN = 313, ESECTYPEINVAL = 314,
}

/// (Linux, QNX) pairs that differ; a number not listed is the same on both up to 34 and from 60 to 71.
const DIFFERENT: [(i32, i32); 71] = [
    (35, 45),   // EDEADLK
    (36, 78),   // ENAMETOOLONG
    (37, 46),   // ENOLCK
    (38, 89),   // ENOSYS
    (39, 93),   // ENOTEMPTY
    (40, 90),   // ELOOP
    (42, 35),   // ENOMSG
    (43, 36),   // EIDRM
    (72, 74),   // EMULTIHOP
    (74, 77),   // EBADMSG
    (75, 79),   // EOVERFLOW
    (76, 80),   // ENOTUNIQ
    (77, 81),   // EBADFD
    (84, 88),   // EILSEQ
    (85, 91),   // ERESTART
    (87, 94),   // EUSERS
    (88, 238),  // ENOTSOCK
    (89, 239),  // EDESTADDRREQ
    (90, 240),  // EMSGSIZE
    (91, 241),  // EPROTOTYPE
    (92, 242),  // ENOPROTOOPT
    (93, 243),  // EPROTONOSUPPORT
    (94, 244),  // ESOCKTNOSUPPORT
    (95, 103),  // EOPNOTSUPP: Linux has one number for ENOTSUP and EOPNOTSUPP
    (96, 246),  // EPFNOSUPPORT
    (97, 247),  // EAFNOSUPPORT
    (98, 248),  // EADDRINUSE
    (99, 249),  // EADDRNOTAVAIL
    (100, 250), // ENETDOWN
    (101, 251), // ENETUNREACH
    (102, 252), // ENETRESET
    (103, 253), // ECONNABORTED
    (104, 254), // ECONNRESET
    (105, 255), // ENOBUFS
    (106, 256), // EISCONN
    (107, 257), // ENOTCONN
    (108, 258), // ESHUTDOWN
    (109, 259), // ETOOMANYREFS
    (110, 260), // ETIMEDOUT
    (111, 261), // ECONNREFUSED
    (112, 264), // EHOSTDOWN
    (113, 265), // EHOSTUNREACH
    (114, 237), // EALREADY
    (115, 236), // EINPROGRESS
    (116, 122), // ESTALE
    (122, 49),  // EDQUOT
    (125, 47),  // ECANCELED
    (130, 58),  // EOWNERDEAD
    (131, 95),  // ENOTRECOVERABLE
    (44, 37),   // ECHRNG
    (45, 38),   // EL2NSYNC
    (46, 39),   // EL3HLT
    (47, 40),   // EL3RST
    (48, 41),   // ELNRNG
    (49, 42),   // EUNATCH
    (50, 43),   // ENOCSI
    (51, 44),   // EL2HLT
    (52, 50),   // EBADE
    (53, 51),   // EBADR
    (54, 52),   // EXFULL
    (55, 53),   // ENOANO
    (56, 54),   // EBADRQC
    (57, 55),   // EBADSLT
    (59, 57),   // EBFONT
    (78, 82),   // EREMCHG
    (79, 83),   // ELIBACC
    (80, 84),   // ELIBBAD
    (81, 85),   // ELIBSCN
    (82, 86),   // ELIBMAX
    (83, 87),   // ELIBEXEC
    (86, 92),   // ESTRPIPE
];

impl Errno {
    /// The QNX number for a Linux one. A number that QNX has no word for becomes `EIO`, never a wrong name.
    pub fn from_linux(linux: i32) -> Errno {
        match DIFFERENT.iter().find(|(from, _)| *from == linux) {
            Some((_, qnx)) => Errno(*qnx),
            None if matches!(linux, 1..=34 | 60..=71) => Errno(linux),
            None => Errno::EIO,
        }
    }

    /// Linux's errno of this thread, translated: what the last failed libc call said.
    pub fn last_linux() -> Errno {
        Errno::from_linux(
            std::io::Error::last_os_error()
                .raw_os_error()
                .unwrap_or(libc::EIO),
        )
    }
}

impl From<std::io::Error> for Errno {
    fn from(error: std::io::Error) -> Errno {
        Errno::from_linux(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

/// What strerror says: the name of the number. Of an unknown one it holds until this thread's next call.
pub fn c_name(number: i32) -> *const core::ffi::c_char {
    thread_local! {
        static UNKNOWN: RefCell<CString> = RefCell::default();
    }
    known_name(number).unwrap_or_else(|| {
        let text = CString::new(format!("Unknown error {number}")).unwrap_or_default();
        UNKNOWN.with_borrow_mut(|unknown| {
            *unknown = text;
            unknown.as_ptr()
        })
    })
}

thread_local! {
    static ERRNO: Cell<i32> = const { Cell::new(0) };
    static TIMES_SET: Cell<u32> = const { Cell::new(0) };
}

/// Stores `errno` for this thread, as a plain (not `_r`) call does on failure: the only writer of QNX's errno.
///
/// Linux's errno becomes 0, so that whoever sees both (the C headers) knows which library failed last.
pub fn set_errno(errno: Errno) {
    ERRNO.set(errno.0);
    TIMES_SET.set(TIMES_SET.get().wrapping_add(1));
    // SAFETY: this thread's errno.
    unsafe { *libc::__errno_location() = 0 };
}

/// Changes with every [`set_errno`] of this thread.
pub(crate) fn times_set() -> u32 {
    TIMES_SET.get()
}

/// This thread's QNX errno; 0 when no call has failed yet.
pub fn errno() -> i32 {
    ERRNO.get()
}

/// `__get_errno_ptr()`: address of the calling thread's QNX errno. It is not Linux's errno: the numbers differ.
/// Valid until the thread ends.
#[unsafe(no_mangle)]
pub extern "C" fn __get_errno_ptr() -> *mut i32 {
    ERRNO.with(Cell::as_ptr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_numbers_become_qnx_numbers() {
        assert_eq!(Errno::from_linux(libc::ETIMEDOUT), Errno::ETIMEDOUT);
        assert_eq!(Errno::from_linux(libc::EAGAIN), Errno::EAGAIN);
        assert_eq!(Errno::from_linux(libc::ENOSYS), Errno::ENOSYS);
        assert_eq!(Errno::from_linux(libc::EDEADLK), Errno::EDEADLK);
        assert_eq!(Errno::from_linux(libc::ENOMEDIUM), Errno::EIO);
    }

    #[test]
    fn errno_pointer_is_this_threads() {
        set_errno(Errno::EBADF);
        // SAFETY: the pointer is this thread's own errno and the thread is alive.
        assert_eq!(unsafe { *__get_errno_ptr() }, 9);
        std::thread::spawn(|| assert_eq!(errno(), 0))
            .join()
            .expect("thread");
    }
}
