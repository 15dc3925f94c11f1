//! Parking in the module, with what goes before it: a short look around, a deadline, one thread per direction.

use super::{Rings, Socket, patience::Patience};
use crate::{
    deadline::Deadline,
    error::{Error, Fault},
    sync::Baton,
    sys::System,
};
use csock_wire::{
    WireErrno,
    msg::{Events, Wait},
};

/// How often in a row a wait may end for nothing before the server is taken for a liar. Other threads of the program
/// may be faster some times; never so many.
const FALSE_WAKES: u32 = if cfg!(miri) { 50 } else { 10_000 };
/// How often in a row a socket that is said to have failed is looked at again before its error is believed: the error
/// normally comes through the ring, behind the data.
const LATE_ERRORS: u32 = 3;

/// The direction that a thread waits in: which baton it needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Reading,
    Writing,
}

impl<S: System> Socket<S> {
    /// A call in one direction begins. `dontwait`: it is not to wait, whatever the socket is set to.
    pub(super) fn patience(&self, direction: Direction, dontwait: bool) -> Patience {
        if dontwait || self.is_nonblocking() {
            return Patience::none();
        }
        let timeout = match direction {
            Direction::Reading => &self.read_timeout,
            Direction::Writing => &self.write_timeout,
        };
        let nanos = timeout.load(core::sync::atomic::Ordering::Relaxed);
        Patience::of((nanos != 0).then_some(nanos))
    }

    fn baton(&self, direction: Direction) -> &Baton {
        match direction {
            Direction::Reading => &self.reader,
            Direction::Writing => &self.writer,
        }
    }

    /// Waits for `wait.events`, or returns at once when the positions in `wait` are old news.
    ///
    /// Errors: [`Error::TimedOut`], [`Error::Interrupted`]; the socket's own error when the module says that it
    /// failed and the ring stays silent.
    pub(super) fn park(
        &self,
        direction: Direction,
        wait: &Wait,
        patience: &mut Patience,
    ) -> Result<Events, Error> {
        let now = || self.core.sys.now();
        patience.next(wait);
        let deadline = patience.deadline(now);
        let _one_at_a_time = self.baton(direction).take(deadline, now)?;
        self.check()?;
        self.ask(wait, patience, deadline)
    }

    /// As `park`, for a question that the module answers at once: it needs no baton, which another thread may hold for long.
    pub(super) fn poll(&self, wait: &Wait) -> Result<Events, Error> {
        self.ask(wait, &mut Patience::none(), Deadline::NEVER)
    }

    fn ask(&self, wait: &Wait, patience: &mut Patience, deadline: Deadline) -> Result<Events, Error> {
        let reply = self.core.wait(self.id, wait, deadline);
        let reply = match reply {
            // The module's word for a socket that another thread has closed meanwhile.
            Err(error) => return Err(self.check().err().unwrap_or(error)),
            Ok(reply) => reply,
        };
        let events = Events::from_bits_retain(reply.events);
        if events.is_empty() || !Events::KNOWN.contains(events) {
            return Err(self.core.fault(Fault::Reply {
                what: "events",
                value: reply.events.into(),
            }));
        }
        patience.false_wakes = patience.false_wakes.saturating_add(1);
        if patience.false_wakes > FALSE_WAKES {
            return Err(self.core.fault(Fault::FalseWake));
        }
        if events.contains(Events::CONNECTED) && reply.error != 0 {
            return Err(Error::from_wire(WireErrno(reply.error)));
        }
        if events.contains(Events::ERROR) {
            patience.failures = patience.failures.saturating_add(1);
            if patience.failures > LATE_ERRORS {
                let error = if reply.error == 0 {
                    WireErrno::ECONNRESET
                } else {
                    WireErrno(reply.error)
                };
                return Err(Error::from_wire(error));
            }
        }
        Ok(events)
    }

    /// Looks at the ready ring for a while, if the session is set to.
    pub(super) fn spin_for_data(&self, rings: &Rings<S>) -> Result<bool, Error> {
        for _ in 0..self.core.config.spin {
            let ready = rings.rx().is_ready();
            if self.judge(ready)? {
                return Ok(true);
            }
            core::hint::spin_loop();
        }
        Ok(false)
    }
}

/// Turns the end of a socket's own timeout into what read(2) and write(2) say then: "would block".
pub(super) const fn timed_out_would_block(error: Error) -> Error {
    match error {
        Error::TimedOut => Error::WouldBlock,
        other => other,
    }
}
