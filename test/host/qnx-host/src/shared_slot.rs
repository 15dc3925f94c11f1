//! A message slot as it lies in the memory that a client shares with its server: two pages, one for each direction.
//!
//! Every field is an atomic or raw bytes: the other process may write to it at any time, and what is read is checked by whoever reads it.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, AtomicU64};

use crate::layout::lane::SLOT;

/// Bytes of a page: each half has one, so that a message and its answer never share a cache line.
const PAGE: usize = 4096;

/// Largest message that goes through the slot.
pub const SEND_INLINE: usize = PAGE - 64;
/// Largest reply that goes through the slot.
pub const REPLY_INLINE: usize = PAGE - 32 - 64;

/// Both halves.
#[repr(C)]
pub struct SharedSlot {
    /// Written by the client.
    pub send: SendHalf,
    /// Written by the server, but for `done`.
    pub reply: ReplyHalf,
}

/// One cache line of header, then the payload of a small message.
#[repr(C)]
pub struct SendHalf {
    /// A `state` value (see `layout.rs`); client and server move it by compare-and-swap.
    pub state: AtomicU32,
    /// Priority in bits 0..8, `flag` bits in 8..16, the sender's CPU in 16..32.
    pub what: AtomicU32,
    /// Connection that the message came through.
    pub coid: AtomicU32,
    /// Thread of the sender.
    pub tid: AtomicU32,
    /// Orders what has the same priority and tells two sends apart.
    pub ticket: AtomicU64,
    /// Bytes sent.
    pub send_len: AtomicU64,
    /// Room for the reply.
    pub reply_len: AtomicU64,
    /// Address of the data if there is one part, else of the iov array.
    pub send_addr: AtomicU64,
    /// The same for the reply buffers.
    pub reply_addr: AtomicU64,
    /// Number of parts of the message.
    pub send_parts: AtomicU32,
    /// Number of parts of the reply buffers.
    pub reply_parts: AtomicU32,
    payload: UnsafeCell<[u8; SEND_INLINE]>,
}

/// Half a cache line of header, the payload of a small reply, and the request for help.
#[repr(C)]
pub struct ReplyHalf {
    /// Futex of the client: a `done` value.
    pub done: AtomicU32,
    /// The replier's CPU.
    pub cpu: AtomicU32,
    /// Status of MsgReply, or the error number of MsgError as i64.
    pub status: AtomicU64,
    /// 0 = MsgReply, 1 = MsgError.
    pub is_error: AtomicU64,
    /// Bytes of the reply that lie in the slot.
    pub len: AtomicU64,
    payload: UnsafeCell<[u8; REPLY_INLINE]>,
    /// Request for help with copying: its kind.
    pub help: AtomicU64,
    /// Offset into the client's data.
    pub help_offset: AtomicU64,
    /// Bytes to copy.
    pub help_len: AtomicU64,
    _rest: [u64; 5],
}

impl SendHalf {
    /// The payload area, [`SEND_INLINE`] bytes.
    #[inline]
    pub fn payload(&self) -> *mut u8 {
        self.payload.get().cast()
    }
}

impl ReplyHalf {
    /// The payload area, [`REPLY_INLINE`] bytes.
    #[inline]
    pub fn payload(&self) -> *mut u8 {
        self.payload.get().cast()
    }
}

const _: () = {
    assert!(size_of::<SendHalf>() == PAGE && size_of::<ReplyHalf>() == PAGE);
    assert!(size_of::<SharedSlot>() == SLOT);
    assert!(
        core::mem::offset_of!(SendHalf, payload) == 64 && core::mem::offset_of!(ReplyHalf, payload) == 32
    );
};
