//! Bitmaps of atomics: which sockets and sessions have work, which pools can go.

use core::sync::atomic::{AtomicU32, Ordering};

/// `WORDS` times 32 bits that any thread may set and one may take.
pub struct Bitmap<const WORDS: usize> {
    words: [AtomicU32; WORDS],
}

impl<const WORDS: usize> Bitmap<WORDS> {
    /// All clear.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            words: [const { AtomicU32::new(0) }; WORDS],
        }
    }

    /// Sets bit `index`; true when it was clear. What was stored before is seen by the one who takes the bit.
    pub fn set(&self, index: usize) -> bool {
        match self.words.get(index >> 5) {
            // SYNC POINT: pairs with the Acquire in `drain`.
            Some(word) => word.fetch_or(mask(index), Ordering::AcqRel) & mask(index) == 0,
            None => false,
        }
    }

    /// Takes all bits that are set, and calls `each` with their indices in ascending order. True when there was one.
    pub fn drain(&self, mut each: impl FnMut(usize)) -> bool {
        let mut any = false;
        let mut base = 0usize;
        for word in &self.words {
            // A look first: an exchange would take the cache line away from those who set bits.
            if word.load(Ordering::Relaxed) != 0 {
                // SYNC POINT: pairs with the Release in `set`.
                let mut bits = word.swap(0, Ordering::AcqRel);
                while bits != 0 {
                    any = true;
                    let bit = usize::try_from(bits.trailing_zeros()).unwrap_or(0);
                    bits &= bits.wrapping_sub(1);
                    each(base.wrapping_add(bit));
                }
            }
            base = base.wrapping_add(32);
        }
        any
    }

    /// Takes the first bit that is set at `from` or behind it, or before it when there is none: round robin.
    pub fn take_next(&self, from: usize) -> Option<usize> {
        let start = from >> 5;
        let keep = u32::MAX.wrapping_shl(u32::try_from(from & 31).unwrap_or(0));
        // The word that `from` lies in comes twice: its upper part first, all of it last.
        for step in 0..=WORDS {
            let at = start.wrapping_add(step).checked_rem(WORDS)?;
            let word = self.words.get(at)?;
            let mask = if step == 0 { keep } else { u32::MAX };
            let bits = word.load(Ordering::Relaxed) & mask;
            if bits == 0 {
                continue;
            }
            let bit = bits & bits.wrapping_neg();
            // SYNC POINT: pairs with the Release in `set`.
            if word.fetch_and(!bit, Ordering::AcqRel) & bit != 0 {
                let bit = usize::try_from(bit.trailing_zeros()).unwrap_or(0);
                return Some(at.wrapping_shl(5).wrapping_add(bit));
            }
        }
        None
    }

    /// Takes bit `index`; true when it was set.
    pub fn take(&self, index: usize) -> bool {
        let Some(word) = self.words.get(index >> 5) else {
            return false;
        };
        // SYNC POINT: pairs with the Release in `set`.
        word.load(Ordering::Relaxed) & mask(index) != 0
            && word.fetch_and(!mask(index), Ordering::AcqRel) & mask(index) != 0
    }

    /// Bit `index` is set now.
    #[must_use]
    pub fn is_set(&self, index: usize) -> bool {
        self.words
            .get(index >> 5)
            .is_some_and(|word| word.load(Ordering::Acquire) & mask(index) != 0)
    }

    /// True when a bit is set now.
    #[must_use]
    pub fn any(&self) -> bool {
        self.words.iter().any(|word| word.load(Ordering::Acquire) != 0)
    }
}

fn mask(index: usize) -> u32 {
    1u32.wrapping_shl(u32::try_from(index & 31).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_in_turn() {
        let map: Bitmap<2> = Bitmap::new();
        assert_eq!(map.take_next(0), None);
        for bit in [3, 17, 40, 63] {
            map.set(bit);
        }
        assert_eq!(
            [map.take_next(18), map.take_next(41), map.take_next(0)],
            [Some(40), Some(63), Some(3)]
        );
        assert_eq!([map.take_next(18), map.take_next(18)], [Some(17), None]);
    }

    #[test]
    fn takes_what_was_set_once() {
        let map: Bitmap<2> = Bitmap::new();
        assert!(map.set(0) && map.set(31) && map.set(32) && map.set(63));
        assert!(!map.set(31));
        assert!(!map.set(64));
        let mut seen = Vec::new();
        assert!(map.any() && map.drain(|i| seen.push(i)));
        assert_eq!(seen, [0, 31, 32, 63]);
        assert!(!map.any() && !map.drain(|_| ()));
    }
}
