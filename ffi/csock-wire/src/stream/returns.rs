//! Receive buffers on their way back: ids in a ring that has room for all of them, so that giving back never waits.

use super::{Area, StreamFault, moved};
use crate::refusal::Field;
use crate::shm::{Load, SharedMem, Store};

/// The client's side. One producer at a time.
#[derive(Debug)]
pub struct Returns {
    posted: u64,
}

impl Returns {
    /// A fresh ring.
    #[must_use]
    pub const fn new() -> Returns {
        Returns { posted: 0 }
    }

    /// Gives buffer `id` back; [`Returns::publish`] shows it. Every id at most once until it was filled again.
    ///
    /// # Errors
    /// [`StreamFault`] when the memory is not the area.
    pub fn push<M: SharedMem>(&mut self, mem: &M, area: &Area, id: u32) -> Result<(), StreamFault> {
        mem.store_u32(area.returned(self.posted), id, Store::Relaxed)?;
        self.posted = self.posted.saturating_add(1);
        Ok(())
    }

    /// Shows what was pushed. True: the module lacks buffers, call [`super::Bell::mark_returns`].
    ///
    /// # Errors
    /// As [`Returns::push`].
    pub fn publish<M: SharedMem>(&self, mem: &M, area: &Area) -> Result<bool, StreamFault> {
        mem.store_word(area.posted(), self.posted)?;
        mem.full_fence();
        Ok(mem.load_word(Area::wanted())? != 0)
    }
}

impl Default for Returns {
    fn default() -> Returns {
        Returns::new()
    }
}

/// The module's side.
#[derive(Debug)]
pub struct Supply {
    taken: u64,
    wanted: bool,
}

impl Supply {
    /// A fresh ring.
    #[must_use]
    pub const fn new() -> Supply {
        Supply {
            taken: 0,
            wanted: false,
        }
    }

    /// Calls `back` with every id that came back. `back` answers whether the client had it; one that it had not is the
    /// end of the session.
    ///
    /// # Errors
    /// [`StreamFault`] for a count or an id that an honest client cannot have written.
    pub fn drain<M: SharedMem>(
        &mut self,
        mem: &M,
        area: &Area,
        mut back: impl FnMut(u32) -> bool,
    ) -> Result<(), StreamFault> {
        let most = self.taken.saturating_add(area.return_capacity().into());
        let posted = moved(
            Field::ReturnsPosted,
            mem.load_word(area.posted())?,
            self.taken,
            most,
        )?;
        while self.taken < posted {
            let id = mem.load_u32(area.returned(self.taken), Load::Relaxed)?;
            if id >= area.buffers() || !back(id) {
                return Err(StreamFault::new(
                    Field::BufferId,
                    id.into(),
                    area.buffers().into(),
                ));
            }
            self.taken = self.taken.saturating_add(1);
        }
        Ok(())
    }

    /// Says whether the module lacks buffers. After saying so look once more: [`Supply::drain`].
    ///
    /// # Errors
    /// As [`Returns::push`].
    pub fn want<M: SharedMem>(&mut self, mem: &M, wanted: bool) -> Result<(), StreamFault> {
        if self.wanted != wanted {
            self.wanted = wanted;
            mem.store_word(Area::wanted(), u64::from(wanted))?;
            mem.full_fence();
        }
        Ok(())
    }
}

impl Default for Supply {
    fn default() -> Supply {
        Supply::new()
    }
}
