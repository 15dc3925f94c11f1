//! Buffers in place: `csock_sio_*`.

use super::{
    NULL, count,
    platform::{MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL},
    socket::how,
    status, table,
};
use crate::{
    error::Error,
    num::{length, short, widen},
    socket::Socket,
    sys::Qnx,
};
use core::{
    ffi::{c_int, c_void},
    ptr,
};

/// `csock_sio_t`: a buffer of the pool in C's hands. The token names it; the rest is for the program.
#[repr(C)]
#[derive(Debug)]
pub struct CsockSio {
    data: *mut c_void,
    len: usize,
    token: u64,
    received: u32,
    reserved: u32,
}

// The header asserts the same numbers.
const _: () = assert!(size_of::<CsockSio>() == 32 && core::mem::offset_of!(CsockSio, token) == 16);

impl CsockSio {
    const EMPTY: CsockSio = CsockSio {
        data: ptr::null_mut(),
        len: 0,
        token: 0,
        received: 0,
        reserved: 0,
    };

    fn new(
        socket: &Socket<Qnx>,
        token: u64,
        offset: usize,
        len: usize,
        received: bool,
    ) -> Result<Self, Error> {
        let data = socket.core().address(offset, len).ok_or(NULL)?;
        Ok(Self {
            data: data.cast(),
            len,
            token,
            received: received.into(),
            reserved: 0,
        })
    }

    /// Hands the buffer to C.
    fn give(self, to: *mut CsockSio) {
        // SAFETY: the callers have checked that `to` is not null; by the header's contract a writable csock_sio_t.
        unsafe { to.write(self) };
    }
}

/// The buffer that C gave back, and the place it is in.
fn taken(from: *mut CsockSio) -> Result<CsockSio, Error> {
    if from.is_null() {
        return Err(NULL);
    }
    // SAFETY: not null, and by the header's contract a readable csock_sio_t.
    Ok(unsafe { from.read() })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_sio_reserve(s: c_int, len: usize, buffer: *mut CsockSio, flags: c_int) -> c_int {
    status((|| {
        if buffer.is_null() {
            return Err(NULL);
        }
        let how = how(flags, MSG_DONTWAIT)?;
        let socket = table::get(s)?;
        let grant = socket.reserve(short(len), how.dontwait)?;
        CsockSio::new(&socket, grant.key, grant.offset, length(grant.len), false)?.give(buffer);
        Ok(())
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_sio_send(s: c_int, buffer: *mut CsockSio, len: usize, flags: c_int) -> isize {
    count((|| {
        let sio = taken(buffer)?;
        let how = how(flags, MSG_MORE | MSG_NOSIGNAL)?;
        if len > sio.len || sio.received != 0 {
            return Err(Error::Invalid {
                what: "length",
                value: widen(len),
                allowed: widen(sio.len),
            });
        }
        let socket = table::get(s)?;
        match len {
            0 if socket.abort(sio.token) => {}
            0 => {
                return Err(Error::Invalid {
                    what: "token",
                    value: sio.token,
                    allowed: 0,
                });
            }
            _ => socket.commit(sio.token, short(len), how.more)?,
        }
        CsockSio::EMPTY.give(buffer);
        Ok(len)
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_sio_recv(s: c_int, buffer: *mut CsockSio, flags: c_int) -> isize {
    count((|| {
        if buffer.is_null() {
            return Err(NULL);
        }
        let how = how(flags, MSG_DONTWAIT | MSG_NOSIGNAL)?;
        let socket = table::get(s)?;
        let Some(filled) = socket.receive_in_place(how.dontwait)? else {
            CsockSio::EMPTY.give(buffer);
            return Ok(0);
        };
        let len = length(filled.len);
        CsockSio::new(&socket, filled.key, filled.offset, len, true)?.give(buffer);
        Ok(len)
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_sio_release(s: c_int, buffer: *mut CsockSio) -> c_int {
    status((|| {
        let sio = taken(buffer)?;
        let socket = table::get(s)?;
        let known = if sio.received == 0 {
            socket.abort(sio.token)
        } else {
            socket.release(sio.token)
        };
        if !known {
            return Err(Error::Invalid {
                what: "token",
                value: sio.token,
                allowed: 0,
            });
        }
        CsockSio::EMPTY.give(buffer);
        Ok(())
    })())
}
