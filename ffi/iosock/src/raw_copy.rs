//! Copies between chains and memory that another process may write meanwhile.
//!
//! Such memory is never a Rust slice: these calls take raw pointers, and the bytes are moved by the kernel's C (`m_copydata`) or the
//! shims'. What changes during the copy arrives in some state or other, and is no race of Rust's.

use crate::{Errno, MbufChain, Segment, Wait};
use core::ffi::c_int;

/// Bytes of the stack's ordinary cluster (`MCLBYTES`).
const CLUSTER: c_int = 2048;

/// The number of this file, as [`check_abi`](crate::check_abi) compares it.
pub(crate) fn pairs() -> [(&'static str, i32, i32); 1] {
    // SAFETY: a constant of the shims, never written.
    [("MCLBYTES", CLUSTER, unsafe { iosock_sys::iosock_const_MCLBYTES })]
}

impl MbufChain {
    /// Copies `len` bytes from `offset` on to `dst`, or as many as the chain has; returns how many. Each byte is copied once, from
    /// wherever it lies.
    ///
    /// # Safety
    /// `dst` has room for `len` bytes, which stay mapped during the call; nothing in Rust refers to them.
    ///
    /// # Context
    /// Any.
    #[doc(alias = "m_copydata")]
    pub unsafe fn copy_to_raw(&self, offset: usize, dst: *mut u8, len: usize) -> usize {
        let len = self.len().saturating_sub(offset).min(len);
        // A chain has at most `i32::MAX` bytes.
        let (Ok(from), Ok(count)) = (c_int::try_from(offset), c_int::try_from(len)) else {
            return 0;
        };
        if count > 0 {
            // SAFETY: the chain has so many bytes, and by the caller they fit.
            unsafe { iosock_sys::iosock_shim_mbuf_copydata(self.as_ptr(), from, count, dst.cast()) };
        }
        len
    }

    /// A chain of no byte, with a packet header and room for some: [`MbufChain::copy_from_raw`] fills it without another allocation.
    /// Room for `bytes` is made, but for one cluster (2048 bytes) at most. `None` when there is no mbuf.
    ///
    /// # Context
    /// Any; does not sleep.
    #[doc(alias = "m_getm2")]
    pub fn with_room(bytes: usize) -> Option<Self> {
        let room = c_int::try_from(bytes).unwrap_or(CLUSTER).clamp(1, CLUSTER);
        // SAFETY: allocates; the length is above 0. Up to a cluster is one mbuf.
        let head = unsafe { iosock_sys::iosock_shim_mbuf_getm(room, Wait::No.raw()) };
        // SAFETY: null, or a fresh chain, ours.
        (!head.is_null()).then(|| unsafe { Self::from_raw(head) })
    }

    /// Copies `len` bytes at `src` behind the chain: into what room its last mbuf has, then into clusters of the stack.
    ///
    /// # Errors
    /// `ENOBUFS` when there is no mbuf, `EINVAL` when the sum would be above `i32::MAX` bytes; the chain has no byte more then.
    ///
    /// # Safety
    /// The `len` bytes at `src` may be read, and stay mapped during the call; nothing in Rust writes them.
    ///
    /// # Context
    /// Any; does not sleep.
    #[doc(alias = "m_append")]
    pub unsafe fn copy_from_raw(&mut self, src: *const u8, len: usize) -> Result<(), Errno> {
        let sum = self.len().checked_add(len).ok_or(Errno::EINVAL)?;
        if c_int::try_from(sum).is_err() {
            return Err(Errno::EINVAL);
        }
        let room = self.room_in_tail();
        // The memory comes first, so that a failure leaves the chain as it was.
        let more = match len.checked_sub(room) {
            None | Some(0) => Self::empty(),
            Some(rest) => {
                let want = c_int::try_from(rest).map_err(|_| Errno::EINVAL)?;
                // SAFETY: allocates; the length is above 0. A whole cluster at least, since more small pieces may follow.
                let head = unsafe { iosock_sys::iosock_shim_mbuf_getm(want.max(CLUSTER), Wait::No.raw()) };
                if head.is_null() {
                    return Err(Errno::ENOBUFS);
                }
                // SAFETY: a fresh chain, ours, and filled to `rest` bytes at most.
                unsafe { Self::filled(head, src.wrapping_add(room), rest) }
            }
        };
        // SAFETY: `room.min(len)` bytes at `src`, by the caller.
        unsafe { self.fill_tail(src, room.min(len)) };
        // The sum was tested above.
        self.append(more).map_err(|_| Errno::EINVAL)
    }

    /// A chain of `len` bytes copied from `src` into the fresh mbufs of `head`.
    ///
    /// # Safety
    /// `head` is a whole chain of empty mbufs, at least one, with a packet header, nobody else's. `src` has `len` bytes.
    unsafe fn filled(head: *mut iosock_sys::mbuf, src: *const u8, len: usize) -> Self {
        let (mut m, mut done) = (head, 0_usize);
        while done < len && !m.is_null() {
            let left = c_int::try_from(len.wrapping_sub(done)).unwrap_or(c_int::MAX);
            // SAFETY: an mbuf of this chain; `left` bytes are there at `src + done`, by the caller.
            let took = unsafe { iosock_sys::iosock_shim_mbuf_fill(m, src.wrapping_add(done).cast(), left) };
            done = done.wrapping_add(usize::try_from(took).unwrap_or(0));
            // SAFETY: an mbuf of this chain.
            m = unsafe { iosock_sys::iosock_shim_mbuf_next(m) };
        }
        // SAFETY: this chain.
        unsafe { iosock_sys::iosock_shim_mbuf_fix_header(head) };
        // SAFETY: by the caller.
        unsafe { Self::from_raw(head) }
    }
}

impl Segment<'_> {
    /// Copies bytes from `offset` on to `dst`, as many as there are and `len` allows; returns how many.
    ///
    /// # Safety
    /// As [`MbufChain::copy_to_raw`].
    ///
    /// # Context
    /// Any.
    #[doc(alias = "m_copydata")]
    pub unsafe fn copy_to_raw(&self, offset: usize, dst: *mut u8, len: usize) -> usize {
        let len = self.len().saturating_sub(offset).min(len);
        let (Ok(from), Ok(count)) = (c_int::try_from(offset), c_int::try_from(len)) else {
            return 0;
        };
        if count > 0 {
            // SAFETY: so many bytes are there, and by the caller they fit.
            unsafe { iosock_sys::iosock_shim_mbuf_copydata(self.as_ptr(), from, count, dst.cast()) };
        }
        len
    }
}
