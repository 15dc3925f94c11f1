//! Receive buffers change hands: what the module hands over is judged, what the program lets go of goes back.

use super::core::Core;
use crate::{error::Fault, sys::System};

impl<S: System> Core<S> {
    /// The module hands buffer `id` over with `len` bytes, to the socket with block `block`. Where it lies, if the module had it
    /// and that many bytes fit.
    pub(crate) fn receive_buffer(&self, block: u32, id: u32, len: u32) -> Result<usize, Fault> {
        let unknown = Fault::UnknownBuffer { id: id.into() };
        let (offset, most) = self.area.buffer(id).ok_or(unknown)?;
        if len == 0 || len > most {
            return Err(Fault::WrongBuffer {
                value: len.into(),
                most: most.into(),
            });
        }
        self.buffers.receive(id, block)?;
        Ok(offset)
    }

    /// As [`Buffers::all_held`](super::buffers::Buffers::all_held).
    pub(crate) fn holds_all_buffers(&self) -> bool {
        self.buffers.all_held()
    }

    /// As [`Buffers::held_of`](super::buffers::Buffers::held_of).
    pub(crate) fn held_of(&self, block: u32) -> usize {
        self.buffers.held_of(block)
    }

    /// One more part of a held buffer is in somebody's hands.
    pub(crate) fn hold(&self, id: u32) {
        self.buffers.hold(id);
    }

    /// A part of a held buffer is done with. No lock of a socket is needed.
    pub(crate) fn let_go(&self, id: u32) {
        let wanted = self.buffers.let_go(id, &self.mem, &self.area);
        if let Ok(true) = self.judge(wanted.map_err(Fault::from)) {
            self.mark_returns();
        }
    }
}
