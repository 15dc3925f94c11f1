//! Where libc 0.2.186 is wrong for QNX 8. Each line states both sides, so that it fails once libc is right and must then go.

use core::ffi::{c_int, c_uint, c_void};

/// Fails the build unless the two numbers are what is said here.
macro_rules! differs {
    ($($name:ident: ours $ours:literal, libc $theirs:literal);* $(;)?) => {
        $(const _: () = {
            assert!(crate::$name as i128 == $ours, concat!(stringify!($name), " of ours is not what the exception says"));
            assert!(libc::$name as i128 == $theirs, concat!(stringify!($name), " of libc has changed: is the exception due?"));
        };)*
    };
}

differs!(
    // Numbers of 7.x: QNX 8 counts the kinds of events from 0 (libc's own branch for target_os = "qnx" says 1 and 7).
    SIGEV_SIGNAL: ours 1, libc 129;
    SIGEV_THREAD: ours 7, libc 135;
    // 8 has two policies more.
    SCHED_MAXPOLICY: ours 9, libc 7;
);

// A rcvid is 64 bits wide on QNX 8; through libc it is cut to 32, in every call that takes or returns one.
const _: unsafe extern "C" fn(c_int, *mut c_void, usize, *mut libc::_msg_info64) -> c_int = libc::MsgReceive;
const _: unsafe extern "C" fn(c_int, *mut c_void, usize, *mut crate::_msg_info64) -> i64 = crate::MsgReceive;
// A pulse carries 64 bits on QNX 8; through libc the upper half is whatever the register held.
const _: unsafe extern "C" fn(c_int, c_int, c_int, c_int) -> c_int = libc::MsgSendPulse;
const _: unsafe extern "C" fn(c_int, c_int, c_int, i64) -> c_int = crate::MsgSendPulse;

// Shapes of the older stack io-pkt: QNX 8 has io-sock, with another length in the address of a link and a wider count.
const _: () = assert!(size_of::<libc::sockaddr_dl>() == 20 && size_of::<crate::sockaddr_dl>() == 54);
const fn _mmsghdr_of_libc(header: &libc::mmsghdr) -> c_uint {
    header.msg_len
}
const fn _mmsghdr_of_ours(header: &crate::mmsghdr) -> isize {
    header.msg_len
}

// Not comparable, its fields being private: libc's PTHREAD_MUTEX_INITIALIZER is that of releases before 8.
