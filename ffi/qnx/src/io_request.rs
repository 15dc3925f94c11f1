//! Messages that come of open(), close() and stat(): the few that a server without a resource-manager framework must answer.
//!
//! Numbers and layouts: `docs/qnx-resmgr.md`. Nothing here makes a call; every length is checked before what it measures is read.

use qnx_sys as sys;

use crate::Errno;

/// Subtype of `_IO_CONNECT`: open, serve the message behind, close.
const COMBINE_CLOSE: u16 = 1;
/// Subtype of `_IO_CONNECT`: open.
const OPEN: u16 = 2;
/// Where the path begins in a connect message.
const PATH: usize = 40;
/// `eflag`: the client's path ended in a slash.
const AS_DIRECTORY: u8 = 1;
/// Status of an answer to `_IO_STAT`: the form of the structure, here the one with 64-bit sizes and times.
// ON-TARGET: the number of the form of struct stat; inferred from _IO_XFLAG_DIR_STAT_FORM_T64_2008.
const FORM_T64_2008: i64 = 3;

/// A message of the system's own types, 0x100 to 0x1FF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoRequest {
    /// open(): answered with status 0 the connection is a descriptor; with an error open() fails with it.
    Open(Opening),
    /// stat() or access() by path: answered with a [`NodeStatus`], and nothing is open afterwards. `ls -l` sends it.
    StatByPath(Opening),
    /// fstat(): answered with a [`NodeStatus`].
    Stat,
    /// close(): answered with status 0; the connection is detached whatever the answer.
    Close,
    /// dup(), or fork() and spawn on behalf of the child, which fail with the error that this is answered with.
    Dup,
    /// Another type. `ENOSYS` is an honest answer to all of them.
    Other(u16),
}

/// What an opening asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What [`LinkedPath::link`](crate::LinkedPath::link) was given.
    pub handle: u32,
    /// To read.
    pub read: bool,
    /// To write.
    pub write: bool,
    /// O_CREAT and O_EXCL: the path must not exist.
    pub exclusive: bool,
    /// The path goes on behind the linked one.
    pub below: bool,
    /// The path was written as a directory's.
    pub as_directory: bool,
}

impl IoRequest {
    /// Reads `message`: what was received, no more. `None`: of another kind than the system's.
    ///
    /// # Errors
    /// What the message is to be answered with: `EBADMSG` it is cut or contradicts itself, `ENOSYS` a connect message of a subtype
    /// that is not served here.
    #[must_use]
    pub fn parse(message: &[u8]) -> Option<Result<Self, Errno>> {
        let kind = half(message, 0)?;
        let (low, high) = (number(sys::_IO_BASE), number(sys::_IO_MAX));
        if !(low..=high).contains(&kind) {
            return None;
        }
        let simple = |request, len| {
            Some(if message.len() < len {
                Err(Errno::EBADMSG)
            } else {
                Ok(request)
            })
        };
        match i32::from(kind) {
            sys::_IO_CONNECT => Some(connect(message)),
            sys::_IO_STAT => simple(Self::Stat, 8),
            sys::_IO_CLOSE => simple(Self::Close, 4),
            sys::_IO_DUP => simple(Self::Dup, 40),
            _ => Some(Ok(Self::Other(kind))),
        }
    }
}

fn connect(message: &[u8]) -> Result<IoRequest, Errno> {
    let field = |at| half(message, at).ok_or(Errno::EBADMSG);
    let subtype = field(2)?;
    let path_len = usize::from(field(34)?);
    let extra_len = usize::from(field(38)?);
    let (handle, ioflag) = (
        word(message, 16).ok_or(Errno::EBADMSG)?,
        word(message, 20).ok_or(Errno::EBADMSG)?,
    );
    let eflag = message.get(36).copied().ok_or(Errno::EBADMSG)?;
    if !matches!(subtype, COMBINE_CLOSE | OPEN) {
        return Err(Errno::ENOSYS);
    }
    let end = PATH.checked_add(path_len).ok_or(Errno::EBADMSG)?;
    let path = message.get(PATH..end).ok_or(Errno::EBADMSG)?;
    // One 0, at the end.
    let Some((0, rest)) = path.split_last() else {
        return Err(Errno::EBADMSG);
    };
    let exclusive = sys::O_CREAT.cast_unsigned() | sys::O_EXCL.cast_unsigned();
    let opening = Opening {
        handle,
        read: ioflag & 1 != 0,
        write: ioflag & 2 != 0,
        exclusive: ioflag & exclusive == exclusive,
        below: !rest.is_empty(),
        as_directory: eflag & AS_DIRECTORY != 0,
    };
    if subtype == OPEN {
        return Ok(IoRequest::Open(opening));
    }
    let second = message.get(end.next_multiple_of(8)..).ok_or(Errno::EBADMSG)?;
    if extra_len < 8 || second.len() < 8 {
        return Err(Errno::EBADMSG);
    }
    match half(second, 0).map(i32::from) {
        Some(sys::_IO_STAT) => Ok(IoRequest::StatByPath(opening)),
        _ => Err(Errno::ENOSYS),
    }
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_ne_bytes)
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_ne_bytes)
}

/// The message types are C `int`s that fit a message's first two bytes.
const fn number(kind: i32) -> u16 {
    (kind & 0xFFFF) as u16
}
const _: () = assert!(sys::_IO_BASE == 0x100 && sys::_IO_MAX == 0x1FF);

/// What stat() tells of a node that is neither file nor directory: a socket's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Permission bits, `0o666` and the like.
    pub permissions: u32,
    /// Owner.
    pub uid: i32,
    /// Group.
    pub gid: i32,
}

impl NodeStatus {
    /// Status that the answer is sent with.
    pub const STATUS: i64 = FORM_T64_2008;
    /// Bytes of the answer: a `struct stat`.
    pub const LEN: usize = size_of::<sys::stat>();

    /// The answer's bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        /// `S_IFSOCK`.
        const SOCKET: u32 = 0xC000;
        let mut bytes = [0; Self::LEN];
        let mut put = |at: usize, value: [u8; 4]| {
            for (to, from) in bytes.iter_mut().skip(at).zip(value) {
                *to = from;
            }
        };
        let links = 1_u32;
        put(
            core::mem::offset_of!(sys::stat, st_mode),
            (SOCKET | self.permissions & 0o7777).to_ne_bytes(),
        );
        put(core::mem::offset_of!(sys::stat, st_nlink), links.to_ne_bytes());
        put(core::mem::offset_of!(sys::stat, st_uid), self.uid.to_ne_bytes());
        put(core::mem::offset_of!(sys::stat, st_gid), self.gid.to_ne_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn connect_message(subtype: u16, ioflag: u32, path: &[u8], second: &[u8]) -> Vec<u8> {
        let mut bytes = std::vec![0; PATH];
        bytes[..2].copy_from_slice(&0x100_u16.to_ne_bytes());
        bytes[2..4].copy_from_slice(&subtype.to_ne_bytes());
        bytes[16..20].copy_from_slice(&7_u32.to_ne_bytes());
        bytes[20..24].copy_from_slice(&ioflag.to_ne_bytes());
        bytes[34..36].copy_from_slice(&(path.len() as u16).to_ne_bytes());
        bytes[38..40].copy_from_slice(&(second.len() as u16).to_ne_bytes());
        bytes.extend_from_slice(path);
        if !second.is_empty() {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            bytes.extend_from_slice(second);
        }
        bytes
    }

    const STAT: [u8; 8] = [4, 1, 0, 0, 0, 0, 0, 0];
    const PLAIN: Opening = Opening {
        handle: 7,
        read: true,
        write: true,
        exclusive: false,
        below: false,
        as_directory: false,
    };

    #[test]
    fn open_and_stat_by_path() {
        assert_eq!(
            IoRequest::parse(&connect_message(2, 3, &[0], &[])),
            Some(Ok(IoRequest::Open(PLAIN)))
        );
        assert_eq!(
            IoRequest::parse(&connect_message(2, 0x501, b"x/y\0", &[])),
            Some(Ok(IoRequest::Open(Opening {
                write: false,
                exclusive: true,
                below: true,
                ..PLAIN
            })))
        );
        let looks = Opening {
            read: false,
            write: false,
            ..PLAIN
        };
        assert_eq!(
            IoRequest::parse(&connect_message(1, 0, &[0], &STAT)),
            Some(Ok(IoRequest::StatByPath(looks)))
        );
        let mut slash = connect_message(2, 3, &[0], &[]);
        slash[36] = 1;
        let directory = Opening {
            as_directory: true,
            ..PLAIN
        };
        assert_eq!(IoRequest::parse(&slash), Some(Ok(IoRequest::Open(directory))));
    }

    #[test]
    fn what_is_not_served() {
        for subtype in [0, 3, 4, 5, 6, 7, 8, 9, 10, 0xFFFF] {
            assert_eq!(
                IoRequest::parse(&connect_message(subtype, 3, &[0], &STAT)),
                Some(Err(Errno::ENOSYS)),
                "subtype {subtype}"
            );
        }
        let read = [1, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            IoRequest::parse(&connect_message(1, 0, &[0], &read)),
            Some(Err(Errno::ENOSYS))
        );
        assert_eq!(IoRequest::parse(&[1, 1, 0, 0]), Some(Ok(IoRequest::Other(0x101))));
        assert_eq!(IoRequest::parse(&[0xFF, 1]), Some(Ok(IoRequest::Other(0x1FF))));
        for other in [&[][..], &[0], &[0xFF, 0], &[0, 2], &[0xFF, 0xFF]] {
            assert_eq!(IoRequest::parse(other), None, "{other:?}");
        }
    }

    /// Cut at every byte and with every length field wrong: an answer, never a read past the end.
    #[test]
    fn every_cut_and_every_length() {
        for whole in [
            connect_message(2, 3, b"below\0", &[]),
            connect_message(1, 0, &[0], &STAT),
        ] {
            for len in 2..whole.len() {
                assert_eq!(
                    IoRequest::parse(&whole[..len]),
                    Some(Err(Errno::EBADMSG)),
                    "cut at {len}"
                );
            }
            for len in 0..=u16::MAX {
                for at in [34, 38] {
                    let mut lying = whole.clone();
                    lying[at..at + 2].copy_from_slice(&len.to_ne_bytes());
                    let _ = IoRequest::parse(&lying);
                }
            }
        }
        for (kind, len) in [(0x104_u16, 8), (0x116, 4), (0x115, 40)] {
            let mut bytes = std::vec![0; len];
            bytes[..2].copy_from_slice(&kind.to_ne_bytes());
            assert!(matches!(IoRequest::parse(&bytes), Some(Ok(_))), "{kind:#x}");
            assert_eq!(IoRequest::parse(&bytes[..len - 1]), Some(Err(Errno::EBADMSG)));
        }
        let unended = connect_message(2, 3, b"x", &[]);
        assert_eq!(IoRequest::parse(&unended), Some(Err(Errno::EBADMSG)));
        assert_eq!(
            IoRequest::parse(&connect_message(2, 3, b"", &[])),
            Some(Err(Errno::EBADMSG))
        );
    }
}
