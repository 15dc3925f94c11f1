//! Listening and accepting.

use super::{Body, Op, Phase, RingSetup, Sock, round::Round};
use crate::{
    handle::Handle,
    machine::{Listener, Platform, Stream},
    reply::Asked,
};
use core::sync::atomic::Ordering;
use csock_wire::{Refusal, WireErrno, msg::Empty};

impl<P: Platform> Body<P> {
    /// Turns the socket into a listener. Rings, if it had any, go back to the client: a listener moves no data.
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
                listener.watch(round.slot.tag.load(Ordering::Relaxed));
                self.sock = Sock::Listener(listener);
                self.phase = Phase::Listening;
                if let Some(wire) = self.wire.take() {
                    round.table.drop_pool_ref(wire.release());
                }
                Ok(Empty {})
            }
            Err((stream, error)) => {
                // Its upcalls were cleared before the stack was asked.
                stream.watch(round.slot.tag.load(Ordering::Relaxed));
                self.sock = Sock::Stream(stream);
                Err(error.into())
            }
        }
    }

    /// Moves one connection into the reserved slot `child`, whose own turn answers the client.
    pub(super) fn accept(
        &mut self,
        round: &mut Round<'_, P>,
        child: Handle,
        setup: RingSetup<P>,
        asked: Asked<P::Ticket>,
    ) {
        let Sock::Listener(listener) = &self.sock else {
            round.table.unreserve(child, setup);
            return asked.refuse(&Refusal::bare(WireErrno::EOPNOTSUPP));
        };
        let (stream, peer) = match self.stash.take().map_or_else(|| listener.accept(), Ok) {
            Ok(accepted) => accepted,
            Err(error) => {
                round.table.unreserve(child, setup);
                return asked.refuse(&error.into());
            }
        };
        let op = Op::Adopt {
            stream,
            setup: Some(setup),
            peer: Some(peer),
            asked,
        };
        round.follow = round.table.hand_to(child, op);
    }

    /// Drops the listener and what it had taken: the stack resets the connections in the queue.
    pub(super) fn stop_listening(&mut self) {
        if let Some((stream, _)) = self.stash.take() {
            stream.abort();
        }
        self.sock = Sock::None;
    }
}
