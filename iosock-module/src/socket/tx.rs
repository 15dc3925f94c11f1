//! Sending: committed bytes -> pieces -> one mbuf chain -> `sosend`; and the ranges back, when the stack has let go of them.
//!
//! Rules that this file keeps (`docs/iosock-kpi.md` 2.4, 3.4, 12):
//! - What limits a stream is the stack's send buffer, in bytes. Adjacent bytes are one mbuf, whatever the number of calls
//!   that wrote them; few bytes are copied, since a reference costs the stack more than a copy then.
//! - A range is recorded as "in the stack" before `sosend` sees a piece of it: its release may come back inside that call.
//! - This is the only sender of its socket, so the space it read can only grow: `sosend` takes a chain whole or fails
//!   for good. After any error nothing is sent again and the connection counts as failed.

use super::{Body, Phase, Sock, binding::Binding, round::Round};
use crate::{
    limits::{MAX_CHAIN, MAX_PIECE},
    machine::{Chain, How, Lent, Platform, ReleaseKey, Stream},
    maybe::Maybe,
    pool::PoolHold,
};
use csock_wire::{
    WireErrno,
    stream::{Piece, StreamFault},
};

/// So many bytes that may wait for more are sent all the same: more than a segment of any network.
const WHOLE_SEGMENTS: u64 = 16 * 1024;
/// How long the last bytes of a `MSG_MORE` wait for more, ms.
const MORE_MS: u64 = 5;

/// What the turn knows about sending.
pub(super) struct Tx<P: Platform> {
    /// The range that pieces are made of now: its entry, where in the pool it began to be lent, and the loan.
    lent: Maybe<(u16, u64, P::Lent)>,
    /// A shutdown that waits for this position.
    pub shut_at: Option<u64>,
    /// The stack has been told that no more will be sent.
    pub shut: bool,
    /// Nothing is taken at or behind this position: the socket was closed or shut down there.
    pub end: Option<u64>,
    /// When bytes that may wait for more go out without it, ms.
    more_until: Option<u64>,
}

impl<P: Platform> Tx<P> {
    pub const fn new() -> Self {
        Self {
            lent: Maybe::Nothing,
            shut_at: None,
            shut: false,
            end: None,
            more_until: None,
        }
    }

    /// Back to the state of a new socket. The loan goes first: its release must not meet the next life.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Nothing is taken at or behind `position`, or where an earlier end was.
    pub fn end_at(&mut self, position: u64) {
        self.end = Some(self.end.map_or(position, |end| end.min(position)));
    }

    /// Nothing more is made of the range.
    pub fn end_loan(&mut self) {
        self.lent.take();
    }
}

/// Why sending stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// Everything is taken, or what is left waits for more or lies behind the close.
    Empty,
    /// The stack holds as much as it may; an upcall or a release will come.
    Stack,
    /// No mbufs; a timer will come.
    NoMemory,
    /// Enough for this round.
    Budget,
}

impl<P: Platform> Body<P> {
    /// Sends what can be sent, and takes back what the stack has let go of.
    pub(super) fn transmit(&mut self, round: &mut Round<'_, P>) -> Result<(), StreamFault> {
        let Some(binding) = self.binding.as_mut() else {
            self.shut_when_drained();
            return Ok(());
        };
        if !matches!(self.phase, Phase::Connected | Phase::Failed) {
            return Ok(());
        }
        let waiting = binding.look(round.plane.as_deref())?;
        if let Some(end) = self.tx.end.as_mut() {
            // A close that named more than was ever committed closes at what was.
            *end = (*end).min(binding.reader.tail());
        }
        let stop = if self.phase == Phase::Failed {
            // Nothing will go out any more: the memory is the client's again.
            let rest = u32::try_from(waiting).unwrap_or(u32::MAX);
            binding.reader.take(rest);
            Stop::Empty
        } else {
            self.send_loop(round)?
        };
        match stop {
            Stop::Empty => self.shut_when_drained(),
            Stop::Stack => {}
            Stop::NoMemory => self.retry = true,
            Stop::Budget => round.effects.more = true,
        }
        self.reclaim(round);
        Ok(())
    }

    /// Ranges whose bytes are all taken are no longer held by the module; those that the stack has let go of are the
    /// client's again.
    fn reclaim(&mut self, round: &Round<'_, P>) {
        let Some(binding) = self.binding.as_mut() else {
            return;
        };
        while let Some(entry) = binding.reader.spent() {
            if self.tx.lent.as_ref().is_some_and(|(lent, _, _)| *lent == entry) {
                self.tx.lent.take();
            }
        }
        let inflight = &round.slot.inflight;
        binding.reader.free(|entry| !inflight.is_out(entry));
    }

    /// How many of the bytes that wait may be taken now.
    fn takeable(&mut self, round: &mut Round<'_, P>) -> u64 {
        let Some(binding) = self.binding.as_ref() else {
            return 0;
        };
        let reader = &binding.reader;
        let mut most = reader.waiting();
        let end = match (self.tx.end, self.tx.shut_at) {
            (Some(end), Some(at)) => Some(end.min(at)),
            (end, at) => end.or(at),
        };
        if let Some(end) = end {
            return most.min(end.saturating_sub(reader.taken()));
        }
        // What was sent although it might have waited is no reason to send what comes after it at once.
        let open_end = reader.tail().saturating_sub(reader.flush().max(reader.taken()));
        if open_end == 0 || open_end >= WHOLE_SEGMENTS {
            self.tx.more_until = None;
            return most;
        }
        let now = P::now_ms();
        let until = *self.tx.more_until.get_or_insert(now.saturating_add(MORE_MS));
        if now < until {
            most = reader.flush().saturating_sub(reader.taken());
            round.effects.wake_at(until);
        }
        most
    }

    fn send_loop(&mut self, round: &mut Round<'_, P>) -> Result<Stop, StreamFault> {
        loop {
            let takeable = self.takeable(round);
            if takeable == 0 {
                return Ok(Stop::Empty);
            }
            if round.tx_budget.is_spent() {
                return Ok(Stop::Budget);
            }
            let Sock::Stream(stream) = &self.sock else {
                return Ok(Stop::Empty);
            };
            let hiwat = stream.send_hiwat();
            let space = u32::try_from(stream.send_space().max(0))
                .unwrap_or(u32::MAX)
                .min(hiwat);
            // Little steps make little mbufs and little segments: wait until a good part is free, unless all that waits
            // fits. An empty buffer always has its whole size free, so this cannot wait for ever.
            let fits = takeable <= u64::from(space);
            if space == 0 || (space < (hiwat / 4).min(16 * 1024) && !fits) {
                return Ok(Stop::Stack);
            }
            let limit = space.min(round.config.burst()).min(round.tx_budget.bytes());
            let limit = u32::try_from(takeable).unwrap_or(u32::MAX).min(limit);
            let (chain, bytes, out_of_memory) = self.gather(round, limit)?;
            if let Some(chain) = chain {
                self.hand_over(round, chain, bytes, takeable > u64::from(bytes));
                if self.phase != Phase::Connected {
                    return Ok(Stop::Empty);
                }
            }
            if out_of_memory {
                return Ok(Stop::NoMemory);
            }
        }
    }

    /// Collects up to `limit` bytes: the chain, its bytes, and whether memory ran out on the way.
    fn gather(
        &mut self,
        round: &mut Round<'_, P>,
        limit: u32,
    ) -> Result<(Option<P::Chain>, u32, bool), StreamFault> {
        let Some(binding) = self.binding.as_mut() else {
            return Ok((None, 0, false));
        };
        let (mut chain, mut bytes): (Option<P::Chain>, u32) = (None, 0);
        for _ in 0..MAX_CHAIN {
            let most = limit.saturating_sub(bytes).min(MAX_PIECE);
            if most == 0 {
                break;
            }
            let Some(piece) = binding.reader.next(most)? else {
                break;
            };
            if add_piece(&mut self.tx, binding, round, &piece, &mut chain).is_err() {
                return Ok((chain, bytes, true));
            }
            binding.reader.take(piece.len);
            round.tally.add(|c| &c.entries_accepted, 1);
            bytes = bytes.saturating_add(piece.len);
            round.tx_budget.spend_piece();
        }
        round.tx_budget.spend_bytes(bytes);
        Ok((chain, bytes, false))
    }

    fn hand_over(&mut self, round: &mut Round<'_, P>, chain: P::Chain, bytes: u32, more: bool) {
        let Sock::Stream(stream) = &self.sock else { return };
        round.tally.add(|c| &c.sends, 1);
        match stream.send(chain, more) {
            // A packet filter said no: what was given is in the send buffer all the same, and the connection goes on, as
            // after send(2). The client is told once.
            Err(WireErrno::EACCES) => {
                self.pending_error = Some(WireErrno::EACCES);
                round.tally.add(|c| &c.tx_bytes, u64::from(bytes));
            }
            Ok(()) => round.tally.add(|c| &c.tx_bytes, u64::from(bytes)),
            Err(error) => self.fail(round, error),
        }
    }

    /// Runs a shutdown whose position is reached.
    fn shut_when_drained(&mut self) {
        let (Some(at), Sock::Stream(stream)) = (self.tx.shut_at, &self.sock) else {
            return;
        };
        let reader = self.binding.as_ref().map(|binding| &binding.reader);
        // A position that the client never committed is reached with everything that it did.
        if reader.is_none_or(|reader| reader.taken() >= at.min(reader.tail())) {
            self.tx.shut_at = None;
            self.tx.shut = true;
            self.tx.end_at(reader.map_or(0, |reader| reader.taken()));
            // ENOTCONN: the peer was faster. The client learns of it from the receiving side.
            let _ = stream.shutdown(How::Write);
        }
    }

    /// Up to where the client may commit: what it was, and what the stack's buffer has room for now.
    pub(super) fn limit(&self) -> u64 {
        let (Some(binding), Sock::Stream(stream), Phase::Connected) =
            (self.binding.as_ref(), &self.sock, self.phase)
        else {
            return 0;
        };
        let space = u64::try_from(stream.send_space()).unwrap_or(0);
        binding.reader.taken().saturating_add(space)
    }

    /// So much room is worth waking a client for.
    pub(super) fn enough_room(&self) -> u64 {
        match &self.sock {
            Sock::Stream(stream) => u64::from((stream.send_hiwat() / 4).max(1)),
            _ => 1,
        }
    }
}

/// Puts a piece behind the chain: copied when it is small, by reference when it is not.
fn add_piece<P: Platform>(
    tx: &mut Tx<P>,
    binding: &Binding<P>,
    round: &Round<'_, P>,
    piece: &Piece,
    chain: &mut Option<P::Chain>,
) -> Result<(), WireErrno> {
    let pool = binding.pool(piece.pool).ok_or(WireErrno::EBADF)?;
    let offset = usize::try_from(piece.offset).map_err(|_| WireErrno::EFAULT)?;
    if piece.len < round.config.copy_below() || round.config.copies() {
        match chain {
            Some(chain) => P::copy_behind(chain, pool.mem(), offset, piece.len)?,
            // Only when it has bytes: an empty one must not be sent.
            None => *chain = Some(copied::<P>(pool, offset, piece.len)?),
        }
        round.tally.add(|c| &c.tx_bytes_copied, u64::from(piece.len));
        return Ok(());
    }
    let part = lent_piece(tx, pool, round, piece)?;
    match chain {
        Some(chain) => chain.append(part),
        None => *chain = Some(part),
    }
    Ok(())
}

/// A chain of its own with a copy of the bytes.
fn copied<P: Platform>(pool: &PoolHold<P>, offset: usize, len: u32) -> Result<P::Chain, WireErrno> {
    let mut chain = P::chain_with_room(len)?;
    P::copy_behind(&mut chain, pool.mem(), offset, len)?;
    Ok(chain)
}

/// A piece by reference, of the loan of its range; which begins with it, if it is the first.
fn lent_piece<P: Platform>(
    tx: &mut Tx<P>,
    pool: &PoolHold<P>,
    round: &Round<'_, P>,
    piece: &Piece,
) -> Result<P::Chain, WireErrno> {
    if tx.lent.as_ref().is_none_or(|(entry, _, _)| *entry != piece.entry) {
        // The hold of the range before ends here: nothing more is made of it.
        tx.lent.take();
        if round.slot.inflight.is_out(piece.entry) {
            // A loan of the same range was ended early, and the stack still has pieces: copy rather than count twice.
            let offset = usize::try_from(piece.offset).map_err(|_| WireErrno::EFAULT)?;
            let chain = copied::<P>(pool, offset, piece.len)?;
            round.tally.add(|c| &c.tx_bytes_copied, u64::from(piece.len));
            return Ok(chain);
        }
        let len = piece.len.saturating_add(piece.rest);
        let key = ReleaseKey {
            socket: round.slot.life.raw(),
            entry: piece.entry,
            pool: pool.slot(),
        };
        let offset = usize::try_from(piece.offset).map_err(|_| WireErrno::EFAULT)?;
        // All counts before the loan exists: from then on it may come back at any moment.
        round.slot.inflight.lend(piece.entry);
        pool.lend();
        match P::lend(pool.mem(), offset, len, key) {
            Ok(lent) => {
                round.tally.add(|c| &c.ext_mbufs_total, 1);
                tx.lent.set((piece.entry, piece.offset, lent));
            }
            Err(error) => {
                round.slot.inflight.back(piece.entry);
                pool.take_back();
                return Err(error);
            }
        }
    }
    let Some((_, start, lent)) = tx.lent.as_mut() else {
        return Err(WireErrno::ENOBUFS);
    };
    let inside = u32::try_from(piece.offset.saturating_sub(*start)).map_err(|_| WireErrno::EFAULT)?;
    lent.piece(inside, piece.len)
}
