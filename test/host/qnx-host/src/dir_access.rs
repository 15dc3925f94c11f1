//! Who may use the runtime directory, and who may reach a process in it.
//!
//! A directory that only its owner can write to is one user's. One that others can write to is shared: it must have the
//! sticky bit (so that nobody removes another user's files) and belong to root or to ourselves. In a shared directory a
//! process is still reached by its own user and root only, unless it was started with `QNX_HOST_PUBLIC=1`.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;

use crate::config::config;
use crate::errno::Errno;
use crate::trace::line;

/// Write permission for others than the owner.
const SHARED: u32 = 0o022;
/// The sticky bit.
const STICKY: u32 = 0o1000;

/// Effective user id of the caller.
pub fn euid() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::geteuid() }
}

/// Makes the runtime directory and its parts if need be, and checks that no other user can interfere with what we put
/// there. `EACCES` if one could; a line on stderr says how.
pub fn prepare(dir: &Path, parts: &[&str]) -> Result<(), Errno> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    let meta = fs::symlink_metadata(dir)?;
    check(dir, &meta, meta.uid())?;
    let mode = meta.mode() & 0o1777;
    for part in parts {
        let part = dir.join(part);
        match DirBuilder::new().mode(0o700).create(&part) {
            Ok(()) if mode & SHARED != 0 => {
                let _ = std::os::unix::fs::chown(&part, None, Some(meta.gid()));
                // The last step: until then nobody else uses it.
                fs::set_permissions(&part, Permissions::from_mode(mode))?;
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        check(&part, &fs::symlink_metadata(&part)?, meta.uid())?;
    }
    Ok(())
}

/// `owner`: of the runtime directory, who is trusted with its parts.
fn check(dir: &Path, meta: &Metadata, owner: u32) -> Result<(), Errno> {
    let wrong = match problem(meta.is_dir(), meta.uid(), meta.mode(), owner, euid()) {
        None => return Ok(()),
        Some(wrong) => wrong,
    };
    line(format_args!(
        "runtime directory {}: {wrong} (it belongs to user {}, mode {:o}, and this is user {})",
        dir.display(),
        meta.uid(),
        meta.mode() & 0o7777,
        euid()
    ));
    Err(Errno::EACCES)
}

/// What is wrong with a directory for a process of user `us`.
fn problem(is_dir: bool, uid: u32, mode: u32, owner: u32, us: u32) -> Option<&'static str> {
    let trusted = uid == us || uid == 0 || uid == owner && (us == 0 || owner == 0);
    if !is_dir {
        Some("is not a directory")
    } else if mode & SHARED == 0 {
        (uid != us && us != 0).then_some("belongs to another user, who does not share it")
    } else if mode & STICKY == 0 {
        Some("others can write to it, and it has no sticky bit")
    } else if !trusted && us != 0 {
        Some("a shared directory must belong to root or to this user")
    } else {
        None
    }
}

/// True if this process lets other users' processes reach it.
fn is_public() -> bool {
    config().public
}

/// May a process of user `uid` reach this one?
pub fn admits(uid: u32) -> bool {
    uid == euid() || uid == 0 || is_public()
}

/// Mode of this process' socket: connecting takes write permission.
pub fn socket_mode() -> u32 {
    if is_public() { 0o666 } else { 0o600 }
}

/// Mode of the files that carry this process' names.
pub fn name_mode() -> u32 {
    if is_public() { 0o644 } else { 0o600 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_shared_directories() {
        const ME: u32 = 1000;
        let ok = |uid, mode, us| problem(true, uid, mode, uid, us).is_none();
        assert!(ok(ME, 0o700, ME) && ok(ME, 0o755, ME));
        assert!(ok(ME, 0o700, 0), "root may look into anybody's");
        assert!(!ok(ME, 0o700, 1001) && !ok(0, 0o755, ME), "not shared");
        assert!(ok(0, 0o1777, ME) && ok(0, 0o1770, ME) && ok(ME, 0o1777, ME));
        assert!(!ok(0, 0o777, ME) && !ok(ME, 0o770, ME), "no sticky bit");
        assert!(
            !ok(1001, 0o1777, ME),
            "a third user could remove what we put there"
        );
        assert!(problem(false, ME, 0o700, ME, ME).is_some());
    }

    #[test]
    fn parts_of_a_shared_directory() {
        const ME: u32 = 1000;
        let ok = |uid, us| problem(true, uid, 0o1777, 0, us).is_none();
        assert!(ok(0, ME) && ok(ME, ME));
        assert!(
            !ok(1001, ME),
            "made by another user, who could remove what we put there"
        );
    }
}
