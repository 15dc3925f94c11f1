//! Sending: by copy (`send`) or in place (`reserve`, `commit`).

use super::{
    Grant, Rings, Socket,
    patience::Patience,
    tx::{Committed, Reserved, SeenTx, least_piece},
    wait::{Direction, timed_out_would_block},
};
use crate::{
    error::{Error, Fault},
    ledger::add,
    num::{length, short},
    sys::System,
};
use csock_wire::{
    SharedMem,
    msg::{Events, Wait},
};

/// How long a commit waits for the module to end its round, nanoseconds.
const RING_PATIENCE: u64 = 1_000_000_000;

/// How a send is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct How {
    /// More follows at once: do not hurry the last bit.
    pub more: bool,
    /// Do not wait, whatever the socket is set to.
    pub dontwait: bool,
}

/// One step of a send.
enum Step<T> {
    Done(T),
    /// Wait for a completion.
    Completion(SeenTx),
    /// Wait for room in the submission ring.
    Room(SeenTx),
}

impl<S: System> Socket<S> {
    /// Copies `data` into the pool and hands it over, in pieces. Waits for pool space and ring room, not for the
    /// peer. Less than all of it only when an error or the timeout came in between.
    pub(crate) fn send(&self, data: &[u8], how: How) -> Result<usize, Error> {
        let mut patience = self.patience(Direction::Writing, how.dontwait);
        let rings = self.connected(&mut patience).map_err(timed_out_would_block)?;
        if data.is_empty() {
            // Nothing to do, but whether it could be done is said.
            self.core.check_server()?;
            return rings.tx().check().map(|()| 0);
        }
        let mut done = 0;
        while let Some(rest) = data.get(done..).filter(|rest| !rest.is_empty()) {
            match self.send_piece(rings, rest, how.more, &mut patience) {
                Ok(n) => done = done.saturating_add(n),
                // What was handed over is on its way. The error comes again at the next call, if it lasts.
                Err(_) if done > 0 => break,
                Err(error) => return Err(timed_out_would_block(error)),
            }
        }
        Ok(done)
    }

    fn send_piece(
        &self,
        rings: &Rings<S>,
        data: &[u8],
        more: bool,
        patience: &mut Patience,
    ) -> Result<usize, Error> {
        let wanted = short(data.len())
            .min(self.core.config.tx_piece)
            .min(self.core.limits.max_len);
        self.steps(patience, || {
            let mut tx = rings.tx();
            let grant = match self.grant(&mut tx, least_piece(wanted), wanted)? {
                Reserved::Grant(grant) => grant,
                Reserved::Wait => return Ok(Step::Completion(self.judge(tx.seen())?)),
            };
            let part = data.get(..length(grant.len)).unwrap_or(data);
            self.judge(self.core.mem.copy_out(grant.offset, part).map_err(Fault::from))?;
            let more = more || part.len() < data.len();
            match self.hand_over(&mut tx, grant.key, short(part.len()), more)? {
                true => {
                    add(&self.core.ledger.tx_bytes_copied, part.len());
                    Ok(Step::Done(part.len()))
                }
                false => {
                    tx.abort(grant.key, &self.core.books);
                    Ok(Step::Room(self.judge(tx.seen())?))
                }
            }
        })
    }

    /// `len` bytes of the pool for the program to fill. Waits as [`Socket::send`] does.
    pub(crate) fn reserve(&self, len: u32, dontwait: bool) -> Result<Grant, Error> {
        let mut patience = self.patience(Direction::Writing, dontwait);
        let rings = self.connected(&mut patience).map_err(timed_out_would_block)?;
        let longest = self.core.limits.max_len;
        if len == 0 || len > longest {
            return Err(Error::Invalid {
                what: "length",
                value: len.into(),
                allowed: longest.max(1).into(),
            });
        }
        let granted = self.steps(&mut patience, || {
            let mut tx = rings.tx();
            match self.grant(&mut tx, len, len)? {
                Reserved::Grant(grant) => Ok(Step::Done(grant)),
                Reserved::Wait => Ok(Step::Completion(self.judge(tx.seen())?)),
            }
        });
        granted.map_err(timed_out_would_block)
    }

    /// Hands over the first `n` bytes of a grant. Practically never waits: only while the module is between taking a
    /// buffer's descriptor and saying so.
    pub(crate) fn commit(&self, key: u64, n: u32, more: bool) -> Result<(), Error> {
        let rings = self.connected_now()?;
        self.core.check_server()?;
        let mut patience = Patience::of(Some(RING_PATIENCE));
        loop {
            let seen = {
                let mut tx = rings.tx();
                if self.hand_over(&mut tx, key, n, more)? {
                    return Ok(());
                }
                self.judge(tx.seen())?
            };
            // Also on a socket that does not block: the wait is for the end of a round of the module's, no longer.
            match self.park(
                Direction::Writing,
                &wait_for(Events::TX_SPACE, seen),
                &mut patience,
            ) {
                Ok(_) | Err(Error::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives a grant back unused. False: there is no such grant.
    pub(crate) fn abort(&self, key: u64) -> bool {
        match &self.rings {
            Some(rings) if !self.core.is_foreign() => rings.tx().abort(key, &self.core.books),
            _ => false,
        }
    }

    fn grant(&self, tx: &mut super::Tx<S::Mem>, least: u32, len: u32) -> Result<Reserved, Error> {
        self.check()?;
        self.core.check_server()?;
        let core = &self.core;
        self.judge(tx.reap(&core.books))?;
        tx.check()?;
        tx.reserve(&core.mem, &core.books, least, len, core.config.tx_limit)
    }

    /// Commits and rings. False: the submission ring is full.
    fn hand_over(&self, tx: &mut super::Tx<S::Mem>, key: u64, n: u32, more: bool) -> Result<bool, Error> {
        match self.judge(tx.commit(key, n, more))? {
            Committed::RingFull => return Ok(false),
            Committed::Sent(false) => add(&self.core.ledger.doorbells_suppressed, 1),
            Committed::Sent(true) => {
                if !self.core.ring(self.id) {
                    tx.ring_failed();
                }
            }
        }
        add(&self.core.ledger.tx_bytes, length(n));
        Ok(true)
    }

    /// Repeats `step` until it is done, waiting in between as it says.
    fn steps<T>(
        &self,
        patience: &mut Patience,
        mut step: impl FnMut() -> Result<Step<T>, Error>,
    ) -> Result<T, Error> {
        loop {
            let wait = match step()? {
                Step::Done(value) => return Ok(value),
                Step::Completion(seen) => wait_for(Events::TX_DONE, seen),
                Step::Room(seen) => wait_for(Events::TX_SPACE, seen),
            };
            if !patience.may_wait {
                return Err(Error::WouldBlock);
            }
            self.park(Direction::Writing, &wait, patience)?;
        }
    }
}

fn wait_for(events: Events, seen: SeenTx) -> Wait {
    Wait {
        events: events.bits(),
        seen_sq: seen.sq,
        seen_cq: seen.cq,
        seen_rq: 0,
    }
}
