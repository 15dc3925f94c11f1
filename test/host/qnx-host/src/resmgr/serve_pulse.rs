//! Pulses that reach a dispatch handle: clients that go away or want out, and the program's own.

use core::ptr;

use super::Dispatch;
use super::bindings::OpenFile;
use super::context::{self, dispatch_of, pulse_of};
use super::layout::*;
use super::serve::finish;
use crate::answer;
use crate::attach;
use crate::errno::Errno;
use crate::trace::trace;
use crate::types::{MI_UNBLOCK_REQ, PULSE_CODE_DISCONNECT, PULSE_CODE_UNBLOCK, Pulse};

/// Serves the pulse in the context.
pub fn pulse(ctp: &mut Context) -> Result<(), Errno> {
    // SAFETY: a context given to dispatch_handler is live, and so is its handle.
    let dispatch = unsafe { dispatch_of(ctp) };
    let pulse = pulse_of(ctp);
    match pulse.code {
        PULSE_CODE_DISCONNECT => {
            client_gone(dispatch, pulse.scoid);
            call_attached(dispatch, ctp, &pulse);
            // The number is free now; the program's function may have done it.
            let _ = attach::detach(pulse.scoid);
            Ok(())
        }
        PULSE_CODE_UNBLOCK => client_wants_out(dispatch, ctp, &pulse),
        _ => {
            if !call_attached(dispatch, ctp, &pulse) {
                trace!(
                    1,
                    "chid {}: nobody takes pulse code {}", dispatch.chid, pulse.code
                );
            }
            Ok(())
        }
    }
}

/// Calls the function attached to the pulse's code.
fn call_attached(dispatch: &Dispatch, ctp: &mut Context, pulse: &Pulse) -> bool {
    let Some(called) = dispatch.pulse_function(pulse.code) else {
        return false;
    };
    // SAFETY: the program's function, with the arguments that it was attached with.
    unsafe { (called.function)(ctp, i32::from(pulse.code), 0, called.handle) };
    true
}

/// The last connection of a client is gone: closes what it had open.
fn client_gone(dispatch: &Dispatch, scoid: i32) {
    let files = dispatch.files(|files| files.unbind_all(|(owner, _), _| owner == scoid));
    trace!(2, "scoid {scoid:#x} gone with {} descriptors open", files.len());
    dispatch.connected(|(owner, _)| owner == scoid);
    dispatch.release(files);
}

/// A client that waits for an answer has had a signal or a timeout, or was killed. The program's handler decides; if
/// there is none, or it does not know the request, the client is let go with the kernel's reason.
///
/// ON-TARGET: whether QNX's library answers after _RESMGR_DEFAULT, or leaves the client to the program.
fn client_wants_out(dispatch: &Dispatch, ctp: &mut Context, pulse: &Pulse) -> Result<(), Errno> {
    let rcvid = pulse.value as i64;
    // Stale: it has been answered in the meantime.
    let Some(info) = answer::info(rcvid).ok() else {
        return Ok(());
    };
    if info.flags & MI_UNBLOCK_REQ == 0 {
        return Ok(());
    }
    let key = (info.scoid, info.coid);
    (ctp.rcvid, ctp.info) = (rcvid, info);
    let result = if let Some(file) = dispatch.files(|files| files.hold(key)) {
        ctp.id = file.link.id;
        let result = unblock_file(ctp, &file);
        dispatch.release([file]);
        result
    } else if let Some(link) = dispatch.connecting_to(key) {
        ctp.id = link.id;
        // SAFETY: the program's function, with the arguments that its table says.
        unsafe {
            match ConnectFuncs::get(link.connect, connect::UNBLOCK) {
                Some(handler) => handler(ctp, ctp.msg.cast(), link.handle, ptr::null_mut()),
                None => RESMGR_DEFAULT,
            }
        }
    } else {
        // One of the program's own messages: its function for this pulse knows, and answers.
        (ctp.rcvid, ctp.size) = (0, size_of::<Pulse>());
        if call_attached(dispatch, ctp, pulse) {
            return Ok(());
        }
        ctp.rcvid = rcvid;
        RESMGR_DEFAULT
    };
    if result == RESMGR_DEFAULT {
        // The kernel's own reason: EINTR or ETIMEDOUT.
        return match answer::error(rcvid, -1) {
            Err(Errno::ESRCH) => Ok(()),
            other => other,
        };
    }
    // SAFETY: the handler filled in what it returned.
    unsafe { finish(ctp, result) }
}

fn unblock_file(ctp: &mut Context, file: &OpenFile) -> i32 {
    // SAFETY: the program's functions, with the control block that it bound and its tables.
    unsafe {
        let Some(handler) = IoFuncs::get(file.io, io::UNBLOCK) else {
            return RESMGR_DEFAULT;
        };
        let lock = IoFuncs::get(file.io, io::LOCK_OCB);
        if let Some(lock) = lock {
            lock(ctp, ptr::null_mut(), file.ocb);
        }
        let result = handler(ctp, ctp.msg.cast(), file.ocb);
        if lock.is_some()
            && let Some(unlock) = IoFuncs::get(file.io, io::UNLOCK_OCB)
        {
            unlock(ctp, ptr::null_mut(), file.ocb);
        }
        result
    }
}

/// Binds a control block to the connection that the context's connect message came by.
pub fn open_bind(ctp: &Context, ocb: *mut core::ffi::c_void, io_funcs: *const IoFuncs) -> Result<(), Errno> {
    // SAFETY: a context in a handler is live, and so is its handle.
    let dispatch = unsafe { context::dispatch_of(ctp) };
    let link = dispatch.link(ctp.id).ok_or(Errno::EINVAL)?;
    let table = if io_funcs.is_null() { link.io } else { io_funcs };
    let key = (ctp.info.scoid, ctp.info.coid);
    let replaced = dispatch.files(|files| files.bind(key, &link, ocb, table));
    dispatch.release(replaced);
    Ok(())
}
