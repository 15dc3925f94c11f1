//! Contexts: what dispatch_block receives into, and how handlers reach the client's memory through them.

use core::ffi::c_void;
use core::ptr;

use libc::iovec;

use super::Dispatch;
use super::layout::Context;
use crate::answer;
use crate::api::guard::at_point;
use crate::errno::Errno;
use crate::parts::{one, scatter, total};
use crate::process::process;
use crate::queue::PulseItem;
use crate::receive;
use crate::sys;
use crate::thread::{self, Timeout};
use crate::types::{PRIORITY_DEFAULT, Pulse, TIMEOUT_RECEIVE};

/// Code of the pulse by which dispatch_unblock makes a thread look up. A client may send the same code, but does not know
/// the value that goes with it.
const CODE_UNBLOCK: i8 = i8::MIN;

/// A context with room for what has been attached to the handle until now; null when there is no memory. One allocation:
/// the structure, its parts, the message.
pub fn alloc(dispatch: &Dispatch) -> *mut Context {
    let (message, parts) = dispatch.room();
    let message = message.next_multiple_of(8);
    let before = size_of::<Context>() + (parts - 1) * size_of::<iovec>();
    // SAFETY: plain call; a size that is not 0.
    let memory = unsafe { libc::calloc(1, before + message) }.cast::<u8>();
    if memory.is_null() {
        return ptr::null_mut();
    }
    let context = memory.cast::<Context>();
    // SAFETY: all-zero memory is a valid context, large and aligned enough.
    let fields = unsafe { &mut *context };
    // SAFETY: the message lies behind the parts in the same block.
    fields.msg = unsafe { memory.add(before) };
    fields.msg_max_size = message;
    fields.dpp = ptr::from_ref(dispatch).cast_mut().cast();
    context
}

/// Frees a context.
///
/// # Safety
/// Null or from [`alloc`], freed once.
pub unsafe fn free(context: *mut Context) {
    // SAFETY: as the caller promises.
    unsafe { libc::free(context.cast()) };
}

/// The dispatch handle of a context.
///
/// # Safety
/// The context is one of ours and its handle has not been destroyed.
pub unsafe fn dispatch_of<'a>(context: &Context) -> &'a Dispatch {
    // SAFETY: as the caller promises.
    unsafe { &*context.dpp.cast::<Dispatch>() }
}

/// dispatch_block: receives a message (rcvid) or a pulse (0) into the context. After the handle's timeout, or after
/// dispatch_unblock, rcvid is -1. Errors are those of MsgReceive.
pub fn block(context: &mut Context) -> Result<(), Errno> {
    // SAFETY: a context given to dispatch_block is live, and so is its handle.
    let dispatch = unsafe { dispatch_of(context) };
    if let Some(limit) = dispatch.timeout() {
        thread::arm_timeout(Timeout {
            states: TIMEOUT_RECEIVE,
            deadline: sys::now_ns().saturating_add(limit).min(sys::FOREVER - 1),
        });
    }
    let room = [one(context.msg.cast_const().cast(), context.msg_max_size)];
    context.status = 0;
    context.offset = 0;
    context.id = 0;
    // SAFETY: the message buffer and the information belong to this context alone.
    let received =
        at_point(|| unsafe { receive::receive(dispatch.chid, &room, &raw mut context.info, false) });
    context.rcvid = match received {
        Ok(0) => {
            context.size = size_of::<Pulse>();
            let pulse = pulse_of(context);
            if pulse.code == CODE_UNBLOCK && pulse.value == process().nonce {
                -1
            } else {
                0
            }
        }
        Ok(rcvid) => {
            context.size = usize::try_from(context.info.msglen).map_err(|_| Errno::EINVAL)?;
            rcvid
        }
        Err(Errno::ETIMEDOUT) if dispatch.timeout().is_some() => -1,
        Err(error) => return Err(error),
    };
    Ok(())
}

/// The pulse that a context holds.
pub fn pulse_of(context: &Context) -> Pulse {
    // SAFETY: every message buffer has room for a pulse, and it is aligned to 8.
    unsafe { context.msg.cast::<Pulse>().read() }
}

/// dispatch_unblock: one thread in dispatch_block comes back with rcvid -1.
pub fn unblock(context: &Context) {
    // SAFETY: as in `block`.
    let dispatch = unsafe { dispatch_of(context) };
    let process = process();
    if let Some(channel) = process.channels.get(dispatch.chid) {
        let pulse = PulseItem {
            code: CODE_UNBLOCK,
            priority: PRIORITY_DEFAULT,
            value: process.nonce,
            scoid: 0,
        };
        channel.push_pulse(pulse, true);
    }
}

/// resmgr_msgread: the client's message from `offset` of the message at hand on.
///
/// # Safety
/// `to` is writable memory of ours.
pub unsafe fn read(context: &Context, to: &[iovec], offset: usize) -> Result<usize, Errno> {
    let offset = offset.checked_add(context.offset).ok_or(Errno::EOVERFLOW)?;
    // SAFETY: as the caller promises.
    unsafe { answer::read(context.rcvid, to, offset) }
}

/// resmgr_msgget: as [`read`], but what has been received already is not fetched again.
///
/// # Safety
/// `to` is writable memory of ours.
pub unsafe fn get(context: &Context, to: &[iovec], offset: usize) -> Result<usize, Errno> {
    let wanted = total(to)?;
    let here = context.size.saturating_sub(offset).min(wanted);
    if here != wanted {
        // SAFETY: as the caller promises.
        return unsafe { read(context, to, offset) };
    }
    // SAFETY: `here` bytes from `offset` on lie inside what was received; the caller vouches for `to`.
    Ok(unsafe { scatter(to, 0, context.msg.add(offset), here) })
}

/// resmgr_msgwrite: into the client's reply buffers, at `offset`.
///
/// # Safety
/// `from` is readable memory of ours.
pub unsafe fn write(context: &Context, from: &[iovec], offset: usize) -> Result<usize, Errno> {
    // SAFETY: as the caller promises.
    unsafe { answer::write(context.rcvid, from, offset) }
}

/// resmgr_msgreply: answers with the context's status.
///
/// # Safety
/// `from` is readable memory of ours.
pub unsafe fn reply(context: &Context, from: &[iovec]) -> Result<(), Errno> {
    // SAFETY: as the caller promises.
    unsafe { answer::reply(context.rcvid, context.status, from) }
}

/// A context for a handler that has no client to answer: what the kernel says, and no message.
pub fn without_client(dispatch: &Dispatch, link: i32, message: *mut c_void) -> Context {
    Context {
        rcvid: 0,
        info: crate::types::MsgInfo::default(),
        msg: message.cast(),
        dpp: ptr::from_ref(dispatch).cast_mut().cast(),
        id: link,
        extra: ptr::null_mut(),
        msg_max_size: 0,
        status: 0,
        offset: 0,
        size: 0,
        iov: [one(ptr::null(), 0)],
    }
}
