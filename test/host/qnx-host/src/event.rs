//! MsgRegisterEvent, MsgUnregisterEvent, MsgVerifyEvent, MsgDeliverEvent.

use std::sync::Arc;

use crate::answer::{is_connected, with_lane};
use crate::errno::Errno;
use crate::event_cell::{Cell, Posted};
use crate::event_raise::{raise_local, well_formed};
use crate::event_table::Allowed;
use crate::event_thread;
use crate::lane::{Lane, decode};
use crate::layout::lane as layout;
use crate::layout::send::flag;
use crate::process::{lock, process};
use crate::sem::Sem;
use crate::send::with_coid;
use crate::server_conn::ServerConn;
use crate::sys;
use crate::thread;
use crate::types::*;
use crate::wire::{self, Packet, op};

/// Registers an event for the server behind `coid` and rewrites it into a handle.
///
/// `EBADF` no such connection, `EINVAL` malformed or already a handle, `EAGAIN` too many, `EPERM` a thread
/// without the ability. Does not block.
pub fn register(event: &mut SigEvent, coid: i32) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    if event.notify & SIGEV_FLAG_HANDLE != 0 {
        return Err(Errno::EINVAL);
    }
    well_formed(event)?;
    if event.kind() == SIGEV_THREAD {
        event_thread::check_ability()?;
    }
    let process = process();
    let (allowed, conn) = match coid {
        REGEVENT_ALLOW_ANY_SERVER => (Allowed::Any, None),
        REGEVENT_ALLOW_SELF | SYSMGR_COID => (Allowed::Server(process.pid), None),
        coid => with_coid(coid, |coid| {
            if coid.conn.is_dead() {
                Err(Errno::EBADF)
            } else {
                Ok((Allowed::Server(coid.conn.pid), Some(Arc::clone(&coid.conn))))
            }
        })?,
    };
    let handle = process.events.register(*event, allowed)?;
    if event.kind() == SIGEV_SEM
        && let Some(conn) = conn.filter(|conn| conn.local.is_none())
    {
        let sem = event.target as *const Sem;
        // SAFETY: the caller vouches for the semaphore as long as the event is registered.
        unsafe { process.sem_cells.add(handle, sem, &conn.first.region) };
    }
    event.notify |= SIGEV_FLAG_HANDLE;
    event.target = u64::from(handle);
    Ok(())
}

/// Forgets a registered event. `ESRCH` unknown.
pub fn unregister(event: &SigEvent) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let process = process();
    process.events.unregister(event)?;
    process.sem_cells.forget_event(event.target_int() as u32);
    Ok(())
}

/// Connection flags that the message under `rcvid` was sent with; the rcvid may have been answered already, as long as
/// its slot has not been used again.
fn message_flags(lane: &Lane, rcvid: RcvId) -> Result<(u8, i32), Errno> {
    let (_, slot, generation) = decode(rcvid).ok_or(Errno::ESRCH)?;
    let held = lock(lane.slot(slot));
    if held.generation() == generation {
        return Ok((held.request.flags, held.request.tid));
    }
    // Another message has gone through the slot since. The connection is what counts.
    Ok((held.request.flags, 0))
}

/// Could the event be delivered to the client of `rcvid` (0 = ourselves)?
///
/// `EACCES` no events wanted, registration needed, or another server's; `EBADF` its pulse connection is missing (only
/// told for our own events); `EINVAL` malformed; `ESRCH` the client is gone.
pub fn verify(rcvid: RcvId, event: &SigEvent) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    check(rcvid, event)
}

fn check(rcvid: RcvId, event: &SigEvent) -> Result<(), Errno> {
    if rcvid == 0 {
        let event = own(event)?;
        well_formed(&event)?;
        if event.kind() == SIGEV_PULSE && process().coids.get(event.target_int()).is_none() {
            return Err(Errno::EBADF);
        }
        return Ok(());
    }
    with_lane(rcvid, |lane| {
        if !is_connected(lane) {
            return Err(Errno::ESRCH);
        }
        let (flags, _) = message_flags(lane, rcvid)?;
        if flags & flag::NO_EVENTS != 0 {
            return Err(Errno::EACCES);
        }
        if event.notify & SIGEV_FLAG_HANDLE != 0 {
            let view = lane.conn.events.as_ref().ok_or(Errno::EACCES)?;
            return view.check(event.target_int() as u32, process().pid);
        }
        // Between processes only registered events are delivered; inside one, REG_EVENTS decides.
        if !lane.conn.is_local() || flags & flag::REGISTERED_EVENTS != 0 {
            return Err(Errno::EACCES);
        }
        well_formed(event)
    })
}

/// The event behind one of our own handles, or the event itself.
fn own(event: &SigEvent) -> Result<SigEvent, Errno> {
    if event.notify & SIGEV_FLAG_HANDLE == 0 {
        return Ok(*event);
    }
    let process = process();
    process.events.resolve(event, process.pid)
}

/// Posts a registered semaphore straight into its cell and wakes the client's thread. False if the event has no cell on
/// this connection.
fn post_cell(conn: &ServerConn, handle: u32) -> Result<bool, Errno> {
    let lane = conn.lane(0).ok_or(Errno::ESRCH)?;
    match Cell::new(lane.region.u64(layout::cell(handle)), handle).post() {
        Posted::NoCell => Ok(false),
        Posted::Full => Err(Errno::EAGAIN),
        // Nobody slept: it may be busy, or dead and our kernel thread has not noticed.
        Posted::Woke(0) if conn.sock().is_none_or(|sock| sys::peer_has_left(&sock)) => Err(Errno::ESRCH),
        Posted::Woke(_) => Ok(true),
    }
}

/// Delivers an event to the client of `rcvid` (0 = the calling thread's process). Never blocks.
///
/// Errors as [`verify`], and `EAGAIN` when the client's process has not taken earlier events.
pub fn deliver(rcvid: RcvId, event: &SigEvent) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    check(rcvid, event)?;
    if rcvid == 0 {
        return raise_local(&own(event)?, thread::tid());
    }
    with_lane(rcvid, |lane| {
        let (_, tid) = message_flags(lane, rcvid)?;
        if lane.conn.is_local() {
            return raise_local(&own(event)?, tid);
        }
        if event.notify & SIGEV_FLAG_HANDLE != 0 && post_cell(&lane.conn, event.target_int() as u32)? {
            return Ok(());
        }
        let words = [
            event.notify as u32 as u64,
            event.target,
            event.value,
            event.code_priority,
        ];
        let packet = Packet {
            number: tid,
            event: words,
            ..Packet::new(op::DELIVER)
        };
        let sock = lane.conn.sock().ok_or(Errno::ESRCH)?;
        wire::send(&sock, &packet, &[], false).map_err(|errno| match errno {
            Errno::EAGAIN | Errno::ENOBUFS => Errno::EAGAIN,
            _ => Errno::ESRCH,
        })
    })
}
