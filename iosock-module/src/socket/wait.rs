//! Parked waits: a client that sleeps costs a rcvid and no thread. Readiness is state: the positions that the client
//! says it has seen are compared with our own, so nothing is lost between its look and its wait.

use super::{Body, Phase, Sock, round::Round};
use crate::{
    limits::PARKED_PER_SOCKET,
    machine::{Listener, Parked, Platform},
    maybe::Maybe,
    reply::Asked,
    session::ParkPlace,
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Field, Refusal, WireErrno,
    msg::{self, Events, WaitReply},
};

/// What a client waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitFor {
    /// Events, at least one.
    pub events: Events,
    /// Consumer position of the submission ring that the client has seen.
    pub seen_sq: u32,
    /// Producer position of the completion ring that the client has seen.
    pub seen_cq: u32,
    /// Producer position of the ready ring that the client has seen.
    pub seen_rq: u32,
}

/// A parked client.
pub struct Wait<P: Platform> {
    pub(super) wait: WaitFor,
    pub(super) asked: Asked<P::Ticket>,
    /// Its place among the session's parked requests.
    pub(super) place: ParkPlace,
}

impl<P: Platform> Wait<P> {
    /// Counts it out, and gives what is to be answered.
    fn end(self, round: &Round<'_, P>) -> Asked<P::Ticket> {
        round.slot.parked.fetch_sub(1, Ordering::Relaxed);
        drop(self.place);
        self.asked
    }
}

impl<P: Platform> Body<P> {
    /// Parks a client. The end of the round answers it, if what it waits for is there already.
    pub(super) fn park(&mut self, round: &Round<'_, P>, wait: Wait<P>) {
        match self.waits.iter_mut().find(|place| place.is_none()) {
            Some(place) => {
                place.set(wait);
                round.slot.parked.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                let limit = u64::try_from(PARKED_PER_SOCKET).unwrap_or(u64::MAX);
                wait.asked
                    .refuse(&Refusal::new(WireErrno::EBUSY, Field::ParkedCount, limit, limit));
            }
        }
    }

    /// Answers every wait that holds.
    pub(super) fn answer_waits(&mut self, round: &Round<'_, P>) {
        if round.slot.parked.load(Ordering::Relaxed) == 0 {
            return;
        }
        for index in 0..PARKED_PER_SOCKET {
            let Some(wait) = self
                .waits
                .get(index)
                .and_then(Maybe::as_ref)
                .map(|wait| wait.wait)
            else {
                continue;
            };
            let ready = self.ready(round, &wait);
            if ready.is_empty() {
                continue;
            }
            if let Some(wait) = self.waits.get_mut(index).and_then(Maybe::take) {
                let error = if ready.intersects(Events::CONNECTED.union(Events::ERROR)) {
                    self.failure
                } else {
                    None
                };
                let error = error.map_or(0, |e| e.0);
                round.tally.add(|c| &c.events, 1);
                wait.end(round).grant::<msg::Wait>(&WaitReply {
                    events: ready.bits(),
                    error,
                    reserved: 0,
                });
            }
        }
    }

    /// Which of the asked events hold now.
    fn ready(&mut self, round: &Round<'_, P>, wait: &WaitFor) -> Events {
        let failed = self.failure.is_some();
        let mut holds = Events::empty();
        let mut hold = |event: Events, really: bool| {
            if really {
                holds |= event & wait.events;
            }
        };
        if let Some(wire) = self.wire.as_ref() {
            hold(Events::READABLE, wire.rq.position() != wait.seen_rq);
            hold(Events::TX_DONE, wire.cq.position() != wait.seen_cq);
            hold(Events::TX_SPACE, wire.sq.position() != wait.seen_sq);
            // What cannot come any more must not be waited for; buffers still with the stack do come.
            hold(Events::READABLE, failed);
            hold(Events::TX_SPACE, failed);
            hold(Events::TX_DONE, failed && round.slot.inflight.outstanding() == 0);
        } else {
            hold(Events::READABLE | Events::TX_DONE | Events::TX_SPACE, failed);
        }
        hold(Events::CONNECTED, !matches!(self.phase, Phase::Connecting));
        hold(Events::ACCEPTABLE, failed);
        if wait.events.contains(Events::ACCEPTABLE) && self.acceptable() {
            holds |= Events::ACCEPTABLE;
        }
        if failed && (wait.events.contains(Events::ERROR) || !holds.is_empty()) {
            holds |= Events::ERROR;
        }
        holds
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
        for place in &mut self.waits {
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
        for place in &mut self.waits {
            if let Some(wait) = place.take() {
                wait.end(round).refuse(&Refusal::bare(error));
            }
        }
    }
}
