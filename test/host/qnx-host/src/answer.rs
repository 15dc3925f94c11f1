//! What a server does with an rcvid: MsgReply, MsgError, MsgRead, MsgWrite, MsgInfo. None of them blocks.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use libc::iovec;

use crate::copy;
use crate::errno::Errno;
use crate::lane::{Held, Lane, Slot, decode};
use crate::parts::total;
use crate::process::process;
use crate::receive::{adopt_priority, describe};
use crate::shared_slot::REPLY_INLINE;
use crate::table::Cache;
use crate::thread;
use crate::trace::trace;
use crate::types::{MI_UNBLOCK_REQ, MsgInfo, RcvId};

thread_local! {
    static LANE: Cache<Lane> = const { Cache::new() };
}

/// Runs `body` with a lane by its number; `None` if its connection is gone.
#[inline]
pub fn with_lane_id<R>(lane: i32, body: impl FnOnce(&Arc<Lane>) -> R) -> Option<R> {
    process().lanes.with(&LANE, lane, body)
}

/// Runs `body` with the lane of an rcvid, outstanding or not; `ESRCH` if its connection is gone.
pub fn with_lane<R>(rcvid: RcvId, body: impl FnOnce(&Arc<Lane>) -> Result<R, Errno>) -> Result<R, Errno> {
    let (lane, _, _) = decode(rcvid).ok_or(Errno::ESRCH)?;
    with_lane_id(lane, body).unwrap_or(Err(Errno::ESRCH))
}

/// Ends a receive whose client is dead: the answer goes nowhere, and the last one lets the DISCONNECT pulse out.
fn answer_dying(lane: &Lane, held: &mut Slot) {
    held.held = Held::No;
    lane.conn.release_hold(process());
}

/// MsgReply: `status` is what the client's MsgSend returns; the data goes to its reply buffers, as much as fits.
///
/// `ESRCH` the rcvid is not outstanding, `EFAULT` the client's buffers, `ESRVRFAULT` ours. After `EFAULT` the client is
/// unblocked with that error; after `ESRVRFAULT` it stays blocked.
///
/// # Safety
/// `data` must be readable memory of ours.
pub unsafe fn reply(rcvid: RcvId, status: i64, data: &[iovec]) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let len = total(data).map_err(|error| {
        if error == Errno::EFAULT {
            Errno::ESRVRFAULT
        } else {
            error
        }
    })?;
    trace!(3, "reply to rcvid {rcvid:#x}: status {status}, {len} bytes");
    with_lane(rcvid, |lane| {
        lane.with_held(rcvid, |slot, held| {
            if held.held == Held::Dying {
                answer_dying(lane, held);
                return Ok(());
            }
            lane.begin_touch(slot, held)?;
            let len = len.min(held.request.reply_len as usize);
            if len <= REPLY_INLINE {
                // SAFETY: the caller vouches for `data`; `len` fits the slot.
                let len = unsafe { copy::inline_reply(lane, slot, data, len) };
                lane.finish(slot, held, status, false, len);
                return Ok(());
            }
            // SAFETY: the caller vouches for `data`.
            match unsafe { copy::to_client(lane, slot, held, 0, data) } {
                Ok(_) => {
                    lane.finish(slot, held, status, false, 0);
                    Ok(())
                }
                Err(Errno::ESRVRFAULT) => {
                    lane.end_touch(slot);
                    Err(Errno::ESRVRFAULT)
                }
                Err(error) => {
                    lane.finish(slot, held, i64::from(error.0), true, 0);
                    Err(error)
                }
            }
        })
    })
}

/// MsgError: the client's MsgSend fails with `error`. 0 = success, `ERESTART` = it sends again, -1 = the reason why it
/// asked to be unblocked. `ESRCH` the rcvid is not outstanding.
pub fn error(rcvid: RcvId, error: i32) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    trace!(3, "error {error} to rcvid {rcvid:#x}");
    with_lane(rcvid, |lane| {
        lane.with_held(rcvid, |slot, held| {
            if held.held == Held::Dying {
                answer_dying(lane, held);
                return Ok(());
            }
            lane.begin_touch(slot, held)?;
            lane.finish(slot, held, i64::from(error), true, 0);
            Ok(())
        })
    })
}

/// MsgRead: bytes of the client's message from `offset` on. Short at the end, 0 past it.
///
/// # Safety
/// `to` must be writable memory of ours.
pub unsafe fn read(rcvid: RcvId, to: &[iovec], offset: usize) -> Result<usize, Errno> {
    let _ = thread::take_timeout();
    with_lane(rcvid, |lane| {
        lane.with_held(rcvid, |slot, held| {
            if held.held == Held::Dying {
                // A small message is still in the slot; the rest went with the client.
                if !held.request.is_inline() {
                    return Err(Errno::ESRCH);
                }
                // SAFETY: the caller vouches for `to`.
                return unsafe { copy::from_client(lane, slot, held, offset, to) };
            }
            lane.begin_touch(slot, held)?;
            // SAFETY: the caller vouches for `to`.
            let moved = unsafe { copy::from_client(lane, slot, held, offset, to) };
            lane.end_touch(slot);
            moved
        })
    })
}

/// MsgWrite: puts bytes at `offset` of the client's reply buffers without unblocking it. Returns how many fitted.
///
/// # Safety
/// `from` must be readable memory of ours.
pub unsafe fn write(rcvid: RcvId, from: &[iovec], offset: usize) -> Result<usize, Errno> {
    let _ = thread::take_timeout();
    with_lane(rcvid, |lane| {
        lane.with_held(rcvid, |slot, held| {
            if held.held == Held::Dying {
                return Err(Errno::ESRCH);
            }
            lane.begin_touch(slot, held)?;
            // SAFETY: the caller vouches for `from`.
            let moved = unsafe { copy::to_client(lane, slot, held, offset, from) };
            lane.end_touch(slot);
            moved
        })
    })
}

/// MsgInfo: who sent the message, and whether it wants to be unblocked. `ESRCH` the rcvid is not outstanding.
pub fn info(rcvid: RcvId) -> Result<MsgInfo, Errno> {
    let _ = thread::take_timeout();
    with_lane(rcvid, |lane| {
        lane.with_held(rcvid, |slot, held| {
            let mut info = describe(&lane.conn.channel, lane.conn.scoid, lane.conn.pid, &held.request);
            info.msglen = held.request.send_len as i64;
            if lane.wants_unblock(slot, held) {
                info.flags |= MI_UNBLOCK_REQ;
            } else if lane.has_left(slot) {
                held.held = Held::No;
                return Err(Errno::ESRCH);
            }
            Ok(info)
        })
    })
}

/// MsgCurrent: the calling thread runs at the priority of this message again, unless the channel says otherwise.
/// `ESRCH` the rcvid is not outstanding.
pub fn resume(rcvid: RcvId) -> Result<(), Errno> {
    let priority = info(rcvid)?.priority as u8;
    with_lane(rcvid, |lane| {
        adopt_priority(&lane.conn.channel, priority);
        Ok(())
    })
}

/// True while the client of this connection is there.
pub fn is_connected(lane: &Lane) -> bool {
    !lane.dead.load(Ordering::SeqCst)
}
