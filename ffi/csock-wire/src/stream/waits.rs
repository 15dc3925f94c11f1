//! "I sleep, wake me": a word for each direction of a socket, written by the client alone. It holds which of the client's
//! wait slots shall be woken and a number that changes with every wait, so that the module wakes at most once for each.

use super::{Block, StreamFault};
use crate::shm::SharedMem;

/// Which of a socket's two wait words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// For room to send, or for the end of a connect.
    Room,
    /// For data, an end, a connection to accept.
    Data,
}

impl Waiting {
    const fn word(self, block: Block) -> usize {
        match self {
            Waiting::Room => block.tx_wait(),
            Waiting::Data => block.rx_wait(),
        }
    }

    /// Asks for one wake-up of the wait slot in `value`, and orders that before the look that must follow (client).
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area that the block lies in.
    pub fn arm<M: SharedMem>(self, mem: &M, block: Block, value: u64) -> Result<(), StreamFault> {
        mem.store_word(self.word(block), value)?;
        mem.full_fence();
        Ok(())
    }

    /// Nobody waits any more (client). A wake-up that is under way still comes.
    ///
    /// # Errors
    /// As [`Waiting::arm`].
    pub fn disarm<M: SharedMem>(self, mem: &M, block: Block) -> Result<(), StreamFault> {
        mem.store_word(self.word(block), 0)?;
        Ok(())
    }
}

/// The value of a wait word for wait slot `slot` (1 and up): `sequence` must be another one for every wait of the socket.
#[must_use]
pub fn wait_value(sequence: u64, slot: u16) -> u64 {
    sequence.wrapping_shl(16) | u64::from(slot)
}

/// The wait slot in a wait word, 0 for nobody.
#[must_use]
pub const fn wait_slot(value: u64) -> u16 {
    let [low, high, ..] = value.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// The module's side of one wait word.
#[derive(Debug)]
pub struct WaitWatch {
    waiting: Waiting,
    /// The value that was answered last.
    answered: u64,
}

impl WaitWatch {
    /// Nobody has waited yet.
    #[must_use]
    pub const fn new(waiting: Waiting) -> WaitWatch {
        WaitWatch { waiting, answered: 0 }
    }

    /// The wait slot to wake now, if somebody waits who was not woken for this wait. What changed must have been stored
    /// before, and a full barrier after that.
    ///
    /// # Errors
    /// As [`Waiting::arm`].
    pub fn due<M: SharedMem>(&mut self, mem: &M, block: Block) -> Result<Option<u16>, StreamFault> {
        let value = mem.load_word(self.waiting.word(block))?;
        if value == self.answered {
            return Ok(None);
        }
        self.answered = value;
        Ok(Some(wait_slot(value)).filter(|slot| *slot != 0))
    }

    /// The wake-up did not get through: the same wait is due again.
    pub const fn undo(&mut self) {
        self.answered = 0;
    }
}
