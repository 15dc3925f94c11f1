//! The server's side of one client process' slots: which receive each slot holds, and the steps of a transaction.
//!
//! A slot's shared state word is the lock between the two processes: the server marks it BUSY while it touches the
//! client's buffers, and the client may leave only while it is not. What the server believes about a message is its
//! own copy ([`Request`]), taken once.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::counters::add;
use crate::errno::Errno;
use crate::layout::lane as layout;
use crate::layout::reply::done;
use crate::layout::send::{flag, state};
use crate::prefetch;
use crate::process::lock;
use crate::region::Region;
use crate::server_conn::ServerConn;
use crate::shared_slot::{SEND_INLINE, SharedSlot};
use crate::sys::futex_wake;
use crate::types::RcvId;
use host_spin::last_cpu;

/// A message as it was when received.
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)]
pub struct Request {
    pub coid: i32,
    pub tid: i32,
    pub priority: u8,
    pub flags: u8,
    pub cpu: u16,
    pub ticket: u64,
    pub send_len: u64,
    pub reply_len: u64,
    pub send_addr: u64,
    pub reply_addr: u64,
    pub send_parts: u32,
    pub reply_parts: u32,
}

impl Request {
    /// The payload lies in the slot.
    pub fn is_inline(&self) -> bool {
        self.flags & flag::INLINE != 0 && self.send_len <= SEND_INLINE as u64
    }
}

/// What the server holds of a slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Held {
    /// No receive is outstanding.
    No,
    /// Received, not answered.
    Yes,
    /// Received, and the client was killed meanwhile: the unblock pulse is out, the answer goes nowhere.
    Dying,
}

/// Private state of a slot.
pub struct Slot {
    generation: u32,
    /// Is a receive outstanding?
    pub held: Held,
    /// The message.
    pub request: Request,
    /// The client's iov arrays, fetched once on first need.
    pub send_parts: Option<Box<[libc::iovec]>>,
    /// See `send_parts`.
    pub reply_parts: Option<Box<[libc::iovec]>>,
    /// The client has its answer and sleeps: see [`Lane::wake_answered`].
    wake: bool,
}

impl Slot {
    /// Generation of the last receive.
    pub fn generation(&self) -> u32 {
        self.generation
    }
}

// SAFETY: the iovecs hold addresses in another process; they are numbers to us.
unsafe impl Send for Slot {}

/// One client process' slots on one channel.
pub struct Lane {
    /// Number inside rcvids.
    pub id: i32,
    /// Number of the doorbell word.
    pub index: usize,
    /// Shared with the client.
    pub region: Arc<Region>,
    /// The connection.
    pub conn: Arc<ServerConn>,
    /// Pulses taken from the ring; written under the channel's lock.
    pub ring_head: AtomicU32,
    /// The client is gone or the channel destroyed.
    pub dead: AtomicBool,
    /// Held while the bounce area is in use.
    pub bounce: Mutex<()>,
    slots: Box<[Mutex<Slot>]>,
}

/// Lane numbers lie below this. They are given out in turn, so that an rcvid of a client that is gone names no other
/// client's message for a long time.
pub const MAX_LANES: i32 = 1 << 26;

/// Parts of an rcvid: lane and slot below, generation above. Positive, so 31 bits of generation.
fn encode(generation: u32, lane: i32, slot: usize) -> RcvId {
    (i64::from(generation) << 32) | (i64::from(lane) << 6) | slot as i64
}

/// Lane number and slot of an rcvid; `None` if it cannot be one.
pub fn decode(rcvid: RcvId) -> Option<(i32, usize, u32)> {
    if rcvid <= 0 {
        return None;
    }
    let slot = (rcvid & 63) as usize;
    let lane = ((rcvid >> 6) & i64::from(MAX_LANES - 1)) as i32;
    (slot < layout::SLOTS).then_some((lane, slot, (rcvid >> 32) as u32))
}

impl Lane {
    /// An unused lane.
    pub fn new(id: i32, index: usize, region: Arc<Region>, conn: Arc<ServerConn>) -> Lane {
        let slot = || {
            Mutex::new(Slot {
                generation: 0,
                held: Held::No,
                request: Request::default(),
                send_parts: None,
                reply_parts: None,
                wake: false,
            })
        };
        Lane {
            id,
            index,
            region,
            conn,
            ring_head: AtomicU32::new(0),
            dead: AtomicBool::new(false),
            bounce: Mutex::new(()),
            slots: (0..layout::SLOTS).map(|_| slot()).collect(),
        }
    }

    /// A slot's private state.
    pub fn slot(&self, slot: usize) -> &Mutex<Slot> {
        &self.slots[slot]
    }

    /// The rcvid of what slot `slot` holds.
    pub fn rcvid(&self, slot: usize, held: &Slot) -> RcvId {
        encode(held.generation, self.id, slot)
    }

    /// What a receive from this slot touches starts on its way: the header, and the first lines of a small message.
    #[inline]
    pub fn prefetch(&self, slot: usize) {
        let shared = &self.region.slot(slot).send;
        prefetch::for_writing((&raw const *shared).cast());
        for line in 0..2 {
            prefetch::for_reading(shared.payload().wrapping_add(64 * line));
        }
    }

    fn state(&self, slot: usize) -> &AtomicU32 {
        &self.region.slot(slot).send.state
    }

    /// Takes a message: the sender goes from SEND- to REPLY-blocked. `None` if the sender has left or died meanwhile.
    #[inline]
    pub fn take(&self, slot: usize, held: &mut Slot) -> Option<RcvId> {
        if self.dead.load(Ordering::SeqCst) {
            return None;
        }
        let word = self.state(slot);
        if word
            .compare_exchange(state::SENT, state::TAKEN, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            let _ = word.compare_exchange(state::CANCELLED, state::FREE, Ordering::AcqRel, Ordering::Relaxed);
            return None;
        }
        // An earlier receive on this slot whose client left without a word is void from here on.
        held.generation = if held.generation >= 0x7FFF_FFFF {
            1
        } else {
            held.generation + 1
        };
        held.held = Held::Yes;
        held.request = self.read_request(slot);
        held.send_parts = None;
        held.reply_parts = None;
        add(|c| &c.receives, 1);
        Some(encode(held.generation, self.id, slot))
    }

    fn read_request(&self, slot: usize) -> Request {
        let shared = &self.region.slot(slot).send;
        let word = |field: &AtomicU32| field.load(Ordering::Relaxed);
        let long = |field: &AtomicU64| field.load(Ordering::Relaxed);
        let what = word(&shared.what);
        Request {
            coid: word(&shared.coid) as i32,
            tid: word(&shared.tid) as i32,
            priority: (what as u8).max(1),
            flags: (what >> 8) as u8,
            cpu: (what >> 16) as u16,
            ticket: long(&shared.ticket),
            send_len: long(&shared.send_len).min(isize::MAX as u64),
            reply_len: long(&shared.reply_len).min(isize::MAX as u64),
            send_addr: long(&shared.send_addr),
            reply_addr: long(&shared.reply_addr),
            send_parts: word(&shared.send_parts),
            reply_parts: word(&shared.reply_parts),
        }
    }

    /// Runs `body` on the receive that `rcvid` names; `ESRCH` if it is no longer outstanding.
    pub fn with_held<R>(
        &self,
        rcvid: RcvId,
        body: impl FnOnce(usize, &mut Slot) -> Result<R, Errno>,
    ) -> Result<R, Errno> {
        let (_, slot, generation) = decode(rcvid).ok_or(Errno::ESRCH)?;
        let mut held = lock(&self.slots[slot]);
        if held.generation != generation || held.held == Held::No {
            return Err(Errno::ESRCH);
        }
        let result = body(slot, &mut held);
        // The next message of a client that wakes now may come through this slot, and its receiver needs the lock.
        let wake = core::mem::take(&mut held.wake);
        drop(held);
        if wake {
            futex_wake(&self.region.slot(slot).reply.done, 1);
        }
        result
    }

    /// Wakes a client that [`Lane::finish`] has answered, outside of [`Lane::with_held`], which does so itself.
    pub fn wake_answered(&self, slot: usize, held: &mut Slot) {
        if core::mem::take(&mut held.wake) {
            futex_wake(&self.region.slot(slot).reply.done, 1);
        }
    }

    /// The client asked to be unblocked (or is dead).
    pub fn wants_unblock(&self, slot: usize, held: &Slot) -> bool {
        held.held == Held::Dying || self.state(slot).load(Ordering::Acquire) & state::UNBLOCK != 0
    }

    /// The client left without a word (no UNBLOCK flag).
    pub fn has_left(&self, slot: usize) -> bool {
        self.state(slot).load(Ordering::Acquire) & 0xF != state::TAKEN
    }

    /// Keeps the client from leaving while its buffers are touched. `ESRCH` if it has left.
    pub fn begin_touch(&self, slot: usize, held: &mut Slot) -> Result<(), Errno> {
        let word = self.state(slot);
        let mut now = word.load(Ordering::Acquire);
        loop {
            if now & 0xF != state::TAKEN || now & state::BUSY != 0 {
                held.held = Held::No;
                return Err(Errno::ESRCH);
            }
            match word.compare_exchange(now, now | state::BUSY, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(changed) => now = changed,
            }
        }
    }

    /// Ends [`Lane::begin_touch`] with the client still REPLY-blocked.
    pub fn end_touch(&self, slot: usize) {
        let before = self
            .state(slot)
            .fetch_and(!(state::BUSY | state::WANTS_OUT), Ordering::AcqRel);
        if before & state::WANTS_OUT != 0 {
            self.poke(slot);
        }
    }

    /// Ends the transaction: the client returns. `len` bytes of reply lie in the slot. The slot must be BUSY.
    pub fn finish(&self, slot: usize, held: &mut Slot, status: i64, is_error: bool, len: usize) {
        let SharedSlot { send, reply } = self.region.slot(slot);
        reply.cpu.store(u32::from(last_cpu()), Ordering::Relaxed);
        reply.status.store(status as u64, Ordering::Relaxed);
        reply.is_error.store(u64::from(is_error), Ordering::Relaxed);
        reply.len.store(len as u64, Ordering::Relaxed);
        held.held = Held::No;
        send.state.store(state::FREE, Ordering::Release);
        held.wake = reply.done.swap(done::DONE, Ordering::AcqRel) == done::SLEEPING;
        add(|c| &c.replies, 1);
    }

    /// Makes the client's thread look around.
    pub fn poke(&self, slot: usize) {
        poke(&self.region.slot(slot).reply.done);
    }
}

/// Makes a blocked sender look around, without hiding an answer that is there already.
pub fn poke(word: &AtomicU32) {
    if word.compare_exchange(done::PENDING, done::POKE, Ordering::SeqCst, Ordering::SeqCst)
        == Err(done::SLEEPING)
        && word
            .compare_exchange(done::SLEEPING, done::POKE, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    {
        futex_wake(word, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rcvids_are_positive_and_come_apart_again() {
        for (generation, lane, slot) in [(1, 0, 0), (0x7FFF_FFFF, 0x3FF_FFFF, 47), (77, 3, 5)] {
            let rcvid = encode(generation, lane, slot);
            assert!(rcvid > 0);
            assert_eq!(decode(rcvid), Some((lane, slot, generation)));
        }
        assert_eq!(decode(0), None);
        assert_eq!(decode(-1), None);
        assert_eq!(decode((1 << 32) | 63), None);
    }
}
