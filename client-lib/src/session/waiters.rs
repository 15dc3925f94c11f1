//! Threads that sleep, as the module knows them: a wait slot each, registered once by the thread itself.

use crate::{
    num::length,
    sync::Mutex,
    sys::{Semaphore, Sleeper, System},
};
use alloc::vec::Vec;
use core::sync::atomic::Ordering;

/// One thread that has slept in this session.
#[derive(Debug)]
pub(super) struct Known<S: System> {
    sleeper: &'static Sleeper<S::Semaphore>,
    /// The generation that registered: another one means that the thread has ended.
    generation: u32,
    pub slot: u16,
    _event: S::Event,
}

/// A thread's place among the wait slots.
pub(super) enum Place<S: System> {
    /// It has this slot.
    Mine(u16),
    /// It may register.
    Free,
    /// It may register when the slot of this one, whose thread has ended, has been given up.
    Instead(Known<S>),
    /// There is none, or no memory to note one.
    Full,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Waiters<S: System> {
    known: Mutex<Vec<Known<S>>, S>,
    most: usize,
}

impl<S: System> Waiters<S> {
    pub(super) fn new(most: u32) -> Self {
        Self {
            known: Mutex::new(Vec::new()),
            most: length(most),
        }
    }

    /// The place of the calling thread, which sleeps on `sleeper`.
    pub(super) fn place(&self, sleeper: &'static Sleeper<S::Semaphore>) -> Place<S> {
        let generation = sleeper.generation.load(Ordering::Relaxed);
        let mut known = self.known.lock();
        let mine = known
            .iter()
            .find(|known| core::ptr::eq(known.sleeper, sleeper) && known.generation == generation);
        if let Some(mine) = mine {
            return Place::Mine(mine.slot);
        }
        let gone = |known: &Known<S>| known.sleeper.generation.load(Ordering::Relaxed) != known.generation;
        let stale = known.iter().position(gone).map(|at| known.swap_remove(at));
        if stale.is_none() && known.len() >= self.most || known.try_reserve(1).is_err() {
            return Place::Full;
        }
        stale.map_or(Place::Free, Place::Instead)
    }

    /// The calling thread has registered `event` and got `slot`.
    pub(super) fn add(&self, sleeper: &'static Sleeper<S::Semaphore>, event: S::Event, slot: u16) {
        let mut known = self.known.lock();
        if known.try_reserve(1).is_ok() {
            known.push(Known {
                sleeper,
                generation: sleeper.generation.load(Ordering::Relaxed),
                slot,
                _event: event,
            });
        }
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
