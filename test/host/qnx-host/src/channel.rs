//! A channel as its owner sees it: the queue, the doorbell that clients ring, and the lanes they send through.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::errno::Errno;
use crate::event_raise::raise_local;
use crate::fds::Fd;
use crate::lane::Lane;
use crate::layout::send::state as slot_state;
use crate::layout::{doorbell, lane as lane_layout, ring, send};
use crate::process::lock;
use crate::pulse_pool::{Exhausted, PulsePool};
use crate::queue::{PulseItem, Queue};
use crate::region::Region;
use crate::spin::SpinBudget;
use crate::sys::{self, futex_wake};
use crate::trace::trace;
use crate::types::{CHF_PULSE_POOL, ChannelConfig};

/// A message that waits to be received: lane and slot.
pub type Waiting = (Arc<Lane>, u8);

/// What the channel's lock guards.
pub struct State {
    /// Messages and pulses, in order.
    pub queue: Queue<Waiting>,
    lanes: Vec<Option<Arc<Lane>>>,
    pool: Option<PulsePool>,
}

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
        let doorbell_fd = sys::memfd(c"qnx-doorbell", doorbell::LEN as u64)?;
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

    /// Runs `body` under the lock with everything that clients have posted moved to the queue, then raises the pulse
    /// pool's event if it ran out meanwhile.
    pub fn with_drained<R>(&self, body: impl FnOnce(&mut State) -> R) -> R {
        let mut exhausted = None;
        let result = {
            let mut state = lock(&self.state);
            self.drain(&mut state, &mut exhausted);
            let result = body(&mut state);
            let State { queue, pool, .. } = &mut *state;
            if let Some(pool) = pool {
                pool.rearm(queue.pulse_entries());
            }
            result
        };
        self.raise(exhausted);
        result
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

    fn drain(&self, state: &mut State, exhausted: &mut Option<Exhausted>) {
        for index in 0..self.high.load(Ordering::Relaxed) {
            let now = self.doorbell.u64(doorbell::word(index)).load(Ordering::Acquire);
            let changed = now ^ self.seen[index].load(Ordering::Relaxed);
            if changed == 0 {
                continue;
            }
            self.seen[index].store(now, Ordering::Relaxed);
            let Some(lane) = state.lanes.get(index).and_then(Clone::clone) else {
                continue;
            };
            if changed & !lane_layout::SLOT_BITS != 0 {
                drain_ring(state, &lane, exhausted);
            }
            let mut slots = changed & lane_layout::SLOT_BITS;
            while slots != 0 {
                let slot = slots.trailing_zeros() as usize;
                slots &= slots - 1;
                enqueue(&mut state.queue, &lane, slot);
            }
        }
    }

    /// Wakes a receiver, or all when some want pulses only. Call after queueing, without the lock.
    #[inline]
    pub fn wake_receivers(&self) {
        self.private.fetch_add(1, Ordering::SeqCst);
        ring_sleepers(&self.doorbell);
    }

    /// Queues a pulse from inside this process and wakes a receiver. A pulse of the kernel's own is never lost.
    pub fn push_pulse(&self, pulse: PulseItem, kernel: bool) {
        let mut exhausted = None;
        {
            let mut state = lock(&self.state);
            self.drain(&mut state, &mut exhausted);
            queue_pulse(&mut state, pulse, sys::now_ns(), 1, kernel, &mut exhausted);
        }
        self.raise(exhausted);
        self.wake_receivers();
    }

    /// Empties a client's pulse ring on its request: it was full when the client sent `pulse`, at `time`.
    pub fn drain_on_request(&self, lane: &Arc<Lane>, pulse: PulseItem, time: u64) {
        let mut exhausted = None;
        {
            let mut state = lock(&self.state);
            drain_ring(&mut state, lane, &mut exhausted);
            queue_pulse(&mut state, pulse, time, 1, false, &mut exhausted);
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
            drain_ring(&mut state, lane, &mut exhausted);
            if let Some(place) = state.lanes.get_mut(lane.index) {
                *place = None;
            }
            state.queue.retain_messages(|(of, _)| !Arc::ptr_eq(of, lane));
        }
        self.raise(exhausted);
    }

    /// Ends the channel: receivers leave with ESRCH. Returns the lanes for the caller to close.
    pub fn kill(&self) -> Vec<Arc<Lane>> {
        let lanes = {
            let mut state = lock(&self.state);
            self.dead.store(true, Ordering::SeqCst);
            state.queue = Queue::default();
            state.lanes.drain(..).flatten().collect()
        };
        self.private.fetch_add(1, Ordering::SeqCst);
        wake_all(&self.doorbell);
        lanes
    }
}

/// Wakes every sleeping receiver.
pub fn wake_all(doorbell: &Region) {
    doorbell.u32(doorbell::SEQ).fetch_add(1, Ordering::SeqCst);
    futex_wake(doorbell.u32(doorbell::SEQ), i32::MAX);
}

/// Wakes sleeping receivers of the channel behind `doorbell`; both sides call this after posting.
///
/// The caller's post must come before this in memory order (a SeqCst operation): the receiver counts itself as a
/// sleeper, then looks once more, so one of the two sees the other.
#[inline]
pub fn ring_sleepers(doorbell: &Region) {
    if doorbell.u32(doorbell::SLEEPERS).load(Ordering::SeqCst) != 0 {
        let count = if doorbell.u32(doorbell::PICKY).load(Ordering::SeqCst) != 0 {
            i32::MAX
        } else {
            1
        };
        doorbell.u32(doorbell::SEQ).fetch_add(1, Ordering::SeqCst);
        futex_wake(doorbell.u32(doorbell::SEQ), count);
    }
}

fn enqueue(queue: &mut Queue<Waiting>, lane: &Arc<Lane>, slot: usize) {
    let base = lane_layout::send(slot);
    let state = lane.region.u32(base + send::STATE);
    match state.load(Ordering::Acquire) {
        slot_state::SENT => {}
        slot_state::CANCELLED => {
            let freed = state.compare_exchange(
                slot_state::CANCELLED,
                slot_state::FREE,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            // Else the client has just used the slot again.
            if freed != Err(slot_state::SENT) {
                return;
            }
        }
        _ => return,
    }
    let priority = (lane.region.u32(base + send::WHAT).load(Ordering::Relaxed) as u8).max(1);
    let time = lane.region.u64(base + send::TIME).load(Ordering::Relaxed);
    queue.push_message(priority, time, (Arc::clone(lane), slot as u8));
}

/// Moves a lane's pulses to the queue. The ring is the client's to write: nothing in it is believed beyond a pulse.
fn drain_ring(state: &mut State, lane: &Arc<Lane>, exhausted: &mut Option<Exhausted>) {
    let region = &lane.region;
    let tail = region.u32(lane_layout::RING_TAIL).load(Ordering::Acquire);
    let mut head = lane.ring_head.load(Ordering::Relaxed);
    if tail.wrapping_sub(head) > lane_layout::RING as u32 {
        trace!(
            1,
            "scoid {:#x}: pulse ring index {tail} with {head} taken, ring ignored", lane.conn.scoid
        );
        head = tail;
    }
    while head != tail {
        let entry = lane_layout::ring_entry(head);
        let what = region.u32(entry + ring::WHAT).load(Ordering::Relaxed);
        let value = region.u64(entry + ring::VALUE).load(Ordering::Relaxed);
        let time = region.u64(entry + ring::TIME).load(Ordering::Relaxed);
        // The client adds to the count while it is not 0, so take it last.
        let count = region.u32(entry + ring::COUNT).swap(0, Ordering::AcqRel);
        if count != 0 {
            let pulse = PulseItem {
                code: what as u8 as i8,
                priority: ((what >> 8) as u8).max(1),
                value,
                scoid: lane.conn.scoid,
            };
            queue_pulse(state, pulse, time, count, false, exhausted);
        }
        head = head.wrapping_add(1);
    }
    lane.ring_head.store(head, Ordering::Relaxed);
    region.u32(lane_layout::RING_HEAD).store(head, Ordering::Release);
}

fn queue_pulse(
    state: &mut State,
    pulse: PulseItem,
    time: u64,
    count: u32,
    kernel: bool,
    exhausted: &mut Option<Exhausted>,
) {
    if let Some(pool) = &mut state.pool
        && !state.queue.has_pulse(&pulse)
        && !pool.has_room(state.queue.pulse_entries())
    {
        let event = pool.overflow();
        if exhausted.is_none() {
            *exhausted = event;
        }
        // What QNX does with the pulse is not documented; here only the kernel's own are kept.
        if !kernel {
            return;
        }
    }
    state.queue.push_pulse(pulse, time, count);
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
