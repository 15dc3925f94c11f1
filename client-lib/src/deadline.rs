//! A point in time until which a call may wait: fixed once, so that retries do not add up.

use crate::error::Error;

/// Nanoseconds on the monotonic clock; `None`: for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline(Option<u64>);

impl Deadline {
    /// Waits for ever.
    pub(crate) const NEVER: Deadline = Deadline(None);

    /// `patience` nanoseconds from `now`; `None` is for ever.
    pub(crate) fn after(now: u64, patience: Option<u64>) -> Self {
        Self(patience.map(|patience| now.saturating_add(patience)))
    }

    /// What is left, `None` for no limit.
    pub(crate) fn remaining(self, now: u64) -> Result<Option<u64>, Error> {
        match self.0 {
            None => Ok(None),
            Some(at) => match at.saturating_sub(now) {
                0 => Err(Error::TimedOut),
                left => Ok(Some(left)),
            },
        }
    }
}

impl Deadline {
    /// As [`Deadline::remaining`]; asks for the time only when there is a limit.
    pub(crate) fn left(self, now: impl FnOnce() -> u64) -> Result<Option<u64>, Error> {
        match self {
            Self::NEVER => Ok(None),
            limited => limited.remaining(now()),
        }
    }
}

/// A duration in whole nanoseconds, at most 584 years.
pub(crate) fn nanos(duration: core::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
