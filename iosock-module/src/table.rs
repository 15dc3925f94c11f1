//! All state that threads share: sockets, pools, sessions' counters, and who has work. One static of it is the module.

use crate::{
    bitmap::Bitmap,
    config::Config,
    counters::{CounterSet, Tally},
    events,
    handle::{Handle, next_generation},
    limits::{
        MAX_SESSIONS, MAX_SOCKETS, PARKED_PER_SESSION, SOCKETS_PER_SESSION, SOCKETS_PER_UID, TURN_ROUNDS,
    },
    log::LogLimit,
    pool::{PoolRef, Pools},
    seam::{Platform, ReleaseKey},
    session::{SessionShared, count_up},
    socket::{Op, RingSetup, SocketSlot},
};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use csock_wire::{Field, Refusal, RingFault, RunOutcome, WireErrno};

/// When something could not be done for want of memory or of a client that acts: try again after this, ms.
const RETRY_MS: u64 = 20;

/// What became of a socket's session while nobody looked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Nothing.
    Live,
    /// The client is gone.
    Dying,
    /// Its rings lied.
    Faulty,
    /// The module is being unloaded.
    Stopping,
}

/// The module's state.
pub struct Table<P: Platform> {
    /// Sockets.
    pub sockets: [SocketSlot<P>; MAX_SOCKETS],
    /// Pools.
    pub pools: Pools<P>,
    /// The shared halves of the sessions.
    pub sessions: [SessionShared; MAX_SESSIONS],
    /// What everybody did.
    pub totals: CounterSet,
    /// Tunables.
    pub config: Config,
    /// Log lines are rationed.
    pub log: LogLimit,
    ready: Bitmap<{ MAX_SOCKETS.div_ceil(32) }>,
    /// Earliest timer, as the distance of its ms from `u64::MAX`; 0: none.
    next_timer: AtomicU64,
    /// External mbufs out, over all lives of all sockets. Unload waits for 0.
    ext_outstanding: AtomicU32,
    stopping: AtomicBool,
}

impl<P: Platform> Table<P> {
    /// Nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sockets: [const { SocketSlot::new() }; MAX_SOCKETS],
            pools: Pools::new(),
            sessions: [const { SessionShared::new() }; MAX_SESSIONS],
            totals: CounterSet::new(),
            config: Config::new(),
            log: LogLimit::new(),
            ready: Bitmap::new(),
            next_timer: AtomicU64::new(0),
            ext_outstanding: AtomicU32::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    // --- Who has work -----------------------------------------------------------------------------------------------

    /// Posts `bits` to the socket `handle` and sees to it that somebody serves them. From any context: atomics and
    /// at most one wakeup.
    pub fn notify(&self, handle: Handle, bits: u32) {
        let Some(slot) = self.sockets.get(handle.index()) else {
            return;
        };
        if slot.tag.load(Ordering::Acquire) == handle.raw() {
            self.post(handle.index(), slot, bits);
        }
    }

    fn post(&self, index: usize, slot: &SocketSlot<P>, bits: u32) {
        if slot.turn.post(bits) != 0 {
            // Whoever posted the bits that were there has called somebody.
            return;
        }
        // Pairs with the fence in `serve`: either the server sees the bits, or we see that it has gone.
        fence(Ordering::SeqCst);
        if !slot.served.load(Ordering::Relaxed) {
            self.schedule(index);
        }
    }

    fn schedule(&self, index: usize) {
        if self.ready.set(index) {
            P::wake_worker(index);
        }
    }

    /// Posts `bits` and serves the socket here, unless somebody else is at it. Thread context, no locks held.
    pub fn post_and_serve(&self, handle: Handle, bits: u32) {
        let Some(slot) = self.sockets.get(handle.index()) else {
            return;
        };
        if slot.tag.load(Ordering::Acquire) == handle.raw() {
            slot.turn.post(bits);
            self.serve(handle.index());
        }
    }

    /// Runs a socket's turn, and the turns of sockets that it makes work for.
    pub fn serve(&self, index: usize) {
        let mut next = Some(index);
        while let Some(index) = next.take() {
            let Some(slot) = self.sockets.get(index) else {
                return;
            };
            let outcome = slot.turn.run(TURN_ROUNDS, |body, bits| {
                slot.served.store(true, Ordering::Relaxed);
                if let Some(follow) = body.round(self, slot, bits) {
                    next = Some(follow);
                }
            });
            if outcome == RunOutcome::Busy {
                // Who is at it sees the bits, or gets `Budget` and calls a worker.
                continue;
            }
            slot.served.store(false, Ordering::Relaxed);
            // Pairs with the fence in `post`: bits that came after the turn was given up, while `served` still said
            // that somebody is here.
            fence(Ordering::SeqCst);
            if slot.turn.pending() != 0 {
                self.schedule(index);
            }
        }
    }

    /// One pass of a worker: every socket that has work, pools that can go, timers. Thread context. True: there was
    /// something to do.
    pub fn work(&self) -> bool {
        let any = self.ready.drain(|index| self.serve(index));
        self.pools.unmap_idle();
        self.run_timers(P::now_ms());
        any
    }

    /// True when a worker must not sleep.
    #[must_use]
    pub fn has_work(&self) -> bool {
        self.ready.any()
    }

    // --- Timers -----------------------------------------------------------------------------------------------------

    /// The socket wants a turn at `at` ms, or before.
    pub fn arm_timer(&self, slot: &SocketSlot<P>, at: u64) {
        let at = at.max(1);
        let sooner = |now: u64| if now == 0 || at < now { Some(at) } else { None };
        let _ = slot
            .timer
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, sooner);
        // Workers sleep until the earliest timer: a sooner one must wake them.
        if self.next_timer.fetch_max(!at, Ordering::AcqRel) < !at {
            P::wake_worker(0);
        }
    }

    /// The socket wants to try again soon.
    pub fn arm_retry(&self, slot: &SocketSlot<P>) {
        self.arm_timer(slot, P::now_ms().saturating_add(RETRY_MS));
    }

    fn run_timers(&self, now: u64) {
        if now < !self.next_timer.load(Ordering::Acquire) {
            return;
        }
        // First the reset, then the look: a timer armed meanwhile lowers it again.
        self.next_timer.store(0, Ordering::SeqCst);
        for (index, slot) in self.sockets.iter().enumerate() {
            let at = slot.timer.load(Ordering::Acquire);
            if at == 0 {
                continue;
            }
            if at <= now
                && slot
                    .timer
                    .compare_exchange(at, 0, Ordering::AcqRel, Ordering::Acquire)
                    .is_ok()
            {
                slot.turn.post(events::TIMER);
                self.serve(index);
            } else {
                self.next_timer
                    .fetch_max(!at.max(now.saturating_add(1)), Ordering::AcqRel);
            }
        }
    }

    /// How long a worker may sleep, ms; `None`: until it is woken.
    #[must_use]
    pub fn sleep_ms(&self) -> Option<u64> {
        match self.next_timer.load(Ordering::Acquire) {
            0 => None,
            distance => Some((!distance).saturating_sub(P::now_ms()).max(1)),
        }
    }

    // --- External mbufs ---------------------------------------------------------------------------------------------

    /// An external mbuf over `pool` is about to be made.
    pub fn piece_out(&self, pool: PoolRef) {
        self.pools.add_ref(pool);
        self.ext_outstanding.fetch_add(1, Ordering::Relaxed);
    }

    /// It was not made.
    pub fn piece_undone(&self, pool: PoolRef) {
        self.ext_outstanding.fetch_sub(1, Ordering::Relaxed);
        self.drop_pool_ref(pool);
    }

    /// The release of an external mbuf (`ext_free`): from any thread, under any lock. Atomics and a wakeup.
    pub fn released(&self, key: ReleaseKey) {
        if let Some((handle, slot)) =
            Handle::from_raw(key.socket).and_then(|h| Some((h, self.sockets.get(h.index())?)))
        {
            // The slot cannot have started a new life: it waits for this very piece.
            slot.inflight.piece_back(key.entry);
            self.post(handle.index(), slot, events::FREED);
        }
        self.drop_pool_ref(PoolRef::from_slot(key.pool));
        // Last: after it the module may go.
        self.ext_outstanding.fetch_sub(1, Ordering::Release);
    }

    /// External mbufs that the stack still holds.
    #[must_use]
    pub fn ext_outstanding(&self) -> u32 {
        self.ext_outstanding.load(Ordering::Acquire)
    }

    /// Gives a pool reference back. From any context.
    pub fn drop_pool_ref(&self, pool: PoolRef) {
        if self.pools.unref(pool) {
            P::wake_worker(0);
        }
    }

    // --- Slots ------------------------------------------------------------------------------------------------------

    /// Reserves a socket slot for `session`. Control thread only. The slot goes back by [`Table::unreserve`], or by
    /// the end of the socket that moves in.
    ///
    /// # Errors
    /// `EMFILE` for the session's or the user's limit, `ENFILE` for the table's, with count and limit.
    pub fn reserve(&self, session: Handle, uid: u32) -> Result<Handle, Refusal> {
        let refuse = |error, count: u32, limit: u32| {
            Refusal::new(error, Field::SocketCount, u64::from(count), u64::from(limit))
        };
        let mine = self.sockets_of(uid);
        if mine >= SOCKETS_PER_UID {
            return Err(refuse(WireErrno::EMFILE, mine, SOCKETS_PER_UID));
        }
        let shared = self.sessions.get(session.index()).ok_or(WireErrno::EBADF)?;
        let free = (0u16..)
            .zip(&self.sockets)
            .find(|(_, slot)| slot.tag.load(Ordering::Acquire) == 0);
        let all = u32::try_from(MAX_SOCKETS).unwrap_or(u32::MAX);
        let (index, slot) = free.ok_or(refuse(WireErrno::ENFILE, all, all))?;
        count_up(&shared.sockets, SOCKETS_PER_SESSION)
            .map_err(|count| refuse(WireErrno::EMFILE, count, SOCKETS_PER_SESSION))?;
        let generation = next_generation(u16::try_from(slot.generation.load(Ordering::Relaxed)).unwrap_or(0));
        slot.generation.store(u32::from(generation), Ordering::Relaxed);
        let handle = Handle::new(index, generation).ok_or(WireErrno::EIO)?;
        slot.uid.store(uid, Ordering::Relaxed);
        slot.session.store(session.raw(), Ordering::Relaxed);
        slot.open.store(true, Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire in `notify` and here.
        slot.tag.store(handle.raw(), Ordering::Release);
        Ok(handle)
    }

    /// Gives a reserved slot back that nobody moved into.
    pub fn unreserve(&self, child: Handle, setup: RingSetup<P>) {
        match self.sockets.get(child.index()) {
            Some(slot) => self.unreserve_slot(slot, Some(setup)),
            None => self.drop_pool_ref(setup.pool),
        }
    }

    /// The same, by slot.
    pub fn unreserve_slot(&self, slot: &SocketSlot<P>, setup: Option<RingSetup<P>>) {
        if let Some(setup) = setup {
            self.drop_pool_ref(setup.pool);
        }
        self.leave_session(slot);
        self.vacate(slot);
    }

    /// Puts `op` into the mailbox of a fresh slot; its index, to be served next.
    pub fn hand_to(&self, child: Handle, op: Op<P>) -> Option<usize> {
        let slot = self.sockets.get(child.index())?;
        match slot.mailbox.put(op) {
            Ok(()) => {
                slot.turn.post(events::OP);
                Some(child.index())
            }
            Err(op) => {
                // Cannot be: nobody else knows the slot yet.
                if let Op::Adopt { setup, asked, .. } = op {
                    self.unreserve_slot(slot, setup);
                    asked.refuse(&Refusal::bare(WireErrno::EIO));
                }
                None
            }
        }
    }

    /// Ends the life of a slot. By the holder of its turn, or by who reserved it.
    pub fn vacate(&self, slot: &SocketSlot<P>) {
        slot.open.store(false, Ordering::Relaxed);
        slot.bound.store(0, Ordering::Relaxed);
        slot.timer.store(0, Ordering::Relaxed);
        slot.uid.store(0, Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire in `reserve`.
        slot.tag.store(0, Ordering::Release);
    }

    /// The socket belongs to no session any more. Idempotent.
    pub fn leave_session(&self, slot: &SocketSlot<P>) {
        let raw = slot.session.swap(0, Ordering::AcqRel);
        let Some(shared) = self.session_of(raw) else {
            return;
        };
        // AcqRel: who takes the session apart has seen the last of its sockets.
        if shared.sockets.fetch_sub(1, Ordering::AcqRel) == 1 && shared.dying.load(Ordering::Acquire) != 0 {
            P::session_drained();
        }
    }

    /// The shared half of the session with the raw handle `raw`, 0 for none.
    #[must_use]
    pub fn session_of(&self, raw: u32) -> Option<&SessionShared> {
        self.sessions.get(Handle::from_raw(raw)?.index())
    }

    /// Where a socket's doings are counted.
    #[must_use]
    pub fn tally(&self, slot: &SocketSlot<P>) -> Tally<'_> {
        let mine = self
            .session_of(slot.session.load(Ordering::Relaxed))
            .map(|shared| &shared.counters);
        Tally::new(&self.totals, mine)
    }

    /// Counts one more parked request of `session`.
    ///
    /// # Errors
    /// `EBUSY` with count and limit.
    pub fn park(&self, session: Handle) -> Result<(), Refusal> {
        let shared = self.sessions.get(session.index()).ok_or(WireErrno::EBADF)?;
        count_up(&shared.parked, PARKED_PER_SESSION).map_err(|count| {
            Refusal::new(
                WireErrno::EBUSY,
                Field::ParkedCount,
                u64::from(count),
                u64::from(PARKED_PER_SESSION),
            )
        })
    }

    /// One parked request of the slot's session was answered.
    pub fn unpark(&self, slot: &SocketSlot<P>) {
        if let Some(shared) = self.session_of(slot.session.load(Ordering::Relaxed)) {
            shared.parked.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// What happened to the slot's session while the socket was on its way in.
    #[must_use]
    pub fn fate(&self, slot: &SocketSlot<P>) -> Fate {
        if self.stopping.load(Ordering::Acquire) {
            return Fate::Stopping;
        }
        match self.session_of(slot.session.load(Ordering::Relaxed)) {
            Some(shared) if shared.faulty.load(Ordering::Acquire) != 0 => Fate::Faulty,
            Some(shared) if shared.dying.load(Ordering::Acquire) == 0 => Fate::Live,
            _ => Fate::Dying,
        }
    }

    /// The rings of the slot's session lie: no ring of it is touched again (S-04).
    pub fn session_fault(&self, slot: &SocketSlot<P>, fault: RingFault) {
        let raw = slot.session.load(Ordering::Relaxed);
        let Some(shared) = self.session_of(raw) else {
            return;
        };
        if shared.faulty.swap(1, Ordering::AcqRel) != 0 {
            return;
        }
        self.log.line::<P>(|line| {
            line.text("session 0x").hex(u64::from(raw)).text(" failed: ");
            match fault {
                RingFault::PeerIndex { value, own, capacity } => line
                    .text("ring index 0x")
                    .hex(u64::from(value))
                    .text(" is impossible with 0x")
                    .hex(u64::from(own))
                    .text(" and capacity ")
                    .dec(u64::from(capacity)),
                RingFault::OutOfBounds(_) => line.text("ring outside its pool"),
            };
        });
        self.post_session(raw, events::FAULT);
    }

    /// Posts `bits` to every socket of a session, for the workers to serve.
    fn post_session(&self, raw: u32, bits: u32) {
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.tag.load(Ordering::Acquire) != 0 && slot.session.load(Ordering::Acquire) == raw {
                self.post(index, slot, bits);
            }
        }
    }

    /// Posts `bits` to every socket, for the workers to serve.
    pub fn notify_all(&self, bits: u32) {
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.tag.load(Ordering::Acquire) != 0 {
                self.post(index, slot, bits);
            }
        }
    }

    /// Posts `bits` to every socket of a session and serves each here if nobody else is at it. Thread context.
    pub fn serve_session(&self, session: Handle, bits: u32) {
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.tag.load(Ordering::Acquire) != 0 && slot.session.load(Ordering::Acquire) == session.raw()
            {
                slot.turn.post(bits);
                self.serve(index);
            }
        }
    }

    // --- Stopping ---------------------------------------------------------------------------------------------------

    /// Aborts every socket, also those that are still on their way in. Thread context.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        for (index, slot) in self.sockets.iter().enumerate() {
            if slot.tag.load(Ordering::Acquire) != 0 {
                slot.turn.post(events::ABORT);
                self.serve(index);
            }
        }
    }

    /// Takes sockets again.
    pub fn start(&self) {
        self.stopping.store(false, Ordering::Release);
    }

    /// Nothing is left: no socket, no mbuf in client memory, no pool.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ext_outstanding() == 0 && self.open_sockets() == 0 && self.pools.mapped() == 0
    }

    // --- Counting ---------------------------------------------------------------------------------------------------

    /// The module's ledger.
    #[must_use]
    pub fn ledger(&self) -> csock_wire::Counters {
        let sum = |of: fn(&SessionShared) -> &AtomicU32| {
            self.sessions
                .iter()
                .map(|s| u64::from(of(s).load(Ordering::Relaxed)))
                .fold(0, u64::saturating_add)
        };
        csock_wire::Counters {
            sessions_open: sum(|s| &s.open),
            parked: sum(|s| &s.parked),
            ext_mbufs_outstanding: u64::from(self.ext_outstanding()),
            sockets_open: u64::from(self.open_sockets()),
            pools_mapped: u64::from(self.pools.mapped()),
            ..self.totals.snapshot()
        }
    }

    /// Slots in use.
    #[must_use]
    pub fn open_sockets(&self) -> u32 {
        self.count(|slot| slot.tag.load(Ordering::Acquire) != 0)
    }

    fn sockets_of(&self, uid: u32) -> u32 {
        self.count(|slot| slot.tag.load(Ordering::Acquire) != 0 && slot.uid.load(Ordering::Relaxed) == uid)
    }

    /// How many slots `test` holds for.
    pub fn count(&self, test: impl Fn(&SocketSlot<P>) -> bool) -> u32 {
        u32::try_from(self.sockets.iter().filter(|slot| test(slot)).count()).unwrap_or(u32::MAX)
    }
}
