//! Who has work, and who serves it. Any thread may say that a socket or a session has some; data moves on workers alone,
//! round robin over the sessions and then over their sockets, and the control thread only answers requests.

use super::Table;
use crate::{
    events,
    handle::Handle,
    limits::{MAILBOX, MAX_SESSIONS, QUANTUM, QUANTUM_BYTES, WORKER_ROUNDS},
    machine::{Platform, Stream},
    plane::Plane,
    socket::{Effects, SocketSlot, Surroundings},
};
use core::sync::atomic::Ordering;
use csock_wire::{Refusal, RunOutcome, Sleeper, WireErrno};
use heapless::Vec;

/// The lane of sockets that belong to no session any more.
const ORPHANS: usize = MAX_SESSIONS;
/// What one turn can accept at most, rounds times requests.
const CHILDREN: usize = 16;
const _: () = assert!(MAILBOX * 2 <= CHILDREN && WORKER_ROUNDS == 2);

/// What a turn is for.
enum Served<'a, P: Platform> {
    /// Requests alone.
    Requests,
    /// A worker moves the data of the sockets in this lane, with the plane of its session, within the bytes that are left of the
    /// quantum.
    Data(usize, Option<&'a mut Plane<P>>, &'a mut u32),
}

/// The lane that the socket is in now.
fn lane_of<P: Platform>(slot: &SocketSlot<P>) -> usize {
    Handle::from_raw(slot.session.load(Ordering::Acquire)).map_or(ORPHANS, Handle::index)
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
        let lane = lane_of(slot);
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

    /// A bit in the wrong lane, as a slot leaves it that has changed hands.
    #[cfg(test)]
    pub fn misplace(&self, lane: usize, index: usize) {
        if let Some(ready) = self.ready.get(lane) {
            ready.set(index);
        }
        self.activate(lane);
    }

    /// One turn of a worker for one socket.
    #[cfg(test)]
    pub fn serve_once(&self, index: usize) {
        let Some(slot) = self.sockets.get(index) else {
            return;
        };
        let lane = lane_of(slot);
        let mut plane = self.plane(lane);
        slot.turn.post(events::DOORBELL);
        let mut bytes = u32::MAX;
        let served = Served::Data(lane, plane.as_deref_mut(), &mut bytes);
        self.run(index, WORKER_ROUNDS, served, &mut |_| ());
    }

    fn workers(&self) -> usize {
        usize::try_from(self.config.workers()).unwrap_or(1).max(1)
    }

    fn wake_worker_of(&self, lane: usize) {
        let worker = lane.checked_rem(self.workers()).unwrap_or(0);
        if self.sleepers.get(worker).is_some_and(Sleeper::must_wake) {
            P::wake_worker(worker);
        }
    }

    /// Worker `worker` is about to sleep. False: it has work after all.
    pub fn may_sleep(&self, worker: usize) -> bool {
        let sleeper = self.sleepers.get(worker);
        sleeper.is_none_or(|sleeper| sleeper.may_sleep(|| self.has_work(worker)))
    }

    /// Worker `worker` is awake.
    pub fn awake(&self, worker: usize) {
        if let Some(sleeper) = self.sleepers.get(worker) {
            sleeper.awake();
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
        self.run(index, 1, Served::Requests, &mut |child| {
            if children.push(child).is_err() {
                self.schedule_index(child);
            }
        });
        for child in children {
            // A socket that has just moved in has accepted nothing yet.
            self.run(child, 1, Served::Requests, &mut |grandchild| {
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
    fn run(&self, index: usize, rounds: u32, mut served: Served<'_, P>, follow: &mut dyn FnMut(usize)) {
        let Some(slot) = self.sockets.get(index) else {
            return;
        };
        let outcome = slot.turn.run(rounds, |body, bits| {
            // A bit may stay in a lane while its slot changes hands. The memory of one session is nothing for a socket of
            // another, so that one goes to its own lane. Inside the turn a slot that is in this lane stays there.
            let (bulk, plane, bytes) = match &mut served {
                Served::Data(lane, plane, left) if lane_of(slot) == *lane => {
                    (true, plane.as_deref_mut(), **left)
                }
                Served::Data(..) | Served::Requests => (false, None, 0),
            };
            let around = Surroundings {
                config: &self.config,
                tally: self.tally(slot),
                orders: self.orders(slot),
                plane,
                bulk,
                bytes,
            };
            let effects = body.round(around, slot, bits);
            if let Served::Data(_, _, left) = &mut served {
                **left = left.saturating_sub(effects.moved);
            }
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
            moved: _,
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
        if lane == ORPHANS {
            // They need no plane.
            let from = self.orphans_from.load(Ordering::Relaxed);
            let next = self.serve_ready(lane, ready, from, None);
            self.orphans_from.store(next, Ordering::Relaxed);
            return ready.any();
        }
        let Some(mut plane) = self.plane_or_call_back(lane) else {
            return false;
        };
        let Some(shared) = self.sessions.get(lane) else {
            return false;
        };
        shared.invitation.withdraw();
        if !self.look(lane, &mut plane) {
            self.session_lies(lane);
        }
        let from = plane.cursor;
        if ready.any() {
            plane.looks = self.config.linger();
        }
        plane.cursor = self.serve_ready(lane, ready, from, Some(&mut plane));
        if ready.any() {
            return true;
        }
        if self.is_faulty(lane) {
            // Its memory is not looked at, so nothing there can be work.
            return false;
        }
        if plane.area().is_none() {
            // Nothing to ring for.
            return false;
        }
        // Who has just had work has more at once, as a rule, and a bell costs more than some looks. Other sessions have their turn
        // between two of them.
        if let Some(less) = plane.looks.checked_sub(1) {
            plane.looks = less;
            return true;
        }
        shared.invitation.extend();
        match plane.arm() {
            Ok(asleep) => !asleep,
            Err(_) => {
                self.session_lies(lane);
                false
            }
        }
    }

    fn is_faulty(&self, lane: usize) -> bool {
        let shared = self.sessions.get(lane);
        shared.is_some_and(|shared| shared.faulty.load(Ordering::Acquire) != 0)
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
        lane: usize,
        ready: &super::ReadySockets,
        from: usize,
        mut plane: Option<&mut Plane<P>>,
    ) -> usize {
        let (mut cursor, mut bytes) = (from, QUANTUM_BYTES);
        for _ in 0..QUANTUM {
            if bytes == 0 {
                break;
            }
            let Some(index) = ready.take_next(cursor) else {
                break;
            };
            cursor = index.wrapping_add(1);
            let served = Served::Data(lane, plane.as_deref_mut(), &mut bytes);
            self.run(index, WORKER_ROUNDS, served, &mut |child| {
                self.schedule_index(child)
            });
        }
        cursor
    }
}
