//! How a thread comes to sleep without a message: it registers once, and somebody watches the server in its stead.

use super::{core::Core, exchange::exchange, waiters::Place};
use crate::{
    error::{Error, Fault},
    sys::{CallError, System},
};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use csock_wire::msg;

impl<S: System> Core<S> {
    /// The wait slot that wakes this thread, registered now if it never slept here. `None`: there is no place or memory for
    /// it; the caller parks in the module instead.
    pub(crate) fn wait_slot(self: &Arc<Self>) -> Result<Option<u16>, Error> {
        if !self.watch() {
            return Ok(None);
        }
        let Some(sleeper) = S::sleeper() else {
            return Ok(None);
        };
        match self.waiters.place(sleeper) {
            Place::Mine(slot) => return Ok(Some(slot)),
            Place::Full => return Ok(None),
            Place::Free => {}
            Place::Instead(stale) => {
                let slot = stale.slot.into();
                self.control(0, &msg::DropWaiter { slot, reserved: 0 })?;
            }
        }
        let (event, words) = match self.sys.register(sleeper) {
            Ok(registered) => registered,
            Err(CallError::Gone) => return Err(self.fail(Error::ServerGone)),
            Err(_) => return Ok(None),
        };
        let slot = match self.control(0, &msg::AddWaiter { event: words }) {
            Ok(reply) => reply.slot,
            Err(error) if error.is_final() => return Err(error),
            // The module has no slot left.
            Err(_) => return Ok(None),
        };
        let Some(slot) = u16::try_from(slot).ok().filter(|slot| *slot != 0) else {
            return Err(self.fault(Fault::Reply {
                what: "slot",
                value: slot.into(),
            }));
        };
        self.waiters.add(sleeper, event, slot);
        Ok(Some(slot))
    }

    /// Has a thread of the library's watch the server, from the first wait on: who sleeps without a message is told of the
    /// server's death by nobody else. Without such a thread waits are messages.
    fn watch(self: &Arc<Self>) -> bool {
        if self.watched.load(Ordering::Acquire) {
            return true;
        }
        let mut watching = self.watching.lock();
        if *watching {
            return true;
        }
        let (sys, core, session) = (Arc::clone(&self.sys), Arc::downgrade(self), self.hello.session);
        let begun = S::spawn(alloc::boxed::Box::new(move || {
            let error = loop {
                match exchange(&*sys, session, 0, &msg::Watch {}, (&[], &mut []), None) {
                    Err(Error::Interrupted | Error::Busy) => sys.pause(1_000_000),
                    Err(error @ (Error::ServerGone | Error::ServerFault(_))) => break error,
                    _ => break Error::ServerGone,
                }
            };
            if let Some(core) = core.upgrade() {
                core.fail(error);
            }
        }));
        *watching = begun;
        self.watched.store(begun, Ordering::Release);
        begun
    }
}
