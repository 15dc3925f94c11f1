//! Which ranges of a socket the stack still holds pieces of (S-09, S-20). One bit a range: the stack counts the pieces, and
//! calls back once, after the last of them and the module's own hold are gone.

use core::sync::atomic::{AtomicU32, Ordering};
use csock_wire::stream::RANGES;

const _: () = assert!(RANGES == 64);

/// The ranges of one socket that are lent to the stack. Atomics only: the release callback touches nothing else.
pub struct InFlight {
    out: [AtomicU32; 2],
    outstanding: AtomicU32,
}

impl InFlight {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            out: [AtomicU32::new(0), AtomicU32::new(0)],
            outstanding: AtomicU32::new(0),
        }
    }

    fn word(&self, entry: u16) -> Option<(&AtomicU32, u32)> {
        let word = self.out.get(usize::from(entry >> 5))?;
        Some((word, 1u32.wrapping_shl(u32::from(entry & 31))))
    }

    /// `entry` is about to be lent: before the stack sees it, for it may come back inside `sosend`.
    pub fn lend(&self, entry: u16) {
        if let Some((word, bit)) = self.word(entry) {
            word.fetch_or(bit, Ordering::Relaxed);
            self.outstanding.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The stack has let go of `entry`, or it was never lent after all. From any context.
    pub fn back(&self, entry: u16) {
        if let Some((word, bit)) = self.word(entry) {
            // SYNC POINT: pairs with the Acquire in `is_out`: the thread that gives the memory back to the client must have
            // seen the stack's last access.
            word.fetch_and(!bit, Ordering::Release);
            // SYNC POINT: pairs with the Acquire in `outstanding`.
            self.outstanding.fetch_sub(1, Ordering::Release);
        }
    }

    /// The stack holds `entry`.
    #[must_use]
    pub fn is_out(&self, entry: u16) -> bool {
        self.word(entry)
            .is_some_and(|(word, bit)| word.load(Ordering::Acquire) & bit != 0)
    }

    /// Ranges that the stack holds.
    #[must_use]
    pub fn outstanding(&self) -> u32 {
        // SYNC POINT: pairs with the Release in `back`.
        self.outstanding.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_counted_alone() {
        let inflight = InFlight::new();
        for entry in 0..64 {
            inflight.lend(entry);
        }
        assert_eq!(inflight.outstanding(), 64);
        for entry in (0..64).rev() {
            assert!(inflight.is_out(entry));
            inflight.back(entry);
            assert!(!inflight.is_out(entry));
        }
        assert_eq!(inflight.outstanding(), 0);
        inflight.lend(64);
        assert_eq!(
            (inflight.outstanding(), inflight.is_out(64)),
            (0, false),
            "there is no such entry"
        );
    }
}
