//! What read, write, lseek, fstat, devctl and their like send on a descriptor that is a connection.

use core::ffi::c_void;

use libc::iovec;
use zerocopy::{FromZeros, IntoBytes};

use super::layout::*;
use super::open_check::{count, devctl_lengths};
use crate::api::guard::at_point;
use crate::attach;
use crate::errno::Errno;
use crate::parts::{one, total};
use crate::send;
use crate::sys;
use crate::types::{COF_CLOEXEC, Stat};

/// Offset argument of [`transfer`] for the file's own position.
pub const AT_POSITION: i64 = -1;

fn part<T: IntoBytes + zerocopy::Immutable>(message: &T) -> iovec {
    one(message.as_bytes().as_ptr().cast(), size_of::<T>())
}

/// The header of a transfer of `len` bytes, and the offset that follows it for pread and pwrite.
fn transfer_header(kinds: (u16, u16), len: usize, offset: i64) -> (IoTransfer, i64) {
    let long = len > u32::MAX as usize;
    let header = IoTransfer {
        kind: if long { kinds.1 } else { kinds.0 },
        combine_len: 0,
        nbytes: len as u32,
        xtype: if offset == AT_POSITION {
            XTYPE_NONE
        } else {
            XTYPE_OFFSET
        },
        nbytes_hi: (len as u64 >> 32) as u32,
    };
    (header, offset)
}

/// read() and its like: into `to`, from the file's position or from `offset`. How much came; 0 at the end.
///
/// # Safety
/// `to` is writable memory of ours.
pub unsafe fn read(fd: i32, to: &[iovec], offset: i64) -> Result<usize, Errno> {
    let len = total(to)?;
    let (header, offset) = transfer_header((IO_READ, IO_READ64), len, offset);
    let message = [part(&header), part(&offset)];
    let message = &message[..if offset == AT_POSITION { 1 } else { 2 }];
    // SAFETY: the header lives, and the caller vouches for `to`.
    count(
        at_point(|| unsafe { send::send_cancellable(fd, message, to) })?,
        len,
    )
}

/// write() and its like. How much the server took.
///
/// # Safety
/// `from` is readable memory of ours.
pub unsafe fn write(fd: i32, from: &[iovec], offset: i64) -> Result<usize, Errno> {
    let len = total(from)?;
    let (header, offset) = transfer_header((IO_WRITE, IO_WRITE64), len, offset);
    let mut message = vec![part(&header)];
    if offset != AT_POSITION {
        message.push(part(&offset));
    }
    message.extend_from_slice(from);
    // SAFETY: the header lives, and the caller vouches for `from`.
    count(
        at_point(|| unsafe { send::send_cancellable(fd, &message, &[]) })?,
        len,
    )
}

/// lseek(): the new position.
pub fn lseek(fd: i32, offset: i64, whence: i32) -> Result<i64, Errno> {
    let message = IoLseek {
        kind: IO_LSEEK,
        whence: i16::try_from(whence).map_err(|_| Errno::EINVAL)?,
        offset: offset as u64,
        ..IoLseek::default()
    };
    let mut position = 0i64;
    let answer = [one((&raw mut position).cast(), size_of::<i64>())];
    // SAFETY: both live across the call.
    unsafe { send::send(fd, &[part(&message)], &answer)? };
    Ok(position)
}

/// fstat().
pub fn stat(fd: i32) -> Result<Stat, Errno> {
    let message = IoWord {
        kind: IO_STAT,
        ..IoWord::default()
    };
    let mut image = Stat::default();
    let answer = [one((&raw mut image).cast(), size_of::<Stat>())];
    // SAFETY: both live across the call.
    unsafe { send::send(fd, &[part(&message)], &answer)? };
    Ok(image)
}

/// fchmod().
pub fn chmod(fd: i32, mode: u32) -> Result<(), Errno> {
    let message = IoWord {
        kind: IO_CHMOD,
        combine_len: 0,
        word: mode,
    };
    // SAFETY: the message lives.
    unsafe { send::send(fd, &[part(&message)], &[]) }.map(|_| ())
}

/// fchown().
pub fn chown(fd: i32, uid: i32, gid: i32) -> Result<(), Errno> {
    let message = IoChown {
        kind: IO_CHOWN,
        combine_len: 0,
        gid,
        uid,
    };
    // SAFETY: the message lives.
    unsafe { send::send(fd, &[part(&message)], &[]) }.map(|_| ())
}

/// fsync() and fdatasync().
pub fn sync(fd: i32, flag: u32) -> Result<(), Errno> {
    let message = IoWord {
        kind: IO_SYNC,
        combine_len: 0,
        word: flag,
    };
    // SAFETY: the message lives.
    unsafe { send::send(fd, &[part(&message)], &[]) }.map(|_| ())
}

/// devctl(): the device's own number. `ENOTTY` it does not know the command; `EBADF` no such descriptor.
///
/// # Safety
/// `data` is `bytes` long, readable and writable as the command's directions say, or null.
pub unsafe fn devctl(fd: i32, command: i32, data: *mut c_void, bytes: usize) -> Result<i32, Errno> {
    if !super::client::is_connection(fd) {
        // A file of Linux's has no commands of QNX's.
        sys::file_status(fd)?;
        return Err(Errno::ENOTTY);
    }
    let (to, from) = devctl_lengths(command, bytes, !data.is_null())?;
    let message = IoDevctl {
        kind: IO_DEVCTL,
        combine_len: 0,
        dcmd: command,
        nbytes: bytes as u32,
        zero: 0,
    };
    let mut reply = IoDevctlReply::new_zeroed();
    let sent = [part(&message), one(data, to)];
    let answer = [
        one((&raw mut reply).cast(), size_of::<IoDevctlReply>()),
        one(data, from),
    ];
    // SAFETY: the structures live, and the caller vouches for the data.
    match unsafe { send::send(fd, &sent, &answer) } {
        Ok(_) => Ok(reply.ret_val),
        Err(Errno::ENOSYS) => Err(Errno::ENOTTY),
        Err(error) => Err(error),
    }
}

/// fcntl(): duplicates and flags. Those of the open file are the server's.
pub fn control(fd: i32, command: i32, argument: i32) -> Result<i32, Errno> {
    match command {
        0 | 5 => super::client::dup(fd, argument, command == 5),
        1 => Ok((attach::flags(0, fd, 0, 0)? & COF_CLOEXEC) as i32),
        2 => attach::flags(0, fd, COF_CLOEXEC, argument as u32 & COF_CLOEXEC).map(|_| 0),
        3 => {
            let mut flags = 0i32;
            // SAFETY: four bytes for a command that gives four.
            unsafe { devctl(fd, DCMD_ALL_GETFLAGS as i32, (&raw mut flags).cast(), 4)? };
            Ok(flags)
        }
        4 => {
            let mut flags = argument;
            // SAFETY: four bytes for a command that takes four.
            unsafe { devctl(fd, DCMD_ALL_SETFLAGS as i32, (&raw mut flags).cast(), 4) }
        }
        _ => Err(Errno::EINVAL),
    }
}
