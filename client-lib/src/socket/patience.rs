//! How long one call waits: one deadline, whatever it waits for and however often.

use crate::deadline::Deadline;

/// One blocking call.
pub(super) struct Patience {
    /// How long the call may wait in all, nanoseconds; the clock starts at the first wait.
    limit: Option<u64>,
    deadline: Option<Deadline>,
    /// False: the call is not to wait at all.
    pub(super) may_wait: bool,
}

impl Patience {
    /// Waits for at most `limit` nanoseconds.
    pub(super) const fn of(limit: Option<u64>) -> Self {
        Self {
            limit,
            deadline: None,
            may_wait: true,
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
}
