//! Buffers in place: `csock_sio_*`. A token names a buffer in a table of the process; it never names another one later, so that
//! using a buffer twice, on another socket or after its release is an error in every build.

use super::{
    NULL, cancellation_point, count,
    handles::Handles,
    platform::{MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL},
    socket::how,
    status, table,
};
use crate::{
    buf::{ReceivedBuf, ReservedBuf},
    error::Error,
    num::{short, widen},
};
use alloc::sync::Arc;
use core::{
    ffi::{c_int, c_void},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

/// `csock_sio_t`: a buffer of the pool in C's hands. The token names it; the rest is for the program.
#[repr(C)]
#[derive(Debug)]
pub struct CsockSio {
    data: *mut c_void,
    len: usize,
    token: u64,
}

// The header asserts the same numbers.
const _: () = assert!(size_of::<CsockSio>() == 24 && core::mem::offset_of!(CsockSio, token) == 16);

impl CsockSio {
    const EMPTY: CsockSio = CsockSio {
        data: ptr::null_mut(),
        len: 0,
        token: 0,
    };

    /// Hands the buffer to C.
    fn give(self, to: *mut CsockSio) {
        // SAFETY: the callers have checked that `to` is not null; by the header's contract a writable csock_sio_t.
        unsafe { to.write(self) };
    }
}

/// What a token names.
enum Buffer {
    Reserved(ReservedBuf),
    Received(ReceivedBuf),
}

/// A buffer, and the upper half of its token: an index and a generation come again after millions of buffers, this after more.
struct Named {
    serial: u32,
    buffer: Buffer,
}

static BUFFERS: Handles<Named> = Handles::new();
static SERIAL: AtomicU32 = AtomicU32::new(1);

/// The token of a buffer that C holds from now on.
fn keep(buffer: Buffer) -> Result<u64, Error> {
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let (index, generation) = BUFFERS.insert(Named { serial, buffer })?;
    Ok(u64::from(serial) << 32 | u64::from(generation) << 16 | u64::from(index))
}

/// Takes a buffer back from C when `wanted` holds for it.
fn take(token: u64, wanted: impl FnOnce(&Buffer) -> Result<(), Error>) -> Result<Buffer, Error> {
    let [a, b, c, d, e, f, g, h] = token.to_le_bytes();
    let (index, generation) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
    let unknown = Error::Invalid {
        what: "token",
        value: token,
        allowed: 0,
    };
    let named = BUFFERS.get(index, generation).ok_or(unknown)?;
    if named.serial != u32::from_le_bytes([e, f, g, h]) {
        return Err(unknown);
    }
    wanted(&named.buffer)?;
    drop(named);
    // Another thread that uses the same token at this moment makes it unknown to one of the two.
    BUFFERS
        .take(index, generation)
        .map(|named| named.buffer)
        .ok_or(unknown)
}

/// The buffer that C gave back, as C describes it.
fn described(from: *const CsockSio) -> Result<CsockSio, Error> {
    if from.is_null() {
        return Err(NULL);
    }
    // SAFETY: not null, and by the header's contract a readable csock_sio_t.
    Ok(unsafe { from.read() })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn csock_sio_reserve(
    s: c_int,
    buffer: *mut CsockSio,
    size: usize,
    flags: c_int,
) -> c_int {
    cancellation_point();
    status((|| {
        if buffer.is_null() {
            return Err(NULL);
        }
        let how = how(flags, MSG_DONTWAIT)?;
        let socket = table::get(s)?;
        let grant = socket.reserve(short(size), how.dontwait)?;
        let mut reserved = ReservedBuf::new(Arc::clone(&socket), grant);
        let (data, len) = (reserved.as_mut_ptr(), reserved.len());
        let token = keep(Buffer::Reserved(reserved))?;
        CsockSio {
            data: data.cast(),
            len,
            token,
        }
        .give(buffer);
        Ok(())
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn csock_sio_send(s: c_int, buffer: *mut CsockSio, size: usize, flags: c_int) -> isize {
    cancellation_point();
    count((|| {
        let sio = described(buffer)?;
        let how = how(flags, MSG_MORE | MSG_NOSIGNAL)?;
        let socket = table::get(s)?;
        let taken = take(sio.token, |buffer| match buffer {
            Buffer::Reserved(reserved) if !reserved.is_of(&socket) => Err(Error::Invalid {
                what: "socket of the buffer",
                value: sio.token,
                allowed: 0,
            }),
            Buffer::Reserved(reserved) if size <= reserved.len() => Ok(()),
            Buffer::Reserved(reserved) => Err(Error::Invalid {
                what: "length",
                value: widen(size),
                allowed: widen(reserved.len()),
            }),
            Buffer::Received(_) => Err(Error::Invalid {
                what: "token of a received buffer",
                value: sio.token,
                allowed: 0,
            }),
        })?;
        let Buffer::Reserved(mut reserved) = taken else {
            return Err(NULL);
        };
        if let Err(error) = reserved.hand_over(size, how.more) {
            // It stays the program's, under another token.
            let token = keep(Buffer::Reserved(reserved))?;
            CsockSio { token, ..sio }.give(buffer);
            return Err(error);
        }
        CsockSio::EMPTY.give(buffer);
        Ok(size)
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn csock_sio_recv(s: c_int, buffer: *mut CsockSio, size: usize, flags: c_int) -> isize {
    cancellation_point();
    count((|| {
        if buffer.is_null() {
            return Err(NULL);
        }
        let how = how(flags, MSG_DONTWAIT | MSG_NOSIGNAL)?;
        let socket = table::get(s)?;
        let Some(filled) = socket.receive_in_place(size, how.dontwait)? else {
            CsockSio::EMPTY.give(buffer);
            return Ok(0);
        };
        let received = ReceivedBuf::new(Arc::clone(socket.core()), filled);
        let (data, len) = (received.as_ptr().cast_mut(), received.len());
        let token = keep(Buffer::Received(received))?;
        CsockSio {
            data: data.cast(),
            len,
            token,
        }
        .give(buffer);
        Ok(len)
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_sio_release(buffer: *mut CsockSio) -> c_int {
    status((|| {
        let sio = described(buffer)?;
        let taken = take(sio.token, |buffer| match buffer {
            Buffer::Reserved(reserved) => reserved.check(),
            Buffer::Received(received) => received.check(),
        })?;
        drop(taken);
        CsockSio::EMPTY.give(buffer);
        Ok(())
    })())
}
