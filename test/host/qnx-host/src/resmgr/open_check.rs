//! Rules of opening and transferring: who may open, what the flags mean, which lengths are believed. Nothing here touches
//! the system or a message.

use super::layout::*;
use crate::errno::Errno;
use crate::types::{ClientInfo, O_ACCMODE, O_APPEND, O_CREAT, O_EXCL, O_TRUNC};

/// `ioflag` of a connect message for open()'s flags: the access mode becomes bits, the rest stays.
pub fn ioflag(oflag: i32) -> u32 {
    ((oflag & !O_ACCMODE) | ((oflag + 1) & O_ACCMODE)) as u32
}

/// The way back: what `fcntl(F_GETFL)` says.
pub fn oflag(ioflag: u32) -> u32 {
    (ioflag & !IO_FLAG_MASK) | ((ioflag & IO_FLAG_MASK).wrapping_sub(1) & O_ACCMODE as u32)
}

/// Flags that `fcntl(F_SETFL)` may change: APPEND, DSYNC, SYNC, RSYNC, NONBLOCK, ASYNC, LARGEFILE.
pub const SETTABLE: u32 = O_APPEND as u32 | 0x10 | 0x20 | 0x40 | 0x80 | 0x8000 | 0x1_0000;

/// May a client with these credentials do `wanted` to something that belongs to `uid` and `gid` with this mode?
///
/// `wanted`: owner's permission bits (0400 read, 0200 write, 0100 execute), and `S_ISUID` for "must be owner or root".
/// `EACCES`, `EPERM`.
pub fn check_access(mode: u32, uid: i32, gid: i32, client: &ClientInfo, wanted: u32) -> Result<(), Errno> {
    let cred = &client.cred;
    let root = cred.euid == 0;
    if wanted & S_ISUID != 0 && !root && cred.euid != uid {
        return Err(Errno::EPERM);
    }
    let wanted = (wanted >> 6) & 7;
    if root {
        // Root executes only what somebody may execute.
        let nobody_executes = mode & 0o111 == 0 && mode & S_IFMT != S_IFDIR;
        return if wanted & 1 != 0 && nobody_executes {
            Err(Errno::EACCES)
        } else {
            Ok(())
        };
    }
    let listed = cred.grouplist.len().min(cred.ngroups as usize);
    let allowed = if cred.euid == uid {
        mode >> 6
    } else if cred.egid == gid || cred.grouplist[..listed].contains(&gid) {
        mode >> 3
    } else {
        mode
    };
    if wanted & !allowed & 7 != 0 {
        Err(Errno::EACCES)
    } else {
        Ok(())
    }
}

/// Opening something that exists: does the request fit what it is? Then which permission bits it needs.
/// `EEXIST`, `ENOTDIR`, `EISDIR`.
pub fn check_open(mode: u32, ioflag: u32, as_directory: bool) -> Result<u32, Errno> {
    let exclusive = (O_CREAT | O_EXCL) as u32;
    if ioflag & exclusive == exclusive {
        return Err(Errno::EEXIST);
    }
    let directory = mode & S_IFMT == S_IFDIR;
    if as_directory && !directory {
        return Err(Errno::ENOTDIR);
    }
    if directory && ioflag & (IO_FLAG_WR | O_TRUNC as u32) != 0 {
        return Err(Errno::EISDIR);
    }
    let pairs = [
        (IO_FLAG_RD, 0o400),
        (IO_FLAG_WR, 0o200),
        (IO_FLAG_EX, 0o100),
        (O_TRUNC as u32, 0o200),
    ];
    Ok(pairs
        .iter()
        .filter(|(flag, _)| ioflag & flag != 0)
        .fold(0, |all, (_, bit)| all | bit))
}

/// Does a client that opened with `ioflag` wait? A message may override it.
pub fn is_nonblocking(ioflag: u32, xtype: u32) -> bool {
    const O_NONBLOCK: u32 = 0x80;
    if xtype & XFLAG_BLOCK != 0 {
        false
    } else {
        xtype & XFLAG_NONBLOCK != 0 || ioflag & O_NONBLOCK != 0
    }
}

/// Where lseek() leads. `EINVAL` before the beginning or for an unknown `whence`, `EOVERFLOW`.
pub fn seek(whence: i16, offset: i64, current: i64, size: i64) -> Result<i64, Errno> {
    let base = match whence {
        0 => 0,
        1 => current,
        2 => size,
        _ => return Err(Errno::EINVAL),
    };
    match base.checked_add(offset) {
        Some(position) if position < 0 => Err(Errno::EINVAL),
        Some(position) => Ok(position),
        None => Err(Errno::EOVERFLOW),
    }
}

/// A count of bytes that a server claims to have moved. `EIO` it claims more than there was: it is broken.
pub fn count(status: i64, asked: usize) -> Result<usize, Errno> {
    usize::try_from(status)
        .ok()
        .filter(|moved| *moved <= asked)
        .ok_or(Errno::EIO)
}

/// How much data a devctl() sends and takes, by the directions in the command. `EINVAL` data without a buffer, `EMSGSIZE`
/// more than the message's length field can say.
pub fn devctl_lengths(command: i32, bytes: usize, has_buffer: bool) -> Result<(usize, usize), Errno> {
    let command = command as u32;
    let moves = command & (DEVDIR_TO | DEVDIR_FROM) != 0 && bytes != 0;
    if moves && !has_buffer {
        return Err(Errno::EINVAL);
    }
    if bytes > u32::MAX as usize {
        return Err(Errno::EMSGSIZE);
    }
    let part = |direction| if command & direction != 0 { bytes } else { 0 };
    Ok((part(DEVDIR_TO), part(DEVDIR_FROM)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{CredInfo, O_RDONLY, O_RDWR, O_WRONLY};

    fn client(euid: i32, egid: i32, groups: &[i32]) -> ClientInfo {
        let mut cred = CredInfo {
            euid,
            egid,
            ngroups: groups.len() as u32,
            ..CredInfo::default()
        };
        cred.grouplist[..groups.len()].copy_from_slice(groups);
        ClientInfo {
            cred,
            ..ClientInfo::default()
        }
    }

    #[test]
    fn access_modes_become_bits_and_back() {
        for (flags, bits) in [(O_RDONLY, 1), (O_WRONLY, 2), (O_RDWR, 3)] {
            assert_eq!(ioflag(flags | O_APPEND), bits | O_APPEND as u32);
            assert_eq!(oflag(ioflag(flags | O_APPEND)), (flags | O_APPEND) as u32);
        }
    }

    #[test]
    fn owner_group_and_others() {
        let check = |mode, who: &ClientInfo, wanted| check_access(mode, 5, 50, who, wanted);
        let (owner, member, listed) = (client(5, 1, &[]), client(6, 50, &[]), client(6, 1, &[9, 50]));
        let (other, root) = (client(6, 1, &[]), client(0, 0, &[]));
        assert_eq!(check(0o640, &owner, 0o600), Ok(()));
        assert_eq!(check(0o640, &member, 0o400), Ok(()));
        assert_eq!(check(0o640, &listed, 0o400), Ok(()));
        assert_eq!(check(0o640, &member, 0o200), Err(Errno::EACCES));
        assert_eq!(check(0o640, &other, 0o400), Err(Errno::EACCES));
        // The owner's bits count for the owner, also when others have more.
        assert_eq!(check(0o046, &owner, 0o400), Err(Errno::EACCES));
        assert_eq!(check(0o000, &root, 0o600), Ok(()));
        assert_eq!(check(0o600, &root, 0o100), Err(Errno::EACCES));
        assert_eq!(check(0o610, &root, 0o100), Ok(()));
        assert_eq!(check(0o777, &other, S_ISUID), Err(Errno::EPERM));
        assert_eq!(check(0o000, &owner, S_ISUID), Ok(()));
    }

    #[test]
    fn a_group_list_that_claims_too_much_is_cut() {
        let mut who = client(6, 1, &[0; 8]);
        who.cred.ngroups = 1000;
        assert_eq!(check_access(0o070, 5, 50, &who, 0o400), Err(Errno::EACCES));
    }

    #[test]
    fn requests_that_do_not_fit() {
        let flags = |oflag| ioflag(oflag);
        assert_eq!(check_open(0x5000, flags(O_RDWR), false), Ok(0o600));
        assert_eq!(check_open(0x5000, flags(O_RDONLY | O_TRUNC), false), Ok(0o600));
        assert_eq!(check_open(0x5000, flags(O_RDONLY | O_CREAT), false), Ok(0o400));
        assert_eq!(
            check_open(0x5000, flags(O_CREAT | O_EXCL), false),
            Err(Errno::EEXIST)
        );
        assert_eq!(check_open(0x5000, flags(O_RDONLY), true), Err(Errno::ENOTDIR));
        assert_eq!(check_open(S_IFDIR, flags(O_WRONLY), true), Err(Errno::EISDIR));
        assert_eq!(check_open(S_IFDIR, flags(O_RDONLY), true), Ok(0o400));
    }

    #[test]
    fn positions_counts_and_lengths() {
        assert_eq!(seek(0, 7, 1, 10), Ok(7));
        assert_eq!(seek(1, -1, 1, 10), Ok(0));
        assert_eq!(seek(2, 5, 1, 10), Ok(15));
        assert_eq!(seek(1, -2, 1, 10), Err(Errno::EINVAL));
        assert_eq!(seek(3, 0, 1, 10), Err(Errno::EINVAL));
        assert_eq!(seek(1, i64::MAX, 1, 10), Err(Errno::EOVERFLOW));
        assert_eq!(count(5, 5), Ok(5));
        assert_eq!(count(6, 5), Err(Errno::EIO));
        assert_eq!(count(-1, 5), Err(Errno::EIO));
        let both = (DEVDIR_TO | DEVDIR_FROM) as i32;
        assert_eq!(devctl_lengths(both, 4, true), Ok((4, 4)));
        assert_eq!(devctl_lengths(DEVDIR_FROM as i32, 4, true), Ok((0, 4)));
        assert_eq!(devctl_lengths(0, 4, false), Ok((0, 0)));
        assert_eq!(devctl_lengths(both, 4, false), Err(Errno::EINVAL));
        assert_eq!(devctl_lengths(both, 1 << 32, true), Err(Errno::EMSGSIZE));
    }

    #[test]
    fn a_message_overrides_how_the_file_was_opened() {
        assert!(is_nonblocking(0x80, 0));
        assert!(!is_nonblocking(0x80, XFLAG_BLOCK));
        assert!(is_nonblocking(0, XFLAG_NONBLOCK));
        assert!(!is_nonblocking(0, 0));
    }
}
