//! What a worker needs of a session to move its data: the pools, the dirty map, the receive buffers, the wait slots. One
//! worker serves a session, so the lock around it is only ever tried; the control thread takes it to change what is there.

use crate::{
    handle::Handle,
    limits::{BLOCKS, BUFFERS, POOLS_PER_SESSION, WAITERS},
    machine::Platform,
    maybe::Maybe,
    pool::PoolHold,
};
use csock_wire::{
    Field, Refusal, WireErrno,
    stream::{Area, StreamFault, Supply, Watch},
};
use heapless::Vec;

/// One session's data plane. Vacant it is all zero, and it is changed in place: it is too large for a kernel thread's stack.
pub struct Plane<P: Platform> {
    pools: [Option<PoolHold<P>>; POOLS_PER_SESSION],
    area: Maybe<Area>,
    watch: Watch,
    supply: Supply,
    buffers: Buffers,
    waiters: [Maybe<P::Waiter>; WAITERS],
    /// Where the next quantum begins to serve sockets.
    pub cursor: usize,
    /// How often a worker still looks before it asks the client to ring.
    pub looks: u32,
}

impl<P: Platform> Plane<P> {
    /// Vacant.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pools: [const { None }; POOLS_PER_SESSION],
            area: Maybe::Nothing,
            watch: Watch::new(),
            supply: Supply::new(),
            buffers: Buffers::new(),
            waiters: [const { Maybe::Nothing }; WAITERS],
            cursor: 0,
            looks: 0,
        }
    }

    /// Starts over the first pool of a session, laid out as `area`. All receive buffers are here.
    ///
    /// # Errors
    /// `EINVAL` when the area is larger than this module serves.
    pub fn start(&mut self, pool: PoolHold<P>, area: Area) -> Result<(), Refusal> {
        let within = |field, value: u32, most: usize| {
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            if value <= most {
                return Ok(());
            }
            Err(Refusal::new(WireErrno::EINVAL, field, value.into(), most.into()))
        };
        within(Field::SocketCount, area.geometry().sockets, BLOCKS)?;
        within(Field::BufferCount, area.buffers(), BUFFERS)?;
        self.stop_data();
        self.watch.start(&area);
        self.buffers.start(&area);
        self.area.set(area);
        if let Some(first) = self.pools.first_mut() {
            *first = Some(pool);
        }
        Ok(())
    }

    /// Gives everything back.
    pub fn stop(&mut self) {
        for waiter in &mut self.waiters {
            waiter.take();
        }
        self.stop_data();
    }

    /// Gives everything back but the wait slots: a thread may have registered before there was a pool, and still sleeps on
    /// its slot when the pool has gone.
    pub fn stop_data(&mut self) {
        for pool in &mut self.pools {
            *pool = None;
        }
        self.area.take();
        self.watch = Watch::new();
        self.supply = Supply::new();
        self.buffers.stop();
        self.cursor = 0;
        self.looks = 0;
    }

    /// The session's pools by number.
    pub const fn pools(&self) -> &[Option<PoolHold<P>>; POOLS_PER_SESSION] {
        &self.pools
    }

    /// The same, to be changed.
    pub const fn pools_mut(&mut self) -> &mut [Option<PoolHold<P>>; POOLS_PER_SESSION] {
        &mut self.pools
    }

    /// The area's layout, once there is a first pool.
    pub const fn area(&self) -> Option<&Area> {
        self.area.as_ref()
    }

    fn mem(&self) -> Option<P::Mem> {
        Some(self.pools.first()?.as_ref()?.mem().clone())
    }

    /// The module is awake: the client need not ring. Then takes what is dirty: `dirty` gets numbers of blocks, `back` the
    /// sockets whose buffers came back.
    ///
    /// # Errors
    /// [`StreamFault`] for what an honest client cannot have written.
    pub fn look(&mut self, dirty: impl FnMut(u32), mut back: impl FnMut(Handle)) -> Result<(), StreamFault> {
        let (Some(mem), Some(area)) = (self.mem(), self.area.get()) else {
            return Ok(());
        };
        self.watch.wake(&mem)?;
        self.watch.drain(&mem, dirty)?;
        let buffers = &mut self.buffers;
        self.supply.drain(&mem, &area, |id| match buffers.give_back(id) {
            Some(owner) => {
                back(owner);
                true
            }
            None => false,
        })
    }

    /// Asks the client to ring. False: there is work already.
    ///
    /// # Errors
    /// As [`Plane::look`].
    pub fn arm(&mut self) -> Result<bool, StreamFault> {
        match self.mem() {
            Some(mem) => self.watch.arm(&mem),
            None => Ok(true),
        }
    }

    /// The client has marked something since the last look. What it wrote elsewhere is not looked at, nor is anything changed.
    pub fn is_marked(&self) -> bool {
        self.mem()
            .is_some_and(|mem| self.watch.any(&mem).unwrap_or(false))
    }

    /// A receive buffer for `owner`, which has `held` already, to hold `wanted` bytes or a part of them: its id, offset and
    /// length.
    pub fn take_buffer(&mut self, owner: Handle, held: u32, wanted: u32) -> Option<(u32, usize, u32)> {
        let id = self.buffers.take(owner, held, wanted)?;
        let (offset, len) = self.area.as_ref()?.buffer(id)?;
        Some((id, offset, len))
    }

    /// A buffer that was taken and not filled.
    pub fn untake_buffer(&mut self, id: u32) {
        self.buffers.give_back(id);
    }

    /// A socket waits for buffers, or none does any more: the client rings when some come back, if told so.
    ///
    /// # Errors
    /// As [`Plane::look`].
    pub fn starve(&mut self, starving: bool) -> Result<(), StreamFault> {
        self.buffers.starving = starving;
        match self.mem() {
            Some(mem) => self.supply.want(&mem, starving),
            None => Ok(()),
        }
    }

    /// Some socket waits for buffers.
    pub const fn is_starving(&self) -> bool {
        self.buffers.starving
    }

    /// The thread behind wait slot `slot`.
    pub fn waiter(&self, slot: u16) -> Option<&P::Waiter> {
        self.waiters.get(usize::from(slot).checked_sub(1)?)?.as_ref()
    }

    /// Keeps a wait slot; its number.
    ///
    /// # Errors
    /// `EBUSY` with the limit.
    pub fn add_waiter(&mut self, waiter: P::Waiter) -> Result<u16, Refusal> {
        let free = (1u16..).zip(&mut self.waiters).find(|(_, place)| place.is_none());
        let most = u64::try_from(WAITERS).unwrap_or(u64::MAX);
        let (slot, place) = free.ok_or(Refusal::new(WireErrno::EBUSY, Field::WaitSlot, most, most))?;
        place.set(waiter);
        Ok(slot)
    }

    /// Forgets a wait slot. False: there was none.
    pub fn drop_waiter(&mut self, slot: u16) -> bool {
        let place = usize::from(slot)
            .checked_sub(1)
            .and_then(|at| self.waiters.get_mut(at));
        place.is_some_and(|place| place.take().is_some())
    }
}

/// Receive buffers: where each is.
struct Buffers {
    small: Vec<u16, BUFFERS>,
    large: Vec<u16, BUFFERS>,
    /// Raw handle of the socket whose client has it; 0: here.
    owners: [u32; BUFFERS],
    small_count: u32,
    small_len: u32,
    /// How many one socket gets while others may want some.
    share: u32,
    /// A socket found none; the client was asked to ring.
    starving: bool,
}

impl Buffers {
    const fn new() -> Self {
        Self {
            small: Vec::new(),
            large: Vec::new(),
            owners: [0; BUFFERS],
            small_count: 0,
            small_len: 0,
            share: 0,
            starving: false,
        }
    }

    fn start(&mut self, area: &Area) {
        let geometry = area.geometry();
        self.small_count = geometry.small_count;
        self.small_len = geometry.small_len;
        self.share = area.share();
        for id in (0..area.buffers()).rev() {
            self.put(id);
        }
    }

    fn stop(&mut self) {
        self.small.clear();
        self.large.clear();
        self.owners.fill(0);
        (self.small_count, self.small_len, self.share) = (0, 0, 0);
        self.starving = false;
    }

    fn put(&mut self, id: u32) {
        let list = if id < self.small_count {
            &mut self.small
        } else {
            &mut self.large
        };
        if let Ok(id) = u16::try_from(id) {
            // As many places as buffers, and each is here once.
            let _ = list.push(id);
        }
    }

    /// The socket that had it; `None` when it was here.
    fn give_back(&mut self, id: u32) -> Option<Handle> {
        let owner = self.owners.get_mut(usize::try_from(id).ok()?)?;
        let handle = Handle::from_raw(*owner)?;
        *owner = 0;
        self.put(id);
        Some(handle)
    }

    /// One socket gets no more than its share.
    fn take(&mut self, owner: Handle, held: u32, wanted: u32) -> Option<u32> {
        if held >= self.share {
            return None;
        }
        let (first, second) = if wanted > self.small_len {
            (&mut self.large, &mut self.small)
        } else {
            (&mut self.small, &mut self.large)
        };
        let id = first.pop().or_else(|| second.pop())?;
        *self.owners.get_mut(usize::from(id))? = owner.raw();
        Some(id.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use csock_wire::stream::AreaGeometry;

    #[test]
    fn a_buffer_is_in_one_place_and_a_socket_gets_its_share() {
        let geometry = AreaGeometry {
            sockets: 2,
            small_count: 8,
            small_len: 64,
            large_count: 4,
            large_len: 4096,
            reserved: 0,
        };
        let area = Area::plan(&geometry, 1 << 20).unwrap();
        let mut buffers = Buffers::new();
        buffers.start(&area);
        let (one, two) = (Handle::new(1, 1).unwrap(), Handle::new(2, 1).unwrap());
        assert_eq!(buffers.take(one, 0, 64), Some(0));
        assert_eq!(buffers.take(one, 1, 65), Some(8));
        assert_eq!(buffers.take(one, 2, 1), Some(1));
        assert_eq!(buffers.take(one, 3, 1), None, "a quarter of twelve");
        assert_eq!(buffers.give_back(7), None, "nobody had it");
        assert_eq!(buffers.take(two, 0, 1), Some(2));
        assert_eq!((buffers.give_back(2), buffers.give_back(2)), (Some(two), None));
        assert_eq!(buffers.give_back(12), None);
        let mut all = std::vec![];
        while let Some(id) = buffers.take(two, 0, 1) {
            all.push(id);
        }
        all.sort_unstable();
        assert_eq!(
            all,
            [2, 3, 4, 5, 6, 7, 9, 10, 11],
            "large ones serve when the small are out"
        );
    }
}
