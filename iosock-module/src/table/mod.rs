//! All state that threads share: sockets, pools, sessions' counters, and who has work. One static of it is the module.

mod bells;
mod lent_memory;
mod plane_guard;
mod schedule;
mod session_sockets;
mod slots;
mod stack_memory;
mod timers;

use crate::{
    bitmap::Bitmap,
    config::Config,
    counters::{CounterSet, Refusals},
    events,
    limits::{LINES, MAX_SESSIONS, MAX_SOCKETS, MAX_WORKERS},
    log::LogLimit,
    machine::Platform,
    plane::Plane,
    pool::Pools,
    session::SessionShared,
    socket::SocketSlot,
};
pub use plane_guard::PlaneGuard;

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use csock_wire::Sleeper;
use spin::Mutex;

/// Sockets that want a turn.
pub type ReadySockets = Bitmap<{ MAX_SOCKETS.div_ceil(32) }>;

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
    /// How often each limit said no.
    pub refusals: Refusals,
    /// Tunables.
    pub config: Config,
    /// The channels for doorbells: of clients that may send pulses, and of all others.
    pub doorbell_chids: [AtomicI32; 2],
    /// Log lines are rationed.
    pub log: LogLimit<LINES>,
    /// The data planes of the sessions.
    planes: [Mutex<Plane<P>>; MAX_SESSIONS],
    /// Sockets that want a turn, by session; the last lane is the orphans'.
    ready: [ReadySockets; MAX_SESSIONS + 1],
    /// Sessions that have work.
    active: Bitmap<{ (MAX_SESSIONS + 1).div_ceil(32) }>,
    /// Sessions whose plane the control thread found in use.
    wanted: Bitmap<{ (MAX_SESSIONS + 1).div_ceil(32) }>,
    /// Sessions whose plane a worker found in use.
    missed: Bitmap<{ (MAX_SESSIONS + 1).div_ceil(32) }>,
    /// What each worker says of its sleep.
    sleepers: [Sleeper; MAX_WORKERS],
    /// Where the next quantum of the orphans' lane begins.
    orphans_from: AtomicUsize,
    /// Earliest timer, as the distance of its ms from `u64::MAX`; 0: none.
    next_timer: AtomicU64,
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
            refusals: Refusals::new(),
            config: Config::new(),
            doorbell_chids: [const { AtomicI32::new(0) }; 2],
            log: LogLimit::new(),
            planes: [const { Mutex::new(Plane::new()) }; MAX_SESSIONS],
            ready: [const { Bitmap::new() }; MAX_SESSIONS + 1],
            active: Bitmap::new(),
            missed: Bitmap::new(),
            wanted: Bitmap::new(),
            orphans_from: AtomicUsize::new(0),
            sleepers: [const { Sleeper::new() }; _],
            next_timer: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// Has the workers abort every socket, also those that are still on their way in.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.notify_all(events::LOOK);
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
        self.count(|slot| slot.life.handle().is_some())
    }

    pub(super) fn sockets_of(&self, uid: u32) -> u32 {
        self.count(|slot| slot.life.handle().is_some() && slot.uid.load(Ordering::Relaxed) == uid)
    }

    /// How many slots `test` holds for.
    pub fn count(&self, test: impl Fn(&SocketSlot<P>) -> bool) -> u32 {
        u32::try_from(self.sockets.iter().filter(|slot| test(slot)).count()).unwrap_or(u32::MAX)
    }
}
