//! Sending: by copy (`send`) or in place (`reserve`, `commit`).

use super::{
    Grant, Socket,
    half::Step,
    patience::Patience,
    tx::{Committed, Memories, Reserved, Sent},
    wait::timed_out_would_block,
};
use crate::{
    deadline::Deadline,
    error::{Error, Fault},
    ledger::bump,
    num::{length, short},
    sys::System,
};
use alloc::vec::Vec;
use csock_wire::{
    SharedMem,
    msg::{self, DONT_WAIT, MORE},
};

/// The most bytes that go in one message.
const MESSAGE: usize = 64 << 10;

/// How a send is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct How {
    /// More follows at once: do not hurry the last bit.
    pub more: bool,
    /// Do not wait, whatever the socket is set to.
    pub dontwait: bool,
}

impl<S: System> Socket<S> {
    fn memories(&self) -> Memories<'_, S> {
        Memories {
            mem: &self.core.mem,
            books: &self.core.books,
            piece: length(self.core.config.tx_piece),
        }
    }

    /// Copies `data` into the pool and hands it over. Waits for room, not for the peer. Less than all of it only when an error,
    /// a signal or the timeout came in between, or the call does not wait.
    pub(crate) fn send(&self, data: &[u8], how: How) -> Result<usize, Error> {
        let mut patience = self.patience(&self.write_timeout, how.dontwait);
        self.connected(&mut patience).map_err(timed_out_would_block)?;
        let from = self.memories();
        // What happened in a step, to be done or noted without the lock.
        let (mut done, mut ring, mut by_message) = (0_usize, false, None);
        let done = core::cell::Cell::new(core::mem::take(&mut done));
        let ring = core::cell::Cell::new(core::mem::take(&mut ring));
        let by_message = core::cell::Cell::new(by_message.take());
        let failed = core::cell::Cell::new(None);
        let result = self.tx.in_turn(
            &self.core,
            &self.tx_wakes(),
            &mut patience,
            |tx| {
                if let Some(error) = failed.take() {
                    return Err(error);
                }
                self.core.check_server()?;
                self.check_sending()?;
                let Some(rest) = data.get(done.get()..).filter(|rest| !rest.is_empty()) else {
                    return tx.check().map(|()| Step::Done(()));
                };
                match self.judged(tx.append(&from, rest, how.more))? {
                    Sent::Taken(n) => {
                        ring.set(self.mark()? || ring.get());
                        self.count_sent(n, n, ring.get());
                        done.set(done.get().saturating_add(n));
                        Ok(if n == rest.len() {
                            Step::Done(())
                        } else {
                            Step::More
                        })
                    }
                    Sent::Window => Ok(Step::Wait),
                    Sent::ByMessage => {
                        by_message.set(Some(tx.tail()));
                        Ok(Step::More)
                    }
                }
            },
            |patience| {
                if ring.take() {
                    self.core.ring();
                }
                if let Some(after) = by_message.take() {
                    let rest = data.get(done.get()..).unwrap_or_default();
                    match self.send_by_message(rest, after, how.more, patience) {
                        Ok(n) => done.set(done.get().saturating_add(n)),
                        Err(error) => failed.set(Some(error)),
                    }
                }
            },
        );
        match result {
            Ok(()) => Ok(done.get()),
            // What was handed over is on its way. The error comes again at the next call, if it lasts.
            Err(_) if done.get() > 0 => Ok(done.get()),
            Err(error) => Err(timed_out_would_block(error)),
        }
    }

    /// Sends the first bytes of `data` in a message, behind what was committed before `after`. Waits in the module if the call
    /// may wait.
    fn send_by_message(
        &self,
        data: &[u8],
        after: u64,
        more: bool,
        patience: &mut Patience,
    ) -> Result<usize, Error> {
        let part = data.get(..MESSAGE).unwrap_or(data);
        let mut flags = if patience.may_wait { 0 } else { DONT_WAIT };
        if more || part.len() < data.len() {
            flags |= MORE;
        }
        let body = msg::Send {
            after,
            len: short(part.len()),
            flags,
        };
        let deadline = self.message_deadline(patience);
        let mut pause = 0;
        loop {
            match self.core.ask_once(self.id, &body, (part, &mut []), deadline) {
                Err(Error::Busy) => self.core.pause(&mut pause),
                Err(error) => return Err(error),
                Ok(reply) => {
                    let n = length(reply.len);
                    if n == 0 || n > part.len() {
                        return Err(self.core.fault(Fault::Reply {
                            what: "bytes sent",
                            value: reply.len.into(),
                        }));
                    }
                    if let Some(line) = self.line(false) {
                        bump(&line.tx_bytes, n);
                        bump(&line.tx_bytes_by_message, n);
                    }
                    return Ok(n);
                }
            }
        }
    }

    /// A message that waits has the call's deadline; one that does not has the time that the server has to answer.
    pub(super) fn message_deadline(&self, patience: &mut Patience) -> Deadline {
        let core = &self.core;
        if patience.may_wait {
            patience.deadline(|| core.sys.now())
        } else {
            Deadline::after(
                core.sys.now(),
                core.config.control_timeout.map(crate::deadline::nanos),
            )
        }
    }

    fn count_sent(&self, n: usize, copied: usize, rang: bool) {
        if let Some(line) = self.line(false) {
            bump(&line.tx_bytes, n);
            bump(&line.tx_bytes_copied, copied);
            bump(&line.doorbells_suppressed, usize::from(!rang));
        }
    }

    /// `len` bytes of the pool for the program to fill. Waits as [`Socket::send`] does.
    pub(crate) fn reserve(&self, len: u32, dontwait: bool) -> Result<Grant, Error> {
        let mut patience = self.patience(&self.write_timeout, dontwait);
        self.connected(&mut patience).map_err(timed_out_would_block)?;
        let longest = self.core.config.tx_piece.max(1 << 20);
        if len == 0 || len > longest {
            return Err(Error::Invalid {
                what: "length",
                value: len.into(),
                allowed: longest.into(),
            });
        }
        let from = self.memories();
        let granted = self.tx.in_turn(
            &self.core,
            &self.tx_wakes(),
            &mut patience,
            |tx| {
                self.core.check_server()?;
                self.check_sending()?;
                match self.judged(tx.reserve(&from, len))? {
                    Reserved::Grant(grant) => Ok(Step::Done(grant)),
                    Reserved::Wait => Ok(Step::Wait),
                }
            },
            |_| {},
        );
        granted.map_err(timed_out_would_block)
    }

    /// Hands over the first `n` bytes of a grant, of which `copied` were copied by this library. Waits only for its turn, and
    /// for a range when all are in use.
    pub(crate) fn commit(&self, key: u64, n: u32, copied: usize, more: bool) -> Result<(), Error> {
        self.begin()?;
        let from = self.memories();
        let mut patience = self.patience(&self.write_timeout, false);
        let ring = core::cell::Cell::new(false);
        let by_message = core::cell::Cell::new(None);
        let sent = core::cell::Cell::new(false);
        let failed = core::cell::Cell::new(None);
        let result = self.tx.in_turn(
            &self.core,
            &self.tx_wakes(),
            &mut patience,
            |tx| {
                if let Some(error) = failed.take() {
                    return Err(error);
                }
                self.core.check_server()?;
                if sent.get() {
                    tx.abort(key, &self.core.books);
                    return Ok(Step::Done(()));
                }
                self.check_sending()?;
                match self.judged(tx.commit(&from, key, n, more))? {
                    Committed::Taken => {
                        ring.set(self.mark()?);
                        self.count_sent(length(n), copied, ring.get());
                        Ok(Step::Done(()))
                    }
                    Committed::Full => Ok(Step::Wait),
                    Committed::ByMessage(grant) => {
                        by_message.set(Some((grant, tx.tail())));
                        Ok(Step::More)
                    }
                }
            },
            |patience| {
                if ring.take() {
                    self.core.ring();
                }
                if let Some((grant, after)) = by_message.take() {
                    match self.send_grant(grant, n, after, more, patience) {
                        Ok(()) => sent.set(true),
                        Err(error) => failed.set(Some(error)),
                    }
                }
            },
        );
        result.map_err(timed_out_would_block)
    }

    /// Sends bytes of the pool in messages: the socket has left shared memory while the program filled them.
    fn send_grant(
        &self,
        grant: Grant,
        n: u32,
        after: u64,
        more: bool,
        patience: &mut Patience,
    ) -> Result<(), Error> {
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length(n)).map_err(|_| Error::NoMemory)?;
        bytes.resize(length(n), 0);
        let copied = self.core.mem.copy_in(grant.offset, &mut bytes);
        self.core.judge(copied.map_err(Fault::from))?;
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let sent = self.send_by_message(rest, after, more, patience)?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Gives a grant back unused. False: there is no such grant.
    pub(crate) fn abort(&self, key: u64) -> bool {
        if self.core.is_foreign() {
            return false;
        }
        let books = &self.core.books;
        match self.tx.with(|tx| tx.abort(key, books)) {
            Ok(known) => known,
            Err(_) => {
                let mut spans = Vec::new();
                let known = self.held.lock().abort(key, &mut spans);
                let mut books = books.lock();
                for span in spans {
                    books.free(span);
                }
                known
            }
        }
    }
}
