//! Making sockets, connecting, listening, accepting.

use super::{
    Phase, Socket,
    half::Step,
    patience::Patience,
    wait::{Wakes, timed_out_would_block},
};
use crate::{
    deadline::nanos,
    error::{Error, Fault},
    pool::BlockInUse,
    session::Core,
    sys::System,
};
use alloc::sync::Arc;
use core::{cell::Cell, net::SocketAddr, time::Duration};
use csock_wire::{
    SockAddr,
    msg::{self, ConnectReply, Events, NO_BLOCK, SOCK_STREAM},
    sockaddr::{AF_INET, AF_INET6},
    stream::{State, Waiting},
};

/// A block that no socket of the module's has yet. Dropping it gives it back, unless the session has failed, when nobody
/// knows.
struct Prepared<'a, S: System> {
    core: &'a Core<S>,
    block: Option<BlockInUse>,
}

impl<'a, S: System> Prepared<'a, S> {
    /// A block, or none when all are in use: then the socket goes by messages.
    fn new(core: &'a Core<S>) -> Result<Self, Error> {
        let block = core.books.lock().alloc_block(&core.mem)?;
        Ok(Self { core, block })
    }

    fn index(&self) -> u32 {
        self.block.as_ref().map_or(NO_BLOCK, |block| block.index)
    }
}

impl<S: System> Drop for Prepared<'_, S> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take()
            && self.core.check().is_ok()
        {
            self.core.books.lock().free_block(block);
        }
    }
}

/// Where an accept is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Try {
    /// The module is to be asked.
    Ask,
    /// It is being asked.
    Asking,
    /// It said that nobody is there.
    Wait,
}

impl<S: System> Socket<S> {
    /// A TCP socket.
    pub(crate) fn stream(core: &Arc<Core<S>>, v6: bool) -> Result<Self, Error> {
        core.begin()?;
        core.check_server()?;
        let mut prepared = Prepared::new(core)?;
        let body = msg::Socket {
            domain: if v6 { AF_INET6 } else { AF_INET },
            kind: SOCK_STREAM,
            protocol: 0,
            reserved: 0,
            block: prepared.index(),
            reserved_end: 0,
        };
        let reply = core.control(0, &body)?;
        // INVARIANT: from here on the socket closes itself.
        let this = Self::with(core, reply.socket, prepared.block.take(), Phase::Fresh);
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
        self.begin()?;
        let reply = self.core.control(
            self.id,
            &msg::Bind {
                addr: SockAddr::from(addr),
            },
        )?;
        self.addr_of(&reply.addr)
    }

    /// listen(2).
    pub(crate) fn listen(&self, backlog: i32) -> Result<(), Error> {
        self.begin()?;
        self.core
            .control(self.id, &msg::Listen { backlog, reserved: 0 })?;
        self.enter(Phase::Listening);
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
        self.begin()?;
        // In any wrong phase the module knows the right refusal.
        let reply = self.core.control(
            self.id,
            &msg::Connect {
                addr: SockAddr::from(addr),
            },
        )?;
        *self.peer.lock() = Some(addr);
        self.told.store(false, core::sync::atomic::Ordering::Relaxed);
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

    /// A connect that was left in progress: is it there? Waits for it as far as the call is patient.
    pub(super) fn wait_connected(&self, patience: &mut Patience) -> Result<(), Error> {
        let asked = Cell::new(false);
        let wakes = Wakes {
            waiting: Waiting::Room,
            events: Events::CONNECTED,
            ..self.tx_wakes()
        };
        self.tx.in_turn(
            &self.core,
            &wakes,
            patience,
            |_| {
                self.core.check_server()?;
                let Some(state) = self.state()? else {
                    // No word tells: the module does, and the second look comes after it has said yes.
                    return Ok(if asked.replace(true) {
                        Step::Done(())
                    } else {
                        Step::Wait
                    });
                };
                if state.contains(State::REFUSED) {
                    return Err(self.tell(state.error()).unwrap_or(Error::ShutDown));
                }
                Ok(if state.contains(State::CONNECTED) {
                    Step::Done(())
                } else {
                    Step::Wait
                })
            },
            |_| {},
        )?;
        self.enter(Phase::Connected);
        Ok(())
    }

    /// accept(2): the next connection and its peer.
    pub(crate) fn accept(&self) -> Result<(Self, SocketAddr), Error> {
        self.begin()?;
        self.core.check_server()?;
        if self.phase() != Phase::Listening {
            return Err(Error::Invalid {
                what: "state",
                value: 0,
                allowed: 0,
            });
        }
        let mut patience = self.patience(&self.read_timeout, false);
        let answer: Cell<Option<Result<(Self, SocketAddr), Error>>> = Cell::new(None);
        let next = Cell::new(Try::Ask);
        // How many connections had been announced when the module was last asked.
        let seen = Cell::new(None);
        let wakes = Wakes {
            events: Events::ACCEPTABLE,
            ..self.rx_wakes()
        };
        let accepted = self.rx.in_turn(
            &self.core,
            &wakes,
            &mut patience,
            |rx| {
                if let Some(answer) = answer.take() {
                    return answer.map(Step::Done);
                }
                self.core.check_server()?;
                let announced = self.judged(rx.announced())?;
                match (next.get(), announced) {
                    // Nothing has come since the module said that nobody is there.
                    (Try::Wait, Some(_)) if seen.get() == announced => return Ok(Step::Wait),
                    // No word tells: one wait in the module between two questions.
                    (Try::Wait, None) => {
                        next.set(Try::Ask);
                        return Ok(Step::Wait);
                    }
                    _ => {}
                }
                seen.set(announced);
                next.set(Try::Asking);
                Ok(Step::More)
            },
            |_| {
                if next.get() != Try::Asking {
                    return;
                }
                next.set(Try::Wait);
                match self.try_accept() {
                    Err(Error::WouldBlock) => {}
                    other => answer.set(Some(other)),
                }
            },
        );
        accepted.map_err(timed_out_would_block)
    }

    fn try_accept(&self) -> Result<(Self, SocketAddr), Error> {
        let mut prepared = Prepared::new(&self.core)?;
        let reply = self.core.control(
            self.id,
            &msg::Accept {
                block: prepared.index(),
                reserved: 0,
            },
        )?;
        let this = Self::with(&self.core, reply.socket, prepared.block.take(), Phase::Connected);
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
