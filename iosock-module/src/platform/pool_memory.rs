//! Client memory that rings and external mbufs point into: the mapping outlives every pointer, by reference counts.
#![allow(unsafe_code)]

use crate::machine::ReleaseKey;
use csock_wire::{SharedRegion, WireErrno};
use iosock::{ExternalBuf, MbufChain};

/// The memory of a mapping that a [`crate::pool::Pools`] slot holds.
///
/// The pool's reference count keeps it: every owner of a copy of the region (session, socket, external mbuf) holds a
/// reference, and the mapping is dropped after the last one.
pub fn region(mapping: &qnx::Mapping) -> SharedRegion {
    let (base, len) = (mapping.ptr(), mapping.len());
    // SAFETY: mapped readable and writable by `PoolObject::map`; the object is sealed, so it cannot shrink; no
    // reference into it is ever made, for nobody but `SharedRegion` has its address; the kernel maps nothing at the
    // end of the address space. It stays mapped as long as a copy is used, as said above.
    unsafe { SharedRegion::new(base, len) }
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
