//! The kernel environment: names and texts that tunables, hints and module options are read from.

use std::{collections::BTreeMap, fmt, sync::Mutex};

/// Longest value, as in FreeBSD (`KENV_MVALLEN`).
const VALUE_MAX: usize = 128;

/// The kernel environment. Shared by all threads.
#[derive(Debug, Default)]
pub struct Kenv {
    values: Mutex<BTreeMap<String, String>>,
}

/// A line of a configuration file that is not `name="value"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    /// Counted from 1.
    pub line: usize,
    /// The line.
    pub text: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}: '{}' is not name=\"value\" of at most {VALUE_MAX} bytes, without spaces outside the quotes",
            self.line, self.text
        )
    }
}

impl std::error::Error for ConfigError {}

impl Kenv {
    /// Reads a configuration file's text: lines `name="value"`, comments after `#` at the start of a line, empty lines.
    pub fn read_config(&self, text: &str) -> Result<(), ConfigError> {
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match parse_line(line) {
                Some((name, value)) => self.set(name, value),
                None => {
                    return Err(ConfigError {
                        line: index + 1,
                        text: line.to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Sets options of a module: `opt=val` of module NAME is `NAME.opt="val"`.
    // ON-TARGET: how options of a module that is no driver arrive is not documented; the environment is our reading.
    pub fn set_options(&self, module: &str, options: &[(String, String)]) {
        for (key, value) in options {
            self.set(&format!("{module}.{key}"), value);
        }
    }

    /// Sets one value.
    pub fn set(&self, name: &str, value: &str) {
        self.lock().insert(name.to_owned(), value.to_owned());
    }

    /// Removes one value; `false` when there was none.
    pub fn unset(&self, name: &str) -> bool {
        self.lock().remove(name).is_some()
    }

    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.lock().get(name).cloned()
    }

    /// The number of a name: decimal, 0x hexadecimal or 0 octal, with K, M, G or T for powers of 1024.
    pub fn number(&self, name: &str) -> Option<i64> {
        parse_number(&self.get(name)?)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        // The map is whole after every operation: a panic elsewhere does not spoil it.
        self.values
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

fn parse_line(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let value = value.strip_prefix('"')?.strip_suffix('"')?;
    let good = |c: char| c.is_ascii_graphic() && c != '"';
    (!name.is_empty() && name.chars().all(good) && !value.contains('"') && value.len() <= VALUE_MAX)
        .then_some((name, value))
}

/// A number as the kernel environment has them.
pub fn parse_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (digits, shift) = match digits.as_bytes().last()? {
        b'k' | b'K' => (&digits[..digits.len() - 1], 10),
        b'm' | b'M' => (&digits[..digits.len() - 1], 20),
        b'g' | b'G' => (&digits[..digits.len() - 1], 30),
        b't' | b'T' => (&digits[..digits.len() - 1], 40),
        _ => (digits, 0),
    };
    // A second sign would be taken by from_str_radix.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        u64::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(&digits[1..], 8).ok()?
    } else {
        digits.parse().ok()?
    };
    // As strtoq and unsigned tunables want it: the upper half is the negative numbers.
    let shifted = value.checked_mul(1 << shift)?.cast_signed();
    Some(if negative { shifted.wrapping_neg() } else { shifted })
}

#[cfg(test)]
mod tests {
    use super::{Kenv, parse_number};

    #[test]
    fn config_file() {
        let kenv = Kenv::default();
        kenv.read_config("# comment\n\ncsock.tx=\"copy\"\nhint.em.0.speed=\"0x10\"\nempty=\"\"\n")
            .unwrap();
        assert_eq!(kenv.get("csock.tx").as_deref(), Some("copy"));
        assert_eq!(kenv.number("hint.em.0.speed"), Some(16));
        assert_eq!(kenv.get("empty").as_deref(), Some(""));
        assert_eq!(kenv.number("empty"), None);
        assert!(kenv.unset("empty") && !kenv.unset("empty"));
    }

    #[test]
    fn config_refusals() {
        for text in [
            "a=b",
            "a =\"b\"",
            "=\"b\"",
            "a",
            " a=\"b\"",
            "a=\"b\" ",
            "a=\"b\"c\"",
        ] {
            let error = Kenv::default()
                .read_config(&format!("x=\"1\"\n{text}"))
                .unwrap_err();
            assert_eq!((error.line, error.text.as_str()), (2, text));
        }
        let long = format!("a=\"{}\"", "x".repeat(129));
        assert!(Kenv::default().read_config(&long).is_err());
    }

    #[test]
    fn numbers() {
        for (text, value) in [
            ("0", 0),
            ("-1", -1),
            ("010", 8),
            ("0x7f", 127),
            ("4k", 4096),
            ("2M", 2 << 20),
            ("18446744073709551615", -1),
            ("-0x10", -16),
        ] {
            assert_eq!(parse_number(text), Some(value), "{text}");
        }
        for text in [
            "",
            "-",
            "k",
            "1x",
            "+1",
            "--1",
            "0x",
            "08",
            "99999999999999999999",
            "0x4000000000000000k",
        ] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
