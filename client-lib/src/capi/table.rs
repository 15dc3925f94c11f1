//! Handles of sockets for C: positive numbers with a generation, so that a stale one is an error and not another socket. The
//! table is of the process, as file descriptors are.
//!
//! No handle is below [`FIRST`]: it cannot be taken for a descriptor, and `FD_SETSIZE` of no system reaches it, so that
//! `FD_SET` with one fails where the C library checks (`_FORTIFY_SOURCE`) instead of setting a bit of another descriptor.

use super::handles::Handles;
use crate::{error::Error, socket::Handle, sys::Qnx};
use core::ffi::c_int;

/// The smallest handle.
const FIRST: u32 = 1 << 30;

/// Every socket that C has a handle of.
static TABLE: Handles<Handle<Qnx>> = Handles::new();

/// A socket in use by one call.
pub(super) type InUse = super::handles::InUse<'static, Handle<Qnx>>;

/// Puts a socket in; returns its handle.
pub(super) fn insert(socket: Handle<Qnx>) -> Result<c_int, Error> {
    let (index, generation) = TABLE.insert(socket)?;
    // 14 bits of generation and 16 of index below the bit of `FIRST`.
    let number = FIRST | (u32::from(generation) << 16) | u32::from(index);
    c_int::try_from(number).map_err(|_| Error::NoMemory)
}

fn parts(handle: c_int) -> Option<(u16, u16)> {
    let number = u32::try_from(handle).ok()?.checked_sub(FIRST)?;
    let [a, b, c, d] = number.to_le_bytes();
    Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])))
}

/// The socket of a handle, if it is this process's.
pub(super) fn get(handle: c_int) -> Result<InUse, Error> {
    let (index, generation) = parts(handle).ok_or(Error::Closed)?;
    let socket = TABLE.get(index, generation).ok_or(Error::Closed)?;
    // Before any argument is looked at: a child hears the same from every verb.
    socket.core().check_process()?;
    Ok(socket)
}

/// Takes a socket out; its handle is dead from now on. Calls that use it in other threads go on.
pub(super) fn remove(handle: c_int) -> Result<InUse, Error> {
    let (index, generation) = parts(handle).ok_or(Error::Closed)?;
    // Before the handle is dead: a signal handler that may not close now may try again.
    TABLE
        .get(index, generation)
        .ok_or(Error::Closed)?
        .core()
        .begin()
        .or_else(|error| {
            if error == Error::Forked {
                Ok(())
            } else {
                Err(error)
            }
        })?;
    TABLE.remove(index, generation).ok_or(Error::Closed)
}
