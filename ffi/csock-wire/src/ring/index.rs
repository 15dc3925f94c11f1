//! Free-running indices of a generic width: `u32` in the product, `u8` where a test walks through every state.

use core::fmt::Debug;

/// An index that wraps at its width. It always travels in a whole `u32` word.
pub trait Index: Copy + Eq + Debug {
    /// Zero.
    const START: Self;

    /// From the word in shared memory; a narrower width takes its low bits.
    fn from_word(word: u32) -> Self;

    /// As a word.
    fn to_word(self) -> u32;

    /// `self + n`, wrapping.
    #[must_use]
    fn forward(self, n: u32) -> Self;

    /// How far `self` is ahead of `earlier`, wrapping.
    fn ahead_of(self, earlier: Self) -> u32;

    /// The window check: how far a peer's index moved from `seen` to `self`, or `None` when it is not in
    /// `seen ..= limit`, where `limit` is the farthest the peer may be: backwards, beyond, or lapped (S-04).
    fn moved(self, seen: Self, limit: Self) -> Option<u32> {
        let moved = self.ahead_of(seen);
        (moved <= limit.ahead_of(seen)).then_some(moved)
    }
}

impl Index for u32 {
    const START: u32 = 0;

    fn from_word(word: u32) -> u32 {
        word
    }

    fn to_word(self) -> u32 {
        self
    }

    fn forward(self, n: u32) -> u32 {
        self.wrapping_add(n)
    }

    fn ahead_of(self, earlier: u32) -> u32 {
        self.wrapping_sub(earlier)
    }
}

/// Test width. Capacity must be at most 128.
#[cfg(feature = "test-util")]
impl Index for u8 {
    const START: u8 = 0;

    fn from_word(word: u32) -> u8 {
        let [low, ..] = word.to_le_bytes();
        low
    }

    fn to_word(self) -> u32 {
        self.into()
    }

    fn forward(self, n: u32) -> u8 {
        self.wrapping_add(u8::from_word(n))
    }

    fn ahead_of(self, earlier: u8) -> u32 {
        self.wrapping_sub(earlier).into()
    }
}
