//! Making sockets, connecting, listening, accepting.

use super::{
    Phase, Rings, Socket,
    patience::Patience,
    wait::{Direction, timed_out_would_block},
};
use crate::{
    deadline::nanos,
    error::{Error, Fault},
    num::length,
    pool::{BlockSpan, GRANULE},
    session_core::Core,
    sys::System,
};
use alloc::sync::Arc;
use core::{net::SocketAddr, time::Duration};
use csock_wire::{
    RingBlockGeometry, SockAddr,
    msg::{self, ConnectReply, Events, SOCK_STREAM, Wait},
    sockaddr::{AF_INET, AF_INET6},
};

/// What every connected socket keeps of the pool for its own small writes, bytes.
const RESERVE: usize = 16 * GRANULE;

/// Rings that no socket has yet, with their block.
struct Prepared<'a, S: System> {
    core: &'a Core<S>,
    rings: Option<(Rings<S>, BlockSpan)>,
}

impl<'a, S: System> Prepared<'a, S> {
    fn new(core: &'a Core<S>) -> Result<Self, Error> {
        let block = core.books.lock().alloc_block(&core.mem)?;
        match Rings::new(core, &block) {
            Ok(rings) => Ok(Self {
                core,
                rings: Some((rings, block)),
            }),
            Err(error) => {
                core.books.lock().free_block(block);
                Err(error)
            }
        }
    }

    fn geometry(&self) -> RingBlockGeometry {
        self.rings
            .as_ref()
            .map_or(RingBlockGeometry::NONE, |(_, block)| block.geometry)
    }

    /// Receive buffers and the send reserve.
    fn stock(&self) -> Result<(), Error> {
        match &self.rings {
            Some((rings, _)) => rings.stock(self.core),
            None => Ok(()),
        }
    }

    /// The module has taken them.
    fn taken(mut self) -> Option<Rings<S>> {
        let (rings, block) = self.rings.take()?;
        *rings.block.lock() = Some(block);
        Some(rings)
    }
}

impl<S: System> Drop for Prepared<'_, S> {
    /// The module has not taken them: everything is free at once. Unless the session has failed, when nobody knows.
    fn drop(&mut self) {
        let Some((rings, block)) = self.rings.take() else {
            return;
        };
        if self.core.check().is_err() {
            return;
        }
        let books = &self.core.books;
        let mut spans = alloc::vec::Vec::new();
        rings.tx().retire(books, &mut spans);
        rings.rx().retire(books, &mut spans);
        let mut books = books.lock();
        for span in spans {
            books.free(span);
        }
        books.free_block(block);
    }
}

impl<S: System> Rings<S> {
    /// Gives the rings receive buffers and the send reserve, as far as they have none.
    fn stock(&self, core: &Core<S>) -> Result<(), Error> {
        let mut tx = self.tx();
        if !tx.has_reserve() {
            let len = RESERVE.min(length(core.limits.max_len));
            let span = core.books.lock().alloc(&core.mem, len)?;
            tx.keep_reserve(span);
        }
        drop(tx);
        self.rx().stock(&core.books)
    }
}

impl<S: System> Socket<S> {
    /// A TCP socket. With `rings` it can connect, without it can only listen.
    pub(crate) fn stream(core: &Arc<Core<S>>, v6: bool, rings: bool) -> Result<Self, Error> {
        core.check()?;
        let prepared = if rings { Some(Prepared::new(core)?) } else { None };
        let body = msg::Socket {
            domain: if v6 { AF_INET6 } else { AF_INET },
            kind: SOCK_STREAM,
            protocol: 0,
            reserved: 0,
            rings: prepared
                .as_ref()
                .map_or(RingBlockGeometry::NONE, Prepared::geometry),
        };
        let reply = core.control(0, &body)?;
        let rings = prepared.and_then(Prepared::taken);
        // INVARIANT: from here on the socket closes itself.
        let this = Self::with(Arc::clone(core), reply.socket, rings, Phase::Fresh);
        this.known_handle()?;
        Ok(this)
    }

    fn known_handle(&self) -> Result<(), Error> {
        if self.id != 0 {
            return Ok(());
        }
        Err(self.core.fault(Fault::Reply {
            what: "socket",
            value: 0,
        }))
    }

    /// bind(2). Returns the address that it got.
    pub(crate) fn bind(&self, addr: SocketAddr) -> Result<SocketAddr, Error> {
        self.check()?;
        let reply = self.core.control(
            self.id,
            &msg::Bind {
                addr: SockAddr::from(addr),
            },
        )?;
        self.addr_of(&reply.addr)
    }

    /// listen(2). Rings, if there are any, go back to the pool: a listener moves no data.
    pub(crate) fn listen(&self, backlog: i32) -> Result<(), Error> {
        self.check()?;
        self.core
            .control(self.id, &msg::Listen { backlog, reserved: 0 })?;
        self.enter(Phase::Listening);
        self.retire_rings();
        Ok(())
    }

    /// connect(2). Waits until the connection is there, fails, `timeout` is over, or a signal comes; after a signal the connection
    /// is still being made. On a socket that does not block: [`Error::InProgress`] unless it is there at once.
    #[cfg(any(feature = "capi", test))]
    pub(crate) fn connect(&self, addr: SocketAddr, timeout: Option<Duration>) -> Result<(), Error> {
        self.connect_within(addr, &mut Patience::of(timeout.map(nanos)))
    }

    /// connect(2) as Rust's programs expect it: signals do not end the wait.
    pub(crate) fn connect_through_signals(
        &self,
        addr: SocketAddr,
        timeout: Option<Duration>,
    ) -> Result<(), Error> {
        let mut patience = Patience::of(timeout.map(nanos));
        let mut result = self.connect_within(addr, &mut patience);
        while result == Err(Error::Interrupted) {
            result = self.wait_connected(&mut patience);
        }
        result
    }

    fn connect_within(&self, addr: SocketAddr, patience: &mut Patience) -> Result<(), Error> {
        self.check()?;
        self.core.check_server()?;
        if let (Phase::Fresh, Some(rings)) = (self.phase(), &self.rings) {
            // Before the connection is there: no doorbell, and data can flow at once. A connection that does not
            // come about leaves them posted for the next attempt; the module looks at them when there is one.
            rings.stock(&self.core)?;
        }
        // In any other phase the module knows the right refusal.
        let reply = self.core.control(
            self.id,
            &msg::Connect {
                addr: SockAddr::from(addr),
            },
        )?;
        *self.peer.lock() = Some(addr);
        match reply.state {
            ConnectReply::CONNECTED => {
                self.enter(Phase::Connected);
                return Ok(());
            }
            ConnectReply::IN_PROGRESS => self.enter(Phase::Connecting),
            value => {
                return Err(self.core.fault(Fault::Reply {
                    what: "state",
                    value: value.into(),
                }));
            }
        }
        if self.is_nonblocking() {
            return Err(Error::InProgress);
        }
        self.wait_connected(patience)
    }

    fn wait_connected(&self, patience: &mut Patience) -> Result<(), Error> {
        let wait = Wait {
            events: Events::CONNECTED.bits(),
            seen_sq: 0,
            seen_cq: 0,
            seen_rq: 0,
        };
        loop {
            match self.park(Direction::Writing, &wait, patience) {
                Ok(events) if events.contains(Events::CONNECTED) => {
                    self.enter(Phase::Connected);
                    return Ok(());
                }
                Ok(_) => {}
                Err(error @ (Error::TimedOut | Error::Interrupted)) => return Err(error),
                Err(error) => {
                    self.enter(Phase::Dead);
                    return Err(error);
                }
            }
        }
    }

    /// A connect that was left in progress: is it there? Waits for it as far as the call is patient.
    pub(super) fn finish_connect(&self, patience: &mut Patience) -> Result<(), Error> {
        if patience.may_wait {
            return self.wait_connected(patience);
        }
        let Some(rings) = &self.rings else {
            return Err(Error::NotConnected);
        };
        // A question that is answered at once, since it asks for old news as well.
        let seen_sq = self.judge(rings.tx().seen())?.sq.wrapping_sub(1);
        let events = Events::CONNECTED.union(Events::TX_SPACE);
        let wait = Wait {
            events: events.bits(),
            seen_sq,
            seen_cq: 0,
            seen_rq: 0,
        };
        match self.poll(&wait) {
            Ok(events) if events.contains(Events::CONNECTED) => {
                self.enter(Phase::Connected);
                Ok(())
            }
            Ok(_) | Err(Error::Interrupted) => Err(Error::WouldBlock),
            Err(error) => {
                self.enter(Phase::Dead);
                Err(error)
            }
        }
    }

    /// accept(2): the next connection and its peer.
    pub(crate) fn accept(&self) -> Result<(Self, SocketAddr), Error> {
        let mut patience = self.patience(Direction::Reading, false);
        loop {
            self.check()?;
            self.core.check_server()?;
            if self.phase() != Phase::Listening {
                return Err(Error::Invalid {
                    what: "state",
                    value: 0,
                    allowed: 0,
                });
            }
            match self.try_accept() {
                Err(Error::WouldBlock) if patience.may_wait => {}
                Err(error) => return Err(self.check().err().unwrap_or(error)),
                accepted => return accepted,
            }
            let wait = Wait {
                events: Events::ACCEPTABLE.bits(),
                seen_sq: 0,
                seen_cq: 0,
                seen_rq: 0,
            };
            self.park(Direction::Reading, &wait, &mut patience)
                .map_err(timed_out_would_block)?;
        }
    }

    fn try_accept(&self) -> Result<(Self, SocketAddr), Error> {
        let _one_at_a_time = self.accepting.lock();
        // Stocked before the module sees the rings: no doorbell, and data can flow at once.
        let prepared = Prepared::new(&self.core)?;
        prepared.stock()?;
        let reply = self.core.control(
            self.id,
            &msg::Accept {
                rings: prepared.geometry(),
            },
        )?;
        let this = Self::with(
            Arc::clone(&self.core),
            reply.socket,
            prepared.taken(),
            Phase::Connected,
        );
        this.known_handle()?;
        let peer = this.addr_of(&reply.peer)?;
        *this.peer.lock() = Some(peer);
        Ok((this, peer))
    }

    /// An address from the server.
    pub(super) fn addr_of(&self, addr: &SockAddr) -> Result<SocketAddr, Error> {
        let bad = Fault::Reply {
            what: "address family",
            value: addr.family.into(),
        };
        addr.to_socket_addr().ok_or_else(|| self.core.fault(bad))
    }
}
