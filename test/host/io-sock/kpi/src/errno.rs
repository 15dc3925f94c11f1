//! Error numbers: QNX's, and how Linux's become them.

use std::ffi::c_int;

macro_rules! errnos {
    ($($name:ident $number:literal;)*) => {
        $(#[doc = concat!("`", stringify!($name), "` of QNX.")] pub const $name: c_int = $number;)*
        /// The name of a QNX error number.
        pub fn name(errno: c_int) -> Option<&'static str> {
            match errno {
                $($number => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

errnos! {
    EPERM 1; ENOENT 2; ESRCH 3; EINTR 4; EIO 5; ENXIO 6; EBADF 9; EAGAIN 11; ENOMEM 12; EACCES 13; EFAULT 14; EBUSY 16; EEXIST 17;
    ENODEV 19; EINVAL 22; ENFILE 23; EMFILE 24; EFBIG 27; ENOSPC 28; EPIPE 32; EDOM 33; EDEADLK 45; ENOTSUP 48; EPROTO 71;
    ENOSYS 89; ERESTART 91; EOPNOTSUPP 103; EINPROGRESS 236; EALREADY 237; ENOTSOCK 238; EDESTADDRREQ 239; EMSGSIZE 240;
    EPROTOTYPE 241; ENOPROTOOPT 242; EPROTONOSUPPORT 243; ESOCKTNOSUPPORT 244; EPFNOSUPPORT 246; EAFNOSUPPORT 247;
    EADDRINUSE 248; EADDRNOTAVAIL 249; ENETDOWN 250; ENETUNREACH 251; ENETRESET 252; ECONNABORTED 253; ECONNRESET 254;
    ENOBUFS 255; EISCONN 256; ENOTCONN 257; ESHUTDOWN 258; ETIMEDOUT 260; ECONNREFUSED 261; EHOSTDOWN 264; EHOSTUNREACH 265;
}

/// `EWOULDBLOCK`, the same number as [`EAGAIN`].
pub const EWOULDBLOCK: c_int = EAGAIN;

/// The QNX number of a Linux error. Those below 35 are the same; one that QNX does not have becomes `EIO`.
pub fn from_linux(errno: c_int) -> c_int {
    match errno {
        0..=34 => errno,
        libc::ENOSYS => ENOSYS,
        libc::EPROTO => EPROTO,
        libc::EOPNOTSUPP => EOPNOTSUPP,
        libc::EINPROGRESS => EINPROGRESS,
        libc::EALREADY => EALREADY,
        libc::ENOTSOCK => ENOTSOCK,
        libc::EDESTADDRREQ => EDESTADDRREQ,
        libc::EMSGSIZE => EMSGSIZE,
        libc::EPROTOTYPE => EPROTOTYPE,
        libc::ENOPROTOOPT => ENOPROTOOPT,
        libc::EPROTONOSUPPORT => EPROTONOSUPPORT,
        libc::ESOCKTNOSUPPORT => ESOCKTNOSUPPORT,
        libc::EPFNOSUPPORT => EPFNOSUPPORT,
        libc::EAFNOSUPPORT => EAFNOSUPPORT,
        libc::EADDRINUSE => EADDRINUSE,
        libc::EADDRNOTAVAIL => EADDRNOTAVAIL,
        libc::ENETDOWN => ENETDOWN,
        libc::ENETUNREACH => ENETUNREACH,
        libc::ENETRESET => ENETRESET,
        libc::ECONNABORTED => ECONNABORTED,
        libc::ECONNRESET => ECONNRESET,
        libc::ENOBUFS => ENOBUFS,
        libc::EISCONN => EISCONN,
        libc::ENOTCONN => ENOTCONN,
        libc::ESHUTDOWN => ESHUTDOWN,
        libc::ETIMEDOUT => ETIMEDOUT,
        libc::ECONNREFUSED => ECONNREFUSED,
        libc::EHOSTDOWN => EHOSTDOWN,
        libc::EHOSTUNREACH => EHOSTUNREACH,
        _ => EIO,
    }
}
