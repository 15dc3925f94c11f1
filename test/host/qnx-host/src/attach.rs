//! ConnectAttach, ConnectDetach and what a client can ask about its connections.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use crate::ability_record;
use crate::client_conn::{ClientConn, Coid, Parts, weak};
use crate::config::config;
use crate::dir;
use crate::errno::Errno;
use crate::event_table::EventView;
use crate::fds::Fd;
use crate::layout::{doorbell, lane as layout};
use crate::memfd;
use crate::process::{Process, lock, process};
use crate::region::Region;
use crate::scoids::Scoid;
use crate::server_conn::{self, Peer};
use crate::sys;
use crate::thread;
use crate::trace::trace;
use crate::types::{COF_CLOEXEC, COF_DEAD, COF_MASK, CONNECTION_SCOID, MsgInfo, SIDE_CHANNEL, SYSMGR_COID};
use crate::wire::{self, Packet, op};

/// ConnectAttach. `nonce` 0, or that of the process which must be the one called `pid`.
///
/// Waits for the server's kernel thread to answer, which it does at once unless the server is stopped.
/// Errors: `ESRCH` no such process or channel, `EINVAL` bad flags, `EAGAIN` too many clients, `EPERM` another user
/// who does not let us, or a private channel of another process.
pub fn attach(pid: i32, chid: i32, index: u32, flags: u32, nonce: u64) -> Result<i32, Errno> {
    let _ = thread::take_timeout();
    if flags & !COF_MASK != 0 || pid < 0 {
        return Err(Errno::EINVAL);
    }
    let process = process();
    let pid = if pid == 0 { process.pid } else { pid };
    let _one_at_a_time = lock(&process.attach);
    let conn = connection(process, pid, chid, nonce)?;
    match new_coid(process, &conn, index, flags) {
        Ok(coid) => {
            trace!(2, "coid {:#x} = pid {pid} chid {chid}", coid.coid);
            Ok(coid.coid)
        }
        Err(error) => {
            let nobody = Coid {
                coid: -1,
                conn: Arc::clone(&conn),
                flags: AtomicU32::new(0),
                detached: AtomicBool::new(true),
                placeholder: Mutex::new(None),
            };
            conn.drop_coid(process, &nobody);
            Err(error)
        }
    }
}

fn new_coid(
    process: &'static Process,
    conn: &Arc<ClientConn>,
    index: u32,
    flags: u32,
) -> Result<Arc<Coid>, Errno> {
    let make = |coid, placeholder| {
        Arc::new(Coid {
            coid,
            conn: Arc::clone(conn),
            flags: AtomicU32::new(flags),
            detached: AtomicBool::new(false),
            placeholder: Mutex::new(placeholder),
        })
    };
    if index & SIDE_CHANNEL as u32 != 0 {
        return Ok(process
            .coids
            .insert_lowest(SYSMGR_COID + 1, |coid| make(coid, None)));
    }
    // Without the side channel bit the id is a descriptor number; a descriptor of our own keeps the place.
    // SAFETY: plain call.
    let fd = Fd::make(|| unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })?;
    let low = i32::try_from(index).map_err(|_| Errno::EINVAL)?;
    let fd = if fd.raw() < low {
        // SAFETY: plain call on a descriptor that we own.
        Fd::make(|| unsafe { libc::fcntl(fd.raw(), libc::F_DUPFD_CLOEXEC, low) })?
    } else {
        fd
    };
    let coid = make(fd.raw(), Some(fd));
    process.coids.insert_at(coid.coid, Arc::clone(&coid));
    Ok(coid)
}

/// The connection to (pid, chid) with one more coid counted: the existing one, or a new one.
fn connection(process: &'static Process, pid: i32, chid: i32, nonce: u64) -> Result<Arc<ClientConn>, Errno> {
    let existing = lock(&process.conns).get(&(pid, chid)).cloned();
    if let Some(conn) = existing {
        // The server may have died a moment ago, before our kernel thread has noticed.
        if conn.sock().is_some_and(|sock| sys::peer_has_left(&sock)) {
            conn.server_gone(process);
        }
        if conn.add_coid(false) {
            return Ok(conn);
        }
    }
    let conn = if pid == process.pid {
        local(process, chid)?
    } else {
        remote(process, pid, chid, nonce)?
    };
    if !conn.add_coid(true) {
        return Err(Errno::ESRCH);
    }
    lock(&process.conns).insert((pid, chid), Arc::clone(&conn));
    Ok(conn)
}

fn local(process: &'static Process, chid: i32) -> Result<Arc<ClientConn>, Errno> {
    let channel = process.channels.get(chid).ok_or(Errno::ESRCH)?;
    let region = Arc::new(Region::private(layout::LEN)?);
    // SAFETY: no preconditions.
    let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
    let events = process.events.shared()?.map(EventView::map).transpose()?;
    let peer = Peer {
        pid: process.pid,
        uid,
        gid,
        sock: None,
        events,
    };
    let lane = server_conn::create(process, &channel, peer, Arc::clone(&region))?;
    let conn = Arc::new(ClientConn::new(Parts {
        pid: process.pid,
        chid,
        scoid: lane.conn.scoid,
        channel_flags: channel.flags,
        may_pulse: true,
        doorbell: Arc::clone(&channel.doorbell),
        word: lane.index,
        region,
        ring_limit: channel.ring_limit(),
        sock: None,
        local: Some(Arc::clone(&lane.conn)),
    }));
    lane.conn.set_local(weak(&conn));
    Ok(conn)
}

fn remote(process: &'static Process, pid: i32, chid: i32, nonce: u64) -> Result<Arc<ClientConn>, Errno> {
    ability_record::publish()?;
    let sock = Arc::new(dir::connect(pid)?);
    // A client need not be reached by anybody but `pidin`, which would not know of it otherwise.
    let _ = process.be_reachable();
    if config().allow_ptracer {
        // SAFETY: plain call; PR_SET_PTRACER_ANY is an unsigned long -1.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::c_ulong::MAX) };
    }
    let request = Packet {
        number: chid,
        a: nonce,
        ..Packet::new(op::ATTACH)
    };
    let mut fds = Vec::new();
    let events = process.events.shared()?;
    let given: &[i32] = &events.iter().map(|fd| fd.raw()).collect::<Vec<_>>();
    let answer = wire::ask(&sock, &request, given, &mut fds)?;
    let [doorbell_fd, region_fd] = fds.as_slice() else {
        return Err(Errno::ESRCH);
    };
    let word = answer.a as usize;
    if word >= doorbell::LANES {
        return Err(Errno::ESRCH);
    }
    // The server may be another user's.
    memfd::check_sealed(doorbell_fd, doorbell::LEN as u64)?;
    memfd::check_sealed(region_fd, layout::LEN as u64)?;
    let conn = Arc::new(ClientConn::new(Parts {
        pid,
        chid,
        scoid: answer.number,
        channel_flags: answer.b as u32,
        may_pulse: answer.event[0] != 0,
        doorbell: Arc::new(Region::map(doorbell_fd, doorbell::LEN)?),
        word,
        region: Arc::new(Region::map(region_fd, layout::LEN)?),
        ring_limit: answer.c as u32,
        sock: Some(Arc::clone(&sock)),
        local: None,
    }));
    process.kthread()?.watch_server(&sock, &conn)?;
    Ok(conn)
}

/// One more lane for a connection: its word in the doorbell and its region.
pub fn another_lane(conn: &ClientConn) -> Result<(usize, Arc<Region>), Errno> {
    let process = process();
    if let Some(server) = &conn.local {
        let lane = server.add_lane(process, Arc::new(Region::private(layout::LEN)?))?;
        return Ok((lane.index, Arc::clone(&lane.region)));
    }
    let sock = dir::connect(conn.pid)?;
    let mut fds = Vec::new();
    let answer = wire::ask(
        &sock,
        &Packet {
            number: conn.scoid,
            ..Packet::new(op::MORE)
        },
        &[],
        &mut fds,
    )?;
    let region = fds.first().ok_or(Errno::ESRCH)?;
    let word = answer.a as usize;
    if word >= doorbell::LANES {
        return Err(Errno::ESRCH);
    }
    memfd::check_sealed(region, layout::LEN as u64)?;
    Ok((word, Arc::new(Region::map(region, layout::LEN)?)))
}

/// ConnectDetach: of a coid by a client, or of a scoid by a server after its DISCONNECT pulse. `EINVAL` unknown,
/// `EPERM` for SYSMGR_COID. Does not block.
pub fn detach(id: i32) -> Result<(), Errno> {
    let _ = thread::take_timeout();
    let process = process();
    if id == SYSMGR_COID {
        return Err(Errno::EPERM);
    }
    if let Some(coid) = process.coids.remove(id) {
        coid.conn.drop_coid(process, &coid);
        drop(lock(&coid.placeholder).take());
        return Ok(());
    }
    if id > 0 && id & CONNECTION_SCOID != 0 && id & SIDE_CHANNEL == 0 {
        let mut scoids = lock(&process.scoids);
        if matches!(scoids.get(id), Some(Scoid::Dead(_))) {
            scoids.release(id);
            return Ok(());
        }
    }
    Err(Errno::EINVAL)
}

/// ConnectServerInfo: the connection under `coid` or the next higher one. `pid` must be ours.
///
/// With `skip_dead` (the caller gave no buffer) dead connections are passed over. `EINVAL` none left, `ESRCH` other pid.
pub fn server_info(pid: i32, coid: i32, skip_dead: bool) -> Result<(i32, MsgInfo), Errno> {
    let _ = thread::take_timeout();
    let process = process();
    if pid != 0 && pid != process.pid {
        return Err(Errno::ESRCH);
    }
    let mut from = coid;
    loop {
        let found = process.coids.get_from(from).ok_or(Errno::EINVAL)?;
        let dead = found.conn.is_dead();
        if dead && skip_dead {
            from = found.coid.checked_add(1).ok_or(Errno::EINVAL)?;
            continue;
        }
        let flags = found.flags.load(Ordering::Relaxed) | if dead { COF_DEAD } else { 0 };
        let info = MsgInfo {
            pid: found.conn.pid,
            chid: found.conn.chid,
            scoid: found.conn.scoid,
            coid: found.coid,
            flags: flags as i16,
            ..MsgInfo::default()
        };
        return Ok((found.coid, info));
    }
}

/// ConnectFlags of QNX 8: own process only, CLOEXEC only. Returns the old flags.
pub fn flags(pid: i32, coid: i32, mask: u32, bits: u32) -> Result<u32, Errno> {
    let _ = thread::take_timeout();
    let process = process();
    if pid != 0 && pid != sys::pid() {
        return Err(Errno::ENOTSUP);
    }
    let coid = process.coids.get(coid).ok_or(Errno::EBADF)?;
    if (mask | bits) & !COF_CLOEXEC != 0 {
        return Err(Errno::ENOTSUP);
    }
    let change = |old: u32| Some((old & !mask) | (bits & mask));
    Ok(coid
        .flags
        .fetch_update(Ordering::AcqRel, Ordering::Acquire, change)
        .unwrap_or_default()
        & COF_MASK)
}
