//! QNX's `O_` flags in Linux's numbers.

use crate::errno::Errno;
use crate::process::process;
use crate::sys::check;
use crate::types::*;

const PAIRS: [(i32, i32); 12] = [
    (O_APPEND, libc::O_APPEND),
    (O_DSYNC, libc::O_DSYNC),
    (O_SYNC, libc::O_SYNC),
    (O_NONBLOCK, libc::O_NONBLOCK),
    (O_CREAT, libc::O_CREAT),
    (O_TRUNC, libc::O_TRUNC),
    (O_EXCL, libc::O_EXCL),
    (O_NOCTTY, libc::O_NOCTTY),
    (O_NOFOLLOW, libc::O_NOFOLLOW),
    (O_CLOEXEC, libc::O_CLOEXEC),
    (O_LARGEFILE, 0),
    (O_DIRECTORY, libc::O_DIRECTORY),
];

/// Translates; `EINVAL` for an access mode or a flag that Linux has nothing for.
pub fn to_linux(qnx: i32) -> Result<i32, Errno> {
    let access = match qnx & O_ACCMODE {
        O_RDONLY => libc::O_RDONLY,
        O_WRONLY => libc::O_WRONLY,
        O_RDWR => libc::O_RDWR,
        _ => return Err(Errno::EINVAL),
    };
    let known = PAIRS.iter().fold(O_ACCMODE, |all, (flag, _)| all | flag);
    if qnx & !known != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(PAIRS
        .iter()
        .filter(|(flag, _)| qnx & flag != 0)
        .fold(access, |all, (_, linux)| all | linux))
}

/// `fcntl()` commands 0 to 5.
pub fn control(fd: i32, cmd: i32, arg: i32) -> Result<i32, Errno> {
    const GET_FLAGS: i32 = 3;
    let (linux, arg) = match cmd {
        0 => (libc::F_DUPFD, arg),
        1 => (libc::F_GETFD, 0),
        2 => (libc::F_SETFD, arg & 1),
        GET_FLAGS => (libc::F_GETFL, 0),
        4 => (libc::F_SETFL, to_linux(arg & !O_ACCMODE)?),
        5 => (libc::F_DUPFD_CLOEXEC, arg),
        _ => return Err(Errno::EINVAL),
    };
    // SAFETY: none of these commands takes a pointer.
    let result = check(unsafe { libc::fcntl(fd, linux, arg) })?;
    if matches!(cmd, 0 | 5) {
        process().ranges.duplicated(fd, result);
    }
    Ok(if cmd == GET_FLAGS {
        from_linux(result)
    } else {
        result
    })
}

/// Linux's flags in QNX's numbers, as far as QNX has them.
fn from_linux(linux: i32) -> i32 {
    let access = linux & libc::O_ACCMODE;
    PAIRS
        .iter()
        .filter(|(_, flag)| *flag != 0 && linux & flag == *flag)
        .fold(access, |all, (qnx, _)| all | qnx)
}
