//! The session's receive buffers, as this side keeps them: which are with the module, and which the program holds, in how many
//! parts. They belong to the session and to no socket: a buffer that is held survives its socket's close.

use crate::{
    error::{Error, Fault},
    num::length,
    sync::{Mutex, Notes},
};
use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};
use csock_wire::{
    SharedMem,
    stream::{Area, Returns, StreamFault},
};

/// Who has which buffer.
pub(crate) struct Buffers<N> {
    /// Holds of each buffer; 0: it is with the module.
    holds: Box<[AtomicU32]>,
    /// The block of the socket that each came to last.
    blocks: Box<[AtomicU32]>,
    returns: Mutex<Returns, N>,
}

impl<N: Notes> Buffers<N> {
    pub(super) fn new(area: &Area) -> Result<Self, Error> {
        let count = length(area.buffers());
        Ok(Self {
            holds: zeros(count)?,
            blocks: zeros(count)?,
            returns: Mutex::new(Returns::new()),
        })
    }

    fn of(&self, id: u32) -> Option<&AtomicU32> {
        self.holds.get(length(id))
    }

    /// The module hands buffer `id` over to the socket with block `block`: it must have had it.
    pub(super) fn receive(&self, id: u32, block: u32) -> Result<(), Fault> {
        let unknown = Fault::UnknownBuffer { id: id.into() };
        let holds = self.of(id).ok_or(unknown)?;
        // Acquire: pairs with the release in `let_go`, whose thread gave it back before.
        holds
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|_| unknown)?;
        if let Some(last) = self.blocks.get(length(id)) {
            last.store(block, Ordering::Relaxed);
        }
        Ok(())
    }

    /// How many buffers of the socket with block `block` this process holds. Looks at all of them: for calls that are about to
    /// sleep.
    pub(super) fn held_of(&self, block: u32) -> usize {
        let both = self.holds.iter().zip(&self.blocks);
        both.filter(|(holds, last)| {
            holds.load(Ordering::Relaxed) != 0 && last.load(Ordering::Relaxed) == block
        })
        .count()
    }

    /// Whether this process holds every receive buffer there is: then none can come back but by its own doing.
    pub(super) fn all_held(&self) -> bool {
        let held = |holds: &AtomicU32| holds.load(Ordering::Relaxed) != 0;
        self.holds.iter().all(held)
    }

    /// One more part of a held buffer is in somebody's hands.
    pub(super) fn hold(&self, id: u32) {
        if let Some(holds) = self.of(id) {
            holds.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A part of a held buffer is done with; the last one gives the buffer back to the module. True: the module waits for
    /// buffers and must be told.
    pub(super) fn let_go<M: SharedMem>(&self, id: u32, mem: &M, area: &Area) -> Result<bool, StreamFault> {
        let Some(holds) = self.of(id) else {
            return Ok(false);
        };
        // Nobody else can come to hold it while the count is 1.
        let mut count = holds.load(Ordering::Acquire);
        while count > 1 {
            match holds.compare_exchange_weak(
                count,
                count.saturating_sub(1),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Ok(false),
                Err(now) => count = now,
            }
        }
        let mut returns = self.returns.lock();
        // Before the module can hear of it, since it may hand the buffer over again at once.
        holds.store(0, Ordering::Release);
        returns.push(mem, area, id)?;
        returns.publish(mem, area)
    }
}

fn zeros(count: usize) -> Result<Box<[AtomicU32]>, Error> {
    let mut words = Vec::new();
    words.try_reserve_exact(count).map_err(|_| Error::NoMemory)?;
    words.resize_with(count, AtomicU32::default);
    Ok(words.into_boxed_slice())
}
