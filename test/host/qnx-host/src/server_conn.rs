//! The server's side of a connection: one client process attached to one channel of ours.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::ability::aid;
use crate::ability_record;
use crate::channel::Channel;
use crate::client_conn::ClientConn;
use crate::dir_access;
use crate::errno::Errno;
use crate::event_table::EventView;
use crate::fds::Fd;
use crate::help;
use crate::lane::{Held, Lane, MAX_LANES};
use crate::layout::lane as layout;
use crate::process::{Process, lock};
use crate::queue::PulseItem;
use crate::region::Region;
use crate::sys;
use crate::trace::trace;
use crate::types::{
    CHF_DISCONNECT, CHF_UNBLOCK, PRIORITY_DEFAULT, PULSE_CODE_DISCONNECT, PULSE_CODE_UNBLOCK,
};

/// A connected client process.
pub struct ServerConn {
    /// Its id in this process.
    pub scoid: i32,
    /// The channel.
    pub channel: Arc<Channel>,
    /// Who it is, from the kernel.
    pub pid: i32,
    /// Its effective ids when it connected.
    pub uid: u32,
    /// See `uid`.
    pub gid: u32,
    /// Its pulses are taken: same user as ours, or allowed to send to others.
    pub may_pulse: bool,
    /// The system refuses copies between its address space and ours.
    pub no_direct_copies: AtomicBool,
    /// Its lanes; the first is made with the connection.
    lanes: Mutex<Vec<Arc<Lane>>>,
    /// Socket to the client process; `None` once closed, or for a client inside this process.
    sock: Mutex<Option<Arc<Fd>>>,
    /// The client half, when it lives in this process.
    local: OnceLock<Weak<ClientConn>>,
    /// Reasons to hold back the DISCONNECT pulse: unanswered receives of a dead client, and one for being alive.
    holds: AtomicU32,
    /// The client or the channel has gone; whoever sets it cleans up.
    gone: AtomicBool,
    /// The client process' registered events, as far as a server may see them.
    pub events: Option<EventView>,
}

/// Where a new connection comes from.
pub struct Peer {
    /// Process id and effective ids.
    pub pid: i32,
    /// See `pid`.
    pub uid: u32,
    /// See `pid`.
    pub gid: u32,
    /// Socket, unless it is this process itself.
    pub sock: Option<Arc<Fd>>,
    /// Its table of registered events.
    pub events: Option<EventView>,
}

/// Makes a connection with its first lane, and lists both. The region is shared with the client.
pub fn create(
    process: &'static Process,
    channel: &Arc<Channel>,
    peer: Peer,
    region: Arc<Region>,
) -> Result<Arc<Lane>, Errno> {
    let conn = lock(&process.scoids).allocate(|scoid| {
        Arc::new(ServerConn {
            scoid,
            channel: Arc::clone(channel),
            pid: peer.pid,
            uid: peer.uid,
            gid: peer.gid,
            may_pulse: peer.uid == dir_access::euid()
                || ability_record::client_may(peer.pid, peer.uid, aid::CONNECTION, None),
            no_direct_copies: AtomicBool::new(false),
            lanes: Mutex::new(Vec::new()),
            sock: Mutex::new(peer.sock),
            local: OnceLock::new(),
            holds: AtomicU32::new(1),
            gone: AtomicBool::new(false),
            events: peer.events,
        })
    });
    let made = conn.add_lane(process, region);
    match &made {
        Ok(_) => trace!(
            2,
            "scoid {:#x}: pid {} connected to chid {}", conn.scoid, conn.pid, channel.chid
        ),
        Err(_) => lock(&process.scoids).release(conn.scoid),
    }
    made
}

impl ServerConn {
    /// Names the client half inside this process.
    pub fn set_local(&self, client: Weak<ClientConn>) {
        let _ = self.local.set(client);
    }

    /// The client half inside this process, if it is there.
    pub fn local(&self) -> Option<Arc<ClientConn>> {
        self.local.get().and_then(Weak::upgrade)
    }

    /// True when the client is this process.
    pub fn is_local(&self) -> bool {
        self.local.get().is_some()
    }

    /// Adds a lane: its first, or one more for a client with many blocked threads.
    pub fn add_lane(
        self: &Arc<Self>,
        process: &'static Process,
        region: Arc<Region>,
    ) -> Result<Arc<Lane>, Errno> {
        let mut lanes = lock(&self.lanes);
        // Who cleans up sets the flag first and takes the list afterwards.
        if self.gone.load(Ordering::SeqCst) {
            return Err(Errno::ESRCH);
        }
        let lane = self.channel.add_lane(|index| {
            let make = |id| Arc::new(Lane::new(id, index, region, Arc::clone(self)));
            Ok(process.lanes.insert_next(MAX_LANES, make))
        })?;
        lanes.push(Arc::clone(&lane));
        Ok(lane)
    }

    /// A lane by its position.
    pub fn lane(&self, ordinal: usize) -> Option<Arc<Lane>> {
        lock(&self.lanes).get(ordinal).cloned()
    }

    fn lanes(&self) -> Vec<Arc<Lane>> {
        lock(&self.lanes).clone()
    }

    /// The socket, while the client is connected.
    pub fn sock(&self) -> Option<Arc<Fd>> {
        lock(&self.sock).clone()
    }

    fn kernel_pulse(&self, code: i8, priority: u8, value: u64) {
        self.channel.push_pulse(
            PulseItem {
                code,
                priority,
                value,
                scoid: self.scoid,
            },
            true,
        );
    }

    /// The client's thread in `slot` of lane `ordinal`, whose message has `ticket`, wants out: tells the server by pulse.
    pub fn unblock_requested(&self, ordinal: usize, slot: usize, ticket: u64) {
        let Some(lane) = self.lane(ordinal) else { return };
        let pulse = {
            let held = lock(lane.slot(slot));
            let current =
                held.held == Held::Yes && held.request.ticket == ticket && lane.wants_unblock(slot, &held);
            current.then(|| (held.request.priority, lane.rcvid(slot, &held) as u64))
        };
        // Else it has been answered in the meantime.
        if let Some((priority, rcvid)) = pulse {
            self.kernel_pulse(PULSE_CODE_UNBLOCK, priority, rcvid);
        }
    }

    /// The client process is gone, or has detached its last connection to this channel. The first call counts.
    pub fn client_gone(&self, process: &'static Process) {
        if self.gone.swap(true, Ordering::SeqCst) {
            return;
        }
        drop(lock(&self.sock).take());
        for lane in self.lanes() {
            lane.dead.store(true, Ordering::SeqCst);
            help::abandon(&lane);
            self.channel.remove_lane(&lane);
            for slot in 0..layout::SLOTS {
                self.client_gone_from(&lane, slot);
            }
        }
        // The pulses that it sent wait in the queue now.
        self.channel.wake_receivers();
        self.release_hold(process);
    }

    fn client_gone_from(&self, lane: &Lane, slot: usize) {
        let mut held = lock(lane.slot(slot));
        if held.held != Held::Yes {
            return;
        }
        if self.channel.flags & CHF_UNBLOCK == 0 {
            held.held = Held::No;
            return;
        }
        held.held = Held::Dying;
        self.holds.fetch_add(1, Ordering::SeqCst);
        let (priority, rcvid) = (held.request.priority, lane.rcvid(slot, &held) as u64);
        drop(held);
        self.kernel_pulse(PULSE_CODE_UNBLOCK, priority, rcvid);
    }

    /// One reason less to hold back DISCONNECT; the last one ends the connection.
    pub fn release_hold(&self, process: &'static Process) {
        if self.holds.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        trace!(
            2,
            "scoid {:#x}: pid {} disconnected from chid {}", self.scoid, self.pid, self.channel.chid
        );
        self.unlist_lanes(process);
        if self.channel.flags & CHF_DISCONNECT != 0 && !self.channel.is_dead() {
            lock(&process.scoids).keep_dead(self.scoid);
            self.kernel_pulse(PULSE_CODE_DISCONNECT, PRIORITY_DEFAULT, 0);
        } else {
            lock(&process.scoids).release(self.scoid);
        }
    }

    fn unlist_lanes(&self, process: &'static Process) {
        for lane in lock(&self.lanes).drain(..) {
            process.lanes.remove(lane.id);
        }
    }

    /// The channel is being destroyed: the client's calls fail, our rcvids die.
    pub fn channel_gone(&self, process: &'static Process) {
        if self.gone.swap(true, Ordering::SeqCst) {
            return;
        }
        for lane in self.lanes() {
            lane.dead.store(true, Ordering::SeqCst);
            help::abandon(&lane);
            for slot in 0..layout::SLOTS {
                // Waits for whoever is answering through this slot.
                lock(lane.slot(slot)).held = Held::No;
            }
        }
        self.unlist_lanes(process);
        lock(&process.scoids).release(self.scoid);
        if let Some(client) = self.local() {
            client.server_gone(process);
        }
        if let Some(sock) = lock(&self.sock).take() {
            sys::shutdown(&sock);
        }
    }
}
