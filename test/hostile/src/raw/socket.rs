//! Requests about a socket.

use super::{Session, Sleeper, Stream, Trouble, words};
use csock_wire::{
    SharedMem, SockAddr, SockOpt, WireErrno,
    msg::{self, ConnectReply, NO_BLOCK, SOCK_STREAM},
    sockaddr::AF_INET,
    stream::{Block, State, Waiting, wait_value},
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A socket of the module's. Dropping it closes it, at the position that [`Socket::committed`] says.
#[derive(Debug)]
pub struct Socket {
    session: Arc<Session>,
    /// The handle.
    pub handle: u32,
    block: Option<(u32, Block)>,
    /// Bytes committed to it.
    pub committed: AtomicU64,
    waits: AtomicU64,
    /// Memory that its bytes may still lie in.
    pub(super) chunks: Mutex<Vec<u64>>,
    closed: bool,
}

impl Socket {
    fn adopt(session: &Arc<Session>, handle: u32, block: Option<(u32, Block)>) -> Self {
        Self {
            session: Arc::clone(session),
            handle,
            block,
            committed: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            chunks: Mutex::new(Vec::new()),
            closed: false,
        }
    }

    /// A TCP socket with a block.
    pub fn new(session: &Arc<Session>) -> Result<Self, Trouble> {
        let (index, block) = session.take_block()?;
        match session.ask(0, &Self::request(index)) {
            Ok(reply) => Ok(Self::adopt(session, reply.socket, Some((index, block)))),
            Err(trouble) => {
                session.leave_block(index, None);
                Err(trouble)
            }
        }
    }

    /// A TCP socket that goes by messages.
    pub fn without_block(session: &Arc<Session>) -> Result<Self, Trouble> {
        let reply = session.ask(0, &Self::request(NO_BLOCK))?;
        Ok(Self::adopt(session, reply.socket, None))
    }

    /// The message that makes a socket.
    #[must_use]
    pub fn request(block: u32) -> msg::Socket {
        msg::Socket {
            domain: AF_INET,
            kind: SOCK_STREAM,
            protocol: 0,
            reserved: 0,
            block,
            reserved_end: 0,
        }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Number and place of its block.
    #[must_use]
    pub fn block(&self) -> Option<(u32, Block)> {
        self.block
    }

    /// The state that the module shows.
    pub fn state(&self) -> Result<State, Trouble> {
        let (_, block) = self.block.ok_or(Trouble::Wrong("no block, no state"))?;
        let word = self.session.pool().mem().load_word(words::of(block, "state"))?;
        Ok(State::from_bits_retain(word))
    }

    /// Binds to `addr`; what it is bound to.
    pub fn bind(&self, addr: SocketAddr) -> Result<SocketAddr, Trouble> {
        let addr = SockAddr::from(addr);
        address(self.session.ask(self.handle, &msg::Bind { addr })?.addr)
    }

    /// Listens.
    pub fn listen(&self, backlog: i32) -> Result<(), Trouble> {
        self.session
            .ask(self.handle, &msg::Listen { backlog, reserved: 0 })
            .map(|_| ())
    }

    /// Binds to any port of the loopback interface, and listens.
    pub fn listen_anywhere(&self) -> Result<SocketAddr, Trouble> {
        let addr = self.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        self.listen(64)?;
        Ok(addr)
    }

    /// Where it is bound.
    pub fn local(&self) -> Result<SocketAddr, Trouble> {
        address(self.session.ask(self.handle, &msg::GetSockName {})?.addr)
    }

    /// Sets an option that is one number.
    pub fn set(&self, option: SockOpt, number: i32) -> Result<(), Trouble> {
        let (level, name) = option.to_wire();
        let mut value = [0; 16];
        value[..4].copy_from_slice(&number.to_le_bytes());
        let body = msg::SetSockOpt {
            level,
            name,
            len: option.value_len(),
            reserved: 0,
            after: self.committed.load(Ordering::Relaxed),
            value,
        };
        self.session.ask(self.handle, &body).map(|_| ())
    }

    /// Begins to connect. True: connected.
    pub fn begin_connect(&self, addr: SocketAddr) -> Result<bool, Trouble> {
        let addr = SockAddr::from(addr);
        let reply = self.session.ask(self.handle, &msg::Connect { addr })?;
        Ok(reply.state == ConnectReply::CONNECTED)
    }

    /// Connects, and waits for the outcome.
    pub fn connect(self, addr: SocketAddr, sleeper: &Sleeper) -> Result<Stream, Trouble> {
        if !self.begin_connect(addr)? {
            let over = |state: State| state.intersects(State::CONNECTED | State::REFUSED | State::DEAF);
            let found = |socket: &Self| socket.state().map(over);
            if !self.wait(Waiting::Room, sleeper, Duration::from_secs(10), found)? {
                return Err(Trouble::Wrong("a connect that does not end"));
            }
        }
        let state = self.state()?;
        if state.contains(State::REFUSED) {
            return Err(Trouble::Refused(csock_wire::Refusal::bare(state.error())));
        }
        Stream::new(self)
    }

    /// Accepts, waiting for `limit`.
    pub fn accept(&self, sleeper: &Sleeper, limit: Duration) -> Result<Stream, Trouble> {
        let (_, listener) = self
            .block
            .ok_or(Trouble::Wrong("a listener without a block cannot sleep"))?;
        let announced = |socket: &Self| -> Result<u64, Trouble> {
            let mem = socket.session.pool().mem();
            Ok(mem.load_word(words::of(listener, "ready"))?)
        };
        let end = Instant::now() + limit;
        loop {
            let seen = announced(self)?;
            match self.try_accept() {
                Err(trouble) if trouble.is(WireErrno::EAGAIN) => {}
                Ok(socket) => return Stream::new(socket),
                Err(trouble) => return Err(trouble),
            }
            let left = end.saturating_duration_since(Instant::now());
            let came = |socket: &Self| Ok(announced(socket)? != seen);
            if !self.wait(Waiting::Data, sleeper, left, came)? {
                return Err(Trouble::Wrong("nobody connected"));
            }
        }
    }

    /// Accepts who waits.
    pub fn try_accept(&self) -> Result<Self, Trouble> {
        let (index, block) = self.session.take_block()?;
        let body = msg::Accept {
            block: index,
            reserved: 0,
        };
        match self.session.ask(self.handle, &body) {
            Ok(reply) => Ok(Self::adopt(&self.session, reply.socket, Some((index, block)))),
            Err(trouble) => {
                self.session.leave_block(index, None);
                Err(trouble)
            }
        }
    }

    /// Arms a wait word and sleeps until `found`. False: not within `limit`.
    pub fn wait(
        &self,
        waiting: Waiting,
        sleeper: &Sleeper,
        limit: Duration,
        mut found: impl FnMut(&Self) -> Result<bool, Trouble>,
    ) -> Result<bool, Trouble> {
        let (_, block) = self.block.ok_or(Trouble::Wrong("no block, no wait"))?;
        let mem = self.session.pool().mem();
        let end = Instant::now() + limit;
        let mut woken = true;
        let outcome = loop {
            let number = self.waits.fetch_add(1, Ordering::Relaxed) + 1;
            waiting.arm(&mem, block, wait_value(number, sleeper.slot()))?;
            match found(self) {
                Ok(false) if !woken => break Ok(false),
                Ok(true) if !woken => break Err(Trouble::Wrong("it came, and nobody woke us")),
                Ok(false) => {}
                other => break other,
            }
            match sleeper.sleep(end.saturating_duration_since(Instant::now())) {
                Ok(posted) => woken = posted,
                Err(trouble) => break Err(trouble),
            }
        };
        waiting.disarm(&mem, block)?;
        outcome
    }

    /// Sends by message, at position `after`.
    pub fn send_by_message(&self, after: u64, bytes: &[u8], flags: u32) -> Result<u32, Trouble> {
        let body = msg::Send {
            after,
            len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            flags,
        };
        let wire = self.session.control();
        let limit = Duration::from_secs(20);
        let reply = wire.with_data(self.session.id(), self.handle, &body, bytes, &mut [], limit)?;
        Ok(reply.len)
    }

    /// Receives by message, having seen `seen` entries.
    pub fn receive_by_message(&self, seen: u64, room: &mut [u8], flags: u32) -> Result<u32, Trouble> {
        let body = msg::Recv {
            seen,
            len: u32::try_from(room.len()).unwrap_or(u32::MAX),
            flags,
        };
        let wire = self.session.control();
        let limit = Duration::from_secs(20);
        let reply = wire.with_data(self.session.id(), self.handle, &body, &[], room, limit)?;
        Ok(reply.len)
    }

    /// Shuts one direction or both down, behind what was committed.
    pub fn shutdown(&self, how: u32) -> Result<(), Trouble> {
        let body = msg::Shutdown {
            how,
            reserved: 0,
            after: self.committed.load(Ordering::Relaxed),
        };
        self.session.ask(self.handle, &body).map(|_| ())
    }

    /// Closes, behind what was committed.
    pub fn close(mut self) -> Result<(), Trouble> {
        self.end()
    }

    fn end(&mut self) -> Result<(), Trouble> {
        if std::mem::replace(&mut self.closed, true) {
            return Ok(());
        }
        let after = self.committed.load(Ordering::Relaxed);
        let closed = self.session.ask(self.handle, &msg::Close { after });
        if let Some((index, _)) = self.block {
            let chunks = std::mem::take(&mut *self.chunks.lock().expect("no panic while it is held"));
            self.session.leave_block(index, Some(chunks));
        }
        closed.map(|_| ())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

fn address(addr: SockAddr) -> Result<SocketAddr, Trouble> {
    addr.to_socket_addr()
        .ok_or(Trouble::Wrong("an address of no family"))
}
