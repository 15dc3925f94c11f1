//! Requests about sockets, up to the socket's mailbox: whose socket is it, may this client do that, is there room.

use super::Control;
use crate::{
    events,
    handle::Handle,
    machine::{Host, How, OptValue},
    reply::Asked,
    session::Session,
    socket::{Arrival, BindingSetup, Close, Reservation, SocketRequest, SocketSlot, What, bound_key},
    table::Table,
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Field, Refusal, Request, SockAddr, SockOpt, WireErrno,
    msg::{self, Events, IPPROTO_TCP, SOCK_STREAM},
    sockaddr::AF_INET,
};
use zerocopy::FromBytes;

impl<P: Host> Control<P> {
    /// SOCKET: TCP over IPv4, and nothing else (S-41).
    pub(super) fn socket(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        body: &msg::Socket,
        asked: Asked<P::Ticket>,
    ) {
        let made = check_kind(body).and_then(|()| {
            let setup = binding_setup(table, self.session(session)?, body.block)?;
            let place = self.reserve(table, session, None)?;
            Ok((setup, place, P::socket()?))
        });
        let (setup, place, stream) = match made {
            Ok(made) => made,
            Err(refusal) => return asked.refuse(&refusal),
        };
        let arrival = Arrival {
            stream,
            setup,
            peer: None,
            asked,
        };
        match place.move_in(arrival) {
            Ok(index) => table.serve(index),
            Err(arrival) => arrival.asked.refuse(&Refusal::bare(WireErrno::EIO)),
        }
    }

    /// Any request that names a socket.
    pub(super) fn socket_request(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        socket: u32,
        request: Request,
        asked: Asked<P::Ticket>,
    ) {
        let Some((handle, slot)) = find(table, session, socket) else {
            return asked.refuse(&no_socket(socket));
        };
        if let Request::Close(body) = request {
            let close = Close {
                to: handle,
                after: body.after,
                asked,
            };
            return match slot.close(&mut self.only, close) {
                Ok(()) => table.post_and_serve(handle.index(), events::OP),
                Err(close) => close.asked.refuse(&no_socket(socket)),
            };
        }
        let request = match self.prepare(table, session, slot, request) {
            Ok(request) => request,
            Err(refusal) => return asked.refuse(&refusal),
        };
        let request = crate::socket::Request {
            to: handle,
            request,
            asked,
        };
        match slot.request(&mut self.only, request) {
            // By index: the socket may have ended meanwhile, and its request is answered all the same.
            Ok(()) => table.post_and_serve(handle.index(), events::OP),
            // What it reserved goes back with it, and the library asks again.
            Err(request) => {
                table.refusals.repeats.fetch_add(1, Ordering::Relaxed);
                request.asked.refuse(&Refusal::bare(WireErrno::EREPEAT));
            }
        }
    }

    /// Rights, quotas and reservations of a request.
    fn prepare(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        slot: &SocketSlot<P>,
        request: Request,
    ) -> Result<SocketRequest<P>, Refusal> {
        Ok(match request {
            Request::Bind(body) => {
                let uid = self.uid(session)?;
                check_bind(uid, table.config.first_port(), &body.addr)?;
                check_theft(table, slot, uid, &body.addr)?;
                SocketRequest::Bind(body.addr)
            }
            Request::Listen(body) => SocketRequest::Listen(body.backlog),
            Request::Connect(body) => {
                check_family(&body.addr)?;
                SocketRequest::Connect(body.addr)
            }
            Request::Accept(body) => {
                let setup = binding_setup(table, self.session(session)?, body.block)?;
                let child = self.reserve(table, session, Some(slot))?;
                SocketRequest::Accept { child, setup }
            }
            Request::Shutdown(body) => {
                let how = match body.how {
                    msg::Shutdown::READ => How::Read,
                    msg::Shutdown::WRITE => How::Write,
                    _ => How::Both,
                };
                SocketRequest::Shutdown {
                    how,
                    after: body.after,
                }
            }
            Request::GetSockName(_) => SocketRequest::LocalAddr,
            Request::GetPeerName(_) => SocketRequest::PeerAddr,
            Request::Wait(body) => {
                let events = Events::from_bits_retain(body.events);
                SocketRequest::Park(What::Wait(events), table.park(session)?)
            }
            Request::Send(body) => {
                let what = What::Send {
                    after: body.after,
                    len: body.len,
                    dont_wait: body.flags & msg::DONT_WAIT != 0,
                };
                SocketRequest::Park(what, table.park(session)?)
            }
            Request::Recv(body) => {
                let what = What::Recv {
                    seen: body.seen,
                    len: body.len,
                    dont_wait: body.flags & msg::DONT_WAIT != 0,
                };
                SocketRequest::Park(what, table.park(session)?)
            }
            Request::SetSockOpt(body) => {
                let option = body.option().ok_or(WireErrno::ENOPROTOOPT)?;
                let value = opt_value(&body.value);
                table.resize_buffer(self.uid(session)?, slot, option, value.first)?;
                // Sizes and linger act at once, whatever is queued; the rest is ordered behind the data.
                if option != SockOpt::NoDelay || body.after == 0 {
                    return Ok(SocketRequest::SetOption(option, value));
                }
                let what = What::Option {
                    after: body.after,
                    option,
                    value,
                };
                SocketRequest::Park(what, table.park(session)?)
            }
            Request::GetSockOpt(body) => SocketRequest::Option(body.option().ok_or(WireErrno::ENOPROTOOPT)?),
            Request::Hello(_)
            | Request::PoolAttach(_)
            | Request::PoolDetach(_)
            | Request::Stats(_)
            | Request::Goodbye(_)
            | Request::AddWaiter(_)
            | Request::DropWaiter(_)
            | Request::Watch(_)
            | Request::Doorbell(_)
            | Request::Socket(_)
            | Request::Close(_) => return Err(WireErrno::ENOSYS.into()),
        })
    }

    fn session(&mut self, session: Handle) -> Result<&Session<P>, Refusal> {
        let session = self.sessions.get_mut(session).ok_or(WireErrno::EBADF)?;
        Ok(session)
    }

    fn uid(&mut self, session: Handle) -> Result<u32, Refusal> {
        Ok(self.session(session)?.client.euid)
    }

    /// A place for a new socket, or for a connection of the one in `listener`.
    fn reserve(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        listener: Option<&SocketSlot<P>>,
    ) -> Result<Reservation<P>, Refusal> {
        let uid = self.uid(session)?;
        table.reserve(&mut self.only, session, uid, listener.map(|slot| &slot.granted))
    }
}

/// Checks a block against the session's area and takes a hold of the pool that it lies in. `None`: the socket goes by
/// messages.
fn binding_setup<P: Host>(
    table: &'static Table<P>,
    session: &Session<P>,
    index: u32,
) -> Result<Option<BindingSetup<P>>, Refusal> {
    if index == msg::NO_BLOCK {
        return Ok(None);
    }
    let none = Refusal::new(WireErrno::EINVAL, Field::PoolCount, 0, 1);
    let (pool, area) = session.memory.as_ref().ok_or(none)?;
    let (pool, area) = (pool.clone(), *area);
    let wrong = |error, allowed: u32| Refusal::new(error, Field::BlockIndex, index.into(), allowed.into());
    let block = area
        .block(index)
        .ok_or(wrong(WireErrno::EINVAL, area.geometry().sockets))?;
    // One socket a block: a second one would have two writers for every word.
    let shared = table.session_of(session.handle.raw()).ok_or(WireErrno::EBADF)?;
    if let Some(handle) = shared.block(index) {
        // A socket on its way out may have shown that it has left the block, and not have said so here yet.
        let slot = table.sockets.get(handle.index());
        let leaves = slot.is_some_and(|slot| !slot.life.is_open(handle));
        return Err(wrong(
            if leaves {
                WireErrno::EREPEAT
            } else {
                WireErrno::EBUSY
            },
            0,
        ));
    }
    Ok(Some(BindingSetup {
        pool,
        area,
        index,
        block,
    }))
}

fn no_socket(socket: u32) -> Refusal {
    Refusal::new(WireErrno::EBADF, Field::Socket, u64::from(socket), 0)
}

/// The open socket `raw` of `session`.
fn find<P: Host>(
    table: &'static Table<P>,
    session: Handle,
    raw: u32,
) -> Option<(Handle, &'static SocketSlot<P>)> {
    let handle = Handle::from_raw(raw)?;
    let slot = table.sockets.get(handle.index())?;
    let mine = slot.session.load(Ordering::Relaxed) == session.raw();
    (mine && slot.life.is_open(handle)).then_some((handle, slot))
}

fn check_kind(body: &msg::Socket) -> Result<(), Refusal> {
    let refuse = |error, what, value: u16, allowed: u16| {
        Err(Refusal::new(error, what, u64::from(value), u64::from(allowed)))
    };
    if body.domain != AF_INET {
        return refuse(WireErrno::EAFNOSUPPORT, Field::Domain, body.domain, AF_INET);
    }
    if body.kind != SOCK_STREAM {
        return refuse(WireErrno::EPROTOTYPE, Field::Type, body.kind, SOCK_STREAM);
    }
    if body.protocol != 0 && body.protocol != IPPROTO_TCP {
        return refuse(
            WireErrno::EPROTONOSUPPORT,
            Field::Protocol,
            body.protocol,
            IPPROTO_TCP,
        );
    }
    Ok(())
}

fn check_family(addr: &SockAddr) -> Result<(), Refusal> {
    if addr.family == AF_INET {
        return Ok(());
    }
    Err(Refusal::new(
        WireErrno::EAFNOSUPPORT,
        Field::AddrFamily,
        u64::from(addr.family),
        u64::from(AF_INET),
    ))
}

/// The module's thread may bind any port; the client may not (S-40).
fn check_bind(uid: u32, first: u32, addr: &SockAddr) -> Result<(), Refusal> {
    check_family(addr)?;
    if addr.port != 0 && u32::from(addr.port) < first && uid != 0 {
        let (port, first) = (u64::from(addr.port), u64::from(first));
        return Err(Refusal::new(WireErrno::EACCES, Field::AddrPort, port, first));
    }
    Ok(())
}

/// The stack takes all our sockets for one user's and lets them share ports by `SO_REUSEADDR`; between different
/// users' clients the module says no (`docs/iosock-kpi.md` 7).
fn check_theft<P: Host>(
    table: &'static Table<P>,
    own: &SocketSlot<P>,
    uid: u32,
    addr: &SockAddr,
) -> Result<(), Refusal> {
    if addr.port == 0 {
        return Ok(());
    }
    let wanted = bound_key(addr);
    let taken = |slot: &SocketSlot<P>| {
        let key = slot.bound.load(Ordering::Acquire);
        key != 0
            && overlap(key, wanted)
            && slot.uid.load(Ordering::Relaxed) != uid
            && !core::ptr::eq(slot, own)
    };
    if table.sockets.iter().any(taken) {
        return Err(Refusal::new(
            WireErrno::EADDRINUSE,
            Field::AddrPort,
            u64::from(addr.port),
            0,
        ));
    }
    Ok(())
}

/// Same port, and the same address or one of them "any".
fn overlap(a: u64, b: u64) -> bool {
    let [p0, p1, a0, a1, a2, a3, ..] = a.to_le_bytes();
    let [q0, q1, b0, b1, b2, b3, ..] = b.to_le_bytes();
    let (left, right) = ([a0, a1, a2, a3], [b0, b1, b2, b3]);
    (p0, p1) == (q0, q1) && (left == right || left == [0; 4] || right == [0; 4])
}

fn opt_value(bytes: &[u8; 16]) -> OptValue {
    let word = |at: usize| {
        bytes
            .get(at..)
            .and_then(|b| i32::read_from_prefix(b).ok())
            .map_or(0, |(word, _)| word)
    };
    OptValue {
        first: word(0),
        second: word(4),
    }
}
