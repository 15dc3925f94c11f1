//! Layout of the two memory objects that a server shares with a client. Both sides are this crate at the same
//! [`VERSION`], which the handshake compares.
//!
//! **Doorbell** (one per channel, seen by all its clients; hints only, nothing in it is believed):
//! a line with the futex of sleeping receivers, then one word per lane. Bits 0..48 of a lane's word are toggled by the
//! client when it posts a message in that slot; bits 48..64 count pulses put in the lane's ring. The server keeps its
//! own copy and looks at what differs, so it never writes to these lines and a post costs one cache-line transfer.
//!
//! **Lane** (one per connected client process): pulse ring, 48 message slots, and a bounce area for systems that do not
//! allow direct copies. A slot has a send half, written by the client, and a reply half, written by the server.

/// Changes with every incompatible change of this file or of `wire.rs`.
pub const VERSION: u16 = 1;

/// Bytes of a cache line on the machines we run on.
const LINE: usize = 64;

/// Doorbell: offsets and size.
pub mod doorbell {
    use super::LINE;

    /// u32, futex: bumped to wake sleeping receivers.
    pub const SEQ: usize = 0;
    /// u32: receivers that sleep or are about to.
    pub const SLEEPERS: usize = 4;
    /// u32: how many of them only want pulses; if any, all sleepers are woken.
    pub const PICKY: usize = 8;
    /// u64: number of the last message or pulse, in order of posting. A counter instead of a clock: reading a clock costs
    /// more than the rest of a post.
    pub const TICKET: usize = 16;
    /// Lanes per channel: as many client processes may be connected.
    pub const LANES: usize = 4096;
    /// Size of the object.
    pub const LEN: usize = LINE + LANES * 8;

    /// u64: the lane's word.
    pub const fn word(lane: usize) -> usize {
        LINE + lane * 8
    }
}

/// Lane: offsets and sizes.
pub mod lane {
    /// Message slots per lane: threads of one client process that may be blocked on the channel at once.
    pub const SLOTS: usize = 48;
    /// One pulse in a lane's word.
    pub const PULSE_UNIT: u64 = 1 << SLOTS;
    /// The slots' bits of a lane's word.
    pub const SLOT_BITS: u64 = PULSE_UNIT - 1;

    /// u32: pulses taken, written by the server.
    pub const RING_HEAD: usize = 64;
    /// u32: pulses put, written by the client.
    pub const RING_TAIL: usize = 128;
    /// u32, futex: the client's answer to a request for help (see `help`).
    pub const HELP_DONE: usize = 192;
    /// Entries of the pulse ring, a power of two.
    pub const RING: usize = 1024;
    const RING_AT: usize = 4096;
    const RING_ENTRY: usize = 32;
    const SLOTS_AT: usize = RING_AT + RING * RING_ENTRY;
    /// Bytes of a slot: a page for each half.
    pub const SLOT: usize = 8192;
    /// Bytes moved per request for help.
    pub const BOUNCE: usize = 256 * 1024;
    /// Start of the bounce area.
    pub const BOUNCE_AT: usize = SLOTS_AT + SLOTS * SLOT;
    /// Size of the object.
    pub const LEN: usize = BOUNCE_AT + BOUNCE;

    /// Start of a pulse entry; any index is folded into the ring.
    pub const fn ring_entry(index: u32) -> usize {
        RING_AT + (index as usize % RING) * RING_ENTRY
    }

    /// Start of a slot's send half.
    pub const fn send(slot: usize) -> usize {
        SLOTS_AT + slot * SLOT
    }

    /// Start of a slot's reply half.
    pub const fn reply(slot: usize) -> usize {
        send(slot) + SLOT / 2
    }
}

/// Pulse ring entry: offsets inside the entry.
pub mod ring {
    /// u32: code in bits 0..8, priority in bits 8..16.
    pub const WHAT: usize = 0;
    /// u32: how many identical pulses the entry stands for; 0 = taken.
    pub const COUNT: usize = 4;
    /// u64: value.
    pub const VALUE: usize = 8;
    /// u64: its ticket, which orders what has the same priority and tells two sends apart.
    pub const TICKET: usize = 16;
}

/// Send half of a slot: one cache line of header, then the payload of a small message.
pub mod send {
    /// u32: a `state` value; client and server move it by compare-and-swap.
    pub const STATE: usize = 0;
    /// u32: priority in bits 0..8, `flag` bits in 8..16, the sender's CPU in 16..32.
    pub const WHAT: usize = 4;
    /// u32, u32: coid and thread of the sender.
    pub const COID: usize = 8;
    /// See `COID`.
    pub const TID: usize = 12;
    /// u64: its ticket, which orders what has the same priority and tells two sends apart.
    pub const TICKET: usize = 16;
    /// u64: bytes sent, and room for the reply.
    pub const SEND_LEN: usize = 24;
    /// See `SEND_LEN`.
    pub const REPLY_LEN: usize = 32;
    /// u64: address of the data if there is one part, else of the iov array.
    pub const SEND_ADDR: usize = 40;
    /// As `SEND_ADDR`, for the reply buffers.
    pub const REPLY_ADDR: usize = 48;
    /// u32, u32: number of parts.
    pub const SEND_PARTS: usize = 56;
    /// See `SEND_PARTS`.
    pub const REPLY_PARTS: usize = 60;
    /// Start of the payload of a small message.
    pub const INLINE: usize = 64;
    /// Largest message that goes through the slot.
    pub const INLINE_LEN: usize = 4096 - INLINE;

    /// Bits of the flag byte in `WHAT`.
    pub mod flag {
        /// The payload is in the slot.
        pub const INLINE: u8 = 1;
        /// Wake the sender when its message is taken (it has a timeout for one of the two states only).
        pub const TELL_TAKEN: u8 = 2;
        /// The connection accepts no events.
        pub const NO_EVENTS: u8 = 4;
        /// The connection accepts registered events only.
        pub const REGISTERED_EVENTS: u8 = 8;
    }

    /// Values of `STATE`.
    pub mod state {
        /// Unused, or answered.
        pub const FREE: u32 = 0;
        /// SEND-blocked.
        pub const SENT: u32 = 1;
        /// REPLY-blocked.
        pub const TAKEN: u32 = 2;
        /// The sender left before its message was taken; the server frees the slot when it comes across it.
        pub const CANCELLED: u32 = 3;
        /// Added to `TAKEN` while the server touches the client's buffers: the client must not leave.
        pub const BUSY: u32 = 0x10;
        /// Added to `TAKEN` when the client asked for the unblock pulse.
        pub const UNBLOCK: u32 = 0x20;
        /// Added to `TAKEN|BUSY`: the client wants to leave, wake it when no longer busy.
        pub const WANTS_OUT: u32 = 0x40;
    }
}

/// Reply half of a slot: 32 bytes of header, the payload of a small reply, and the request for help.
pub mod reply {
    /// u32, futex of the client: a `done` value.
    pub const DONE: usize = 0;
    /// u32: the replier's CPU.
    pub const CPU: usize = 4;
    /// u64: status of MsgReply, or the error number of MsgError as i64.
    pub const STATUS: usize = 8;
    /// u64: 0 = MsgReply, 1 = MsgError.
    pub const IS_ERROR: usize = 16;
    /// u64: bytes of the reply that lie in the slot.
    pub const LEN: usize = 24;
    /// Start of the payload.
    pub const INLINE: usize = 32;
    /// Largest reply that goes through the slot.
    pub const INLINE_LEN: usize = HELP - INLINE;
    /// u64 each: kind, offset into the client's data, length of a request for help.
    pub const HELP: usize = 4096 - 64;

    /// Values of `DONE`.
    pub mod done {
        /// Nothing yet.
        pub const PENDING: u32 = 0;
        /// Nothing yet and the client sleeps.
        pub const SLEEPING: u32 = 1;
        /// The reply is there.
        pub const DONE: u32 = 2;
        /// The server asks for help with copying.
        pub const HELP: u32 = 3;
        /// Look around: the connection died, was detached, or the state changed.
        pub const POKE: u32 = 4;
    }

    /// Kinds of help.
    pub mod help {
        /// Copy from the send buffers to the bounce area.
        pub const READ: u64 = 1;
        /// Copy from the bounce area to the reply buffers.
        pub const WRITE: u64 = 2;
    }
}

const _: () = {
    assert!(lane::BOUNCE_AT.is_multiple_of(4096) && lane::LEN.is_multiple_of(4096));
    assert!(send::INLINE + send::INLINE_LEN <= lane::SLOT / 2);
    assert!(reply::INLINE + reply::INLINE_LEN + 64 <= lane::SLOT / 2);
    assert!(lane::RING.is_power_of_two());
};
