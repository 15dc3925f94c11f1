//! The half of a socket that every thread may touch, and the ways into its turn. Each way has one putter by
//! construction: requests and the close come from who has [`OnlyControl`], a socket from who has the [`Reservation`].

use super::{Body, Granted, binding::BindingSetup, life::Life, request::SocketRequest};
use crate::{
    events,
    handle::Handle,
    inflight::InFlight,
    limits::MAILBOX,
    machine::Platform,
    mailbox::Mailbox,
    reply::Asked,
    session::{OnlyControl, SessionShared},
};
use core::{
    mem::ManuallyDrop,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};
use csock_wire::{SockAddr, Turn};

/// What is in a slot of the socket table. Everything here may be touched by any thread; `turn` guards the rest.
pub struct SocketSlot<P: Platform> {
    /// Where it is in its life, and in which one.
    pub life: Life,
    /// Raw handle of the session; 0: none any more (an orphan).
    pub session: AtomicU32,
    /// Owner's user id, for quotas; outlives the session.
    pub uid: AtomicU32,
    /// Address of a successful bind: port in the low 16 bits, IPv4 address above; 0: none.
    pub bound: AtomicU64,
    /// When it was closed or orphaned, ms; 0: neither.
    pub closed_at: AtomicU64,
    /// Somebody new needs the slot: its close ends now.
    pub hurry: AtomicBool,
    /// When the socket wants a turn even if nothing happens, ms; 0: never.
    pub timer: AtomicU64,
    /// Requests parked here.
    pub parked: AtomicU32,
    /// Receive buffers that the client has of this socket. Changed by the session's worker alone.
    pub buffers: AtomicU32,
    /// What its socket buffers may hold.
    pub granted: Granted,
    /// Ranges that the stack holds pieces of.
    pub inflight: InFlight,
    /// Who works on the socket, and what it is.
    pub turn: Turn<Body<P>>,
    requests: Mailbox<Request<P>, MAILBOX>,
    /// A close has a place of its own: it can never be told to come again.
    close: Mailbox<Close<P>, 1>,
    arrival: Mailbox<Arrival<P>, 1>,
}

/// A checked request and who asked.
pub struct Request<P: Platform> {
    /// Which life of the slot it is about: it may be over by the time that the request is served.
    pub to: Handle,
    /// What is asked.
    pub request: SocketRequest<P>,
    /// Who asked.
    pub asked: Asked<P::Ticket>,
}

/// close(2).
pub struct Close<P: Platform> {
    /// Which life of the slot it is about.
    pub to: Handle,
    /// What was committed before this position goes out first.
    pub after: u64,
    /// Who asked.
    pub asked: Asked<P::Ticket>,
}

/// A socket that moves in.
pub struct Arrival<P: Platform> {
    /// The stack's socket.
    pub stream: P::Stream,
    /// Its block, if it has one.
    pub setup: Option<BindingSetup<P>>,
    /// Its peer, if it was accepted.
    pub peer: Option<SockAddr>,
    /// Who asked for it.
    pub asked: Asked<P::Ticket>,
}

impl<P: Platform> SocketSlot<P> {
    /// A free slot.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            life: Life::new(),
            session: AtomicU32::new(0),
            uid: AtomicU32::new(0),
            bound: AtomicU64::new(0),
            closed_at: AtomicU64::new(0),
            hurry: AtomicBool::new(false),
            timer: AtomicU64::new(0),
            parked: AtomicU32::new(0),
            buffers: AtomicU32::new(0),
            granted: Granted::new(),
            inflight: InFlight::new(),
            turn: Turn::new(Body::new()),
            requests: Mailbox::new(),
            close: Mailbox::new(),
            arrival: Mailbox::new(),
        }
    }

    /// Puts a request before the next turn. The slot is Open.
    ///
    /// # Errors
    /// The request, when as many as there is room for wait already.
    pub fn request(&self, _: &mut OnlyControl, request: Request<P>) -> Result<(), Request<P>> {
        self.requests.put(request)
    }

    /// Puts the close before the next turn, and has nobody name the socket any more.
    ///
    /// # Errors
    /// The close, when the socket is not open: somebody else has closed it.
    pub fn close(&self, _: &mut OnlyControl, close: Close<P>) -> Result<(), Close<P>> {
        if self.life.close() {
            self.close.put(close)
        } else {
            Err(close)
        }
    }

    /// The next request. By the holder of the turn.
    pub(super) fn take_request(&self) -> Option<Request<P>> {
        self.requests.take()
    }

    /// The close. By the holder of the turn.
    pub(super) fn take_close(&self) -> Option<Close<P>> {
        self.close.take()
    }

    /// The socket that moves in. By the holder of the turn.
    pub(super) fn take_arrival(&self) -> Option<Arrival<P>> {
        self.arrival.take()
    }

    /// Ends the life of the slot. By the holder of its turn, or of its reservation.
    pub fn vacate(&self) {
        self.bound.store(0, Ordering::Relaxed);
        self.closed_at.store(0, Ordering::Relaxed);
        self.hurry.store(false, Ordering::Relaxed);
        self.timer.store(0, Ordering::Relaxed);
        self.buffers.store(0, Ordering::Relaxed);
        self.granted.reset();
        self.uid.store(0, Ordering::Relaxed);
        self.life.vacate();
    }
}

/// A slot that one socket may move into. Dropped without that, the slot is vacant again.
pub struct Reservation<P: Platform> {
    slot: &'static SocketSlot<P>,
    shared: &'static SessionShared,
    handle: Handle,
}

impl<P: Platform> Reservation<P> {
    /// Of `slot`, which has just started its life `handle` and is counted in `shared`.
    pub const fn new(slot: &'static SocketSlot<P>, shared: &'static SessionShared, handle: Handle) -> Self {
        Self { slot, shared, handle }
    }

    /// The socket moves in with the next turn of the slot, whose index this gives.
    ///
    /// # Errors
    /// The socket. Cannot be: a reservation fills its place once.
    pub fn move_in(self, arrival: Arrival<P>) -> Result<usize, Arrival<P>> {
        self.slot.arrival.put(arrival)?;
        let kept = ManuallyDrop::new(self);
        kept.slot.turn.post(events::OP);
        Ok(kept.handle.index())
    }
}

impl<P: Platform> Drop for Reservation<P> {
    fn drop(&mut self) {
        self.slot.session.store(0, Ordering::Release);
        self.slot.vacate();
        self.shared.socket_left::<P>();
    }
}
