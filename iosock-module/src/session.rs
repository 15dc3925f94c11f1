//! Sessions: one client's connection to the module. The kernel says who it is (S-27); the message only names the slot.
//!
//! A session is split in two: what the control thread alone keeps ([`Session`]), and counters that the sockets'
//! turns touch on any thread ([`SessionShared`]).

use crate::{
    config::Config,
    counters::CounterSet,
    handle::{Handle, next_generation},
    limits::{BLOCKS, MAX_SESSIONS, SESSION_LINES},
    log::LogLimit,
    machine::{Parked, Platform},
    maybe::Maybe,
    pool::PoolHold,
    reply::Asked,
};
use bitflags::bitflags;
use core::sync::atomic::{AtomicU32, Ordering};
use csock_wire::{Field, Invitation, Refusal, Request, WireErrno, stream::Area};

/// The half of a session that every thread may touch.
pub struct SessionShared {
    /// 1 while there is a session.
    pub open: AtomicU32,
    /// Sockets that belong to the session, closing ones included. The session's slot is free again after the last one.
    pub sockets: AtomicU32,
    /// Parked requests.
    pub parked: AtomicU32,
    /// Not 0: the client's memory has lied; the session has failed for good (S-04).
    pub faulty: AtomicU32,
    /// Not 0: the client is gone; the last socket to leave tells the control thread.
    pub dying: AtomicU32,
    /// Its handle in this life; 0: none.
    pub raw: AtomicU32,
    /// Whether its client is asked to ring.
    pub invitation: Invitation,
    /// Sockets by the number of their block.
    blocks: [AtomicU32; BLOCKS],
    /// What it did.
    pub counters: CounterSet,
    /// The ration of log lines about it; the next session in its place goes on with what is left.
    pub log: LogLimit<SESSION_LINES>,
}

impl SessionShared {
    /// Nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            open: AtomicU32::new(0),
            sockets: AtomicU32::new(0),
            parked: AtomicU32::new(0),
            faulty: AtomicU32::new(0),
            dying: AtomicU32::new(0),
            raw: AtomicU32::new(0),
            invitation: Invitation::new(),
            blocks: [const { AtomicU32::new(0) }; BLOCKS],
            counters: CounterSet::new(),
            log: LogLimit::new(),
        }
    }
}

impl SessionShared {
    /// The socket with that block.
    #[must_use]
    pub fn block(&self, block: u32) -> Option<Handle> {
        let place = self.blocks.get(usize::try_from(block).ok()?)?;
        Handle::from_raw(place.load(Ordering::Acquire))
    }

    /// Socket `raw` has moved into the block.
    pub fn set_block(&self, block: u32, raw: u32) {
        if let Some(place) = usize::try_from(block).ok().and_then(|at| self.blocks.get(at)) {
            place.store(raw, Ordering::Release);
        }
    }

    /// Socket `raw` has left the block, unless the next one is there already.
    pub fn clear_block(&self, block: u32, raw: u32) {
        if let Some(place) = usize::try_from(block).ok().and_then(|at| self.blocks.get(at)) {
            let _ = place.compare_exchange(raw, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }

    /// A new session starts with handle `raw`.
    pub fn start(&self, raw: u32) {
        for counter in [&self.sockets, &self.parked, &self.faulty, &self.dying] {
            counter.store(0, Ordering::Relaxed);
        }
        for block in &self.blocks {
            block.store(0, Ordering::Relaxed);
        }
        self.counters.reset();
        self.invitation.withdraw();
        self.raw.store(raw, Ordering::Release);
        self.open.store(1, Ordering::Release);
    }

    /// A socket has left the session.
    pub fn socket_left<P: Platform>(&self) {
        // AcqRel: the thread that takes the session apart must have seen what its last socket did.
        if self.sockets.fetch_sub(1, Ordering::AcqRel) == 1 && self.dying.load(Ordering::Acquire) != 0 {
            P::session_drained();
        }
    }
}

/// The proof that the caller is the control thread, for what only one thread may do. There is one, in
/// [`crate::control::Control`].
pub struct OnlyControl {
    _private: (),
}

impl OnlyControl {
    /// For `Control` alone.
    pub const fn new() -> Self {
        Self { _private: () }
    }
}

/// One parked request of a session. Dropped, it counts no more.
pub struct ParkPlace {
    shared: &'static SessionShared,
}

impl ParkPlace {
    /// Counts one more.
    ///
    /// # Errors
    /// How many there are, when that is `limit`.
    pub fn take(shared: &'static SessionShared, limit: u32) -> Result<Self, u32> {
        count_up(&shared.parked, limit)?;
        Ok(Self { shared })
    }
}

impl Drop for ParkPlace {
    fn drop(&mut self) {
        self.shared.parked.fetch_sub(1, Ordering::Relaxed);
    }
}

bitflags! {
    /// What the owner's state asks of a socket. It is looked up at the start of every round, from the session that the
    /// socket belongs to then; no bit of an event carries it, so none can meet the slot's next owner.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct Orders: u8 {
        /// The session's memory has lied: none of it is touched again (S-04).
        const FAULT = 1;
        /// The client is gone: what it committed goes out for a while, then the socket ends.
        const ORPHAN = 1 << 1;
        /// The module ends, or somebody new needs the slot of a closed socket: RST now.
        const ABORT = 1 << 2;
    }
}

/// Who a client is, as the kernel says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Process id.
    pub pid: i32,
    /// Server-side connection id: one per client process.
    pub scoid: i32,
    /// Effective user id.
    pub euid: u32,
}

/// The control thread's half of a session.
pub struct Session<P: Platform> {
    /// Its handle in this life.
    pub handle: Handle,
    /// Its client.
    pub client: Identity,
    /// The request that is parked for as long as the session lives.
    pub watch: Option<Asked<P::Ticket>>,
    /// Its first pool and how that is laid out: what a new socket needs, without the plane that a worker may have.
    pub memory: Maybe<(PoolHold<P>, Area)>,
    /// A request that waits for the plane, which a worker has.
    pub later: Maybe<(Request, Asked<P::Ticket>)>,
    /// It has ended; waiting for the last socket to leave.
    pub dying: bool,
    /// The client process is gone, too: its scoid is to be given back.
    pub gone: bool,
}

impl<P: Platform> Session<P> {
    /// Answers what is parked here: the session is over.
    pub fn end_parked(&mut self, error: WireErrno) {
        let later = self.later.take().map(|(_, asked)| asked);
        for asked in self.watch.take().into_iter().chain(later) {
            asked.refuse(&Refusal::bare(error));
        }
    }

    /// The client wants out of some parked request: perhaps of one of these.
    pub fn unblock_parked(&mut self) {
        let wants_out = |asked: &Asked<P::Ticket>| asked.parked() != Parked::Waiting;
        if let Some(asked) = self.watch.take_if(|asked| wants_out(asked)) {
            asked.unblock();
        }
        if self.later.as_ref().is_some_and(|(_, asked)| wants_out(asked))
            && let Some((_, asked)) = self.later.take()
        {
            asked.unblock();
        }
    }
}

/// All sessions. Lives in the control thread.
pub struct Sessions<P: Platform> {
    slots: [Maybe<Session<P>>; MAX_SESSIONS],
    generations: [u16; MAX_SESSIONS],
}

impl<P: Platform> Sessions<P> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slots: [const { Maybe::Nothing }; MAX_SESSIONS],
            generations: [0; MAX_SESSIONS],
        }
    }

    /// Opens a session for `client`.
    ///
    /// # Errors
    /// `EUSERS` with the count and the limit: of the client's user id, or of all.
    pub fn open(&mut self, client: Identity, config: &Config) -> Result<Handle, Refusal> {
        let refuse = |count: u32, limit: u32| {
            Err(Refusal::new(
                WireErrno::EUSERS,
                Field::SessionCount,
                u64::from(count),
                u64::from(limit),
            ))
        };
        let mine = self.count(|s| s.client.euid == client.euid);
        let (all, limit) = (self.count(|_| true), config.max_sessions());
        let allowed = match client.euid {
            0 => limit,
            _ => limit.saturating_sub(config.root_sessions()),
        };
        if all >= allowed {
            return refuse(all, allowed);
        }
        // The administrator's programs are not held up by their number.
        if client.euid != 0 && mine >= config.sessions_per_uid() {
            return refuse(mine, config.sessions_per_uid());
        }
        let places = (0u16..).zip(self.slots.iter_mut().zip(&mut self.generations));
        for (index, (slot, generation)) in places {
            if slot.is_none() {
                *generation = next_generation(*generation);
                let Some(handle) = Handle::new(index, *generation) else {
                    continue;
                };
                slot.set(Session {
                    handle,
                    client,
                    watch: None,
                    memory: Maybe::Nothing,
                    later: Maybe::Nothing,
                    dying: false,
                    gone: false,
                });
                return Ok(handle);
            }
        }
        refuse(all, limit)
    }

    /// The live session `raw`, if the message that names it came from its client: `scoid` is the kernel's word.
    ///
    /// # Errors
    /// `EBADF`, the same whether there is no such session or it is another client's.
    pub fn check(&mut self, raw: u32, scoid: i32) -> Result<&mut Session<P>, Refusal> {
        let refusal = Refusal::new(WireErrno::EBADF, Field::Session, u64::from(raw), 0);
        let handle = Handle::from_raw(raw).ok_or(refusal)?;
        match self.slots.get_mut(handle.index()).and_then(Maybe::as_mut) {
            Some(session) if session.handle == handle && session.client.scoid == scoid && !session.dying => {
                Ok(session)
            }
            _ => Err(refusal),
        }
    }

    /// Any session by its handle, dying ones too.
    pub fn get_mut(&mut self, handle: Handle) -> Option<&mut Session<P>> {
        self.slots
            .get_mut(handle.index())
            .and_then(Maybe::as_mut)
            .filter(|s| s.handle == handle)
    }

    /// Frees the slot of a session.
    pub fn remove(&mut self, handle: Handle) -> Option<Session<P>> {
        let slot = self.slots.get_mut(handle.index())?;
        if slot.as_ref()?.handle == handle {
            slot.take()
        } else {
            None
        }
    }

    /// The first session, from `index` on, that `test` holds for, and the index after it.
    pub fn find(&self, index: usize, test: impl Fn(&Session<P>) -> bool) -> Option<(Handle, usize)> {
        let rest = self.slots.iter().enumerate().skip(index);
        rest.filter_map(|(i, slot)| Some((slot.as_ref()?, i)))
            .find(|(session, _)| test(session))
            .map(|(session, i)| (session.handle, i.wrapping_add(1)))
    }

    /// How many sessions `test` holds for.
    pub fn count(&self, test: impl Fn(&Session<P>) -> bool) -> u32 {
        let n = self
            .slots
            .iter()
            .filter_map(Maybe::as_ref)
            .filter(|s| test(s))
            .count();
        u32::try_from(n).unwrap_or(u32::MAX)
    }
}

/// Counts one up unless it is at `limit`; `Err` holds the count.
pub fn count_up(counter: &AtomicU32, limit: u32) -> Result<(), u32> {
    let took = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
        if n < limit { n.checked_add(1) } else { None }
    });
    took.map(|_| ())
}
