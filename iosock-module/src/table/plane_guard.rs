//! A session's plane in use. Nobody waits for it: a worker that finds it in use goes on, and so does the control thread, whose
//! client waits. So whoever gives it back looks for those who went without; and a worker with much to do leaves it to the control
//! thread first, which would hardly ever find it free otherwise.

use super::Table;
use crate::{machine::Platform, plane::Plane};
use core::{
    ops::{Deref, DerefMut},
    sync::atomic::{Ordering, fence},
};
use spin::MutexGuard;

/// The plane of one session, until it is dropped.
pub struct PlaneGuard<'a, P: Platform> {
    // In this order: the lock is free before anybody is called back.
    plane: MutexGuard<'a, Plane<P>>,
    _after: CallBack<'a, P>,
}

struct CallBack<'a, P: Platform> {
    table: &'a Table<P>,
    lane: usize,
}

impl<P: Platform> Table<P> {
    /// The data plane of session number `lane`, unless somebody is at it right now.
    pub fn plane(&self, lane: usize) -> Option<PlaneGuard<'_, P>> {
        let plane = self.planes.get(lane)?.try_lock()?;
        let _after = CallBack { table: self, lane };
        Some(PlaneGuard { plane, _after })
    }

    /// The same for the control thread: who has it now calls it when the plane is free, and no worker takes it before.
    pub fn plane_or_hand_over(&self, lane: usize) -> Option<PlaneGuard<'_, P>> {
        let plane = self.plane(lane).or_else(|| {
            self.wanted.set(lane);
            // Pairs with the fence in `CallBack::drop`, as below.
            fence(Ordering::SeqCst);
            self.plane(lane)
        });
        if plane.is_some() {
            self.wanted.take(lane);
        }
        plane
    }

    /// Nothing of the control thread's waits for the plane any more: workers may have it again.
    pub fn want_no_plane(&self, lane: usize) {
        self.wanted.take(lane);
        fence(Ordering::SeqCst);
        if self.missed.take(lane) {
            self.activate(lane);
        }
    }

    /// The same for a worker: who has it now calls the worker back when it is free.
    pub(super) fn plane_or_call_back(&self, lane: usize) -> Option<PlaneGuard<'_, P>> {
        if !self.wanted.is_set(lane)
            && let Some(plane) = self.plane(lane)
        {
            return Some(plane);
        }
        self.missed.set(lane);
        // Pairs with the fence in `CallBack::drop`: either we see that it is free, or who frees it sees that we missed it.
        fence(Ordering::SeqCst);
        if self.wanted.is_set(lane) {
            // It is the control thread's first, which then finds that a worker missed it.
            return None;
        }
        self.plane(lane)
    }

    /// The session is dying, and its last socket has left.
    fn is_over(&self, lane: usize) -> bool {
        self.sessions.get(lane).is_some_and(|shared| {
            shared.raw.load(Ordering::Acquire) != 0
                && shared.dying.load(Ordering::Acquire) != 0
                && shared.sockets.load(Ordering::Acquire) == 0
        })
    }
}

impl<P: Platform> Drop for CallBack<'_, P> {
    fn drop(&mut self) {
        let Self { table, lane } = *self;
        fence(Ordering::SeqCst);
        if table.missed.take(lane) {
            table.activate(lane);
        }
        // The control thread may have found the plane in use, and waits to hear that it is free.
        if table.wanted.is_set(lane) || table.is_over(lane) {
            P::session_drained();
        }
    }
}

impl<P: Platform> Deref for PlaneGuard<'_, P> {
    type Target = Plane<P>;

    fn deref(&self) -> &Plane<P> {
        &self.plane
    }
}

impl<P: Platform> DerefMut for PlaneGuard<'_, P> {
    fn deref_mut(&mut self) -> &mut Plane<P> {
        &mut self.plane
    }
}
