//! Handles of sockets for C: small positive numbers with a generation, so that a stale one is an error and not another
//! socket. The table is of the process, as file descriptors are.

use crate::{error::Error, socket::Socket, sync::Mutex, sys::Qnx};
use alloc::{sync::Arc, vec::Vec};
use core::ffi::c_int;

/// A socket as the table has it.
type Shared = Arc<Socket<Qnx>>;

/// One place: 15 bits of generation (never 0), and a socket.
struct Place {
    generation: u16,
    socket: Option<Shared>,
}

struct Table {
    places: Vec<Place>,
    free: Vec<u16>,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    places: Vec::new(),
    free: Vec::new(),
});

/// Puts a socket in; returns its handle, positive.
pub(super) fn insert(socket: Socket<Qnx>) -> Result<c_int, Error> {
    let socket = Arc::new(socket);
    let mut table = TABLE.lock();
    let table = &mut *table;
    let index = match table.free.pop() {
        Some(index) => index,
        None => {
            let full = Error::TooManySockets {
                limit: u16::MAX.into(),
            };
            let index = u16::try_from(table.places.len()).map_err(|_| full)?;
            table.places.try_reserve(1).map_err(|_| Error::NoMemory)?;
            // Room to give every index back, so that closing needs no memory.
            table
                .free
                .try_reserve(table.places.len().saturating_add(1))
                .map_err(|_| Error::NoMemory)?;
            table.places.push(Place {
                generation: 1,
                socket: None,
            });
            index
        }
    };
    let place = table.places.get_mut(usize::from(index)).ok_or(Error::NoMemory)?;
    place.socket = Some(socket);
    Ok(c_int::from(place.generation) << 16 | c_int::from(index))
}

fn parts(handle: c_int) -> Option<(u16, u16)> {
    let [a, b, c, d] = u32::try_from(handle).ok()?.to_le_bytes();
    Some((u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])))
}

/// The socket of a handle.
pub(super) fn get(handle: c_int) -> Result<Shared, Error> {
    let (index, generation) = parts(handle).ok_or(Error::Closed)?;
    let table = TABLE.lock();
    let place = table
        .places
        .get(usize::from(index))
        .filter(|place| place.generation == generation);
    place.and_then(|place| place.socket.clone()).ok_or(Error::Closed)
}

/// Takes a socket out; its handle is dead from now on.
pub(super) fn remove(handle: c_int) -> Result<Shared, Error> {
    let (index, generation) = parts(handle).ok_or(Error::Closed)?;
    let mut table = TABLE.lock();
    let table = &mut *table;
    let place = table
        .places
        .get_mut(usize::from(index))
        .filter(|place| place.generation == generation);
    let place = place.ok_or(Error::Closed)?;
    let socket = place.socket.take().ok_or(Error::Closed)?;
    place.generation = match place.generation {
        0x7FFF.. => 1,
        generation => generation.saturating_add(1),
    };
    table.free.push(index);
    Ok(socket)
}
