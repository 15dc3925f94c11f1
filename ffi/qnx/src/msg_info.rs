//! What the kernel knows about a message.

use qnx_sys as sys;

use crate::{MsgFlags, ScoId};

/// `struct _msg_info` - where a message came from. Filled by the kernel: nothing in it is the sender's claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MsgInfo {
    /// Process of the client.
    pub pid: i32,
    /// Its thread.
    pub tid: i32,
    /// Our channel.
    pub chid: i32,
    /// The client process on this channel; one for all its connections. Key per-connection state by this and `coid`.
    pub scoid: ScoId,
    /// The client's own number of the connection.
    pub coid: i32,
    /// Priority of the sender.
    pub priority: i16,
    /// Flags, among them the request to unblock.
    pub flags: MsgFlags,
    /// Bytes received. Good until the next read or write of the message.
    pub msglen: usize,
    /// Bytes sent. Only with [`ChannelFlags::SENDER_LEN`](crate::ChannelFlags::SENDER_LEN).
    pub srcmsglen: usize,
    /// Bytes of room for the reply. Only with [`ChannelFlags::REPLY_LEN`](crate::ChannelFlags::REPLY_LEN).
    pub dstmsglen: usize,
    /// Security type of the client.
    pub type_id: u32,
}

impl MsgInfo {
    /// From what the kernel filled in. A negative length, which it never gives, becomes 0.
    pub(crate) fn from_raw(raw: &sys::_msg_info64) -> Self {
        let length = |bytes: isize| usize::try_from(bytes).unwrap_or(0);
        Self {
            pid: raw.pid,
            tid: raw.tid,
            chid: raw.chid,
            scoid: raw.scoid,
            coid: raw.coid,
            priority: raw.priority,
            flags: MsgFlags::from_bits_retain(raw.flags.into()),
            msglen: length(raw.msglen),
            srcmsglen: length(raw.srcmsglen),
            dstmsglen: length(raw.dstmsglen),
            type_id: raw.type_id,
        }
    }

    /// From a receive into `room` bytes, which the kernel never exceeds: whoever slices by `msglen` stays inside.
    pub(crate) fn received(raw: &sys::_msg_info64, room: usize) -> Self {
        let info = Self::from_raw(raw);
        Self {
            msglen: info.msglen.min(room),
            ..info
        }
    }

    /// True when the client wants out of this request (`_NTO_MI_UNBLOCK_REQ`).
    #[must_use]
    pub fn wants_out(&self) -> bool {
        self.flags.contains(MsgFlags::UNBLOCK_REQ)
    }
}
