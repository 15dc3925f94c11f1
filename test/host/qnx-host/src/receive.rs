//! MsgReceive and its relatives: taking the first thing that waits on a channel, or waiting for it.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use libc::iovec;

use crate::answer::with_lane_id;
use crate::channel::{Channel, kind};
use crate::channel_state::Waiting;
use crate::copy;
use crate::counters::add;
use crate::errno::Errno;
use crate::lane::{Held, Lane, Slot};
use crate::layout::doorbell;
use crate::layout::send::flag;
use crate::parts::{scatter, total};
use crate::process::{lock, process};
use crate::queue::{Item, PulseItem};
use crate::sched;
use crate::sys::{self, Wake, futex_wait_as};
use crate::table::Cache;
use crate::thread::{self, Timeout};
use crate::thread_block::{blocked, state, take_cancel, take_kick};
use crate::trace::trace;
use crate::types::{
    CHF_FIXED_PRIORITY, CHF_REPLY_LEN, CHF_SENDER_LEN, MI_UNBLOCK_REQ, MsgInfo, Pulse, RcvId, TIMEOUT_RECEIVE,
};
use host_spin::spin_until;

thread_local! {
    static CHANNEL: Cache<Channel> = const { Cache::new() };
}

/// Receives a message (its rcvid) or a pulse (0) from channel `chid`, or with `pulses_only` only a pulse.
///
/// Blocks (RECEIVE state); a cancelled thread leaves with `EINTR`. Errors: `EFAULT` a pulse met a buffer under 24 bytes (the
/// pulse is lost), `EINTR`, `ETIMEDOUT`, `ESRCH` no such channel.
///
/// # Safety
/// `to` must be writable memory of ours; `info` null or valid for writing.
pub unsafe fn receive(
    chid: i32,
    to: &[iovec],
    info: *mut MsgInfo,
    pulses_only: bool,
) -> Result<RcvId, Errno> {
    let timeout = thread::take_timeout();
    let room = total(to)?;
    process()
        .channels
        .with(&CHANNEL, chid, |channel| {
            loop {
                match next(channel, pulses_only, timeout)? {
                    // SAFETY: the caller vouches for `to`.
                    Item::Pulse(pulse) => return unsafe { deliver_pulse(channel, &pulse, to, room) },
                    Item::Message((lane, slot)) => {
                        // SAFETY: the caller vouches for `to` and `info`.
                        let deliver = |lane: &Arc<Lane>| unsafe {
                            deliver_message(channel, lane, usize::from(slot), to, info)
                        };
                        // No lane: its client has died.
                        if let Some(rcvid) = with_lane_id(lane, deliver).unwrap_or(Ok(None))? {
                            return Ok(rcvid);
                        }
                    }
                }
            }
        })
        .unwrap_or(Err(Errno::ESRCH))
}

/// # Safety
/// As [`receive`].
unsafe fn deliver_pulse(
    channel: &Channel,
    pulse: &PulseItem,
    to: &[iovec],
    room: usize,
) -> Result<RcvId, Errno> {
    adopt_priority(channel, pulse.priority);
    add(|c| &c.pulses_received, 1);
    if room < size_of::<Pulse>() {
        trace!(
            1,
            "chid {}: pulse {} lost, buffer of {room} bytes is under 24", channel.chid, pulse.code
        );
        return Err(Errno::EFAULT);
    }
    let image = Pulse {
        code: pulse.code,
        value: pulse.value,
        scoid: pulse.scoid,
        ..Pulse::default()
    };
    // SAFETY: the caller vouches for `to`; `image` is plain data without padding.
    unsafe { scatter(to, 0, (&raw const image).cast(), size_of::<Pulse>()) };
    trace!(
        3,
        "chid {}: pulse {} value {:#x} scoid {:#x}", channel.chid, pulse.code, pulse.value, pulse.scoid
    );
    Ok(0)
}

/// `None` if the sender has left, died, or had bad buffers: then the receiver goes on waiting.
///
/// # Safety
/// As [`receive`].
unsafe fn deliver_message(
    channel: &Channel,
    lane: &Lane,
    slot: usize,
    to: &[iovec],
    info: *mut MsgInfo,
) -> Result<Option<RcvId>, Errno> {
    let mut held = lock(lane.slot(slot));
    let Some(rcvid) = lane.take(slot, &mut held) else {
        return Ok(None);
    };
    // SAFETY: the caller vouches for `to`.
    let moved = unsafe { copy_received(lane, slot, &mut held, to) };
    let request = held.request;
    let received = match moved {
        Ok(received) => received,
        // The sender left while we copied: it was never here.
        Err(Errno::ESRCH) => {
            held.held = Held::No;
            return Ok(None);
        }
        // The sender's memory is its own problem.
        Err(Errno::EFAULT) => {
            refuse(lane, slot, &mut held, Errno::EFAULT);
            return Ok(None);
        }
        // Ours: the message is lost to us, the sender learns that the server faulted.
        Err(error) => {
            refuse(lane, slot, &mut held, Errno::ESRVRFAULT);
            let ours = error == Errno::ESRVRFAULT;
            return Err(if ours { Errno::EFAULT } else { error });
        }
    };
    if request.flags & flag::TELL_TAKEN != 0 {
        lane.poke(slot);
    }
    channel.last_cpu.store(u32::from(request.cpu), Ordering::Relaxed);
    adopt_priority(channel, request.priority);
    if !info.is_null() {
        let mut image = describe(channel, lane.conn.scoid, lane.conn.pid, &request);
        image.msglen = received as i64;
        image.flags = if lane.wants_unblock(slot, &held) {
            MI_UNBLOCK_REQ
        } else {
            0
        };
        // SAFETY: the caller vouches for `info`.
        unsafe { info.write(image) };
    }
    trace!(
        3,
        "chid {}: rcvid {rcvid:#x} from pid {}, {received} bytes", channel.chid, lane.conn.pid
    );
    Ok(Some(rcvid))
}

/// Ends a message that could not be received; its sender gets `errno`, unless it has left.
fn refuse(lane: &Lane, slot: usize, held: &mut Slot, errno: Errno) {
    if lane.begin_touch(slot, held).is_ok() {
        lane.finish(slot, held, i64::from(errno.0), true, 0);
        lane.wake_answered(slot, held);
    }
}

/// Copies a message that has just been taken.
///
/// # Safety
/// `to` must be writable memory of ours.
#[inline]
unsafe fn copy_received(lane: &Lane, slot: usize, held: &mut Slot, to: &[iovec]) -> Result<usize, Errno> {
    if held.request.is_inline() {
        // SAFETY: the caller vouches for `to`.
        let moved = unsafe { copy::from_client(lane, slot, held, 0, to) };
        // A sender that may leave on its own (no UNBLOCK flag) could have used the slot again while we copied. It would
        // have freed it before, so what was copied counts only if the message is still taken.
        return if lane.has_left(slot) {
            Err(Errno::ESRCH)
        } else {
            moved
        };
    }
    lane.begin_touch(slot, held)?;
    // SAFETY: as above.
    let moved = unsafe { copy::from_client(lane, slot, held, 0, to) };
    lane.end_touch(slot);
    moved
}

/// `struct _msg_info` of a message; the caller adds msglen and flags.
pub fn describe(channel: &Channel, scoid: i32, pid: i32, request: &crate::lane::Request) -> MsgInfo {
    let given = |flag, len: u64| if channel.flags & flag != 0 { len as i64 } else { 0 };
    MsgInfo {
        pid,
        tid: request.tid,
        chid: channel.chid,
        scoid,
        coid: request.coid,
        priority: i16::from(request.priority),
        srcmsglen: given(CHF_SENDER_LEN, request.send_len),
        dstmsglen: given(CHF_REPLY_LEN, request.reply_len),
        ..MsgInfo::default()
    }
}

/// The receiver runs at the priority of what it received, up or down, unless the channel says otherwise.
pub fn adopt_priority(channel: &Channel, priority: u8) {
    if channel.flags & CHF_FIXED_PRIORITY == 0 {
        thread::set_priority(sched::inherited(priority));
    }
}

/// The first thing that waits; blocks until there is one.
fn next(channel: &Channel, pulses_only: bool, timeout: Timeout) -> Result<Item<Waiting>, Errno> {
    let deadline = timeout.deadline_in(TIMEOUT_RECEIVE);
    let mut may_spin = true;
    loop {
        let private = channel.private_count();
        if let Some(item) = channel.pop(pulses_only) {
            return Ok(item);
        }
        if channel.is_dead() {
            return Err(Errno::ESRCH);
        }
        if deadline != sys::FOREVER && sys::now_ns() >= deadline {
            return Err(Errno::ETIMEDOUT);
        }
        if core::mem::take(&mut may_spin) && spin(channel, private, deadline) {
            continue;
        }
        if let Some(item) = sleep(channel, pulses_only, deadline)? {
            return Ok(item);
        }
    }
}

/// Spins for a while. True if something may wait.
fn spin(channel: &Channel, private: u32, deadline: u64) -> bool {
    let budget = channel.spin.now(channel.last_cpu.load(Ordering::Relaxed) as u16);
    if budget == 0 || deadline != sys::FOREVER || channel.spinning.swap(1, Ordering::AcqRel) != 0 {
        return false;
    }
    let hit = spin_until(budget, || channel.has_hint(private));
    channel.spinning.store(0, Ordering::Release);
    if hit {
        channel.spin.hit();
        add(|c| &c.spin_hits, 1);
    }
    hit
}

/// Sleeps until rung. Looks once more after having counted itself as a sleeper: who posts after that look rings.
fn sleep(channel: &Channel, pulses_only: bool, deadline: u64) -> Result<Option<Item<Waiting>>, Errno> {
    let sequence = channel.doorbell.u32(doorbell::SEQ);
    let (counted, kind) = if pulses_only {
        (doorbell::PICKY, kind::PULSES)
    } else {
        (doorbell::SLEEPERS, kind::ANYTHING)
    };
    let sleepers = channel.doorbell.u32(counted);
    let before = sequence.load(Ordering::SeqCst);
    sleepers.fetch_add(1, Ordering::SeqCst);
    let item = channel.pop(pulses_only);
    let mut wake = Wake::Woken;
    if item.is_none() && take_cancel() {
        wake = Wake::Signal;
    } else if item.is_none() && !channel.is_dead() {
        let start = sys::now_ns();
        wake = blocked(state::RECEIVE, 0, channel.chid, || {
            futex_wait_as(sequence, before, deadline, kind)
        });
        let slept = sys::now_ns() - start;
        channel.spin.missed(slept);
        trace!(
            4,
            "chid {}: slept {slept} ns in MsgReceive, {wake:?}", channel.chid
        );
    }
    sleepers.fetch_sub(1, Ordering::SeqCst);
    match wake {
        Wake::Signal => Err(Errno::EINTR),
        _ if item.is_none() && take_kick() => Err(Errno::ETIMEDOUT),
        _ => Ok(item),
    }
}
