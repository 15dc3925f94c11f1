//! One socket, as any thread may use it.
//!
//! | file | what |
//! |---|---|
//! | `half.rs` | one direction: its state under a lock, and who waits for it |
//! | `wait.rs`, `patience.rs` | what wakes a call that waits; how long it waits |
//! | `tx.rs`, `rx.rs` | the state of the two directions in shared memory, pure |
//! | `send.rs`, `receive.rs` | sending and receiving: copies, in place, by message |
//! | `connect.rs` | making, connecting, listening, accepting |
//! | `options.rs` | addresses and options |
//! | `handle.rs` | what a program holds: the last one closes |
//!
//! Locks are taken in the order: a half's, then the pool's books or the returned buffers. None is held over a message, a
//! doorbell or a sleep.

mod connect;
mod half;
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
    error::{Error, Fault},
    ledger::Line,
    pool::BlockInUse,
    session::Core,
    sync::Mutex,
    sys::System,
};
use alloc::{sync::Arc, vec::Vec};
use core::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    time::Duration,
};
use csock_wire::{
    msg::{self, Events},
    stream::{Block, State, Taker, Waiting},
};
use half::Half;
use patience::Patience;
use rx::Rx;
use tx::{Held, Tx};
use wait::Wakes;

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

/// One socket.
pub(crate) struct Socket<S: System> {
    core: Arc<Core<S>>,
    /// The module's handle.
    id: u32,
    /// Its block's number and place; `None` for one that goes by messages.
    block: Option<(u32, Block)>,
    tx: Half<S, Tx<S>>,
    rx: Half<S, Rx<S::Mem>>,
    /// The block, until the socket is closed.
    owned: Mutex<Option<BlockInUse>, S>,
    /// Reservations that the program still holds after the close.
    held: Mutex<Held, S>,
    phase: AtomicU8,
    closed: AtomicBool,
    /// The connection's error has been told to the program.
    told: AtomicBool,
    nonblocking: AtomicBool,
    /// Nanoseconds; 0: for ever.
    read_timeout: AtomicU64,
    write_timeout: AtomicU64,
    peer: Mutex<Option<SocketAddr>, S>,
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
    fn with(core: &Arc<Core<S>>, id: u32, block: Option<BlockInUse>, phase: Phase) -> Self {
        let number = block.as_ref().map(|block| (block.index, block.place));
        let place = number.map(|(_, place)| place);
        Self {
            core: Arc::clone(core),
            id,
            block: number,
            tx: Half::new(Tx::new(&core.mem, place)),
            rx: Half::new(Rx::new(&core.mem, number)),
            owned: Mutex::new(block),
            held: Mutex::new(Held::NONE),
            phase: AtomicU8::new(phase.to_number()),
            closed: AtomicBool::new(false),
            told: AtomicBool::new(false),
            nonblocking: AtomicBool::new(false),
            read_timeout: AtomicU64::new(0),
            write_timeout: AtomicU64::new(0),
            peer: Mutex::new(None),
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

    /// As `check`, for calls that take locks: see [`Core::begin`].
    #[inline]
    fn begin(&self) -> Result<(), Error> {
        self.check()?;
        if S::is_locking() {
            Err(Error::WouldBlock)
        } else {
            Ok(())
        }
    }

    /// Data can move, or could. While the connection is being made this waits for it, within the patience of the call.
    #[inline]
    fn connected(&self, patience: &mut Patience) -> Result<(), Error> {
        self.begin()?;
        match self.phase() {
            Phase::Connected => Ok(()),
            Phase::Connecting => self.wait_connected(patience),
            _ => Err(Error::NotConnected),
        }
    }

    /// As `connected`, for calls that never wait: a connection that is being made, or could not be made, is none.
    fn connected_now(&self) -> Result<(), Error> {
        self.connected(&mut Patience::none())
            .map_err(|error| match error {
                Error::WouldBlock | Error::ShutDown => Error::NotConnected,
                other => other,
            })
    }

    /// What the module says about the socket. `None`: it has no block.
    fn state(&self) -> Result<Option<State>, Error> {
        match self.block {
            None => Ok(None),
            Some((_, place)) => {
                let state = Taker::new(self.core.mem.clone(), place).state();
                self.core.judge(state.map_err(Fault::from)).map(Some)
            }
        }
    }

    /// Why nothing can be sent any more, if so.
    #[inline]
    fn check_sending(&self) -> Result<(), Error> {
        match self.state()? {
            Some(state) if state.contains(State::DEAF) => {
                Err(self.tell(state.error()).unwrap_or(Error::ShutDown))
            }
            _ => Ok(()),
        }
    }

    /// Says that there is work. True: ring, without a lock.
    #[inline]
    fn mark(&self) -> Result<bool, Error> {
        match self.block {
            Some((index, _)) => self.core.mark(index),
            None => Ok(false),
        }
    }

    fn line(&self, receiving: bool) -> Option<&Line> {
        self.core
            .ledger
            .line(self.block.map(|(index, _)| index), receiving)
    }

    fn tx_wakes(&self) -> Wakes<'_, S> {
        Wakes {
            core: &self.core,
            socket: self.id,
            place: self.block.map(|(_, place)| place),
            waiting: Waiting::Room,
            events: Events::WRITABLE,
            line: self.line(false),
        }
    }

    fn rx_wakes(&self) -> Wakes<'_, S> {
        Wakes {
            waiting: Waiting::Data,
            events: Events::READABLE,
            line: self.line(true),
            ..self.tx_wakes()
        }
    }

    /// A call begins that may wait for so long. `dontwait`: it is not to wait, whatever the socket is set to.
    fn patience(&self, timeout: &AtomicU64, dontwait: bool) -> Patience {
        if dontwait || self.is_nonblocking() {
            return Patience::none();
        }
        let nanos = timeout.load(Ordering::Relaxed);
        Patience::of((nanos != 0).then_some(nanos))
    }

    /// Gives up on a server that broke the rules; other errors pass.
    #[inline]
    fn judged<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        result.map_err(|error| match error {
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
        self.connected_now()?;
        let after = self.tx.with(|tx| {
            if how != msg::Shutdown::READ {
                tx.shut();
            }
            tx.tail()
        })?;
        let body = msg::Shutdown {
            how,
            reserved: 0,
            after,
        };
        self.core.control(self.id, &body)?;
        Ok(())
    }

    /// Closes the socket, gracefully: what was sent still goes out. Calls that wait in other threads return
    /// [`Error::Closed`].
    pub(crate) fn close(&self) -> Result<(), Error> {
        // A child touches nothing of its parent's socket.
        self.core.begin()?;
        if self.closed.swap(true, Ordering::AcqRel) {
            return Err(Error::Closed);
        }
        // From here on no call finds anything of the socket in shared memory.
        let (tx, rx) = (self.tx.retire(), self.rx.retire());
        let after = tx.as_ref().map_or(0, Tx::tail);
        if let Some(rx) = rx {
            rx.retire(&self.core);
        }
        let told = self.core.control(self.id, &msg::Close { after });
        self.enter(Phase::Dead);
        let (books, mut spans) = (&self.core.books, Vec::new());
        if let Some(tx) = tx {
            *self.held.lock() = tx.retire(books, &mut spans);
        }
        let block = self.owned.lock().take();
        let mut books = books.lock();
        if let Some(block) = block {
            books.retire(block, spans);
        }
        books.reap(&self.core.mem);
        told.map(|_| ())
    }
}

impl<S: System> Drop for Socket<S> {
    fn drop(&mut self) {
        let _ = self.close();
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
