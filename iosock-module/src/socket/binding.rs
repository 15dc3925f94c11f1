//! What ties a socket to its client's memory: its block, both halves of its stream, and holds of the pools that its bytes
//! lie in. All of it from private memory.

use crate::{
    limits::POOLS_PER_SESSION,
    machine::{Delivery, Platform, Waiter},
    plane::Plane,
    pool::PoolHold,
};
use csock_wire::{
    SharedMem, WireErrno,
    stream::{Area, Block, Filler, PoolWindow, Reader, State, StreamFault, WaitWatch, Waiting},
};

/// A checked block for a socket to be, with a hold of the pool that it lies in.
pub struct BindingSetup<P: Platform> {
    /// The session's first pool.
    pub pool: PoolHold<P>,
    /// Its layout.
    pub area: Area,
    /// Number of the block.
    pub index: u32,
    /// Where it is.
    pub block: Block,
}

/// The client's memory at work.
pub(super) struct Binding<P: Platform> {
    pub index: u32,
    pub block: Block,
    /// Holds of the pools that ranges lie in, by number; the first is the one with the block.
    pools: [Option<PoolHold<P>>; POOLS_PER_SESSION],
    area: Area,
    pub reader: Reader,
    pub filler: Filler,
    room: WaitWatch,
    data: WaitWatch,
    /// A wake-up could not be delivered: it is tried again.
    pub owed: bool,
}

impl<P: Platform> Binding<P> {
    /// Starts with nothing committed and nothing filled.
    pub fn start(setup: BindingSetup<P>) -> Self {
        let mut pools = [const { None }; POOLS_PER_SESSION];
        if let Some(first) = pools.first_mut() {
            *first = Some(setup.pool);
        }
        Self {
            index: setup.index,
            block: setup.block,
            pools,
            area: setup.area,
            reader: Reader::new(),
            filler: Filler::new(),
            room: WaitWatch::new(Waiting::Room),
            data: WaitWatch::new(Waiting::Data),
            owed: false,
        }
    }

    /// The memory that the block lies in.
    pub fn mem(&self) -> Option<&P::Mem> {
        self.pools.first()?.as_ref().map(PoolHold::mem)
    }

    /// Holds every pool of the session, so that the stream can be sent to its end without the session.
    pub fn hold_all(&mut self, plane: &Plane<P>) {
        for (mine, theirs) in self.pools.iter_mut().zip(plane.pools()).skip(1) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }

    /// Looks at what the client has committed; the bytes that wait.
    pub fn look(&mut self, plane: Option<&Plane<P>>) -> Result<u64, StreamFault> {
        if let Some(plane) = plane {
            self.hold_all(plane);
        }
        let Some(mem) = self.pools.first().and_then(Option::as_ref).map(PoolHold::mem) else {
            return Ok(0);
        };
        let (pools, area) = (&self.pools, &self.area);
        let widen = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let window = |number: u16| {
            let pool = pools.get(usize::from(number))?.as_ref()?;
            let start = if number == 0 {
                area.data()
            } else {
                csock_wire::POOL_HEADER_LEN
            };
            Some(PoolWindow {
                start: widen(start),
                end: widen(pool.mem().len()),
            })
        };
        self.reader.look(mem, self.block, window)
    }

    /// The pool with that number.
    pub fn pool(&self, number: u16) -> Option<&PoolHold<P>> {
        self.pools.get(usize::from(number))?.as_ref()
    }

    /// Shows the client everything of this round, and says which of its sleepers that concerns. `limit`: up to where it
    /// may commit. `enough`: so much room is worth a wake-up.
    pub fn publish(&mut self, limit: u64, enough: u64) -> Result<Due, StreamFault> {
        let Some(mem) = self.pools.first().and_then(Option::as_ref).map(PoolHold::mem) else {
            return Ok(Due::default());
        };
        let sent = self.reader.publish(mem, self.block, limit)?;
        let received = self.filler.publish(mem, self.block)?;
        if !(sent || received || self.owed) {
            return Ok(Due::default());
        }
        mem.full_fence();
        let mut due = Due::default();
        // Whoever waits for room also waits for the end of a connect and of the connection.
        let over = self.filler.state().intersects(State::REFUSED | State::DEAF);
        if over || limit.saturating_sub(self.reader.tail()) >= enough {
            due.room = self.room.due(mem, self.block)?;
        }
        if received || self.owed {
            due.data = self.data.due(mem, self.block)?;
        }
        self.owed = false;
        Ok(due)
    }

    /// Wakes those who are due; how many. Who cannot be woken now is owed it.
    pub fn wake(&mut self, due: Due, mut waiter: impl FnMut(u16) -> Option<Delivery>) -> u32 {
        let mut woken = 0u32;
        for (slot, watch) in [(due.room, &mut self.room), (due.data, &mut self.data)] {
            match slot.and_then(&mut waiter) {
                Some(Delivery::Done) => woken = woken.saturating_add(1),
                Some(Delivery::Later) => {
                    watch.undo();
                    self.owed = true;
                }
                // The client named a slot that it does not have, or whose thread has ended: its loss.
                Some(Delivery::Gone) | None => {}
            }
        }
        woken
    }

    /// Tells the client that neither the block nor any memory posted through it will be touched again. Its own close wakes
    /// who still sleeps there.
    pub fn release(mut self) {
        self.set_state(|state| state | State::RELEASED | State::DEAF);
        // A fault here would be our own, and the client would only wait longer.
        let _ = self.publish(u64::MAX, 0);
    }

    /// Changes the state that the client sees.
    pub fn set_state(&mut self, change: impl FnOnce(State) -> State) {
        let state = change(self.filler.state());
        self.filler.set_state(state);
    }

    /// The connection has ended with `error`.
    pub fn set_failed(&mut self, error: WireErrno) {
        self.set_state(|state| (state | State::DEAF).with_error(error));
    }
}

/// Wait slots to wake.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Due {
    room: Option<u16>,
    data: Option<u16>,
}

/// Wakes the thread behind a wait slot of `plane`.
pub(super) fn deliver<P: Platform>(plane: &mut Plane<P>, slot: u16) -> Option<Delivery> {
    let delivery = plane.waiter(slot)?.deliver();
    if delivery == Delivery::Gone {
        plane.drop_waiter(slot);
    }
    Some(delivery)
}
