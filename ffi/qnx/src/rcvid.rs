//! The identity of one receive.

use core::num::NonZeroI64;

use qnx_sys as sys;

use crate::decode::{count_r, eok_r};
use crate::{Errno, IoSlice, IoSliceMut, MsgInfo};

/// `rcvid_t` - one received message, to be answered once. 64 bits wide, always positive.
///
/// Copyable, so that a server can park it and find it again when an unblock pulse names it. Whoever holds copies must see to it that
/// one answer is given: after it the kernel may give the number to another message, and a second answer would reach that one.
/// [`Message`](crate::Message) is the form that cannot be forgotten or answered twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct RcvId(NonZeroI64);

impl RcvId {
    /// The rcvid of this number; `None` unless it is positive (0 is a pulse, below are errors).
    #[must_use]
    pub const fn from_raw(raw: i64) -> Option<RcvId> {
        match NonZeroI64::new(raw) {
            Some(number) if raw > 0 => Some(RcvId(number)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0.get()
    }

    /// `MsgReply_r` - answers with `status` and `bytes`, as many as the client has room for. Does not block.
    ///
    /// # Errors
    /// `EINVAL` for a negative status, which a client could not tell from an error: nothing was sent. `ESRCH` when the client is gone
    /// or was answered; `EFAULT` when its buffer faults.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReply()`.
    pub fn reply(self, status: i64, bytes: &[u8]) -> Result<(), Errno> {
        if status < 0 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the kernel reads `bytes`, which are ours for the call, and nothing else of ours.
        let result = unsafe { sys::MsgReply_r(self.raw(), status, bytes.as_ptr().cast(), bytes.len()) };
        eok_r(result)
    }

    /// `MsgReplyv_r` - as [`reply`](RcvId::reply), from several parts. Does not block.
    ///
    /// # Errors
    /// Those of [`reply`](RcvId::reply).
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReplyv()`.
    pub fn replyv(self, status: i64, parts: &[IoSlice<'_>]) -> Result<(), Errno> {
        if status < 0 {
            return Err(Errno::EINVAL);
        }
        // SAFETY: the kernel reads `parts` and the bytes that they borrow, and nothing else of ours.
        let result = unsafe { sys::MsgReplyv_r(self.raw(), status, IoSlice::raw(parts), parts.len()) };
        eok_r(result)
    }

    /// `MsgError_r` - answers with an error: the client's send fails with it. Does not block.
    ///
    /// # Errors
    /// `ESRCH` when the client is gone or was answered.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgError()`.
    pub fn error(self, error: Errno) -> Result<(), Errno> {
        // SAFETY: passes two numbers.
        let result = unsafe { sys::MsgError_r(self.raw(), error.raw()) };
        eok_r(result)
    }

    /// `MsgError_r(rcvid, -1)` - lets a client go that wants out, with the reason that the kernel kept (`EINTR`, `ETIMEDOUT`).
    /// Only in answer to an unblock pulse: without one the client gets garbage. Does not block.
    ///
    /// # Errors
    /// `ESRCH` when the client is gone or was answered.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgError()`.
    pub fn error_from_kernel(self) -> Result<(), Errno> {
        // SAFETY: passes two numbers.
        let result = unsafe { sys::MsgError_r(self.raw(), -1) };
        eok_r(result)
    }

    /// `MsgInfo_r` - what the kernel knows about this message now. Does not block.
    ///
    /// After an unblock pulse: an error, or [`MsgInfo::wants_out`] false, means that the pulse is stale.
    ///
    /// # Errors
    /// `ESRCH` when the client is gone or was answered.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgInfo()`.
    pub fn info(self) -> Result<MsgInfo, Errno> {
        let mut raw = sys::_msg_info64::default();
        // SAFETY: the kernel writes one `_msg_info64` to `raw`.
        let result = unsafe { sys::MsgInfo_r(self.raw(), &mut raw) };
        eok_r(result)?;
        Ok(MsgInfo::from_raw(&raw))
    }

    /// `MsgRead_r` - copies the client's message from `offset` on into `buf`; returns how many bytes, fewer than asked at the end of
    /// it. Does not block.
    ///
    /// The client can change its memory meanwhile: reading the same offset twice can give two answers.
    ///
    /// # Errors
    /// `ESRCH` when the client is gone or was answered; `EFAULT` when its buffer faults; `EDEADLK`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgRead()`.
    pub fn read(self, offset: usize, buf: &mut [u8]) -> Result<usize, Errno> {
        let room = buf.len();
        // SAFETY: the kernel writes at most `room` bytes to `buf`, which is ours alone.
        let result = unsafe { sys::MsgRead_r(self.raw(), buf.as_mut_ptr().cast(), room, offset) };
        count_r(result).map(|bytes| bytes.min(room))
    }

    /// `MsgReadv_r` - as [`read`](RcvId::read), into several parts. Does not block.
    ///
    /// # Errors
    /// Those of [`read`](RcvId::read).
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReadv()`.
    pub fn readv(self, offset: usize, parts: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
        // SAFETY: the kernel writes to the bytes that `parts` borrow for us alone, at most as many as each has.
        let result = unsafe { sys::MsgReadv_r(self.raw(), IoSliceMut::raw(parts), parts.len(), offset) };
        count_r(result)
    }

    /// `MsgWrite_r` - copies `bytes` into the client's reply buffer from `offset` on; returns how many found room. The client stays
    /// blocked. Does not block.
    ///
    /// # Errors
    /// `ESRCH` when the client is gone or was answered; `EFAULT` when its buffer faults; `EDEADLK`.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgWrite()`.
    pub fn write(self, offset: usize, bytes: &[u8]) -> Result<usize, Errno> {
        // SAFETY: the kernel reads `bytes`, which are ours for the call.
        let result = unsafe { sys::MsgWrite_r(self.raw(), bytes.as_ptr().cast(), bytes.len(), offset) };
        count_r(result)
    }

    /// `MsgWritev_r` - as [`write`](RcvId::write), from several parts. Does not block.
    ///
    /// # Errors
    /// Those of [`write`](RcvId::write).
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgWritev()`.
    pub fn writev(self, offset: usize, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
        // SAFETY: the kernel reads `parts` and the bytes that they borrow.
        let result = unsafe { sys::MsgWritev_r(self.raw(), IoSlice::raw(parts), parts.len(), offset) };
        count_r(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_positive_numbers_are_rcvids() {
        assert_eq!(RcvId::from_raw(0), None);
        assert_eq!(RcvId::from_raw(-5), None);
        assert_eq!(RcvId::from_raw(i64::MIN), None);
        // Wider than the int of libc's bindings.
        assert_eq!(
            RcvId::from_raw(0x1_0000_0001).map(RcvId::raw),
            Some(0x1_0000_0001)
        );
    }
}
