//! Layout of the two memory objects that a server shares with a client. Both sides are this crate at the same
//! [`VERSION`], which the handshake compares.
//!
//! **Doorbell** (one per channel, written by all its clients; nothing in it makes the server believe a message, but a client that
//! writes over others' words can keep their messages from being seen):
//! a line with the futex of sleeping receivers, then one word per lane. Bits 0..48 of a lane's word are toggled by the
//! client when it posts a message in that slot; bits 48..64 count pulses put in the lane's ring. The server keeps its
//! own copy and looks at what differs, so it never writes to these lines and a post costs one cache-line transfer.
//!
//! **Lane** (one per connected client process): pulse ring, 48 message slots, a bounce area for systems that do not allow
//! direct copies, and the cells of registered semaphores (`event_cell.rs`; the first lane's are used). A slot has a send half, written by the client, and a reply half, written by the server.

/// Changes with every incompatible change of this file or of `wire.rs`.
pub const VERSION: u16 = 3;

/// Bytes of a cache line on the machines we run on.
const LINE: usize = 64;

/// Doorbell: offsets and size.
pub mod doorbell {
    use super::LINE;

    /// u32, futex: bumped to wake sleeping receivers.
    pub const SEQ: usize = 0;
    /// u32: receivers of anything that sleep or are about to. A message wakes one of them.
    pub const SLEEPERS: usize = 4;
    /// u32: receivers of pulses alone that do. A pulse wakes all sleepers while there are any: who sleeps longest may be one of them or not.
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
    /// Cells of registered semaphores: as many as a process may register events.
    pub const CELLS: usize = 4096;
    const CELLS_AT: usize = BOUNCE_AT + BOUNCE;
    /// Size of the object.
    pub const LEN: usize = CELLS_AT + CELLS * 8;

    /// u64: the cell of an event; any handle is folded into the range.
    pub const fn cell(handle: u32) -> usize {
        CELLS_AT + (handle as usize % CELLS) * 8
    }

    /// Start of a pulse entry; any index is folded into the ring.
    pub const fn ring_entry(index: u32) -> usize {
        RING_AT + (index as usize % RING) * RING_ENTRY
    }

    /// Start of a slot (`shared_slot.rs`).
    pub const fn slot(slot: usize) -> usize {
        SLOTS_AT + slot * SLOT
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

/// Values in the send half of a slot.
pub mod send {
    /// Bits of the flag byte in `what`.
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

    /// Values of `state`.
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

/// Values in the reply half of a slot.
pub mod reply {
    /// Values of `done`.
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
    assert!(lane::RING.is_power_of_two());
};
