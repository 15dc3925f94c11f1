//! A client's side of a lane: which of its slots are in use, and by whom.

use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;

use crate::lane::poke;
use crate::layout::lane as layout;
use crate::layout::send::state;
use crate::region::Region;
use crate::sys::futex_wake;

/// Slots are bits 0..48 of `busy`; on the first lane the bits above count what else keeps the connection open.
pub const HOLD_UNIT: u64 = 1 << layout::SLOTS;

/// Slots of one lane.
pub struct ClientLane {
    /// Our word in the channel's doorbell.
    pub word: usize,
    /// Shared with the server.
    pub region: Arc<Region>,
    /// Position among the connection's lanes; 0 is the first.
    pub ordinal: usize,
    busy: AtomicU64,
    /// Slots whose cancelled message the server has not come across yet.
    cancelled: AtomicU64,
    /// Who uses each slot.
    slot_coid: [AtomicI32; layout::SLOTS],
}

/// A slot taken for one message.
pub struct Claim<'a> {
    /// Its lane.
    pub lane: &'a ClientLane,
    /// Its number in the lane.
    pub slot: usize,
    /// It holds a cancelled message that the server has not seen yet, so it must be turned into the new one rather than
    /// announced.
    pub reused: bool,
}

impl ClientLane {
    /// A lane with every slot free.
    pub fn new(ordinal: usize, word: usize, region: Arc<Region>) -> ClientLane {
        ClientLane {
            word,
            region,
            ordinal,
            busy: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            slot_coid: [const { AtomicI32::new(0) }; layout::SLOTS],
        }
    }

    /// The futex that the user of a slot waits on.
    #[inline]
    pub fn done(&self, slot: usize) -> &AtomicU32 {
        &self.region.slot(slot).reply.done
    }

    /// Takes a free slot for `coid`.
    #[inline]
    pub fn try_claim(&self, coid: i32) -> Option<Claim<'_>> {
        let mut word = self.busy.load(Ordering::Relaxed);
        loop {
            let idle = !word & layout::SLOT_BITS;
            if idle == 0 {
                return None;
            }
            // A slot with nothing left behind is better; else take over a cancelled one.
            let clean = idle & !self.cancelled.load(Ordering::Acquire);
            let choice = if clean != 0 { clean } else { idle };
            let bit = choice & choice.wrapping_neg();
            let claimed =
                self.busy
                    .compare_exchange_weak(word, word | bit, Ordering::AcqRel, Ordering::Relaxed);
            if let Err(changed) = claimed {
                word = changed;
                continue;
            }
            let reused = clean == 0 && self.cancelled.fetch_and(!bit, Ordering::AcqRel) & bit != 0;
            let slot = bit.trailing_zeros() as usize;
            // Who detaches sets its flag and then looks here; the sender posts (a full barrier) and then looks at the flag.
            self.slot_coid[slot].store(coid, Ordering::Release);
            return Some(Claim {
                lane: self,
                slot,
                reused,
            });
        }
    }

    /// Gives a slot back. `cancelled`: its message may still be known to the server. True if nothing is in use or held.
    #[inline]
    pub fn release(&self, slot: usize, cancelled: bool) -> bool {
        let bit = 1 << slot;
        self.slot_coid[slot].store(0, Ordering::Relaxed);
        if cancelled {
            self.cancelled.fetch_or(bit, Ordering::AcqRel);
        }
        self.busy.fetch_and(!bit, Ordering::SeqCst) == bit
    }

    /// Every slot is taken.
    #[cfg(test)]
    pub fn is_full(&self) -> bool {
        self.busy.load(Ordering::SeqCst) & layout::SLOT_BITS == layout::SLOT_BITS
    }

    /// Counts one more reason to keep the connection. False if it had none left (unless `first`).
    pub fn hold(&self, first: bool) -> bool {
        let add = |word: u64| (first || word != 0).then(|| word + HOLD_UNIT);
        self.busy
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, add)
            .is_ok()
    }

    /// One reason less; true if it was the last.
    pub fn unhold(&self) -> bool {
        self.busy.fetch_sub(HOLD_UNIT, Ordering::AcqRel) == HOLD_UNIT
    }

    /// Threads that use a slot now, and whether their message has been received (REPLY-blocked).
    pub fn users(&self) -> Vec<(i32, bool)> {
        let busy = self.busy.load(Ordering::SeqCst);
        (0..layout::SLOTS)
            .filter(|slot| busy >> slot & 1 != 0)
            .map(|slot| {
                let shared = &self.region.slot(slot).send;
                (
                    shared.tid.load(Ordering::Acquire) as i32,
                    shared.state.load(Ordering::Acquire) & 0xF == state::TAKEN,
                )
            })
            .collect()
    }

    /// The server has died, perhaps after it changed a word and before it woke who sleeps on it: wakes all users, whatever
    /// their words say.
    pub fn wake_users(&self) {
        let busy = self.busy.load(Ordering::SeqCst);
        for slot in (0..layout::SLOTS).filter(|slot| busy >> slot & 1 != 0) {
            poke(self.done(slot));
            futex_wake(self.done(slot), 1);
        }
    }

    /// Makes the threads that are blocked through `coid` look around; all of them for `None`.
    pub fn poke(&self, coid: Option<i32>) {
        for slot in 0..layout::SLOTS {
            if coid.is_none_or(|coid| self.slot_coid[slot].load(Ordering::SeqCst) == coid) {
                poke(self.done(slot));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::reply::done;
    use crate::sys::{self, Wake, futex_wait};

    fn lane() -> ClientLane {
        ClientLane::new(0, 0, Arc::new(Region::private(layout::LEN).expect("memory")))
    }

    #[test]
    fn slots_run_out_and_come_back() {
        let lane = lane();
        assert!(lane.hold(true));
        let mut slots: Vec<usize> = (0..layout::SLOTS)
            .map(|_| lane.try_claim(1).expect("slot").slot)
            .collect();
        assert!(lane.is_full() && lane.try_claim(1).is_none());
        slots.sort_unstable();
        slots.dedup();
        assert_eq!(slots.len(), layout::SLOTS);
        assert!(!lane.release(7, false));
        let again = lane.try_claim(2).expect("slot");
        assert_eq!((again.slot, again.reused), (7, false));
    }

    #[test]
    fn cancelled_slots_are_the_last_choice() {
        let lane = lane();
        assert!(lane.hold(true));
        let first = lane.try_claim(1).expect("slot").slot;
        lane.release(first, true);
        for _ in 1..layout::SLOTS {
            assert!(!lane.try_claim(1).expect("slot").reused);
        }
        let last = lane.try_claim(1).expect("slot");
        assert_eq!((last.slot, last.reused), (first, true));
    }

    /// The server is killed after it changed the word and before it woke the sleeper.
    #[test]
    fn a_sleeper_that_was_not_woken_is_found() {
        let lane = lane();
        assert!(lane.hold(true));
        let slot = lane.try_claim(1).expect("slot").slot;
        for left_at in [done::POKE, done::DONE, done::HELP, done::SLEEPING] {
            let word = lane.done(slot);
            word.store(done::SLEEPING, Ordering::SeqCst);
            std::thread::scope(|scope| {
                let sleeper =
                    scope.spawn(|| futex_wait(word, done::SLEEPING, sys::now_ns() + 10_000_000_000));
                std::thread::sleep(std::time::Duration::from_millis(20));
                word.store(left_at, Ordering::SeqCst);
                lane.wake_users();
                assert_eq!(sleeper.join().expect("sleeper"), Wake::Woken, "{left_at}");
            });
        }
    }

    #[test]
    fn the_last_user_is_told() {
        let lane = lane();
        assert!(!lane.hold(false) && lane.hold(true) && lane.hold(false));
        let slot = lane.try_claim(1).expect("slot").slot;
        assert!(!lane.unhold() && !lane.unhold());
        assert!(lane.release(slot, false));
        assert!(!lane.hold(false));
    }
}
