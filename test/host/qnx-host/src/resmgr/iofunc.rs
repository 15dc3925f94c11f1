//! What most resource managers do alike with an open file: reading and writing checks, positions, status, commands.
//!
//! Functions give what a handler returns: `Ok` of a result (a negative number of parts among them), or an error number.

use core::ffi::c_int;
use core::ptr::NonNull;

use super::layout::*;
use super::open_check::{self, is_nonblocking, seek};
use super::{iofunc_attr, iofunc_open};
use crate::errno::Errno;
use crate::parts::one;
use crate::types::{ClientInfo, Stat};

/// Replies with `len` bytes at `data`: the first part of the context, which lives until the answer is sent.
fn reply_with<T>(ctp: &mut Context, data: *const T, len: usize) -> c_int {
    ctp.iov[0] = one(data.cast(), len);
    -1
}

/// iofunc_read_verify and iofunc_write_verify: `EBADF` not opened for `access`. Tells whether the client waits.
pub fn verify(message: &IoTransfer, ocb: &Ocb, access: u32) -> Result<bool, Errno> {
    let ioflag = ocb.ioflag as u32;
    if ioflag & access == 0 {
        return Err(Errno::EBADF);
    }
    Ok(is_nonblocking(ioflag, message.xtype))
}

/// iofunc_lseek: moves the position; the new one is in the control block.
pub fn lseek(message: &IoLseek, ocb: &mut Ocb, attr: &Attr) -> Result<(), Errno> {
    if matches!(attr.mode.get() & S_IFMT, S_IFIFO | S_IFSOCK) {
        return Err(Errno::ESPIPE);
    }
    ocb.offset = seek(
        message.whence,
        message.offset as i64,
        ocb.offset,
        attr.nbytes.get(),
    )?;
    Ok(())
}

/// iofunc_lseek_default: the client gets the new position.
///
/// # Safety
/// `message` is the context's message.
pub unsafe fn lseek_default(
    ctp: &mut Context,
    message: NonNull<IoLseek>,
    ocb: &mut Ocb,
) -> Result<c_int, Errno> {
    // SAFETY: the caller's message.
    let request = unsafe { message.read() };
    // SAFETY: the attributes outlive the control block, of which nothing else is borrowed.
    let attr = unsafe { ocb.attr.as_ref() }.ok_or(Errno::EINVAL)?;
    lseek(&request, ocb, attr)?;
    // SAFETY: the reply takes the place of the message, which is longer.
    unsafe { message.cast::<u64>().write(ocb.offset as u64) };
    Ok(reply_with(ctp, message.as_ptr(), size_of::<u64>()))
}

/// iofunc_stat: what fstat() says of the attributes. Times that are due are taken first.
pub fn stat(attr: &Attr) -> Stat {
    iofunc_attr::update_times(attr);
    // SAFETY: the program's structure or null.
    let mount = unsafe { attr.mount.get().as_ref() };
    let blocksize = mount.map_or(0, |mount| mount.blocksize.max(0)) as u32;
    let blocks = match blocksize {
        0 => 0,
        size => (attr.nbytes.get().max(0) as u64).div_ceil(u64::from(size)),
    };
    let (mtime, atime, ctime) = (attr.mtime.get(), attr.atime.get(), attr.ctime.get());
    Stat {
        ino: attr.inode.get(),
        size: attr.nbytes.get(),
        dev: mount.map_or(0, |mount| mount.dev),
        rdev: attr.rdev.get(),
        uid: attr.uid.get(),
        gid: attr.gid.get(),
        old_times: [mtime as u32, atime as u32, ctime as u32],
        mode: attr.mode.get(),
        nlink: attr.nlink.get(),
        blocksize,
        nblocks: blocks as i32,
        blksize: blocksize,
        blocks,
        mtim: [mtime, i64::from(attr.mtime_ns.get())],
        atim: [atime, i64::from(attr.atime_ns.get())],
        ctim: [ctime, i64::from(attr.ctime_ns.get())],
    }
}

/// iofunc_stat_default: the client gets it.
///
/// # Safety
/// `message` is the context's message buffer, which has room for the answer.
pub unsafe fn stat_default(ctp: &mut Context, message: NonNull<Stat>, ocb: &Ocb) -> Result<c_int, Errno> {
    let image = stat(iofunc_attr::of(ocb)?);
    // SAFETY: every message buffer has that much room and this alignment.
    unsafe { message.write(image) };
    Ok(reply_with(ctp, message.as_ptr(), size_of::<Stat>()))
}

/// iofunc_devctl: the commands that every device knows; `RESMGR_DEFAULT` for the rest. `EINVAL` no room for the data.
///
/// # Safety
/// `message` is the context's message.
pub unsafe fn devctl(ctp: &mut Context, message: NonNull<IoDevctl>, ocb: &mut Ocb) -> Result<c_int, Errno> {
    // SAFETY: the caller's message.
    let request = unsafe { message.read() };
    // SAFETY: the data lies behind the header, in a buffer that is much longer.
    let data = unsafe { message.add(1) }.cast::<u32>();
    let answer = match request.dcmd as u32 {
        DCMD_ALL_GETFLAGS => Some(open_check::oflag(ocb.ioflag as u32)),
        DCMD_ALL_GETMOUNTFLAGS => {
            let attr = iofunc_attr::of(ocb)?;
            // SAFETY: the program's structure or null.
            Some(unsafe { attr.mount.get().as_ref() }.map_or(0, |mount| mount.flags))
        }
        DCMD_ALL_SETFLAGS => None,
        _ => return Ok(RESMGR_DEFAULT),
    };
    if (request.nbytes as usize) < size_of::<u32>() {
        return Err(Errno::EINVAL);
    }
    let mut reply = IoDevctlReply::default();
    match answer {
        Some(value) => {
            // SAFETY: see `data`.
            unsafe { data.write(value) };
            reply.nbytes = size_of::<u32>() as u32;
        }
        None => {
            if super::serve::received(ctp) < size_of::<IoDevctl>() + size_of::<u32>() {
                return Err(Errno::EBADMSG);
            }
            // SAFETY: it has been received.
            let value = unsafe { data.read() };
            let kept = ocb.ioflag as u32 & !open_check::SETTABLE;
            ocb.ioflag = (kept | (value & open_check::SETTABLE)) as i32;
        }
    }
    let len = size_of::<IoDevctlReply>() + reply.nbytes as usize;
    // SAFETY: the reply takes the place of the header, which has the same size.
    unsafe { message.cast::<IoDevctlReply>().write(reply) };
    Ok(reply_with(ctp, message.as_ptr(), len))
}

/// Is the client of the context the file's owner, or root? `EPERM`.
fn must_own(ctp: &Context, attr: &Attr) -> Result<ClientInfo, Errno> {
    let client = iofunc_open::client_info(ctp)?;
    open_check::check_access(attr.mode.get(), attr.uid.get(), attr.gid.get(), &client, S_ISUID)?;
    Ok(client)
}

/// iofunc_chmod: permission bits of the file; owner or root. `EPERM`.
pub fn chmod(ctp: &Context, message: &IoWord, attr: &Attr) -> Result<(), Errno> {
    must_own(ctp, attr)?;
    attr.mode
        .set((attr.mode.get() & S_IFMT) | (message.word & 0o7777));
    iofunc_attr::mark(attr, ATTR_CTIME | ATTR_DIRTY_MODE);
    Ok(())
}

/// iofunc_chown: owner (root alone) and group (owner: one of its own; root) of the file; -1 leaves one as it is. `EPERM`.
pub fn chown(ctp: &Context, message: &IoChown, attr: &Attr) -> Result<(), Errno> {
    let cred = must_own(ctp, attr)?.cred;
    let listed = cred.grouplist.len().min(cred.ngroups as usize);
    let own_group = message.gid == cred.egid || cred.grouplist[..listed].contains(&message.gid);
    let keeps_owner = message.uid == -1 || message.uid == attr.uid.get();
    let keeps_group = message.gid == -1 || message.gid == attr.gid.get();
    if cred.euid != 0 && !(keeps_owner && (keeps_group || own_group)) {
        return Err(Errno::EPERM);
    }
    if message.uid != -1 {
        attr.uid.set(message.uid);
    }
    if message.gid != -1 {
        attr.gid.set(message.gid);
    }
    iofunc_attr::mark(attr, ATTR_CTIME | ATTR_DIRTY_OWNER);
    Ok(())
}
