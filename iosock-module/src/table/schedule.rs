//! Who has work, and who serves it: any thread may say so, a worker or the thread that says so does it.

use super::Table;
use crate::{handle::Handle, limits::TURN_ROUNDS, machine::Platform, socket::SocketSlot};
use core::sync::atomic::{Ordering, fence};
use csock_wire::RunOutcome;

impl<P: Platform> Table<P> {
    /// Posts `bits` to the socket `handle` and sees to it that somebody serves them. From any context: atomics and
    /// at most one wakeup.
    pub fn notify(&self, handle: Handle, bits: u32) {
        let Some(slot) = self.sockets.get(handle.index()) else {
            return;
        };
        if slot.tag.load(Ordering::Acquire) == handle.raw() {
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

    /// Posts `bits` and serves the socket here, unless somebody else is at it. Thread context, no locks held.
    pub fn post_and_serve(&self, handle: Handle, bits: u32) {
        let Some(slot) = self.sockets.get(handle.index()) else {
            return;
        };
        if slot.tag.load(Ordering::Acquire) == handle.raw() {
            slot.turn.post(bits);
            self.serve(handle.index());
        }
    }

    /// Runs a socket's turn, and the turns of sockets that it makes work for.
    pub fn serve(&self, index: usize) {
        let mut next = Some(index);
        while let Some(index) = next.take() {
            let Some(slot) = self.sockets.get(index) else {
                return;
            };
            let outcome = slot.turn.run(TURN_ROUNDS, |body, bits| {
                slot.served.store(true, Ordering::Relaxed);
                if let Some(follow) = body.round(self, slot, bits) {
                    next = Some(follow);
                }
            });
            if outcome == RunOutcome::Busy {
                // Who is at it sees the bits, or gets `Budget` and calls a worker.
                continue;
            }
            slot.served.store(false, Ordering::Relaxed);
            // Pairs with the fence in `post`: bits that came after the turn was given up, while `served` still said
            // that somebody is here.
            fence(Ordering::SeqCst);
            if slot.turn.pending() != 0 {
                self.schedule(index);
            }
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
