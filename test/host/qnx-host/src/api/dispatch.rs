//! The dispatch layer: handles, contexts, the loop, a program's own messages and pulses, thread pools. `sys/dispatch.h`.

use core::ffi::{c_int, c_uint, c_void};
use std::sync::Arc;

use super::calls;
use super::resmgr::{
    block, context, dispatch, pointer, resmgr_context_alloc, resmgr_context_free, resmgr_unblock,
};
use crate::errno::{EOK, Errno};
use crate::resmgr::dispatch::Called;
use crate::resmgr::layout::{Context, Function, MessageAttributes};
use crate::resmgr::thread_pool::{Pool, PoolAttributes};
use crate::resmgr::{Dispatch, serve};

calls! {
    SYMBOLS;

    /// `dispatch_create_channel()`: a dispatch handle on our own channel, or on a new one for `chid` -1. Null on failure.
    ["dispatch_create_channel"] fn dispatch_create_channel(chid: c_int, _flags: c_uint) -> *mut c_void = value {
        pointer(Dispatch::create(chid).map(Box::into_raw)).cast()
    }

    /// `dispatch_create()`: a dispatch handle whose channel is made at once.
    ["dispatch_create"] fn dispatch_create() -> *mut c_void = value {
        pointer(Dispatch::create(-1).map(Box::into_raw)).cast()
    }

    /// `dispatch_destroy()`: frees a handle, its paths and open files, and the channel if the handle made it.
    ["dispatch_destroy"] fn dispatch_destroy(dpp: *mut c_void) -> c_int = errno {
        if dpp.is_null() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: came from dispatch_create and is given back here.
        unsafe { Box::from_raw(dpp.cast::<Dispatch>()) }.destroy().map(|()| EOK)
    }

    /// `dispatch_context_alloc()`: a context for dispatch_block, for one thread at a time. Null on failure.
    ["dispatch_context_alloc"] fn dispatch_context_alloc(dpp: *mut c_void) -> *mut Context = value {
        // SAFETY: the caller's handle.
        unsafe { resmgr_context_alloc(dpp) }
    }

    /// `dispatch_context_free()`.
    ["dispatch_context_free"] fn dispatch_context_free(ctp: *mut Context) -> () = value {
        // SAFETY: the caller's context.
        unsafe { resmgr_context_free(ctp) };
    }

    /// `dispatch_block()`: blocks for a message or a pulse. Its argument, or null and errno; rcvid -1 after a timeout.
    ["dispatch_block"] fn dispatch_block(ctp: *mut Context) -> *mut Context = value {
        // SAFETY: the caller's context.
        pointer(unsafe { block(ctp) })
    }

    /// `dispatch_handler()`: serves what dispatch_block got, by calling what was attached for it.
    ["dispatch_handler"] fn dispatch_handler(ctp: *mut Context) -> c_int = errno {
        // SAFETY: the caller's context.
        serve::handle(unsafe { context(ctp)? }).map(|()| EOK)
    }

    /// `dispatch_unblock()`: one dispatch_block of the same handle comes back with rcvid -1.
    ["dispatch_unblock"] fn dispatch_unblock(ctp: *mut Context) -> () = value {
        // SAFETY: the caller's context.
        unsafe { resmgr_unblock(ctp) };
    }

    /// `dispatch_timeout()`: how long dispatch_block waits from now on; null = for ever.
    ["dispatch_timeout"] fn dispatch_timeout(dpp: *mut c_void, reltime: *const libc::timespec) -> c_int = errno {
        // SAFETY: the caller's structure or null.
        let limit = unsafe { reltime.as_ref() };
        let valid = |time: &&libc::timespec| time.tv_sec >= 0 && (0..1_000_000_000).contains(&time.tv_nsec);
        if limit.is_some() && limit.filter(valid).is_none() {
            return Err(Errno::EINVAL);
        }
        let nanoseconds = |time: &libc::timespec| (time.tv_sec as u64).saturating_mul(1_000_000_000)
            .saturating_add(time.tv_nsec as u64);
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.set_timeout(limit.map(nanoseconds));
        Ok(EOK)
    }

    /// `message_attach()`: a function for messages of the types `low` to `high`.
    ["message_attach"]
    fn message_attach(dpp: *mut c_void, attr: *const MessageAttributes, low: c_int, high: c_int,
        func: Option<Function>, handle: *mut c_void) -> c_int = errno {
        let function = func.ok_or(Errno::EINVAL)?;
        // SAFETY: the caller's structure or null.
        let attributes = unsafe { attr.as_ref().copied() };
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.attach_messages(attributes, low, high, Called { function, handle }).map(|()| EOK)
    }

    /// `message_detach()`.
    ["message_detach"] fn message_detach(dpp: *mut c_void, low: c_int, high: c_int, _flags: c_int) -> c_int = errno {
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.detach_messages(low, high).map(|()| EOK)
    }

    /// `pulse_attach()`: a function for a pulse code; the code.
    ["pulse_attach"]
    fn pulse_attach(dpp: *mut c_void, flags: c_int, code: c_int, func: Option<Function>, handle: *mut c_void)
        -> c_int = errno {
        let function = func.ok_or(Errno::EINVAL)?;
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.attach_pulse(flags, code, Called { function, handle })
    }

    /// `pulse_detach()`.
    ["pulse_detach"] fn pulse_detach(dpp: *mut c_void, code: c_int, _flags: c_int) -> c_int = errno {
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.detach_pulse(code).map(|()| EOK)
    }

    /// `message_connect()`: a connection of this process to the handle's own channel.
    ["message_connect"] fn message_connect(dpp: *mut c_void, flags: c_int) -> c_int = errno {
        // SAFETY: the caller's handle.
        unsafe { dispatch(dpp)? }.connect(flags)
    }

    /// `thread_pool_create()`: a pool of threads that block and handle. Null on failure.
    ["thread_pool_create"]
    fn thread_pool_create(attr: *const PoolAttributes, flags: c_uint) -> *mut c_void = value {
        // SAFETY: the caller's structure or null.
        let made = unsafe { attr.as_ref() }.ok_or(Errno::EINVAL).and_then(|attr| Pool::create(attr, flags));
        pointer(made.map(|pool| Arc::into_raw(pool).cast_mut())).cast()
    }

    /// `thread_pool_start()`: starts the threads. Does not return with POOL_FLAG_EXIT_SELF or POOL_FLAG_USE_SELF.
    ["thread_pool_start"] fn thread_pool_start(pool: *mut c_void) -> c_int = errno {
        if pool.is_null() {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the caller's pool; the count is for the reference that is made of it.
        let pool = unsafe {
            Arc::increment_strong_count(pool.cast::<Pool>());
            Arc::from_raw(pool.cast::<Pool>())
        };
        pool.start().map(|()| EOK)
    }

    /// `thread_pool_destroy()`: unblocks the threads, waits for them to leave, and frees the pool. Not from one of them.
    ["thread_pool_destroy"] fn thread_pool_destroy(pool: *mut c_void) -> c_int = errno {
        // SAFETY: the caller's pool.
        unsafe { pool.cast::<Pool>().as_ref() }.ok_or(Errno::EINVAL)?.stop()?;
        // SAFETY: the reference that thread_pool_create gave out.
        drop(unsafe { Arc::from_raw(pool.cast::<Pool>()) });
        Ok(EOK)
    }
}
