//! A line between two ends: which packet leaves when, and which never. No system call.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How a line behaves, each way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Time on the way: half of a round trip.
    pub delay: Duration,
    /// At most so much more.
    pub jitter: Duration,
    /// Share of packets that are lost, 0 to 1.
    pub loss: f64,
    /// Most packets on the way.
    pub queue: usize,
    /// Of what is random.
    pub seed: u64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            queue: 10_000,
            seed: 1,
        }
    }
}

/// What went over a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets that came in.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets lost on purpose.
    pub lost: u64,
    /// Packets that the queue had no room for.
    pub dropped: u64,
}

pub(crate) struct Line {
    rules: Rules,
    random: u64,
    /// In the order of their times.
    way: VecDeque<(Instant, Box<[u8]>)>,
    pub(crate) counts: Counts,
}

impl Line {
    pub(crate) fn new(rules: Rules) -> Line {
        Line {
            rules,
            // The generator stands still at zero.
            random: rules.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            way: VecDeque::new(),
            counts: Counts::default(),
        }
    }

    /// 0 to just below 1 (xorshift: any spread will do).
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A packet comes in.
    pub(crate) fn put(&mut self, packet: &[u8], now: Instant) {
        self.counts.packets += 1;
        self.counts.bytes += packet.len() as u64;
        // Both are drawn for each packet, so that one setting does not change what the other does.
        let (luck, late) = (self.random(), self.random());
        if luck < self.rules.loss {
            self.counts.lost += 1;
        } else if self.way.len() >= self.rules.queue {
            self.counts.dropped += 1;
        } else {
            let due = now + self.rules.delay + self.rules.jitter.mul_f64(late);
            // Packets of one line do not overtake each other.
            let due = self.way.back().map_or(due, |(before, _)| due.max(*before));
            self.way.push_back((due, packet.into()));
        }
    }

    /// The next packet that has arrived by now.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Box<[u8]>> {
        let (due, _) = self.way.front()?;
        if *due > now {
            return None;
        }
        self.way.pop_front().map(|(_, packet)| packet)
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.way.front().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_packet_arrives_after_the_delay_and_in_order() {
        let now = Instant::now();
        let mut line = Line::new(Rules {
            delay: 10 * MS,
            jitter: 5 * MS,
            ..Rules::default()
        });
        for i in 0..100 {
            line.put(&[i], now);
        }
        assert_eq!(line.take(now + 10 * MS - Duration::from_nanos(1)), None);
        let some = std::iter::from_fn(|| line.take(now + 12 * MS)).count();
        assert!(some > 0 && some < 100, "{some} of 100 within 2 of 5 ms of jitter");
        let rest: Vec<u8> = std::iter::from_fn(|| line.take(now + 15 * MS))
            .map(|p| p[0])
            .collect();
        assert_eq!(rest, (some as u8..100).collect::<Vec<_>>());
        assert_eq!(line.next(), None);
    }

    #[test]
    fn about_the_share_that_was_asked_for_is_lost_and_the_same_again() {
        let lost = |seed| {
            let mut line = Line::new(Rules {
                loss: 0.01,
                queue: usize::MAX,
                seed,
                ..Rules::default()
            });
            (0..100_000_u32).for_each(|i| line.put(&i.to_le_bytes(), Instant::now()));
            line.counts.lost
        };
        assert!((800..1200).contains(&lost(1)), "{}", lost(1));
        assert_eq!(lost(7), lost(7));
        assert_ne!(lost(7), lost(8));
    }

    #[test]
    fn a_full_queue_drops_the_last() {
        let now = Instant::now();
        let mut line = Line::new(Rules {
            queue: 2,
            ..Rules::default()
        });
        (0..3).for_each(|i| line.put(&[i], now));
        assert_eq!((line.counts.packets, line.counts.dropped), (3, 1));
        assert_eq!(line.take(now).as_deref(), Some(&[0][..]));
    }
}
