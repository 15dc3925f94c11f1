//! The platform's error numbers: QNX's on QNX, Linux's under the stand-in, so that `perror` and `std::io::Error` say the truth.

use csock_wire::WireErrno;

/// The platform's number of an error. 0 stays 0, and nothing else becomes 0.
#[cfg(any(target_os = "nto", target_os = "qnx"))]
pub(crate) const fn platform(error: WireErrno) -> i32 {
    error.to_qnx()
}

#[cfg(not(any(target_os = "nto", target_os = "qnx")))]
macro_rules! linux {
    ($($name:ident = $linux:literal,)*) => {
        /// The platform's number of an error. 0 stays 0; what has no name is `EIO`.
        pub(crate) const fn platform(error: WireErrno) -> i32 {
            match error {
                WireErrno::OK => 0,
                $(WireErrno::$name => $linux,)*
                _ => 5,
            }
        }
    };
}

#[cfg(not(any(target_os = "nto", target_os = "qnx")))]
linux! {
    EPERM = 1, EACCES = 13, EINVAL = 22, EFAULT = 14, ENOMEM = 12, ENOBUFS = 105, EAGAIN = 11, EINTR = 4, EIO = 5,
    EBUSY = 16, EEXIST = 17, ENOENT = 2, ESRCH = 3, ENXIO = 6, E2BIG = 7, EBADF = 9, ENODEV = 19, ENFILE = 23,
    EMFILE = 24, ENOTTY = 25, EFBIG = 27, ENOSPC = 28, EROFS = 30, EPIPE = 32, EDOM = 33, ERANGE = 34, EDEADLK = 35,
    ECANCELED = 125, ENOTSUP = 95, EDQUOT = 122, ENODATA = 61, ETIME = 62, EPROTO = 71, EBADMSG = 74,
    ENAMETOOLONG = 36, EOVERFLOW = 75, ENOSYS = 38, ELOOP = 40, ERESTART = 85, EUSERS = 87, EOPNOTSUPP = 95,
    ESTALE = 116, EINPROGRESS = 115, EALREADY = 114, ENOTSOCK = 88, EDESTADDRREQ = 89, EMSGSIZE = 90,
    EPROTOTYPE = 91, ENOPROTOOPT = 92, EPROTONOSUPPORT = 93, ESOCKTNOSUPPORT = 94, EPFNOSUPPORT = 96,
    EAFNOSUPPORT = 97, EADDRINUSE = 98, EADDRNOTAVAIL = 99, ENETDOWN = 100, ENETUNREACH = 101, ENETRESET = 102,
    ECONNABORTED = 103, ECONNRESET = 104, EISCONN = 106, ENOTCONN = 107, ESHUTDOWN = 108, ETOOMANYREFS = 109,
    ETIMEDOUT = 110, ECONNREFUSED = 111, EHOSTDOWN = 112, EHOSTUNREACH = 113,
}
