//! Who has work, and who serves it: any thread may say so, a worker or the thread that says so does it.

use super::Table;
use crate::{
    events,
    handle::Handle,
    limits::{MAILBOX, TURN_ROUNDS},
    machine::{Platform, Stream},
    socket::{Effects, SocketSlot, Surroundings},
};
use core::sync::atomic::{Ordering, fence};
use csock_wire::{Refusal, RunOutcome, WireErrno};
use heapless::Vec;

/// What one turn can accept at most, rounds times requests.
const CHILDREN: usize = 16;
const _: () = assert!(MAILBOX == 4 && TURN_ROUNDS == 4);

impl<P: Platform> Table<P> {
    /// Posts `bits` to the socket `handle` and sees to it that somebody serves them. From any context: atomics and
    /// at most one wakeup.
    pub fn notify(&self, handle: Handle, bits: u32) {
        let Some(slot) = self.sockets.get(handle.index()) else {
            return;
        };
        if slot.life.is(handle) {
            self.post(handle.index(), slot, bits);
        }
    }

    pub(super) fn post(&self, index: usize, slot: &SocketSlot<P>, bits: u32) {
        if slot.turn.post(bits) != 0 {
            // Whoever posted the bits that were there has called somebody.
            return;
        }
        // Pairs with the fence in `serve`: either the server sees the bits, or we see that it has gone.
        fence(Ordering::SeqCst);
        if !slot.served.load(Ordering::Relaxed) {
            self.schedule(index);
        }
    }

    fn schedule(&self, index: usize) {
        if self.ready.set(index) {
            P::wake_worker(index);
        }
    }

    /// Posts `bits` to the slot `index` and serves it here, unless somebody else is at it. Thread context, no locks held.
    pub fn post_and_serve(&self, index: usize, bits: u32) {
        if let Some(slot) = self.sockets.get(index) {
            slot.turn.post(bits);
            self.serve(index);
        }
    }

    /// Runs a socket's turn, and the turns of sockets that it makes work for.
    pub fn serve(&self, index: usize) {
        let mut children: Vec<usize, CHILDREN> = Vec::new();
        self.run(index, &mut |child| {
            if children.push(child).is_err() {
                self.schedule(child);
            }
        });
        for child in children {
            // A socket that has just moved in has accepted nothing yet.
            self.run(child, &mut |grandchild| self.schedule(grandchild));
        }
    }

    /// Runs the turn of one socket; `follow` gets the sockets that it made work for.
    fn run(&self, index: usize, follow: &mut dyn FnMut(usize)) {
        let Some(slot) = self.sockets.get(index) else {
            return;
        };
        let outcome = slot.turn.run(TURN_ROUNDS, |body, bits| {
            slot.served.store(true, Ordering::Relaxed);
            let around = Surroundings {
                config: &self.config,
                tally: self.tally(slot),
                orders: self.orders(slot),
            };
            let effects = body.round(around, slot, bits);
            self.carry_out(slot, effects, follow);
        });
        if outcome == RunOutcome::Busy {
            // The thread that is at it sees the bits, or gets `Budget` and calls a worker.
            return;
        }
        slot.served.store(false, Ordering::Relaxed);
        // Pairs with the fence in `post`: bits that came after the turn was given up, while `served` still said
        // that somebody is here.
        fence(Ordering::SeqCst);
        if slot.turn.pending() != 0 {
            self.schedule(index);
        }
    }

    /// Does what a round wants done outside its socket. Inside the turn: until it ends, nobody else serves the slot.
    fn carry_out(&self, slot: &SocketSlot<P>, effects: Effects<P>, follow: &mut dyn FnMut(usize)) {
        let Effects {
            timer,
            more,
            fault,
            children,
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

    /// One pass of a worker: every socket that has work, pools that can go, timers. Thread context. True: there was
    /// something to do.
    pub fn work(&self) -> bool {
        let any = self.ready.drain(|index| self.serve(index));
        self.pools.unmap_idle();
        self.run_timers(P::now_ms());
        any
    }

    /// True when a worker must not sleep.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.ready.any()
    }
}
