//! Receiving: `soreceive` -> one copy into a receive buffer of the session -> ready entry. The stack's own buffers are
//! given back at once, so a slow client holds its own memory and nobody else's (S-32).

use super::{Body, Phase, Sock, round::Round};
use crate::{
    limits::ROUND_BYTES,
    machine::{Platform, Received, Stream},
};
use core::sync::atomic::Ordering;
use csock_wire::{
    WireErrno,
    stream::{State, StreamFault},
};

/// How the incoming stream ends.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum End {
    /// It goes on.
    Open = 0,
    /// The client knows, or will with the next publication: by the peer's wish, or with this error.
    Told(WireErrno),
}

/// What the turn knows about receiving.
pub(super) struct Rx {
    /// There may be something to receive: an upcall said so, or the last receive filled its buffer.
    pub hint: bool,
    end: End,
}

/// What the stack has for the socket now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Supply {
    /// So many bytes.
    Bytes(u32),
    /// Nothing; an upcall will tell of more.
    Nothing,
    /// Nothing, and nothing will come: the end, or an error.
    End(WireErrno),
}

impl Rx {
    pub const fn new() -> Self {
        Self {
            hint: false,
            end: End::Open,
        }
    }

    /// Back to the state of a new socket.
    pub const fn reset(&mut self) {
        *self = Self::new();
    }
}

impl<P: Platform> Body<P> {
    /// What the stack has. The end of a stream is decided here and nowhere else: nothing more can come, *and then*
    /// nothing is there. The other order would lose what came between the two looks.
    pub(super) fn supply(&self) -> Supply {
        let Sock::Stream(stream) = &self.sock else {
            return Supply::End(self.failure.unwrap_or(WireErrno::ECONNABORTED));
        };
        let more = stream.can_receive_more() && self.failure.is_none();
        match stream.receive_available() {
            0 if more => Supply::Nothing,
            0 => Supply::End(
                self.failure
                    .or_else(|| stream.take_error())
                    .unwrap_or(WireErrno::OK),
            ),
            bytes => Supply::Bytes(bytes),
        }
    }

    /// There is something to receive, were it the end. Takes no error.
    pub(super) fn has_input(&self) -> bool {
        match &self.sock {
            Sock::Stream(stream) => !stream.can_receive_more() || stream.receive_available() > 0,
            _ => true,
        }
    }

    /// Receives what there is, as far as there are buffers.
    pub(super) fn receive(&mut self, round: &mut Round<'_, P>) -> Result<(), StreamFault> {
        if !matches!(self.phase, Phase::Connected | Phase::Failed) || self.closing.is_some() {
            return Ok(());
        }
        if self.rx.end != End::Open || (!self.rx.hint && self.failure.is_none()) {
            return Ok(());
        }
        if self.binding.is_none() || round.plane.is_none() {
            return Ok(());
        }
        let mut starved = false;
        loop {
            let bytes = match self.supply() {
                Supply::Bytes(bytes) => bytes,
                Supply::Nothing => {
                    self.rx.hint = false;
                    break;
                }
                Supply::End(error) => {
                    if !error.is_ok() && self.failure.is_none() {
                        // Asking has taken the error from the stack, so from now on it is ours to tell.
                        self.fail(round, error);
                    }
                    self.tell_end(error);
                    break;
                }
            };
            if round.rx_budget.is_spent() {
                round.effects.more = true;
                break;
            }
            match self.fill_one(round, bytes)? {
                Filled::Yes => {}
                Filled::NoBuffer => {
                    starved = true;
                    break;
                }
                Filled::Later => {
                    self.retry = true;
                    break;
                }
            }
        }
        self.starve(round, starved)
    }

    fn tell_end(&mut self, error: WireErrno) {
        self.rx.end = End::Told(error);
        if let Some(binding) = self.binding.as_mut() {
            binding.set_state(|state| {
                let state = state | State::END;
                if error.is_ok() {
                    state
                } else {
                    state.with_error(error)
                }
            });
        }
    }

    /// Fills one buffer.
    fn fill_one(&mut self, round: &mut Round<'_, P>, bytes: u32) -> Result<Filled, StreamFault> {
        let (Some(binding), Some(plane), Sock::Stream(stream)) =
            (self.binding.as_mut(), round.plane.as_deref_mut(), &self.sock)
        else {
            return Ok(Filled::NoBuffer);
        };
        let block = binding.block;
        let Some(mem) = binding.mem().cloned() else {
            return Ok(Filled::NoBuffer);
        };
        if !binding.filler.has_room(&mem, block)? {
            return Ok(Filled::NoBuffer);
        }
        let held = round.slot.buffers.load(Ordering::Relaxed);
        let Some(owner) = round.slot.life.handle() else {
            return Ok(Filled::NoBuffer);
        };
        let Some((id, offset, len)) = plane.take_buffer(owner, held, bytes) else {
            return Ok(Filled::NoBuffer);
        };
        let received = stream.receive_into(&mem, offset, len.min(ROUND_BYTES));
        let Received::Bytes(n) = received else {
            plane.untake_buffer(id);
            return Ok(match received {
                // The next look tells the end.
                Received::Failed(error) => {
                    self.fail(round, error);
                    Filled::Yes
                }
                _ => Filled::Later,
            });
        };
        round.slot.buffers.fetch_add(1, Ordering::Relaxed);
        binding.filler.push(&mem, block, id, n)?;
        round.rx_budget.spend_piece();
        round.rx_budget.spend_bytes(n);
        round.tally.add(|c| &c.rx_bytes, u64::from(n));
        round.tally.add(|c| &c.rx_bytes_copied, u64::from(n));
        Ok(Filled::Yes)
    }

    /// Data waits for a buffer: the client rings when it gives one back; and when it holds them all and has taken
    /// everything else, it learns that a message still gets through.
    fn starve(&mut self, round: &mut Round<'_, P>, starved: bool) -> Result<(), StreamFault> {
        let (Some(binding), Some(plane)) = (self.binding.as_mut(), round.plane.as_deref_mut()) else {
            return Ok(());
        };
        let block = binding.block;
        let Some(mem) = binding.mem().cloned() else {
            return Ok(());
        };
        let empty_handed = starved && binding.filler.look(&mem, block)? == 0;
        let was = binding.filler.state().contains(State::STARVED);
        if was != empty_handed {
            binding.set_state(|mut state| {
                state.set(State::STARVED, empty_handed);
                state
            });
            round.tally.add(|c| &c.starved, u64::from(empty_handed));
        }
        if starved && !plane.is_starving() {
            plane.starve(true)?;
            // What came back before the client saw the wish is found by one more look.
            round.effects.look_again = true;
        }
        Ok(())
    }

    /// The client has been told how the stream ended.
    pub(super) fn end_told(&self) -> bool {
        self.rx.end != End::Open
    }
}

/// What came of one buffer.
enum Filled {
    /// It is full, or the connection has failed: look again.
    Yes,
    /// There is none for this socket now.
    NoBuffer,
    /// The stack could not say: try again in a while.
    Later,
}
