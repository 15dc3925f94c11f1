//! Error numbers on the wire: a table of our own, since QNX, FreeBSD and Linux number them differently.
//!
//! The numbers are fixed for ever: new names are added at the end, none is reused.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// One error number as it travels in a message or in a socket's state; 0 is success.
///
/// A QNX errno without a name in the table survives as [`WireErrno::UNNAMED`] `| number`. A wire number that this
/// build does not know (a newer peer) becomes `EPROTO` when it is turned into a QNX errno.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct WireErrno(pub u16);

macro_rules! errno_table {
    ($($name:ident = $wire:literal, $qnx:literal, $text:literal;)*) => {
        impl WireErrno {
            $(#[doc = concat!($text, " (QNX ", stringify!($qnx), ").")]
            pub const $name: WireErrno = WireErrno($wire);)*

            /// The wire number of a QNX errno. 0 stays 0; what has no name keeps its number with the high bit set;
            /// what is not an errno at all (negative, or above 32767) is `EIO`.
            #[must_use]
            pub const fn from_qnx(errno: i32) -> WireErrno {
                match errno {
                    0 => WireErrno::OK,
                    $($qnx => WireErrno::$name,)*
                    1..=0x7FFF => {
                        let [low, high, _, _] = errno.to_le_bytes();
                        WireErrno(WireErrno::UNNAMED | u16::from_le_bytes([low, high]))
                    }
                    _ => WireErrno::EIO,
                }
            }

            /// The QNX errno of this number, 0 for success, `EPROTO` (71) for a number this build does not know; never 0
            /// for anything but success.
            #[must_use]
            pub const fn to_qnx(self) -> i32 {
                match self.0 {
                    0 => 0,
                    $($wire => $qnx,)*
                    number if number > WireErrno::UNNAMED => {
                        let [low, high] = (number & !WireErrno::UNNAMED).to_le_bytes();
                        i32::from_le_bytes([low, high, 0, 0])
                    }
                    _ => 71,
                }
            }

            /// The symbolic name, or `None` for a number without one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    0 => Some("EOK"),
                    $($wire => Some(stringify!($name)),)*
                    0x7FFF => Some("EREPEAT"),
                    _ => None,
                }
            }

            /// Every named error, in wire order; for tests and tables.
            pub const NAMED: &'static [WireErrno] = &[$(WireErrno::$name,)*];
        }
    };
}

errno_table! {
    EPERM = 1, 1, "Operation not permitted";
    EACCES = 2, 13, "Permission denied";
    EINVAL = 3, 22, "Invalid argument";
    EFAULT = 4, 14, "Bad address";
    ENOMEM = 5, 12, "Not enough memory";
    ENOBUFS = 6, 255, "No buffer space available";
    EAGAIN = 7, 11, "Resource temporarily unavailable; the same number as EWOULDBLOCK";
    EINTR = 8, 4, "Interrupted";
    EIO = 9, 5, "Input/output error";
    EBUSY = 10, 16, "Resource busy";
    EEXIST = 11, 17, "Already exists";
    ENOENT = 12, 2, "No such entry";
    ESRCH = 13, 3, "No such process";
    ENXIO = 14, 6, "No such device or address";
    E2BIG = 15, 7, "Argument list too long";
    EBADF = 16, 9, "Bad file descriptor or handle";
    ENODEV = 17, 19, "No such device";
    ENFILE = 18, 23, "Too many objects open in the system";
    EMFILE = 19, 24, "Too many objects open in the process";
    ENOTTY = 20, 25, "Inappropriate control operation";
    EFBIG = 21, 27, "Too large";
    ENOSPC = 22, 28, "No space left";
    EROFS = 23, 30, "Read-only";
    EPIPE = 24, 32, "Broken pipe: the sending side is shut down";
    EDOM = 25, 33, "Argument out of domain";
    ERANGE = 26, 34, "Result too large";
    EDEADLK = 27, 45, "Deadlock avoided";
    ECANCELED = 28, 47, "Cancelled";
    ENOTSUP = 29, 48, "Not supported (on QNX not the same as EOPNOTSUPP)";
    EDQUOT = 30, 49, "Quota exceeded";
    ENODATA = 31, 61, "No data";
    ETIME = 32, 62, "Timer expired";
    EPROTO = 33, 71, "Protocol error";
    EBADMSG = 34, 77, "Bad message";
    ENAMETOOLONG = 35, 78, "Name too long";
    EOVERFLOW = 36, 79, "Value too large for its type";
    ENOSYS = 37, 89, "Function not implemented";
    ELOOP = 38, 90, "Too many levels of links";
    ERESTART = 39, 91, "To be restarted";
    EUSERS = 40, 94, "Too many users";
    EOPNOTSUPP = 41, 103, "Operation not supported by the protocol";
    ESTALE = 42, 122, "Stale handle";
    EINPROGRESS = 43, 236, "In progress";
    EALREADY = 44, 237, "Already in progress";
    ENOTSOCK = 45, 238, "Not a socket";
    EDESTADDRREQ = 46, 239, "Destination address required";
    EMSGSIZE = 47, 240, "Message too long";
    EPROTOTYPE = 48, 241, "Wrong protocol type for the socket";
    ENOPROTOOPT = 49, 242, "Protocol option not available";
    EPROTONOSUPPORT = 50, 243, "Protocol not supported";
    ESOCKTNOSUPPORT = 51, 244, "Socket type not supported";
    EPFNOSUPPORT = 52, 246, "Protocol family not supported";
    EAFNOSUPPORT = 53, 247, "Address family not supported";
    EADDRINUSE = 54, 248, "Address in use";
    EADDRNOTAVAIL = 55, 249, "Address not available";
    ENETDOWN = 56, 250, "Network down";
    ENETUNREACH = 57, 251, "Network unreachable";
    ENETRESET = 58, 252, "Connection dropped by a network reset";
    ECONNABORTED = 59, 253, "Connection aborted";
    ECONNRESET = 60, 254, "Connection reset by the peer";
    EISCONN = 61, 256, "Already connected";
    ENOTCONN = 62, 257, "Not connected";
    ESHUTDOWN = 63, 258, "Shut down";
    ETOOMANYREFS = 64, 259, "Too many references";
    ETIMEDOUT = 65, 260, "Timed out";
    ECONNREFUSED = 66, 261, "Connection refused";
    EHOSTDOWN = 67, 264, "Host down";
    EHOSTUNREACH = 68, 265, "Host unreachable";
}

impl WireErrno {
    /// Success.
    pub const OK: WireErrno = WireErrno(0);
    /// The module is busy with the socket: the library asks again. It has no errno and never reaches a program, so that
    /// it cannot be taken for the program's own "would block".
    pub const EREPEAT: WireErrno = WireErrno(0x7FFF);
    /// Another name of [`WireErrno::EAGAIN`], as on QNX.
    pub const EWOULDBLOCK: WireErrno = WireErrno::EAGAIN;
    /// Set in the number of a QNX errno that has no name in the table.
    pub const UNNAMED: u16 = 0x8000;

    /// True for success.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// `Ok(())` for success, otherwise `self` as the error.
    ///
    /// # Errors
    /// `self`, when it is not [`WireErrno::OK`].
    pub const fn to_result(self) -> Result<(), WireErrno> {
        if self.is_ok() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for WireErrno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.to_qnx()),
        }
    }
}

impl fmt::Debug for WireErrno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WireErrno({} = {self})", self.0)
    }
}

impl core::error::Error for WireErrno {}
