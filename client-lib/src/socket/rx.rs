//! Receiving, as far as memory goes: filled buffers in order, what is left of the current one, and what the end is.
//! No message, no wait, no lock.

use crate::{
    error::{Error, Fault},
    num::{length, short},
    session::Core,
    sys::System,
};
use csock_wire::{
    SharedMem,
    stream::{Block, Consumed, Incoming as Entry, State, Taker},
};

/// Received bytes that the program may look at until it lets go of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The buffer; one hold of it is the program's.
    pub id: u32,
    /// Offset of the first byte in the pool.
    pub offset: usize,
    /// Bytes.
    pub len: u32,
}

/// Holds of buffers that are to be given up once the lock is released: giving one back may ring.
#[derive(Debug, Default)]
pub(super) struct Done {
    ids: [u32; 16],
    count: usize,
}

impl Done {
    fn push(&mut self, id: u32) {
        if let Some(place) = self.ids.get_mut(self.count) {
            *place = id;
            self.count = self.count.saturating_add(1);
        }
    }

    /// No room for another.
    const fn is_full(&self) -> bool {
        self.count >= self.ids.len()
    }

    /// Lets go of all of them. Hold no lock.
    pub(super) fn let_go<S: System>(&mut self, core: &Core<S>) {
        for id in self.ids.iter().take(self.count) {
            core.let_go(*id);
        }
        self.count = 0;
    }
}

/// The buffer that reading is in the middle of. One hold of it is ours.
#[derive(Clone, Copy, Debug)]
struct Current {
    id: u32,
    offset: usize,
    left: u32,
}

/// What there is to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming<T> {
    /// Data.
    Data(T),
    /// Nothing now, and what the module says about the socket.
    Nothing(State),
    /// The socket has no part in shared memory (any more): receive by message.
    ByMessage,
}

/// The receiving half of a socket.
#[derive(Debug)]
pub(super) struct Rx<M: SharedMem> {
    taker: Option<Taker<M>>,
    /// The number of its block.
    block: u32,
    current: Option<Current>,
    gone: bool,
}

impl<M: SharedMem> Rx<M> {
    /// Over a fresh block, or over none.
    pub(super) fn new(mem: &M, block: Option<(u32, Block)>) -> Self {
        Self {
            taker: block.map(|(_, place)| Taker::new(mem.clone(), place)),
            block: block.map_or(0, |(index, _)| index),
            current: None,
            gone: false,
        }
    }

    /// Entries taken: what a receive by message says that it has seen.
    pub(super) fn position(&self) -> u64 {
        self.taker.as_ref().map_or(0, Taker::position)
    }

    /// Of a listener: how often connections came. `None`: there is no word that says so.
    pub(super) fn announced(&self) -> Result<Option<u64>, Error> {
        match &self.taker {
            Some(taker) => Ok(Some(taker.announced().map_err(Fault::from)?)),
            None => Ok(None),
        }
    }

    /// Makes the next filled buffer current, unless there is one.
    fn advance<S: System<Mem = M>>(&mut self, core: &Core<S>) -> Result<Incoming<Current>, Error> {
        if let Some(current) = self.current {
            return Ok(Incoming::Data(current));
        }
        let Some(taker) = self.taker.as_mut().filter(|_| !self.gone) else {
            return Ok(Incoming::ByMessage);
        };
        match taker.peek().map_err(Fault::from)? {
            Entry::Nothing(state) if state.contains(State::DEMOTED) => {
                self.gone = true;
                Ok(Incoming::ByMessage)
            }
            Entry::Nothing(state) => Ok(Incoming::Nothing(state)),
            Entry::Entry { id, len } => {
                let offset = core.receive_buffer(self.block, id, len)?;
                let current = Current {
                    id,
                    offset,
                    left: len,
                };
                self.current = Some(current);
                Ok(Incoming::Data(current))
            }
        }
    }

    /// The program has the next `n` bytes of the current buffer. False: the module has taken them back.
    fn consume(&mut self, current: Current, n: u32, done: &mut Done) -> Result<bool, Error> {
        let Some(taker) = &mut self.taker else {
            return Ok(false);
        };
        if taker.consume(n).map_err(Fault::from)? == Consumed::Recalled {
            self.gone = true;
            self.current = None;
            done.push(current.id);
            return Ok(false);
        }
        let left = current.left.saturating_sub(n);
        if left > 0 {
            self.current = Some(Current {
                offset: current.offset.saturating_add(length(n)),
                left,
                ..current
            });
            return Ok(true);
        }
        self.current = None;
        taker.pop().map_err(Fault::from)?;
        done.push(current.id);
        Ok(true)
    }

    /// Copies what there is into `dst`, as far as it goes: at least one byte, or why not.
    pub(super) fn read<S: System<Mem = M>>(
        &mut self,
        core: &Core<S>,
        dst: &mut [u8],
        done: &mut Done,
    ) -> Result<Incoming<usize>, Error> {
        let mut sum = 0;
        while let Some(rest) = dst.get_mut(sum..).filter(|rest| !rest.is_empty()) {
            if done.is_full() {
                break;
            }
            let current = match self.advance(core) {
                Ok(Incoming::Data(current)) => current,
                // What was copied is the program's; the rest comes again at the next call.
                _ if sum > 0 => break,
                Ok(Incoming::Nothing(state)) => return Ok(Incoming::Nothing(state)),
                Ok(Incoming::ByMessage) => return Ok(Incoming::ByMessage),
                Err(error) => return Err(error),
            };
            let n = rest.len().min(length(current.left));
            let Some(part) = rest.get_mut(..n) else { break };
            core.mem.copy_in(current.offset, part).map_err(Fault::from)?;
            if !self.consume(current, short(n), done)? {
                return Ok(if sum > 0 {
                    Incoming::Data(sum)
                } else {
                    Incoming::ByMessage
                });
            }
            sum = sum.saturating_add(n);
        }
        Ok(Incoming::Data(sum))
    }

    /// Hands out at most `most` bytes of what is left of the current buffer, or of the next filled one.
    pub(super) fn next<S: System<Mem = M>>(
        &mut self,
        core: &Core<S>,
        most: usize,
        done: &mut Done,
    ) -> Result<Incoming<Filled>, Error> {
        let current = match self.advance(core)? {
            Incoming::Data(current) => current,
            Incoming::Nothing(state) => return Ok(Incoming::Nothing(state)),
            Incoming::ByMessage => return Ok(Incoming::ByMessage),
        };
        let (id, offset, len) = (current.id, current.offset, current.left.min(short(most)));
        core.hold(id);
        if !self.consume(current, len, done)? {
            done.push(id);
            return Ok(Incoming::ByMessage);
        }
        Ok(Incoming::Data(Filled { id, offset, len }))
    }

    /// The socket is closed: buffers that nobody has read go back. Call `each` without a lock.
    pub(super) fn retire<S: System<Mem = M>>(mut self, core: &Core<S>) {
        if let Some(current) = self.current.take() {
            core.let_go(current.id);
            if let Some(taker) = &mut self.taker {
                let _ = taker.pop();
            }
        }
        while let Ok(Incoming::Data(current)) = self.advance(core) {
            self.current = None;
            core.let_go(current.id);
            if self.taker.as_mut().is_none_or(|taker| taker.pop().is_err()) {
                break;
            }
        }
    }
}
