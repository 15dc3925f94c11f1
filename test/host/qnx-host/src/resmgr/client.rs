//! The client's side of an attached path: finding the server, connecting, and the descriptor that comes of it.

use core::sync::atomic::Ordering;

use zerocopy::IntoBytes;

use super::layout::*;
use super::open_check::ioflag;
use super::registry::{self, Record};
use super::{dispatch, paths};
use crate::attach;
use crate::errno::Errno;
use crate::parts::one;
use crate::process::process;
use crate::send;
use crate::trace::trace;
use crate::types::{COF_CLOEXEC, MsgInfo, O_CLOEXEC, Stat};

/// Private bit beside a connection's `_NTO_COF_*`: it was opened, so the server has a control block for it.
const OPENED: u32 = 0x8000_0000;
/// `SH_DENYNO`.
const SHARE_ALL: u16 = 0x40;

/// What the servers of a path said to open().
#[derive(Debug)]
pub enum Opened {
    /// One of them took it: a descriptor, which is a connection.
    Fd(i32),
    /// None of them did, and what lies below the path may be asked: the error that the first gave, if there was one.
    Below(Option<Errno>),
}

/// A descriptor of this process that is a connection.
pub fn is_connection(fd: i32) -> bool {
    process().coids.get(fd).is_some()
}

/// True if the descriptor was opened or duplicated here, so that its server is to be told when it is closed.
pub fn is_opened(fd: i32) -> bool {
    let coid = process().coids.get(fd);
    coid.is_some_and(|coid| coid.flags.load(Ordering::Relaxed) & OPENED != 0)
}

fn mark_opened(fd: i32) {
    if let Some(coid) = process().coids.get(fd) {
        coid.flags.fetch_or(OPENED, Ordering::Relaxed);
    }
}

/// Sends a message of plain structures and gets the status.
fn send_plain(fd: i32, message: &[u8], path: &[u8]) -> Result<i64, Errno> {
    let parts = [
        one(message.as_ptr().cast(), message.len()),
        one(path.as_ptr().cast(), path.len()),
    ];
    // SAFETY: two slices to read, and no answer's data.
    unsafe { send::send(fd, &parts, &[]) }
}

/// open(): asks the servers of `path`, longest attached path first. A server that does not know the path (`ENOENT`,
/// `ENOSYS`), or has died, leaves it to the next, unless it attached as opaque. Other errors are the result.
pub fn open(path: &str, oflag: i32, mode: u32) -> Result<Opened, Errno> {
    open_with(path, ioflag(oflag), oflag & O_CLOEXEC != 0, mode)
}

/// stat(): opens with neither reading nor writing, asks, and closes, all in one message. `None`: no server knows the path.
pub fn status(path: &str) -> Result<Option<Stat>, Errno> {
    let mut image = Stat::default();
    let asked = try_each(path, |record, rest, directory| {
        let request = IoWord {
            kind: IO_STAT,
            ..IoWord::default()
        };
        let header = IoConnect {
            subtype: CONNECT_COMBINE_CLOSE,
            extra_len: size_of::<IoWord>() as u16,
            ..header(record, rest, directory)
        };
        let mut path = rest.as_bytes().to_vec();
        // The message behind the path begins at a multiple of 8.
        let end = (size_of::<IoConnect>() + path.len() + 1).next_multiple_of(8);
        path.resize(end - size_of::<IoConnect>(), 0);
        path.extend_from_slice(request.as_bytes());
        let fd = attach::attach(record.pid, record.chid, 0, COF_CLOEXEC, record.nonce)?;
        let parts = [
            one(header.as_bytes().as_ptr().cast(), size_of::<IoConnect>()),
            one(path.as_ptr().cast(), path.len()),
        ];
        let answer = [one((&raw mut image).cast(), size_of::<Stat>())];
        // SAFETY: two slices to read, and a structure of numbers to write, all alive.
        let sent = unsafe { send::send(fd, &parts, &answer) };
        // Nothing is open: no message tells the server.
        let _ = attach::detach(fd);
        sent.map(|_| 0)
    })?;
    Ok(match asked {
        Opened::Fd(_) => Some(image),
        Opened::Below(_) => None,
    })
}

fn open_with(path: &str, ioflag: u32, cloexec: bool, mode: u32) -> Result<Opened, Errno> {
    try_each(path, |record, rest, directory| {
        connect(record, rest, directory, ioflag, cloexec, mode)
    })
}

/// Asks the servers of a path one after the other, until one takes it or refuses it for good.
fn try_each(
    path: &str,
    mut ask: impl FnMut(&Record, &str, bool) -> Result<i32, Errno>,
) -> Result<Opened, Errno> {
    let plain = paths::plain(path, &dispatch::current_directory()?);
    let mut first = None;
    for (record, rest) in registry::candidates(&plain.path)? {
        if rest.len() >= paths::PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let error = match ask(&record, &rest, plain.directory) {
            Ok(fd) => return Ok(Opened::Fd(fd)),
            Err(error) => error,
        };
        trace!(
            2,
            "open {}: pid {} said {}",
            plain.path,
            record.pid,
            crate::errno::errno_name(error.0)
        );
        match error {
            // Dead, or died meanwhile: as if it had never attached.
            Errno::ESRCH | Errno::EBADF => {}
            Errno::ENOENT | Errno::ENOSYS if record.flags & FLAG_OPAQUE == 0 => {
                first.get_or_insert(error);
            }
            error => return Err(error),
        }
    }
    Ok(Opened::Below(first))
}

/// What every connect message about `rest` has.
fn header(record: &Record, rest: &str, directory: bool) -> IoConnect {
    IoConnect {
        kind: IO_CONNECT,
        subtype: CONNECT_OPEN,
        file_type: record.file_type as u32,
        handle: record.handle,
        sflag: SHARE_ALL,
        path_len: rest.len() as u16 + 1,
        eflag: if directory { EFLAG_DIR } else { 0 },
        ..IoConnect::default()
    }
}

fn connect(
    record: &Record,
    rest: &str,
    directory: bool,
    ioflag: u32,
    cloexec: bool,
    mode: u32,
) -> Result<i32, Errno> {
    let flags = if cloexec { COF_CLOEXEC } else { 0 };
    let fd = attach::attach(record.pid, record.chid, 0, flags, record.nonce)?;
    let mut path = rest.as_bytes().to_vec();
    path.push(0);
    let message = IoConnect {
        ioflag,
        mode,
        ..header(record, rest, directory)
    };
    match send_plain(fd, message.as_bytes(), &path) {
        Ok(_) => {
            mark_opened(fd);
            Ok(fd)
        }
        Err(error) => {
            let _ = attach::detach(fd);
            Err(error)
        }
    }
}

/// close(): tells the server and ends the connection, which happens whatever the server says. Its error is the result.
/// Blocks until the server has answered.
pub fn close(fd: i32) -> Result<(), Errno> {
    let told = if is_opened(fd) {
        let message = IoClose {
            kind: IO_CLOSE,
            combine_len: 0,
        };
        send_plain(fd, message.as_bytes(), &[])
    } else {
        Ok(0)
    };
    attach::detach(fd)?;
    match told {
        // A dead server has closed everything already.
        Ok(_) | Err(Errno::ESRCH | Errno::EBADF | Errno::ENOSYS) => Ok(()),
        Err(error) => Err(error),
    }
}

/// dup(): another descriptor, `lowest` or above, for the same open file. `EBADF` the server is dead.
pub fn dup(fd: i32, lowest: i32, cloexec: bool) -> Result<i32, Errno> {
    let coid = process().coids.get(fd).ok_or(Errno::EBADF)?;
    let index = u32::try_from(lowest).map_err(|_| Errno::EINVAL)?;
    let flags = if cloexec { COF_CLOEXEC } else { 0 };
    let new = attach::attach(coid.conn.pid, coid.conn.chid, index, flags, 0);
    let new = new.map_err(|error| {
        if error == Errno::ESRCH {
            Errno::EBADF
        } else {
            error
        }
    })?;
    if !is_opened(fd) {
        return Ok(new);
    }
    let message = IoDup {
        kind: IO_DUP,
        info: MsgInfo {
            pid: coid.conn.pid,
            chid: coid.conn.chid,
            scoid: coid.conn.scoid,
            coid: fd,
            ..MsgInfo::default()
        },
        ..IoDup::default()
    };
    let parts = [one((&raw const message).cast(), size_of::<IoDup>())];
    // SAFETY: a live structure without padding to read.
    match unsafe { send::send(new, &parts, &[]) } {
        Ok(_) => {
            mark_opened(new);
            Ok(new)
        }
        Err(error) => {
            let _ = attach::detach(new);
            Err(error)
        }
    }
}
