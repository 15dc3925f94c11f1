//! Threads that sleep, as the module knows them: a wait slot each, registered once by the thread itself.

use super::core::Core;
use crate::{
    error::Error,
    num::length,
    sync::Mutex,
    sys::{CallError, Semaphore, Sleeper, System},
};
use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::Ordering;
use csock_wire::msg;

/// One thread that has slept in this session.
#[derive(Debug)]
struct Known<S: System> {
    sleeper: &'static Sleeper<S::Semaphore>,
    /// The generation that registered: another one means that the thread has ended.
    generation: u32,
    slot: u16,
    _event: S::Event,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Waiters<S: System> {
    known: Mutex<Vec<Known<S>>>,
    most: usize,
}

impl<S: System> Waiters<S> {
    pub(super) fn new(most: u32) -> Self {
        Self {
            known: Mutex::new(Vec::new()),
            most: length(most),
        }
    }

    /// The calling thread's wait slot, registered now if it never slept here. `None`: there is no place for it.
    pub(super) fn mine(&self, core: &Core<S>) -> Result<Option<u16>, Error> {
        let Some(sleeper) = S::sleeper() else {
            return Ok(None);
        };
        let generation = sleeper.generation.load(Ordering::Relaxed);
        let stale = {
            let mut known = self.known.lock();
            let mine = known
                .iter()
                .find(|known| core::ptr::eq(known.sleeper, sleeper) && known.generation == generation);
            if let Some(mine) = mine {
                return Ok(Some(mine.slot));
            }
            // Slots of threads that have ended make room for ours.
            let gone =
                |known: &Known<S>| known.sleeper.generation.load(Ordering::Relaxed) != known.generation;
            let stale = known.iter().position(gone).map(|at| known.swap_remove(at));
            if stale.is_none() && known.len() >= self.most || known.try_reserve(1).is_err() {
                return Ok(None);
            }
            stale
        };
        if let Some(stale) = stale {
            core.control(
                0,
                &msg::DropWaiter {
                    slot: stale.slot.into(),
                    reserved: 0,
                },
            )?;
        }
        let (event, words) = match core.sys.register(sleeper) {
            Ok(registered) => registered,
            Err(CallError::Gone) => return Err(core.fail(Error::ServerGone)),
            Err(_) => return Ok(None),
        };
        let slot = match core.control(0, &msg::AddWaiter { event: words }) {
            Ok(reply) => reply.slot,
            Err(error) if error.is_final() => return Err(error),
            // The module has no slot left.
            Err(_) => return Ok(None),
        };
        let Some(slot) = u16::try_from(slot).ok().filter(|slot| *slot != 0) else {
            return Err(core.fault(crate::error::Fault::Reply {
                what: "slot",
                value: slot.into(),
            }));
        };
        let mut known = self.known.lock();
        if known.try_reserve(1).is_ok() {
            known.push(Known {
                sleeper,
                generation,
                slot,
                _event: event,
            });
        }
        Ok(Some(slot))
    }

    /// Wakes every thread that sleeps here: the session has failed.
    pub(super) fn wake_all(&self) {
        for known in &*self.known.lock() {
            known.sleeper.semaphore.post();
        }
    }

    /// In a child: nothing is unregistered in the parent's name.
    pub(super) fn forget(&mut self) {
        core::mem::forget(core::mem::replace(self, Self::new(0)));
    }
}

impl<S: System> Core<S> {
    /// Has a thread of the library's watch the server, from the first wait on: who sleeps without a message is told of the
    /// server's death by nobody else. Without such a thread waits are messages.
    pub(super) fn watch(self: &Arc<Self>) -> bool {
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
                match super::core::exchange(&*sys, session, 0, &msg::Watch {}, (&[], &mut []), None) {
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
