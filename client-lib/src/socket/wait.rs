//! What wakes a call that waits: a word in the socket's block, or, where there is none, a message that the module parks.

use super::patience::Patience;
use crate::{
    error::{Error, Fault},
    ledger::{Line, bump},
    session::Core,
    sys::System,
};
use csock_wire::{
    WireErrno,
    msg::{self, Events},
    stream::{Block, Waiting, wait_value},
};

/// For one direction of one socket.
pub(super) struct Wakes<'a, S: System> {
    pub core: &'a Core<S>,
    pub socket: u32,
    pub place: Option<Block>,
    pub waiting: Waiting,
    /// What the message waits for.
    pub events: Events,
    pub line: Option<&'a Line>,
}

impl<S: System> Wakes<'_, S> {
    /// Names a wait slot in the word. False: there is no word.
    pub(super) fn arm(&self, number: u64, slot: u16) -> Result<bool, Error> {
        let Some(place) = self.place else { return Ok(false) };
        let armed = self.waiting.arm(&self.core.mem, place, wait_value(number, slot));
        self.core.judge(armed)?;
        Ok(true)
    }

    /// Nobody waits any more.
    pub(super) fn disarm(&self) {
        if let Some(place) = self.place {
            // Out of the pool is a mistake of this side, which the next access tells.
            let _ = self.waiting.disarm(&self.core.mem, place);
        }
    }

    /// Parks in the module, with a message.
    pub(super) fn park(&self, core: &Core<S>, patience: &mut Patience) -> Result<(), Error> {
        if let Some(line) = self.line {
            bump(&line.waits, 1);
        }
        let wait = msg::Wait {
            events: self.events.bits(),
            reserved: 0,
        };
        let deadline = patience.deadline(|| core.sys.now());
        let reply = core.ask(self.socket, &wait, deadline)?;
        let events = Events::from_bits_retain(reply.events);
        if events.is_empty() || !Events::KNOWN.contains(events) {
            return Err(core.fault(Fault::Reply {
                what: "events",
                value: reply.events.into(),
            }));
        }
        if events.contains(Events::CONNECTED) && reply.error != 0 {
            return Err(Error::from_wire(WireErrno(reply.error)));
        }
        Ok(())
    }
}

/// Turns the end of a socket's own timeout into what read(2) and write(2) say then: "would block".
pub(super) const fn timed_out_would_block(error: Error) -> Error {
    match error {
        Error::TimedOut => Error::WouldBlock,
        other => other,
    }
}
