//! How much of the stack's memory one socket's buffers may hold; `table/stack_memory.rs` says how much.

use core::sync::atomic::{AtomicU32, Ordering};

/// The most bytes that the stack keeps for one socket, each way. Changed by the control thread alone.
pub struct Granted {
    /// `SO_SNDBUF`.
    pub send: AtomicU32,
    /// `SO_RCVBUF`.
    pub receive: AtomicU32,
    /// Not 0: less than the stack gave the socket; its first turn says so to the stack.
    pub shrunk: AtomicU32,
}

impl Granted {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            send: AtomicU32::new(0),
            receive: AtomicU32::new(0),
            shrunk: AtomicU32::new(0),
        }
    }

    /// The sizes that the stack has to be told: send, receive.
    pub(super) fn to_tell(&self) -> Option<(u32, u32)> {
        let of = |field: &AtomicU32| field.load(Ordering::Relaxed);
        (of(&self.shrunk) != 0).then(|| (of(&self.send), of(&self.receive)))
    }

    /// Gives everything back.
    pub fn reset(&self) {
        for field in [&self.send, &self.receive, &self.shrunk] {
            field.store(0, Ordering::Relaxed);
        }
    }

    /// Both ways together.
    #[must_use]
    pub fn sum(&self) -> u64 {
        let of = |field: &AtomicU32| u64::from(field.load(Ordering::Relaxed));
        of(&self.send).saturating_add(of(&self.receive))
    }
}
