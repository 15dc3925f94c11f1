//! A sysctl's bytes as text, and text as bytes.

use super::oid::Type;
use crate::kenv::parse_number;

/// Prints what a handler answered. Several integers are separated by spaces, opaque bytes are hexadecimal.
pub fn print(kind: Type, bytes: &[u8]) -> String {
    let integers = |width: usize, signed: bool| {
        let one = |bytes: &[u8]| {
            let mut wide = if signed && bytes.last().is_some_and(|top| top & 0x80 != 0) {
                [0xff; 8]
            } else {
                [0; 8]
            };
            wide[..bytes.len()].copy_from_slice(bytes);
            if signed {
                i64::from_le_bytes(wide).to_string()
            } else {
                u64::from_le_bytes(wide).to_string()
            }
        };
        bytes.chunks_exact(width).map(one).collect::<Vec<_>>().join(" ")
    };
    match kind {
        Type::String => {
            let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(text).into_owned()
        }
        Type::Signed(width) => integers(width, true),
        Type::Unsigned(width) => integers(width, false),
        Type::Opaque | Type::Node => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// The bytes of a text; `None` when it is no value of that type.
pub fn parse(kind: Type, text: &str) -> Option<Vec<u8>> {
    let integer = |width: usize, signed: bool| {
        let value = parse_number(text)?;
        let bits = 8 * u32::try_from(width).ok()?;
        let fits = match (signed, bits) {
            (true, 64) => !text.starts_with(|c: char| c.is_ascii_digit()) || value >= 0,
            (false, 64) => !text.starts_with('-'),
            (true, _) => (-(1_i64 << (bits - 1))..1_i64 << (bits - 1)).contains(&value),
            (false, _) => (0..1_i64 << bits).contains(&value),
        };
        fits.then(|| value.to_le_bytes()[..width].to_vec())
    };
    match kind {
        Type::String => Some(text.bytes().chain([0]).collect()),
        Type::Signed(width) => integer(width, true),
        Type::Unsigned(width) => integer(width, false),
        Type::Opaque | Type::Node => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Type, parse, print};

    #[test]
    fn integers() {
        for (kind, text, len) in [
            (Type::Signed(4), "-5", 4),
            (Type::Unsigned(4), "4294967295", 4),
            (Type::Signed(8), "-9", 8),
            (Type::Unsigned(8), "18446744073709551615", 8),
            (Type::Signed(1), "-128", 1),
            (Type::Unsigned(2), "65535", 2),
        ] {
            let bytes = parse(kind, text).unwrap();
            assert_eq!((bytes.len(), print(kind, &bytes).as_str()), (len, text));
        }
        for (kind, text) in [
            (Type::Signed(4), "2147483648"),
            (Type::Unsigned(4), "-1"),
            (Type::Unsigned(1), "256"),
            (Type::Signed(8), "18446744073709551615"),
            (Type::Unsigned(8), "-1"),
            (Type::Signed(4), ""),
            (Type::Opaque, "1"),
        ] {
            assert_eq!(parse(kind, text), None, "{text}");
        }
    }

    #[test]
    fn others() {
        assert_eq!(print(Type::String, b"abc\0def"), "abc");
        assert_eq!(print(Type::Opaque, &[1, 0xab]), "01ab");
        assert_eq!(
            print(Type::Signed(4), &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
            "1 -1"
        );
        assert_eq!(parse(Type::String, "ab"), Some(b"ab\0".to_vec()));
    }
}
