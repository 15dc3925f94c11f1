//! Receiving, the client's side.

use super::{Block, READY_ENTRIES, State, StreamFault, moved};
use crate::refusal::Field;
use crate::shm::SharedMem;

/// What there is to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A filled buffer. The caller checks that it is one that the module had, and its length against the buffer's.
    Entry {
        /// The buffer.
        id: u32,
        /// Bytes in it.
        len: u32,
    },
    /// Nothing; the state says whether that is the end.
    Nothing(State),
}

/// What came of consuming bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "bytes that were recalled were not received"]
pub enum Consumed {
    /// They are the program's.
    Yes,
    /// The module has taken the stream back: throw the copy away and receive by message.
    Recalled,
}

/// The receiving half of one socket, under the client's own lock.
#[derive(Debug)]
pub struct Taker<M: SharedMem> {
    mem: M,
    block: Block,
    /// Entries taken.
    taken: u64,
    /// Entries that the module has shown.
    ready: u64,
    /// Bytes consumed.
    head: u64,
}

impl<M: SharedMem> Taker<M> {
    /// Over a block that [`Block::initialise`] made ready.
    #[must_use]
    pub const fn new(mem: M, block: Block) -> Taker<M> {
        Taker {
            mem,
            block,
            taken: 0,
            ready: 0,
            head: 0,
        }
    }

    /// The state of the socket. Looks anew.
    ///
    /// # Errors
    /// [`StreamFault`] for a state that this version does not know.
    pub fn state(&self) -> Result<State, StreamFault> {
        let state = State::from_bits_retain(self.mem.load_word(self.block.state())?);
        if state.is_known() {
            Ok(state)
        } else {
            Err(StreamFault::new(
                Field::StreamState,
                state.bits(),
                State::KNOWN.bits(),
            ))
        }
    }

    /// The next filled buffer, without taking it.
    ///
    /// # Errors
    /// [`StreamFault`] for a count or a state that an honest module cannot have written.
    pub fn peek(&mut self) -> Result<Incoming, StreamFault> {
        if self.taken == self.ready {
            // The state first: one that says "the end" is seen only with the entries before it.
            let state = self.state()?;
            self.refresh()?;
            if self.taken == self.ready {
                return Ok(Incoming::Nothing(state));
            }
        }
        let word = self.mem.load_u64(self.block.entry(self.taken))?;
        let [i0, i1, i2, i3, l0, l1, l2, l3] = word.to_le_bytes();
        Ok(Incoming::Entry {
            id: u32::from_le_bytes([i0, i1, i2, i3]),
            len: u32::from_le_bytes([l0, l1, l2, l3]),
        })
    }

    /// Entries that the module has shown. Looks anew. Of a listener: how often connections came.
    ///
    /// # Errors
    /// As [`Taker::peek`].
    pub fn refresh(&mut self) -> Result<u64, StreamFault> {
        let value = self.mem.load_word(self.block.ready())?;
        let most = self.taken.saturating_add(READY_ENTRIES);
        self.ready = moved(Field::StreamReady, value, self.ready, most)?;
        Ok(self.ready)
    }

    /// Of a listener: how often connections came. Looks anew, and believes any number.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn announced(&self) -> Result<u64, StreamFault> {
        Ok(self.mem.load_word(self.block.ready())?)
    }

    /// Takes the entry that [`Taker::peek`] found: the module may use its place again. Its bytes stay the client's.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn pop(&mut self) -> Result<(), StreamFault> {
        self.taken = self.taken.saturating_add(1);
        self.mem.store_word(self.block.entries_taken(), self.taken)?;
        Ok(())
    }

    /// The program has the next `n` bytes of the stream. Copy first, then consume.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn consume(&mut self, n: u32) -> Result<Consumed, StreamFault> {
        let next = self.head.saturating_add(n.into());
        loop {
            match self.mem.exchange_word(self.block.head(), self.head, next)? {
                Ok(_) => {
                    self.head = next;
                    return Ok(Consumed::Yes);
                }
                // Nobody else writes the word but the module, and it only ever sets GONE; so the step failed for no
                // reason, and the next may not.
                Err(found) if found == self.head => {}
                Err(_) => return Ok(Consumed::Recalled),
            }
        }
    }

    /// Entries taken so far: what a receive by message says that it has seen.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.taken
    }
}
