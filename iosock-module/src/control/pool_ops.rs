//! Taking a client's memory: only what cannot vanish (S-15), as large as the kernel says (S-16), once (S-18).

use super::Control;
use crate::{
    counters::count_refusal,
    handle::Handle,
    limits::{MAX_POOL_BYTES, MAX_POOLS},
    machine::{Host, Mapping, ObjectFlags, PoolObject},
    session::SessionPool,
    table::Table,
};
use csock_wire::{
    Field, PoolHeader, Refusal, WireErrno,
    msg::{Empty, PoolAttach},
};

impl<P: Host> Control<P> {
    pub(super) fn pool_attach(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        body: &PoolAttach,
    ) -> Result<Empty, Refusal> {
        let session = self.sessions.get_mut(session).ok_or(WireErrno::EBADF)?;
        if session.pool.is_some() {
            return Err(Refusal::new(WireErrno::EEXIST, Field::PoolCount, 2, 1));
        }
        let uid = session.client.euid;
        count_refusal(&table.refusals.pools, quota(table, uid, body.size))?;
        let object = P::open_object(body.handle, session.client.pid)
            .map_err(|error| Refusal::new(error, Field::PoolHandle, body.handle, 0))?;
        check_flags(object.flags()?)?;
        let len = object.len()?;
        // The object may be longer, by rounding to pages; what is mapped is what was said, and that must be there.
        if len < body.size {
            return Err(Refusal::new(WireErrno::EINVAL, Field::PoolSize, body.size, len));
        }
        let mapping = object.map(body.size)?;
        let header = PoolHeader::read(mapping.mem())?;
        let Ok(pool) = table.pools.attach(uid, mapping) else {
            let all = u64::try_from(MAX_POOLS).unwrap_or(0);
            return Err(Refusal::new(WireErrno::ENFILE, Field::PoolCount, all, all));
        };
        session.pool = Some(SessionPool {
            pool,
            len: body.size,
            data_offset: header.data_offset,
        });
        Ok(Empty {})
    }

    pub(super) fn pool_detach(&mut self, session: Handle) -> Result<Empty, Refusal> {
        let session = self.sessions.get_mut(session).ok_or(WireErrno::EBADF)?;
        let Some(pool) = &session.pool else {
            return Err(Refusal::new(WireErrno::ENOENT, Field::PoolCount, 0, 1));
        };
        // References rise in this thread alone, or from a socket that has one: 1 stays 1.
        let refs = pool.pool.refs();
        if refs > 1 {
            return Err(Refusal::new(
                WireErrno::EBUSY,
                Field::PoolCount,
                u64::from(refs),
                1,
            ));
        }
        session.pool = None;
        Ok(Empty {})
    }
}

/// Quotas before anything is opened (S-31).
fn quota<P: Host>(table: &'static Table<P>, uid: u32, size: u64) -> Result<(), Refusal> {
    if size == 0 || size > MAX_POOL_BYTES {
        return Err(Refusal::new(
            WireErrno::EINVAL,
            Field::PoolSize,
            size,
            MAX_POOL_BYTES,
        ));
    }
    let usage = table.pools.usage(uid);
    let (pools, bytes_allowed) = (
        table.config.pools_per_uid(),
        u64::from(table.config.pool_mib_per_uid()).saturating_mul(1 << 20),
    );
    if usage.pools >= pools {
        return Err(Refusal::new(
            WireErrno::EMFILE,
            Field::PoolCount,
            u64::from(usage.pools),
            u64::from(pools),
        ));
    }
    let bytes = usage.bytes.saturating_add(size);
    if bytes > bytes_allowed {
        return Err(Refusal::new(
            WireErrno::EDQUOT,
            Field::PoolSize,
            bytes,
            bytes_allowed,
        ));
    }
    Ok(())
}

/// Anonymous and sealed, and nothing that could make an access fault. A sealed object cannot change any more, so
/// looking once is enough.
fn check_flags(flags: ObjectFlags) -> Result<(), Refusal> {
    if flags.anonymous && flags.sealed && !flags.can_vanish {
        return Ok(());
    }
    // SHMCTL_ANON | SHMCTL_SEAL
    Err(Refusal::new(
        WireErrno::EACCES,
        Field::PoolFlags,
        u64::from(flags.raw),
        0x5,
    ))
}
