//! MsgSendPulse: into the lane's ring, with no system call unless a receiver sleeps.
//!
//! The sender never blocks and loses nothing: when the ring is full, the pulse travels with a request to the server's
//! kernel thread to empty the ring, and later ones wait in this process until it has.

use core::sync::atomic::Ordering;
use std::collections::VecDeque;

use crate::channel::{next_ticket, ring_for_pulse};
use crate::client_conn::ClientConn;
use crate::counters::add;
use crate::errno::Errno;
use crate::layout::{doorbell, lane as layout, ring};
use crate::process::lock;
use crate::queue::PulseItem;
use crate::send::with_coid;
use crate::thread;
use crate::types::PRIORITY_MAX;
use crate::wire::{self, Packet, op};

/// Code and priority as in the ring, value, ticket.
type Waiting = (u32, u64, u64);

/// The sending side of a lane's ring. The connection's lock makes this process the single producer.
pub struct PulseSender {
    tail: u32,
    limit: u32,
    last: Option<(u32, u64)>,
    /// Pulses that found the ring full.
    overflow: VecDeque<Waiting>,
    /// The server has been asked to empty the ring and has not answered.
    asked: bool,
}

impl PulseSender {
    /// `limit`: how many different pulses the server wants in the ring at most.
    pub fn new(limit: u32) -> PulseSender {
        let limit = limit.clamp(1, layout::RING as u32);
        PulseSender {
            tail: 0,
            limit,
            last: None,
            overflow: VecDeque::new(),
            asked: false,
        }
    }

    /// Puts a pulse in the ring. False if it is full.
    fn put(&mut self, conn: &ClientConn, (what, value, ticket): Waiting) -> bool {
        let region = &conn.first.region;
        let head = region.u32(layout::RING_HEAD).load(Ordering::Acquire);
        if self.last == Some((what, value)) && self.tail != head {
            let count = region.u32(layout::ring_entry(self.tail.wrapping_sub(1)) + ring::COUNT);
            let more = |count: u32| if count == 0 { None } else { count.checked_add(1) };
            // The server takes an entry by making its count 0: if that has happened, this pulse needs a new one.
            if count
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
                .is_ok()
            {
                return true;
            }
        }
        if self.tail.wrapping_sub(head) >= self.limit {
            return false;
        }
        let entry = layout::ring_entry(self.tail);
        region.u32(entry + ring::WHAT).store(what, Ordering::Relaxed);
        region.u64(entry + ring::VALUE).store(value, Ordering::Relaxed);
        region.u64(entry + ring::TICKET).store(ticket, Ordering::Relaxed);
        region.u32(entry + ring::COUNT).store(1, Ordering::Release);
        self.tail = self.tail.wrapping_add(1);
        self.last = Some((what, value));
        region.u32(layout::RING_TAIL).store(self.tail, Ordering::Release);
        true
    }

    /// Sends the first waiting pulse with a request to empty the ring.
    fn ask(&mut self, conn: &ClientConn) {
        if self.asked {
            return;
        }
        let Some((what, value, ticket)) = self.overflow.pop_front() else {
            return;
        };
        self.asked = true;
        let packet = Packet {
            number: what as i32,
            a: value,
            b: ticket,
            ..Packet::new(op::DRAIN)
        };
        match conn.sock() {
            // At most one such packet is under way, so the socket has room.
            Some(sock) if wire::send(&sock, &packet, &[], false).is_ok() => {}
            _ => self.overflow.push_front((what, value, ticket)),
        }
    }
}

/// Rings for a pulse.
fn ring(conn: &ClientConn) {
    conn.doorbell
        .u64(doorbell::word(conn.first.word))
        .fetch_add(layout::PULSE_UNIT, Ordering::SeqCst);
    ring_for_pulse(&conn.doorbell);
}

/// The server has emptied the ring: goes on with what waited.
pub fn ring_emptied(conn: &ClientConn) {
    let mut sender = lock(&conn.pulses);
    sender.asked = false;
    let mut moved = false;
    while let Some(next) = sender.overflow.front().copied() {
        if !sender.put(conn, next) {
            sender.ask(conn);
            break;
        }
        sender.overflow.pop_front();
        moved = true;
    }
    drop(sender);
    if moved {
        ring(conn);
    }
}

/// Sends a pulse through a connection object.
pub fn send_on(conn: &ClientConn, priority: u8, code: i8, value: u64) -> Result<(), Errno> {
    if conn.is_dead() {
        return Err(Errno::EBADF);
    }
    if !conn.may_pulse {
        return Err(Errno::EPERM);
    }
    add(|c| &c.pulses_sent, 1);
    if let Some(server) = &conn.local {
        server.channel.push_pulse(
            PulseItem {
                code,
                priority,
                value,
                scoid: server.scoid,
            },
            false,
        );
        return Ok(());
    }
    let pulse = (
        u32::from(code as u8) | u32::from(priority) << 8,
        value,
        next_ticket(&conn.doorbell),
    );
    let mut sender = lock(&conn.pulses);
    let put = sender.overflow.is_empty() && !sender.asked && sender.put(conn, pulse);
    if !put {
        sender.overflow.push_back(pulse);
        sender.ask(conn);
    }
    drop(sender);
    if put {
        ring(conn);
    }
    Ok(())
}

/// MsgSendPulse. `priority` -1 = the caller's, 0 becomes 1. Never blocks. `EBADF`, `EINVAL`, `EPERM` the
/// server is another user's.
pub fn send_pulse(coid: i32, priority: i32, code: i32, value: u64) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let priority = match priority {
        -1 => thread::priority(),
        0 => 1,
        1..=PRIORITY_MAX => priority as u8,
        _ => return Err(Errno::EINVAL),
    };
    let code = i8::try_from(code).map_err(|_| Errno::EINVAL)?;
    with_coid(coid, |coid| send_on(&coid.conn, priority, code, value))
}
