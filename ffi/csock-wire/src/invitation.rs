//! Whether a session is asked to ring, in the module's own memory: a bell that nobody asked for costs one look.
//!
//! The client's rule is the `armed` word ([`crate::stream::Bell`]), which it can ignore. This is the module's own note of the
//! same thing. It lies here so that loom runs the very code that ships.

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering};

#[cfg(not(loom))]
use core::sync::atomic::{AtomicBool, Ordering};

/// Set from before the client is asked to ring until it has rung or the worker is back.
#[derive(Debug)]
pub struct Invitation(AtomicBool);

impl Invitation {
    /// Nobody is asked.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Invitation {
        Invitation(AtomicBool::new(false))
    }

    /// Nobody is asked.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Invitation {
        Invitation(AtomicBool::new(false))
    }

    /// The worker is about to ask the client to ring. Before it does: the bell of a quick client must find the invitation.
    pub fn extend(&self) {
        // A swap, as in `Sleeper`.
        self.0.swap(true, Ordering::AcqRel);
    }

    /// The worker is at the session. Before it looks for work: whoever still takes the invitation has it look once more.
    pub fn withdraw(&self) {
        self.0.swap(false, Ordering::AcqRel);
    }

    /// A bell has come. True: it was asked for, and this caller alone must have the session served. False: the worker is at it,
    /// or will be, and then it either takes the client's mark or finds it before it sleeps again.
    #[must_use]
    pub fn accept(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::AcqRel)
    }

    /// The client is asked to ring and has not done so yet, as far as is known.
    #[must_use]
    pub fn is_extended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Invitation {
    fn default() -> Invitation {
        Invitation::new()
    }
}
