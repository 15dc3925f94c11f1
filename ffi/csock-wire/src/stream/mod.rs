//! One stream in shared memory: how bytes, wake-ups and receive buffers pass between a client and the module.
//!
//! ```text
//!            client                    a socket's block, a session's area                       module
//!  append -> Writer   tail, ranges ------------------------------------------------->  Reader  -> mbufs, sosend
//!                     <------------------------------------------ limit, taken, freed
//!  recv   <- Taker    <---------------------------------------- ready entries, state   Filler  <- soreceive
//!                     head, entries taken --------------------------------------->
//!            Returns  ids of receive buffers --------------------------------------->  Supply
//!  send   -> Bell     dirty bits ---------------------------------------------------->  Watch   "look at these sockets"
//!                     <------------------------------------------------------- armed          "I sleep: ring"
//!  sleep  -> arm_wait wait words ------------------------------------------------->  WaitWatch  "wake this waiter"
//! ```
//!
//! Every word has one writer, but for the dirty bits, `tail` and `head`: those both sides change, each by one atomic
//! step. Positions are counts from the birth of the socket's binding in 64 bits, so they never wrap: a window check is
//! two comparisons.
//!
//! The order of accesses is part of the protocol; `tests/loom_model` holds a model of each rule, and beside it the same
//! model with the rule left out, which must fail:
//!
//! 1. A client changes `tail`, then sets its dirty bit, then reads `armed`. The module stores `armed`, then a full
//!    barrier, then reads the dirty bits again. So one of the two sees the other.
//! 2. The module clears a dirty bit, then reads `tail`. So a client that finds its bit set may rely on a look to come.
//! 3. The module reads `tail`, then `ranges`: a range that is posted before its bytes is never missed.
//! 4. Whoever waits stores its wait word, then a full barrier, then looks again. The other side stores what it has, then a
//!    full barrier, then reads the wait word.
//! 5. The client reads `state`, then the count of ready entries: the end of a stream is never seen before its last byte.

mod bell;
mod returns;
mod rx_client;
mod rx_module;
mod state;
mod tx_client;
mod tx_module;
mod waits;

pub use crate::layout::area::{
    Area, AreaGeometry, BLOCK_LEN, Block, MAX_BUFFER_LEN, MAX_BUFFERS, MAX_SOCKETS, RANGES, READY_ENTRIES,
};
pub use bell::{Bell, Watch};
pub use returns::{Returns, Supply};
pub use rx_client::{Consumed, Incoming, Taker};
pub use rx_module::{Filler, Recalled};
pub use state::State;
pub use tx_client::{Appended, Memory, Opened, Place, Writer};
pub use tx_module::{Piece, PoolWindow, Reader};
pub use waits::{WaitWatch, Waiting, wait_slot, wait_value};

use core::fmt;

use crate::errno::WireErrno;
use crate::refusal::{Field, Refusal};
use crate::shm::OutOfBounds;

/// Set in `tail` and in `head` by the module when the socket has left shared memory for messages, for good.
pub const GONE: u64 = 1 << 63;
/// The most bytes that may be committed and not yet taken. Far beyond every pool; it keeps sums small.
pub const MAX_WINDOW: u64 = 1 << 40;
/// How often the module tries to change a word that a client keeps changing before the client counts as hostile.
const TRIES: u32 = 64;

/// A word in shared memory that an honest peer cannot have written: the stream is refused and never read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFault {
    /// Which word, or which part of an entry.
    pub field: Field,
    /// What it held.
    pub value: u64,
    /// The nearest allowed value or the limit.
    pub allowed: u64,
}

impl StreamFault {
    const fn new(field: Field, value: u64, allowed: u64) -> StreamFault {
        StreamFault {
            field,
            value,
            allowed,
        }
    }
}

impl From<OutOfBounds> for StreamFault {
    /// The area was checked when it was attached, so this is a mistake of our own side; it is told as one.
    fn from(e: OutOfBounds) -> StreamFault {
        let (end, size) = (e.offset.saturating_add(e.len), e.size);
        StreamFault::new(
            Field::PoolSize,
            crate::layout::widen(end),
            crate::layout::widen(size),
        )
    }
}

impl From<StreamFault> for Refusal {
    fn from(fault: StreamFault) -> Refusal {
        Refusal::new(WireErrno::EPROTO, fault.field, fault.value, fault.allowed)
    }
}

impl fmt::Display for StreamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in shared memory is {:#x}, allowed {:#x}",
            self.field.name(),
            self.value,
            self.allowed
        )
    }
}

impl core::error::Error for StreamFault {}

/// The value of a counter that only its peer moves: not backwards, not past `most`.
fn moved(field: Field, value: u64, seen: u64, most: u64) -> Result<u64, StreamFault> {
    if value < seen {
        return Err(StreamFault::new(field, value, seen));
    }
    if value > most {
        return Err(StreamFault::new(field, value, most));
    }
    Ok(value)
}
