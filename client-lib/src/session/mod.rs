//! A session with the module: one connection to io-sock, one pool, any number of sockets.
//!
//! | file | what |
//! |---|---|
//! | `core.rs` | the session, and when a server is given up |
//! | `exchange.rs` | one message and its answer |
//! | `open.rs` | how a session begins |
//! | `bell.rs` | doorbells |
//! | `buffers.rs`, `holding.rs` | receive buffers: who holds which, and how they change hands |
//! | `waiters.rs`, `sleeping.rs` | threads that sleep: who has registered, and how; the one that watches the server |

mod bell;
mod buffers;
mod core;
mod exchange;
mod holding;
mod open;
mod sleeping;
mod waiters;

pub(crate) use self::core::Core;

use crate::{
    config::Config,
    error::Error,
    ledger::{ClientCounters, Stats},
    node::{ConnectError, default_path},
    pool::Books,
    sys::{Qnx, System},
};
use alloc::sync::Arc;

/// A session with the module. Cheap to clone; the session ends when the last clone and the last socket are gone.
///
/// A process needs one. It may be used by any thread, and by the process that opened it alone: in a child made by
/// fork(2) every call returns [`Error::Forked`].
#[derive(Clone, Debug)]
pub struct Session {
    pub(crate) core: Arc<Core<Qnx>>,
}

impl Session {
    /// Opens a session with the module, with default settings.
    ///
    /// The module is `/dev/csock` below the prefix that the environment variable `SOCK` names: `SOCK=/alt` means the io-sock that was
    /// started with `-o prefix=/alt`. Another io-sock is never taken instead.
    ///
    /// # Errors
    /// With the path: [`Error::NotRunning`] when nobody serves it, [`Error::Impostor`] when somebody does who is not trusted,
    /// [`Error::Refused`] when the module does not let this user in (`EACCES`), speaks another version or has reached a quota,
    /// [`Error::System`] when a kernel call fails.
    pub fn connect() -> Result<Self, ConnectError> {
        Self::connect_with(Config::DEFAULT)
    }

    /// As [`Session::connect`], with settings.
    ///
    /// # Errors
    /// As [`Session::connect`]; [`Error::Invalid`] names a setting that is out of range.
    pub fn connect_with(config: Config) -> Result<Self, ConnectError> {
        Self::connect_to(&default_path(crate::sys::environment("SOCK"))?, config)
    }

    /// As [`Session::connect_with`], with the module at `path` whatever `SOCK` says.
    ///
    /// # Errors
    /// As [`Session::connect_with`].
    pub fn connect_to(path: &str, config: Config) -> Result<Self, ConnectError> {
        let open = || {
            // Before anything is asked of the server.
            config.check()?;
            Core::open(Qnx::open(path, &config)?, config)
        };
        match open() {
            Ok(core) => Ok(Self { core }),
            Err(error) => Err(ConnectError::new(path.into(), error)),
        }
    }

    /// The session's pool.
    #[must_use]
    pub fn pool(&self) -> Pool<'_> {
        Pool { core: &self.core }
    }

    /// Both halves of the ledger. One message.
    ///
    /// # Errors
    /// As every call, when the server is gone.
    pub fn stats(&self) -> Result<Stats, Error> {
        self.core.stats()
    }

    /// This library's half of the ledger. No message.
    #[must_use]
    pub fn client_counters(&self) -> ClientCounters {
        self.core.ledger.snapshot()
    }

    /// True when the module sends without copying; false when it was loaded with `tx=copy`.
    #[must_use]
    pub fn is_zero_copy(&self) -> bool {
        self.core.hello.tx_mode == csock_wire::msg::TX_ZERO_COPY
    }

    /// Whether the session can still be used.
    ///
    /// # Errors
    /// [`Error::ServerGone`] and its like once the server has failed, [`Error::Forked`] in a child.
    pub fn check(&self) -> Result<(), Error> {
        self.core.check()
    }
}

/// A session's pool: the memory that it shares with the module. Anonymous, sealed, made by this process.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    core: &'a Core<Qnx>,
}

impl Pool<'_> {
    /// Asks the books; a child, for which there is no pool, hears 0.
    fn books(&self, ask: impl FnOnce(&mut Books, &<Qnx as System>::Mem) -> usize) -> usize {
        if self.core.is_foreign() {
            return 0;
        }
        ask(&mut self.core.books.lock(), &self.core.mem)
    }

    /// Length of the pool, bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        csock_wire::SharedMem::len(&self.core.mem)
    }

    /// False: a pool has at least its header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the data area that nobody uses, in pieces.
    #[must_use]
    pub fn free_bytes(&self) -> usize {
        self.books(|books, mem| {
            books.reap(mem);
            books.free_bytes()
        })
    }

    /// The largest piece that can be reserved now, bytes.
    #[must_use]
    pub fn largest_free(&self) -> usize {
        self.books(|books, _| books.largest())
    }

    /// Closed sockets whose memory the module still uses: their last bytes are not acknowledged yet.
    #[must_use]
    pub fn closing_sockets(&self) -> usize {
        self.books(|books, mem| {
            books.reap(mem);
            books.closing()
        })
    }

    /// Sockets that can still be made.
    #[must_use]
    pub fn free_sockets(&self) -> usize {
        self.books(|books, _| books.free_blocks())
    }
}
