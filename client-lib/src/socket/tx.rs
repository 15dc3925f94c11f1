//! Sending, as far as the rings go: which bytes of the pool the program fills, which the module has, which came back.
//! Pure: no message, no wait, no lock.

use crate::{
    error::{Error, Fault},
    num::{length, short, widen},
    pool::{Books, GRANULE, Span},
    slots::Slots,
    sync::Mutex,
};
use alloc::vec::Vec;
use csock_wire::{
    Consumer, Desc, DescFlags, DescLimits, Producer, PushError, RingBlock, RingKind, SharedMem, WireErrno,
};

/// Bytes of the pool that the program may fill, until it commits or aborts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Names the grant, to this side and to the server.
    pub key: u64,
    /// Offset in the pool.
    pub offset: usize,
    /// Bytes.
    pub len: u32,
}

/// What a grant is doing.
#[derive(Debug)]
struct Piece {
    span: Span,
    len: u32,
    /// Bytes that the module was given, once it was.
    sent: Option<u32>,
    /// The socket's own reserve, which goes back to the socket.
    reserve: bool,
}

/// What came of asking for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// Here they are.
    Grant(Grant),
    /// Not now; a completion will change that.
    Wait,
}

/// What came of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The module has it. True: and it sleeps, ring.
    Sent(bool),
    /// The submission ring is full; the grant is as it was.
    RingFull,
}

/// Positions for a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenTx {
    pub sq: u32,
    pub cq: u32,
}

/// The sending half of a socket.
#[derive(Debug)]
pub(crate) struct Tx<M: SharedMem> {
    sq: Producer<M>,
    cq: Consumer<M>,
    limits: DescLimits,
    pieces: Slots<Piece>,
    /// Bytes of all grants, and of those that the module has.
    granted: usize,
    /// Grants that the module has.
    in_flight: u32,
    /// A piece of the pool that this socket keeps for itself, so that a small write gets through when other sockets
    /// have taken the rest.
    reserve: Option<Span>,
    error: Option<WireErrno>,
    shut: bool,
    /// The socket is closed: rings are not touched any more, and pieces go back when the program lets go of them.
    retired: bool,
}

impl<M: SharedMem> Tx<M> {
    /// The sending half over a fresh ring block.
    pub(crate) fn new(mem: &M, block: &RingBlock, limits: DescLimits) -> Result<Self, Error> {
        let cq = Consumer::new(mem.clone(), block.ring(RingKind::Completion));
        Ok(Self {
            sq: Producer::new(mem.clone(), block.ring(RingKind::Submission)),
            pieces: Slots::new(cq.capacity())?,
            cq,
            limits,
            granted: 0,
            in_flight: 0,
            reserve: None,
            error: None,
            shut: false,
            retired: false,
        })
    }

    /// Gives the socket its own reserve.
    pub(crate) fn keep_reserve(&mut self, span: Span) {
        self.reserve = Some(span);
    }

    /// Whether it has one, or will have it back.
    pub(crate) fn has_reserve(&self) -> bool {
        self.reserve.is_some() || self.pieces.find(0, |piece| piece.reserve).is_some()
    }

    /// Takes back what the module is done with.
    pub(crate) fn reap(&mut self, books: &Mutex<Books>) -> Result<(), Fault> {
        if self.retired {
            return Ok(());
        }
        let mut left = self.cq.available()?;
        if left == 0 {
            return Ok(());
        }
        let mut books = books.lock();
        while left > 0 {
            left = left.saturating_sub(1);
            let Some(raw) = self.cq.pop()? else { break };
            let done = raw.check(RingKind::Completion, &self.limits)?;
            let user = done.user();
            let unknown = Fault::UnknownBuffer { user };
            let piece = self.pieces.get_mut(user).ok_or(unknown)?;
            let sent = piece.sent.ok_or(unknown)?;
            let posted = widen(piece.span.offset());
            if raw.offset != posted {
                return Err(Fault::WrongBuffer {
                    value: raw.offset,
                    posted,
                });
            }
            if done.len() > sent {
                return Err(Fault::WrongBuffer {
                    value: done.len().into(),
                    posted: sent.into(),
                });
            }
            if !done.error().is_ok() {
                self.error.get_or_insert(done.error());
            }
            self.in_flight = self.in_flight.saturating_sub(1);
            if let Some(piece) = self.pieces.remove(user) {
                self.put_back(piece, &mut books);
            }
        }
        self.cq.publish()?;
        Ok(())
    }

    fn put_back(&mut self, piece: Piece, books: &mut Books) {
        self.granted = self.granted.saturating_sub(length(piece.len));
        if piece.reserve && !self.retired {
            self.reserve = Some(piece.span);
        } else {
            books.free(piece.span);
        }
    }

    /// Why nothing can be sent (any more), if so.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.retired {
            return Err(Error::Closed);
        }
        if self.shut {
            return Err(Error::ShutDown);
        }
        self.error.map_or(Ok(()), |error| Err(Error::from_wire(error)))
    }

    /// Grants exactly `len` bytes, or between `least` and `len` when that is what there is. Call [`Tx::reap`] before.
    pub(crate) fn reserve(
        &mut self,
        mem: &M,
        books: &Mutex<Books>,
        least: u32,
        len: u32,
        limit: usize,
    ) -> Result<Reserved, Error> {
        let full =
            self.pieces.is_full() || (self.granted > 0 && self.granted.saturating_add(length(least)) > limit);
        if full {
            // The program itself may sit on everything; then nobody would ever wake it.
            return if self.in_flight > 0 {
                Ok(Reserved::Wait)
            } else {
                Err(self.exhausted(books, len))
            };
        }
        let room = limit.saturating_sub(self.granted).max(length(least));
        let mut wanted = length(len).min(room);
        let found = {
            let mut books = books.lock();
            loop {
                match books.alloc(mem, wanted) {
                    Ok(span) => break Some((span, wanted)),
                    Err(_) if wanted > length(least) => wanted = (wanted / 2).max(length(least)),
                    Err(_) => break None,
                }
            }
        };
        let (span, granted, reserve) = match found {
            Some((span, granted)) => (span, granted, false),
            None => match self.reserve.take() {
                Some(span) if span.len() >= length(least) => {
                    let granted = span.len().min(length(len));
                    (span, granted, true)
                }
                kept => {
                    self.reserve = kept;
                    return if self.in_flight > 0 {
                        Ok(Reserved::Wait)
                    } else {
                        Err(self.exhausted(books, len))
                    };
                }
            },
        };
        let offset = span.offset();
        let len = short(granted);
        match self.pieces.insert(Piece {
            span,
            len,
            sent: None,
            reserve,
        }) {
            Ok(key) => {
                self.granted = self.granted.saturating_add(granted);
                Ok(Reserved::Grant(Grant { key, offset, len }))
            }
            // `is_full` was asked above.
            Err(piece) => {
                books.lock().free(piece.span);
                Err(Error::NoMemory)
            }
        }
    }

    fn exhausted(&self, books: &Mutex<Books>, asked: u32) -> Error {
        Error::PoolExhausted {
            asked: length(asked),
            largest: books.lock().largest(),
        }
    }

    /// Hands the first `n` bytes of a grant to the module.
    pub(crate) fn commit(&mut self, key: u64, n: u32, more: bool) -> Result<Committed, Error> {
        self.check()?;
        let piece = self.pieces.get_mut(key).filter(|piece| piece.sent.is_none());
        let piece = piece.ok_or(Error::Invalid {
            what: "buffer",
            value: key,
            allowed: 0,
        })?;
        if n == 0 || n > piece.len {
            return Err(Error::Invalid {
                what: "length",
                value: n.into(),
                allowed: piece.len.into(),
            });
        }
        let flags = if more { DescFlags::MORE } else { DescFlags::empty() };
        let desc = Desc::buffer(widen(piece.span.offset()), n, key).with_flags(flags);
        match self.sq.push(&desc) {
            Ok(()) => piece.sent = Some(n),
            Err(PushError::Full) => return Ok(Committed::RingFull),
            Err(PushError::Fault(fault)) => return Err(Error::ServerFault(fault.into())),
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.sq.publish().map_err(Fault::from)?;
        Ok(Committed::Sent(self.sq.must_ring().map_err(Fault::from)?))
    }

    /// The doorbell that [`Tx::commit`] asked for did not get through.
    pub(crate) const fn ring_failed(&mut self) {
        self.sq.ring_failed();
    }

    /// Gives a grant back unused. False: there is no such grant.
    pub(crate) fn abort(&mut self, key: u64, books: &Mutex<Books>) -> bool {
        if self.pieces.get_mut(key).is_none_or(|piece| piece.sent.is_some()) {
            return false;
        }
        match self.pieces.remove(key) {
            Some(piece) => {
                self.put_back(piece, &mut books.lock());
                true
            }
            None => false,
        }
    }

    /// Positions for a wait for completions, or for room in the submission ring.
    pub(crate) fn seen(&mut self) -> Result<SeenTx, Fault> {
        Ok(SeenTx {
            sq: self.sq.consumed()?,
            cq: self.cq.cursor(),
        })
    }

    /// Where the data ends that was published so far.
    pub(crate) fn position(&self) -> u32 {
        self.sq.position()
    }

    /// No more sending, by the program's wish.
    pub(crate) const fn shut(&mut self) {
        self.shut = true;
    }

    /// Closes: what the module has goes into `out`, to wait for its release; the rest is free.
    pub(crate) fn retire(&mut self, books: &Mutex<Books>, out: &mut Vec<Span>) {
        self.retired = true;
        self.pieces
            .drain_where(|piece| piece.sent.is_some(), |piece| keep(out, piece.span));
        if let Some(span) = self.reserve.take() {
            books.lock().free(span);
        }
    }

    /// The last owner is gone: frees what the program never gave back.
    pub(crate) fn free_all(&mut self, books: &Mutex<Books>) {
        let mut books = books.lock();
        self.pieces
            .drain_where(|piece| piece.sent.is_none(), |piece| books.free(piece.span));
    }
}

/// Adds to a list of spans; without memory for the list the span stays out of use.
pub(super) fn keep(out: &mut Vec<Span>, span: Span) {
    if out.try_reserve(1).is_ok() {
        out.push(span);
    }
}

/// What a short write settles for: enough that the descriptor is worth its cost.
pub(crate) fn least_piece(wanted: u32) -> u32 {
    wanted.min(short(16 * GRANULE))
}
