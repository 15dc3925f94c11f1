//! The session's receive buffers, as this side keeps them: which are with the module, and which the program holds, in how many
//! parts. They belong to the session and to no socket: a buffer that is held survives its socket's close.

use super::core::Core;
use crate::{
    error::{Error, Fault},
    num::length,
    sync::Mutex,
    sys::System,
};
use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering};
use csock_wire::stream::{Area, Returns};

/// Holds of each buffer; 0: it is with the module.
pub(crate) struct Buffers {
    holds: Box<[AtomicU32]>,
    returns: Mutex<Returns>,
}

impl Buffers {
    pub(super) fn new(area: &Area) -> Result<Self, Error> {
        let count = length(area.buffers());
        let mut holds = Vec::new();
        holds.try_reserve_exact(count).map_err(|_| Error::NoMemory)?;
        holds.resize_with(count, AtomicU32::default);
        Ok(Self {
            holds: holds.into_boxed_slice(),
            returns: Mutex::new(Returns::new()),
        })
    }

    fn holds(&self, id: u32) -> Option<&AtomicU32> {
        self.holds.get(length(id))
    }
}

impl<S: System> Core<S> {
    /// The module hands buffer `id` over with `len` bytes. Where it lies, if the module had it and that many bytes fit.
    pub(crate) fn receive_buffer(&self, id: u32, len: u32) -> Result<usize, Fault> {
        let unknown = Fault::UnknownBuffer { user: id.into() };
        let (offset, most) = self.area.buffer(id).ok_or(unknown)?;
        if len == 0 || len > most {
            return Err(Fault::WrongBuffer {
                value: len.into(),
                posted: most.into(),
            });
        }
        let holds = self.buffers.holds(id).ok_or(unknown)?;
        // Acquire: pairs with the release in `let_go`, whose thread gave it back before.
        match holds.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => Ok(offset),
            Err(_) => Err(unknown),
        }
    }

    /// Whether this process holds every receive buffer there is: then none can come back but by its own doing.
    pub(crate) fn holds_all_buffers(&self) -> bool {
        let held = |holds: &AtomicU32| holds.load(Ordering::Relaxed) != 0;
        self.buffers.holds.iter().all(held)
    }

    /// One more part of a held buffer is in somebody's hands.
    pub(crate) fn hold(&self, id: u32) {
        if let Some(holds) = self.buffers.holds(id) {
            holds.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A part of a held buffer is done with; the last one gives the buffer back to the module. No lock of a socket is needed.
    pub(crate) fn let_go(&self, id: u32) {
        let Some(holds) = self.buffers.holds(id) else {
            return;
        };
        // Nobody else can come to hold it while the count is 1, so the buffer is back before the count says so.
        let mut count = holds.load(Ordering::Acquire);
        while count > 1 {
            match holds.compare_exchange_weak(
                count,
                count.saturating_sub(1),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(now) => count = now,
            }
        }
        let wanted = {
            let mut returns = self.buffers.returns.lock();
            holds.store(0, Ordering::Release);
            returns
                .push(&self.mem, &self.area, id)
                .and_then(|()| returns.publish(&self.mem, &self.area))
        };
        if let Ok(true) = self.judge(wanted.map_err(Fault::from)) {
            self.mark_returns();
        }
    }
}
