//! Messages on an open file: from _IO_READ on.

use core::ptr;

use super::Dispatch;
use super::bindings::{Key, OpenFile};
use super::layout::*;
use super::serve::{finish, received, refuse};
use crate::errno::Errno;

fn key(ctp: &Context) -> Key {
    (ctp.info.scoid, ctp.info.coid)
}

/// Serves a message of the system's types. `closes`: the descriptor ends with it.
pub fn io(dispatch: &Dispatch, ctp: &mut Context, kind: u16, closes: bool) -> Result<(), Errno> {
    if kind == IO_DUP {
        return dup(dispatch, ctp);
    }
    let Some(file) = dispatch.files(|files| files.hold(key(ctp))) else {
        return refuse(ctp, Errno::EBADF);
    };
    ctp.id = file.link.id;
    let result = call(ctp, &file, index_of(&file, kind));
    if closes {
        // Whatever the handler thinks: the client is closing.
        let closed = dispatch.files(|files| files.unbind(key(ctp)));
        dispatch.release(closed);
    }
    // Before the answer: when the client has it, the control block is closed.
    dispatch.release([file]);
    // SAFETY: the handler filled in what it returned.
    unsafe { finish(ctp, result) }
}

/// A message of a type that nobody has attached: `other_func` of the path, if the client has it open.
pub fn unknown(dispatch: &Dispatch, ctp: &mut Context) -> Result<(), Errno> {
    let Some(file) = dispatch.files(|files| files.hold(key(ctp))) else {
        return refuse(ctp, Errno::ENOSYS);
    };
    ctp.id = file.link.id;
    let result = other(ctp, &file);
    dispatch.release([file]);
    // SAFETY: as above.
    unsafe { finish(ctp, result) }
}

fn other(ctp: &mut Context, file: &OpenFile) -> i32 {
    match file.link.other {
        // SAFETY: the program's function with the arguments that it asks for.
        Some(function) => unsafe { function(ctp, ctp.msg.cast()) },
        None => RESMGR_DEFAULT,
    }
}

/// The place of the handler. The 64-bit forms go to the plain one where the program has no other.
fn index_of(file: &OpenFile, kind: u16) -> Option<usize> {
    let index = usize::from(kind - IO_READ);
    // SAFETY: the program keeps its tables while files are open.
    let has = |index| unsafe { IoFuncs::get(file.io, index) }.is_some();
    let index = match index {
        io::READ64 if !has(index) => io::READ,
        io::WRITE64 if !has(index) => io::WRITE,
        // Places of functions that no message stands for.
        io::CLOSE_OCB
        | io::UNBLOCK
        | io::RESERVED
        | io::LOCK_OCB
        | io::UNLOCK_OCB
        | io::PAUSE
        | io::UNPAUSE => {
            return None;
        }
        index => index,
    };
    has(index).then_some(index)
}

/// Calls a handler with its control block locked. A message that is too short for its kind is refused.
fn call(ctp: &mut Context, file: &OpenFile, index: Option<usize>) -> i32 {
    let Some(index) = index else {
        return other(ctp, file);
    };
    let needed = match index {
        io::READ | io::WRITE | io::DEVCTL | io::LSEEK | io::READ64 | io::WRITE64 => size_of::<IoTransfer>(),
        io::CHOWN => size_of::<IoChown>(),
        io::STAT | io::CHMOD | io::SYNC => size_of::<IoWord>(),
        _ => size_of::<IoClose>(),
    };
    if received(ctp) < needed {
        return Errno::EBADMSG.0;
    }
    // SAFETY: the program's functions, with the control block that it bound and its tables.
    unsafe {
        let lock = IoFuncs::get(file.io, io::LOCK_OCB);
        if let Some(lock) = lock {
            let locked = lock(ctp, ptr::null_mut(), file.ocb);
            if locked > 0 {
                return locked;
            }
        }
        let result = match IoFuncs::get(file.io, index) {
            Some(handler) => handler(ctp, ctp.msg.cast(), file.ocb),
            None => RESMGR_DEFAULT,
        };
        if lock.is_some()
            && let Some(unlock) = IoFuncs::get(file.io, io::UNLOCK_OCB)
        {
            unlock(ctp, ptr::null_mut(), file.ocb);
        }
        result
    }
}

/// _IO_DUP: the sending coid becomes a second one of the file that `info.coid` stands for. Of the sender's own process
/// only: who it is says the kernel, not the message.
fn dup(dispatch: &Dispatch, ctp: &mut Context) -> Result<(), Errno> {
    if received(ctp) < size_of::<IoDup>() {
        return refuse(ctp, Errno::EBADMSG);
    }
    // SAFETY: that much has been received, and the buffer is aligned to 8.
    let message = unsafe { ctp.msg.cast::<IoDup>().read() };
    let (scoid, coid) = key(ctp);
    let from = (scoid, message.info.coid);
    let Some(file) = dispatch.files(|files| files.hold(from)) else {
        return refuse(ctp, Errno::EBADF);
    };
    ctp.id = file.link.id;
    let result = match index_of(&file, IO_DUP) {
        Some(index) => call(ctp, &file, Some(index)),
        None => 0,
    };
    // The default of the table is to let the library do it.
    let result = if result == RESMGR_DEFAULT { 0 } else { result };
    if result <= 0 {
        let replaced = dispatch.files(|files| files.bind_same(from, (scoid, coid)));
        dispatch.release(replaced.flatten());
    }
    dispatch.release([file]);
    // SAFETY: the handler filled in what it returned.
    unsafe { finish(ctp, result) }
}
