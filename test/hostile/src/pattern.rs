//! Bytes that both ends know without having seen them: each is made from its position in the stream.

/// A stream's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Pattern(u64);

impl Pattern {
    /// One of many.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    const fn word(self, number: u64) -> [u8; 8] {
        let mixed = (number ^ self.0.rotate_left(32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 29)).to_le_bytes()
    }

    /// Calls `each` with the byte of every position from `at` on.
    fn walk(self, at: u64, bytes: &mut [u8], mut each: impl FnMut(u64, &mut u8, u8) -> bool) -> bool {
        let (mut position, mut word) = (at, self.word(at / 8));
        for byte in bytes {
            if position.is_multiple_of(8) {
                word = self.word(position / 8);
            }
            let expected = word[usize::try_from(position % 8).unwrap_or(0)];
            if !each(position, byte, expected) {
                return false;
            }
            position += 1;
        }
        true
    }

    /// Fills `bytes` with what stands at `at` and behind.
    pub fn fill(self, at: u64, bytes: &mut [u8]) {
        self.walk(at, bytes, |_, byte, expected| {
            *byte = expected;
            true
        });
    }

    /// The position of the first byte that is wrong.
    #[must_use]
    pub fn wrong(self, at: u64, bytes: &mut [u8]) -> Option<u64> {
        let mut found = None;
        self.walk(at, bytes, |position, byte, expected| {
            found = (*byte != expected).then_some(position);
            found.is_none()
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn one_wrong_byte_is_found() {
        let pattern = Pattern::new(7);
        let mut bytes = [0; 100];
        pattern.fill(13, &mut bytes);
        assert_eq!(pattern.wrong(13, &mut bytes), None);
        assert_eq!(
            pattern.wrong(14, &mut bytes),
            Some(14),
            "another place, other bytes"
        );
        bytes[60] ^= 1;
        assert_eq!(pattern.wrong(13, &mut bytes), Some(73));
        let mut part = [0; 30];
        pattern.fill(33, &mut part);
        bytes[60] ^= 1;
        assert_eq!(part, bytes[20..50], "the same from any start");
    }
}
