//! Control requests of one socket, as they run inside its turn. None blocks; what must wait is parked.

use super::{
    Arrival, BindingSetup, Body, Close, Phase, Request, Reservation, Sock,
    binding::Binding,
    round::Round,
    wait::{Wait, What},
};
use crate::{
    handle::Handle,
    machine::{How, OptValue, Platform, Stream},
    session::ParkPlace,
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Field, Refusal, SockAddr, SockOpt, WireErrno,
    msg::{self, AddrReply, ConnectReply, Empty, OptReply},
    stream::State,
};
use zerocopy::IntoBytes;

/// A checked request about one socket.
pub enum SocketRequest<P: Platform> {
    /// bind(2); the right to the port was checked.
    Bind(SockAddr),
    /// listen(2).
    Listen(i32),
    /// connect(2).
    Connect(SockAddr),
    /// accept(2).
    Accept {
        /// The slot of the new socket.
        child: Reservation<P>,
        /// The block of the new socket.
        setup: Option<BindingSetup<P>>,
    },
    /// shutdown(2).
    Shutdown {
        /// Which directions.
        how: How,
        /// What was committed before this position goes out first.
        after: u64,
    },
    /// getsockname(2).
    LocalAddr,
    /// getpeername(2).
    PeerAddr,
    /// What may take its time.
    Park(What, ParkPlace),
    /// setsockopt(2), at once.
    SetOption(SockOpt, OptValue),
    /// getsockopt(2).
    Option(SockOpt),
}

impl<P: Platform> Body<P> {
    /// Runs what was put before this turn.
    pub(super) fn requests(&mut self, round: &mut Round<'_, P>) {
        if let Some(arrival) = round.slot.take_arrival() {
            self.adopt(round, arrival);
        }
        // Bounded: who puts more than this in meanwhile also posts the bit again.
        for _ in 0..crate::limits::MAILBOX {
            match round.slot.take_request() {
                Some(request) => self.request(round, request),
                None => break,
            }
        }
        // Last: nothing is put behind a close.
        if let Some(Close { to, after, asked }) = round.slot.take_close() {
            if self.serves(round, to) {
                let closed = self.close(round, after);
                asked.grant::<msg::Close>(&closed);
            } else {
                asked.refuse(&Refusal::bare(WireErrno::EBADF));
            }
        }
    }

    /// A request to the life `to` of the slot can still be served.
    fn serves(&self, round: &Round<'_, P>, to: Handle) -> bool {
        self.phase != Phase::Vacant && self.closing.is_none() && round.slot.life.is(to)
    }

    fn adopt(&mut self, round: &mut Round<'_, P>, arrival: Arrival<P>) {
        let Arrival {
            stream,
            setup,
            peer,
            asked,
        } = arrival;
        if let Some(setup) = setup {
            round.effects.bound = Some(setup.index);
            self.binding.set(Binding::start(setup));
        }
        let socket = round.slot.life.raw();
        stream.watch(socket);
        if let Some((send, receive)) = round.slot.granted.to_tell() {
            for (option, size) in [(SockOpt::SndBuf, send), (SockOpt::RcvBuf, receive)] {
                let first = i32::try_from(size).unwrap_or(i32::MAX);
                // Refused by a connection that has ended already: it needs none.
                let _ = stream.set_option(option, OptValue { first, second: 0 });
            }
        }
        self.sock = Sock::Stream(stream);
        self.rx.hint = true;
        self.phase = if peer.is_some() {
            Phase::Connected
        } else {
            Phase::Fresh
        };
        if let (Phase::Connected, Some(binding)) = (self.phase, self.binding.as_mut()) {
            binding.set_state(|state| state | State::CONNECTED);
        }
        // Before the answer: whoever reads it may name the socket at once.
        round.slot.life.open();
        match peer {
            Some(peer) => asked.grant::<msg::Accept>(&msg::AcceptReply {
                socket,
                reserved: 0,
                peer,
            }),
            None => asked.grant::<msg::Socket>(&msg::SocketReply { socket, reserved: 0 }),
        }
    }

    fn request(&mut self, round: &mut Round<'_, P>, request: Request<P>) {
        let Request { to, request, asked } = request;
        // The control thread lets nothing through after a close; a request that was on its way ends here.
        if !self.serves(round, to) {
            return asked.refuse(&Refusal::bare(WireErrno::EBADF));
        }
        match request {
            SocketRequest::Bind(addr) => asked.answer::<msg::Bind>(self.bind(round, &addr)),
            SocketRequest::Listen(backlog) => asked.answer::<msg::Listen>(self.listen(round, backlog)),
            SocketRequest::Connect(addr) => asked.answer::<msg::Connect>(self.connect(&addr)),
            SocketRequest::Accept { child, setup } => self.accept(round, child, setup, asked),
            SocketRequest::Shutdown { how, after } => {
                asked.answer::<msg::Shutdown>(self.shutdown(how, after));
            }
            SocketRequest::LocalAddr => asked.answer::<msg::GetSockName>(self.local_addr()),
            SocketRequest::PeerAddr => asked.answer::<msg::GetPeerName>(self.peer_addr()),
            SocketRequest::Park(what, place) => self.park(round, Wait::new(what, asked, place)),
            SocketRequest::SetOption(option, value) => {
                asked.answer::<msg::SetSockOpt>(self.set_option(option, value));
            }
            SocketRequest::Option(option) => asked.answer::<msg::GetSockOpt>(self.option(round, option)),
        }
    }

    fn bind(&mut self, round: &Round<'_, P>, addr: &SockAddr) -> Result<AddrReply, Refusal> {
        let Sock::Stream(stream) = &self.sock else {
            return Err(self.wrong_state());
        };
        stream.bind(addr)?;
        let local = stream.local_addr()?;
        round.slot.bound.store(bound_key(&local), Ordering::Release);
        Ok(AddrReply { addr: local })
    }

    fn connect(&mut self, addr: &SockAddr) -> Result<ConnectReply, Refusal> {
        match self.phase {
            Phase::Fresh => {}
            Phase::Connecting => return Err(Refusal::bare(WireErrno::EALREADY)),
            Phase::Connected => return Err(Refusal::bare(WireErrno::EISCONN)),
            Phase::Listening => return Err(Refusal::bare(WireErrno::EOPNOTSUPP)),
            Phase::Failed | Phase::Vacant => return Err(self.wrong_state()),
        }
        let Sock::Stream(stream) = &self.sock else {
            return Err(self.wrong_state());
        };
        stream.connect(addr)?;
        self.phase = Phase::Connecting;
        let state = if stream.is_connected() {
            self.connected();
            ConnectReply::CONNECTED
        } else {
            ConnectReply::IN_PROGRESS
        };
        Ok(ConnectReply { state, reserved: 0 })
    }

    fn connected(&mut self) {
        self.phase = Phase::Connected;
        self.rx.hint = true;
        if let Some(binding) = self.binding.as_mut() {
            binding.set_state(|state| state | State::CONNECTED);
        }
    }

    /// Looks whether a connect has ended.
    pub(super) fn progress_connect(&mut self, round: &mut Round<'_, P>) {
        // A socket that is being closed gives its connection up: one that came about now would have no end.
        let (Phase::Connecting, Sock::Stream(stream), None) = (self.phase, &self.sock, self.closing.get())
        else {
            return;
        };
        // In this order: the stack goes from connecting to connected in one step, so who is not connecting any more and
        // not connected either has failed, or has been connected and is closed again. Only the first has an error.
        if stream.is_connecting() {
            return;
        }
        let failed = if stream.is_connected() {
            None
        } else {
            stream.take_error()
        };
        match failed {
            Some(error) => {
                self.fail(round, error);
                if let Some(binding) = self.binding.as_mut() {
                    binding.set_state(|state| state | State::REFUSED);
                }
            }
            None => self.connected(),
        }
    }

    fn shutdown(&mut self, how: How, after: u64) -> Result<Empty, Refusal> {
        if self.phase != Phase::Connected {
            return Err(Refusal::bare(WireErrno::ENOTCONN));
        }
        if how != How::Read {
            self.tx.shut_at = Some(after);
        }
        if how != How::Write {
            let Sock::Stream(stream) = &self.sock else {
                return Err(self.wrong_state());
            };
            self.rx.hint = true;
            stream.shutdown(How::Read)?;
        }
        Ok(Empty {})
    }

    fn local_addr(&self) -> Result<AddrReply, Refusal> {
        use crate::machine::Listener as _;
        let addr = match &self.sock {
            Sock::Stream(stream) => stream.local_addr()?,
            Sock::Listener(listener) => listener.local_addr()?,
            Sock::None => return Err(self.wrong_state()),
        };
        Ok(AddrReply { addr })
    }

    fn peer_addr(&self) -> Result<AddrReply, Refusal> {
        match &self.sock {
            Sock::Stream(stream) => Ok(AddrReply {
                addr: stream.peer_addr()?,
            }),
            Sock::Listener(_) | Sock::None => Err(Refusal::bare(WireErrno::ENOTCONN)),
        }
    }

    pub(super) fn set_option(&mut self, option: SockOpt, value: OptValue) -> Result<Empty, Refusal> {
        let Sock::Stream(stream) = &self.sock else {
            return Err(self.wrong_state());
        };
        if option == SockOpt::Linger {
            let seconds = value.second;
            if u16::try_from(seconds).is_err() {
                let shown = u64::from(seconds.unsigned_abs());
                return Err(Refusal::new(
                    WireErrno::EDOM,
                    Field::OptValue,
                    shown,
                    u64::from(u16::MAX),
                ));
            }
            stream.set_option(option, value)?;
            self.linger = value;
        } else {
            stream.set_option(option, value)?;
        }
        Ok(Empty {})
    }

    fn option(&mut self, round: &mut Round<'_, P>, option: SockOpt) -> Result<OptReply, Refusal> {
        if option == SockOpt::Error {
            // The error of a connect that has just failed must end the connect before it is read: reading clears it,
            // and a connect without an error counts as made.
            self.progress_connect(round);
        }
        let value = match (&self.sock, option) {
            (sock, SockOpt::Error) => {
                let connecting = self.phase == Phase::Connecting;
                let from_stack = || match sock {
                    Sock::Stream(stream) if !connecting => stream.take_error(),
                    _ => None,
                };
                let error = self.pending_error.take().or_else(from_stack);
                OptValue {
                    first: i32::from(error.map_or(0, |e| e.0)),
                    second: 0,
                }
            }
            (_, SockOpt::Linger) => self.linger,
            (Sock::Stream(stream), option) => stream.option(option)?,
            _ => return Err(self.wrong_state()),
        };
        let mut reply = OptReply {
            len: option.value_len(),
            ..OptReply::default()
        };
        let words = [
            value.first,
            if option == SockOpt::Linger {
                value.second
            } else {
                0
            },
        ];
        for (to, from) in reply.value.iter_mut().zip(words.as_bytes()) {
            *to = *from;
        }
        Ok(reply)
    }

    /// `EINVAL` with the phase, for a request that the socket's state does not permit.
    pub(super) fn wrong_state(&self) -> Refusal {
        let phase = match self.phase {
            Phase::Vacant => 0,
            Phase::Fresh => 1,
            Phase::Connecting => 2,
            Phase::Connected => 3,
            Phase::Listening => 4,
            Phase::Failed => 5,
        };
        Refusal::new(WireErrno::EINVAL, Field::State, phase, 0)
    }
}

/// A bound address in one word: the port below, the IPv4 address above.
pub fn bound_key(addr: &SockAddr) -> u64 {
    let [a, b, c, d] = addr.v4_octets();
    let [p0, p1] = addr.port.to_le_bytes();
    u64::from_le_bytes([p0, p1, a, b, c, d, 1, 0])
}
