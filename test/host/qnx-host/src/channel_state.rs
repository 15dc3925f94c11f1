//! What a channel's lock guards: the queue, and how things that clients have posted get into it.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use crate::lane::Lane;
use crate::layout::send::state as slot_state;
use crate::layout::{lane as lane_layout, ring};
use crate::pulse_pool::{Exhausted, PulsePool};
use crate::queue::{Item, PulseItem, Queue};
use crate::trace::trace;

/// A message to be received: the lane's number in this process, and the slot.
pub type Waiting = (i32, u8);

/// A message in the queue: the lane's place in the channel, and the slot.
pub type Queued = (u16, u8);

/// What the channel's lock guards.
pub struct State {
    /// Messages and pulses, in order.
    pub queue: Queue<Queued>,
    /// The only thing that waits, as long as nothing else does: the usual case, for which the queue is left alone. Nothing
    /// has been read from its slot yet.
    pub single: Option<Queued>,
    /// By their place in the doorbell.
    pub lanes: Vec<Option<Arc<Lane>>>,
    /// For a channel with a private pulse pool.
    pub pool: Option<PulsePool>,
}

impl State {
    /// Looks at what is new on the lane at `index`: `changed` is what differs in its word.
    pub fn collect(&mut self, index: usize, changed: u64, exhausted: &mut Option<Exhausted>) {
        let Some(lane) = self.lanes.get(index).and_then(Option::as_ref) else {
            return;
        };
        let slots = changed & lane_layout::SLOT_BITS;
        if changed == slots && slots.is_power_of_two() && self.single.is_none() && self.queue.is_empty() {
            let slot = slots.trailing_zeros();
            lane.prefetch(slot as usize);
            self.single = Some((index as u16, slot as u8));
            return;
        }
        let lane = Arc::clone(lane);
        self.queue_single();
        if changed != slots {
            self.drain_ring(&lane, exhausted);
        }
        let mut slots = slots;
        while slots != 0 {
            self.enqueue(&lane, slots.trailing_zeros() as usize);
            slots &= slots - 1;
        }
    }

    /// Something else waits too: the order matters now.
    fn queue_single(&mut self) {
        if let Some((index, slot)) = self.single.take()
            && let Some(lane) = self.lanes.get(usize::from(index)).cloned().flatten()
        {
            self.enqueue(&lane, usize::from(slot));
        }
    }

    /// Takes the first thing that waits, or the first pulse.
    #[inline]
    pub fn pop(&mut self, pulses_only: bool) -> Option<Item<Waiting>> {
        if pulses_only {
            self.queue_single();
        }
        let (index, slot) = match self.single.take() {
            Some(single) => single,
            None => match if pulses_only {
                self.queue.pop_pulse()
            } else {
                self.queue.pop()
            }? {
                Item::Pulse(pulse) => return Some(Item::Pulse(pulse)),
                Item::Message(queued) => queued,
            },
        };
        // A lane that goes takes its messages along, so it is there.
        let lane = self.lanes.get(usize::from(index))?.as_ref()?;
        Some(Item::Message((lane.id, slot)))
    }

    fn enqueue(&mut self, lane: &Arc<Lane>, slot: usize) {
        let shared = &lane.region.slot(slot).send;
        let state = &shared.state;
        match state.load(Ordering::Acquire) {
            slot_state::SENT => {}
            slot_state::CANCELLED => {
                let (from, to) = (slot_state::CANCELLED, slot_state::FREE);
                let freed = state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
                // Else the client has just used the slot again.
                if freed != Err(slot_state::SENT) {
                    return;
                }
            }
            _ => return,
        }
        let priority = (shared.what.load(Ordering::Relaxed) as u8).max(1);
        let ticket = shared.ticket.load(Ordering::Relaxed);
        self.queue
            .push_message(priority, ticket, (lane.index as u16, slot as u8));
    }

    /// Moves a lane's pulses to the queue. The ring is the client's to write: nothing in it is believed beyond a pulse.
    pub fn drain_ring(&mut self, lane: &Arc<Lane>, exhausted: &mut Option<Exhausted>) {
        let region = &lane.region;
        let tail = region.u32(lane_layout::RING_TAIL).load(Ordering::Acquire);
        let mut head = lane.ring_head.load(Ordering::Relaxed);
        if tail.wrapping_sub(head) > lane_layout::RING as u32 {
            trace!(
                1,
                "scoid {:#x}: pulse ring index {tail}, {head} taken: ring ignored", lane.conn.scoid
            );
            head = tail;
        }
        while head != tail {
            let entry = lane_layout::ring_entry(head);
            let what = region.u32(entry + ring::WHAT).load(Ordering::Relaxed);
            let value = region.u64(entry + ring::VALUE).load(Ordering::Relaxed);
            let ticket = region.u64(entry + ring::TICKET).load(Ordering::Relaxed);
            // The client adds to the count while it is not 0, so take it last.
            let count = region.u32(entry + ring::COUNT).swap(0, Ordering::AcqRel);
            if count != 0 && lane.conn.may_pulse {
                let (code, priority) = (what as u8 as i8, ((what >> 8) as u8).max(1));
                let pulse = PulseItem {
                    code,
                    priority,
                    value,
                    scoid: lane.conn.scoid,
                };
                self.queue_pulse(pulse, ticket, count, false, exhausted);
            }
            head = head.wrapping_add(1);
        }
        lane.ring_head.store(head, Ordering::Relaxed);
        region.u32(lane_layout::RING_HEAD).store(head, Ordering::Release);
    }

    /// Adds `count` identical pulses if the pool has room; a pulse of the kernel's own is never lost.
    pub fn queue_pulse(
        &mut self,
        pulse: PulseItem,
        ticket: u64,
        count: u32,
        kernel: bool,
        exhausted: &mut Option<Exhausted>,
    ) {
        self.queue_single();
        if let Some(pool) = &mut self.pool
            && !self.queue.has_pulse(&pulse)
            && !pool.has_room(self.queue.pulse_entries())
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
        self.queue.push_pulse(pulse, ticket, count);
    }
}
