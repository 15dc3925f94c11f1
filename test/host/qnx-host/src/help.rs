//! Copying with the client's help, for systems that refuse direct copies (ptrace scope, another user, qemu-user): the
//! blocked client thread copies between its buffers and the lane's bounce area when the server asks.
//!
//! Two copies instead of one, and a stopped client holds up the server; nothing else differs.

use core::sync::atomic::Ordering;

use libc::iovec;

use crate::counters::add;
use crate::errno::Errno;
use crate::lane::Lane;
use crate::layout::lane as layout;
use crate::layout::reply::{done, help as kind};
use crate::parts::{gather, scatter};
use crate::process::lock;
use crate::region::Region;
use crate::sys::{FOREVER, futex_wait, futex_wake};
use host_spin::spin_until;

/// Values of the lane's HELP_DONE word.
const ASKED: u32 = 0;
const HELPED: u32 = 1;
const GONE: u32 = 2;

/// Long enough for a client that runs to copy one bounce area.
const SPIN_NS: u32 = 20_000;

/// Server: reads from the client's send buffers into `to`. The slot must be BUSY. `ESRCH` if the client dies.
///
/// # Safety
/// `to` must be writable memory of ours.
pub unsafe fn read(
    lane: &Lane,
    slot: usize,
    offset: usize,
    to: &[iovec],
    len: usize,
) -> Result<usize, Errno> {
    let _bounce = lock(&lane.bounce);
    let mut moved = 0;
    while moved < len {
        let step = (len - moved).min(layout::BOUNCE);
        ask(lane, slot, kind::READ, offset + moved, step)?;
        // SAFETY: the caller vouches for `to`; the bounce area is ours to read while we hold its lock.
        unsafe { scatter(to, moved, lane.region.at(layout::BOUNCE_AT, step), step) };
        moved += step;
    }
    add(|c| &c.bytes_bounced, moved as u64);
    Ok(moved)
}

/// Server: writes `from` to the client's reply buffers. The slot must be BUSY. `ESRCH` if the client dies.
///
/// # Safety
/// `from` must be readable memory of ours.
pub unsafe fn write(
    lane: &Lane,
    slot: usize,
    offset: usize,
    from: &[iovec],
    len: usize,
) -> Result<usize, Errno> {
    let _bounce = lock(&lane.bounce);
    let mut moved = 0;
    while moved < len {
        let step = (len - moved).min(layout::BOUNCE);
        // SAFETY: the caller vouches for `from`; the bounce area is ours to write while we hold its lock.
        unsafe { gather(from, moved, lane.region.at(layout::BOUNCE_AT, step), step) };
        ask(lane, slot, kind::WRITE, offset + moved, step)?;
        moved += step;
    }
    add(|c| &c.bytes_bounced, moved as u64);
    Ok(moved)
}

fn ask(lane: &Lane, slot: usize, what: u64, offset: usize, len: usize) -> Result<(), Errno> {
    let region = &lane.region;
    let shared = &region.slot(slot).reply;
    let answer = region.u32(layout::HELP_DONE);
    answer.store(ASKED, Ordering::SeqCst);
    // After the store: `abandon` sets the flag first and the word second, so one of the two is seen.
    if lane.dead.load(Ordering::SeqCst) {
        return Err(Errno::ESRCH);
    }
    shared.help.store(what, Ordering::Relaxed);
    shared.help_offset.store(offset as u64, Ordering::Relaxed);
    shared.help_len.store(len as u64, Ordering::Relaxed);
    let word = &shared.done;
    if word.swap(done::HELP, Ordering::SeqCst) == done::SLEEPING {
        futex_wake(word, 1);
    }
    spin_until(SPIN_NS, || answer.load(Ordering::Acquire) != ASKED);
    while answer.load(Ordering::Acquire) == ASKED {
        futex_wait(answer, ASKED, FOREVER);
    }
    if answer.load(Ordering::Acquire) == GONE {
        Err(Errno::ESRCH)
    } else {
        Ok(())
    }
}

/// Server: the client is gone (the lane is marked dead): whoever waits for its help gives up.
pub fn abandon(lane: &Lane) {
    let answer = lane.region.u32(layout::HELP_DONE);
    answer.store(GONE, Ordering::SeqCst);
    futex_wake(answer, i32::MAX);
}

/// Client: does what the server asked of the thread in `slot`.
///
/// # Safety
/// `send` and `reply_to` must be the buffers of the message in that slot.
pub unsafe fn serve(region: &Region, slot: usize, send: &[iovec], reply_to: &[iovec]) {
    let shared = &region.slot(slot).reply;
    let what = shared.help.load(Ordering::Relaxed);
    let offset = shared.help_offset.load(Ordering::Relaxed) as usize;
    let len = (shared.help_len.load(Ordering::Relaxed) as usize).min(layout::BOUNCE);
    let bounce = region.at(layout::BOUNCE_AT, len);
    // SAFETY: the caller vouches for the buffers; gather and scatter stay inside them whatever offset and length say,
    // and `bounce` has `len` bytes.
    unsafe {
        match what {
            kind::READ => gather(send, offset, bounce, len),
            kind::WRITE => scatter(reply_to, offset, bounce, len),
            _ => 0,
        };
    }
    let word = &shared.done;
    let _ = word.compare_exchange(done::HELP, done::PENDING, Ordering::SeqCst, Ordering::SeqCst);
    let answer = region.u32(layout::HELP_DONE);
    let _ = answer.compare_exchange(ASKED, HELPED, Ordering::SeqCst, Ordering::SeqCst);
    futex_wake(answer, i32::MAX);
}
