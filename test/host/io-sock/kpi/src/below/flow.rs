//! What FreeBSD's TCP does between so_snd and the network and Linux's does otherwise, or in a hurry over
//! loopback: when a segment may leave (Nagle, MSG_MORETOCOME, TCP_NOPUSH), and when a peer acknowledges it
//! (every second segment at once, a single one with the peer's next data or after the delayed-ACK time), a
//! round trip later. No system call here: `ack.rs` brings in what Linux says.
//!
//! Not imitated: congestion and slow start (Linux has its own), the peer's window other than Linux's.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Acknowledgements that come this close together count at the time of the first: what is kept in mind is
/// bounded by time, not by the number of sends.
const TOGETHER: Duration = Duration::from_micros(200);

/// How the connection is to behave. Fixed when the socket is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rules {
    /// Bytes of a full segment.
    pub(super) mss: u64,
    /// How long the peer keeps the acknowledgement of a single segment back; zero: it acknowledges each.
    pub(super) delack: Duration,
    /// How long after a segment was sent its acknowledgement can be here at the earliest.
    pub(super) rtt: Duration,
}

/// The peer acknowledges everything up to `end` at `due`, if Linux's peer has it by then.
#[derive(Clone, Copy, Debug)]
struct Point {
    end: u64,
    due: Instant,
}

/// The sending side of one connection. Positions count bytes since its start.
pub(super) struct Flow {
    rules: Rules,
    /// `TCP_NODELAY`, `TCP_NOPUSH`.
    pub(super) nodelay: bool,
    pub(super) nopush: bool,
    /// Nothing was in flight when a sender said that more follows: what follows goes out as if nothing were.
    was_idle: bool,
    handed: u64,
    acked: u64,
    /// In order of `end`, and of `due`.
    points: VecDeque<Point>,
    /// A segment without a second one behind it: its end, and when it was sent.
    single: Option<(u64, Instant)>,
}

impl Flow {
    pub(super) fn new(rules: Rules) -> Flow {
        Flow {
            rules,
            nodelay: false,
            nopush: false,
            was_idle: false,
            handed: 0,
            acked: 0,
            points: VecDeque::new(),
            single: None,
        }
    }

    /// The flow of a connection that came in through this listener's socket.
    pub(super) fn child(&self) -> Flow {
        Flow {
            nodelay: self.nodelay,
            nopush: self.nopush,
            ..Flow::new(self.rules)
        }
    }

    pub(super) fn rules(&self) -> Rules {
        self.rules
    }

    /// Bytes that were sent and are not acknowledged.
    pub(super) fn in_flight(&self) -> u64 {
        self.handed - self.acked
    }

    /// Position up to which bytes were sent.
    pub(super) fn handed(&self) -> u64 {
        self.handed
    }

    /// Begins an output: whether a segment that is not full may leave in it.
    pub(super) fn begin(&mut self, more: bool) -> bool {
        let idle = self.in_flight() == 0 || self.was_idle;
        self.was_idle = idle && more;
        !more && (idle || self.nodelay) && !self.nopush
    }

    /// Of `unsent` bytes, how many leave now. `partial`: as [`Self::begin`] said. `last`: the end of the
    /// stream follows them, which takes everything along. `window`: the largest that the buffer was.
    pub(super) fn sendable(&self, unsent: u64, partial: bool, last: bool, window: u64) -> u64 {
        let full = unsent - unsent % self.rules.mss;
        if partial || last || unsent - full >= window / 2 {
            unsent
        } else {
            full
        }
    }

    /// Whether the peer would acknowledge some of `n` bytes, or of earlier ones, without waiting.
    pub(super) fn pairs(&self, n: u64) -> bool {
        let segments = n.div_ceil(self.rules.mss) + u64::from(self.single.is_some());
        segments >= 2 || segments == 1 && self.rules.delack.is_zero()
    }

    /// `n` bytes left just now, in as few segments as they need.
    pub(super) fn sent(&mut self, n: u64, now: Instant) {
        if let Some((end, at)) = self.single
            && at + self.single_wait() <= now
        {
            // Its acknowledgement is on the way: it makes no pair any more.
            self.push(end, at + self.single_wait());
            self.single = None;
        }
        let start = self.handed;
        self.handed += n;
        let segments = n.div_ceil(self.rules.mss);
        let waiting = u64::from(self.single.is_some());
        if self.rules.delack.is_zero() || (segments + waiting).is_multiple_of(2) {
            self.single = None;
            self.push(self.handed, now + self.rules.rtt);
            return;
        }
        if segments + waiting > 1 {
            self.push(start + (segments - 1) * self.rules.mss, now + self.rules.rtt);
        }
        self.single = Some((self.handed, now));
    }

    fn push(&mut self, end: u64, due: Instant) {
        match self.points.back_mut() {
            Some(last) if due < last.due + TOGETHER => last.end = end,
            _ => self.points.push_back(Point { end, due }),
        }
    }

    /// Data came from the peer: it carries an acknowledgement of all that the peer had then.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Some((end, sent)) = self.single.take() {
            self.push(end, now.max(sent + self.rules.rtt));
        }
    }

    /// Position up to which the peer has acknowledged by now, for all that the rules say.
    pub(super) fn due(&self, now: Instant) -> u64 {
        if let Some((end, sent)) = self.single
            && sent + self.single_wait() <= now
        {
            return end;
        }
        let ripe = self.points.partition_point(|point| point.due <= now);
        let last = ripe.checked_sub(1).and_then(|at| self.points.get(at));
        last.map_or(self.acked, |point| point.end)
    }

    fn single_wait(&self) -> Duration {
        self.rules.rtt + self.rules.delack
    }

    /// When [`Self::due`] will answer more than it does now.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        let ripe = self.points.partition_point(|point| point.due <= now);
        let point = self.points.get(ripe).map(|point| point.due);
        let single = self.single.map(|(_, sent)| sent + self.single_wait());
        let single = single.filter(|due| *due > now);
        point.into_iter().chain(single).min()
    }

    /// When somebody has to look again; `None` only while nothing is in flight. `linux`: position that Linux's peer
    /// had acknowledged when last asked; `patience`: how long Linux is left alone when it has less than is due.
    ///
    /// `now` may be later than the time that bytes were last taken out at: what became due in between is not due
    /// in the future any more, but nobody has taken it either.
    pub(super) fn next_look(&self, now: Instant, linux: u64, patience: Duration) -> Option<Instant> {
        if self.in_flight() == 0 {
            return None;
        }
        let due = self.due(now);
        if due.min(linux) > self.acked {
            return Some(now);
        }
        let next = self.next_due(now);
        if due > self.acked {
            let look = now + patience;
            return Some(next.map_or(look, |next| next.min(look)));
        }
        next
    }

    /// Everything up to `position` counts as acknowledged; answers how many bytes that were not are now.
    pub(super) fn acknowledge(&mut self, position: u64) -> u64 {
        let position = position.min(self.handed);
        let more = position.saturating_sub(self.acked);
        self.acked += more;
        while self.points.front().is_some_and(|point| point.end <= self.acked) {
            self.points.pop_front();
        }
        if self.single.is_some_and(|(end, _)| end <= self.acked) {
            self.single = None;
        }
        more
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u64 = 1448;
    const DELACK: Duration = Duration::from_millis(40);

    fn flow(delack: Duration, rtt: Duration) -> (Flow, Instant) {
        (
            Flow::new(Rules {
                mss: MSS,
                delack,
                rtt,
            }),
            Instant::now(),
        )
    }

    /// What leaves of `unsent` bytes, recorded.
    fn output(flow: &mut Flow, unsent: u64, more: bool, now: Instant) -> u64 {
        let partial = flow.begin(more);
        let n = flow.sendable(unsent, partial, false, 1 << 20);
        if n > 0 {
            flow.sent(n, now);
        }
        n
    }

    #[test]
    fn nagle_holds_a_short_segment_back_while_bytes_are_in_flight() {
        let (mut flow, now) = flow(DELACK, Duration::ZERO);
        assert_eq!(output(&mut flow, 1, false, now), 1, "nothing is in flight");
        assert_eq!(output(&mut flow, 255, false, now), 0, "a byte is in flight");
        assert_eq!(output(&mut flow, MSS + 7, false, now), MSS, "full segments leave");
        flow.acknowledge(flow.handed());
        assert_eq!(
            output(&mut flow, 7, false, now),
            7,
            "nothing is in flight any more"
        );
        flow.nodelay = true;
        assert_eq!(output(&mut flow, 5, false, now), 5, "TCP_NODELAY");
        flow.nopush = true;
        assert_eq!(output(&mut flow, 5, false, now), 0, "TCP_NOPUSH");
    }

    #[test]
    fn a_sender_that_says_that_more_follows_is_idle_until_the_rest_came() {
        let (mut flow, now) = flow(DELACK, Duration::ZERO);
        assert_eq!(output(&mut flow, MSS + 1, true, now), MSS);
        // The rest goes although a segment is in flight: it is of the same write.
        assert_eq!(output(&mut flow, 1, false, now), 1);
        assert_eq!(output(&mut flow, 1, false, now), 0);
    }

    #[test]
    fn the_end_and_half_a_window_leave_whatever_nagle_says() {
        let (mut flow, now) = flow(DELACK, Duration::ZERO);
        flow.sent(1, now);
        let partial = flow.begin(false);
        assert_eq!(flow.sendable(10, partial, true, 1 << 20), 10);
        assert_eq!(flow.sendable(512, partial, false, 1024), 512);
        assert_eq!(flow.sendable(511, partial, false, 1024), 0);
    }

    #[test]
    fn every_second_segment_is_acknowledged_at_once_and_a_single_one_late() {
        let (mut flow, now) = flow(DELACK, Duration::ZERO);
        assert!(!flow.pairs(1) && flow.pairs(MSS + 1));
        flow.sent(1, now);
        assert!(flow.pairs(1));
        assert_eq!(flow.due(now), 0);
        assert_eq!(flow.next_due(now), Some(now + DELACK));
        assert_eq!(flow.due(now + DELACK), 1);
        // Two more: the first of them makes a pair.
        flow.sent(MSS + 1, now);
        assert_eq!(flow.due(now), MSS + 1);
        flow.sent(1, now);
        assert_eq!(flow.due(now), MSS + 3);
        assert_eq!(flow.next_due(now), None);
        assert_eq!(flow.acknowledge(MSS + 3), MSS + 3);
        assert_eq!((flow.in_flight(), flow.acknowledge(MSS + 3)), (0, 0));
    }

    #[test]
    fn an_acknowledgement_takes_a_round_trip() {
        let rtt = Duration::from_millis(20);
        let (mut flow, now) = flow(DELACK, rtt);
        flow.sent(4 * MSS, now);
        let later = now + Duration::from_millis(5);
        flow.sent(MSS, later);
        assert_eq!(flow.due(later), 0);
        assert_eq!(flow.next_due(now), Some(now + rtt));
        assert_eq!(flow.due(now + rtt), 4 * MSS);
        assert_eq!(flow.next_due(now + rtt), Some(later + rtt + DELACK));
        // Data of the peer brings it along, but not before it can be here.
        flow.heard(later);
        assert_eq!(flow.next_due(now + rtt), Some(later + rtt));
        assert_eq!(flow.due(later + rtt), 5 * MSS);
    }

    #[test]
    fn a_single_one_whose_time_has_come_makes_no_pair() {
        let (mut flow, now) = flow(DELACK, Duration::ZERO);
        flow.sent(1, now);
        flow.sent(1, now + DELACK);
        assert_eq!(flow.due(now + DELACK), 1);
        assert_eq!(flow.due(now + 2 * DELACK), 2);
    }

    #[test]
    fn what_is_kept_in_mind_is_bounded_by_time() {
        let rtt = Duration::from_millis(20);
        let (mut flow, start) = flow(Duration::ZERO, rtt);
        for at in 0..20_000 {
            flow.sent(100, start + Duration::from_micros(at));
        }
        assert!(flow.points.len() <= 100, "{}", flow.points.len());
        let now = start + rtt + Duration::from_millis(10);
        let (due, exact) = (flow.due(now), 100 * 10_001);
        assert!(due >= exact && due <= exact + 100 * 200, "{due} of {exact}");
    }

    #[test]
    fn what_became_due_since_bytes_were_taken_is_looked_at_now() {
        let rtt = Duration::from_millis(20);
        let (mut flow, start) = flow(DELACK, rtt);
        flow.sent(2 * MSS, start);
        // Just before it is due nothing is taken, although Linux's peer has acknowledged it long ago.
        let before = start + rtt - Duration::from_nanos(1);
        assert_eq!(flow.due(before), 0);
        assert_eq!(flow.next_look(before, 2 * MSS, DELACK), Some(start + rtt));
        // The same question a moment later, with nothing taken in between.
        assert_eq!(flow.next_look(start + rtt, 2 * MSS, DELACK), Some(start + rtt));
        // Where Linux has not: it is left alone for a while.
        assert_eq!(flow.next_look(start + rtt, 0, DELACK), Some(start + rtt + DELACK));
        flow.acknowledge(2 * MSS);
        assert_eq!(flow.next_look(start + rtt, 2 * MSS, DELACK), None);
    }

    /// However much time passes between any two steps, bytes in flight have somebody who looks at them.
    #[test]
    fn bytes_in_flight_are_always_looked_at_again() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |n: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % n
        };
        for rules in 0..200 {
            let (delack, rtt) = (
                Duration::from_millis(rules % 3 * 20),
                Duration::from_millis(rules % 4 * 10),
            );
            let (mut flow, mut now) = flow(delack, rtt);
            let mut linux = 0;
            for _ in 0..500 {
                now += Duration::from_micros(below(30_000));
                match below(4) {
                    0 => flow.sent(1 + below(4 * MSS), now),
                    1 => flow.heard(now),
                    // Linux's peer is ahead of what the rules let count, behind it, or in the middle of a segment.
                    2 => linux += below(flow.handed() - linux + 1),
                    _ => drop(flow.acknowledge(flow.due(now).min(linux))),
                }
                now += Duration::from_micros(below(30_000));
                let look = flow.next_look(now, linux, Duration::from_millis(1));
                assert_eq!(
                    look.is_some(),
                    flow.in_flight() > 0,
                    "{delack:?}, {rtt:?}, {:?}",
                    flow.points
                );
            }
        }
    }

    #[test]
    fn without_delayed_acknowledgements_each_segment_counts() {
        let (mut flow, now) = flow(Duration::ZERO, Duration::ZERO);
        assert!(flow.pairs(1));
        flow.sent(1, now);
        assert_eq!(flow.due(now), 1);
    }
}
