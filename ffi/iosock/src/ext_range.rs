//! A range of memory of ours, sent piece by piece under one callback.

use crate::{Errno, ExternalBuf, MbufChain};
use core::{ffi::c_int, ptr::NonNull};
use iosock_sys::mbuf;

/// External storage of which further mbufs can be made for as long as this value lives: one `m_extadd` for the whole range, one mbuf
/// for each piece of it that is sent.
///
/// The value is itself a reference to the storage. So the release callback of the [`ExternalBuf`] runs once, when the value was
/// dropped *and* the stack has let go of every piece, whichever comes last.
///
/// # Invariants
/// `mbuf` is an mbuf with `len` bytes of external storage that is in no chain and never goes to the stack.
#[derive(Debug)]
#[must_use = "dropping it gives up the reference to the storage"]
pub struct ExternalRange {
    mbuf: NonNull<mbuf>,
    len: u32,
}

// SAFETY: an mbuf belongs to no thread, and by `ExternalBuf::new`'s contract neither do the bytes.
unsafe impl Send for ExternalRange {}

impl ExternalRange {
    /// Attaches `buf` to an mbuf that stays here.
    ///
    /// # Errors
    /// `buf` comes back unchanged, with `ENOBUFS` when there is no mbuf, `EINVAL` when it has no byte or more than `i32::MAX`.
    ///
    /// # Context
    /// Any; does not sleep.
    #[doc(alias = "m_extadd")]
    pub fn new(buf: ExternalBuf) -> Result<Self, (Errno, ExternalBuf)> {
        let len = buf.len();
        if len == 0 || c_int::try_from(len).is_err() {
            return Err((Errno::EINVAL, buf));
        }
        let Some(mbuf) = buf.attach(crate::Wait::No.raw()).and_then(NonNull::new) else {
            return Err((Errno::ENOBUFS, buf));
        };
        // The callback is the stack's to call from here on.
        buf.cancel();
        // INVARIANT: attached just now, and given to nobody.
        Ok(Self { mbuf, len })
    }

    /// A chain of one read-only mbuf over `len` bytes from `offset` on, with a packet header. It refers to the same storage, and a
    /// socket buffer charges it for its own length (`ext_size`), not for the range's.
    ///
    /// # Errors
    /// `ENOBUFS` when there is no mbuf; `EINVAL` when `len` is 0 or the piece ends outside the range.
    ///
    /// # Context
    /// Any; does not sleep.
    #[doc(alias = "mb_dupcl")]
    pub fn piece(&mut self, offset: u32, len: u32) -> Result<MbufChain, Errno> {
        let end = offset.checked_add(len).ok_or(Errno::EINVAL)?;
        if len == 0 || end > self.len {
            return Err(Errno::EINVAL);
        }
        // SAFETY: our mbuf, which has `end` bytes of storage. `&mut self` keeps others from doing the same meanwhile, which the
        // kernel's count of references demands of whoever holds the only one.
        let m = unsafe {
            iosock_sys::iosock_shim_mbuf_external_piece(
                self.mbuf.as_ptr(),
                offset,
                len,
                crate::Wait::No.raw(),
            )
        };
        if m.is_null() {
            return Err(Errno::ENOBUFS);
        }
        // SAFETY: a fresh chain of `len` bytes, ours.
        Ok(unsafe { MbufChain::from_raw(m) })
    }

    /// Bytes in the range.
    ///
    /// # Context
    /// Any.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub const fn len(&self) -> u32 {
        self.len
    }
}

impl Drop for ExternalRange {
    /// Gives up the reference; with the last one the release callback runs.
    fn drop(&mut self) {
        // SAFETY: our mbuf, which is in no chain.
        unsafe { iosock_sys::iosock_shim_mbuf_freem(self.mbuf.as_ptr()) };
    }
}
