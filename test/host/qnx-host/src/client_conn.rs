//! The client's side of a connection: one per (this process, a server's channel), shared by all its coids.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::api::guard::Uncancellable;
use crate::attach;
use crate::client_lane::{Claim, ClientLane};
use crate::errno::Errno;
use crate::fds::Fd;
use crate::process::{Process, lock, process};
use crate::pulse_tx::PulseSender;
use crate::queue::PulseItem;
use crate::region::Region;
use crate::server_conn::ServerConn;
use crate::sys::{FOREVER, Wake, futex_wait, futex_wake, shutdown};
use crate::trace::trace;
use crate::types::{COF_NOEVENT, COF_REG_EVENTS, PRIORITY_DEFAULT, PULSE_CODE_COIDDEATH};
use host_spin::SpinBudget;

/// A connection id of this process.
pub struct Coid {
    /// The number.
    pub coid: i32,
    /// What it leads to.
    pub conn: Arc<ClientConn>,
    /// `_NTO_COF_*`.
    pub flags: AtomicU32,
    /// ConnectDetach was called; threads blocked through it must leave.
    pub detached: AtomicBool,
    /// The coid's own descriptor, when its number lies in the descriptor range.
    pub placeholder: Mutex<Option<Fd>>,
}

impl Coid {
    /// Flag bits for the messages it sends.
    #[inline]
    pub fn message_flags(&self) -> u8 {
        use crate::layout::send::flag;
        let flags = self.flags.load(Ordering::Relaxed);
        let no_events = if flags & COF_NOEVENT != 0 {
            flag::NO_EVENTS
        } else {
            0
        };
        let registered = if flags & COF_REG_EVENTS != 0 {
            flag::REGISTERED_EVENTS
        } else {
            0
        };
        no_events | registered
    }
}

/// Lanes that a connection may have beyond its first: 48 more blocked threads each.
const MORE_LANES: usize = 63;

/// A connection of this process to a server's channel.
pub struct ClientConn {
    /// The server.
    pub pid: i32,
    /// See `pid`.
    pub chid: i32,
    /// Our id at the server.
    pub scoid: i32,
    /// The channel's `_NTO_CHF_*`.
    pub channel_flags: u32,
    /// The server takes our pulses.
    pub may_pulse: bool,
    /// The channel's doorbell.
    pub doorbell: Arc<Region>,
    /// The lane that every connection has; pulses go through it.
    pub first: ClientLane,
    /// Lanes added when more threads are blocked than one lane has slots.
    more: [OnceLock<ClientLane>; MORE_LANES],
    lanes: AtomicUsize,
    /// Serialises adding lanes.
    growing: Mutex<()>,
    /// Pulses on their way.
    pub pulses: Mutex<PulseSender>,
    /// How long senders spin.
    pub spin: SpinBudget,
    /// CPU that the last reply came from.
    pub last_cpu: AtomicU32,
    /// The server half, when it lives in this process.
    pub local: Option<Arc<ServerConn>>,
    sock: Mutex<Option<Arc<Fd>>>,
    dead: AtomicBool,
    /// Futex for threads that find every slot in use.
    freed: AtomicU32,
    waiting: AtomicU32,
}

/// What a new connection is made of.
#[allow(missing_docs)]
pub struct Parts {
    pub pid: i32,
    pub chid: i32,
    pub scoid: i32,
    pub channel_flags: u32,
    pub may_pulse: bool,
    pub doorbell: Arc<Region>,
    pub word: usize,
    pub region: Arc<Region>,
    pub ring_limit: u32,
    pub sock: Option<Arc<Fd>>,
    pub local: Option<Arc<ServerConn>>,
}

impl ClientConn {
    /// A connection with no coid yet.
    pub fn new(parts: Parts) -> ClientConn {
        ClientConn {
            pid: parts.pid,
            chid: parts.chid,
            scoid: parts.scoid,
            channel_flags: parts.channel_flags,
            may_pulse: parts.may_pulse,
            doorbell: parts.doorbell,
            first: ClientLane::new(0, parts.word, parts.region),
            more: [const { OnceLock::new() }; MORE_LANES],
            lanes: AtomicUsize::new(1),
            growing: Mutex::new(()),
            pulses: Mutex::new(PulseSender::new(parts.ring_limit)),
            spin: SpinBudget::default(),
            last_cpu: AtomicU32::new(u32::from(u16::MAX)),
            local: parts.local,
            sock: Mutex::new(parts.sock),
            dead: AtomicBool::new(false),
            freed: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
        }
    }

    /// The server or its channel is gone.
    #[inline]
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// The socket, while connected.
    pub fn sock(&self) -> Option<Arc<Fd>> {
        lock(&self.sock).clone()
    }

    /// Adds a coid. False if the connection has ended already and another one is needed.
    pub fn add_coid(&self, first: bool) -> bool {
        !self.is_dead() && self.first.hold(first)
    }

    /// Takes a coid away: its blocked threads leave, and with the last user the connection ends.
    pub fn drop_coid(&self, process: &'static Process, coid: &Coid) {
        coid.detached.store(true, Ordering::SeqCst);
        self.each_lane(|lane| lane.poke(Some(coid.coid)));
        if self.first.unhold() {
            self.close(process);
        }
    }

    /// Makes every blocked thread look around.
    pub fn poke_all(&self) {
        self.each_lane(|lane| lane.poke(None));
        self.freed.fetch_add(1, Ordering::SeqCst);
        futex_wake(&self.freed, i32::MAX);
    }

    /// Calls `body` with every lane.
    pub fn each_lane(&self, mut body: impl FnMut(&ClientLane)) {
        body(&self.first);
        self.more.iter().filter_map(OnceLock::get).for_each(body);
    }

    /// Takes a slot for one message. When all are in use another lane is made, and when there are as many as can be, it
    /// waits for a slot.
    #[inline]
    pub fn claim_slot(&self, coid: i32) -> Result<Claim<'_>, Errno> {
        match self.first.try_claim(coid) {
            Some(claim) => Ok(claim),
            None => self.claim_slowly(coid),
        }
    }

    #[cold]
    fn claim_slowly(&self, coid: i32) -> Result<Claim<'_>, Errno> {
        let _off = Uncancellable::begin();
        // Slots of later lanes do not show in the first lane's word, so each of them holds the connection on its own.
        if !self.first.hold(false) {
            return Err(Errno::EBADF);
        }
        let claim = self.claim_beyond(coid);
        if !matches!(&claim, Ok(claim) if claim.lane.ordinal != 0) && self.first.unhold() {
            self.close(process());
        }
        claim
    }

    fn claim_beyond(&self, coid: i32) -> Result<Claim<'_>, Errno> {
        loop {
            let before = self.freed.load(Ordering::SeqCst);
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let lanes = self.lanes.load(Ordering::SeqCst);
            let more = self.more.iter().take(lanes - 1).filter_map(OnceLock::get);
            let claim = core::iter::once(&self.first)
                .chain(more)
                .find_map(|lane| lane.try_claim(coid));
            let wake = match &claim {
                Some(_) => Wake::Woken,
                None if lanes <= MORE_LANES => {
                    self.waiting.fetch_sub(1, Ordering::SeqCst);
                    self.grow(lanes)?;
                    continue;
                }
                None => futex_wait(&self.freed, before, FOREVER),
            };
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            match claim {
                Some(claim) => return Ok(claim),
                None if wake == Wake::Signal => return Err(Errno::EINTR),
                None if self.is_dead() => return Err(Errno::EBADF),
                None => {}
            }
        }
    }

    /// Makes one more lane than the `lanes` there are, unless another thread has done so.
    fn grow(&self, lanes: usize) -> Result<(), Errno> {
        let _one_at_a_time = lock(&self.growing);
        if self.lanes.load(Ordering::SeqCst) != lanes {
            return Ok(());
        }
        let (word, region) = attach::another_lane(self)?;
        trace!(
            2,
            "connection to pid {} chid {}: lane {lanes} added", self.pid, self.chid
        );
        let _ = self.more[lanes - 1].set(ClientLane::new(lanes, word, region));
        self.lanes.store(lanes + 1, Ordering::SeqCst);
        Ok(())
    }

    /// Gives a slot back. `cancelled`: its message may still be known to the server.
    #[inline]
    pub fn release_slot(&self, claim: &Claim<'_>, cancelled: bool) {
        let last = claim.lane.release(claim.slot, cancelled);
        let last = if claim.lane.ordinal == 0 {
            last
        } else {
            self.first.unhold()
        };
        if last {
            self.close(process());
        }
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.freed.fetch_add(1, Ordering::SeqCst);
            futex_wake(&self.freed, 1);
        }
    }

    /// The last user is gone: tells the server.
    fn close(&self, process: &'static Process) {
        self.dead.store(true, Ordering::SeqCst);
        self.forget(process);
        trace!(2, "connection to pid {} chid {} closed", self.pid, self.chid);
        if let Some(server) = &self.local {
            server.client_gone(process);
        } else if let Some(sock) = lock(&self.sock).take() {
            shutdown(&sock);
        }
    }

    fn forget(&self, process: &'static Process) {
        let mut conns = lock(&process.conns);
        let key = (self.pid, self.chid);
        if conns
            .get(&key)
            .is_some_and(|listed| core::ptr::eq(Arc::as_ptr(listed), self))
        {
            conns.remove(&key);
        }
    }

    /// The server died or destroyed its channel: blocked threads leave with ESRCH, coids are dead until detached.
    pub fn server_gone(&self, process: &'static Process) {
        // Before the death can be seen: a channel made by somebody who has seen it hears nothing of it.
        let told = process
            .channels
            .get(process.coid_death_chid.load(Ordering::SeqCst));
        if self.dead.swap(true, Ordering::SeqCst) {
            return;
        }
        trace!(2, "server pid {} chid {} is gone", self.pid, self.chid);
        self.forget(process);
        drop(lock(&self.sock).take());
        self.poke_all();
        self.each_lane(ClientLane::wake_users);
        process.sem_cells.server_gone(&self.first.region);
        let Some(told) = told else { return };
        for coid in process.coids.all() {
            if core::ptr::eq(Arc::as_ptr(&coid.conn), self) {
                let value = coid.coid as u32 as u64;
                let (code, priority) = (PULSE_CODE_COIDDEATH, PRIORITY_DEFAULT);
                told.push_pulse(
                    PulseItem {
                        code,
                        priority,
                        value,
                        scoid: 0,
                    },
                    true,
                );
            }
        }
    }
}

/// A way back from the server half inside the same process.
pub fn weak(conn: &Arc<ClientConn>) -> Weak<ClientConn> {
    Arc::downgrade(conn)
}
