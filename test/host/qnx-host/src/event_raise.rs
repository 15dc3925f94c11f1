//! Raising an event inside the process that it is meant for.

use std::sync::Arc;

use crate::client_conn::ClientConn;
use crate::errno::Errno;
use crate::event_thread;
use crate::process::{Process, process};
use crate::pulse_tx;
use crate::sem::Sem;
use crate::signals;
use crate::thread_block;
use crate::trace::trace;
use crate::types::*;
use crate::wire::Packet;

/// Checks the shape of an event: `EINVAL` for a type, signal or priority that does not exist.
pub fn well_formed(event: &SigEvent) -> Result<(), Errno> {
    match event.kind() {
        SIGEV_NONE | SIGEV_UNBLOCK | SIGEV_INTR => Ok(()),
        SIGEV_SIGNAL | SIGEV_SIGNAL_CODE | SIGEV_SIGNAL_THREAD => signals::to_linux(event.target_int())
            .map(|_| ())
            .ok_or(Errno::EINVAL),
        SIGEV_PULSE => match event.priority() {
            -1 | 1..=255 => Ok(()),
            _ => Err(Errno::EINVAL),
        },
        SIGEV_SEM if event.target.is_multiple_of(4) && event.target >= 4096 => Ok(()),
        SIGEV_THREAD => event_thread::well_formed(event),
        SIGEV_MEMORY => Err(Errno::ENOTSUP),
        _ => Err(Errno::EINVAL),
    }
}

/// Raises an event of this process; `tid` is the thread that an unblock or thread signal is for. Never blocks.
pub fn raise_local(event: &SigEvent, tid: i32) -> Result<(), Errno> {
    well_formed(event)?;
    trace!(3, "event type {} raised", event.kind());
    match event.kind() {
        SIGEV_PULSE => {
            let coid = process().coids.get(event.target_int()).ok_or(Errno::EBADF)?;
            let priority = match event.priority() {
                -1 => PRIORITY_DEFAULT,
                priority => priority as u8,
            };
            pulse_tx::send_on(&coid.conn, priority, event.code() as i8, event.value)
        }
        SIGEV_SIGNAL | SIGEV_SIGNAL_CODE => signals::queue(event.target_int(), event.value, None),
        SIGEV_SIGNAL_THREAD => signals::queue(event.target_int(), event.value, Some(tid)),
        SIGEV_SEM => {
            // SAFETY: the owner of the event vouched for the semaphore when it made or registered the event; it is
            // aligned (checked above) and must live as long as the event.
            unsafe { &*(event.target as *const Sem) }.post()
        }
        SIGEV_THREAD => event_thread::start(event),
        SIGEV_UNBLOCK => thread_block::unblock(tid),
        _ => Ok(()),
    }
}

/// A server delivers one of our registered events.
pub fn delivered(process: &'static Process, conn: &Arc<ClientConn>, packet: &Packet) {
    let [head, target, value, code_priority] = packet.event;
    let given = SigEvent {
        notify: head as u32 as i32,
        padding: 0,
        target,
        value,
        code_priority,
    };
    let raised = process
        .events
        .resolve(&given, conn.pid)
        .and_then(|event| raise_local(&event, packet.number));
    if let Err(errno) = raised {
        trace!(
            1,
            "event {:#x} from server pid {}: errno {}", given.target, conn.pid, errno.0
        );
    }
}
