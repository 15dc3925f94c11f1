//! The client's side of a connection: one per (this process, a server's channel), shared by all its coids.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::errno::Errno;
use crate::fds::Fd;
use crate::lane::poke;
use crate::layout::{lane as layout, reply};
use crate::process::{Process, lock};
use crate::pulse_tx::PulseSender;
use crate::queue::PulseItem;
use crate::region::Region;
use crate::server_conn::ServerConn;
use crate::spin::SpinBudget;
use crate::sys::{FOREVER, Wake, futex_wait, futex_wake, shutdown};
use crate::trace::trace;
use crate::types::{COF_NOEVENT, COF_REG_EVENTS, PRIORITY_DEFAULT, PULSE_CODE_COIDDEATH};

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
        let no_events = if flags & COF_NOEVENT != 0 { flag::NO_EVENTS } else { 0 };
        let registered = if flags & COF_REG_EVENTS != 0 { flag::REGISTERED_EVENTS } else { 0 };
        no_events | registered
    }
}

/// Slots in use, and in the bits above them the number of coids: the connection ends when the word becomes 0.
const COID_UNIT: u64 = 1 << layout::SLOTS;

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
    /// The channel's doorbell, and our word in it.
    pub doorbell: Arc<Region>,
    /// See `doorbell`.
    pub word: usize,
    /// Shared with the server.
    pub region: Arc<Region>,
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
    busy: AtomicU64,
    /// Slots whose cancelled message the server has not come across yet.
    cancelled: AtomicU64,
    /// Who uses each slot.
    slot_coid: [AtomicI32; layout::SLOTS],
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
            doorbell: parts.doorbell,
            word: parts.word,
            region: parts.region,
            pulses: Mutex::new(PulseSender::new(parts.ring_limit)),
            spin: SpinBudget::new(),
            last_cpu: AtomicU32::new(u32::from(u16::MAX)),
            local: parts.local,
            sock: Mutex::new(parts.sock),
            dead: AtomicBool::new(false),
            busy: AtomicU64::new(0),
            cancelled: AtomicU64::new(0),
            slot_coid: [const { AtomicI32::new(0) }; layout::SLOTS],
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
        let add = |word: u64| (first || word != 0).then(|| word + COID_UNIT);
        !self.is_dead() && self.busy.fetch_update(Ordering::AcqRel, Ordering::Acquire, add).is_ok()
    }

    /// Takes a coid away: its blocked threads leave, and with the last user the connection ends.
    pub fn drop_coid(&self, process: &'static Process, coid: &Coid) {
        coid.detached.store(true, Ordering::SeqCst);
        for slot in 0..layout::SLOTS {
            if self.slot_coid[slot].load(Ordering::SeqCst) == coid.coid {
                poke(self.done(slot));
            }
        }
        if self.busy.fetch_sub(COID_UNIT, Ordering::AcqRel) == COID_UNIT {
            self.close(process);
        }
    }

    /// Makes every blocked thread look around.
    pub fn poke_all(&self) {
        for slot in 0..layout::SLOTS {
            poke(self.done(slot));
        }
    }

    fn done(&self, slot: usize) -> &AtomicU32 {
        self.region.u32(layout::reply(slot) + reply::DONE)
    }

    /// Takes a slot for one message, waiting if all are in use. True with it: the slot holds a cancelled message that
    /// the server has not seen yet, so it must be turned into the new one rather than announced.
    #[inline]
    pub fn claim_slot(&self, coid: i32) -> Result<(usize, bool), Errno> {
        loop {
            if let Some((slot, reused)) = self.try_claim() {
                self.slot_coid[slot].store(coid, Ordering::SeqCst);
                return Ok((slot, reused));
            }
            let before = self.freed.load(Ordering::SeqCst);
            self.waiting.fetch_add(1, Ordering::SeqCst);
            let full = self.busy.load(Ordering::SeqCst) & layout::SLOT_BITS == layout::SLOT_BITS;
            let wake = if full { futex_wait(&self.freed, before, FOREVER) } else { Wake::Woken };
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            if wake == Wake::Signal {
                return Err(Errno::EINTR);
            }
            if self.is_dead() {
                return Err(Errno::EBADF);
            }
        }
    }

    #[inline]
    fn try_claim(&self) -> Option<(usize, bool)> {
        let mut word = self.busy.load(Ordering::Relaxed);
        loop {
            let cancelled = self.cancelled.load(Ordering::Acquire);
            let idle = !word & layout::SLOT_BITS;
            if idle == 0 {
                return None;
            }
            // A slot with nothing left behind is better; else take over a cancelled one.
            let clean = idle & !cancelled;
            let bit = if clean != 0 { clean & clean.wrapping_neg() } else { idle & idle.wrapping_neg() };
            match self.busy.compare_exchange_weak(word, word | bit, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    let reused = self.cancelled.fetch_and(!bit, Ordering::AcqRel) & bit != 0;
                    return Some((bit.trailing_zeros() as usize, reused));
                }
                Err(changed) => word = changed,
            }
        }
    }

    /// Gives a slot back. `cancelled`: its message may still be known to the server.
    #[inline]
    pub fn release_slot(&self, process: &'static Process, slot: usize, cancelled: bool) {
        let bit = 1 << slot;
        self.slot_coid[slot].store(0, Ordering::Relaxed);
        if cancelled {
            self.cancelled.fetch_or(bit, Ordering::AcqRel);
        }
        if self.busy.fetch_and(!bit, Ordering::SeqCst) == bit {
            self.close(process);
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
        if conns.get(&key).is_some_and(|listed| core::ptr::eq(Arc::as_ptr(listed), self)) {
            conns.remove(&key);
        }
    }

    /// The server died or destroyed its channel: blocked threads leave with ESRCH, coids are dead until detached.
    pub fn server_gone(&self, process: &'static Process) {
        if self.dead.swap(true, Ordering::SeqCst) {
            return;
        }
        trace!(2, "server pid {} chid {} is gone", self.pid, self.chid);
        self.forget(process);
        drop(lock(&self.sock).take());
        self.poke_all();
        self.freed.fetch_add(1, Ordering::SeqCst);
        futex_wake(&self.freed, i32::MAX);
        let chid = process.coid_death_chid.load(Ordering::SeqCst);
        if let Some(channel) = process.channels.get(chid) {
            for coid in process.coids.all().iter().filter(|coid| core::ptr::eq(Arc::as_ptr(&coid.conn), self)) {
                let value = coid.coid as u32 as u64;
                let pulse = PulseItem { code: PULSE_CODE_COIDDEATH, priority: PRIORITY_DEFAULT, value, scoid: 0 };
                channel.push_pulse(pulse, true);
            }
        }
    }
}

/// A way back from the server half inside the same process.
pub fn weak(conn: &Arc<ClientConn>) -> Weak<ClientConn> {
    Arc::downgrade(conn)
}
