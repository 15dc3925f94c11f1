//! One socket, as any thread may use it: rings under their locks, control messages, waits.
//!
//! | file | what |
//! |---|---|
//! | `tx.rs`, `rx.rs` | the two halves of the rings, pure |
//! | `send.rs`, `receive.rs` | sending and receiving: copies, in place, blocking, doorbells |
//! | `connect.rs` | making, connecting, listening, accepting |
//! | `options.rs` | addresses and options |
//! | `patience.rs` | how long a call waits |
//! | `wait.rs` | parking in the module |
//! | `handle.rs` | what a program holds: the last one closes |
//!
//! Locks are taken in the order `accepting`, `tx`, `rx`, then the pool's books. None is held while this thread is parked.

mod connect;
mod handle;
mod options;
mod patience;
mod receive;
mod rx;
mod send;
#[cfg(test)]
mod tests;
mod tx;
mod wait;

pub(crate) use handle::Handle;
pub(crate) use options::IntOption;
pub(crate) use rx::Filled;
pub(crate) use send::How;
pub(crate) use tx::Grant;

use crate::{
    error::Error,
    pool::BlockSpan,
    session_core::Core,
    sync::{Baton, Mutex, MutexGuard},
    sys::System,
};
use alloc::{sync::Arc, vec::Vec};
use core::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    time::Duration,
};
use csock_wire::msg;
use patience::Patience;
use rx::{Incoming, Rx};
use tx::Tx;

/// Where a socket is in its life, as this side knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Made, perhaps bound.
    Fresh,
    /// The module is connecting it.
    Connecting,
    /// Data can move.
    Connected,
    /// Takes connections.
    Listening,
    /// The connection could not be made, or the socket is closed.
    Dead,
}

/// The rings of a socket that moves data.
struct Rings<S: System> {
    tx: Mutex<Tx<S::Mem>>,
    rx: Mutex<Rx<S::Mem>>,
    /// Taken when the socket is closed or begins to listen.
    block: Mutex<Option<BlockSpan>>,
}

/// One socket.
pub(crate) struct Socket<S: System> {
    core: Arc<Core<S>>,
    /// The module's handle.
    id: u32,
    rings: Option<Rings<S>>,
    phase: AtomicU8,
    closed: AtomicBool,
    nonblocking: AtomicBool,
    /// Nanoseconds; 0: for ever.
    read_timeout: AtomicU64,
    write_timeout: AtomicU64,
    peer: Mutex<Option<SocketAddr>>,
    reader: Baton,
    writer: Baton,
    /// One thread at a time takes rings out of the pool for a connection that may not be there.
    accepting: Mutex<()>,
}

impl Phase {
    const fn to_number(self) -> u8 {
        match self {
            Phase::Fresh => 0,
            Phase::Connecting => 1,
            Phase::Connected => 2,
            Phase::Listening => 3,
            Phase::Dead => 4,
        }
    }
}

impl<S: System> Socket<S> {
    fn with(core: Arc<Core<S>>, id: u32, rings: Option<Rings<S>>, phase: Phase) -> Self {
        Self {
            core,
            id,
            rings,
            phase: AtomicU8::new(phase.to_number()),
            closed: AtomicBool::new(false),
            nonblocking: AtomicBool::new(false),
            read_timeout: AtomicU64::new(0),
            write_timeout: AtomicU64::new(0),
            peer: Mutex::new(None),
            reader: Baton::new(),
            writer: Baton::new(),
            accepting: Mutex::new(()),
        }
    }

    /// The session.
    pub(crate) const fn core(&self) -> &Arc<Core<S>> {
        &self.core
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Fresh,
            1 => Phase::Connecting,
            2 => Phase::Connected,
            3 => Phase::Listening,
            _ => Phase::Dead,
        }
    }

    fn enter(&self, phase: Phase) {
        self.phase.store(phase.to_number(), Ordering::Release);
    }

    /// Whether this process may use the socket at all.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.core.is_foreign() {
            return Err(Error::Forked);
        }
        if self.closed.load(Ordering::Acquire) {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    /// The rings of a connected socket. While the connection is being made this waits for it, within the patience of the call.
    fn connected(&self, patience: &mut Patience) -> Result<&Rings<S>, Error> {
        self.check()?;
        match (self.phase(), &self.rings) {
            (Phase::Connected, Some(rings)) => Ok(rings),
            (Phase::Connecting, Some(rings)) => {
                self.finish_connect(patience)?;
                Ok(rings)
            }
            _ => Err(Error::NotConnected),
        }
    }

    /// As `connected`, for calls that never wait: a connection that is being made is none.
    fn connected_now(&self) -> Result<&Rings<S>, Error> {
        self.connected(&mut Patience::none())
            .map_err(|error| match error {
                Error::WouldBlock => Error::NotConnected,
                other => other,
            })
    }

    /// Gives up on a server that broke the rules; other errors pass.
    fn judge<T>(&self, result: Result<T, impl Into<Error>>) -> Result<T, Error> {
        result.map_err(|error| match error.into() {
            error @ Error::ServerFault(_) => self.core.fail(error),
            error => error,
        })
    }

    /// Calls that would wait return [`Error::WouldBlock`] instead.
    pub(crate) fn set_nonblocking(&self, on: bool) -> Result<(), Error> {
        self.check()?;
        self.nonblocking.store(on, Ordering::Relaxed);
        Ok(())
    }

    fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed)
    }

    /// Limits how long receiving and accepting wait; `None`: not. Zero is refused, as by std.
    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.check()?;
        set_timeout(&self.read_timeout, timeout)
    }

    /// Limits how long sending waits.
    pub(crate) fn set_write_timeout(&self, timeout: Option<Duration>) -> Result<(), Error> {
        self.check()?;
        set_timeout(&self.write_timeout, timeout)
    }

    pub(crate) fn read_timeout(&self) -> Result<Option<Duration>, Error> {
        self.check().map(|()| timeout(&self.read_timeout))
    }

    pub(crate) fn write_timeout(&self) -> Result<Option<Duration>, Error> {
        self.check().map(|()| timeout(&self.write_timeout))
    }

    /// Ends one direction or both, after what was sent so far.
    pub(crate) fn shutdown(&self, how: u32) -> Result<(), Error> {
        let rings = self.connected_now()?;
        let tx_position = {
            let mut tx = rings.tx.lock();
            if how != msg::Shutdown::READ {
                tx.shut();
            }
            tx.position()
        };
        self.core.control(self.id, &msg::Shutdown { how, tx_position })?;
        Ok(())
    }

    /// Closes the socket, gracefully: what was sent still goes out. Calls that wait in other threads return
    /// [`Error::Closed`].
    pub(crate) fn close(&self) -> Result<(), Error> {
        if self.core.is_foreign() {
            // The parent's socket: nothing of it is touched.
            return Err(Error::Forked);
        }
        if self.closed.swap(true, Ordering::AcqRel) {
            return Err(Error::Closed);
        }
        let tx_position = self.rings.as_ref().map_or(0, |rings| rings.tx.lock().position());
        // From here on the module looks at the rings no more than it has to, and we not at all.
        let told = self.core.control(
            self.id,
            &msg::Close {
                tx_position,
                reserved: 0,
            },
        );
        self.enter(Phase::Dead);
        self.retire_rings();
        told.map(|_| ())
    }

    /// Puts what the module may still use aside until it is released.
    fn retire_rings(&self) {
        let Some(rings) = &self.rings else { return };
        let Some(block) = rings.block.lock().take() else {
            return;
        };
        let books = &self.core.books;
        let mut spans = Vec::new();
        rings.tx.lock().retire(books, &mut spans);
        rings.rx.lock().retire(books, &mut spans);
        let mut books = books.lock();
        books.retire(block, spans);
        books.reap(&self.core.mem);
    }
}

impl<S: System> Rings<S> {
    fn new(core: &Core<S>, block: &BlockSpan) -> Result<Self, Error> {
        let (mem, limits, config) = (&core.mem, core.limits, &core.config);
        Ok(Self {
            tx: Mutex::new(Tx::new(mem, &block.block, limits)?),
            rx: Mutex::new(Rx::new(
                mem,
                &block.block,
                limits,
                config.rx_buffers,
                config.rx_buffer_len,
            )?),
            block: Mutex::new(None),
        })
    }

    fn tx(&self) -> MutexGuard<'_, Tx<S::Mem>> {
        self.tx.lock()
    }

    fn rx(&self) -> MutexGuard<'_, Rx<S::Mem>> {
        self.rx.lock()
    }
}

impl<S: System> Drop for Socket<S> {
    fn drop(&mut self) {
        let _ = self.close();
        if let Some(rings) = &self.rings
            && !self.core.is_foreign()
        {
            rings.tx().free_all(&self.core.books);
            rings.rx().free_all(&self.core.books);
        }
    }
}

impl<S: System> core::fmt::Debug for Socket<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Socket")
            .field("id", &self.id)
            .field("phase", &self.phase())
            .finish_non_exhaustive()
    }
}

fn set_timeout(place: &AtomicU64, timeout: Option<Duration>) -> Result<(), Error> {
    let nanos = match timeout {
        None => 0,
        Some(Duration::ZERO) => {
            return Err(Error::Invalid {
                what: "timeout",
                value: 0,
                allowed: 1,
            });
        }
        Some(timeout) => crate::deadline::nanos(timeout),
    };
    place.store(nanos, Ordering::Relaxed);
    Ok(())
}

fn timeout(place: &AtomicU64) -> Option<Duration> {
    match place.load(Ordering::Relaxed) {
        0 => None,
        nanos => Some(Duration::from_nanos(nanos)),
    }
}
