//! Listening and accepting.

use super::{Arrival, BindingSetup, Body, Phase, Reservation, Sock, round::Round};
use crate::{
    machine::{Listener, Platform, Stream},
    reply::Asked,
};
use csock_wire::{Refusal, WireErrno, msg::Empty};

impl<P: Platform> Body<P> {
    /// Turns the socket into a listener. A block, if it has one, tells the client of connections.
    pub(super) fn listen(&mut self, round: &mut Round<'_, P>, backlog: i32) -> Result<Empty, Refusal> {
        if let Sock::Listener(listener) = &self.sock {
            listener.set_backlog(backlog)?;
            return Ok(Empty {});
        }
        if self.phase != Phase::Fresh {
            return Err(self.wrong_state());
        }
        let Sock::Stream(stream) = core::mem::replace(&mut self.sock, Sock::None) else {
            return Err(self.wrong_state());
        };
        match stream.listen(backlog) {
            Ok(listener) => {
                listener.watch(round.slot.life.raw());
                self.sock = Sock::Listener(listener);
                self.phase = Phase::Listening;
                Ok(Empty {})
            }
            Err((stream, error)) => {
                // Its upcalls were cleared before the stack was asked.
                stream.watch(round.slot.life.raw());
                self.sock = Sock::Stream(stream);
                Err(error.into())
            }
        }
    }

    /// Moves one connection into the slot that was kept for it, whose own turn answers the client.
    pub(super) fn accept(
        &mut self,
        round: &mut Round<'_, P>,
        child: Reservation<P>,
        setup: Option<BindingSetup<P>>,
        asked: Asked<P::Ticket>,
    ) {
        let Sock::Listener(listener) = &self.sock else {
            return asked.refuse(&Refusal::bare(WireErrno::EOPNOTSUPP));
        };
        let (stream, peer) = match self.stash.take().map_or_else(|| listener.accept(), Ok) {
            Ok(accepted) => accepted,
            Err(error) => return asked.refuse(&error.into()),
        };
        let arrival = Arrival {
            stream,
            setup,
            peer: Some(peer),
            asked,
        };
        // A round takes at most as many requests as there is room for here.
        if let Err((_, arrival)) = round.effects.children.push((child, arrival)) {
            arrival.stream.abort();
            arrival.asked.refuse(&Refusal::bare(WireErrno::EIO));
        }
    }

    /// Drops the listener and what it had taken: the stack resets the connections in the queue.
    pub(super) fn stop_listening(&mut self) {
        if let Some((stream, _)) = self.stash.take() {
            stream.abort();
        }
        self.sock = Sock::None;
    }
}
