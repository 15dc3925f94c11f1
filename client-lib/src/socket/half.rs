//! One direction of a socket: its state under a lock, and the threads that wait for it, in the order in which they came.
//!
//! A call takes its turn ([`Half::in_turn`]): alone it works at once; else it queues, and sleeps until it is first. The first in
//! the queue names itself in the socket's wait word, looks again, and sleeps; whoever leaves the queue, for whatever reason,
//! wakes the next. So nothing that was seen under the lock is remembered without it, and one call is one piece of the stream.
//!
//! No lock is held over a message, a doorbell or a sleep. When the socket is closed the state is taken out: there is then
//! nothing left that a late call could touch.

use super::{patience::Patience, wait::Wakes};
use crate::{
    error::Error,
    ledger::bump,
    session::Core,
    sync::Mutex,
    sys::{CallError, Leave, Semaphore, Sleeper, System},
};
use ::core::sync::atomic::Ordering;
use alloc::{sync::Arc, vec::Vec};

/// What one look at the state came to.
pub(super) enum Step<R> {
    /// The call is done.
    Done(R),
    /// There is more to do, after what must be done without the lock. The call stays first.
    More,
    /// Nothing to do before the module changes something.
    Wait,
}

struct Ticket<S: System> {
    number: u64,
    sleeper: &'static Sleeper<S::Semaphore>,
}

/// # Invariants
/// `busy` only while the first in the queue is between two steps of one call.
struct Inner<S: System, T> {
    state: Option<T>,
    queue: Vec<Ticket<S>>,
    /// Tickets and waits are counted together: no two of a socket's waits have the same number.
    count: u64,
    busy: bool,
}

impl<S: System, T> Inner<S, T> {
    /// Takes a place in the queue. [`Error::WouldBlock`] in a signal handler that interrupted a call of this thread which has
    /// one: it would wait behind itself.
    fn enter(&mut self, at: usize, sleeper: &'static Sleeper<S::Semaphore>) -> Result<u64, Error> {
        if self
            .queue
            .iter()
            .any(|ticket| ::core::ptr::eq(ticket.sleeper, sleeper))
        {
            return Err(Error::WouldBlock);
        }
        self.queue.try_reserve(1).map_err(|_| Error::NoMemory)?;
        sleeper.calls.fetch_add(1, Ordering::Relaxed);
        self.count = self.count.wrapping_add(1);
        let number = self.count;
        self.queue.insert(at, Ticket { number, sleeper });
        Ok(number)
    }

    /// Gives a place up, and wakes the next if it was the first.
    fn leave(&mut self, number: u64) {
        let at = self.queue.iter().position(|ticket| ticket.number == number);
        let Some(at) = at else { return };
        let left = self.queue.remove(at);
        if left.sleeper.calls.fetch_sub(1, Ordering::Relaxed) > 1 {
            // This call, of a signal handler, may have taken the post for the call that it interrupted.
            left.sleeper.semaphore.post();
        }
        if at > 0 {
            return;
        }
        self.busy = false;
        if let Some(next) = self.queue.first() {
            next.sleeper.semaphore.post();
        }
    }

    /// A call that has begun stays the first, also before those that sleep: nobody was in the middle of a call when it began.
    #[cold]
    fn stay(&mut self) -> Result<u64, Error> {
        let sleeper = S::sleeper().ok_or(Error::NoMemory)?;
        let number = self.enter(0, sleeper)?;
        self.busy = true;
        Ok(number)
    }
}

/// One direction.
pub(super) struct Half<S: System, T> {
    inner: Mutex<Inner<S, T>, S>,
}

impl<S: System, T> Half<S, T> {
    pub(super) const fn new(state: T) -> Self {
        Self {
            inner: Mutex::new(Inner {
                state: Some(state),
                queue: Vec::new(),
                count: 0,
                busy: false,
            }),
        }
    }

    /// Changes the state at once, whoever waits.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, Error> {
        self.inner.lock().state.as_mut().map(change).ok_or(Error::Closed)
    }

    /// Takes the state out; every call that waits ends with [`Error::Closed`], and every later one.
    pub(super) fn retire(&self) -> Option<T> {
        let mut inner = self.inner.lock();
        for ticket in &inner.queue {
            ticket.sleeper.semaphore.post();
        }
        inner.state.take()
    }

    /// Carries a call out. `step` looks at the state and does what can be done; `outside` does what must be done without the
    /// lock, after every step.
    pub(super) fn in_turn<R>(
        &self,
        core: &Arc<Core<S>>,
        wakes: &Wakes<'_, S>,
        patience: &mut Patience,
        mut step: impl FnMut(&mut T) -> Result<Step<R>, Error>,
        mut outside: impl FnMut(&mut Patience),
    ) -> Result<R, Error> {
        // The usual case: nobody waits, and one step does it.
        let place = {
            let mut inner = self.inner.lock();
            let Inner {
                state, queue, busy, ..
            } = &mut *inner;
            let state = state.as_mut().ok_or(Error::Closed)?;
            let mut number = None;
            if queue.is_empty() || (!patience.may_wait && !*busy) {
                match step(state) {
                    Ok(Step::Done(result)) => {
                        drop(inner);
                        outside(patience);
                        return Ok(result);
                    }
                    // The rest follows at once: nobody may come in between.
                    Ok(Step::More) => match inner.stay() {
                        Ok(mine) => number = Some(mine),
                        Err(error) => {
                            drop(inner);
                            outside(patience);
                            return Err(error);
                        }
                    },
                    Ok(Step::Wait) if patience.may_wait => {}
                    Ok(Step::Wait) => {
                        drop(inner);
                        outside(patience);
                        return Err(Error::WouldBlock);
                    }
                    Err(error) => {
                        drop(inner);
                        outside(patience);
                        return Err(error);
                    }
                }
            } else if !patience.may_wait {
                return Err(Error::WouldBlock);
            }
            drop(inner);
            let place = Place {
                half: self,
                wakes,
                number,
                armed: false,
            };
            outside(patience);
            place
        };
        self.queued(core, place, patience, &mut step, &mut outside)
    }

    /// The rest of a call that one step did not do.
    #[cold]
    fn queued<R>(
        &self,
        core: &Arc<Core<S>>,
        mut place: Place<'_, S, T>,
        patience: &mut Patience,
        step: &mut impl FnMut(&mut T) -> Result<Step<R>, Error>,
        outside: &mut impl FnMut(&mut Patience),
    ) -> Result<R, Error> {
        let sleeper = S::sleeper().ok_or(Error::NoMemory)?;
        let wakes = place.wakes;
        let mut known: Option<Option<u16>> = None;
        let mut looks = core.config.spin;
        loop {
            let mut inner = self.inner.lock();
            if inner.state.is_none() {
                return Err(Error::Closed);
            }
            if place.number.is_none() {
                let last = inner.queue.len();
                place.number = Some(inner.enter(last, sleeper)?);
            }
            if inner.queue.first().map(|first| first.number) != place.number {
                drop(inner);
                self.sleep(core, &place, sleeper, patience)?;
                continue;
            }
            let slot = known.flatten();
            let mut result = match inner.state.as_mut() {
                Some(state) => step(state),
                None => Err(Error::Closed),
            };
            if let (Ok(Step::Wait), Some(slot), true) = (&result, slot, patience.may_wait) {
                // Armed before the last look: what comes after the look finds the word.
                inner.count = inner.count.wrapping_add(1);
                place.armed = wakes.arm(inner.count, slot)?;
                if place.armed
                    && let Some(state) = inner.state.as_mut()
                {
                    result = step(state);
                }
            }
            match result {
                Ok(Step::Done(done)) => {
                    place.leave(&mut inner);
                    drop(inner);
                    outside(patience);
                    return Ok(done);
                }
                Err(error) => {
                    place.leave(&mut inner);
                    drop(inner);
                    outside(patience);
                    return Err(error);
                }
                Ok(Step::More) => {
                    inner.busy = true;
                    drop(inner);
                    outside(patience);
                }
                Ok(Step::Wait) => {
                    drop(inner);
                    outside(patience);
                    if !patience.may_wait {
                        return Err(Error::WouldBlock);
                    }
                    if looks > 0 {
                        looks = looks.saturating_sub(1);
                        ::core::hint::spin_loop();
                    } else if known.is_none() {
                        known = Some(if wakes.place.is_some() {
                            core.wait_slot()?
                        } else {
                            None
                        });
                    } else if place.armed {
                        self.sleep(core, &place, sleeper, patience)?;
                    } else {
                        wakes.park(core, patience)?;
                    }
                }
            }
        }
    }
}

impl<S: System, T> Half<S, T> {
    /// Sleeps until somebody posts, or the call's time is up. Here alone a thread may be cancelled: it holds a place in the queue
    /// and nothing else, and that is left for it. A call in a signal handler cannot be: the call below it has a place, too.
    fn sleep(
        &self,
        core: &Core<S>,
        place: &Place<'_, S, T>,
        sleeper: &Sleeper<S::Semaphore>,
        patience: &mut Patience,
    ) -> Result<(), Error> {
        if let Some(line) = place.wakes.line {
            bump(&line.sleeps, 1);
        }
        let left = patience.deadline(|| core.sys.now()).left(|| core.sys.now())?;
        let slept = match place.number {
            Some(number) if sleeper.calls.load(Ordering::Relaxed) == 1 => {
                sleeper
                    .abandon
                    .during(self, number, || sleeper.semaphore.wait(left, true))
            }
            _ => sleeper.semaphore.wait(left, false),
        };
        match slept {
            Ok(()) => Ok(()),
            Err(CallError::Interrupted) => Err(Error::Interrupted),
            Err(CallError::TimedOut) => Err(Error::TimedOut),
            Err(CallError::Errno(errno)) => Err(Error::System(errno)),
            Err(CallError::Gone | CallError::Busy | CallError::Forbidden) => Err(Error::ServerGone),
        }
    }
}

impl<S: System, T> Leave for Half<S, T> {
    /// A wake-up that the module still owes goes to nobody; the next call asks for one of its own.
    fn leave(&self, number: u64) {
        self.inner.lock().leave(number);
    }
}

/// A place in the queue. Dropping it leaves the queue and wakes the next, whatever ended the call.
struct Place<'a, S: System, T> {
    half: &'a Half<S, T>,
    wakes: &'a Wakes<'a, S>,
    number: Option<u64>,
    armed: bool,
}

impl<S: System, T> Place<'_, S, T> {
    fn leave(&mut self, inner: &mut Inner<S, T>) {
        let Some(number) = self.number.take() else { return };
        let first = inner.queue.first().is_some_and(|first| first.number == number);
        if first && self.armed && inner.state.is_some() {
            self.wakes.disarm();
        }
        inner.leave(number);
    }
}

impl<S: System, T> Drop for Place<'_, S, T> {
    fn drop(&mut self) {
        if self.number.is_some() {
            let mut inner = self.half.inner.lock();
            self.leave(&mut inner);
        }
    }
}
