//! Client memory that blocks lie in and external mbufs point into: the mapping outlives every pointer, by reference counts.
#![allow(unsafe_code)]

use crate::machine::{Mapping, ReleaseKey};
use csock_wire::{SharedRegion, WireErrno};
use iosock::{ExternalBuf, ExternalRange, MbufChain};

/// A client's pool, mapped.
///
/// # Invariants
/// `region` lies in `mapping`. Whoever has a copy of it holds a reference of the pool's slot
/// ([`crate::pool::PoolHold`], or an external mbuf), and the slot keeps the mapping until the last one is gone.
pub struct PoolMapping {
    region: SharedRegion,
    mapping: qnx::Mapping,
}

impl PoolMapping {
    /// Of a mapping that is readable and writable.
    pub(super) fn new(mapping: qnx::Mapping) -> Self {
        let (base, len) = (mapping.ptr(), mapping.len());
        // SAFETY: mapped by `PoolObject::map`; the object is sealed, so it cannot shrink; no reference into it is ever
        // made, for nobody but `SharedRegion` has its address; the kernel maps nothing at the end of the address
        // space. It stays mapped as long as a copy is used, by the invariant.
        let region = unsafe { SharedRegion::new(base, len) };
        Self { region, mapping }
    }
}

impl Mapping for PoolMapping {
    type Mem = SharedRegion;

    fn mem(&self) -> &SharedRegion {
        &self.region
    }

    fn len(&self) -> u64 {
        u64::try_from(self.mapping.len()).unwrap_or(u64::MAX)
    }
}

/// A range of a pool that the stack may hold pieces of.
pub struct PoolRange(ExternalRange);

impl PoolRange {
    /// Lends `len` bytes of the pool at `offset`. The caller has counted the reference that `key` stands for; the end of
    /// the loan gives it back ([`crate::table::Table::released`]).
    ///
    /// # Errors
    /// `EFAULT` outside the pool; `ENOBUFS`. Then there is no loan and no release.
    pub fn lend(region: &SharedRegion, offset: usize, len: u32, key: ReleaseKey) -> Result<Self, WireErrno> {
        let bytes = usize::try_from(len).map_err(|_| WireErrno::EFAULT)?;
        let address = region.addr(offset, bytes).map_err(|_| WireErrno::EFAULT)?;
        let (arg1, arg2) = key.to_args();
        let release =
            |arg1: usize, arg2: usize| crate::platform::TABLE.released(ReleaseKey::from_args(arg1, arg2));
        // SAFETY: the bytes lie in a mapped pool, of which `key` is a counted reference that only the callback gives back;
        // no Rust reference to them exists.
        let buf = unsafe { ExternalBuf::new(address, len, release, arg1, arg2) };
        ExternalRange::new(buf).map(Self).map_err(|(error, buf)| {
            buf.cancel();
            WireErrno::from_qnx(error.qnx())
        })
    }

    /// A chain of one mbuf over a part of the range.
    pub fn piece(&mut self, offset: u32, len: u32) -> Result<MbufChain, WireErrno> {
        self.0
            .piece(offset, len)
            .map_err(|error| WireErrno::from_qnx(error.qnx()))
    }
}

/// Copies `len` bytes of the pool at `offset` behind `chain`.
pub fn copy_behind(
    chain: &mut MbufChain,
    region: &SharedRegion,
    offset: usize,
    len: u32,
) -> Result<(), WireErrno> {
    let bytes = usize::try_from(len).map_err(|_| WireErrno::EFAULT)?;
    let address = region.addr(offset, bytes).map_err(|_| WireErrno::EFAULT)?;
    // SAFETY: `addr` proved that the bytes lie in the region, which stays mapped by its invariant; nothing in Rust writes
    // them, and what their owner writes meanwhile is the owner's own loss.
    unsafe { chain.copy_from_raw(address, bytes) }.map_err(|error| WireErrno::from_qnx(error.qnx()))
}

/// Copies all of `chain` to the pool at `offset`, at most `room` bytes; how many.
pub fn copy_out(chain: &MbufChain, region: &SharedRegion, offset: usize, room: u32) -> u32 {
    let Ok(room) = usize::try_from(room) else { return 0 };
    let Ok(address) = region.addr(offset, room) else {
        return 0;
    };
    // SAFETY: `addr` proved that `room` bytes lie in the region, which stays mapped by its invariant; nothing in Rust
    // refers to them.
    let copied = unsafe { chain.copy_to_raw(0, address, room) };
    u32::try_from(copied).unwrap_or(0)
}
