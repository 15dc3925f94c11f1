//! MsgSend and its relatives: posting a message, waiting for the answer, and the ways out before it comes.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use libc::iovec;

use crate::channel::{next_ticket, ring_for_message};
use crate::client_conn::{ClientConn, Coid};
use crate::client_lane::Claim;
use crate::counters::add;
use crate::errno::Errno;
use crate::layout::doorbell;
use crate::layout::reply::done;
use crate::layout::send::{flag, state};
use crate::parts::{gather, scatter, total};
use crate::process::process;
use crate::region::Region;
use crate::send_wait::Wait;
use crate::shared_slot::{REPLY_INLINE, ReplyHalf, SEND_INLINE};
use crate::sys;
use crate::table::Cache;
use crate::thread::{self, Timeout};
use crate::trace::trace;
use crate::types::{TIMEOUT_REPLY, TIMEOUT_SEND};
use host_spin::last_cpu;

thread_local! {
    static COID: Cache<Coid> = const { Cache::new() };
}

/// Runs `body` with the connection behind `coid`; `EBADF` if there is none.
#[inline]
pub fn with_coid<R>(coid: i32, body: impl FnOnce(&Coid) -> Result<R, Errno>) -> Result<R, Errno> {
    process()
        .coids
        .with(&COID, coid, |coid| body(coid))
        .unwrap_or(Err(Errno::EBADF))
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
/// Blocks (SEND, then REPLY state). Errors as in `docs/qnx-ipc.md` 4.1.
///
/// # Safety
/// `message` must be readable, `answer` writable memory of ours that nothing else uses during the call.
pub unsafe fn send(coid: i32, message: &[iovec], answer: &[iovec]) -> Result<i64, Errno> {
    // SAFETY: as the caller promises.
    unsafe { send_with(coid, message, answer, false) }
}

/// [`send`] as a cancellation point: a cancelled thread leaves it with `EINTR` where the unblock protocol lets it.
///
/// # Safety
/// As [`send`].
#[inline]
pub unsafe fn send_cancellable(coid: i32, message: &[iovec], answer: &[iovec]) -> Result<i64, Errno> {
    // SAFETY: as the caller promises.
    unsafe { send_with(coid, message, answer, true) }
}

/// # Safety
/// As [`send`].
unsafe fn send_with(coid: i32, message: &[iovec], answer: &[iovec], cancellable: bool) -> Result<i64, Errno> {
    let timeout = thread::take_timeout();
    let lengths = (total(message)?, total(answer)?);
    with_coid(coid, |coid| {
        loop {
            // SAFETY: as the caller promises.
            match unsafe { transact(coid, message, answer, lengths, timeout, cancellable)? } {
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
    cancellable: bool,
) -> Result<Outcome, Errno> {
    let conn = &*coid.conn;
    if conn.is_dead() || coid.detached.load(Ordering::Relaxed) {
        return Err(Errno::EBADF);
    }
    let claim = conn.claim_slot(coid.coid)?;
    let (slot, region) = (claim.slot, &*claim.lane.region);
    let shared = region.slot(slot);
    let ticket = next_ticket(&conn.doorbell);
    let one_state = matches!(
        timeout.states & (TIMEOUT_SEND | TIMEOUT_REPLY),
        TIMEOUT_SEND | TIMEOUT_REPLY
    );
    let taken_by = hand_over(&conn.doorbell, timeout);
    let tell_taken = one_state || taken_by.is_some();
    let mut flags = coid.message_flags() | if tell_taken { flag::TELL_TAKEN } else { 0 };
    if send_len <= SEND_INLINE {
        flags |= flag::INLINE;
        // SAFETY: `message` is the caller's; the slot's payload area holds SEND_INLINE bytes and is ours to write.
        unsafe { gather(message, 0, shared.send.payload(), send_len) };
    }
    let what = u32::from(thread::priority()) | u32::from(flags) << 8 | u32::from(last_cpu()) << 16;
    let word = |field: &AtomicU32, value| field.store(value, Ordering::Relaxed);
    let long = |field: &AtomicU64, value| field.store(value, Ordering::Relaxed);
    let header = &shared.send;
    word(&header.what, what);
    word(&header.coid, coid.coid as u32);
    word(&header.tid, thread::tid() as u32);
    long(&header.ticket, ticket);
    long(&header.send_len, send_len as u64);
    long(&header.reply_len, reply_len as u64);
    let (send_addr, send_parts) = describe(message);
    let (reply_addr, reply_parts) = describe(answer);
    long(&header.send_addr, send_addr);
    long(&header.reply_addr, reply_addr);
    word(&header.send_parts, send_parts);
    word(&header.reply_parts, reply_parts);
    word(&shared.reply.done, done::PENDING);
    post(conn, &claim);
    add(|c| &c.sends, 1);
    trace!(
        3,
        "send on coid {:#x}: {send_len} bytes, room for {reply_len}", coid.coid
    );
    let mut wait = Wait::new(coid, &claim, ticket, timeout, message, answer, cancellable);
    if let Some(taken_by) = taken_by {
        wait.expect_taken_by(taken_by);
    }
    match wait.until_done() {
        Some(left) => {
            conn.release_slot(&claim, left.cancelled);
            Err(left.errno)
        }
        None => {
            let cpu = shared.reply.cpu.load(Ordering::Relaxed);
            conn.last_cpu.store(cpu, Ordering::Relaxed);
            // SAFETY: `answer` is the caller's.
            let outcome = unsafe { collect(&shared.reply, answer, wait.reason()) };
            conn.release_slot(&claim, false);
            outcome
        }
    }
}

/// How long a receiver that sleeps may need to wake up and take a message, and one that spins to notice it.
const WAKE_UP_NS: u64 = 20_000_000;
const NOTICE_NS: u64 = 100_000;

/// On QNX a receiver that waits has the message at the moment it is sent; here it has to come for it. A sender that polls,
/// or is close to its timeout, gives it this long before it leaves the SEND state. `None`: no such timeout.
#[inline]
fn hand_over(doorbell: &Region, timeout: Timeout) -> Option<u64> {
    if timeout.states & TIMEOUT_SEND == 0 {
        return None;
    }
    let now = sys::now_ns();
    let ready = doorbell.u32(doorbell::SLEEPERS).load(Ordering::SeqCst) != 0;
    (timeout.deadline <= now + WAKE_UP_NS).then_some(now + if ready { WAKE_UP_NS } else { NOTICE_NS })
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
fn post(conn: &ClientConn, claim: &Claim<'_>) {
    let word = &claim.lane.region.slot(claim.slot).send.state;
    // A cancelled message that the server knows of but has not looked at becomes this one, without another toggle: the
    // server would take two toggles for none.
    if claim.reused
        && word
            .compare_exchange(state::CANCELLED, state::SENT, Ordering::SeqCst, Ordering::Acquire)
            .is_ok()
    {
        return;
    }
    word.store(state::SENT, Ordering::Release);
    conn.doorbell
        .u64(doorbell::word(claim.lane.word))
        .fetch_xor(1 << claim.slot, Ordering::SeqCst);
    ring_for_message(&conn.doorbell);
}

/// Reads the answer out of the slot.
///
/// # Safety
/// `answer` must be writable memory of ours.
unsafe fn collect(reply: &ReplyHalf, answer: &[iovec], reason: Option<Errno>) -> Result<Outcome, Errno> {
    let status = reply.status.load(Ordering::Relaxed) as i64;
    if reply.is_error.load(Ordering::Relaxed) != 0 {
        return match status as i32 {
            0 => Ok(Outcome::Status(0)),
            // "What the kernel has stored": why we wanted out.
            -1 => Err(reason.unwrap_or(Errno::EINTR)),
            91 => Ok(Outcome::Again),
            error => Err(Errno(error)),
        };
    }
    let len = (reply.len.load(Ordering::Relaxed) as usize).min(REPLY_INLINE);
    if len != 0 {
        // SAFETY: the caller vouches for `answer`; the slot's payload area holds `len` bytes.
        unsafe { scatter(answer, 0, reply.payload(), len) };
    }
    Ok(Outcome::Status(status))
}
