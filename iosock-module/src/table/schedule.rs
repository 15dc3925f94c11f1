//! Who has work, and who serves it. Any thread may say that a socket or a session has some; data moves on workers alone,
//! round robin over the sessions and then over their sockets, and the control thread only answers requests.

use super::{Plane, Table};
use crate::{
    events,
    handle::Handle,
    limits::{MAILBOX, MAX_SESSIONS, MAX_WORKERS, QUANTUM, WORKER_ROUNDS},
    machine::{Platform, Stream},
    socket::{Effects, SocketSlot, Surroundings},
};
use core::sync::atomic::{AtomicBool, Ordering, fence};
use csock_wire::{Refusal, RunOutcome, WireErrno};
use heapless::Vec;

/// The lane of sockets that belong to no session any more.
const ORPHANS: usize = MAX_SESSIONS;
/// What one turn can accept at most, rounds times requests.
const CHILDREN: usize = 16;
const _: () = assert!(MAILBOX * (WORKER_ROUNDS as usize) <= CHILDREN);

/// One flag for each worker: it sleeps, or is about to.
pub struct Sleepers([AtomicBool; MAX_WORKERS as usize]);

impl Sleepers {
    /// Nobody sleeps.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { AtomicBool::new(false) }; MAX_WORKERS as usize])
    }
}

impl<P: Platform> Table<P> {
    /// Posts `bits` to the socket `handle` and sees to it that a worker serves them. From any context: atomics and at
    /// most one wakeup.
    pub fn notify(&self, handle: Handle, bits: u32) {
        let Some(slot) = self.sockets.get(handle.index()) else {
            return;
        };
        if slot.life.is(handle) {
            self.post(handle.index(), slot, bits);
        }
    }

    pub(super) fn post(&self, index: usize, slot: &SocketSlot<P>, bits: u32) {
        if slot.turn.post(bits) == 0 {
            self.schedule(index, slot);
        }
        // Otherwise whoever posted the bits that were there has scheduled the socket, or is serving it.
    }

    fn schedule(&self, index: usize, slot: &SocketSlot<P>) {
        let lane = Handle::from_raw(slot.session.load(Ordering::Acquire)).map_or(ORPHANS, Handle::index);
        if let Some(ready) = self.ready.get(lane) {
            ready.set(index);
        }
        self.activate(lane);
    }

    /// The session (or the orphans' lane) has work. From any context.
    pub fn activate(&self, lane: usize) {
        if self.active.set(lane) {
            self.wake_worker_of(lane);
        }
    }

    fn workers(&self) -> usize {
        usize::try_from(self.config.workers()).unwrap_or(1).max(1)
    }

    fn wake_worker_of(&self, lane: usize) {
        let worker = lane.checked_rem(self.workers()).unwrap_or(0);
        // Pairs with the fence in `may_sleep`: either the worker sees the work, or we see that it sleeps.
        fence(Ordering::SeqCst);
        let Some(sleeps) = self.sleepers.0.get(worker) else {
            return;
        };
        if sleeps.load(Ordering::Relaxed) && sleeps.swap(false, Ordering::AcqRel) {
            P::wake_worker(worker);
        }
    }

    /// Worker `worker` is about to sleep. False: it has work after all.
    pub fn may_sleep(&self, worker: usize) -> bool {
        let Some(sleeps) = self.sleepers.0.get(worker) else {
            return true;
        };
        sleeps.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.has_work(worker) {
            sleeps.store(false, Ordering::Release);
            return false;
        }
        true
    }

    /// Worker `worker` is awake.
    pub fn awake(&self, worker: usize) {
        if let Some(sleeps) = self.sleepers.0.get(worker) {
            sleeps.store(false, Ordering::Release);
        }
    }

    /// Some session of worker `worker` has work.
    fn has_work(&self, worker: usize) -> bool {
        let workers = self.workers();
        let mine = |lane: &usize| lane.checked_rem(workers) == Some(worker);
        (0..=ORPHANS).filter(mine).any(|lane| self.active.is_set(lane))
            || (worker == 0 && self.pools.has_idle())
    }

    /// Posts `bits` to the slot `index` and answers its requests here, unless somebody else is at it. Control thread, no
    /// locks held. What moves data is left to a worker.
    pub fn post_and_serve(&self, index: usize, bits: u32) {
        if let Some(slot) = self.sockets.get(index) {
            slot.turn.post(bits);
            self.serve(index);
        }
    }

    /// Answers the requests of one socket, and of the sockets that it has accepted.
    pub fn serve(&self, index: usize) {
        let mut children: Vec<usize, CHILDREN> = Vec::new();
        self.run(index, 1, None, false, &mut |child| {
            if children.push(child).is_err() {
                self.schedule_index(child);
            }
        });
        for child in children {
            // A socket that has just moved in has accepted nothing yet.
            self.run(child, 1, None, false, &mut |grandchild| {
                self.schedule_index(grandchild)
            });
        }
    }

    fn schedule_index(&self, index: usize) {
        if let Some(slot) = self.sockets.get(index) {
            self.schedule(index, slot);
        }
    }

    /// Runs the turn of one socket; `follow` gets the sockets that it made work for.
    fn run(
        &self,
        index: usize,
        rounds: u32,
        mut plane: Option<&mut Plane<P>>,
        bulk: bool,
        follow: &mut dyn FnMut(usize),
    ) {
        let Some(slot) = self.sockets.get(index) else {
            return;
        };
        let outcome = slot.turn.run(rounds, |body, bits| {
            let around = Surroundings {
                config: &self.config,
                tally: self.tally(slot),
                orders: self.orders(slot),
                plane: plane.as_deref_mut(),
                bulk,
            };
            let effects = body.round(around, slot, bits);
            self.carry_out(slot, effects, follow);
        });
        // Busy: the thread that is at it sees the bits, or comes here with `Budget`.
        if outcome == RunOutcome::Budget {
            self.schedule(index, slot);
        }
    }

    /// Does what a round wants done outside its socket. Inside the turn: until it ends, nobody else serves the slot.
    fn carry_out(&self, slot: &SocketSlot<P>, effects: Effects<P>, follow: &mut dyn FnMut(usize)) {
        let Effects {
            timer,
            more,
            fault,
            look_again,
            children,
            bound,
            unbound,
            left,
            vacated,
        } = effects;
        for (place, arrival) in children {
            match place.move_in(arrival) {
                Ok(child) => follow(child),
                Err(arrival) => {
                    arrival.stream.abort();
                    arrival.asked.refuse(&Refusal::bare(WireErrno::EIO));
                }
            }
        }
        if let Some(fault) = fault {
            self.session_fault(slot, fault);
        }
        let raw = slot.session.load(Ordering::Acquire);
        if let (Some(block), Some(shared)) = (bound, self.session_of(raw)) {
            shared.set_block(block, slot.life.raw());
        }
        if let (Some(block), Some(shared)) = (unbound, self.session_of(raw)) {
            shared.clear_block(block, slot.life.raw());
        }
        if let (true, Some(session)) = (look_again, Handle::from_raw(raw)) {
            self.activate(session.index());
        }
        if vacated {
            // In this order: from the second step on the slot may have its next life.
            let session = slot.session.swap(0, Ordering::AcqRel);
            slot.vacate();
            self.socket_left(session);
            return;
        }
        if left {
            self.socket_left(slot.session.swap(0, Ordering::AcqRel));
        }
        if let Some(at) = timer {
            self.arm_timer(slot, at);
        }
        if more {
            slot.turn.post(events::MORE);
        }
    }

    /// One pass of worker `worker`: one quantum for each of its sessions that has work. True: there was something to do.
    pub fn work(&self, worker: usize) -> bool {
        let workers = self.workers();
        let mut any = false;
        for lane in (0..=ORPHANS).filter(|lane| lane.checked_rem(workers) == Some(worker)) {
            if self.active.take(lane) {
                any = true;
                if self.quantum(lane) {
                    self.active.set(lane);
                }
            }
        }
        if worker == 0 {
            self.pools.unmap_idle();
            self.run_timers(P::now_ms());
        }
        any
    }

    /// Serves one session for a bounded time (S-36). True: there is more to do.
    fn quantum(&self, lane: usize) -> bool {
        let Some(ready) = self.ready.get(lane) else {
            return false;
        };
        let Some(plane) = self.planes.get(lane) else {
            // Orphans need no plane.
            self.serve_ready(ready, 0, None);
            return ready.any();
        };
        let Some(mut plane) = plane.try_lock() else {
            // The control thread changes it, and says so when it is done.
            return false;
        };
        if !self.look(lane, &mut plane) {
            self.session_lies(lane);
        }
        let from = plane.cursor;
        plane.cursor = self.serve_ready(ready, from, Some(&mut plane));
        if self.is_over(lane) {
            // The control thread may have found the plane in use, and waits to hear that it is free.
            drop(plane);
            P::session_drained();
            return ready.any();
        }
        if ready.any() {
            return true;
        }
        match plane.arm() {
            Ok(asleep) => !asleep,
            Err(_) => {
                self.session_lies(lane);
                false
            }
        }
    }

    /// The session is dying, and its last socket has left.
    fn is_over(&self, lane: usize) -> bool {
        self.sessions.get(lane).is_some_and(|shared| {
            shared.dying.load(Ordering::Acquire) != 0 && shared.sockets.load(Ordering::Acquire) == 0
        })
    }

    /// Takes what the client has marked. False: its memory lies.
    fn look(&self, lane: usize, plane: &mut Plane<P>) -> bool {
        let Some(shared) = self.sessions.get(lane) else {
            return true;
        };
        if shared.faulty.load(Ordering::Acquire) != 0 {
            return true;
        }
        let dirty = |block: u32| {
            if let Some(handle) = shared.block(block) {
                self.notify(handle, events::DOORBELL);
            }
        };
        let starving = plane.is_starving();
        let mut came_back = false;
        let back = |owner: Handle| {
            came_back = true;
            if let Some(slot) = self.sockets.get(owner.index()).filter(|slot| slot.life.is(owner)) {
                let less = |held: u32| held.checked_sub(1);
                let _ = slot
                    .buffers
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
            }
        };
        if plane.look(dirty, back).is_err() {
            return false;
        }
        if starving && came_back {
            // Whoever waited for a buffer looks again; who still finds none says so again.
            let raw = shared.raw.load(Ordering::Acquire);
            for (index, slot) in self.sockets.iter().enumerate() {
                if slot.session.load(Ordering::Acquire) == raw {
                    self.post(index, slot, events::RECV);
                }
            }
            return plane.starve(false).is_ok();
        }
        true
    }

    /// Serves some of a lane's sockets; where the next quantum goes on.
    fn serve_ready(
        &self,
        ready: &super::ReadySockets,
        from: usize,
        mut plane: Option<&mut Plane<P>>,
    ) -> usize {
        let mut cursor = from;
        for _ in 0..QUANTUM {
            let Some(index) = ready.take_next(cursor) else {
                break;
            };
            cursor = index.wrapping_add(1);
            self.run(index, WORKER_ROUNDS, plane.as_deref_mut(), true, &mut |child| {
                self.schedule_index(child);
            });
        }
        cursor
    }
}
