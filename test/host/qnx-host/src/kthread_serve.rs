//! What the kernel thread does with the packets it gets.

use std::sync::Arc;

use crate::client_conn::ClientConn;
use crate::dir_access;
use crate::errno::Errno;
use crate::event_raise;
use crate::event_table::EventView;
use crate::fds::Fd;
use crate::kthread::receive;
use crate::layout::lane as layout;
use crate::memfd;
use crate::process::{Process, lock};
use crate::pulse_tx;
use crate::queue::PulseItem;
use crate::region::Region;
use crate::scoids::Scoid;
use crate::server_conn::{self, Peer, ServerConn};
use crate::shm_handle::Opened;
use crate::sys;
use crate::trace::trace;
use crate::types::CHF_PRIVATE;
use crate::wire::{self, Packet, op};

/// Result of looking at a visitor's socket.
pub enum Visit {
    /// Nothing more to do for now.
    Nothing,
    /// It has left or misbehaved.
    Gone,
    /// It is a client of one of our channels now.
    Attached(Arc<ServerConn>),
}

/// Serves a process that has connected and may want anything.
pub fn visitor(process: &'static Process, fd: &Arc<Fd>) -> Visit {
    let mut fds = Vec::new();
    match receive(fd, &mut fds) {
        None => Visit::Nothing,
        Some(Err(())) => Visit::Gone,
        Some(Ok(packet)) if !may_ask(fd) => {
            trace!(
                1,
                "packet {} from another user: refused, see QNX_HOST_PUBLIC", packet.op
            );
            answer(fd, &Packet::refusal(packet.op, Errno::EPERM), &[])
        }
        Some(Ok(packet)) => match packet.op {
            op::ATTACH => match attach(process, fd, &packet, fds.pop()) {
                Ok(conn) => Visit::Attached(conn),
                Err(errno) => answer(fd, &Packet::refusal(op::ATTACH, errno), &[]),
            },
            op::MORE => match more_lanes(process, fd, &packet) {
                Ok((region, reply)) => answer(fd, &reply, &[region.raw()]),
                Err(errno) => answer(fd, &Packet::refusal(op::MORE, errno), &[]),
            },
            op::IDENTIFY if packet.number != 0 && process.channels.get(packet.number).is_none() => {
                answer(fd, &Packet::refusal(op::IDENTIFY, Errno::ESRCH), &[])
            }
            op::IDENTIFY => answer(
                fd,
                &Packet {
                    a: process.nonce,
                    ..Packet::new(op::IDENTIFY)
                },
                &[],
            ),
            op::OPEN_HANDLE => match open_handle(process, fd, &packet) {
                Ok((opened, reply)) => answer(fd, &reply, &[opened.object.raw()]),
                Err(errno) => answer(fd, &Packet::refusal(op::OPEN_HANDLE, errno), &[]),
            },
            op::DELETE_HANDLE => {
                let deleted = sys::peer_credentials(fd)
                    .and_then(|cred| process.handles.delete(packet.a, cred.pid, process.pid));
                let status = deleted.map_or_else(|errno| errno.0, |()| 0);
                answer(
                    fd,
                    &Packet {
                        status,
                        ..Packet::new(op::DELETE_HANDLE)
                    },
                    &[],
                )
            }
            op::REVOKE => {
                if let Ok(creator) = sys::peer_credentials(fd) {
                    process.mappings.revoke((packet.a, packet.b), creator.pid);
                }
                answer(fd, &Packet::new(op::REVOKE), &[])
            }
            op::DESCRIBE => {
                crate::describe::answer(process, fd);
                Visit::Nothing
            }
            other => {
                trace!(1, "packet {other} from a visitor: not known");
                Visit::Gone
            }
        },
    }
}

/// The socket's mode keeps other users out already. It is not the only lock: root may have opened the directory.
fn may_ask(fd: &Fd) -> bool {
    sys::peer_credentials(fd).is_ok_and(|cred| dir_access::admits(cred.uid))
}

fn answer(fd: &Fd, packet: &Packet, fds: &[i32]) -> Visit {
    match wire::send(fd, packet, fds, false) {
        Ok(()) => Visit::Nothing,
        Err(_) => Visit::Gone,
    }
}

fn open_handle(process: &'static Process, fd: &Fd, packet: &Packet) -> Result<(Opened, Packet), Errno> {
    let pid = sys::peer_credentials(fd)?.pid;
    let opened = process
        .handles
        .open(packet.a, pid, packet.number, packet.b != 0)?;
    let (offset, size) = opened.range.map_or((0, 0), |range| (range.offset, range.size));
    let reply = Packet {
        a: offset,
        b: size,
        ..Packet::new(op::OPEN_HANDLE)
    };
    Ok((opened, reply))
}

fn attach(
    process: &'static Process,
    fd: &Arc<Fd>,
    packet: &Packet,
    events: Option<Fd>,
) -> Result<Arc<ServerConn>, Errno> {
    if packet.a != 0 && packet.a != process.nonce {
        return Err(Errno::ESRCH);
    }
    let cred = sys::peer_credentials(fd)?;
    let channel = process.channels.get(packet.number).ok_or(Errno::ESRCH)?;
    // ON-TARGET: the errno of connecting to another process' private channel.
    if channel.flags & CHF_PRIVATE != 0 {
        return Err(Errno::EPERM);
    }
    let region_fd = memfd::sealed(c"qnx-lane", layout::LEN as u64)?;
    let region = Arc::new(Region::map(&region_fd, layout::LEN)?);
    let events = events.as_ref().map(EventView::map).transpose()?;
    let peer = Peer {
        pid: cred.pid,
        uid: cred.uid,
        gid: cred.gid,
        sock: Some(Arc::clone(fd)),
        events,
    };
    let lane = server_conn::create(process, &channel, peer, region)?;
    let reply = Packet {
        number: lane.conn.scoid,
        a: lane.index as u64,
        b: u64::from(channel.flags),
        c: u64::from(channel.ring_limit()),
        event: [u64::from(lane.conn.may_pulse), 0, 0, 0],
        ..Packet::new(op::ATTACH)
    };
    if let Err(error) = wire::send(fd, &reply, &[channel.doorbell_fd().raw(), region_fd.raw()], false) {
        lane.conn.client_gone(process);
        return Err(error);
    }
    Ok(Arc::clone(&lane.conn))
}

fn more_lanes(process: &'static Process, fd: &Fd, packet: &Packet) -> Result<(Fd, Packet), Errno> {
    let pid = sys::peer_credentials(fd)?.pid;
    let conn = match lock(&process.scoids).get(packet.number) {
        // A client may ask for itself alone.
        Some(Scoid::Alive(conn)) if conn.pid == pid => Arc::clone(conn),
        _ => return Err(Errno::ESRCH),
    };
    let region_fd = memfd::sealed(c"qnx-lane", layout::LEN as u64)?;
    let lane = conn.add_lane(process, Arc::new(Region::map(&region_fd, layout::LEN)?))?;
    Ok((
        region_fd,
        Packet {
            a: lane.index as u64,
            ..Packet::new(op::MORE)
        },
    ))
}

/// Serves a client of one of our channels.
pub fn from_client(conn: &Arc<ServerConn>, fd: &Fd, packet: &Packet) {
    match packet.op {
        op::DRAIN => {
            let Some(lane) = conn.lane(0) else { return };
            let what = packet.number as u32;
            let pulse = PulseItem {
                code: what as u8 as i8,
                priority: ((what >> 8) as u8).max(1),
                value: packet.a,
                scoid: conn.scoid,
            };
            if conn.may_pulse {
                conn.channel.drain_on_request(&lane, pulse, packet.b);
            }
            let _ = wire::send(fd, &Packet::new(op::DRAIN), &[], false);
        }
        op::UNBLOCK => {
            if let Ok(slot) = usize::try_from(packet.number)
                && slot < layout::SLOTS
            {
                conn.unblock_requested(packet.b as usize, slot, packet.a);
            }
        }
        other => trace!(1, "packet {other} from scoid {:#x}: not known", conn.scoid),
    }
}

/// Serves what a server of ours sends on its own account.
pub fn from_server(process: &'static Process, conn: &Arc<ClientConn>, packet: &Packet) {
    match packet.op {
        op::DRAIN => pulse_tx::ring_emptied(conn),
        op::DELIVER => event_raise::delivered(process, conn, packet),
        other => trace!(1, "packet {other} from server pid {}: not known", conn.pid),
    }
}
