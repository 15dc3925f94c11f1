//! Timers of sockets: orphans run out of time, and what failed for want of memory is tried again.

use super::Table;
use crate::{events, machine::Platform, socket::SocketSlot};
use core::sync::atomic::Ordering;

impl<P: Platform> Table<P> {
    /// The socket wants a turn at `at` ms, or before.
    pub fn arm_timer(&self, slot: &SocketSlot<P>, at: u64) {
        let at = at.max(1);
        let sooner = |now: u64| if now == 0 || at < now { Some(at) } else { None };
        let _ = slot
            .timer
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, sooner);
        // Workers sleep until the earliest timer: a sooner one must wake them.
        if self.next_timer.fetch_max(!at, Ordering::AcqRel) < !at {
            P::wake_worker(0);
        }
    }

    pub(super) fn run_timers(&self, now: u64) {
        if now < !self.next_timer.load(Ordering::Acquire) {
            return;
        }
        // First the reset, then the look: a timer armed meanwhile lowers it again.
        self.next_timer.store(0, Ordering::SeqCst);
        for (index, slot) in self.sockets.iter().enumerate() {
            let at = slot.timer.load(Ordering::Acquire);
            if at == 0 {
                continue;
            }
            if at <= now
                && slot
                    .timer
                    .compare_exchange(at, 0, Ordering::AcqRel, Ordering::Acquire)
                    .is_ok()
            {
                self.post(index, slot, events::TIMER);
            } else {
                self.next_timer
                    .fetch_max(!at.max(now.saturating_add(1)), Ordering::AcqRel);
            }
        }
    }

    /// How long a worker may sleep, ms; `None`: until it is woken.
    #[must_use]
    pub fn sleep_ms(&self) -> Option<u64> {
        match self.next_timer.load(Ordering::Acquire) {
            0 => None,
            distance => Some((!distance).saturating_sub(P::now_ms()).max(1)),
        }
    }
}
