//! A received message, which its owner must answer or park.

use core::mem::ManuallyDrop;

use crate::{Errno, IoSlice, IoSliceMut, MsgInfo, RcvId};

/// A message whose sender waits for the answer.
///
/// Answer it with [`reply`](Message::reply) or [`error`](Message::error), or park it with [`into_rcvid`](Message::into_rcvid).
/// Dropping it answers `ENOSYS`: a client never hangs because a path was forgotten.
#[must_use = "the client waits; dropping this answers ENOSYS"]
#[derive(Debug)]
pub struct Message {
    rcvid: RcvId,
    info: MsgInfo,
}

impl Message {
    pub(crate) fn new(rcvid: RcvId, info: MsgInfo) -> Self {
        Self { rcvid, info }
    }

    /// `MsgInfo_r` - takes a parked message up again. Does not block.
    ///
    /// The rcvid must be one that was parked and not answered since, or the answer reaches another client.
    ///
    /// # Errors
    /// `ESRCH` when the client is gone: there is nothing left to answer.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgInfo()`.
    pub fn from_rcvid(rcvid: RcvId) -> Result<Self, Errno> {
        let info = rcvid.info()?;
        Ok(Self { rcvid, info })
    }

    /// Who sent it, and how much. `info.msglen` bytes of the receive buffer hold it, or the whole buffer if that is less.
    #[must_use]
    pub fn info(&self) -> &MsgInfo {
        &self.info
    }

    /// The rcvid, for comparing. Answering by it too would be a second answer.
    #[must_use]
    pub fn rcvid(&self) -> RcvId {
        self.rcvid
    }

    /// Parks the message: nothing is answered, and from now on the caller must see to it that something is.
    #[must_use = "the client waits for an answer by this rcvid"]
    pub fn into_rcvid(self) -> RcvId {
        ManuallyDrop::new(self).rcvid
    }

    /// `MsgReply_r` - answers with `status` and `bytes`, as many as the client has room for. Does not block.
    ///
    /// The client is let go in any case: where the kernel refuses the answer, it gets the reason as its error.
    ///
    /// # Errors
    /// Those of [`RcvId::reply`].
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReply()`.
    pub fn reply(self, status: i64, bytes: &[u8]) -> Result<(), Errno> {
        let rcvid = self.into_rcvid();
        settle(rcvid, rcvid.reply(status, bytes))
    }

    /// `MsgReplyv_r` - as [`reply`](Message::reply), from several parts. Does not block.
    ///
    /// # Errors
    /// Those of [`RcvId::reply`].
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgReplyv()`.
    pub fn replyv(self, status: i64, parts: &[IoSlice<'_>]) -> Result<(), Errno> {
        let rcvid = self.into_rcvid();
        settle(rcvid, rcvid.replyv(status, parts))
    }

    /// `MsgError_r` - answers with an error. Does not block.
    ///
    /// # Errors
    /// `ESRCH` when the client is gone.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgError()`.
    pub fn error(self, error: Errno) -> Result<(), Errno> {
        self.into_rcvid().error(error)
    }

    /// `MsgRead_r` - see [`RcvId::read`]. Does not block.
    ///
    /// # Errors
    /// Those of [`RcvId::read`].
    pub fn read(&self, offset: usize, buf: &mut [u8]) -> Result<usize, Errno> {
        self.rcvid.read(offset, buf)
    }

    /// `MsgReadv_r` - see [`RcvId::readv`]. Does not block.
    ///
    /// # Errors
    /// Those of [`RcvId::read`].
    pub fn readv(&self, offset: usize, parts: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
        self.rcvid.readv(offset, parts)
    }

    /// `MsgWrite_r` - see [`RcvId::write`]. Does not block.
    ///
    /// # Errors
    /// Those of [`RcvId::write`].
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<usize, Errno> {
        self.rcvid.write(offset, bytes)
    }

    /// `MsgWritev_r` - see [`RcvId::writev`]. Does not block.
    ///
    /// # Errors
    /// Those of [`RcvId::write`].
    pub fn writev(&self, offset: usize, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
        self.rcvid.writev(offset, parts)
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // What could fail is that the client is gone already.
        let _ = self.rcvid.error(Errno::ENOSYS);
    }
}

/// After a refused reply the client may still wait; then it gets the reason.
fn settle(rcvid: RcvId, result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Ok(()) => Ok(()),
        // Gone, or let go with that error. Another answer could reach a message that has got the same number since.
        // ON-TARGET: a client whose reply buffer faults is let go with EFAULT by MsgReply itself.
        Err(error @ (Errno::ESRCH | Errno::EFAULT)) => Err(error),
        Err(error) => {
            let _ = rcvid.error(error);
            Err(error)
        }
    }
}
