//! How long one call waits.

use crate::deadline::Deadline;
use csock_wire::msg::Wait;

/// One blocking call: when it must end, and how often it was woken for nothing.
pub(super) struct Patience {
    /// How long the call may wait in all, nanoseconds; the clock starts at the first wait.
    limit: Option<u64>,
    deadline: Option<Deadline>,
    /// False: the call is not to wait at all.
    pub(super) may_wait: bool,
    /// The positions of the last wait.
    seen: [u32; 3],
    pub(super) false_wakes: u32,
    pub(super) failures: u32,
}

impl Patience {
    /// Waits for at most `limit` nanoseconds.
    pub(super) const fn of(limit: Option<u64>) -> Self {
        Self {
            limit,
            deadline: None,
            may_wait: true,
            seen: [0; 3],
            false_wakes: 0,
            failures: 0,
        }
    }

    /// Does not wait.
    pub(super) const fn none() -> Self {
        let mut none = Self::of(None);
        none.may_wait = false;
        none
    }

    /// When the call must end: the same time for all of its waits.
    pub(super) fn deadline(&mut self, now: impl FnOnce() -> u64) -> Deadline {
        let limit = self.limit;
        *self.deadline.get_or_insert_with(|| match limit {
            None => Deadline::NEVER,
            limit => Deadline::after(now(), limit),
        })
    }

    /// Another wait begins. When a ring moved since the last one, something came of it, if perhaps for another thread.
    pub(super) fn next(&mut self, wait: &Wait) {
        let seen = [wait.seen_sq, wait.seen_cq, wait.seen_rq];
        if seen != self.seen {
            self.seen = seen;
            self.false_wakes = 0;
            self.failures = 0;
        }
    }
}
