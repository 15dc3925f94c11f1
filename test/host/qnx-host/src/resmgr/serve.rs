//! dispatch_handler: who gets what was received, connect messages, and how a handler's result becomes an answer.

use core::ffi::{c_int, c_void};
use core::ptr;
use std::sync::Arc;

use libc::iovec;

use super::attr_lock::AttrLock;
use super::bindings::{Link, OpenFile};
use super::layout::*;
use super::{Dispatch, context, serve_io, serve_pulse};
use crate::answer;
use crate::api::iofunc::iofunc_lock_ocb_default;
use crate::errno::Errno;
use crate::trace::trace;

/// Serves what the context holds. Errors of the program's functions go to the client, not to the caller.
pub fn handle(ctp: &mut Context) -> Result<(), Errno> {
    match ctp.rcvid {
        // A timeout, or dispatch_unblock.
        -1 => Ok(()),
        0 => serve_pulse::pulse(ctp),
        _ => message(ctp),
    }
}

/// The message's type; `None` if it is too short to have one.
fn kind(ctp: &Context) -> Option<u16> {
    // SAFETY: the buffer is aligned and has room for two bytes, valid ones if the size says so.
    (ctp.size >= 2).then(|| unsafe { ctp.msg.cast::<u16>().read() })
}

/// Bytes of the message buffer that are valid.
pub fn received(ctp: &Context) -> usize {
    ctp.size.min(ctp.msg_max_size)
}

fn message(ctp: &mut Context) -> Result<(), Errno> {
    // SAFETY: a context given to dispatch_handler is live, and so is its handle.
    let dispatch = unsafe { context::dispatch_of(ctp) };
    let Some(kind) = kind(ctp) else {
        return refuse(ctp, Errno::EBADMSG);
    };
    match kind {
        IO_CONNECT => connect(dispatch, ctp),
        // Below are the kernel's and the process manager's own messages.
        IO_READ..=IO_MAX => serve_io::io(dispatch, ctp, kind, kind == IO_CLOSE),
        _ => match dispatch.message_function(kind) {
            Some(called) => {
                // SAFETY: the program's function, with the arguments that it was attached with.
                let result = unsafe { (called.function)(ctp, i32::from(kind), 0, called.handle) };
                // It answers itself; what it did not know how to answer must not hang the client.
                if result == RESMGR_DEFAULT {
                    return refuse(ctp, Errno::ENOSYS);
                }
                Ok(())
            }
            None => serve_io::unknown(dispatch, ctp),
        },
    }
}

/// MsgError. That the client has left meanwhile is no concern of ours.
pub fn refuse(ctp: &Context, error: Errno) -> Result<(), Errno> {
    match answer::error(ctp.rcvid, error.0) {
        Err(Errno::ESRCH) => Ok(()),
        other => other,
    }
}

/// Turns what a handler returned into the client's answer.
///
/// # Safety
/// For a number of parts, that many of the context's are filled in.
pub unsafe fn finish(ctp: &Context, result: c_int) -> Result<(), Errno> {
    match result {
        RESMGR_NOREPLY => Ok(()),
        RESMGR_DEFAULT => refuse(ctp, Errno::ENOSYS),
        error if error > 0 => refuse(ctp, Errno(error)),
        parts => {
            // SAFETY: the context was made with at least as many parts as the program said it would use.
            let parts: &[iovec] = unsafe {
                core::slice::from_raw_parts((&raw const ctp.iov).cast(), parts.unsigned_abs() as usize)
            };
            // SAFETY: the parts are the program's memory, as it promised.
            match unsafe { context::reply(ctp, parts) } {
                // The client has left, or its buffer is bad: it knows.
                Err(Errno::ESRCH | Errno::EFAULT) => Ok(()),
                Err(error) => {
                    // Our own parts are bad: the client must not wait for ever.
                    let _ = answer::error(ctp.rcvid, Errno::ESRVRFAULT.0);
                    Err(error)
                }
                Ok(()) => Ok(()),
            }
        }
    }
}

/// Reads a message structure from the start of the buffer; `EBADMSG` if it did not come whole.
pub fn header<T: zerocopy::FromBytes>(ctp: &Context) -> Result<T, Errno> {
    // SAFETY: `received` bytes of the buffer are valid.
    let bytes = unsafe { core::slice::from_raw_parts(ctp.msg, received(ctp)) };
    T::read_from_prefix(bytes)
        .map(|(header, _)| header)
        .map_err(|_| Errno::EBADMSG)
}

fn connect(dispatch: &Dispatch, ctp: &mut Context) -> Result<(), Errno> {
    let Target {
        link,
        extra,
        subtype,
        combined,
    } = match connect_target(dispatch, ctp) {
        Ok(found) => found,
        Err(error) => return refuse(ctp, error),
    };
    ctp.id = link.id;
    let key = (ctp.info.scoid, ctp.info.coid);
    let index = usize::from(subtype - CONNECT_OPEN);
    // SAFETY: the program keeps its tables while the path is attached.
    let Some(handler) = (unsafe { ConnectFuncs::get(link.connect, index) }) else {
        return refuse(ctp, Errno::ENOSYS);
    };
    dispatch.connecting(key, &link);
    trace!(
        3,
        "link {}: connect message {subtype} of scoid {:#x} coid {:#x}", link.id, key.0, key.1
    );
    // SAFETY: the program's function, with the arguments that its table says.
    let result = unsafe { handler(ctp, ctp.msg.cast(), link.handle, extra) };
    if result != RESMGR_NOREPLY {
        dispatch.connected(|other| other == key);
    }
    let refused = result > 0 || result == RESMGR_DEFAULT;
    if refused && let Some(file) = dispatch.files(|files| files.unbind(key)) {
        // The handler bound a control block and then changed its mind.
        dispatch.release([file]);
    }
    if let Some(combined) = combined
        && !refused
        && result != RESMGR_NOREPLY
    {
        // The open has no answer of its own.
        return second_message(dispatch, ctp, combined);
    }
    // SAFETY: the handler filled in what it returned.
    unsafe { finish(ctp, result) }
}

/// Serves the message behind a connect message that combines the two; its answer is that of both.
fn second_message(dispatch: &Dispatch, ctp: &mut Context, combined: Combined) -> Result<(), Errno> {
    let Combined { at, kind, closes } = combined;
    // Handlers see the second message as if it had come alone.
    // SAFETY: `at` lies inside what was received, see `connect_target`.
    ctp.msg = unsafe { ctp.msg.add(at) };
    (ctp.offset, ctp.size, ctp.msg_max_size) = (at, ctp.size - at, ctp.msg_max_size - at);
    let served = serve_io::io(dispatch, ctp, kind, closes);
    // SAFETY: back to where it was.
    ctp.msg = unsafe { ctp.msg.sub(at) };
    (ctp.offset, ctp.size, ctp.msg_max_size) = (0, ctp.size + at, ctp.msg_max_size + at);
    served
}

/// The message behind a connect message of subtype COMBINE or COMBINE_CLOSE.
#[derive(Clone, Copy)]
struct Combined {
    /// Where it begins.
    at: usize,
    /// Its type.
    kind: u16,
    /// What was opened is closed again behind it.
    closes: bool,
}

/// What a connect message is about.
struct Target {
    /// The attached path.
    link: Arc<Link>,
    /// Data for the handler.
    extra: *mut c_void,
    /// What is wanted: from `CONNECT_OPEN` on.
    subtype: u16,
    combined: Option<Combined>,
}

fn connect_target(dispatch: &Dispatch, ctp: &Context) -> Result<Target, Errno> {
    let header: IoConnect = header(ctp)?;
    let served = CONNECT_COMBINE..=CONNECT_MOUNT;
    if !served.contains(&header.subtype) || header.subtype == CONNECT_RSVD_UNBLOCK {
        return Err(Errno::ENOSYS);
    }
    let combines = header.subtype < CONNECT_OPEN;
    let start = size_of::<IoConnect>();
    let room = received(ctp).checked_sub(start).ok_or(Errno::EBADMSG)?;
    let length = usize::from(header.path_len);
    if length > room {
        return Err(if ctp.size > ctp.msg_max_size {
            Errno::ENAMETOOLONG
        } else {
            Errno::EBADMSG
        });
    }
    // SAFETY: `length` bytes behind the header lie inside what was received.
    let path = unsafe { core::slice::from_raw_parts(ctp.msg.add(start), length) };
    // Handlers use it as a C string.
    if path.iter().position(|byte| *byte == 0) != length.checked_sub(1) {
        return Err(Errno::EBADMSG);
    }
    let id = i32::try_from(header.handle).map_err(|_| Errno::ENOENT)?;
    let link = dispatch.link(id).ok_or(Errno::ENOENT)?;
    let extra = (start + length).next_multiple_of(8);
    if combines {
        let room = received(ctp).checked_sub(extra).ok_or(Errno::EBADMSG)?;
        if room < size_of::<IoClose>() {
            return Err(Errno::EBADMSG);
        }
        // SAFETY: at least two bytes from there on were received; the buffer is aligned to 8, and so is `extra`.
        let kind = unsafe { ctp.msg.add(extra).cast::<u16>().read() };
        if !(IO_READ..=IO_MAX).contains(&kind) {
            return Err(Errno::ENOSYS);
        }
        let combined = Combined {
            at: extra,
            kind,
            closes: header.subtype == CONNECT_COMBINE_CLOSE,
        };
        return Ok(Target {
            link,
            extra: ptr::null_mut(),
            subtype: CONNECT_OPEN,
            combined: Some(combined),
        });
    }
    let extra = if header.extra_len == 0 {
        ptr::null_mut()
    } else if extra + usize::from(header.extra_len) <= received(ctp) {
        // SAFETY: inside what was received.
        unsafe { ctp.msg.add(extra) }.cast()
    } else {
        return Err(Errno::EBADMSG);
    };
    Ok(Target {
        link,
        extra,
        subtype: header.subtype,
        combined: None,
    })
}

/// Calls the program's close_ocb for a file that nobody uses any more.
///
/// The attributes are locked meanwhile where the control block is of the kind that iofunc knows; another kind's own lock
/// cannot be released after its block is gone.
pub fn close_ocb(dispatch: &Dispatch, file: &OpenFile) {
    // SAFETY: the program keeps its tables while files are open.
    let Some(close) = (unsafe { IoFuncs::get(file.io, io::CLOSE_OCB) }) else {
        return;
    };
    let mut pulse = crate::types::Pulse::default();
    let mut ctp = context::without_client(dispatch, file.link.id, (&raw mut pulse).cast());
    let attr_lock = attr_lock_of(file);
    if let Some(lock) = attr_lock {
        let _ = lock.lock(false);
    }
    trace!(3, "link {}: closing a control block", file.link.id);
    // SAFETY: the last use of the control block.
    unsafe { close(&mut ctp, ptr::null_mut(), file.ocb) };
    if let Some(lock) = attr_lock {
        let _ = lock.unlock();
    }
}

/// The lock in the attributes behind a control block of iofunc's kind.
fn attr_lock_of(file: &OpenFile) -> Option<&AttrLock> {
    let ours: IoHandler = iofunc_lock_ocb_default;
    // SAFETY: as in `close_ocb`.
    let lock_ocb = unsafe { IoFuncs::get(file.io, io::LOCK_OCB) }?;
    if !ptr::fn_addr_eq(lock_ocb, ours) || file.ocb.is_null() {
        return None;
    }
    // SAFETY: who uses iofunc's lock has a control block that begins as iofunc's.
    let attr = unsafe { (*file.ocb.cast::<Ocb>()).attr };
    // SAFETY: the attributes live as long as the path is attached or files are open.
    unsafe { attr.as_ref() }.map(|attr| &attr.lock)
}
