//! Text without `core::fmt`: its machinery carries panic paths, and a module may hold none.

/// Decimal digits of the largest `u64`.
const U64_DIGITS: usize = 20;

/// One line of text in `N` bytes of its own. What does not fit is cut off, and [`LineBuf::is_cut`] says so.
///
/// ```
/// let mut line = iosock::LineBuf::<64>::new();
/// line.text("session ").dec(7).text(": refused, code 0x").hex(0x2a);
/// assert_eq!(line.as_bytes(), b"session 7: refused, code 0x2a");
/// ```
#[derive(Clone, Debug)]
pub struct LineBuf<const N: usize = 160> {
    bytes: [u8; N],
    len: usize,
    cut: bool,
}

impl<const N: usize> LineBuf<N> {
    /// Empty.
    ///
    /// # Context
    /// Any.
    pub const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
            cut: false,
        }
    }

    /// Adds one byte.
    ///
    /// # Context
    /// Any.
    pub fn byte(&mut self, byte: u8) -> &mut Self {
        match self.bytes.get_mut(self.len) {
            Some(place) => {
                *place = byte;
                self.len = self.len.wrapping_add(1);
            }
            None => self.cut = true,
        }
        self
    }

    /// Adds bytes as they are.
    ///
    /// # Context
    /// Any.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            self.byte(*byte);
        }
        self
    }

    /// Adds text.
    ///
    /// # Context
    /// Any.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a number in decimal.
    ///
    /// # Context
    /// Any.
    pub fn dec(&mut self, value: u64) -> &mut Self {
        let mut digits = [b'0'; U64_DIGITS];
        let (mut rest, mut first) = (value, U64_DIGITS);
        for place in digits.iter_mut().rev() {
            *place = b'0'.wrapping_add((rest % 10) as u8);
            rest /= 10;
            first = first.wrapping_sub(1);
            if rest == 0 {
                break;
            }
        }
        self.bytes(digits.get(first..).unwrap_or_default())
    }

    /// Adds a signed number in decimal.
    ///
    /// # Context
    /// Any.
    pub fn signed(&mut self, value: i64) -> &mut Self {
        if value < 0 {
            self.byte(b'-');
        }
        self.dec(value.unsigned_abs())
    }

    /// Adds a number in lower-case hexadecimal, without a prefix.
    ///
    /// # Context
    /// Any.
    pub fn hex(&mut self, value: u64) -> &mut Self {
        let mut started = false;
        for place in (0..16_u32).rev() {
            let digit = (value.wrapping_shr(place.wrapping_mul(4)) & 0xf) as u8;
            started |= digit != 0 || place == 0;
            if started {
                self.byte(if digit < 10 {
                    b'0'.wrapping_add(digit)
                } else {
                    b'a'.wrapping_add(digit.wrapping_sub(10))
                });
            }
        }
        self
    }

    /// Adds an error: its C name, or its number when it has none.
    ///
    /// # Context
    /// Any.
    pub fn errno(&mut self, errno: crate::Errno) -> &mut Self {
        match errno.name() {
            Some(name) => self.text(name),
            None => self.text("errno ").signed(errno.qnx().into()),
        }
    }

    /// What was added and fitted.
    ///
    /// # Context
    /// Any.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// Bytes in use.
    ///
    /// # Context
    /// Any.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was added.
    ///
    /// # Context
    /// Any.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether something did not fit.
    ///
    /// # Context
    /// Any.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Empties it.
    ///
    /// # Context
    /// Any.
    pub fn clear(&mut self) {
        self.len = 0;
        self.cut = false;
    }
}

impl<const N: usize> Default for LineBuf<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::LineBuf;
    use std::format;

    #[test]
    fn numbers_have_all_their_digits_and_no_more() {
        for value in [0, 1, 9, 10, 99, 100, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut line = LineBuf::<32>::new();
            line.dec(value);
            assert_eq!(line.as_bytes(), format!("{value}").as_bytes());
            line.clear();
            line.hex(value);
            assert_eq!(line.as_bytes(), format!("{value:x}").as_bytes());
        }
        for value in [i64::MIN, -1, 0, i64::MAX] {
            let mut line = LineBuf::<32>::new();
            line.signed(value);
            assert_eq!(line.as_bytes(), format!("{value}").as_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_cut_and_told() {
        let mut line = LineBuf::<4>::new();
        assert!(!line.text("four").is_cut());
        assert!(line.text("!").is_cut());
        assert_eq!(line.as_bytes(), b"four");
        line.clear();
        assert!(line.is_empty() && !line.is_cut());
    }

    #[test]
    fn errors_have_their_name_or_their_number() {
        let mut line = LineBuf::<32>::new();
        line.errno(crate::Errno::ENOBUFS).byte(b' ');
        if let Some(other) = crate::Errno::from_raw(999) {
            line.errno(other);
        }
        assert_eq!(line.as_bytes(), b"ENOBUFS errno 999");
    }
}
