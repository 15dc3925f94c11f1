//! The heart of a session: the connection, the pool, the ledger, and the one place where a server is given up.

use crate::{
    config::Config,
    deadline::{Deadline, nanos},
    error::{Error, Fault},
    ledger::{Ledger, Stats, add},
    num::widen,
    pool::{Books, Plan},
    sync::Mutex,
    sys::{CallError, Shared, System},
};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use csock_wire::{
    DescLimits, WireErrno,
    msg::{self, Body, Hello, HelloReply, MAX_REPLY_LEN, MAX_REQUEST_LEN, Wait, WaitReply},
};

/// How long the last message of a session may take.
const GOODBYE_PATIENCE: u64 = 1_000_000_000;
/// How long to wait before a request is repeated that the module had no place for, nanoseconds: at first, and at most.
const FIRST_PAUSE: u64 = 20_000;
const LONGEST_PAUSE: u64 = 2_000_000;

/// One session. Shared by everything that belongs to it; the last one to go ends it.
pub(crate) struct Core<S: System> {
    /// In an `Arc` so that a child process can let go of it without closing what is the parent's.
    pub sys: Arc<S>,
    pub config: Config,
    pub mem: S::Mem,
    pub limits: DescLimits,
    pub hello: HelloReply,
    pub books: Mutex<Books>,
    pub ledger: Ledger,
    /// Dropped after `mem`'s last use: fields go in order, and nothing uses the pool while a core is dropped.
    mapping: Arc<S::Mapping>,
    /// The process that opened the session; a child's is another.
    identity: u64,
    failed: AtomicBool,
    /// The system lets this process send the server messages, but no pulses.
    no_pulses: AtomicBool,
    why: Mutex<Option<Error>>,
}

impl<S: System> Core<S> {
    /// Says hello and hands a pool over.
    pub(crate) fn open(sys: S, config: Config) -> Result<Arc<Self>, Error> {
        config.check()?;
        let hello = hello(&sys, &config)?;
        let plan = Plan::new(&config, hello.max_ring_capacity)?;
        if widen(plan.len) > hello.max_pool_bytes {
            return Err(Error::Invalid {
                what: "pool_bytes",
                value: widen(plan.len),
                allowed: hello.max_pool_bytes,
            });
        }
        let longest = config.rx_buffer_len.max(config.tx_piece);
        if longest > hello.max_desc_len {
            let what = if config.rx_buffer_len == longest {
                "rx_buffer_len"
            } else {
                "tx_piece"
            };
            return Err(Error::Invalid {
                what,
                value: longest.into(),
                allowed: hello.max_desc_len.into(),
            });
        }
        let books = Books::new(plan, config.max_sockets)?;
        let Shared { mem, handle, mapping } = sys.share(plan.len).map_err(system_error)?;
        plan.header()
            .write(&mem)
            .map_err(|e| Error::ServerFault(e.into()))?;
        let core = Self {
            identity: sys.identity(),
            sys: Arc::new(sys),
            config,
            mem,
            limits: DescLimits {
                data_offset: widen(plan.data_offset),
                pool_len: widen(plan.len),
                max_len: hello.max_desc_len,
            },
            hello,
            books: Mutex::new(books),
            ledger: Ledger::default(),
            mapping: Arc::new(mapping),
            failed: AtomicBool::new(false),
            no_pulses: AtomicBool::new(false),
            why: Mutex::new(None),
        };
        // Counts the hello.
        add(&core.ledger.control_msgs, 1);
        core.control(
            0,
            &msg::PoolAttach {
                handle,
                size: widen(plan.len),
            },
        )?;
        Ok(Arc::new(core))
    }

    /// True in a child of the process that opened the session.
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
    pub(crate) fn check_process(&self) -> Result<(), Error> {
        if self.is_foreign() {
            Err(Error::Forked)
        } else {
            Ok(())
        }
    }

    /// Whether the session can be used: this process opened it, and the server has not failed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_foreign() {
            return Err(Error::Forked);
        }
        self.check_server()
    }

    /// As [`Core::check`], for callers that have compared the process already.
    pub(crate) fn check_server(&self) -> Result<(), Error> {
        if !self.failed.load(Ordering::Acquire) {
            return Ok(());
        }
        Err((*self.why.lock()).unwrap_or(Error::ServerGone))
    }

    /// As [`Core::check_server`], for receiving: what a server had delivered before it died is still there to read;
    /// from one that lies nothing more is taken.
    pub(crate) fn check_reading(&self) -> Result<(), Error> {
        match self.check_server() {
            Err(Error::ServerGone | Error::ServerSilent) => Ok(()),
            other => other,
        }
    }

    /// Gives the server up, for good. Returns the reason that counts: the first one.
    pub(crate) fn fail(&self, error: Error) -> Error {
        let first = *self.why.lock().get_or_insert(error);
        self.failed.store(true, Ordering::Release);
        first
    }

    /// A protocol fault of the server.
    pub(crate) fn fault(&self, fault: impl Into<Fault>) -> Error {
        self.fail(Error::ServerFault(fault.into()))
    }

    /// One message that does not wait for the network. Signals do not end it, and a module that has no place for it now is
    /// asked again; both within one deadline, after which the module is given up.
    pub(crate) fn control<B: Body>(&self, socket: u32, body: &B) -> Result<B::Reply, Error> {
        let patience = self.config.control_timeout.map(nanos);
        let deadline = Deadline::after(self.sys.now(), patience);
        let mut left = patience;
        loop {
            match self.send_with_place(socket, body, left, deadline) {
                Err(Error::Interrupted) => {}
                Err(Error::TimedOut) => return Err(self.fail(Error::ServerSilent)),
                other => return other,
            }
            left = match deadline.remaining(self.sys.now()) {
                Ok(left) => left,
                Err(_) => return Err(self.fail(Error::ServerSilent)),
            };
        }
    }

    /// Parks this thread in the module until an event holds. [`Error::Interrupted`], [`Error::TimedOut`] as they come.
    pub(crate) fn wait(&self, socket: u32, wait: &Wait, deadline: Deadline) -> Result<WaitReply, Error> {
        add(&self.ledger.waits, 1);
        let left = match deadline {
            Deadline::NEVER => None,
            deadline => deadline.remaining(self.sys.now())?,
        };
        self.send_with_place(socket, wait, left, deadline)
    }

    /// One message, repeated while the module has no place for it.
    fn send_with_place<B: Body>(
        &self,
        socket: u32,
        body: &B,
        mut left: Option<u64>,
        deadline: Deadline,
    ) -> Result<B::Reply, Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.send(socket, body, left) {
                // A number of its own, since "would block" may be the program's own answer.
                Err(Error::Refused(refusal)) if refusal.error == WireErrno::EREPEAT => {}
                other => return other,
            }
            self.sys.pause(pause);
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
            left = deadline.remaining(self.sys.now())?;
        }
    }

    fn send<B: Body>(&self, socket: u32, body: &B, patience: Option<u64>) -> Result<B::Reply, Error> {
        self.check_server()?;
        add(&self.ledger.control_msgs, 1);
        match exchange(&*self.sys, self.hello.session, socket, body, patience) {
            Err(error) if error.is_final() => Err(self.fail(error)),
            other => other,
        }
    }

    /// Rings for `socket`. False: it did not get through; ask again at the next occasion.
    ///
    /// Where a pulse cannot go a message can: any request about the socket makes the module look at its rings.
    pub(crate) fn ring(&self, socket: u32) -> bool {
        if !self.no_pulses.load(Ordering::Relaxed) {
            match self.sys.doorbell(socket) {
                Ok(()) => {
                    add(&self.ledger.doorbells_sent, 1);
                    return true;
                }
                Err(CallError::Gone) => {
                    self.fail(Error::ServerGone);
                    return true;
                }
                // No room: this time by message.
                Err(CallError::Busy) => {}
                // ON-TARGET: pulses to another user's process need the ability CONNECTION, messages do not.
                Err(_) => self.no_pulses.store(true, Ordering::Relaxed),
            }
        }
        match self.control(socket, &msg::GetSockName {}) {
            // Refused or not: the module had its look.
            Ok(_) | Err(Error::Refused(_)) => {
                add(&self.ledger.doorbells_sent, 1);
                true
            }
            Err(error) => error.is_final(),
        }
    }

    /// Both halves of the ledger.
    pub(crate) fn stats(&self) -> Result<Stats, Error> {
        self.check()?;
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
            return;
        }
        if self.check_server().is_ok() {
            // The server finds out by itself when the connection goes; this only makes it sooner.
            let _ = exchange(
                &*self.sys,
                self.hello.session,
                0,
                &msg::Goodbye {},
                Some(GOODBYE_PATIENCE),
            );
        }
    }
}

impl<S: System> core::fmt::Debug for Core<S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Session")
            .field("session", &self.hello.session)
            .field("books", &self.books)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// The first message, and what its answer must look like.
fn hello<S: System>(sys: &S, config: &Config) -> Result<HelloReply, Error> {
    let deadline = Deadline::after(sys.now(), config.control_timeout.map(nanos));
    let reply = loop {
        let left = deadline.remaining(sys.now()).map_err(|_| Error::ServerSilent)?;
        match exchange(sys, 0, 0, &Hello::THIS, left) {
            Err(Error::Interrupted) => {}
            Err(Error::TimedOut) => return Err(Error::ServerSilent),
            other => break other?,
        }
    };
    let must = |holds: bool, what, value| {
        if holds {
            Ok(())
        } else {
            Err(Error::ServerFault(Fault::Reply { what, value }))
        }
    };
    let spoken = Hello::THIS.min_version..=Hello::THIS.max_version;
    must(spoken.contains(&reply.version), "version", reply.version.into())?;
    must(reply.session != 0, "session", reply.session.into())?;
    must(reply.max_desc_len != 0, "max_desc_len", reply.max_desc_len.into())?;
    must(
        reply.max_ring_capacity >= 2,
        "max_ring_capacity",
        reply.max_ring_capacity.into(),
    )?;
    Ok(reply)
}

/// One message and its answer.
fn exchange<S: System, B: Body>(
    sys: &S,
    session: u32,
    socket: u32,
    body: &B,
    patience: Option<u64>,
) -> Result<B::Reply, Error> {
    let short = Error::ServerFault(Fault::Reply {
        what: "length",
        value: 0,
    });
    let mut request = [0; MAX_REQUEST_LEN];
    let request = msg::encode_request(session, socket, body, &mut request).ok_or(short)?;
    // MsgSend does not say how much of the reply the server wrote. Bytes that it left out must not look like success.
    let mut reply = [0xFF; MAX_REPLY_LEN];
    let reply = reply.get_mut(..B::KIND.reply_len()).ok_or(short)?;
    sys.call(request, reply, patience).map_err(system_error)?;
    msg::parse_reply::<B>(reply).map_err(Error::from_refusal)
}

fn system_error(error: CallError) -> Error {
    match error {
        CallError::Gone => Error::ServerGone,
        CallError::Interrupted => Error::Interrupted,
        CallError::TimedOut => Error::TimedOut,
        CallError::Busy => Error::System(WireErrno::EAGAIN.to_qnx()),
        CallError::Errno(errno) => Error::System(errno),
    }
}
