//! The heart of a session: the connection, the pool, and the one place where a server is given up.

use super::{buffers::Buffers, exchange::exchange, waiters::Waiters};
use crate::{
    config::Config,
    deadline::{Deadline, nanos},
    error::{Error, Fault},
    ledger::{Ledger, Stats, add},
    pool::Books,
    sync::Mutex,
    sys::System,
};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use csock_wire::{
    msg::{self, Body, HelloReply},
    stream::{Area, Bell},
};

/// How long the last message of a session may take.
const GOODBYE_PATIENCE: u64 = 1_000_000_000;
/// How long to wait before a request is repeated that the module had no place for, nanoseconds: at first, and at most.
const FIRST_PAUSE: u64 = 20_000;
const LONGEST_PAUSE: u64 = 2_000_000;

/// One session. Shared by everything that belongs to it; the last one to go ends it.
pub(crate) struct Core<S: System> {
    /// In an `Arc` so that a child process can let go of it without closing what is the parent's, and for the thread that
    /// watches the server.
    pub sys: Arc<S>,
    pub config: Config,
    pub mem: S::Mem,
    pub area: Area,
    pub hello: HelloReply,
    pub books: Mutex<Books, S>,
    pub buffers: Buffers<S>,
    pub waiters: Waiters<S>,
    pub ledger: Ledger,
    pub(super) bell: Bell<S::Mem>,
    /// Dropped after `mem`'s last use: fields go in order, and nothing uses the pool while a core is dropped.
    pub(super) mapping: Arc<S::Mapping>,
    /// The process that opened the session; a child's is another.
    pub(super) identity: u64,
    pub(super) failed: AtomicBool,
    /// The system lets this process send the server messages, but no pulses.
    pub(super) no_pulses: AtomicBool,
    pub(super) why: Mutex<Option<Error>, S>,
    /// A thread watches the server.
    pub(super) watched: AtomicBool,
    pub(super) watching: Mutex<bool, S>,
}

impl<S: System> Core<S> {
    /// True in a child of the process that opened the session.
    #[inline]
    pub(crate) fn is_foreign(&self) -> bool {
        self.sys.identity() != self.identity
    }

    /// The address of bytes of the pool. `None` where there are none: outside of it, and in a child.
    pub(crate) fn address(&self, offset: usize, len: usize) -> Option<*mut u8> {
        if self.is_foreign() {
            return None;
        }
        S::address(&self.mem, offset, len)
    }

    /// An error in a child of the process that opened the session.
    #[inline]
    pub(crate) fn check_process(&self) -> Result<(), Error> {
        if self.is_foreign() {
            Err(Error::Forked)
        } else {
            Ok(())
        }
    }

    /// Whether the session can be used: this process opened it, and the server has not failed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.check_process()?;
        self.check_server()
    }

    /// As [`Core::check_process`], for calls that take locks. [`Error::WouldBlock`] in a signal handler that interrupted this
    /// very thread while it held one: it would wait for itself.
    #[inline]
    pub(crate) fn begin(&self) -> Result<(), Error> {
        self.check_process()?;
        if S::is_locking() {
            Err(Error::WouldBlock)
        } else {
            Ok(())
        }
    }

    /// As [`Core::check`], for callers that have compared the process already.
    #[inline]
    pub(crate) fn check_server(&self) -> Result<(), Error> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(self.reason())
    }

    #[cold]
    fn reason(&self) -> Error {
        (*self.why.lock()).unwrap_or(Error::ServerGone)
    }

    /// As [`Core::check_server`], for receiving: what a server had delivered before it died is still there to read;
    /// from one that lies nothing more is taken.
    #[inline]
    pub(crate) fn check_reading(&self) -> Result<(), Error> {
        match self.check_server() {
            Err(Error::ServerGone | Error::ServerSilent) => Ok(()),
            other => other,
        }
    }

    /// Gives the server up, for good, and wakes everybody who waits for it. Returns the reason that counts: the first one.
    pub(crate) fn fail(&self, error: Error) -> Error {
        let first = *self.why.lock().get_or_insert(error);
        self.failed.store(true, Ordering::Release);
        self.waiters.wake_all();
        first
    }

    /// A protocol fault of the server.
    pub(crate) fn fault(&self, fault: impl Into<Fault>) -> Error {
        self.fail(Error::ServerFault(fault.into()))
    }

    /// Gives up on a server that broke the rules.
    #[inline]
    pub(crate) fn judge<T>(&self, result: Result<T, impl Into<Fault>>) -> Result<T, Error> {
        result.map_err(|fault| self.fault(fault))
    }

    /// One message that does not wait for the network. Signals do not end it, and a module that has no place for it now is
    /// asked again; both within one deadline, after which the module is given up.
    pub(crate) fn control<B: Body>(&self, socket: u32, body: &B) -> Result<B::Reply, Error> {
        let deadline = Deadline::after(self.sys.now(), self.config.control_timeout.map(nanos));
        loop {
            match self.ask(socket, body, deadline) {
                Err(Error::Interrupted) => {}
                Err(Error::TimedOut) => return Err(self.fail(Error::ServerSilent)),
                other => return other,
            }
        }
    }

    /// One message that may wait for the network. [`Error::Interrupted`], [`Error::TimedOut`] as they come.
    pub(crate) fn ask<B: Body>(&self, socket: u32, body: &B, deadline: Deadline) -> Result<B::Reply, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.ask_once(socket, body, (&[], &mut []), deadline) {
                Err(Error::Busy) => self.pause(&mut pause),
                other => return other,
            }
        }
    }

    /// As [`Core::ask`], with bytes behind the body and room behind the reply's, and "repeat" told as [`Error::Busy`].
    pub(crate) fn ask_once<B: Body>(
        &self,
        socket: u32,
        body: &B,
        parts: (&[u8], &mut [u8]),
        deadline: Deadline,
    ) -> Result<B::Reply, Error> {
        self.check_server()?;
        let left = match deadline {
            Deadline::NEVER => None,
            deadline => deadline.remaining(self.sys.now())?,
        };
        add(&self.ledger.control_msgs, 1);
        match exchange(&*self.sys, self.hello.session, socket, body, parts, left) {
            Err(error) if error.is_final() => Err(self.fail(error)),
            other => other,
        }
    }

    /// Between two tries of a request.
    pub(crate) fn pause(&self, pause: &mut u64) {
        self.sys.pause((*pause).max(FIRST_PAUSE));
        *pause = pause.saturating_mul(2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
    }

    /// Both halves of the ledger.
    pub(crate) fn stats(&self) -> Result<Stats, Error> {
        self.begin()?;
        self.check_server()?;
        let reply = self.control(0, &msg::Stats {})?;
        Ok(Stats {
            mine: reply.mine,
            total: reply.total,
            client: self.ledger.snapshot(),
        })
    }
}

impl<S: System> Drop for Core<S> {
    fn drop(&mut self) {
        if self.is_foreign() {
            // Numbers of connections and addresses of mappings mean something else in a child, if anything.
            core::mem::forget((Arc::clone(&self.sys), Arc::clone(&self.mapping)));
            self.waiters.forget();
            return;
        }
        if self.check_server().is_ok() {
            // The server finds out by itself when the connection goes; this only makes it sooner, and ends the thread that
            // watches.
            let parts: (&[u8], &mut [u8]) = (&[], &mut []);
            let patience = Some(GOODBYE_PATIENCE);
            let _ = exchange(
                &*self.sys,
                self.hello.session,
                0,
                &msg::Goodbye {},
                parts,
                patience,
            );
        }
    }
}

impl<S: System> core::fmt::Debug for Core<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("session", &self.hello.session)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
