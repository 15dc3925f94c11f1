//! `csock_strerror`, and the numbers of the header.

use core::ffi::{CStr, c_char, c_int};

/// Number, name and text of every error; the header has the same numbers as `CSOCK_<name>`.
pub(super) const ERRORS: &[(i32, &str, &CStr)] = &[
    (1, "EPERM", c"EPERM: Operation not permitted"),
    (13, "EACCES", c"EACCES: Permission denied"),
    (22, "EINVAL", c"EINVAL: Invalid argument"),
    (14, "EFAULT", c"EFAULT: Bad address"),
    (12, "ENOMEM", c"ENOMEM: Not enough memory"),
    (255, "ENOBUFS", c"ENOBUFS: No buffer space available"),
    (11, "EAGAIN", c"EAGAIN: Resource temporarily unavailable"),
    (4, "EINTR", c"EINTR: Interrupted"),
    (5, "EIO", c"EIO: Input/output error"),
    (16, "EBUSY", c"EBUSY: Resource busy"),
    (17, "EEXIST", c"EEXIST: Already exists"),
    (2, "ENOENT", c"ENOENT: No such entry"),
    (3, "ESRCH", c"ESRCH: No such process"),
    (6, "ENXIO", c"ENXIO: No such device or address"),
    (7, "E2BIG", c"E2BIG: Argument list too long"),
    (9, "EBADF", c"EBADF: Bad file descriptor or handle"),
    (19, "ENODEV", c"ENODEV: No such device"),
    (23, "ENFILE", c"ENFILE: Too many objects open in the system"),
    (24, "EMFILE", c"EMFILE: Too many objects open in the process"),
    (25, "ENOTTY", c"ENOTTY: Inappropriate control operation"),
    (27, "EFBIG", c"EFBIG: Too large"),
    (28, "ENOSPC", c"ENOSPC: No space left"),
    (30, "EROFS", c"EROFS: Read-only"),
    (32, "EPIPE", c"EPIPE: Broken pipe: the sending side is shut down"),
    (33, "EDOM", c"EDOM: Argument out of domain"),
    (34, "ERANGE", c"ERANGE: Result too large"),
    (45, "EDEADLK", c"EDEADLK: Deadlock avoided"),
    (47, "ECANCELED", c"ECANCELED: Cancelled"),
    (48, "ENOTSUP", c"ENOTSUP: Not supported"),
    (49, "EDQUOT", c"EDQUOT: Quota exceeded"),
    (61, "ENODATA", c"ENODATA: No data"),
    (62, "ETIME", c"ETIME: Timer expired"),
    (71, "EPROTO", c"EPROTO: Protocol error"),
    (77, "EBADMSG", c"EBADMSG: Bad message"),
    (78, "ENAMETOOLONG", c"ENAMETOOLONG: Name too long"),
    (79, "EOVERFLOW", c"EOVERFLOW: Value too large for its type"),
    (89, "ENOSYS", c"ENOSYS: Function not implemented"),
    (90, "ELOOP", c"ELOOP: Too many levels of links"),
    (91, "ERESTART", c"ERESTART: To be restarted"),
    (94, "EUSERS", c"EUSERS: Too many users"),
    (
        103,
        "EOPNOTSUPP",
        c"EOPNOTSUPP: Operation not supported by the protocol",
    ),
    (122, "ESTALE", c"ESTALE: Stale handle"),
    (236, "EINPROGRESS", c"EINPROGRESS: In progress"),
    (237, "EALREADY", c"EALREADY: Already in progress"),
    (238, "ENOTSOCK", c"ENOTSOCK: Not a socket"),
    (239, "EDESTADDRREQ", c"EDESTADDRREQ: Destination address required"),
    (240, "EMSGSIZE", c"EMSGSIZE: Message too long"),
    (
        241,
        "EPROTOTYPE",
        c"EPROTOTYPE: Wrong protocol type for the socket",
    ),
    (242, "ENOPROTOOPT", c"ENOPROTOOPT: Protocol option not available"),
    (243, "EPROTONOSUPPORT", c"EPROTONOSUPPORT: Protocol not supported"),
    (
        244,
        "ESOCKTNOSUPPORT",
        c"ESOCKTNOSUPPORT: Socket type not supported",
    ),
    (
        246,
        "EPFNOSUPPORT",
        c"EPFNOSUPPORT: Protocol family not supported",
    ),
    (247, "EAFNOSUPPORT", c"EAFNOSUPPORT: Address family not supported"),
    (248, "EADDRINUSE", c"EADDRINUSE: Address in use"),
    (249, "EADDRNOTAVAIL", c"EADDRNOTAVAIL: Address not available"),
    (250, "ENETDOWN", c"ENETDOWN: Network down"),
    (251, "ENETUNREACH", c"ENETUNREACH: Network unreachable"),
    (
        252,
        "ENETRESET",
        c"ENETRESET: Connection dropped by a network reset",
    ),
    (253, "ECONNABORTED", c"ECONNABORTED: Connection aborted"),
    (254, "ECONNRESET", c"ECONNRESET: Connection reset by the peer"),
    (256, "EISCONN", c"EISCONN: Already connected"),
    (257, "ENOTCONN", c"ENOTCONN: Not connected"),
    (258, "ESHUTDOWN", c"ESHUTDOWN: Shut down"),
    (259, "ETOOMANYREFS", c"ETOOMANYREFS: Too many references"),
    (260, "ETIMEDOUT", c"ETIMEDOUT: Timed out"),
    (261, "ECONNREFUSED", c"ECONNREFUSED: Connection refused"),
    (264, "EHOSTDOWN", c"EHOSTDOWN: Host down"),
    (265, "EHOSTUNREACH", c"EHOSTUNREACH: Host unreachable"),
];

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_strerror(error: c_int) -> *const c_char {
    // Verbs return negative numbers; both signs are understood.
    let number = error.checked_abs().unwrap_or(0);
    let text = match number {
        0 => c"EOK: Success",
        number => ERRORS
            .iter()
            .find(|(n, _, _)| *n == number)
            .map_or(c"unknown error", |(_, _, text)| *text),
    };
    text.as_ptr()
}
