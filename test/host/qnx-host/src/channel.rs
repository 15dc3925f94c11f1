//! A channel as its owner sees it: the queue, the doorbell that clients ring, and the lanes they send through.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::channel_state::{State, Waiting};
use crate::errno::Errno;
use crate::event_raise::raise_local;
use crate::fds::Fd;
use crate::lane::Lane;
use crate::layout::{doorbell, lane as lane_layout};
use crate::memfd;
use crate::process::lock;
use crate::pulse_pool::{Exhausted, PulsePool};
use crate::queue::{Item, PulseItem, Queue};
use crate::region::Region;
use crate::sys::{self, futex_wake, futex_wake_kind};
use crate::trace::trace;
use crate::types::{CHF_PULSE_POOL, ChannelConfig};
use host_spin::SpinBudget;

/// One channel.
pub struct Channel {
    /// Its number in this process.
    pub chid: i32,
    /// `_NTO_CHF_*`.
    pub flags: u32,
    /// Shared with every client of another process.
    pub doorbell: Arc<Region>,
    doorbell_fd: Fd,
    /// Our copy of the lanes' doorbell words: what has been looked at. Written under the lock.
    seen: Box<[AtomicU64]>,
    /// Lanes 0..high may be in use.
    high: AtomicUsize,
    /// Bumped when something is queued by this process itself; spinning receivers watch it.
    private: AtomicU32,
    state: Mutex<State>,
    dead: AtomicBool,
    /// Receivers that spin: one at most, more would only burn CPUs.
    pub spinning: AtomicU32,
    /// How long receivers spin.
    pub spin: SpinBudget,
    /// CPU of the client that sent last.
    pub last_cpu: AtomicU32,
}

impl Channel {
    /// Makes a channel object. `config` for a private pulse pool.
    pub fn new(chid: i32, flags: u32, config: Option<&ChannelConfig>) -> Result<Channel, Errno> {
        let doorbell_fd = memfd::sealed(c"qnx-doorbell", doorbell::LEN as u64)?;
        let doorbell = Arc::new(Region::map(&doorbell_fd, doorbell::LEN)?);
        let flags = if config.is_some() {
            flags | CHF_PULSE_POOL
        } else {
            flags & !CHF_PULSE_POOL
        };
        Ok(Channel {
            chid,
            flags,
            doorbell,
            doorbell_fd,
            seen: (0..doorbell::LANES).map(|_| AtomicU64::new(0)).collect(),
            high: AtomicUsize::new(0),
            private: AtomicU32::new(0),
            state: Mutex::new(State {
                queue: Queue::default(),
                single: None,
                lanes: Vec::new(),
                pool: config.map(PulsePool::new),
            }),
            dead: AtomicBool::new(false),
            spinning: AtomicU32::new(0),
            spin: SpinBudget::default(),
            last_cpu: AtomicU32::new(u32::from(u16::MAX)),
        })
    }

    /// The doorbell's descriptor, to be handed to clients.
    pub fn doorbell_fd(&self) -> &Fd {
        &self.doorbell_fd
    }

    /// Destroyed: receivers must leave.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Largest number of different pulses that one client may have in its ring.
    pub fn ring_limit(&self) -> u32 {
        let pool = lock(&self.state).pool.as_ref().map_or(u32::MAX, PulsePool::size);
        pool.clamp(1, lane_layout::RING as u32)
    }

    /// Takes the first thing that waits, or the first pulse. Everything that clients have posted is looked at before.
    #[inline]
    pub fn pop(&self, pulses_only: bool) -> Option<Item<Waiting>> {
        let mut exhausted = None;
        let item = {
            let mut state = lock(&self.state);
            self.drain(&mut state, &mut exhausted);
            let item = state.pop(pulses_only);
            let State { queue, pool, .. } = &mut *state;
            if let Some(pool) = pool {
                pool.rearm(queue.pulse_entries());
            }
            item
        };
        if exhausted.is_some() {
            self.raise(exhausted);
        }
        item
    }

    fn raise(&self, exhausted: Option<Exhausted>) {
        match exhausted {
            None => {}
            Some(Exhausted::Event(event)) => {
                trace!(2, "chid {}: pulse pool exhausted, raising its event", self.chid);
                let _ = raise_local(&event, 0);
            }
            Some(Exhausted::Kill) => pool_kill(self.chid),
        }
    }

    /// True if something may wait that has not been looked at. `private` is the value of [`Channel::private_count`]
    /// at the last look.
    #[inline]
    pub fn has_hint(&self, private: u32) -> bool {
        if self.private.load(Ordering::Acquire) != private {
            return true;
        }
        let high = self.high.load(Ordering::Relaxed);
        (0..high).any(|lane| {
            self.doorbell.u64(doorbell::word(lane)).load(Ordering::Acquire)
                != self.seen[lane].load(Ordering::Relaxed)
        })
    }

    /// Changes when this process itself queues something.
    #[inline]
    pub fn private_count(&self) -> u32 {
        self.private.load(Ordering::Acquire)
    }

    #[inline]
    fn drain(&self, state: &mut State, exhausted: &mut Option<Exhausted>) {
        for index in 0..self.high.load(Ordering::Relaxed) {
            let now = self.doorbell.u64(doorbell::word(index)).load(Ordering::Acquire);
            let changed = now ^ self.seen[index].load(Ordering::Relaxed);
            if changed != 0 {
                self.seen[index].store(now, Ordering::Relaxed);
                state.collect(index, changed, exhausted);
            }
        }
    }

    /// Wakes a receiver, or all when some want pulses only. Call after queueing pulses, without the lock.
    #[inline]
    pub fn wake_receivers(&self) {
        self.private.fetch_add(1, Ordering::SeqCst);
        ring_for_pulse(&self.doorbell);
    }

    /// Queues a pulse from inside this process and wakes a receiver. A pulse of the kernel's own is never lost.
    pub fn push_pulse(&self, pulse: PulseItem, kernel: bool) {
        let mut exhausted = None;
        {
            let mut state = lock(&self.state);
            self.drain(&mut state, &mut exhausted);
            let ticket = next_ticket(&self.doorbell);
            state.queue_pulse(pulse, ticket, 1, kernel, &mut exhausted);
        }
        self.raise(exhausted);
        self.wake_receivers();
    }

    /// Empties a client's pulse ring on its request: it was full when the client sent `pulse`.
    pub fn drain_on_request(&self, lane: &Arc<Lane>, pulse: PulseItem, ticket: u64) {
        let mut exhausted = None;
        {
            let mut state = lock(&self.state);
            state.drain_ring(lane, &mut exhausted);
            state.queue_pulse(pulse, ticket, 1, false, &mut exhausted);
        }
        self.raise(exhausted);
        self.wake_receivers();
    }

    /// Finds a place for a new lane. `EAGAIN` when too many processes are connected.
    pub fn add_lane(&self, make: impl FnOnce(usize) -> Result<Arc<Lane>, Errno>) -> Result<Arc<Lane>, Errno> {
        let mut state = lock(&self.state);
        if self.is_dead() {
            return Err(Errno::ESRCH);
        }
        let index = state
            .lanes
            .iter()
            .position(Option::is_none)
            .unwrap_or(state.lanes.len());
        if index >= doorbell::LANES {
            return Err(Errno::EAGAIN);
        }
        let lane = make(index)?;
        // An earlier user of the word may have left anything in it.
        self.seen[index].store(
            self.doorbell.u64(doorbell::word(index)).load(Ordering::Acquire),
            Ordering::Relaxed,
        );
        if index == state.lanes.len() {
            state.lanes.push(None);
        }
        state.lanes[index] = Some(Arc::clone(&lane));
        self.high.fetch_max(index + 1, Ordering::Release);
        Ok(lane)
    }

    /// The client of `lane` is gone: keeps the pulses it sent, forgets the messages nobody has received.
    pub fn remove_lane(&self, lane: &Arc<Lane>) {
        let mut exhausted = None;
        {
            let mut state = lock(&self.state);
            state.drain_ring(lane, &mut exhausted);
            if let Some(place) = state.lanes.get_mut(lane.index) {
                *place = None;
            }
            state
                .queue
                .retain_messages(|(of, _)| usize::from(*of) != lane.index);
            state.single = state.single.filter(|(of, _)| usize::from(*of) != lane.index);
        }
        self.raise(exhausted);
    }

    /// Ends the channel: receivers leave with ESRCH. Returns the lanes for the caller to close; `None` if it has ended
    /// already.
    pub fn kill(&self) -> Option<Vec<Arc<Lane>>> {
        let lanes = {
            let mut state = lock(&self.state);
            if self.dead.swap(true, Ordering::SeqCst) {
                return None;
            }
            state.queue = Queue::default();
            state.single = None;
            state.lanes.drain(..).flatten().collect()
        };
        self.private.fetch_add(1, Ordering::SeqCst);
        wake_all(&self.doorbell);
        Some(lanes)
    }
}

/// The next ticket of the channel behind `doorbell`: what has the same priority is received in their order.
#[inline]
pub fn next_ticket(doorbell: &Region) -> u64 {
    doorbell.u64(doorbell::TICKET).fetch_add(1, Ordering::Relaxed)
}

/// Wakes every sleeping receiver.
pub fn wake_all(doorbell: &Region) {
    doorbell.u32(doorbell::SEQ).fetch_add(1, Ordering::SeqCst);
    futex_wake(doorbell.u32(doorbell::SEQ), i32::MAX);
}

/// Kinds of sleepers on [`doorbell::SEQ`]: receivers of anything, and of pulses alone.
pub mod kind {
    /// MsgReceive.
    pub const ANYTHING: u32 = 1;
    /// MsgReceivePulse.
    pub const PULSES: u32 = 2;
}

/// Wakes a sleeping receiver of the channel behind `doorbell` after a message was posted. Who wants pulses only sleeps on.
///
/// The caller's post must come before this in memory order (a SeqCst operation): the receiver counts itself as a
/// sleeper, then looks once more, so one of the two sees the other.
#[inline]
pub fn ring_for_message(doorbell: &Region) {
    if doorbell.u32(doorbell::SLEEPERS).load(Ordering::SeqCst) != 0 {
        doorbell.u32(doorbell::SEQ).fetch_add(1, Ordering::SeqCst);
        futex_wake_kind(doorbell.u32(doorbell::SEQ), 1, kind::ANYTHING);
    }
}

/// The same after a pulse was posted, by either side: wakes a receiver, or all while some of them want pulses only, since the one
/// that wakes may find a message before the pulse.
#[inline]
pub fn ring_for_pulse(doorbell: &Region) {
    let count = |at| doorbell.u32(at).load(Ordering::SeqCst);
    let picky = count(doorbell::PICKY) != 0;
    if picky || count(doorbell::SLEEPERS) != 0 {
        doorbell.u32(doorbell::SEQ).fetch_add(1, Ordering::SeqCst);
        futex_wake(doorbell.u32(doorbell::SEQ), if picky { i32::MAX } else { 1 });
    }
}

/// The default on exhaustion: the owner of the channel is killed.
fn pool_kill(chid: i32) -> ! {
    crate::trace::line(format_args!(
        "chid {chid}: pulse pool exhausted and no custom event: killing this process"
    ));
    loop {
        // SAFETY: ends this process; QNX does the same.
        unsafe { libc::kill(sys::pid(), libc::SIGKILL) };
    }
}
