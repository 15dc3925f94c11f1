//! Receiving, as far as the rings go: which buffers the module may fill, which it has filled, which the program holds.
//! Pure: no message, no wait, no lock.

use super::tx::keep;
use crate::{
    error::{Error, Fault},
    num::{length, short, widen},
    pool::{Books, Span},
    slots::Slots,
    sync::Mutex,
};
use alloc::vec::Vec;
use csock_wire::{
    Consumer, Desc, DescLimits, Producer, PushError, RingBlock, RingKind, SharedMem, WireErrno,
};

/// Received bytes that the program may look at until it releases them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    /// Names the buffer.
    pub key: u64,
    /// Offset of the first byte in the pool.
    pub offset: usize,
    /// Bytes.
    pub len: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not posted: the fill ring had no slot free.
    Idle,
    /// The module may write into it.
    Posted,
    /// Filled. It goes back when nothing of it is unread and the program holds no part.
    Filled {
        /// Parts in the program's hands.
        held: u32,
    },
}

#[derive(Debug)]
struct Buffer {
    span: Span,
    state: State,
}

/// The buffer that `read` is in the middle of.
#[derive(Clone, Copy, Debug)]
struct Current {
    key: u64,
    offset: usize,
    left: u32,
}

/// What there is to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Incoming {
    /// Data.
    Data(Filled),
    /// Nothing yet.
    Nothing,
    /// The end of the stream.
    Eof,
}

/// The receiving half of a socket.
#[derive(Debug)]
pub(crate) struct Rx<M: SharedMem> {
    mem: M,
    fq: Producer<M>,
    rq: Consumer<M>,
    limits: DescLimits,
    buffers: Slots<Buffer>,
    buffer_len: u32,
    /// Buffers in state `Idle`.
    idle: u32,
    /// Buffers were pushed, and the module has not been told.
    unannounced: bool,
    current: Option<Current>,
    eof: bool,
    error: Option<WireErrno>,
    retired: bool,
}

impl<M: SharedMem> Rx<M> {
    /// The receiving half over a fresh ring block, for `count` buffers of `buffer_len` bytes.
    pub(crate) fn new(
        mem: &M,
        block: &RingBlock,
        limits: DescLimits,
        count: u32,
        buffer_len: u32,
    ) -> Result<Self, Error> {
        Ok(Self {
            mem: mem.clone(),
            fq: Producer::new(mem.clone(), block.ring(RingKind::Fill)),
            rq: Consumer::new(mem.clone(), block.ring(RingKind::Ready)),
            limits,
            buffers: Slots::new(count)?,
            buffer_len,
            idle: 0,
            unannounced: false,
            current: None,
            eof: false,
            error: None,
            retired: false,
        })
    }

    /// Gives the socket its buffers, all of them or as many as the pool has, and posts them. At least one.
    pub(crate) fn stock(&mut self, books: &Mutex<Books>) -> Result<(), Error> {
        let mut books = books.lock();
        while !self.buffers.is_full() {
            match books.alloc(&self.mem, length(self.buffer_len)) {
                Ok(span) => {
                    if let Err(buffer) = self.buffers.insert(Buffer {
                        span,
                        state: State::Idle,
                    }) {
                        books.free(buffer.span);
                        break;
                    }
                    self.idle = self.idle.saturating_add(1);
                }
                Err(error) if self.buffers.len() == 0 => return Err(error),
                Err(_) => break,
            }
        }
        drop(books);
        self.post()?;
        Ok(())
    }

    /// Posts idle buffers. The caller publishes.
    fn post(&mut self) -> Result<(), Fault> {
        if self.idle == 0 {
            return Ok(());
        }
        // Only when the fill ring was full at some time; then all of the table is looked at.
        let mut from = 0;
        while let Some((key, next)) = self.buffers.find(from, |buffer| buffer.state == State::Idle) {
            from = next;
            if !self.post_one(key)? {
                break;
            }
        }
        self.fq.publish()?;
        Ok(())
    }

    /// Posts one buffer. False: the fill ring is full, and the buffer idle.
    fn post_one(&mut self, key: u64) -> Result<bool, Fault> {
        let Some(buffer) = self.buffers.get_mut(key) else {
            return Ok(true);
        };
        let was_idle = buffer.state == State::Idle;
        match self
            .fq
            .push(&Desc::buffer(widen(buffer.span.offset()), self.buffer_len, key))
        {
            Ok(()) => {
                buffer.state = State::Posted;
                self.unannounced = true;
                self.idle = self.idle.saturating_sub(u32::from(was_idle));
                Ok(true)
            }
            Err(PushError::Full) => {
                buffer.state = State::Idle;
                self.idle = self.idle.saturating_add(u32::from(!was_idle));
                Ok(false)
            }
            Err(PushError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// After buffers went back: lets the module see them. `Some(true)`: and it starves for them, ring. `None`: there was
    /// nothing to tell.
    pub(crate) fn publish(&mut self) -> Result<Option<bool>, Fault> {
        if self.retired {
            return Ok(None);
        }
        self.post()?;
        if !core::mem::take(&mut self.unannounced) {
            return Ok(None);
        }
        self.fq.publish()?;
        Ok(Some(self.fq.must_ring()?))
    }

    /// The doorbell that [`Rx::publish`] asked for did not get through.
    pub(crate) const fn ring_failed(&mut self) {
        self.unannounced = true;
        self.fq.ring_failed();
    }

    /// True when [`Rx::next`] would find something. Looks at the ring, once.
    pub(crate) fn is_ready(&mut self) -> Result<bool, Fault> {
        if self.retired || self.eof || self.error.is_some() || self.current.is_some() {
            return Ok(true);
        }
        Ok(self.rq.available()? > 0)
    }

    /// Makes the next filled buffer current, unless there is one.
    fn advance(&mut self) -> Result<Option<Current>, Error> {
        if self.retired {
            return Err(Error::Closed);
        }
        if self.current.is_some() {
            return Ok(self.current);
        }
        if self.eof {
            return Ok(None);
        }
        if let Some(error) = self.error {
            return Err(Error::from_wire(error));
        }
        self.take()?;
        match self.error {
            Some(error) => Err(Error::from_wire(error)),
            None => Ok(self.current),
        }
    }

    /// Takes one descriptor from the ready ring and checks it against what was posted.
    fn take(&mut self) -> Result<(), Fault> {
        let Some(raw) = self.rq.pop()? else { return Ok(()) };
        let desc = raw.check(RingKind::Ready, &self.limits)?;
        self.rq.publish()?;
        if desc.is_eof() {
            self.eof = true;
            return Ok(());
        }
        if !desc.error().is_ok() {
            self.error = Some(desc.error());
            return Ok(());
        }
        let key = desc.user();
        let unknown = Fault::UnknownBuffer { user: key };
        let buffer = self
            .buffers
            .get_mut(key)
            .filter(|buffer| buffer.state == State::Posted)
            .ok_or(unknown)?;
        if desc.offset() != buffer.span.offset() {
            return Err(Fault::WrongBuffer {
                value: widen(desc.offset()),
                posted: widen(buffer.span.offset()),
            });
        }
        if desc.len() > self.buffer_len {
            return Err(Fault::WrongBuffer {
                value: desc.len().into(),
                posted: self.buffer_len.into(),
            });
        }
        buffer.state = State::Filled { held: 0 };
        self.current = Some(Current {
            key,
            offset: desc.offset(),
            left: desc.len(),
        });
        Ok(())
    }

    /// Copies what there is into `dst`, as far as it goes. 0 bytes with [`Incoming::Nothing`] or [`Incoming::Eof`].
    /// Call [`Rx::publish`] afterwards.
    pub(crate) fn read(&mut self, dst: &mut [u8]) -> Result<(usize, Incoming), Error> {
        let mut done = 0;
        while let Some(rest) = dst.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let current = match self.advance() {
                Ok(Some(current)) => current,
                Ok(None) => break,
                // What was copied is the program's; the error comes again at the next call.
                Err(_) if done > 0 => break,
                Err(error) => return Err(error),
            };
            let n = rest.len().min(length(current.left));
            let Some(part) = rest.get_mut(..n) else { break };
            self.mem.copy_in(current.offset, part).map_err(Fault::from)?;
            done = done.saturating_add(n);
            self.consume(current, n)?;
        }
        let what = if self.eof {
            Incoming::Eof
        } else {
            Incoming::Nothing
        };
        Ok((done, what))
    }

    fn consume(&mut self, current: Current, n: usize) -> Result<(), Fault> {
        let left = current.left.saturating_sub(short(n));
        if left > 0 {
            self.current = Some(Current {
                offset: current.offset.saturating_add(n),
                left,
                ..current
            });
            return Ok(());
        }
        self.current = None;
        match self.buffers.get_mut(current.key) {
            Some(Buffer {
                state: State::Filled { held: 1.. },
                ..
            }) => {}
            _ => drop(self.post_one(current.key)?),
        }
        Ok(())
    }

    /// Hands out at most `most` bytes of what is left of the current buffer, or of the next filled one.
    pub(crate) fn next(&mut self, most: usize) -> Result<Incoming, Error> {
        let Some(current @ Current { key, offset, left }) = self.advance()? else {
            return Ok(if self.eof {
                Incoming::Eof
            } else {
                Incoming::Nothing
            });
        };
        if let Some(Buffer {
            state: State::Filled { held },
            ..
        }) = self.buffers.get_mut(key)
        {
            *held = held.saturating_add(1);
        }
        let len = left.min(short(most));
        self.consume(current, length(len))?;
        Ok(Incoming::Data(Filled { key, offset, len }))
    }

    /// Takes a buffer back from the program and posts it again. False: the program has no such buffer. Call
    /// [`Rx::publish`] afterwards.
    pub(crate) fn release(&mut self, key: u64, books: &Mutex<Books>) -> Result<bool, Fault> {
        let Some(Buffer {
            state: State::Filled { held: held @ 1.. },
            ..
        }) = self.buffers.get_mut(key)
        else {
            return Ok(false);
        };
        *held = held.saturating_sub(1);
        if *held > 0 || self.current.is_some_and(|current| current.key == key) {
            return Ok(true);
        }
        if !self.retired {
            self.post_one(key)?;
            return Ok(true);
        }
        if let Some(buffer) = self.buffers.remove(key) {
            books.lock().free(buffer.span);
        }
        Ok(true)
    }

    /// Producer position of the ready ring that this side has seen.
    pub(crate) fn seen(&self) -> u32 {
        self.rq.cursor()
    }

    /// Closes: buffers that the module may still write to go into `out`; what the program holds stays with it.
    pub(crate) fn retire(&mut self, books: &Mutex<Books>, out: &mut Vec<Span>) {
        self.retired = true;
        self.current = None;
        let mut books = books.lock();
        self.buffers.drain_where(
            |buffer| !matches!(buffer.state, State::Filled { held: 1.. }),
            |buffer| match buffer.state {
                State::Posted => keep(out, buffer.span),
                _ => books.free(buffer.span),
            },
        );
    }

    /// The last owner is gone: frees what the program never gave back.
    pub(crate) fn free_all(&mut self, books: &Mutex<Books>) {
        let mut books = books.lock();
        self.buffers.drain_where(
            |buffer| matches!(buffer.state, State::Filled { held: 1.. }),
            |buffer| books.free(buffer.span),
        );
    }
}
