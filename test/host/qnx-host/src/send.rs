//! MsgSend and its relatives: posting a message, waiting for the answer, and the ways out before it comes.

use core::sync::atomic::Ordering;

use libc::iovec;

use crate::client_conn::{ClientConn, Coid};
use crate::counters::{LIVE, add};
use crate::errno::Errno;
use crate::help;
use crate::channel::ring_sleepers;
use crate::layout::reply::done;
use crate::layout::send::{flag, state};
use crate::layout::{doorbell, lane as layout, reply, send as header};
use crate::parts::{gather, scatter, total};
use crate::process::process;
use crate::region::Region;
use crate::spin::spin_until;
use crate::sys::{self, Wake, futex_wait};
use crate::table::Cache;
use crate::thread::{self, Timeout};
use crate::thread_block::{blocked, state as shown, take_kick};
use crate::trace::trace;
use crate::types::{CHF_UNBLOCK, TIMEOUT_REPLY, TIMEOUT_SEND};
use crate::wire::{self, Packet, op};

thread_local! {
    static COID: Cache<Coid> = const { Cache::new() };
}

/// Runs `body` with the connection behind `coid`; `EBADF` if there is none.
#[inline]
pub fn with_coid<R>(coid: i32, body: impl FnOnce(&Coid) -> Result<R, Errno>) -> Result<R, Errno> {
    process().coids.with(&COID, coid, |coid| body(coid)).unwrap_or(Err(Errno::EBADF))
}

/// How a transaction ended.
enum Outcome {
    /// MsgReply's status.
    Status(i64),
    /// MsgError(ERESTART): send again.
    Again,
}

/// Sends a message and waits for the answer: the reply status.
///
/// Blocks (SEND, then REPLY state). Errors as in `qnx-ipc.md` 4.1.
///
/// # Safety
/// `message` must be readable, `answer` writable memory of ours that nothing else uses during the call.
pub unsafe fn send(coid: i32, message: &[iovec], answer: &[iovec]) -> Result<i64, Errno> {
    let timeout = thread::take_timeout();
    let lengths = (total(message)?, total(answer)?);
    with_coid(coid, |coid| {
        loop {
            // SAFETY: as the caller promises.
            match unsafe { transact(coid, message, answer, lengths, timeout)? } {
                Outcome::Status(status) => return Ok(status),
                Outcome::Again => {}
            }
        }
    })
}

/// # Safety
/// As [`send`].
unsafe fn transact(
    coid: &Coid,
    message: &[iovec],
    answer: &[iovec],
    (send_len, reply_len): (usize, usize),
    timeout: Timeout,
) -> Result<Outcome, Errno> {
    let conn = &*coid.conn;
    if conn.is_dead() || coid.detached.load(Ordering::Relaxed) {
        return Err(Errno::EBADF);
    }
    let (slot, reused) = conn.claim_slot(coid.coid)?;
    let region = &*conn.region;
    let base = layout::send(slot);
    let time = sys::now_ns();
    let one_state = matches!(timeout.states & (TIMEOUT_SEND | TIMEOUT_REPLY), TIMEOUT_SEND | TIMEOUT_REPLY);
    let mut flags = coid.message_flags() | if one_state { flag::TELL_TAKEN } else { 0 };
    if send_len <= header::INLINE_LEN {
        flags |= flag::INLINE;
        // SAFETY: `message` is the caller's; the slot's payload area holds INLINE_LEN bytes and is ours to write.
        unsafe { gather(message, 0, region.at(base + header::INLINE, send_len), send_len) };
    }
    let what = u32::from(thread::priority()) | u32::from(flags) << 8 | u32::from(sys::current_cpu()) << 16;
    let word = |offset, value| region.u32(base + offset).store(value, Ordering::Relaxed);
    let long = |offset, value| region.u64(base + offset).store(value, Ordering::Relaxed);
    word(header::WHAT, what);
    word(header::COID, coid.coid as u32);
    word(header::TID, thread::tid() as u32);
    long(header::TIME, time);
    long(header::SEND_LEN, send_len as u64);
    long(header::REPLY_LEN, reply_len as u64);
    let (send_addr, send_parts) = describe(message);
    let (reply_addr, reply_parts) = describe(answer);
    long(header::SEND_ADDR, send_addr);
    long(header::REPLY_ADDR, reply_addr);
    word(header::SEND_PARTS, send_parts);
    word(header::REPLY_PARTS, reply_parts);
    region.u32(layout::reply(slot) + reply::DONE).store(done::PENDING, Ordering::Relaxed);
    post(conn, slot, reused);
    add(&LIVE.sends, 1);
    trace!(3, "send on coid {:#x}: {send_len} bytes, room for {reply_len}", coid.coid);
    let mut wait = Wait { coid, slot, time, timeout, message, answer, reason: None, slept: false };
    let left = wait.until_done();
    if left.is_none() {
        let cpu = region.u32(layout::reply(slot) + reply::CPU).load(Ordering::Relaxed);
        conn.last_cpu.store(cpu, Ordering::Relaxed);
    }
    let result = match left {
        Some(_) => None,
        // SAFETY: `answer` is the caller's.
        None => Some(unsafe { collect(region, slot, answer, wait.reason) }),
    };
    conn.release_slot(process(), slot, matches!(left, Some(Left { cancelled: true, .. })));
    match (left, result) {
        (Some(left), _) => Err(left.errno),
        (None, Some(result)) => result,
        (None, None) => Err(Errno::ESRCH),
    }
}

/// Address and number of parts as the server needs them: the data itself if there is one part.
#[inline]
fn describe(parts: &[iovec]) -> (u64, u32) {
    match parts {
        [only] => (only.iov_base as u64, 1),
        _ => (parts.as_ptr() as u64, parts.len() as u32),
    }
}

/// Makes the message visible and rings.
#[inline]
fn post(conn: &ClientConn, slot: usize, reused: bool) {
    let word = conn.region.u32(layout::send(slot) + header::STATE);
    // A cancelled message that the server knows of but has not looked at becomes this one, without another toggle: the
    // server would take two toggles for none.
    if reused
        && word.compare_exchange(state::CANCELLED, state::SENT, Ordering::SeqCst, Ordering::Acquire).is_ok()
    {
        return;
    }
    word.store(state::SENT, Ordering::Release);
    conn.doorbell.u64(doorbell::word(conn.word)).fetch_xor(1 << slot, Ordering::SeqCst);
    ring_sleepers(&conn.doorbell);
}

/// The sender left before it was answered.
struct Left {
    errno: Errno,
    /// Its message was not received yet, and the server may still come across it.
    cancelled: bool,
}

struct Wait<'a> {
    coid: &'a Coid,
    slot: usize,
    time: u64,
    timeout: Timeout,
    message: &'a [iovec],
    answer: &'a [iovec],
    /// Why this thread asked to be unblocked; it then waits for the server whatever happens.
    reason: Option<Errno>,
    /// It has been in the kernel: others may have meant it.
    slept: bool,
}

impl Wait<'_> {
    fn conn(&self) -> &ClientConn {
        &self.coid.conn
    }

    /// Waits for the answer. `Some` if the thread left without one.
    fn until_done(&mut self) -> Option<Left> {
        let conn = &*self.coid.conn;
        let word = conn.region.u32(layout::reply(self.slot) + reply::DONE);
        let budget = conn.spin.now(conn.last_cpu.load(Ordering::Relaxed) as u16);
        if spin_until(budget, || word.load(Ordering::Acquire) != done::PENDING) {
            conn.spin.hit();
        }
        loop {
            match word.load(Ordering::Acquire) {
                done::DONE => return None,
                done::HELP => {
                    // SAFETY: these are the buffers of the message in this slot.
                    unsafe { help::serve(&conn.region, self.slot, self.message, self.answer) };
                    continue;
                }
                done::POKE => {
                    let _ =
                        word.compare_exchange(done::POKE, done::PENDING, Ordering::SeqCst, Ordering::SeqCst);
                }
                _ => {}
            }
            if let Some(left) = self.look_around() {
                return Some(left);
            }
            if word
                .compare_exchange(done::PENDING, done::SLEEPING, Ordering::SeqCst, Ordering::SeqCst)
                .is_err()
            {
                continue;
            }
            // After the word says "sleeping": who marks the connection dead or the coid detached pokes afterwards.
            let wake = if conn.is_dead() || self.coid.detached.load(Ordering::SeqCst) && self.reason.is_none() {
                Wake::Woken
            } else {
                let start = sys::now_ns();
                self.slept = true;
                let shown = if self.slot_state() == state::SENT { shown::SEND } else { shown::REPLY };
                let deadline = self.deadline();
                let wake = blocked(shown, conn.pid, conn.chid, || futex_wait(word, done::SLEEPING, deadline));
                conn.spin.missed(sys::now_ns() - start);
                wake
            };
            let _ = word.compare_exchange(done::SLEEPING, done::PENDING, Ordering::SeqCst, Ordering::SeqCst);
            if wake == Wake::Signal
                && self.reason.is_none()
                && let Some(left) = self.try_leave(Errno::EINTR)
            {
                return Some(left);
            }
        }
    }

    fn slot_state(&self) -> u32 {
        self.conn().region.u32(layout::send(self.slot) + header::STATE).load(Ordering::Acquire)
    }

    fn blocked_state(&self) -> u32 {
        if self.slot_state() == state::SENT { TIMEOUT_SEND } else { TIMEOUT_REPLY }
    }

    fn deadline(&self) -> u64 {
        if self.reason.is_some() { sys::FOREVER } else { self.timeout.deadline_in(self.blocked_state()) }
    }

    /// Reasons to leave other than a signal.
    fn look_around(&mut self) -> Option<Left> {
        if self.conn().is_dead() {
            // The server is gone: nobody will look at the slot again.
            return Some(Left { errno: Errno::ESRCH, cancelled: false });
        }
        if self.reason.is_some() {
            return None;
        }
        if self.coid.detached.load(Ordering::SeqCst) {
            return self.try_leave(Errno::EBADF);
        }
        let deadline = self.deadline();
        if deadline != sys::FOREVER && sys::now_ns() >= deadline || self.slept && take_kick() {
            return self.try_leave(Errno::ETIMEDOUT);
        }
        None
    }

    /// Leaves if the state allows it. Else (REPLY-blocked on an UNBLOCK channel) asks the server to let go and waits on.
    fn try_leave(&mut self, errno: Errno) -> Option<Left> {
        let conn = &*self.coid.conn;
        let word = conn.region.u32(layout::send(self.slot) + header::STATE);
        let mut now = word.load(Ordering::Acquire);
        loop {
            let next = match now {
                state::SENT => state::CANCELLED,
                // Answered this very moment: the loop above finds the answer.
                state::FREE => return None,
                _ if conn.channel_flags & CHF_UNBLOCK != 0 => now | state::UNBLOCK,
                _ if now & state::BUSY != 0 => now | state::WANTS_OUT,
                _ => state::FREE,
            };
            match word.compare_exchange(now, next, Ordering::SeqCst, Ordering::Acquire) {
                Err(changed) => now = changed,
                Ok(_) => {
                    return match next {
                        state::CANCELLED => Some(Left { errno, cancelled: true }),
                        state::FREE => Some(Left { errno, cancelled: false }),
                        _ if next & state::UNBLOCK != 0 => {
                            self.reason = Some(errno);
                            self.ask_unblock();
                            None
                        }
                        // WANTS_OUT: poked when the server is done touching our buffers; then the reason is found anew.
                        _ => {
                            self.leave_when_idle(errno)
                        }
                    };
                }
            }
        }
    }

    /// The server is copying: waits until it is not, then leaves, unless the answer came with it.
    fn leave_when_idle(&mut self, errno: Errno) -> Option<Left> {
        let conn = &*self.coid.conn;
        let word = conn.region.u32(layout::reply(self.slot) + reply::DONE);
        loop {
            match word.load(Ordering::Acquire) {
                done::DONE => return None,
                done::HELP => {
                    // SAFETY: these are the buffers of the message in this slot.
                    unsafe { help::serve(&conn.region, self.slot, self.message, self.answer) };
                }
                done::PENDING | done::SLEEPING => {
                    if conn.is_dead() {
                        return Some(Left { errno: Errno::ESRCH, cancelled: false });
                    }
                    let _ = word.compare_exchange(
                        done::PENDING,
                        done::SLEEPING,
                        Ordering::SeqCst,
                        Ordering::SeqCst,
                    );
                    futex_wait(word, done::SLEEPING, sys::FOREVER);
                }
                _ => {
                    let _ =
                        word.compare_exchange(done::POKE, done::PENDING, Ordering::SeqCst, Ordering::SeqCst);
                    let free = state::FREE;
                    let state_word = conn.region.u32(layout::send(self.slot) + header::STATE);
                    let idle = state::TAKEN;
                    if state_word.compare_exchange(idle, free, Ordering::SeqCst, Ordering::Acquire).is_ok() {
                        return Some(Left { errno, cancelled: false });
                    }
                    let again = state::TAKEN | state::BUSY;
                    let _ = state_word.compare_exchange(
                        again,
                        again | state::WANTS_OUT,
                        Ordering::SeqCst,
                        Ordering::Acquire,
                    );
                }
            }
        }
    }

    fn ask_unblock(&self) {
        let conn = self.conn();
        trace!(3, "slot {} of pid {} chid {}: asking to be unblocked", self.slot, conn.pid, conn.chid);
        if let Some(server) = &conn.local {
            server.unblock_requested(self.slot, self.time);
        } else if let Some(sock) = conn.sock() {
            let packet = Packet { number: self.slot as i32, a: self.time, ..Packet::new(op::UNBLOCK) };
            let _ = wire::send(&sock, &packet, &[], true);
        }
    }
}

/// Reads the answer out of the slot.
///
/// # Safety
/// `answer` must be writable memory of ours.
unsafe fn collect(
    region: &Region,
    slot: usize,
    answer: &[iovec],
    reason: Option<Errno>,
) -> Result<Outcome, Errno> {
    let base = layout::reply(slot);
    let status = region.u64(base + reply::STATUS).load(Ordering::Relaxed) as i64;
    if region.u64(base + reply::IS_ERROR).load(Ordering::Relaxed) != 0 {
        return match status as i32 {
            0 => Ok(Outcome::Status(0)),
            // "What the kernel has stored": why we wanted out.
            -1 => Err(reason.unwrap_or(Errno::EINTR)),
            91 => Ok(Outcome::Again),
            error => Err(Errno(error)),
        };
    }
    let len = (region.u64(base + reply::LEN).load(Ordering::Relaxed) as usize).min(reply::INLINE_LEN);
    if len != 0 {
        // SAFETY: the caller vouches for `answer`; the slot's payload area holds `len` bytes.
        unsafe { scatter(answer, 0, region.at(base + reply::INLINE, len), len) };
    }
    Ok(Outcome::Status(status))
}
