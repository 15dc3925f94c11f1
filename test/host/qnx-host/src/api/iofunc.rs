//! The POSIX layer of resource managers: default handlers and the functions that they are made of. `sys/iofunc.h`.

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::{self, NonNull};

use super::calls;
use crate::errno::{EOK, Errno};
use crate::resmgr::layout::*;
use crate::resmgr::{iofunc, iofunc_attr, iofunc_open};
use crate::types::Stat;

/// What a handler returns: a result, or an error number.
fn result(result: Result<c_int, Errno>) -> c_int {
    result.unwrap_or_else(|error| error.0)
}

pub(super) fn number(done: Result<(), Errno>) -> c_int {
    result(done.map(|()| EOK))
}

/// A structure of the program's or of ours, by its C pointer; `EINVAL` for null.
///
/// # Safety
/// `pointer` null, or a valid `T` that nobody else uses meanwhile.
unsafe fn at<'a, T>(pointer: *mut c_void) -> Result<&'a mut T, Errno> {
    // SAFETY: as the caller promises.
    unsafe { pointer.cast::<T>().as_mut() }.ok_or(Errno::EINVAL)
}

/// As [`at`], to look at.
///
/// # Safety
/// `pointer` null, or a valid `T`.
pub(super) unsafe fn look<'a, T>(pointer: *const c_void) -> Result<&'a T, Errno> {
    // SAFETY: as the caller promises.
    unsafe { pointer.cast::<T>().as_ref() }.ok_or(Errno::EINVAL)
}

/// The context's message buffer, whose start the message and the answer share.
fn buffer<T>(message: *mut c_void) -> Result<NonNull<T>, Errno> {
    NonNull::new(message.cast()).ok_or(Errno::EINVAL)
}

/// # Safety
/// As `iofunc_read_verify`.
unsafe fn verify(msg: *mut c_void, ocb: *mut c_void, nonblock: *mut c_int, access: u32) -> Result<(), Errno> {
    // SAFETY: the handler's arguments.
    let nonblocking = unsafe { iofunc::verify(look(msg)?, look(ocb)?, access)? };
    if !nonblock.is_null() {
        // SAFETY: the caller's variable.
        unsafe { nonblock.write(c_int::from(nonblocking)) };
    }
    Ok(())
}

/// The handlers that iofunc_func_init puts into the table.
const DEFAULTS: [(usize, IoHandler); 13] = [
    (io::READ, iofunc_read_default),
    (io::WRITE, iofunc_write_default),
    (io::CLOSE_OCB, iofunc_close_ocb_default),
    (io::STAT, iofunc_stat_default),
    (io::DEVCTL, iofunc_devctl_default),
    (io::UNBLOCK, iofunc_unblock_default),
    (io::LSEEK, iofunc_lseek_default),
    (io::CHMOD, iofunc_chmod_default),
    (io::CHOWN, iofunc_chown_default),
    (io::CLOSE_DUP, iofunc_close_dup_default),
    (io::LOCK_OCB, iofunc_lock_ocb_default),
    (io::UNLOCK_OCB, iofunc_unlock_ocb_default),
    (io::SYNC, iofunc_sync_default),
];

// Messages, handles and control blocks are pointers without a type here: programs extend the structures, and the functions
// stand in their tables.
calls! {
    SYMBOLS;

    /// `iofunc_func_init()`: fills the tables with the defaults below, the rest with nulls.
    ["iofunc_func_init"]
    fn iofunc_func_init(nconnect: c_uint, connect: *mut ConnectFuncs, nio: c_uint, io: *mut IoFuncs) -> () = value {
        let (nconnect, nio) = ((nconnect as usize).min(CONNECT_NFUNCS), (nio as usize).min(IO_NFUNCS));
        if !connect.is_null() {
            // SAFETY: the caller's table has as many places as it says.
            unsafe {
                (&raw mut (*connect).nfuncs).write(nconnect as c_uint);
                let places = (&raw mut (*connect).funcs).cast::<Option<ConnectHandler>>();
                for index in 0..nconnect {
                    let open: ConnectHandler = iofunc_open_default;
                    places.add(index).write((index == connect::OPEN).then_some(open));
                }
            }
        }
        if !io.is_null() {
            // SAFETY: as above.
            unsafe {
                (&raw mut (*io).nfuncs).write(nio as c_uint);
                let places = (&raw mut (*io).funcs).cast::<Option<IoHandler>>();
                for index in 0..nio {
                    let default = DEFAULTS.iter().find(|(place, _)| *place == index);
                    places.add(index).write(default.map(|(_, handler)| *handler));
                }
            }
        }
    }

    /// `iofunc_attr_init()`: fresh attributes of mode `mode`, owned by `info`'s user, or by root.
    ["iofunc_attr_init"]
    fn iofunc_attr_init(attr: *mut c_void, mode: u32, dattr: *mut c_void, info: *mut c_void) -> () = value {
        // SAFETY: the caller's structures or null.
        let (directory, client) = unsafe { (look(dattr).ok(), look(info).ok()) };
        if !attr.is_null() {
            // SAFETY: room for the structure.
            unsafe { attr.cast::<Attr>().write(iofunc_attr::init(mode, directory, client)) };
        }
    }

    /// `iofunc_mount_init()`: a mount structure of `size` bytes with nothing in it.
    ["iofunc_mount_init"] fn iofunc_mount_init(mount: *mut c_void, size: usize) -> c_int = value {
        if mount.is_null() || size < size_of::<Mount>() {
            return Errno::EINVAL.0;
        }
        // SAFETY: the caller's structure, of which zeroes are a valid value.
        unsafe {
            ptr::write_bytes(mount.cast::<u8>(), 0, size_of::<Mount>());
            (*mount.cast::<Mount>()).size = size;
        }
        EOK
    }

    /// `iofunc_attr_lock()`: takes the lock in the attributes; recursive. Blocks.
    ["iofunc_attr_lock"] fn iofunc_attr_lock(attr: *mut c_void) -> c_int = value {
        // SAFETY: the caller's attributes.
        number(unsafe { look::<Attr>(attr) }.and_then(|attr| attr.lock.lock(false)))
    }

    /// `iofunc_attr_trylock()`: `EBUSY` if another thread has it.
    ["iofunc_attr_trylock"] fn iofunc_attr_trylock(attr: *mut c_void) -> c_int = value {
        // SAFETY: the caller's attributes.
        number(unsafe { look::<Attr>(attr) }.and_then(|attr| attr.lock.lock(true)))
    }

    /// `iofunc_attr_unlock()`: `EPERM` if the caller does not have it.
    ["iofunc_attr_unlock"] fn iofunc_attr_unlock(attr: *mut c_void) -> c_int = value {
        // SAFETY: the caller's attributes.
        number(unsafe { look::<Attr>(attr) }.and_then(|attr| attr.lock.unlock()))
    }

    /// `iofunc_lock_ocb_default()`: locks the attributes behind a control block.
    ["iofunc_lock_ocb_default"]
    fn iofunc_lock_ocb_default(_ctp: *mut Context, _reserved: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe { look(ocb) }.and_then(iofunc_attr::of).and_then(|attr| attr.lock.lock(false)))
    }

    /// `iofunc_unlock_ocb_default()`: unlocks them.
    ["iofunc_unlock_ocb_default"]
    fn iofunc_unlock_ocb_default(_ctp: *mut Context, _reserved: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe { look(ocb) }.and_then(iofunc_attr::of).and_then(|attr| attr.lock.unlock()))
    }

    /// `iofunc_open_default()`: checks the client's permission, makes a control block and binds it.
    ["iofunc_open_default"]
    fn iofunc_open_default(ctp: *mut Context, msg: *mut c_void, attr: *mut c_void, _extra: *mut c_void)
        -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe {
            look(msg).and_then(|msg| iofunc_open::open_default(ctp, msg, look(attr)?))
        })
    }

    /// `iofunc_read_verify()`: `EBADF` not opened for reading; says through `nonblock` whether the client will not wait.
    ["iofunc_read_verify"]
    fn iofunc_read_verify(_ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void, nonblock: *mut c_int)
        -> c_int = value {
        // SAFETY: the library's arguments, the caller's variable.
        number(unsafe { verify(msg, ocb, nonblock, IO_FLAG_RD) })
    }

    /// `iofunc_read_default()`: the check; then nothing to read. ON-TARGET: that iofunc_read_default says so.
    ["iofunc_read_default"]
    fn iofunc_read_default(_ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe { verify(msg, ocb, ptr::null_mut(), IO_FLAG_RD) })
    }

    /// `iofunc_write_verify()`: `EBADF` not opened for writing; says through `nonblock` whether the client will not wait.
    ["iofunc_write_verify"]
    fn iofunc_write_verify(_ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void, nonblock: *mut c_int)
        -> c_int = value {
        // SAFETY: the library's arguments, the caller's variable.
        number(unsafe { verify(msg, ocb, nonblock, IO_FLAG_WR) })
    }

    /// `iofunc_write_default()`: the check; then 0 bytes taken. ON-TARGET: that iofunc_write_default says so.
    ["iofunc_write_default"]
    fn iofunc_write_default(_ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe { verify(msg, ocb, ptr::null_mut(), IO_FLAG_WR) })
    }

    /// `iofunc_lseek()`: moves the control block's offset.
    ["iofunc_lseek"]
    fn iofunc_lseek(_ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void, attr: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments, the program's attributes.
        number(unsafe { look(msg).and_then(|msg| iofunc::lseek(msg, at(ocb)?, look(attr)?)) })
    }

    /// `iofunc_lseek_default()`: moves it and tells the client where it is.
    ["iofunc_lseek_default"]
    fn iofunc_lseek_default(ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        result(unsafe { at(ctp.cast()).and_then(|ctp| iofunc::lseek_default(ctp, buffer(msg)?, at(ocb)?)) })
    }

    /// `iofunc_devctl()`: the commands that every device knows; `_RESMGR_DEFAULT` for others.
    ["iofunc_devctl"]
    fn iofunc_devctl(ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void, _attr: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        result(unsafe { at(ctp.cast()).and_then(|ctp| iofunc::devctl(ctp, buffer(msg)?, at(ocb)?)) })
    }

    /// `iofunc_devctl_default()`: the same with the control block's own attributes.
    ["iofunc_devctl_default"]
    fn iofunc_devctl_default(ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        result(unsafe { at(ctp.cast()).and_then(|ctp| iofunc::devctl(ctp, buffer(msg)?, at(ocb)?)) })
    }

    /// `iofunc_stat()`: fills a status from attributes.
    ["iofunc_stat"] fn iofunc_stat(_ctp: *mut Context, attr: *mut c_void, info: *mut Stat) -> c_int = value {
        if info.is_null() {
            return Errno::EINVAL.0;
        }
        // SAFETY: the program's attributes, the caller's structure.
        number(unsafe { look(attr).map(|attr| info.write(iofunc::stat(attr))) })
    }

    /// `iofunc_stat_default()`: the client gets it.
    ["iofunc_stat_default"]
    fn iofunc_stat_default(ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        result(unsafe { at(ctp.cast()).and_then(|ctp| iofunc::stat_default(ctp, buffer(msg)?, look(ocb)?)) })
    }

    /// `iofunc_time_update()`: takes the times that the attributes' flags mark as due.
    ["iofunc_time_update"] fn iofunc_time_update(attr: *mut c_void) -> c_int = value {
        // SAFETY: the program's attributes.
        number(unsafe { look(attr) }.map(iofunc_attr::update_times))
    }

    /// `iofunc_chmod()`: permission bits; the client must be owner or root.
    ["iofunc_chmod"]
    fn iofunc_chmod(ctp: *mut Context, msg: *mut c_void, _ocb: *mut c_void, attr: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments, the program's attributes.
        number(unsafe { look(ctp.cast()).and_then(|ctp| iofunc::chmod(ctp, look(msg)?, look(attr)?)) })
    }

    /// `iofunc_chmod_default()`: the same with the control block's own attributes.
    ["iofunc_chmod_default"]
    fn iofunc_chmod_default(ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe {
            look(ctp.cast()).and_then(|ctp| iofunc::chmod(ctp, look(msg)?, iofunc_attr::of(look(ocb)?)?))
        })
    }

    /// `iofunc_chown()`: owner (root alone) and group.
    ["iofunc_chown"]
    fn iofunc_chown(ctp: *mut Context, msg: *mut c_void, _ocb: *mut c_void, attr: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments, the program's attributes.
        number(unsafe { look(ctp.cast()).and_then(|ctp| iofunc::chown(ctp, look(msg)?, look(attr)?)) })
    }

    /// `iofunc_chown_default()`: the same with the control block's own attributes.
    ["iofunc_chown_default"]
    fn iofunc_chown_default(ctp: *mut Context, msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe {
            look(ctp.cast()).and_then(|ctp| iofunc::chown(ctp, look(msg)?, iofunc_attr::of(look(ocb)?)?))
        })
    }

    /// `iofunc_sync_default()`: nothing is cached here.
    ["iofunc_sync_default"]
    fn iofunc_sync_default(_ctp: *mut Context, _msg: *mut c_void, _ocb: *mut c_void) -> c_int = value {
        EOK
    }

    /// `iofunc_close_dup_default()`: the times that are due; the library itself counts descriptors.
    ["iofunc_close_dup_default"]
    fn iofunc_close_dup_default(_ctp: *mut Context, _msg: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments.
        number(unsafe { look(ocb) }.and_then(iofunc_attr::of).map(iofunc_attr::update_times))
    }

    /// `iofunc_close_ocb_default()`: frees the control block.
    ["iofunc_close_ocb_default"]
    fn iofunc_close_ocb_default(_ctp: *mut Context, _reserved: *mut c_void, ocb: *mut c_void) -> c_int = value {
        // SAFETY: the library's arguments; the last use of the control block.
        number(unsafe { iofunc_open::close_ocb_default(ocb.cast()) })
    }

    /// `iofunc_unblock_default()`: no client is on a list of ours: `_RESMGR_DEFAULT`.
    ["iofunc_unblock_default"]
    fn iofunc_unblock_default(_ctp: *mut Context, _msg: *mut c_void, _ocb: *mut c_void) -> c_int = value {
        RESMGR_DEFAULT
    }

    /// `iofunc_unblock()`: no client is on a list of ours, since there are no file locks: `_RESMGR_DEFAULT`.
    ["iofunc_unblock"] fn iofunc_unblock(_ctp: *mut Context, _attr: *mut c_void) -> c_int = value {
        RESMGR_DEFAULT
    }
}
