//! Client memory that rings and external mbufs point into: the mapping outlives every pointer, by reference counts.
#![allow(unsafe_code)]

use crate::machine::{Mapping, ReleaseKey};
use csock_wire::{SharedRegion, WireErrno};
use iosock::{ExternalBuf, MbufChain};

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

/// An external mbuf over `len` bytes of the pool at `offset`. The caller has counted the reference that `key` stands
/// for; the mbuf's release gives it back ([`crate::table::Table::released`]).
///
/// # Errors
/// `EFAULT` outside the pool; `ENOBUFS`. Then there is no mbuf and no release.
pub fn external(
    region: &SharedRegion,
    offset: usize,
    len: u32,
    key: ReleaseKey,
) -> Result<MbufChain, WireErrno> {
    let bytes = usize::try_from(len).map_err(|_| WireErrno::EFAULT)?;
    let address = region.addr(offset, bytes).map_err(|_| WireErrno::EFAULT)?;
    let (arg1, arg2) = key.to_args();
    let release =
        |arg1: usize, arg2: usize| crate::platform::TABLE.released(ReleaseKey::from_args(arg1, arg2));
    // SAFETY: the bytes lie in a mapped pool, of which `key` is a counted reference that only the callback gives back;
    // no Rust reference to them exists.
    let buf = unsafe { ExternalBuf::new(address, len, release, arg1, arg2) };
    MbufChain::external(buf).map_err(|(error, buf)| {
        buf.cancel();
        WireErrno::from_qnx(error.qnx())
    })
}
