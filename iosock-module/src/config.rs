//! Tunables, read once at load from io-sock's kernel environment (`csock.x` there is `x=` of `-m csock`). One row below is
//! one number: its place, its name, default and range are made from it, and its sysctl, with the comment as description
//! (`published.rs`).

use crate::{
    limits,
    node::{self, Access, NodePath},
};
use core::{
    ffi::CStr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

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
    /// Megabytes (2^20) of memory that the system has; `None`: it does not say.
    fn memory_mib(&self) -> Option<u32>;
}

/// `csock.tx`: `zerocopy` (default) or `copy`.
const TX: &CStr = c"csock.tx";
/// `csock.path`: the whole path of the node. Without it: `/dev/csock` below io-sock's own prefix.
const PATH: &CStr = c"csock.path";
/// io-sock's prefix (`-o prefix=/alt`), as the stand-in tells it.
// ON-TARGET: how io-sock tells a module its prefix, if at all; where it does not, a second io-sock needs csock.path.
const PREFIX: &CStr = c"qnx.prefix";

/// The number whose default follows from the memory that there is, and what that default may be.
const BUFFERS: (&CStr, core::ops::RangeInclusive<u32>) = (c"csock.buffer_mib_per_uid", 64..=4096);
/// One user's socket buffers may take this part of memory.
const BUFFERS_PART: u32 = 4;

/// What a path may be.
const ALLOWED_PATH: Allowed =
    Allowed::Words("an absolute path of visible characters, no . or .., at most 127 bytes with all parts");

/// A number that can be tuned.
struct Row<'a> {
    place: &'a AtomicU32,
    name: &'static CStr,
    default: u32,
    min: u32,
    max: u32,
}

macro_rules! numbers {
    ($($(#[doc = $doc:literal])* $field:ident, $name:literal, $default:expr, $min:literal..=$max:expr;)*) => {
        /// The tunables, as the module uses them. Written at load, read by all threads.
        pub struct Config {
            copies: AtomicBool,
            $($field: AtomicU32,)*
        }

        impl Config {
            /// The numbers, by the name behind `csock.`.
            pub const NAMES: &[&str] = &[$(stringify!($field)),*];

            /// Nothing read yet: all zero.
            #[must_use]
            pub const fn new() -> Self {
                Self {
                    copies: AtomicBool::new(false),
                    $($field: AtomicU32::new(0),)*
                }
            }

            fn rows(&self) -> [Row<'_>; Self::NAMES.len()] {
                [$(Row { place: &self.$field, name: $name, default: $default, min: $min, max: $max },)*]
            }

            /// The values in the order of the names.
            #[must_use]
            pub fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(u64::from(self.$field()),)*]
            }

            $($(#[doc = $doc])*
            #[must_use]
            pub fn $field(&self) -> u32 {
                self.$field.load(Ordering::Relaxed)
            })*
        }
    };
}

numbers! {
    /// Send buffer of a new socket, bytes; 0: the stack's default.
    sndbuf, c"csock.sndbuf", 512 * 1024, 0..=64 << 20;
    /// Receive buffer of a new socket, bytes; 0: the stack's default.
    rcvbuf, c"csock.rcvbuf", 512 * 1024, 0..=64 << 20;
    /// How long the data of a closed socket may still go out, ms; 0: as long as the peer takes.
    close_ms, c"csock.close_ms", 60_000, 0..=86_400_000;
    /// How long the data of a dead client may still go out, ms; 0: not at all.
    orphan_ms, c"csock.orphan_ms", 10_000, 0..=86_400_000;
    /// Worker threads.
    workers, c"csock.workers", 1, 1..=limits::places(limits::MAX_WORKERS);
    /// How often a worker still looks at a session that had work, before it asks the client to ring.
    linger, c"csock.linger", if cfg!(test) { 0 } else { 100 }, 0..=100_000;
    /// How long an unload waits for the stack to let go of client memory, ms.
    unload_ms, c"csock.unload_ms", 5_000, 0..=3_600_000;
    /// Fewer bytes than this are copied into the stack's own memory: a reference costs it more.
    copy_below, c"csock.copy_below", 1024, 0..=64 << 10;
    /// Most bytes that one `sosend` is given: a burst of the link.
    burst, c"csock.burst", 256 * 1024, 4096..=64 << 20;
    /// First port that a client of another user id than 0 may bind.
    first_port, c"csock.first_port", 1024, 0..=65_536;
    /// Who may use the module: permission bits of the node. A value with a leading 0 is octal.
    mode, c"csock.mode", 0o666, 0..=0o777;
    /// Owner of the node.
    uid, c"csock.uid", 0, 0..=0x7FFF_FFFF;
    /// Group of the node.
    gid, c"csock.gid", 0, 0..=0x7FFF_FFFF;
    /// Sessions in all.
    max_sessions, c"csock.max_sessions", limits::places(limits::MAX_SESSIONS), 1..=limits::places(limits::MAX_SESSIONS);
    /// Sessions of one user id: one user's programs do not take all of them.
    sessions_per_uid, c"csock.sessions_per_uid", if cfg!(test) { 3 } else { 192 }, 1..=limits::places(limits::MAX_SESSIONS);
    /// Sessions that only user id 0 gets, so that an administrator always gets in.
    root_sessions, c"csock.root_sessions", if cfg!(test) { 0 } else { 8 }, 0..=limits::places(limits::MAX_SESSIONS);
    /// Sockets of one session.
    sockets_per_session, c"csock.sockets_per_session", if cfg!(test) { 4 } else { 1024 }, 1..=limits::places(limits::MAX_SOCKETS);
    /// Sockets of one user id.
    sockets_per_uid, c"csock.sockets_per_uid", if cfg!(test) { 6 } else { 1536 }, 1..=limits::places(limits::MAX_SOCKETS);
    /// Sockets that only user id 0 gets.
    root_sockets, c"csock.root_sockets", if cfg!(test) { 0 } else { 32 }, 0..=limits::places(limits::MAX_SOCKETS);
    /// Sockets that only a session with few of them gets, so that who has a session can use it.
    spare_sockets, c"csock.spare_sockets", if cfg!(test) { 0 } else { 256 }, 0..=limits::places(limits::MAX_SOCKETS);
    /// A session with fewer sockets than this may take one of the spare ones.
    few_sockets, c"csock.few_sockets", 8, 0..=limits::places(limits::MAX_SOCKETS);
    /// How long a closed socket may go on sending before a new one that finds no place may end it, ms.
    close_least_ms, c"csock.close_least_ms", 1_000, 0..=86_400_000;
    /// Pools of one user id, dead ones that are still mapped included.
    pools_per_uid, c"csock.pools_per_uid", if cfg!(test) { 3 } else { 384 }, 1..=limits::places(limits::MAX_POOLS);
    /// Megabytes (2^20) of pools of one user id, dead ones that are still mapped included.
    pool_mib_per_uid, c"csock.pool_mib_per_uid", 4096, 1..=1 << 20;
    /// Megabytes (2^20) that the socket buffers of one user id may hold in the stack. What it has beyond that gets 64 KiB each way.
    buffer_mib_per_uid, c"csock.buffer_mib_per_uid", 512, 1..=1 << 20;
    /// Megabytes (2^20) of one pool.
    pool_mib, c"csock.pool_mib", 1024, 1..=1024;
    /// Requests that one session may have parked.
    parked_per_session, c"csock.parked_per_session", if cfg!(test) { 3 } else { 4096 }, 1..=1 << 16;
}

impl Config {
    /// Reads every tunable.
    ///
    /// # Errors
    /// The first that is wrong, and what is allowed.
    pub fn read(&self, env: &impl Environment) -> Result<NodePath, BadTunable> {
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
        let (name, range) = BUFFERS;
        if let (None, Some(mib)) = (env.int(name), env.memory_mib()) {
            let part = mib.checked_div(BUFFERS_PART).unwrap_or(0);
            let part = part.max(*range.start()).min(*range.end());
            self.buffer_mib_per_uid.store(part, Ordering::Relaxed);
        }
        // One byte more than a path may have, and the NUL: a longer value is not cut to a good one.
        let mut buf = [0; node::PATH_MAX + 2];
        if let Some(len) = env.text(PATH, &mut buf) {
            return NodePath::new(buf.get(..len).unwrap_or_default(), b"").ok_or(BadTunable {
                name: PATH,
                allowed: ALLOWED_PATH,
            });
        }
        let len = env.text(PREFIX, &mut buf).unwrap_or(0);
        let prefix = buf.get(..len).unwrap_or_default();
        NodePath::new(prefix, csock_wire::msg::NODE_PATH.as_bytes()).ok_or(BadTunable {
            name: PREFIX,
            allowed: ALLOWED_PATH,
        })
    }

    /// Who may use the module.
    #[must_use]
    pub fn access(&self) -> Access {
        Access {
            mode: self.mode(),
            uid: self.uid(),
            gid: self.gid(),
        }
    }

    /// Bytes of one pool.
    #[must_use]
    pub fn pool_bytes(&self) -> u64 {
        u64::from(self.pool_mib()).saturating_mul(1 << 20)
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

    struct Env(&'static [(&'static CStr, &'static str)], Option<u32>);

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

        fn memory_mib(&self) -> Option<u32> {
            self.1
        }
    }

    fn read(env: &'static [(&'static CStr, &'static str)]) -> Result<(Config, Vec<u8>), BadTunable> {
        let config = Config::new();
        let path = config.read(&Env(env, None))?;
        Ok((config, path.as_bytes().to_vec()))
    }

    #[test]
    fn defaults() {
        let (config, name) = read(&[]).unwrap();
        assert_eq!(
            (config.copies(), config.workers(), name.as_slice()),
            (false, 1, b"/dev/csock".as_slice())
        );
    }

    #[test]
    fn a_users_buffers_are_a_part_of_the_memory_that_there_is() {
        let limit = |memory, env| {
            let config = Config::new();
            config.read(&Env(env, memory)).unwrap();
            config.buffer_mib_per_uid()
        };
        // The last: nothing tells.
        for (memory, expected) in [
            (Some(100), 64),
            (Some(2048), 512),
            (Some(8000), 2000),
            (Some(u32::MAX), 4096),
            (None, 512),
        ] {
            assert_eq!(limit(memory, &[]), expected, "{memory:?} MiB");
        }
        let set: &[(&CStr, &str)] = &[(c"csock.buffer_mib_per_uid", "7")];
        assert_eq!(limit(Some(8000), set), 7);
    }

    #[test]
    fn options_are_taken() {
        let (config, name) = read(&[
            (c"csock.tx", "copy"),
            (c"csock.path", "/dev/other"),
            (c"qnx.prefix", "/unused"),
            (c"csock.mode", "432"),
            (c"csock.gid", "20"),
            (c"csock.orphan_ms", "0"),
            (c"csock.workers", "2"),
        ])
        .unwrap();
        assert!(config.copies());
        assert_eq!(
            (config.orphan_ms(), config.workers(), name.as_slice()),
            (0, 2, b"/dev/other".as_slice())
        );
        let access = Access {
            mode: 0o660,
            uid: 0,
            gid: 20,
        };
        assert_eq!(config.access(), access);
        let (_, path) = read(&[(c"qnx.prefix", "/alt")]).unwrap();
        assert_eq!(path, b"/alt/dev/csock");
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
        assert_eq!(names(&[(c"csock.mode", "512")]), Some(c"csock.mode"));
        assert_eq!(names(&[(c"csock.path", "")]), Some(c"csock.path"));
        assert_eq!(names(&[(c"csock.path", "dev/x")]), Some(c"csock.path"));
        assert_eq!(names(&[(c"csock.path", "/dev/../x")]), Some(c"csock.path"));
        assert_eq!(names(&[(c"qnx.prefix", "alt")]), Some(c"qnx.prefix"));
        const LONG: &str = concat!(
            "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
        );
        assert_eq!(LONG.len(), node::PATH_MAX + 1);
        assert_eq!(names(&[(c"csock.path", LONG)]), Some(c"csock.path"));
        assert_eq!(names(&[(c"qnx.prefix", LONG)]), Some(c"qnx.prefix"));
    }

    #[test]
    fn the_readme_has_every_number() {
        let readme = include_str!("../README.md");
        let absent = |name: &&&str| !readme.contains(&format!("`csock.{name}`"));
        assert_eq!(
            Config::NAMES.iter().filter(absent).collect::<Vec<_>>(),
            Vec::<&&str>::new()
        );
    }

    #[test]
    fn every_default_is_in_its_range_and_every_name_is_there_once() {
        let config = Config::new();
        let rows = config.rows();
        for (at, row) in rows.iter().enumerate() {
            assert_eq!(
                row.name.to_bytes(),
                format!("csock.{}", Config::NAMES[at]).as_bytes()
            );
            assert!((row.min..=row.max).contains(&row.default), "{:?}", row.name);
            assert!(rows.iter().skip(at + 1).all(|other| other.name != row.name));
        }
    }
}
