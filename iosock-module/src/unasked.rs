//! When the doorbell thread stops listening for a moment. Pulses cost their sender nothing: one that sends them faster than they
//! can be received makes a queue that never ends, in which the bells of others wait, and a processor's time is gone on it. What a
//! bell says stands in memory too, so the thread then looks there ([`crate::table::Table::look_for_bells`]) once a pause.

/// So many more bells that nobody asked for than bells that somebody did, and the thread pauses. Honest ones are few: the module
/// may come back by itself while a bell is under way.
const MOST: u32 = 64;
/// The pause, ms: what a bell may wait for while somebody floods the channel.
pub const PAUSE_MS: u32 = 1;

/// Pulses that nobody asked for, on one channel.
pub struct Unasked {
    more: u32,
}

impl Unasked {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { more: 0 }
    }

    /// A pulse was received. True: pause now.
    pub const fn pulse(&mut self, asked: bool) -> bool {
        self.more = if asked {
            self.more.saturating_sub(1)
        } else {
            self.more.saturating_add(1)
        };
        if self.more < MOST {
            return false;
        }
        self.more = 0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_paused_and_honest_bells_never_are() {
        let mut flood = Unasked::new();
        let pauses = (0..6400).filter(|_| flood.pulse(false)).count();
        assert_eq!(pauses, 100);
        // As when each second bell meets a module that is back already.
        let mut honest = Unasked::new();
        assert!((0..100_000).all(|n| !honest.pulse(n % 2 == 0)));
        // A flood is told from them by what is in excess.
        let pauses = (0..6400).filter(|n| flood.pulse(n % 4 == 0)).count();
        assert_eq!(pauses, 50);
    }
}
