//! The blocked half of a send: waiting for the answer, helping the server meanwhile, and the ways out before it comes.

use core::sync::atomic::{AtomicU32, Ordering};

use libc::iovec;

use crate::client_conn::{ClientConn, Coid};
use crate::client_lane::Claim;
use crate::counters::add;
use crate::errno::Errno;
use crate::help;
use crate::layout::reply::done;
use crate::layout::send::state;
use crate::sys::{self, Wake, futex_wait};
use crate::thread::Timeout;
use crate::thread_block::{blocked, state as shown, take_cancel, take_kick};
use crate::trace::trace;
use crate::types::{CHF_UNBLOCK, TIMEOUT_REPLY, TIMEOUT_SEND};
use crate::wire::{self, Packet, op};
use host_spin::spin_until;

/// The sender left before it was answered.
pub struct Left {
    /// Why.
    pub errno: Errno,
    /// Its message was not received yet, and the server may still come across it.
    pub cancelled: bool,
}

/// Where an attempt to leave led.
enum Attempt {
    /// Out.
    Left(Left),
    /// Still in: answered just now, or the server has been asked to let go.
    Stay,
    /// The server is touching our buffers; it will poke us when it is done.
    Later,
}

/// One thread waiting for the answer to one message.
pub struct Wait<'a> {
    coid: &'a Coid,
    claim: &'a Claim<'a>,
    /// The message's ticket; with the slot it identifies the message.
    ticket: u64,
    timeout: Timeout,
    message: &'a [iovec],
    answer: &'a [iovec],
    /// Why this thread asked to be unblocked; it then waits for the server whatever happens.
    reason: Option<Errno>,
    /// Why it wants out as soon as the server has stopped touching its buffers.
    pending: Option<Errno>,
    /// It has been in the kernel: others may have meant it.
    slept: bool,
    /// The call is a cancellation point.
    cancellable: bool,
    /// A timeout in the SEND state is not believed earlier: a receiver may be on its way.
    taken_by: u64,
}

impl<'a> Wait<'a> {
    /// For the message that has just been posted in `claim`.
    pub fn new(
        coid: &'a Coid,
        claim: &'a Claim<'a>,
        ticket: u64,
        timeout: Timeout,
        message: &'a [iovec],
        answer: &'a [iovec],
        cancellable: bool,
    ) -> Wait<'a> {
        Wait {
            coid,
            claim,
            ticket,
            timeout,
            message,
            answer,
            reason: None,
            pending: None,
            slept: false,
            cancellable,
            taken_by: 0,
        }
    }

    /// Stays in the SEND state until this time, whatever the timeout says.
    pub fn expect_taken_by(&mut self, time: u64) {
        self.taken_by = time;
    }

    /// Why the thread asked the server to let go, if it did.
    pub fn reason(&self) -> Option<Errno> {
        self.reason
    }

    fn conn(&self) -> &'a ClientConn {
        &self.coid.conn
    }

    fn done(&self) -> &'a AtomicU32 {
        self.claim.lane.done(self.claim.slot)
    }

    fn state(&self) -> &'a AtomicU32 {
        &self.claim.lane.region.slot(self.claim.slot).send.state
    }

    /// Waits for the answer. `Some` if the thread left without one.
    #[inline]
    pub fn until_done(&mut self) -> Option<Left> {
        let conn = self.conn();
        let word = self.done();
        if spin_until(self.spin_budget(), || {
            word.load(Ordering::Acquire) != done::PENDING
        }) {
            conn.spin.hit();
            add(|c| &c.spin_hits, 1);
            if word.load(Ordering::Acquire) == done::DONE {
                return None;
            }
        }
        self.until_done_slowly()
    }

    fn spin_budget(&self) -> u32 {
        let conn = self.conn();
        let budget = conn.spin.now(conn.last_cpu.load(Ordering::Relaxed) as u16);
        // A timeout that ends within the spin must be kept to.
        if self.timeout.states != 0 && self.timeout.deadline <= sys::now_ns() + u64::from(budget) {
            return 0;
        }
        budget
    }

    fn until_done_slowly(&mut self) -> Option<Left> {
        let word = self.done();
        loop {
            match word.load(Ordering::Acquire) {
                done::DONE => return None,
                done::HELP => {
                    let region = &self.claim.lane.region;
                    // SAFETY: these are the buffers of the message in this slot.
                    unsafe { help::serve(region, self.claim.slot, self.message, self.answer) };
                    continue;
                }
                done::POKE => {
                    let _ = exchange(word, done::POKE, done::PENDING);
                }
                _ => {}
            }
            if let Some(left) = self.look_around() {
                return Some(left);
            }
            if exchange(word, done::PENDING, done::SLEEPING) {
                let wake = self.sleep(word);
                let _ = exchange(word, done::SLEEPING, done::PENDING);
                if wake == Wake::Signal {
                    self.pending = self.pending.or(Some(Errno::EINTR));
                }
            }
        }
    }

    /// Sleeps until poked or answered. The word says "sleeping" already, so whoever changes something pokes afterwards.
    fn sleep(&mut self, word: &AtomicU32) -> Wake {
        let conn = self.conn();
        if conn.is_dead() || (self.may_leave() && self.coid.detached.load(Ordering::SeqCst)) {
            return Wake::Woken;
        }
        // To the server a cancelled client is like one that has got a signal.
        if self.cancellable && take_cancel() {
            return Wake::Signal;
        }
        self.slept = true;
        let start = sys::now_ns();
        let (shown, deadline) = match self.blocked_state() {
            TIMEOUT_SEND => (shown::SEND, self.deadline()),
            _ => (shown::REPLY, self.deadline()),
        };
        let wake = blocked(shown, conn.pid, conn.chid, || {
            futex_wait(word, done::SLEEPING, deadline)
        });
        let slept = sys::now_ns() - start;
        conn.spin.missed(slept);
        trace!(
            4,
            "pid {} chid {}: slept {slept} ns in MsgSend, {wake:?}", conn.pid, conn.chid
        );
        wake
    }

    fn blocked_state(&self) -> u32 {
        if self.state().load(Ordering::Acquire) == state::SENT {
            TIMEOUT_SEND
        } else {
            TIMEOUT_REPLY
        }
    }

    /// The server has not been asked to let go yet.
    fn may_leave(&self) -> bool {
        self.reason.is_none()
    }

    fn deadline(&self) -> u64 {
        if self.may_leave() && self.pending.is_none() {
            match self.blocked_state() {
                TIMEOUT_SEND => self.timeout.deadline_in(TIMEOUT_SEND).max(self.taken_by),
                state => self.timeout.deadline_in(state),
            }
        } else {
            sys::FOREVER
        }
    }

    /// Is there a reason to leave, and can we?
    fn look_around(&mut self) -> Option<Left> {
        if self.conn().is_dead() {
            // The server is gone: nobody will look at the slot again.
            return Some(Left {
                errno: Errno::ESRCH,
                cancelled: false,
            });
        }
        if !self.may_leave() {
            return None;
        }
        let errno = self.pending.or_else(|| self.reason_to_leave())?;
        match self.try_leave(errno) {
            Attempt::Left(left) => Some(left),
            Attempt::Stay => None,
            Attempt::Later => {
                self.pending = Some(errno);
                None
            }
        }
    }

    fn reason_to_leave(&self) -> Option<Errno> {
        if self.coid.detached.load(Ordering::SeqCst) {
            return Some(Errno::EBADF);
        }
        let deadline = self.deadline();
        let late = deadline != sys::FOREVER && sys::now_ns() >= deadline;
        (late || (self.slept && take_kick())).then_some(Errno::ETIMEDOUT)
    }

    /// Leaves if the state allows it. REPLY-blocked on an UNBLOCK channel it asks the server to let go and stays.
    fn try_leave(&mut self, errno: Errno) -> Attempt {
        let word = self.state();
        let unblock = self.conn().channel_flags & CHF_UNBLOCK != 0;
        let mut now = word.load(Ordering::Acquire);
        loop {
            let next = match now {
                state::SENT => state::CANCELLED,
                // Answered this very moment: the caller finds the answer.
                state::FREE => return Attempt::Stay,
                _ if unblock => now | state::UNBLOCK,
                _ if now & state::BUSY != 0 => now | state::WANTS_OUT,
                _ => state::FREE,
            };
            if let Err(changed) = word.compare_exchange(now, next, Ordering::SeqCst, Ordering::Acquire) {
                now = changed;
                continue;
            }
            return match next {
                state::CANCELLED => Attempt::Left(Left {
                    errno,
                    cancelled: true,
                }),
                state::FREE => Attempt::Left(Left {
                    errno,
                    cancelled: false,
                }),
                _ if unblock => {
                    self.reason = Some(errno);
                    self.ask_unblock();
                    Attempt::Stay
                }
                _ => Attempt::Later,
            };
        }
    }

    fn ask_unblock(&self) {
        let (conn, lane, slot) = (self.conn(), self.claim.lane.ordinal, self.claim.slot);
        trace!(
            3,
            "lane {lane} slot {slot} of pid {} chid {}: asking to be unblocked", conn.pid, conn.chid
        );
        if let Some(server) = &conn.local {
            server.unblock_requested(lane, slot, self.ticket);
        } else if let Some(sock) = conn.sock() {
            let packet = Packet {
                number: slot as i32,
                a: self.ticket,
                b: lane as u64,
                ..Packet::new(op::UNBLOCK)
            };
            let _ = wire::send(&sock, &packet, &[], true);
        }
    }
}

fn exchange(word: &AtomicU32, from: u32, to: u32) -> bool {
    word.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst)
        .is_ok()
}
