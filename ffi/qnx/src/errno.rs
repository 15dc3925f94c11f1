//! Error numbers: QNX's, which agree with Linux's only up to 34 (`docs/qnx-ipc.md` 10).

use core::fmt;
use core::num::NonZeroI32;

use qnx_sys as sys;

/// A QNX error number: never 0, positive as QNX has it.
///
/// A newtype and not an enum, since a number without a name here must survive. The numbers are not Linux's.
#[doc(alias = "errno")]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Errno(NonZeroI32);

/// Makes the constants and the names from one list.
macro_rules! errnos {
    ($($name:ident, $text:literal;)*) => {
        impl Errno {
            $(#[doc = concat!($text, ".")] pub const $name: Errno = match NonZeroI32::new(sys::$name) {
                Some(number) => Errno(number),
                None => panic!("0 is EOK and not an error"),
            };)*

            /// The number's name in C, or `None` for one without a name here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0.get() {
                    $(sys::$name => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }

        /// Every constant, for the tests.
        #[cfg(test)]
        const ALL: &[(&str, Errno)] = &[$((stringify!($name), Errno::$name)),*];
    };
}

errnos! {
    EPERM, "Not permitted";
    ENOENT, "No such entry";
    ESRCH, "No such process, thread or channel; or the client is gone";
    EINTR, "Interrupted by a signal";
    EIO, "Input or output failed";
    ENXIO, "No such device or address";
    E2BIG, "List too long";
    EBADF, "No such connection or file descriptor, or its server is gone";
    ECHILD, "No child process";
    EAGAIN, "Not now; also called `EWOULDBLOCK`";
    ENOMEM, "Out of memory";
    EACCES, "Access denied";
    EFAULT, "Bad address: the peer's on a server, our own on a client";
    EBUSY, "Busy";
    EEXIST, "Exists";
    ENODEV, "No such device";
    ENOTDIR, "Not a directory";
    EISDIR, "Is a directory";
    EINVAL, "Invalid argument";
    ENFILE, "Too many files in the system";
    EMFILE, "Too many files in this process";
    ENOTTY, "Not a terminal, or no such control";
    EFBIG, "File too large";
    ENOSPC, "No space";
    ESPIPE, "Cannot seek";
    EROFS, "Read-only";
    EPIPE, "Nobody reads";
    EDOM, "Outside the domain";
    ERANGE, "Out of range";
    ENOMSG, "No such message";
    EIDRM, "Identifier removed";
    EDEADLK, "Would deadlock";
    ENOLCK, "No locks";
    ECANCELED, "Cancelled";
    ENOTSUP, "Not supported (another number than `EOPNOTSUPP`)";
    EDQUOT, "Quota exceeded";
    EDEADLOCK, "Would deadlock, on a file";
    EOWNERDEAD, "The owner of a robust lock died; the lock is held";
    ENODATA, "No data";
    ETIME, "Timer expired";
    ENOLINK, "Link severed";
    EPROTO, "Protocol error";
    EMULTIHOP, "Multihop attempted";
    EBADMSG, "Malformed message";
    ENAMETOOLONG, "Name too long";
    EOVERFLOW, "Too large for the type";
    ENOTUNIQ, "Name not unique";
    EBADFD, "Descriptor in a bad state";
    EILSEQ, "Illegal byte sequence";
    ENOSYS, "No such call or message type";
    ELOOP, "Too many links";
    ERESTART, "The call shall be made again";
    ENOTEMPTY, "Not empty";
    EUSERS, "Too many users";
    ENOTRECOVERABLE, "A robust lock lost its state";
    EOPNOTSUPP, "Operation not supported";
    ESTALE, "Stale handle";
    EINPROGRESS, "In progress";
    EALREADY, "Already in progress";
    ENOTSOCK, "Not a socket";
    EDESTADDRREQ, "Destination required";
    EMSGSIZE, "Message too long";
    EPROTOTYPE, "Wrong protocol for the socket";
    ENOPROTOOPT, "No such option";
    EPROTONOSUPPORT, "No such protocol";
    ESOCKTNOSUPPORT, "No such socket type";
    EPFNOSUPPORT, "No such protocol family";
    EAFNOSUPPORT, "No such address family";
    EADDRINUSE, "Address in use";
    EADDRNOTAVAIL, "No such address here";
    ENETDOWN, "Network down";
    ENETUNREACH, "Network unreachable";
    ENETRESET, "Connection lost by a network reset";
    ECONNABORTED, "Connection aborted";
    ECONNRESET, "Connection reset by the peer";
    ENOBUFS, "No buffers";
    EISCONN, "Already connected";
    ENOTCONN, "Not connected";
    ESHUTDOWN, "Shut down";
    ETOOMANYREFS, "Too many references";
    ETIMEDOUT, "Timed out";
    ECONNREFUSED, "Connection refused";
    EHOSTDOWN, "Host down";
    EHOSTUNREACH, "Host unreachable";
    ENOREMOTE, "Must be done on the local machine";
    EBADFSYS, "Corrupted file system";
    EMORE, "More to do";
    ESRVRFAULT, "The server's buffers fault";
    EENDIAN, "Wrong byte order";
    ESECTYPEINVAL, "Invalid security type";
}

impl Errno {
    /// Another name of [`Errno::EAGAIN`].
    pub const EWOULDBLOCK: Errno = Errno::EAGAIN;

    /// The error of this number; `None` for 0, which is `EOK`.
    #[must_use]
    pub const fn from_raw(number: i32) -> Option<Errno> {
        match NonZeroI32::new(number) {
            Some(number) => Some(Errno(number)),
            None => None,
        }
    }

    /// The number as `errno` holds it.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0.get()
    }
}

/// "EBADF (9)", or "errno 4711". Takes no memory, and does its own digits: `core`'s formatting of integers brings panic paths.
impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [b'0'; 11];
        let number = decimal(self.raw(), &mut digits);
        match self.name() {
            Some(name) => {
                f.write_str(name)?;
                f.write_str(" (")?;
                f.write_str(number)?;
                f.write_str(")")
            }
            None => {
                f.write_str("errno ")?;
                f.write_str(number)
            }
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl core::error::Error for Errno {}

/// Writes `number` in decimal at the end of `room` (11 bytes hold any) and returns it.
fn decimal(number: i32, room: &mut [u8; 11]) -> &str {
    let mut rest = number.unsigned_abs();
    let mut start = room.len();
    for (at, digit) in room.iter_mut().enumerate().rev() {
        if rest == 0 && start < 11 {
            if number < 0 {
                *digit = b'-';
                start = at;
            }
            break;
        }
        // Below 10, so that the cast loses nothing.
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        start = at;
    }
    room.get(start..)
        .and_then(|text| core::str::from_utf8(text).ok())
        .unwrap_or("?")
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::format;

    use super::*;

    #[test]
    fn shows_name_and_number() {
        assert_eq!(format!("{}", Errno::EBADF), "EBADF (9)");
        assert_eq!(format!("{}", Errno::ESRVRFAULT), "ESRVRFAULT (312)");
        assert_eq!(format!("{:?}", Errno::EAGAIN), "EAGAIN (11)");
    }

    #[test]
    fn a_number_without_a_name_survives() {
        for (number, text) in [
            (4711, "errno 4711"),
            (-9, "errno -9"),
            (i32::MAX, "errno 2147483647"),
            (i32::MIN, "errno -2147483648"),
        ] {
            let errno = Errno::from_raw(number).expect("not 0");
            assert_eq!(errno.raw(), number);
            assert_eq!(format!("{errno}"), text);
        }
    }

    #[test]
    fn zero_is_no_error() {
        assert_eq!(Errno::from_raw(0), None);
    }

    #[test]
    fn every_name_is_its_own_number() {
        for (name, errno) in ALL {
            assert_eq!(errno.name(), Some(*name));
        }
        // The facts that code written for Linux gets wrong.
        assert_eq!(Errno::EWOULDBLOCK.raw(), 11);
        assert_eq!(
            (
                Errno::ETIMEDOUT.raw(),
                Errno::EINPROGRESS.raw(),
                Errno::ENOSYS.raw()
            ),
            (260, 236, 89)
        );
        assert_ne!(Errno::ENOTSUP, Errno::EOPNOTSUPP);
    }
}
