//! One call of a sysctl handler: `struct sysctl_req` and the two functions in it.

use super::oid::SysctlOid;
use crate::{
    errno::{self, Errno},
    stack,
};
use std::ffi::{c_int, c_void};

/// `struct sysctl_req`.
#[repr(C)]
pub struct SysctlReq {
    td: *mut c_void,
    lock: c_int,
    oldptr: *mut c_void,
    oldlen: usize,
    oldidx: usize,
    oldfunc: unsafe extern "C" fn(*mut Self, *const c_void, usize) -> c_int,
    newptr: *mut c_void,
    newlen: usize,
    newidx: usize,
    newfunc: unsafe extern "C" fn(*mut Self, *mut c_void, usize) -> c_int,
    validlen: usize,
    flags: c_int,
}

const _: () = {
    assert!(size_of::<SysctlReq>() == 96);
    assert!(std::mem::offset_of!(SysctlReq, oldfunc) == 40);
    assert!(std::mem::offset_of!(SysctlReq, newfunc) == 72);
    assert!(std::mem::offset_of!(SysctlReq, flags) == 88);
};

/// `int handler(struct sysctl_oid *, void *arg1, intmax_t arg2, struct sysctl_req *)`.
pub type Handler = unsafe extern "C" fn(*mut SysctlOid, *mut c_void, i64, *mut SysctlReq) -> c_int;

impl SysctlReq {
    /// Whether this request writes.
    pub fn writes(&self) -> bool {
        !self.newptr.is_null()
    }

    /// `SYSCTL_OUT`: hands `bytes` to the reader. `ENOMEM` when its buffer is too small.
    pub fn give(&mut self, bytes: &[u8]) -> c_int {
        // SAFETY: the request's own function with a buffer of that length.
        unsafe { (self.oldfunc)(self, bytes.as_ptr().cast(), bytes.len()) }
    }

    /// `SYSCTL_IN`: takes the next bytes of the writer. `EINVAL` when there are fewer.
    pub fn take(&mut self, bytes: &mut [u8]) -> c_int {
        // SAFETY: the request's own function with a buffer of that length.
        unsafe { (self.newfunc)(self, bytes.as_mut_ptr().cast(), bytes.len()) }
    }

    /// How many bytes the writer has left.
    pub fn left(&self) -> usize {
        self.newlen.saturating_sub(self.newidx)
    }
}

/// # Safety
/// `req` is the request that the handler was called with, `from` has `len` bytes.
unsafe extern "C" fn old(req: *mut SysctlReq, from: *const c_void, len: usize) -> c_int {
    // SAFETY: the caller's promise; a handler is the only user of its request.
    let req = unsafe { &mut *req };
    let at = req.oldidx;
    req.oldidx = at.saturating_add(len);
    if req.oldptr.is_null() {
        return 0;
    }
    let fits = req.oldlen.saturating_sub(at).min(len);
    if fits > 0 {
        // SAFETY: `oldptr` has `oldlen` bytes and at + fits is not beyond; `from` has `len`.
        unsafe { req.oldptr.cast::<u8>().add(at).copy_from(from.cast(), fits) };
    }
    if fits < len { Errno::ENOMEM.raw() } else { 0 }
}

/// # Safety
/// `req` is the request that the handler was called with, `to` has `len` bytes.
unsafe extern "C" fn new(req: *mut SysctlReq, to: *mut c_void, len: usize) -> c_int {
    // SAFETY: the caller's promise; a handler is the only user of its request.
    let req = unsafe { &mut *req };
    if req.newptr.is_null() {
        return 0;
    }
    if req.left() < len {
        return Errno::EINVAL.raw();
    }
    if len > 0 {
        // SAFETY: `newptr` has `newlen` bytes, of which `len` are left at `newidx`; `to` has `len`.
        unsafe {
            to.cast::<u8>()
                .copy_from(req.newptr.cast::<u8>().add(req.newidx), len)
        };
    }
    req.newidx += len;
    0
}

/// Which handler, with what.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The oid, in memory.
    pub oid: usize,
    /// Its handler.
    pub handler: usize,
    /// Its first argument.
    pub arg1: usize,
    /// Its second.
    pub arg2: i64,
    /// Whether Giant is taken around the call.
    pub giant: bool,
}

impl Target {
    /// Calls the handler: answers what it gave; `write` is what it may take.
    ///
    /// # Safety
    /// The handler is one, and stays mapped; the thread is one that the stack knows and holds no lock.
    pub unsafe fn call(self, write: Option<&[u8]>) -> Result<Vec<u8>, Errno> {
        // A handler's answer may grow between two calls: ask again with more room.
        let mut room = 256;
        loop {
            let mut buffer = vec![0_u8; room];
            let mut new_bytes = write.map(<[u8]>::to_vec);
            let mut req = SysctlReq {
                td: stack::curthread(),
                lock: 1,
                oldptr: buffer.as_mut_ptr().cast(),
                oldlen: room,
                oldidx: 0,
                oldfunc: old,
                newptr: new_bytes
                    .as_mut()
                    .map_or(std::ptr::null_mut(), |bytes| bytes.as_mut_ptr().cast()),
                newlen: write.map_or(0, <[u8]>::len),
                newidx: 0,
                newfunc: new,
                validlen: room,
                flags: 0,
            };
            // SAFETY: the caller's promise.
            let answer = unsafe { self.invoke(&mut req) };
            if req.oldidx > room && room < 1 << 24 && write.is_none() {
                room = req.oldidx * 2;
                continue;
            }
            errno::check(answer)?;
            buffer.truncate(req.oldidx);
            return Ok(buffer);
        }
    }

    /// # Safety
    /// As for [`Target::call`].
    unsafe fn invoke(self, req: &mut SysctlReq) -> c_int {
        let handler = std::ptr::with_exposed_provenance::<c_void>(self.handler);
        // SAFETY: the caller's promise: this is a sysctl handler.
        let handler = unsafe { std::mem::transmute::<*const c_void, Handler>(handler) };
        let oid = std::ptr::with_exposed_provenance_mut(self.oid);
        let arg1 = std::ptr::with_exposed_provenance_mut(self.arg1);
        // SAFETY: the oid's own handler with the oid's own arguments.
        let call = |req: &mut SysctlReq| unsafe { handler(oid, arg1, self.arg2, req) };
        if self.giant {
            stack::with_giant(|| call(req))
        } else {
            call(req)
        }
    }
}
