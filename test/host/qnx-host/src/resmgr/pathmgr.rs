//! pathmgr_link: a path for a channel without the dispatch layer. The server answers `_IO_CONNECT` and what follows by itself.

use core::ffi::c_int;

use super::layout::*;
use super::{dispatch, paths, registry};
use crate::errno::Errno;
use crate::process::process;

/// Flags and file types that a path can be attached with. `EINVAL`, `ENOTSUP`.
pub fn check_flags(file_type: c_int, flags: u32) -> Result<(), Errno> {
    let known = FLAG_BEFORE | FLAG_AFTER | FLAG_OPAQUE | FLAG_DIR | FLAG_SELF;
    if flags & (FLAG_FTYPEONLY | FLAG_FTYPEALL) != 0 || file_type != FTYPE_ANY {
        // Only the process manager's own kinds of objects are found by type.
        return Err(Errno::ENOTSUP);
    }
    let both = FLAG_BEFORE | FLAG_AFTER;
    if flags & !known != 0 || flags & both == both {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// The plain form of a path that is to be attached. `EINVAL` an empty one, `ENAMETOOLONG`.
pub fn checked_path(path: &str) -> Result<String, Errno> {
    if path.is_empty() {
        return Err(Errno::EINVAL);
    }
    let plain = paths::plain(path, &dispatch::current_directory()?).path;
    if plain.len() >= paths::PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    Ok(plain)
}

/// Puts channel `chid` of this process under `path`. The link's number.
/// `ESRCH` no such channel of ours, `EPERM` another process's, or without the ability PATHSPACE.
// ON-TARGET: the errno of pathmgr_link for a channel that is not there, and for another process's pid.
pub fn link(
    path: &str,
    pid: i32,
    chid: i32,
    handle: u32,
    file_type: c_int,
    flags: u32,
) -> Result<i32, Errno> {
    check_flags(file_type, flags)?;
    let plain = checked_path(path)?;
    let process = process();
    if pid != 0 && pid != process.pid {
        return Err(Errno::EPERM);
    }
    if process.channels.get(chid).is_none() {
        return Err(Errno::ESRCH);
    }
    registry::attach(&plain, chid, handle, file_type, flags)
}
