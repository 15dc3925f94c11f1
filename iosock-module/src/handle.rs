//! Handles: an index and a generation in 32 bits, so that a stale handle never names a new object (S-27).

/// Names one slot of a table during one of its lives. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(u32);

impl Handle {
    /// The handle of `index` in its life number `generation`; `None` for generation 0, which no life has.
    #[must_use]
    pub const fn new(index: u16, generation: u16) -> Option<Self> {
        if generation == 0 {
            return None;
        }
        let [i0, i1] = index.to_le_bytes();
        let [g0, g1] = generation.to_le_bytes();
        Some(Self(u32::from_le_bytes([i0, i1, g0, g1])))
    }

    /// A handle as a peer or a C callback gave it; `None` when it cannot be one.
    #[must_use]
    pub const fn from_raw(raw: u32) -> Option<Self> {
        let [_, _, g0, g1] = raw.to_le_bytes();
        if u16::from_le_bytes([g0, g1]) == 0 {
            None
        } else {
            Some(Self(raw))
        }
    }

    /// The 32 bits, as they go on the wire.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.0
    }

    /// Index into the table.
    #[must_use]
    pub fn index(self) -> usize {
        let [i0, i1, _, _] = self.0.to_le_bytes();
        usize::from(u16::from_le_bytes([i0, i1]))
    }

    /// Which life of the slot.
    #[must_use]
    pub const fn generation(self) -> u16 {
        let [_, _, g0, g1] = self.0.to_le_bytes();
        u16::from_le_bytes([g0, g1])
    }

    /// Back from the argument of a C callback.
    #[must_use]
    pub fn from_arg(arg: usize) -> Option<Self> {
        u32::try_from(arg).ok().and_then(Self::from_raw)
    }
}

/// The generation after `previous`; skips 0.
#[must_use]
pub const fn next_generation(previous: u16) -> u16 {
    match previous.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_survive() {
        for (index, generation) in [(0, 1), (7, 1), (0xFFFF, 0xFFFF), (511, 0x8000)] {
            let handle = Handle::new(index, generation).unwrap();
            assert_eq!(handle.index(), usize::from(index));
            assert_eq!(Handle::from_raw(handle.raw()), Some(handle));
            assert_eq!(Handle::from_arg(handle.raw() as usize), Some(handle));
        }
    }

    #[test]
    fn generation_zero_is_no_handle() {
        assert_eq!(Handle::new(3, 0), None);
        assert_eq!(Handle::from_raw(3), None);
        assert_eq!(next_generation(0xFFFF), 1);
    }
}
