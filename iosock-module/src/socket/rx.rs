//! Receiving: `soreceive` -> one copy into a buffer that the client posted -> ready ring. The stack's own buffers are
//! given back at once, so a slow client holds its own memory and nobody else's (S-32).

use super::{Body, Phase, Sock, round::Round};
use crate::{
    limits::ROUND_BYTES,
    machine::{Platform, Received, Stream},
};
use csock_wire::{CheckedDesc, Desc, PushError, RingFault, RingKind, SharedMem, WireErrno};

/// How the incoming stream ends.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum End {
    /// It goes on.
    Open = 0,
    /// The peer has finished; the client does not know yet.
    Eof,
    /// It failed; the client does not know yet.
    Failed(WireErrno),
    /// The client knows.
    Told,
}

/// What the stack holds of the incoming stream.
enum Incoming {
    /// Bytes that can be received.
    Bytes,
    /// Nothing yet.
    Later,
    /// Nothing, and nothing more will come.
    Ended,
}

impl Incoming {
    /// The only place that decides whether a stream has ended. The look for the end comes first: bytes may arrive
    /// between the two looks, and with the end behind them, but none arrive after an end that was seen.
    fn look<S: Stream>(stream: &S) -> Self {
        let ended = !stream.can_receive_more();
        if stream.receive_available() > 0 {
            Self::Bytes
        } else if ended {
            Self::Ended
        } else {
            Self::Later
        }
    }
}

/// What the turn knows about receiving.
pub(super) struct Rx {
    /// There may be something to receive: an upcall said so, or the last receive filled its buffer.
    pub hint: bool,
    /// A buffer taken from the fill ring and not used yet.
    current: Option<CheckedDesc>,
    end: End,
    /// The fill ring is armed: the client rings at its next push.
    armed: bool,
}

impl Rx {
    pub const fn new() -> Self {
        Self {
            hint: false,
            current: None,
            end: End::Open,
            armed: false,
        }
    }

    /// Back to the state of a new socket.
    pub const fn reset(&mut self) {
        self.hint = false;
        self.current = None;
        self.end = End::Open;
        self.armed = false;
    }

    pub const fn rung(&mut self) {
        self.armed = false;
    }
}

impl<P: Platform> Body<P> {
    /// Receives what there is, as far as the client has posted buffers.
    pub(super) fn receive(&mut self, round: &mut Round<'_, P>) -> Result<(), RingFault> {
        if !matches!(self.phase, Phase::Connected | Phase::Failed)
            || self.closing.is_some()
            || self.rx.end == End::Told
        {
            return Ok(());
        }
        let failure = self.failure;
        if !self.rx.hint && failure.is_none() && self.rx.end == End::Open {
            return Ok(());
        }
        let Some(wire) = self.wire.as_mut() else {
            return Ok(());
        };
        let mut room = wire.rq.free()?;
        loop {
            if room == 0 {
                // The client must take what is there. It comes back with a WAIT, or a doorbell; the timer is for
                // one that only polls.
                self.retry = true;
                return Ok(());
            }
            match self.rx.end {
                End::Open => {}
                End::Eof => {
                    push(&mut wire.rq, &Desc::eof())?;
                    self.rx.end = End::Told;
                    return Ok(());
                }
                End::Failed(error) => {
                    push(&mut wire.rq, &Desc::error(error))?;
                    self.rx.end = End::Told;
                    return Ok(());
                }
                End::Told => return Ok(()),
            }
            let Sock::Stream(stream) = &self.sock else {
                self.rx.end = End::Failed(failure.unwrap_or(WireErrno::ECONNABORTED));
                continue;
            };
            if round.rx_budget.is_spent() {
                round.effects.more = true;
                return Ok(());
            }
            let buffer = match self.rx.current {
                Some(buffer) => buffer,
                None => match wire.fq.pop()? {
                    Some(raw) => {
                        round.popped = true;
                        round.rx_budget.spend_desc();
                        match raw.check(RingKind::Fill, &wire.limits) {
                            Ok(buffer) => {
                                round.tally.add(|c| &c.desc_accepted, 1);
                                self.rx.current = Some(buffer);
                                buffer
                            }
                            Err(_) => {
                                round.tally.add(|c| &c.desc_refused, 1);
                                // A ready descriptor has no way to say "this buffer was wrong": the stream ends.
                                self.fail(round, WireErrno::EINVAL);
                                self.rx.end = End::Failed(WireErrno::EINVAL);
                                return self.receive_end();
                            }
                        }
                    }
                    None => match (Incoming::look(stream), failure) {
                        (Incoming::Bytes, _) => {
                            // Data waits for a buffer: have the client ring.
                            if !self.rx.armed {
                                self.rx.armed = true;
                                if wire.fq.arm()? {
                                    self.rx.armed = false;
                                    continue;
                                }
                            }
                            return Ok(());
                        }
                        (_, Some(error)) => {
                            self.rx.end = End::Failed(error);
                            continue;
                        }
                        (Incoming::Later, None) => {
                            self.rx.hint = false;
                            return Ok(());
                        }
                        (Incoming::Ended, None) => {
                            self.rx.end = stream.take_error().map_or(End::Eof, End::Failed);
                            continue;
                        }
                    },
                },
            };
            if self.rx.armed {
                self.rx.armed = false;
                wire.fq.disarm()?;
            }
            let mem = wire.pool.mem();
            let mut filled = 0u32;
            let mut inside = true;
            let received = stream.receive(buffer.len().min(ROUND_BYTES), &mut |bytes| {
                // The stack promised at most the buffer's length; the memory checks it again.
                let room = usize::try_from(buffer.len().saturating_sub(filled)).unwrap_or(0);
                let bytes = bytes.get(..bytes.len().min(room)).unwrap_or(bytes);
                let at = buffer
                    .offset()
                    .saturating_add(usize::try_from(filled).unwrap_or(usize::MAX));
                inside &= mem.copy_out(at, bytes).is_ok();
                filled = filled.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            });
            match received {
                Received::Bytes(_) if inside && filled > 0 => {
                    let desc = Desc::buffer(
                        u64::try_from(buffer.offset()).unwrap_or(u64::MAX),
                        filled,
                        buffer.user(),
                    );
                    push(&mut wire.rq, &desc)?;
                    self.rx.current = None;
                    room = room.saturating_sub(1);
                    round.rx_budget.spend_bytes(filled);
                    round.tally.add(|c| &c.rx_bytes, u64::from(filled));
                    round.tally.add(|c| &c.rx_bytes_copied, u64::from(filled));
                }
                // Bytes that could not be copied are lost: the stream has a hole and ends.
                Received::Bytes(_) => self.rx.end = End::Failed(WireErrno::EFAULT),
                Received::WouldBlock | Received::Nothing | Received::Interrupted => {
                    match (Incoming::look(stream), failure) {
                        (Incoming::Ended | Incoming::Later, Some(error)) => self.rx.end = End::Failed(error),
                        (Incoming::Ended, None) => {
                            self.rx.end = stream.take_error().map_or(End::Eof, End::Failed);
                        }
                        // What arrived since has its own upcall.
                        (Incoming::Bytes | Incoming::Later, None) if received == Received::WouldBlock => {
                            self.rx.hint = false;
                            return Ok(());
                        }
                        // No upcall tells when the stack has mbufs again, or who was interrupted: the timer asks.
                        (Incoming::Bytes | Incoming::Later, _) => {
                            self.retry = true;
                            return Ok(());
                        }
                    }
                }
                Received::Failed(error) => {
                    self.rx.end = End::Failed(failure.unwrap_or(error));
                    self.fail(round, error);
                    return self.receive_end();
                }
            }
        }
    }

    /// Tells the client of an end that was just found, if there is room.
    fn receive_end(&mut self) -> Result<(), RingFault> {
        let Some(wire) = self.wire.as_mut() else {
            return Ok(());
        };
        if let End::Failed(error) = self.rx.end {
            if wire.rq.free()? > 0 {
                push(&mut wire.rq, &Desc::error(error))?;
                self.rx.end = End::Told;
            } else {
                self.retry = true;
            }
        }
        Ok(())
    }

    /// The client has been told how the stream ended.
    pub(super) fn end_told(&self) -> bool {
        self.rx.end == End::Told
    }
}

/// Pushes into the ready ring. The room was counted: a full ring now means that the client moved its index back.
fn push<M: SharedMem>(rq: &mut csock_wire::Producer<M>, desc: &Desc) -> Result<(), RingFault> {
    match rq.push(desc) {
        Ok(()) => Ok(()),
        Err(PushError::Fault(fault)) => Err(fault),
        Err(PushError::Full) => Err(RingFault::PeerIndex {
            value: 0,
            own: rq.position(),
            capacity: rq.capacity(),
        }),
    }
}
