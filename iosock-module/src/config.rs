//! Tunables, read once at load from io-sock's kernel environment (`csock.x` there is `x=` of `-m csock`). One row below is
//! one number: its place, its name, default and range are made from it.

use crate::limits;
use core::{
    ffi::CStr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

/// Longest channel name, bytes.
pub const NAME_MAX: usize = 63;

/// A tunable that cannot be used: the module is not loaded with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadTunable {
    /// Its name.
    pub name: &'static CStr,
    /// What is allowed.
    pub allowed: Allowed,
}

/// What a tunable may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// One of these, in words.
    Words(&'static str),
    /// A whole number between these two.
    Range(u32, u32),
}

/// Where tunables come from.
pub trait Environment {
    /// A whole number; `None`: not set.
    fn int(&self, name: &'static CStr) -> Option<i32>;
    /// A text into `buf`, its length; `None`: not set.
    fn text(&self, name: &'static CStr, buf: &mut [u8]) -> Option<usize>;
}

/// `csock.tx`: `zerocopy` (default) or `copy`.
const TX: &CStr = c"csock.tx";
/// `csock.name`: name of the channel, `csock` by default.
const NAME: &CStr = c"csock.name";

/// A number that can be tuned.
struct Row<'a> {
    place: &'a AtomicU32,
    name: &'static CStr,
    default: u32,
    min: u32,
    max: u32,
}

macro_rules! numbers {
    ($count:literal rows: $($(#[doc = $doc:literal])* $field:ident, $name:literal, $default:expr, $min:literal..=$max:expr;)*) => {
        /// The tunables, as the module uses them. Written at load, read by all threads.
        pub struct Config {
            copies: AtomicBool,
            $($field: AtomicU32,)*
        }

        impl Config {
            /// Nothing read yet: all zero.
            #[must_use]
            pub const fn new() -> Self {
                Self {
                    copies: AtomicBool::new(false),
                    $($field: AtomicU32::new(0),)*
                }
            }

            fn rows(&self) -> [Row<'_>; $count] {
                [$(Row { place: &self.$field, name: $name, default: $default, min: $min, max: $max },)*]
            }

            $($(#[doc = $doc])*
            #[must_use]
            pub fn $field(&self) -> u32 {
                self.$field.load(Ordering::Relaxed)
            })*
        }
    };
}

numbers! { 7 rows:
    /// Send buffer of a new socket, bytes; 0: the stack's default.
    sndbuf, c"csock.sndbuf", 512 * 1024, 0..=64 << 20;
    /// Receive buffer of a new socket, bytes; 0: the stack's default.
    rcvbuf, c"csock.rcvbuf", 512 * 1024, 0..=64 << 20;
    /// How long the data of a closed socket may still go out, ms; 0: as long as the peer takes.
    close_ms, c"csock.close_ms", 60_000, 0..=86_400_000;
    /// How long the data of a dead client may still go out, ms; 0: not at all.
    orphan_ms, c"csock.orphan_ms", 10_000, 0..=86_400_000;
    /// Worker threads.
    workers, c"csock.workers", 1, 1..=limits::MAX_WORKERS;
    /// How long an unload waits for the stack to let go of client memory, ms.
    unload_ms, c"csock.unload_ms", 5_000, 0..=3_600_000;
    /// First port that a client of another user id than 0 may bind.
    first_port, c"csock.first_port", 1024, 0..=65_536;
}

/// The channel's name.
pub struct ChannelName {
    bytes: [u8; NAME_MAX],
    len: usize,
}

impl ChannelName {
    /// The bytes, without a NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl Config {
    /// Reads every tunable.
    ///
    /// # Errors
    /// The first that is wrong, and what is allowed.
    pub fn read(&self, env: &impl Environment) -> Result<ChannelName, BadTunable> {
        let mut buf = [0; 16];
        let copies = match env.text(TX, &mut buf).map(|len| buf.get(..len)) {
            None => false,
            Some(Some(b"zerocopy")) => false,
            Some(Some(b"copy")) => true,
            Some(_) => {
                return Err(BadTunable {
                    name: TX,
                    allowed: Allowed::Words("zerocopy, copy"),
                });
            }
        };
        self.copies.store(copies, Ordering::Relaxed);
        for row in self.rows() {
            let value = match env.int(row.name).map(u32::try_from) {
                None => row.default,
                Some(Ok(value)) if (row.min..=row.max).contains(&value) => value,
                Some(_) => {
                    return Err(BadTunable {
                        name: row.name,
                        allowed: Allowed::Range(row.min, row.max),
                    });
                }
            };
            row.place.store(value, Ordering::Relaxed);
        }
        let mut name = ChannelName {
            bytes: [0; NAME_MAX],
            len: 0,
        };
        let mut buf = [0; NAME_MAX + 2];
        let text = match env.text(NAME, &mut buf) {
            Some(len) => buf.get(..len).unwrap_or_default(),
            None => csock_wire::msg::CHANNEL_NAME.as_bytes(),
        };
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if text.is_empty() || text.len() > NAME_MAX || !text.iter().all(good) || text.first() == Some(&b'.') {
            let allowed = Allowed::Words("1 to 63 of a-z A-Z 0-9 _ - . and no leading dot");
            return Err(BadTunable { name: NAME, allowed });
        }
        for (to, from) in name.bytes.iter_mut().zip(text) {
            *to = *from;
        }
        name.len = text.len();
        Ok(name)
    }

    /// Data is copied before it is sent (`csock.tx=copy`).
    #[must_use]
    pub fn copies(&self) -> bool {
        self.copies.load(Ordering::Relaxed)
    }

    /// The defaults, but for what a test sets itself.
    #[cfg(test)]
    pub(crate) fn set_for_test(&self, copies: bool, orphan_ms: u32) {
        for row in self.rows() {
            row.place.store(row.default, Ordering::Relaxed);
        }
        self.copies.store(copies, Ordering::Relaxed);
        self.orphan_ms.store(orphan_ms, Ordering::Relaxed);
    }

    /// Sets one number.
    #[cfg(test)]
    pub(crate) fn tune(&self, name: &CStr, value: u32) {
        let rows = self.rows();
        let row = rows.iter().find(|row| row.name == name).unwrap();
        assert!((row.min..=row.max).contains(&value));
        row.place.store(value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Env(&'static [(&'static CStr, &'static str)]);

    impl Environment for Env {
        fn int(&self, name: &'static CStr) -> Option<i32> {
            self.0.iter().find(|(n, _)| *n == name)?.1.parse().ok()
        }

        fn text(&self, name: &'static CStr, buf: &mut [u8]) -> Option<usize> {
            let text = self.0.iter().find(|(n, _)| *n == name)?.1;
            // As getenv_string: cut, and a NUL behind.
            let len = text.len().min(buf.len() - 1);
            buf[..len].copy_from_slice(&text.as_bytes()[..len]);
            Some(len)
        }
    }

    fn read(env: &'static [(&'static CStr, &'static str)]) -> Result<(Config, Vec<u8>), BadTunable> {
        let config = Config::new();
        let name = config.read(&Env(env))?;
        Ok((config, name.as_bytes().to_vec()))
    }

    #[test]
    fn defaults() {
        let (config, name) = read(&[]).unwrap();
        assert_eq!(
            (config.copies(), config.workers(), name.as_slice()),
            (false, 1, b"csock".as_slice())
        );
    }

    #[test]
    fn options_are_taken() {
        let (config, name) = read(&[
            (c"csock.tx", "copy"),
            (c"csock.name", "other"),
            (c"csock.orphan_ms", "0"),
            (c"csock.workers", "2"),
        ])
        .unwrap();
        assert!(config.copies());
        assert_eq!(
            (config.orphan_ms(), config.workers(), name.as_slice()),
            (0, 2, b"other".as_slice())
        );
    }

    #[test]
    fn wrong_ones_are_named() {
        let names = |env| read(env).err().map(|e| e.name);
        assert_eq!(names(&[(c"csock.tx", "both")]), Some(c"csock.tx"));
        assert_eq!(
            names(&[(c"csock.tx", "zerocopyzerocopyzerocopy")]),
            Some(c"csock.tx")
        );
        assert_eq!(names(&[(c"csock.workers", "5")]), Some(c"csock.workers"));
        assert_eq!(names(&[(c"csock.sndbuf", "-1")]), Some(c"csock.sndbuf"));
        assert_eq!(names(&[(c"csock.name", "")]), Some(c"csock.name"));
        assert_eq!(names(&[(c"csock.name", "a/b")]), Some(c"csock.name"));
        assert_eq!(names(&[(c"csock.name", "../x")]), Some(c"csock.name"));
        const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        assert_eq!(names(&[(c"csock.name", LONG)]), Some(c"csock.name"));
    }

    #[test]
    fn every_default_is_in_its_range_and_every_name_is_there_once() {
        let config = Config::new();
        let rows = config.rows();
        for (at, row) in rows.iter().enumerate() {
            assert!((row.min..=row.max).contains(&row.default), "{:?}", row.name);
            assert!(rows.iter().skip(at + 1).all(|other| other.name != row.name));
        }
    }
}
