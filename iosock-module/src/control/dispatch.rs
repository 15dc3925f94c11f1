//! From the bytes of a message to its answer.

use super::{Control, Sender};
use crate::{
    handle::Handle,
    machine::{Host, Ticket},
    plane::Plane,
    reply::Asked,
    table::{PlaneGuard, Table},
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Field, Kind, MsgHeader, Refusal, ReplyHeader, Request, WireErrno,
    msg::{self, ParseError},
};

impl<P: Host> Control<P> {
    /// Serves one message. `bytes` is what arrived, not the whole receive buffer: what lies behind is another client's
    /// old message (S-22).
    pub fn message(&mut self, table: &'static Table<P>, sender: Sender, bytes: &[u8], ticket: P::Ticket) {
        table.totals.control_msgs.fetch_add(1, Ordering::Relaxed);
        let (kind, parsed) = match Request::parse(bytes) {
            Ok((header, request)) => (request.kind(), Ok((header, request))),
            Err(ParseError::Short { .. }) => return ticket.error(WireErrno::EBADMSG),
            Err(ParseError::UnknownKind(_)) => return ticket.error(WireErrno::ENOSYS),
            Err(ParseError::Refused(kind, refusal)) => (kind, Err(refusal)),
        };
        // Room for the answer before any effect (S-24).
        let room = ticket.room();
        if room < size_of::<ReplyHeader>() {
            return ticket.error(WireErrno::EMSGSIZE);
        }
        let asked = Asked::new(ticket, kind);
        if room < kind.reply_len() {
            let (room, needed) = (
                u64::try_from(room).unwrap_or(0),
                u64::try_from(kind.reply_len()).unwrap_or(0),
            );
            return asked.refuse(&Refusal::new(
                WireErrno::EMSGSIZE,
                Field::ReplyLength,
                room,
                needed,
            ));
        }
        match parsed {
            Ok((header, request)) => self.request(table, sender, &header, request, asked),
            Err(refusal) => asked.refuse(&refusal),
        }
    }

    fn request(
        &mut self,
        table: &'static Table<P>,
        sender: Sender,
        header: &MsgHeader,
        request: Request,
        asked: Asked<P::Ticket>,
    ) {
        if let Request::Hello(hello) = request {
            return asked.answer::<msg::Hello>(self.hello(table, sender, header, &hello));
        }
        let session = match self.sessions.check(header.session, sender.scoid) {
            Ok(session) => session.handle,
            Err(refusal) => return asked.refuse(&refusal),
        };
        if let Some(shared) = table.session_of(session.raw()) {
            shared.counters.control_msgs.fetch_add(1, Ordering::Relaxed);
            if shared.faulty.load(Ordering::Acquire) != 0 && !may_faulty(request.kind()) {
                return asked.refuse(&Refusal::new(WireErrno::EPROTO, Field::State, 1, 0));
            }
        }
        if let Err(refusal) = about_socket(request.kind(), header.socket) {
            return asked.refuse(&refusal);
        }
        match request {
            Request::Hello(_) => {}
            Request::PoolAttach(_)
            | Request::PoolDetach(_)
            | Request::AddWaiter(_)
            | Request::DropWaiter(_) => self.about_plane(table, session, request, asked),
            Request::Watch(_) => self.watch(session, asked),
            // Doorbells have a channel of their own.
            Request::Doorbell(_) => asked.refuse(&Refusal::bare(WireErrno::ENOSYS)),
            Request::Stats(_) => asked.answer::<msg::Stats>(self.stats(table, session)),
            Request::Goodbye(_) => {
                self.goodbye(table, session);
                asked.grant::<msg::Goodbye>(&msg::Empty {});
            }
            Request::Socket(body) => self.socket(table, session, &body, asked),
            other => self.socket_request(table, session, header.socket, other, asked),
        }
    }
}

impl<P: Host> Control<P> {
    /// A request that changes what a worker serves the session with. While one does, the request waits: the worker gives the plane
    /// up after its quantum, and does not take it again before the control thread had it.
    fn about_plane(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        request: Request,
        asked: Asked<P::Ticket>,
    ) {
        match table.plane_or_hand_over(session.index()) {
            Some(plane) => self.with_plane(table, session, request, asked, plane),
            None => match self.sessions.get_mut(session) {
                Some(session) if session.later.is_none() => session.later.set((request, asked)),
                // Another thread of the client's waits already: the library asks again.
                _ => {
                    table.refusals.repeats.fetch_add(1, Ordering::Relaxed);
                    asked.refuse(&Refusal::bare(WireErrno::EREPEAT));
                }
            },
        }
    }

    /// Serves the requests that wait for a plane which is free now.
    pub(super) fn serve_later(&mut self, table: &'static Table<P>) {
        let mut next = 0;
        while let Some((handle, after)) = self.sessions.find(next, |s| s.later.is_some()) {
            next = after;
            let Some(plane) = table.plane_or_hand_over(handle.index()) else {
                continue;
            };
            if let Some((request, asked)) = self.sessions.get_mut(handle).and_then(|s| s.later.take()) {
                self.with_plane(table, handle, request, asked, plane);
            }
        }
    }

    fn with_plane(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        request: Request,
        asked: Asked<P::Ticket>,
        mut plane: PlaneGuard<'_, P>,
    ) {
        match request {
            Request::PoolAttach(body) => {
                asked.answer::<msg::PoolAttach>(self.pool_attach(table, session, &body, plane));
            }
            Request::PoolDetach(body) => {
                asked.answer::<msg::PoolDetach>(self.pool_detach(session, body.number, &mut plane));
            }
            Request::AddWaiter(body) => add_waiter(&mut plane, &body, asked),
            Request::DropWaiter(body) => {
                asked.answer::<msg::DropWaiter>(drop_waiter(&mut plane, body.slot));
            }
            _ => asked.refuse(&Refusal::bare(WireErrno::ENOSYS)),
        }
    }

    /// WATCH: parked for as long as the session lives.
    fn watch(&mut self, session: Handle, asked: Asked<P::Ticket>) {
        match self.sessions.get_mut(session) {
            Some(session) if session.watch.is_none() => session.watch = Some(asked),
            Some(_) => asked.refuse(&Refusal::new(WireErrno::EBUSY, Field::ParkedCount, 1, 1)),
            None => asked.refuse(&Refusal::bare(WireErrno::EBADF)),
        }
    }
}

/// ADD_WAITER: the event of the thread that sent it.
fn add_waiter<P: Host>(plane: &mut Plane<P>, body: &msg::AddWaiter, asked: Asked<P::Ticket>) {
    let event = Refusal::new(
        WireErrno::EINVAL,
        Field::Event,
        body.event.first().copied().unwrap_or(0),
        0,
    );
    let added = P::waiter(asked.ticket(), body.event)
        .ok_or(event)
        .and_then(|waiter| plane.add_waiter(waiter));
    asked.answer::<msg::AddWaiter>(added.map(|slot| msg::WaiterReply {
        slot: slot.into(),
        reserved: 0,
    }));
}

/// DROP_WAITER.
fn drop_waiter<P: Host>(plane: &mut Plane<P>, slot: u32) -> Result<msg::Empty, Refusal> {
    let missing = Refusal::new(WireErrno::ENOENT, Field::WaitSlot, slot.into(), 0);
    let slot = u16::try_from(slot).map_err(|_| missing)?;
    if plane.drop_waiter(slot) {
        Ok(msg::Empty {})
    } else {
        Err(missing)
    }
}

/// What a session may still ask after its memory has lied: to look, and to go.
const fn may_faulty(kind: Kind) -> bool {
    matches!(kind, Kind::Goodbye | Kind::Stats | Kind::Close)
}

/// A request about no socket must name none.
fn about_socket(kind: Kind, socket: u32) -> Result<(), Refusal> {
    let none = matches!(
        kind,
        Kind::PoolAttach
            | Kind::PoolDetach
            | Kind::Stats
            | Kind::Goodbye
            | Kind::Socket
            | Kind::AddWaiter
            | Kind::DropWaiter
            | Kind::Watch
            | Kind::Doorbell
    );
    if none && socket != 0 {
        return Err(Refusal::new(
            WireErrno::EINVAL,
            Field::Socket,
            u64::from(socket),
            0,
        ));
    }
    Ok(())
}
