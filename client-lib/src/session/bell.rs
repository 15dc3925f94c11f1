//! Telling the module that there is work.

use super::core::Core;
use crate::{
    deadline::{Deadline, nanos},
    error::{Error, Fault},
    ledger::add,
    sys::{CallError, System},
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Kind,
    msg::{self, MAX_REQUEST_LEN},
};

/// Bytes of the answer to a doorbell.
const REPLY_LEN: usize = Kind::Doorbell.reply_len();

impl<S: System> Core<S> {
    /// Says that the socket with this block has work. True: call [`Core::ring`], without a lock.
    #[inline]
    pub(crate) fn mark(&self, block: u32) -> Result<bool, Error> {
        self.judge(self.bell.mark(block).map_err(Fault::from))
    }

    /// As [`Core::mark`], for receive buffers that came back, and rings.
    pub(super) fn mark_returns(&self) {
        // A failed server has no use for buffers; the next call says so.
        if let Ok(true) = self.judge(self.bell.mark_returns().map_err(Fault::from)) {
            self.ring();
        }
    }

    /// Rings. Where a pulse cannot go now, a message goes: nothing is owed. If that fails too, the server is gone, and the next
    /// call says so.
    #[cold]
    pub(crate) fn ring(&self) {
        add(&self.ledger.doorbells_sent, 1);
        if !self.no_pulses.load(Ordering::Relaxed) {
            match self.sys.pulse(self.hello.session) {
                Ok(()) => return,
                Err(CallError::Gone) => {
                    self.fail(Error::ServerGone);
                    return;
                }
                Err(CallError::Forbidden) => self.no_pulses.store(true, Ordering::Relaxed),
                Err(_) => {}
            }
        }
        add(&self.ledger.doorbell_msgs, 1);
        if let Err(error) = self.ring_by_message() {
            self.fail(error);
        }
    }

    fn ring_by_message(&self) -> Result<(), Error> {
        let mut request = [0; MAX_REQUEST_LEN];
        let mut reply = [0; REPLY_LEN];
        let request = msg::encode_request(self.hello.session, 0, &msg::Doorbell {}, &mut request);
        let request = request.ok_or(Error::ServerGone)?;
        let deadline = Deadline::after(self.sys.now(), self.config.control_timeout.map(nanos));
        let mut pause = 0;
        loop {
            let left = deadline
                .remaining(self.sys.now())
                .map_err(|_| Error::ServerSilent)?;
            match self.sys.ring_by_message(request, &mut reply, left) {
                Ok(()) => return Ok(()),
                Err(CallError::Interrupted) => {}
                Err(CallError::Gone) => return Err(Error::ServerGone),
                Err(CallError::TimedOut) => return Err(Error::ServerSilent),
                Err(_) => self.pause(&mut pause),
            }
        }
    }
}
