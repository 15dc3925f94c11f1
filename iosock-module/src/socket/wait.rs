//! Parked requests: what may take its time costs a rcvid and no thread. Waits of sockets that have no block, and sending and
//! receiving by message: the way of sockets without a block, and of calls for which the client's memory was too short.

use super::{Body, Phase, Sock, round::Round, rx::Supply};
use crate::{
    limits::{MAX_PIECE, PARKED_PER_SOCKET},
    machine::{Listener, Parked, Platform, Received, Stream, Ticket},
    maybe::Maybe,
    reply::Asked,
    session::ParkPlace,
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Field, MsgHeader, Refusal, ReplyHeader, SockOpt, WireErrno,
    msg::{self, Empty, Events, RecvReply, SendReply, WaitReply},
};

/// What a parked client asks for.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// That one of these events holds.
    Wait(Events),
    /// Bytes behind the message, to be sent.
    Send {
        /// The position that they follow.
        after: u64,
        /// How many.
        len: u32,
        /// Do not wait for room.
        dont_wait: bool,
    },
    /// Bytes, into the room behind the reply.
    Recv {
        /// Ready entries that the client has taken.
        seen: u64,
        /// How many at most.
        len: u32,
        /// Do not wait for data.
        dont_wait: bool,
    },
    /// An option, to be set behind a position.
    Option {
        /// The position.
        after: u64,
        /// Which option.
        option: SockOpt,
        /// Its value.
        value: crate::machine::OptValue,
    },
}

/// A parked client.
pub(super) struct Wait<P: Platform> {
    what: What,
    asked: Asked<P::Ticket>,
    /// Its place among the session's parked requests.
    place: ParkPlace,
}

impl<P: Platform> Wait<P> {
    pub const fn new(what: What, asked: Asked<P::Ticket>, place: ParkPlace) -> Self {
        Self { what, asked, place }
    }

    /// Counts it out, and gives what is to be answered.
    fn end(self, round: &Round<'_, P>) -> Asked<P::Ticket> {
        round.slot.parked.fetch_sub(1, Ordering::Relaxed);
        drop(self.place);
        self.asked
    }
}

/// How a parked request is answered.
enum Answer {
    Events(WaitReply),
    Sent(u32),
    Received(u32),
    Set(Result<Empty, Refusal>),
    Refused(WireErrno),
}

impl<P: Platform> Body<P> {
    /// Parks a client. The next round of a worker answers it, if what it asks for is there already.
    pub(super) fn park(&mut self, round: &Round<'_, P>, wait: Wait<P>) {
        match self.parked.iter_mut().find(|place| place.is_none()) {
            Some(place) => {
                place.set(wait);
                round.slot.parked.fetch_add(1, Ordering::Relaxed);
            }
            // The library asks again; it never parks so many.
            None => wait.asked.refuse(&Refusal::new(
                WireErrno::EREPEAT,
                Field::ParkedCount,
                u64::try_from(PARKED_PER_SOCKET).unwrap_or(u64::MAX),
                u64::try_from(PARKED_PER_SOCKET).unwrap_or(u64::MAX),
            )),
        }
    }

    /// Answers every parked request that can be answered now. On a worker: data may move.
    pub(super) fn serve_parked(&mut self, round: &mut Round<'_, P>) {
        if !round.bulk || round.slot.parked.load(Ordering::Relaxed) == 0 {
            return;
        }
        for index in 0..PARKED_PER_SOCKET {
            let Some(wait) = self.parked.get_mut(index).and_then(Maybe::take) else {
                continue;
            };
            match self.try_answer(round, &wait) {
                Some(answer) => give(round, wait, answer),
                None => {
                    if let Some(place) = self.parked.get_mut(index) {
                        place.set(wait);
                    }
                }
            }
        }
    }

    /// The answer, if there is one now.
    fn try_answer(&mut self, round: &mut Round<'_, P>, wait: &Wait<P>) -> Option<Answer> {
        match wait.what {
            What::Wait(events) => self.ready(events),
            What::Send {
                after,
                len,
                dont_wait,
            } => self.send_brought(round, wait.asked.ticket(), after, len, dont_wait),
            What::Recv { seen, len, dont_wait } => {
                self.receive_asked(round, wait.asked.ticket(), seen, len, dont_wait)
            }
            What::Option { after, option, value } => self
                .has_taken(after)
                .then(|| Answer::Set(self.set_option(option, value))),
        }
    }

    /// Everything that was committed before `after` is with the stack, or never will be.
    fn has_taken(&self, after: u64) -> bool {
        match self.binding.as_ref() {
            Some(binding) if self.phase == Phase::Connected => {
                let reader = &binding.reader;
                reader.taken() >= after.min(reader.tail())
            }
            _ => true,
        }
    }

    fn send_brought(
        &mut self,
        round: &mut Round<'_, P>,
        ticket: &P::Ticket,
        after: u64,
        len: u32,
        dont_wait: bool,
    ) -> Option<Answer> {
        if let Some(error) = self.failure {
            return Some(Answer::Refused(error));
        }
        let (Sock::Stream(stream), Phase::Connected) = (&self.sock, self.phase) else {
            return Some(Answer::Refused(WireErrno::ENOTCONN));
        };
        if self.tx.shut || self.tx.shut_at.is_some() {
            return Some(Answer::Refused(WireErrno::EPIPE));
        }
        let space = u32::try_from(stream.send_space().max(0)).unwrap_or(u32::MAX);
        let n = len.min(space).min(MAX_PIECE);
        if len != 0 && (n == 0 || !self.has_taken(after)) {
            return dont_wait.then_some(Answer::Refused(WireErrno::EAGAIN));
        }
        let behind = size_of::<MsgHeader>().saturating_add(size_of::<msg::Send>());
        if n != 0 {
            let chain = match P::brought(ticket, behind, n) {
                Ok(chain) => chain,
                // No mbufs now: a timer tries again, unless the client does not want to wait.
                Err(WireErrno::ENOBUFS) if !dont_wait => {
                    self.retry = true;
                    return None;
                }
                Err(error) => return Some(Answer::Refused(error)),
            };
            round.tally.add(|c| &c.sends, 1);
            if let Err(error) = stream.send(chain, false) {
                self.fail(round, error);
                return Some(Answer::Refused(error));
            }
            round.tally.add(|c| &c.tx_bytes, u64::from(n));
            round.tally.add(|c| &c.tx_bytes_copied, u64::from(n));
            round.tally.add(|c| &c.tx_bytes_by_message, u64::from(n));
            round.tx_budget.spend_bytes(n);
            round.effects.more = true;
        }
        Some(Answer::Sent(n))
    }

    fn receive_asked(
        &mut self,
        round: &mut Round<'_, P>,
        ticket: &P::Ticket,
        seen: u64,
        len: u32,
        dont_wait: bool,
    ) -> Option<Answer> {
        if !matches!(self.phase, Phase::Connected | Phase::Failed) {
            return Some(Answer::Refused(WireErrno::ENOTCONN));
        }
        if self
            .binding
            .as_ref()
            .is_some_and(|binding| binding.filler.position() != seen)
        {
            return Some(Answer::Refused(WireErrno::EREPEAT));
        }
        let behind = size_of::<ReplyHeader>().saturating_add(size_of::<RecvReply>());
        let room = u32::try_from(ticket.room().saturating_sub(behind)).unwrap_or(u32::MAX);
        let most = len.min(room).min(MAX_PIECE);
        match self.supply() {
            // Who wants nothing gets it.
            _ if most == 0 => Some(Answer::Received(0)),
            Supply::Nothing if dont_wait => Some(Answer::Refused(WireErrno::EAGAIN)),
            Supply::Nothing => None,
            Supply::End(error) if error.is_ok() => Some(Answer::Received(0)),
            Supply::End(error) => Some(Answer::Refused(error)),
            Supply::Bytes(_) => {
                let Sock::Stream(stream) = &self.sock else {
                    return Some(Answer::Refused(WireErrno::ENOTCONN));
                };
                let mut at = behind;
                let received = stream.receive(most, &mut |piece| {
                    // A client that is gone gets nothing; what it asked for is lost with it.
                    let _ = ticket.write(at, piece);
                    at = at.saturating_add(piece.len());
                });
                match received {
                    Received::Bytes(n) => {
                        round.tally.add(|c| &c.rx_bytes, u64::from(n));
                        round.tally.add(|c| &c.rx_bytes_copied, u64::from(n));
                        round.tally.add(|c| &c.rx_bytes_by_message, u64::from(n));
                        round.rx_budget.spend_bytes(n);
                        // The client may sleep now, and "starved" must be news again when it comes again.
                        round.effects.more |= self.binding.is_some();
                        Some(Answer::Received(n))
                    }
                    Received::Failed(error) => {
                        self.fail(round, error);
                        None
                    }
                    Received::WouldBlock | Received::Nothing | Received::Interrupted => {
                        self.retry = true;
                        dont_wait.then_some(Answer::Refused(WireErrno::EAGAIN))
                    }
                }
            }
        }
    }

    /// The events asked for that hold now, if any does.
    fn ready(&mut self, asked: Events) -> Option<Answer> {
        let failed = self.failure.is_some();
        let mut holds = Events::empty();
        holds.set(Events::READABLE, failed || self.has_input());
        holds.set(
            Events::WRITABLE,
            failed || matches!((&self.sock, self.phase), (Sock::Stream(s), Phase::Connected) if s.send_space() > 0),
        );
        holds.set(Events::CONNECTED, self.phase != Phase::Connecting);
        if matches!(self.phase, Phase::Fresh | Phase::Connecting | Phase::Listening) {
            holds.remove(Events::READABLE);
        }
        holds.set(
            Events::ACCEPTABLE,
            failed || (asked.contains(Events::ACCEPTABLE) && self.acceptable()),
        );
        holds &= asked;
        if failed && (asked.contains(Events::ERROR) || !holds.is_empty()) {
            holds |= Events::ERROR;
        }
        if holds.is_empty() {
            return None;
        }
        let tells = holds.intersects(Events::CONNECTED | Events::ERROR);
        let error = self.failure.filter(|_| tells).map_or(0, |e| e.0);
        Some(Answer::Events(WaitReply {
            events: holds.bits(),
            error,
            reserved: 0,
        }))
    }

    /// A connection can be accepted. Looking means taking: the connection then waits in the stash.
    fn acceptable(&mut self) -> bool {
        let Sock::Listener(listener) = &self.sock else {
            return false;
        };
        if self.stash.is_none() {
            match listener.accept() {
                Ok(accepted) => self.stash.set(accepted),
                // The client's accept will meet it, or find it gone: both are an answer.
                Err(error) => return error != WireErrno::EWOULDBLOCK,
            }
        }
        true
    }

    /// Answers clients that want out (signal, timeout, death), and forgets those that are gone.
    pub(super) fn answer_unblocked(&mut self, round: &Round<'_, P>) {
        for place in &mut self.parked {
            let Some(parked) = place.as_ref().map(|wait| wait.asked.parked()) else {
                continue;
            };
            if parked == Parked::Waiting {
                continue;
            }
            if let Some(wait) = place.take() {
                wait.end(round).unblock();
            }
        }
    }

    /// Answers all that wait: the socket is closed or its client gone.
    pub(super) fn cancel_waits(&mut self, round: &Round<'_, P>, error: WireErrno) {
        for place in &mut self.parked {
            if let Some(wait) = place.take() {
                wait.end(round).refuse(&Refusal::bare(error));
            }
        }
    }
}

fn give<P: Platform>(round: &Round<'_, P>, wait: Wait<P>, answer: Answer) {
    let asked = wait.end(round);
    round.tally.add(|c| &c.events, 1);
    match answer {
        Answer::Events(reply) => asked.grant::<msg::Wait>(&reply),
        Answer::Sent(len) => asked.grant::<msg::Send>(&SendReply { len, reserved: 0 }),
        Answer::Received(len) => asked.grant::<msg::Recv>(&RecvReply { len, reserved: 0 }),
        Answer::Set(result) => asked.answer::<msg::SetSockOpt>(result),
        Answer::Refused(error) => asked.refuse(&Refusal::bare(error)),
    }
}
