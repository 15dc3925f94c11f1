//! A channel's private pulse pool: how many different pulses may wait, and what happens when one more comes.

use crate::types::{CHO_CUSTOM_EVENT, ChannelConfig, SigEvent};

/// What to do about an exhausted pool.
#[derive(Debug)]
pub enum Exhausted {
    /// Raise the owner's event.
    Event(SigEvent),
    /// Kill the owner: the default.
    Kill,
}

/// The accounting. Pulses themselves stay in the channel's queue.
#[derive(Debug)]
pub struct PulsePool {
    size: u32,
    rearm_threshold: u32,
    event: Option<SigEvent>,
    armed: bool,
}

impl PulsePool {
    /// From the configuration, already checked by the caller.
    pub fn new(config: &ChannelConfig) -> PulsePool {
        PulsePool {
            size: config.num_pulses,
            rearm_threshold: config.rearm_threshold,
            event: (config.options & CHO_CUSTOM_EVENT != 0).then_some(config.event),
            armed: true,
        }
    }

    /// Entries of the pool.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// True if one more entry fits.
    pub fn has_room(&self, entries: usize) -> bool {
        entries < self.size as usize
    }

    /// A pulse did not fit: what to do now. `None` if the event was raised and has not been re-armed.
    pub fn overflow(&mut self) -> Option<Exhausted> {
        match self.event {
            None => Some(Exhausted::Kill),
            Some(event) if core::mem::take(&mut self.armed) => Some(Exhausted::Event(event)),
            Some(_) => None,
        }
    }

    /// Pulses were taken: re-arms the event when at least `rearm_threshold` entries (and one) are free again.
    // ON-TARGET: the exact re-arm rule of ChannelCreatePulsePool.
    pub fn rearm(&mut self, entries: usize) {
        let free = (self.size as usize).saturating_sub(entries);
        if !self.armed && free >= (self.rearm_threshold.max(1)) as usize {
            self.armed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_event_once_until_rearmed() {
        let config = ChannelConfig {
            num_pulses: 4,
            rearm_threshold: 2,
            options: CHO_CUSTOM_EVENT,
            ..Default::default()
        };
        let mut pool = PulsePool::new(&config);
        assert!(pool.has_room(3) && !pool.has_room(4));
        assert!(matches!(pool.overflow(), Some(Exhausted::Event(_))));
        assert!(pool.overflow().is_none());
        pool.rearm(3);
        assert!(pool.overflow().is_none());
        pool.rearm(2);
        assert!(matches!(pool.overflow(), Some(Exhausted::Event(_))));
    }

    #[test]
    fn default_is_death() {
        let mut pool = PulsePool::new(&ChannelConfig {
            num_pulses: 1,
            ..Default::default()
        });
        assert!(matches!(pool.overflow(), Some(Exhausted::Kill)));
    }
}
