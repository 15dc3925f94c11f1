//! Moments between two locks at which a test can hold a thread, so that a race takes place each time and not once in a
//! thousand runs. Nobody but tests sets a step; without one a moment costs a load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// Where a thread is. What it says about the socket is all that keeps the socket's memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// The owner's close has marked the socket as closing, and done nothing else: netisr may finish it.
    Closing,
    /// netisr has found the socket that an event, a timer or a retry is for, and holds no lock of it yet.
    Found,
    /// netisr has read what came, let go of the receiving half, and looks after the sending half next.
    Read,
    /// Linux has taken less than there is, and netisr does not know yet that a sender waits for room.
    Full,
    /// Output is over and the sending half let go of; what follows from it is still to be done.
    Concluding,
}

/// What a test does at each moment of each thread.
pub type Step = fn(Moment);

static SET: AtomicBool = AtomicBool::new(false);
static STEP: RwLock<Option<Step>> = RwLock::new(None);

/// Calls `step` at each moment from now on; `None`: nobody steps in. A thread may be inside the step before still.
pub fn set(step: Option<Step>) {
    *STEP.write().unwrap_or_else(PoisonError::into_inner) = step;
    SET.store(step.is_some(), Ordering::Release);
}

pub(crate) fn reach(moment: Moment) {
    if SET.load(Ordering::Acquire) {
        let step = *STEP.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = step {
            step(moment);
        }
    }
}
