//! Opening a session, and the ledger.

use super::{Control, Sender};
use crate::{
    counters::count_refusal,
    handle::Handle,
    limits::{POOLS_PER_SESSION, WAITERS},
    machine::{Credentials, Host},
    node::{READ, WRITE},
    session::Identity,
    table::Table,
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Counters, Field, MsgHeader, Refusal, WireErrno,
    msg::{Hello, HelloReply, StatsReply, TX_COPY, TX_ZERO_COPY},
};

impl<P: Host> Control<P> {
    /// HELLO: who is it (the kernel says), do we speak the same, is there room.
    pub(super) fn hello(
        &mut self,
        table: &'static Table<P>,
        sender: Sender,
        header: &MsgHeader,
        hello: &Hello,
    ) -> Result<HelloReply, Refusal> {
        if header.session != 0 {
            return Err(Refusal::new(
                WireErrno::EINVAL,
                Field::Session,
                u64::from(header.session),
                0,
            ));
        }
        if header.socket != 0 {
            return Err(Refusal::new(
                WireErrno::EINVAL,
                Field::Socket,
                u64::from(header.socket),
                0,
            ));
        }
        let version = hello.negotiate()?;
        // The connection may have been made around the path: here is the gate (S-42).
        let credentials = P::credentials(sender.scoid)?;
        if !table.config.access().permits(&credentials, READ | WRITE) {
            return Err(Refusal::bare(WireErrno::EACCES));
        }
        let euid = credentials.uid;
        let client = Identity {
            pid: sender.pid,
            scoid: sender.scoid,
            euid,
        };
        let handle = match self.sessions.open(client, &table.config) {
            Ok(handle) => handle,
            Err(_) => {
                // A disconnect pulse that the kernel had to drop leaves a dead session behind: look, then try again.
                self.audit(table);
                let opened = self.sessions.open(client, &table.config);
                count_refusal(&table.refusals.sessions, opened)?
            }
        };
        if let Some(shared) = table.session_of(handle.raw()) {
            shared.start(handle.raw());
            shared.counters.control_msgs.store(1, Ordering::Relaxed);
        }
        Ok(HelloReply {
            version,
            reserved: [0; 3],
            session: handle.raw(),
            max_sockets: table.config.sockets_per_session(),
            max_pool_bytes: table.config.pool_bytes(),
            doorbell_chid: self.doorbell_chid(table, euid),
            max_waiters: u32::try_from(WAITERS).unwrap_or(u32::MAX),
            max_parked: table.config.parked_per_session(),
            max_pools: u32::try_from(POOLS_PER_SESSION).unwrap_or(u32::MAX),
            tx_mode: if table.config.copies() {
                TX_COPY
            } else {
                TX_ZERO_COPY
            },
            reserved_end: 0,
        })
    }

    /// Where a client rings: apart from those who may send pulses if it may not (QNX: io-sock's own user id, and who has the
    /// ability CONNECTION, as user id 0 does). A wrong guess costs nothing but that: both channels take both kinds of bell.
    fn doorbell_chid(&self, table: &'static Table<P>, euid: u32) -> i32 {
        let own = |own: Credentials| own.uid == euid;
        let pulses = euid == 0 || P::credentials(Credentials::OWN).is_ok_and(own);
        let [by_pulse, by_message] = &table.doorbell_chids;
        let chid = if pulses { by_pulse } else { by_message };
        chid.load(Ordering::Relaxed)
    }

    /// STATS: the session's ledger; and the module's for user id 0 alone, since it says what others do.
    pub(super) fn stats(&mut self, table: &'static Table<P>, session: Handle) -> Result<StatsReply, Refusal> {
        let shared = table.session_of(session.raw()).ok_or(WireErrno::EBADF)?;
        let mut mine = shared.counters.snapshot();
        let mut ext = 0u64;
        for slot in &table.sockets {
            if slot.session.load(Ordering::Acquire) == session.raw() {
                mine.sockets_open = mine.sockets_open.saturating_add(1);
                ext = ext.saturating_add(u64::from(slot.inflight.outstanding()));
            }
        }
        mine.ext_mbufs_outstanding = ext;
        mine.sessions_open = 1;
        let session = self.sessions.get_mut(session).ok_or(WireErrno::EBADF)?;
        let plane = table.plane(session.handle.index());
        let pools = plane.map_or(0, |plane| plane.pools().iter().flatten().count());
        mine.pools_mapped = u64::try_from(pools).unwrap_or(0);
        mine.parked = u64::from(shared.parked.load(Ordering::Relaxed));
        Ok(StatsReply {
            mine,
            total: if session.client.euid == 0 {
                table.ledger()
            } else {
                Counters::default()
            },
        })
    }
}
