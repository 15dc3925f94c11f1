//! Sending: submission ring -> pieces -> one mbuf chain -> `sosend`; and the completions, when the mbufs come back.
//!
//! Rules that this file keeps (`docs/iosock-kpi.md` 2.4, 3.4, 12):
//! - A descriptor leaves the ring only when the in-flight table and the completion ring have room for it.
//! - A piece is recorded as "in the stack" before `sosend` sees it: its release may come back inside that call.
//! - This is the only sender of its socket, so the space it read can only grow: `sosend` takes a chain whole or fails
//!   for good. After any error nothing is sent again and the connection counts as failed.

use super::{Body, Phase, Sock, completion::complete, round::Round};
use crate::{
    inflight::Entries,
    limits::{MAX_CHAIN, MAX_PIECE},
    machine::{Chain, How, Platform, ReleaseKey, Stream},
    maybe::Maybe,
};
use csock_wire::{CheckedDesc, Desc, DescFlags, RingFault, RingKind, WireErrno};

/// A descriptor that is partly with the stack.
#[derive(Clone, Copy)]
pub(super) struct Current {
    pub entry: u16,
    offset: usize,
    left: u32,
    more: bool,
}

/// What the turn knows about sending.
pub(super) struct Tx {
    pub entries: Entries,
    pub current: Maybe<Current>,
    /// The submission ring is armed: the client rings at its next push.
    pub armed: bool,
    /// A shutdown that waits for this position.
    pub shut_at: Option<u32>,
    /// Nothing is popped at or behind this position: the socket was closed there.
    pub end: Option<u32>,
}

impl Tx {
    pub const fn new() -> Self {
        Self {
            entries: Entries::new(),
            current: Maybe::Nothing,
            armed: false,
            shut_at: None,
            end: None,
        }
    }

    /// Back to the state of a new socket.
    pub fn reset(&mut self) {
        self.entries.clear();
        self.current = Maybe::Nothing;
        self.armed = false;
        self.shut_at = None;
        self.end = None;
    }

    pub const fn rung(&mut self) {
        self.armed = false;
    }

    pub const fn has_current(&self) -> bool {
        self.current.is_some()
    }
}

/// Why sending stopped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The submission ring is empty, or at the position of the close.
    Empty,
    /// The completion ring is full: the client must take completions.
    NoCompletionRoom,
    /// The stack holds as much as it may; an upcall or a release will come.
    Stack,
    /// No mbufs; a timer will come.
    NoMemory,
    /// Enough for this round.
    Budget,
}

/// Pieces of one chain: entry, bytes, and whether the descriptor ends with it.
struct Pieces {
    list: [(u16, u32, bool); MAX_CHAIN],
    count: usize,
    bytes: u32,
    more: bool,
}

impl<P: Platform> Body<P> {
    /// Sends what can be sent.
    pub(super) fn transmit(&mut self, round: &mut Round<'_, P>) -> Result<(), RingFault> {
        let stop = match self.phase {
            Phase::Connected => self.send_loop(round)?,
            Phase::Failed => self.refuse_rest(round)?,
            _ => return Ok(()),
        };
        match stop {
            // Have the client ring at its next push; if it pushed meanwhile, look again.
            Stop::Empty => {
                let Some(wire) = self.wire.as_mut() else {
                    return Ok(());
                };
                if self.closing.is_none() && !self.tx.armed {
                    let work = wire.sq.arm()?;
                    self.tx.armed = !work;
                    round.effects.more |= work;
                }
            }
            Stop::Stack => {}
            // The client takes completions without a word to us; its next WAIT brings us back, the timer at the latest.
            Stop::NoCompletionRoom | Stop::NoMemory => self.retry = true,
            Stop::Budget => round.effects.more = true,
        }
        Ok(())
    }

    fn send_loop(&mut self, round: &mut Round<'_, P>) -> Result<Stop, RingFault> {
        loop {
            if self.tx.current.is_none() && self.nothing_submitted()? {
                self.shut_when_drained();
                return Ok(Stop::Empty);
            }
            let Sock::Stream(stream) = &self.sock else {
                return Ok(Stop::Empty);
            };
            let hiwat = stream.send_hiwat();
            let space = u32::try_from(stream.send_space().max(0))
                .unwrap_or(u32::MAX)
                .min(hiwat);
            // Little steps make little mbufs and little segments: wait until a good part is free, unless what is left
            // of a descriptor fits. An empty buffer always has its whole size free, so this cannot wait for ever.
            let fits = self
                .tx
                .current
                .as_ref()
                .is_some_and(|current| current.left <= space);
            if space == 0 || (space < (hiwat / 4).min(16 * 1024) && !fits) {
                return Ok(Stop::Stack);
            }
            let mut pieces = Pieces {
                list: [(0, 0, false); MAX_CHAIN],
                count: 0,
                bytes: 0,
                more: false,
            };
            let (chain, stop) = self.gather(round, space, &mut pieces)?;
            if let Some(chain) = chain {
                self.hand_over(round, chain, &pieces);
            }
            if self.phase != Phase::Connected {
                return self.refuse_rest(round);
            }
            match stop {
                None => {}
                Some(Stop::Empty) => {
                    self.shut_when_drained();
                    return Ok(Stop::Empty);
                }
                Some(stop) => return Ok(stop),
            }
        }
    }

    fn nothing_submitted(&mut self) -> Result<bool, RingFault> {
        let Some(wire) = self.wire.as_mut() else {
            return Ok(true);
        };
        Ok(Some(wire.sq.cursor()) == self.tx.end || wire.sq.available()? == 0)
    }

    /// Collects pieces up to `limit` bytes. `None` as the reason: the limit is reached, ask the stack again.
    fn gather(
        &mut self,
        round: &mut Round<'_, P>,
        limit: u32,
        pieces: &mut Pieces,
    ) -> Result<(Option<P::Chain>, Option<Stop>), RingFault> {
        let mut chain: Option<P::Chain> = None;
        while pieces.count < MAX_CHAIN && pieces.bytes < limit {
            if round.tx_budget.is_spent() {
                return Ok((chain, Some(Stop::Budget)));
            }
            let mut current = match self.tx.current.take() {
                Some(current) => current,
                None => match self.next(round)? {
                    Ok(current) => current,
                    Err(stop) => return Ok((chain, Some(stop))),
                },
            };
            let room = limit.saturating_sub(pieces.bytes);
            let len = current.left.min(room).min(MAX_PIECE);
            let piece = match self.piece(round, &current, len) {
                Ok(piece) => piece,
                Err(_) => {
                    self.tx.current.set(current);
                    return Ok((chain, Some(Stop::NoMemory)));
                }
            };
            match &mut chain {
                Some(chain) => chain.append(piece),
                None => chain = Some(piece),
            }
            current.offset = current
                .offset
                .saturating_add(usize::try_from(len).unwrap_or(usize::MAX));
            current.left = current.left.saturating_sub(len);
            if let Some(place) = pieces.list.get_mut(pieces.count) {
                *place = (current.entry, len, current.left == 0);
            }
            pieces.count = pieces.count.saturating_add(1);
            pieces.bytes = pieces.bytes.saturating_add(len);
            pieces.more = current.more || current.left != 0;
            round.tx_budget.spend_bytes(len);
            if current.left != 0 {
                self.tx.current.set(current);
            }
        }
        Ok((chain, None))
    }

    /// Takes the next descriptor that is in order from the submission ring.
    fn next(&mut self, round: &mut Round<'_, P>) -> Result<Result<Current, Stop>, RingFault> {
        let deaf = self.closing.is_some();
        loop {
            let Some(wire) = self.wire.as_mut() else {
                return Ok(Err(Stop::Empty));
            };
            if Some(wire.sq.cursor()) == self.tx.end {
                return Ok(Err(Stop::Empty));
            }
            if self.tx.entries.is_full() {
                // Full of entries that are done already: the next round harvests them.
                let stop = if round.slot.inflight.outstanding() == 0 {
                    Stop::Budget
                } else {
                    Stop::Stack
                };
                return Ok(Err(stop));
            }
            // Each accepted descriptor will need one place; a closed socket's client no longer looks.
            if !deaf && wire.cq.free()? <= self.tx.entries.count() {
                return Ok(Err(Stop::NoCompletionRoom));
            }
            let Some(raw) = wire.sq.pop()? else {
                return Ok(Err(Stop::Empty));
            };
            round.popped = true;
            if self.tx.armed {
                self.tx.armed = false;
                wire.sq.disarm()?;
            }
            round.tx_budget.spend_desc();
            match raw.check(RingKind::Submission, &wire.limits) {
                Ok(desc) => {
                    if let Some(current) = self.tx.begin(round, &desc) {
                        return Ok(Ok(current));
                    }
                    return Ok(Err(Stop::Stack));
                }
                Err(_) => {
                    round.tally.add(|c| &c.desc_refused, 1);
                    if !deaf {
                        complete(&mut wire.cq, &Desc::refused(&raw, WireErrno::EINVAL))?;
                    }
                    if round.tx_budget.is_spent() {
                        return Ok(Err(Stop::Budget));
                    }
                }
            }
        }
    }

    /// One mbuf over (or copied from) the next `len` bytes of a descriptor.
    fn piece(&self, round: &Round<'_, P>, current: &Current, len: u32) -> Result<P::Chain, WireErrno> {
        let wire = self.wire.as_ref().ok_or(WireErrno::EBADF)?;
        if round.config.copies() {
            let piece = P::copied(wire.pool.mem(), current.offset, len)?;
            round.tally.add(|c| &c.tx_bytes_copied, u64::from(len));
            return Ok(piece);
        }
        let key = ReleaseKey {
            socket: round.slot.life.raw(),
            entry: current.entry,
            pool: wire.pool.slot(),
        };
        // All counts before the mbuf exists: from then on it may come back at any moment.
        round.slot.inflight.add_piece(current.entry);
        wire.pool.lend();
        match P::external(wire.pool.mem(), current.offset, len, key) {
            Ok(piece) => {
                round.tally.add(|c| &c.ext_mbufs_total, 1);
                Ok(piece)
            }
            Err(error) => {
                round.slot.inflight.undo_piece(current.entry);
                wire.pool.take_back();
                Err(error)
            }
        }
    }

    fn hand_over(&mut self, round: &mut Round<'_, P>, chain: P::Chain, pieces: &Pieces) {
        let Sock::Stream(stream) = &self.sock else { return };
        let result = match stream.send(chain, pieces.more) {
            // A packet filter refused the packet that was made at once; the bytes are in the send buffer and go out
            // again. As with send(2) the program is told once, and the connection stays.
            Err(WireErrno::EACCES) => {
                self.pending_error = Some(WireErrno::EACCES);
                Ok(())
            }
            other => other,
        };
        let error = result.err().map_or(0, |e| e.0);
        for (entry, len, last) in pieces.list.iter().take(pieces.count) {
            if let Some(kept) = self.tx.entries.get_mut(*entry) {
                if result.is_ok() {
                    kept.taken = kept.taken.saturating_add(*len);
                } else {
                    kept.error = error;
                }
            }
            if *last {
                round.slot.inflight.end_hold(*entry);
            }
        }
        match result {
            Ok(()) => round.tally.add(|c| &c.tx_bytes, u64::from(pieces.bytes)),
            Err(error) => self.fail(round, error),
        }
    }

    /// Runs a shutdown whose position is reached.
    fn shut_when_drained(&mut self) {
        let (Some(at), Some(wire), Sock::Stream(stream)) = (self.tx.shut_at, self.wire.as_ref(), &self.sock)
        else {
            return;
        };
        let reached = wire.sq.cursor().wrapping_sub(at) <= u32::MAX / 2;
        if reached && self.tx.current.is_none() {
            self.tx.shut_at = None;
            // ENOTCONN: the peer was faster. The client learns of it from the receiving side.
            let _ = stream.shutdown(How::Write);
        }
    }
}

impl Tx {
    fn begin<P: Platform>(&mut self, round: &Round<'_, P>, desc: &CheckedDesc) -> Option<Current> {
        let offset = desc.offset();
        let entry = self
            .entries
            .insert(desc.user(), u64::try_from(offset).unwrap_or(u64::MAX))?;
        round.slot.inflight.open(entry);
        round.tally.add(|c| &c.desc_accepted, 1);
        Some(Current {
            entry,
            offset,
            left: desc.len(),
            more: desc.flags().contains(DescFlags::MORE),
        })
    }
}
