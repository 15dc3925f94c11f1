//! Resource managers: attaching paths, and the client's memory as handlers reach it. `sys/resmgr.h`.

use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ptr;

use libc::iovec;

use super::calls;
use crate::errno::{EOK, Errno, set_errno};
use crate::parts::{from_raw, one};
use crate::resmgr::dispatch::NewLink;
use crate::resmgr::layout::{Attributes, ConnectFuncs, Context, IoFuncs};
use crate::resmgr::{Dispatch, context, serve, serve_pulse};

/// # Safety
/// Null, or a live handle from dispatch_create.
pub(super) unsafe fn dispatch<'a>(dpp: *mut c_void) -> Result<&'a Dispatch, Errno> {
    // SAFETY: as the caller promises.
    unsafe { dpp.cast::<Dispatch>().as_ref() }.ok_or(Errno::EINVAL)
}

/// # Safety
/// Null, or a live context that nobody else uses.
pub(super) unsafe fn context<'a>(ctp: *mut Context) -> Result<&'a mut Context, Errno> {
    // SAFETY: as the caller promises.
    unsafe { ctp.as_mut() }.ok_or(Errno::EINVAL)
}

/// Null and errno on failure.
pub(super) fn pointer<T>(result: Result<*mut T, Errno>) -> *mut T {
    result.unwrap_or_else(|error| {
        set_errno(error);
        ptr::null_mut()
    })
}

/// # Safety
/// As `resmgr_context_alloc`.
unsafe fn alloc(dpp: *mut c_void) -> Result<*mut Context, Errno> {
    // SAFETY: the caller's handle.
    let made = context::alloc(unsafe { dispatch(dpp)? });
    if made.is_null() {
        Err(Errno::ENOMEM)
    } else {
        Ok(made)
    }
}

/// # Safety
/// As `resmgr_block`.
pub(super) unsafe fn block(ctp: *mut Context) -> Result<*mut Context, Errno> {
    // SAFETY: the caller's context.
    context::block(unsafe { context(ctp)? }).map(|()| ctp)
}

calls! {
    SYMBOLS;

    /// `resmgr_attach()`: attaches a path to a dispatch handle; its link id. A null path is for
    /// `RESMGR_FLAG_ATTACH_LOCAL`. Takes the registry's lock for a moment.
    ["resmgr_attach"]
    fn resmgr_attach(dpp: *mut c_void, attr: *const Attributes, path: *const c_char, file_type: c_int, flags: c_uint,
        connect_funcs: *const ConnectFuncs, io_funcs: *const IoFuncs, handle: *mut c_void) -> c_int = errno {
        let path = if path.is_null() {
            None
        } else {
            // SAFETY: the caller's string.
            Some(unsafe { CStr::from_ptr(path) }.to_str().map_err(|_| Errno::EINVAL)?)
        };
        // SAFETY: the caller's structure; zeroes are a valid value.
        let attributes = unsafe { attr.as_ref().copied().unwrap_or(core::mem::zeroed()) };
        let link = NewLink { attributes, connect: connect_funcs, io: io_funcs, handle };
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.attach(path, file_type, flags, link)
    }

    /// `resmgr_detach()`: takes a path away, and closes what is open by it unless told otherwise.
    ["resmgr_detach"] fn resmgr_detach(dpp: *mut c_void, id: c_int, flags: c_uint) -> c_int = errno {
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.detach(id, flags).map(|()| EOK)
    }

    /// `resmgr_open_bind()`: in an open handler, ties a control block to the client's connection.
    ["resmgr_open_bind"]
    fn resmgr_open_bind(ctp: *mut Context, ocb: *mut c_void, io_funcs: *const IoFuncs) -> c_int = errno {
        // SAFETY: the library's context.
        serve_pulse::open_bind(unsafe { context(ctp)? }, ocb, io_funcs).map(|()| EOK)
    }

    /// `resmgr_unbind()`: unties the control block of the connection that the context's message came by, and closes it.
    ["resmgr_unbind"] fn resmgr_unbind(ctp: *mut Context) -> c_int = errno {
        // SAFETY: the library's context.
        let ctp = unsafe { context(ctp)? };
        // SAFETY: its handle lives.
        let dispatch = unsafe { context::dispatch_of(ctp) };
        let file = dispatch.files(|files| files.unbind((ctp.info.scoid, ctp.info.coid))).ok_or(Errno::EINVAL)?;
        dispatch.release([file]);
        Ok(EOK)
    }

    /// `resmgr_msgread()`: the client's message from an offset on.
    ["resmgr_msgread"]
    fn resmgr_msgread(ctp: *mut Context, msg: *mut c_void, bytes: usize, offset: usize) -> isize = errno {
        // SAFETY: the library's context, the caller's buffer.
        unsafe { context::read(context(ctp)?, &[one(msg, bytes)], offset) }.map(|moved| moved as isize)
    }

    /// `resmgr_msgreadv()`: into several buffers.
    ["resmgr_msgreadv"]
    fn resmgr_msgreadv(ctp: *mut Context, iov: *const iovec, parts: usize, offset: usize) -> isize = errno {
        // SAFETY: the library's context, the caller's buffers.
        unsafe { context::read(context(ctp)?, from_raw(iov, parts)?, offset) }.map(|moved| moved as isize)
    }

    /// `resmgr_msgget()`: as `resmgr_msgread`, from the message buffer where that has it.
    ["resmgr_msgget"]
    fn resmgr_msgget(ctp: *mut Context, msg: *mut c_void, bytes: usize, offset: usize) -> isize = errno {
        // SAFETY: the library's context, the caller's buffer.
        unsafe { context::get(context(ctp)?, &[one(msg, bytes)], offset) }.map(|moved| moved as isize)
    }

    /// `resmgr_msggetv()`: into several buffers.
    ["resmgr_msggetv"]
    fn resmgr_msggetv(ctp: *mut Context, iov: *const iovec, parts: usize, offset: usize) -> isize = errno {
        // SAFETY: the library's context, the caller's buffers.
        unsafe { context::get(context(ctp)?, from_raw(iov, parts)?, offset) }.map(|moved| moved as isize)
    }

    /// `resmgr_msgwrite()`: into the client's reply buffer at an offset.
    ["resmgr_msgwrite"]
    fn resmgr_msgwrite(ctp: *mut Context, msg: *const c_void, bytes: usize, offset: usize) -> isize = errno {
        // SAFETY: the library's context, the caller's buffer.
        unsafe { context::write(context(ctp)?, &[one(msg, bytes)], offset) }.map(|moved| moved as isize)
    }

    /// `resmgr_msgwritev()`: from several buffers.
    ["resmgr_msgwritev"]
    fn resmgr_msgwritev(ctp: *mut Context, iov: *const iovec, parts: usize, offset: usize) -> isize = errno {
        // SAFETY: the library's context, the caller's buffers.
        unsafe { context::write(context(ctp)?, from_raw(iov, parts)?, offset) }.map(|moved| moved as isize)
    }

    /// `resmgr_msgreply()`: answers with the context's status; the handler then returns `_RESMGR_NOREPLY`.
    ["resmgr_msgreply"] fn resmgr_msgreply(ctp: *mut Context, msg: *const c_void, bytes: usize) -> c_int = errno {
        // SAFETY: the library's context, the caller's buffer.
        unsafe { context::reply(context(ctp)?, &[one(msg, bytes)]) }.map(|()| EOK)
    }

    /// `resmgr_msgreplyv()`: from several buffers.
    ["resmgr_msgreplyv"] fn resmgr_msgreplyv(ctp: *mut Context, iov: *const iovec, parts: usize) -> c_int = errno {
        // SAFETY: the library's context, the caller's buffers.
        unsafe { context::reply(context(ctp)?, from_raw(iov, parts)?) }.map(|()| EOK)
    }

    /// `resmgr_context_alloc()`: as `dispatch_context_alloc`.
    ["resmgr_context_alloc"] fn resmgr_context_alloc(dpp: *mut c_void) -> *mut Context = value {
        // SAFETY: the caller's handle.
        pointer(unsafe { alloc(dpp) })
    }

    /// `resmgr_context_free()`: as `dispatch_context_free`.
    ["resmgr_context_free"] fn resmgr_context_free(ctp: *mut Context) -> () = value {
        // SAFETY: the caller's context.
        unsafe { context::free(ctp) };
    }

    /// `resmgr_block()`: as `dispatch_block`.
    ["resmgr_block"] fn resmgr_block(ctp: *mut Context) -> *mut Context = value {
        // SAFETY: the caller's context.
        pointer(unsafe { block(ctp) })
    }

    /// `resmgr_handler()`: as `dispatch_handler`.
    ["resmgr_handler"] fn resmgr_handler(ctp: *mut Context) -> c_int = errno {
        // SAFETY: the caller's context.
        serve::handle(unsafe { context(ctp)? }).map(|()| EOK)
    }

    /// `resmgr_unblock()`: as `dispatch_unblock`.
    ["resmgr_unblock"] fn resmgr_unblock(ctp: *mut Context) -> () = value {
        // SAFETY: the caller's context or null.
        if let Some(ctp) = unsafe { ctp.as_ref() } {
            context::unblock(ctp);
        }
    }
}
