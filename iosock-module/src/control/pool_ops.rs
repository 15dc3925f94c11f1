//! Taking a client's memory: only what cannot vanish (S-15), as large as the kernel says (S-16), once (S-18).

use super::Control;
use crate::{
    counters::count_refusal,
    handle::Handle,
    limits::{MAX_POOLS, POOLS_PER_SESSION},
    machine::{Host, Mapping, ObjectFlags, PoolObject},
    plane::Plane,
    table::{PlaneGuard, Table},
};
use csock_wire::{
    Field, PoolHeader, Refusal, WireErrno,
    msg::{Empty, PoolAttach},
    stream::Area,
};

impl<P: Host> Control<P> {
    pub(super) fn pool_attach(
        &mut self,
        table: &'static Table<P>,
        session: Handle,
        body: &PoolAttach,
        mut plane: PlaneGuard<'_, P>,
    ) -> Result<Empty, Refusal> {
        let session = self.sessions.get_mut(session).ok_or(WireErrno::EBADF)?;
        let uid = session.client.euid;
        let most = u64::try_from(POOLS_PER_SESSION).unwrap_or(u64::MAX);
        let wrong = |error| Refusal::new(error, Field::PoolNumber, body.number.into(), most);
        let number = usize::try_from(body.number).map_err(|_| wrong(WireErrno::EINVAL))?;
        let place = plane.pools().get(number).ok_or(wrong(WireErrno::EINVAL))?;
        if place.is_some() || (number != 0 && plane.area().is_none()) {
            return Err(wrong(if place.is_some() {
                WireErrno::EEXIST
            } else {
                WireErrno::EINVAL
            }));
        }
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
        if number != 0 {
            if let Some(place) = plane.pools_mut().get_mut(number) {
                *place = Some(pool);
            }
            return Ok(Empty {});
        }
        let len = usize::try_from(body.size).map_err(|_| WireErrno::EINVAL)?;
        let area = Area::plan(&body.area, len)?;
        let data = u64::try_from(area.data()).unwrap_or(u64::MAX);
        if header.data_offset != data {
            let (field, value) = (Field::PoolDataOffset, header.data_offset);
            return Err(Refusal::new(WireErrno::EINVAL, field, value, data));
        }
        plane.start(pool.clone(), area)?;
        drop(plane);
        session.memory.set((pool, area));
        // From here on a worker looks after it: it asks the client to ring.
        table.activate(session.handle.index());
        Ok(Empty {})
    }

    pub(super) fn pool_detach(
        &mut self,
        session: Handle,
        number: u32,
        plane: &mut Plane<P>,
    ) -> Result<Empty, Refusal> {
        let missing = Refusal::new(WireErrno::ENOENT, Field::PoolNumber, number.into(), 0);
        let session = self.sessions.get_mut(session).ok_or(WireErrno::EBADF)?;
        let number = usize::try_from(number).map_err(|_| missing)?;
        let pool = plane
            .pools()
            .get(number)
            .and_then(Option::as_ref)
            .ok_or(missing)?;
        // The plane's, and of the first one the session's. References rise only from one that is held: these stay so many.
        let (refs, own) = (pool.refs(), if number == 0 { 2 } else { 1 });
        if refs > own {
            return Err(Refusal::new(
                WireErrno::EBUSY,
                Field::PoolCount,
                u64::from(refs),
                u64::from(own),
            ));
        }
        if number == 0 {
            plane.stop_data();
            session.memory.take();
        } else if let Some(place) = plane.pools_mut().get_mut(number) {
            *place = None;
        }
        Ok(Empty {})
    }
}

/// Quotas before anything is opened (S-31).
fn quota<P: Host>(table: &'static Table<P>, uid: u32, size: u64) -> Result<(), Refusal> {
    if size == 0 || size > table.config.pool_bytes() {
        return Err(Refusal::new(
            WireErrno::EINVAL,
            Field::PoolSize,
            size,
            table.config.pool_bytes(),
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
