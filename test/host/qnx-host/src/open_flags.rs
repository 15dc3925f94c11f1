//! QNX's `O_` flags in Linux's numbers.

use crate::errno::Errno;
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
    Ok(PAIRS.iter().filter(|(flag, _)| qnx & flag != 0).fold(access, |all, (_, linux)| all | linux))
}
