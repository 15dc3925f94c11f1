//! MsgSend and its relatives: posting a message, waiting for the answer, and the ways out before it comes.

use core::sync::atomic::Ordering;

use libc::iovec;

use crate::channel::{next_ticket, ring_sleepers};
use crate::client_conn::{ClientConn, Coid};
use crate::client_lane::Claim;
use crate::counters::add;
use crate::errno::Errno;
use crate::layout::reply::done;
use crate::layout::send::{flag, state};
use crate::layout::{doorbell, lane as layout, reply, send as header};
use crate::parts::{gather, scatter, total};
use crate::process::process;
use crate::region::Region;
use crate::send_wait::Wait;
use crate::sys;
use crate::table::Cache;
use crate::thread::{self, Timeout};
use crate::trace::trace;
use crate::types::{TIMEOUT_REPLY, TIMEOUT_SEND};

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
    let claim = conn.claim_slot(coid.coid)?;
    let (slot, region) = (claim.slot, &*claim.lane.region);
    let base = layout::send(slot);
    let ticket = next_ticket(&conn.doorbell);
    let one_state = matches!(
        timeout.states & (TIMEOUT_SEND | TIMEOUT_REPLY),
        TIMEOUT_SEND | TIMEOUT_REPLY
    );
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
    long(header::TICKET, ticket);
    long(header::SEND_LEN, send_len as u64);
    long(header::REPLY_LEN, reply_len as u64);
    let (send_addr, send_parts) = describe(message);
    let (reply_addr, reply_parts) = describe(answer);
    long(header::SEND_ADDR, send_addr);
    long(header::REPLY_ADDR, reply_addr);
    word(header::SEND_PARTS, send_parts);
    word(header::REPLY_PARTS, reply_parts);
    region
        .u32(layout::reply(slot) + reply::DONE)
        .store(done::PENDING, Ordering::Relaxed);
    post(conn, &claim);
    add(|c| &c.sends, 1);
    trace!(
        3,
        "send on coid {:#x}: {send_len} bytes, room for {reply_len}", coid.coid
    );
    let mut wait = Wait::new(coid, &claim, ticket, timeout, message, answer);
    match wait.until_done() {
        Some(left) => {
            conn.release_slot(&claim, left.cancelled);
            Err(left.errno)
        }
        None => {
            let cpu = region
                .u32(layout::reply(slot) + reply::CPU)
                .load(Ordering::Relaxed);
            conn.last_cpu.store(cpu, Ordering::Relaxed);
            // SAFETY: `answer` is the caller's.
            let outcome = unsafe { collect(region, slot, answer, wait.reason()) };
            conn.release_slot(&claim, false);
            outcome
        }
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
fn post(conn: &ClientConn, claim: &Claim<'_>) {
    let word = claim.lane.region.u32(layout::send(claim.slot) + header::STATE);
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
    ring_sleepers(&conn.doorbell);
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
