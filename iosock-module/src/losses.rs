//! Pulses that the kernel had to drop. It says so once, when the channel's pulses run out, and again only after half of them have
//! come back: a storm that keeps more than half in use goes on losing pulses in silence.
//!
//! A pulse is dropped while all of the channel's are in its queue, so as many are received after the loss. Once the pulses have
//! run out for the first time, each [`PERIOD`] pulses therefore bring a look everywhere, and one of these looks comes after each loss.

use crate::limits::PULSES;

/// Pulses between two looks. Half as many as would do: the queue may have had some that were received at that moment.
const PERIOD: u32 = PULSES / 2;

/// One channel's losses.
pub struct Losses {
    /// Pulses since the last look; `None`: nothing was ever lost.
    since: Option<u32>,
}

impl Losses {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { since: None }
    }

    /// A pulse was received; `exhausted`: the kernel has said so since the one before. True: look everywhere now.
    pub fn pulse(&mut self, exhausted: bool) -> bool {
        let look = match self.since {
            _ if exhausted => true,
            Some(since) => since >= PERIOD,
            None => return false,
        };
        self.since = Some(match (look, self.since) {
            (false, Some(since)) => since.saturating_add(1),
            _ => 1,
        });
        look
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's side: a queue of [`PULSES`], and an event that is armed again when half of it is free.
    struct Queue {
        waiting: u32,
        armed: bool,
        posted: bool,
        unseen: bool,
    }

    impl Queue {
        fn send(&mut self) {
            if self.waiting < PULSES {
                self.waiting += 1;
                return;
            }
            self.unseen = true;
            self.posted |= core::mem::take(&mut self.armed);
        }

        fn receive(&mut self, look: impl FnOnce(bool) -> bool) {
            self.waiting -= 1;
            self.armed |= self.waiting <= PULSES / 2;
            if look(core::mem::take(&mut self.posted)) {
                self.unseen = false;
            }
        }

        /// Senders are faster for a while and slower then, again and again. True: every loss was followed by a look.
        fn survives(mut look: impl FnMut(bool) -> bool, full: u32) -> bool {
            let mut queue = Queue {
                waiting: 0,
                armed: true,
                posted: false,
                unseen: false,
            };
            for round in 0..20 {
                for step in 0..full {
                    queue.send();
                    if step % 7 < 3 || round % 2 == 1 {
                        queue.send();
                    }
                    queue.receive(&mut look);
                }
                // More than half stays in use, or all is received.
                let keep = if round % 3 == 0 { 0 } else { PULSES * 3 / 4 };
                while queue.waiting > keep {
                    queue.receive(&mut look);
                }
                if keep == 0 && queue.unseen {
                    return false;
                }
            }
            true
        }
    }

    #[test]
    fn a_loss_after_the_first_is_not_missed() {
        for full in [10, 1_000, 5_000, 20_011] {
            let mut losses = Losses::new();
            assert!(
                Queue::survives(|exhausted| losses.pulse(exhausted), full),
                "{full}"
            );
        }
        // The control: who looks when the kernel says so misses what is lost behind it.
        assert!(!Queue::survives(|exhausted| exhausted, 20_011));
    }

    #[test]
    fn nothing_lost_costs_nothing() {
        let mut losses = Losses::new();
        assert!((0..10 * PULSES).all(|_| !losses.pulse(false)));
        assert!(losses.pulse(true));
        assert_eq!((0..10 * PERIOD).filter(|_| losses.pulse(false)).count(), 10);
    }
}
