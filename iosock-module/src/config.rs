//! Tunables, read once at load from io-sock's kernel environment (`csock.x` there is `x=` of `-m csock`).

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Longest channel name, bytes.
pub const NAME_MAX: usize = 63;

/// The tunables, as the module uses them. Written at load, read by all threads.
pub struct Config {
    copies: AtomicBool,
    sndbuf: AtomicU32,
    rcvbuf: AtomicU32,
    orphan_ms: AtomicU32,
    workers: AtomicU32,
    unload_ms: AtomicU32,
}

/// A tunable that cannot be used: the module is not loaded with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BadTunable {
    /// Its name.
    pub name: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
}

/// Where tunables come from.
pub trait Environment {
    /// A whole number; `None`: not set.
    fn int(&self, name: Tunable) -> Option<i32>;
    /// A text into `buf`, its length; `None`: not set.
    fn text(&self, name: Tunable, buf: &mut [u8]) -> Option<usize>;
}

/// The tunables there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tunable {
    /// `csock.tx`: `zerocopy` (default) or `copy`.
    Tx,
    /// `csock.name`: name of the channel, `csock` by default.
    Name,
    /// `csock.sndbuf`: send buffer of a new socket, bytes. 0: the stack's default.
    SndBuf,
    /// `csock.rcvbuf`: receive buffer of a new socket, bytes. 0: the stack's default.
    RcvBuf,
    /// `csock.orphan_ms`: how long a dead client's data may still go out. 0: not at all.
    OrphanMs,
    /// `csock.workers`: worker threads, 1 to 4.
    Workers,
    /// `csock.unload_ms`: how long an unload waits for the stack to let go of client memory.
    UnloadMs,
}

/// Default of `csock.sndbuf`: what one `sosend` takes at most, so it is also the largest batch.
pub const DEFAULT_SNDBUF: u32 = 512 * 1024;
/// Default of `csock.rcvbuf`.
pub const DEFAULT_RCVBUF: u32 = 512 * 1024;
/// Default of `csock.orphan_ms`.
pub const DEFAULT_ORPHAN_MS: u32 = 10_000;
/// Default of `csock.unload_ms`.
pub const DEFAULT_UNLOAD_MS: u32 = 5_000;

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
    /// Nothing read yet: all zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            copies: AtomicBool::new(false),
            sndbuf: AtomicU32::new(0),
            rcvbuf: AtomicU32::new(0),
            orphan_ms: AtomicU32::new(0),
            workers: AtomicU32::new(0),
            unload_ms: AtomicU32::new(0),
        }
    }

    /// Reads every tunable.
    ///
    /// # Errors
    /// The first that is wrong, and what is allowed.
    pub fn read(&self, env: &impl Environment) -> Result<ChannelName, BadTunable> {
        let mut buf = [0; 16];
        let copies = match env.text(Tunable::Tx, &mut buf).map(|len| buf.get(..len)) {
            None => false,
            Some(Some(b"zerocopy")) => false,
            Some(Some(b"copy")) => true,
            Some(_) => {
                return Err(BadTunable {
                    name: "csock.tx",
                    allowed: "zerocopy, copy",
                });
            }
        };
        self.copies.store(copies, Ordering::Relaxed);
        let numbers = [
            (
                Tunable::SndBuf,
                &self.sndbuf,
                "csock.sndbuf",
                DEFAULT_SNDBUF,
                0..=64 << 20,
                "0 to 67108864",
            ),
            (
                Tunable::RcvBuf,
                &self.rcvbuf,
                "csock.rcvbuf",
                DEFAULT_RCVBUF,
                0..=64 << 20,
                "0 to 67108864",
            ),
            (
                Tunable::OrphanMs,
                &self.orphan_ms,
                "csock.orphan_ms",
                DEFAULT_ORPHAN_MS,
                0..=86_400_000,
                "0 to 86400000",
            ),
            (
                Tunable::Workers,
                &self.workers,
                "csock.workers",
                1,
                1..=crate::limits::MAX_WORKERS,
                "1 to 4",
            ),
            (
                Tunable::UnloadMs,
                &self.unload_ms,
                "csock.unload_ms",
                DEFAULT_UNLOAD_MS,
                0..=3_600_000,
                "0 to 3600000",
            ),
        ];
        for (tunable, place, name, default, range, allowed) in numbers {
            let value = match env.int(tunable).map(u32::try_from) {
                None => default,
                Some(Ok(value)) if range.contains(&value) => value,
                Some(_) => return Err(BadTunable { name, allowed }),
            };
            place.store(value, Ordering::Relaxed);
        }
        let mut name = ChannelName {
            bytes: [0; NAME_MAX],
            len: 0,
        };
        let mut buf = [0; NAME_MAX + 2];
        let text = match env.text(Tunable::Name, &mut buf) {
            Some(len) => buf.get(..len).unwrap_or_default(),
            None => csock_wire::msg::CHANNEL_NAME.as_bytes(),
        };
        let good = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if text.is_empty() || text.len() > NAME_MAX || !text.iter().all(good) || text.first() == Some(&b'.') {
            let allowed = "1 to 63 of a-z A-Z 0-9 _ - . and no leading dot";
            return Err(BadTunable {
                name: "csock.name",
                allowed,
            });
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

    /// Send buffer of a new socket, bytes; 0: the stack's default.
    #[must_use]
    pub fn sndbuf(&self) -> u32 {
        self.sndbuf.load(Ordering::Relaxed)
    }

    /// Receive buffer of a new socket, bytes; 0: the stack's default.
    #[must_use]
    pub fn rcvbuf(&self) -> u32 {
        self.rcvbuf.load(Ordering::Relaxed)
    }

    /// How long a dead client's data may still go out, ms.
    #[must_use]
    pub fn orphan_ms(&self) -> u32 {
        self.orphan_ms.load(Ordering::Relaxed)
    }

    /// Worker threads.
    #[must_use]
    pub fn workers(&self) -> u32 {
        self.workers.load(Ordering::Relaxed)
    }

    /// How long an unload waits, ms.
    #[must_use]
    pub fn unload_ms(&self) -> u32 {
        self.unload_ms.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(crate) fn set_for_test(&self, copies: bool, orphan_ms: u32) {
        self.copies.store(copies, Ordering::Relaxed);
        self.orphan_ms.store(orphan_ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Env(&'static [(Tunable, &'static str)]);

    impl Environment for Env {
        fn int(&self, name: Tunable) -> Option<i32> {
            self.0.iter().find(|(n, _)| *n == name)?.1.parse().ok()
        }

        fn text(&self, name: Tunable, buf: &mut [u8]) -> Option<usize> {
            let text = self.0.iter().find(|(n, _)| *n == name)?.1;
            // As getenv_string: cut, and a NUL behind.
            let len = text.len().min(buf.len() - 1);
            buf[..len].copy_from_slice(&text.as_bytes()[..len]);
            Some(len)
        }
    }

    fn read(env: &'static [(Tunable, &'static str)]) -> Result<(Config, Vec<u8>), BadTunable> {
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
            (Tunable::Tx, "copy"),
            (Tunable::Name, "other"),
            (Tunable::OrphanMs, "0"),
            (Tunable::Workers, "2"),
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
        assert_eq!(names(&[(Tunable::Tx, "both")]), Some("csock.tx"));
        assert_eq!(
            names(&[(Tunable::Tx, "zerocopyzerocopyzerocopy")]),
            Some("csock.tx")
        );
        assert_eq!(names(&[(Tunable::Workers, "5")]), Some("csock.workers"));
        assert_eq!(names(&[(Tunable::SndBuf, "-1")]), Some("csock.sndbuf"));
        assert_eq!(names(&[(Tunable::Name, "")]), Some("csock.name"));
        assert_eq!(names(&[(Tunable::Name, "a/b")]), Some("csock.name"));
        assert_eq!(names(&[(Tunable::Name, "../x")]), Some("csock.name"));
        const LONG: &str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        assert_eq!(names(&[(Tunable::Name, LONG)]), Some("csock.name"));
    }
}
