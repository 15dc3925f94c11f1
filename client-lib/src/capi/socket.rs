//! The BSD verbs: `csock_socket` to `csock_close`.

use super::{
    NULL, cancellation_point, count, number,
    platform::{self, AF_INET, AF_INET6, IPPROTO_TCP, MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL, SOCK_STREAM},
    session::{CsockSession, session},
    status, table,
};
use crate::{
    error::Error,
    num::widen,
    socket::{Handle, How, Socket},
};
use core::{
    ffi::{c_int, c_void},
    net::SocketAddr,
    time::Duration,
};
use csock_wire::{WireErrno, msg};

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_socket(
    session: *const CsockSession,
    domain: c_int,
    kind: c_int,
    protocol: c_int,
) -> c_int {
    let made = (|| {
        let session = self::session(session)?;
        let v6 = match u8::try_from(domain) {
            Ok(AF_INET) => false,
            Ok(AF_INET6) => true,
            _ => return Err(Error::from_wire(WireErrno::EAFNOSUPPORT)),
        };
        if kind != SOCK_STREAM {
            return Err(Error::from_wire(WireErrno::ESOCKTNOSUPPORT));
        }
        if protocol != 0 && protocol != IPPROTO_TCP {
            return Err(Error::from_wire(WireErrno::EPROTONOSUPPORT));
        }
        table::insert(Handle::new(Socket::stream(&session.core, v6)?))
    })();
    number(made)
}

/// The address that C passed.
fn addr_in(addr: *const c_void, len: u32) -> Result<SocketAddr, Error> {
    if addr.is_null() {
        return Err(NULL);
    }
    let len = crate::num::length(len).min(platform::SOCKADDR_IN6);
    // SAFETY: not null, and by the header's contract at least `len` readable bytes.
    platform::parse_addr(unsafe { core::slice::from_raw_parts(addr.cast::<u8>(), len) })
}

/// Hands an address to C, as getsockname(2) does: cut to `*len`, which becomes the true length. Null: not wanted.
fn addr_out(addr: SocketAddr, to: *mut c_void, len: *mut u32) -> Result<(), Error> {
    if to.is_null() {
        return Ok(());
    }
    if len.is_null() {
        return Err(NULL);
    }
    let (bytes, true_len) = platform::write_addr(addr);
    // SAFETY: not null, and by the header's contract a socklen_t.
    let room = crate::num::length(unsafe { len.read() }).min(true_len);
    // SAFETY: by the header's contract `to` has as many writable bytes as `*len` says, and `bytes` has at least `room`.
    unsafe { to.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), room) };
    // SAFETY: as for the read.
    unsafe { len.write(crate::num::short(true_len)) };
    Ok(())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_bind(s: c_int, addr: *const c_void, len: u32) -> c_int {
    status((|| table::get(s)?.bind(addr_in(addr, len)?).map(|_| ()))())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_listen(s: c_int, backlog: c_int) -> c_int {
    status((|| table::get(s)?.listen(backlog))())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn csock_accept(s: c_int, addr: *mut c_void, len: *mut u32) -> c_int {
    cancellation_point();
    let accepted = (|| {
        if !addr.is_null() && len.is_null() {
            return Err(NULL);
        }
        let (socket, peer) = table::get(s)?.accept()?;
        addr_out(peer, addr, len)?;
        table::insert(Handle::new(socket))
    })();
    number(accepted)
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn csock_connect(s: c_int, addr: *const c_void, len: u32) -> c_int {
    cancellation_point();
    status((|| table::get(s)?.connect(addr_in(addr, len)?, None))())
}

/// What the flags of a call mean.
pub(super) fn how(flags: c_int, allowed: c_int) -> Result<How, Error> {
    if flags & !allowed != 0 {
        return Err(Error::from_wire(WireErrno::EOPNOTSUPP));
    }
    Ok(How {
        more: flags & MSG_MORE != 0,
        dontwait: flags & MSG_DONTWAIT != 0,
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn csock_send(s: c_int, buffer: *const c_void, len: usize, flags: c_int) -> isize {
    cancellation_point();
    count((|| {
        let how = how(flags, MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE)?;
        let socket = table::get(s)?;
        if len == 0 {
            return socket.send(&[], how);
        }
        check_buffer(buffer, len)?;
        // SAFETY: not null, and by the header's contract `len` readable bytes that nobody writes during the call.
        socket.send(
            unsafe { core::slice::from_raw_parts(buffer.cast::<u8>(), len) },
            how,
        )
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C-unwind" fn csock_recv(s: c_int, buffer: *mut c_void, len: usize, flags: c_int) -> isize {
    cancellation_point();
    count((|| {
        let how = how(flags, MSG_DONTWAIT | MSG_NOSIGNAL)?;
        let socket = table::get(s)?;
        if len == 0 {
            return socket.receive(&mut [], how.dontwait);
        }
        check_buffer(buffer, len)?;
        // SAFETY: not null, and by the header's contract `len` bytes that nobody else touches during the call. C may
        // not have initialised them; they are written and never read.
        socket.receive(
            unsafe { core::slice::from_raw_parts_mut(buffer.cast::<u8>(), len) },
            how.dontwait,
        )
    })())
}

fn check_buffer(buffer: *const c_void, len: usize) -> Result<(), Error> {
    if buffer.is_null() {
        return Err(NULL);
    }
    match isize::try_from(len) {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::Invalid {
            what: "length",
            value: widen(len),
            allowed: i64::MAX.unsigned_abs(),
        }),
    }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_shutdown(s: c_int, how: c_int) -> c_int {
    // SHUT_RD, SHUT_WR and SHUT_RDWR are 0, 1 and 2 everywhere, and on the wire.
    let wire = u32::try_from(how).ok().filter(|how| *how <= msg::Shutdown::BOTH);
    let bad = Error::Invalid {
        what: "how",
        value: u64::from(how.unsigned_abs()),
        allowed: 2,
    };
    status((|| table::get(s)?.shutdown(wire.ok_or(bad)?))())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_close(s: c_int) -> c_int {
    status((|| {
        let socket = table::remove(s)?;
        let closed = socket.close();
        // Threads that still wait in it use it until they return, which is now.
        drop(socket);
        closed
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_getsockname(s: c_int, addr: *mut c_void, len: *mut u32) -> c_int {
    status((|| {
        check_addr_out(addr, len)?;
        addr_out(table::get(s)?.local_addr()?, addr, len)
    })())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_getpeername(s: c_int, addr: *mut c_void, len: *mut u32) -> c_int {
    status((|| {
        check_addr_out(addr, len)?;
        addr_out(table::get(s)?.peer_addr()?, addr, len)
    })())
}

fn check_addr_out(addr: *mut c_void, len: *mut u32) -> Result<(), Error> {
    if addr.is_null() || len.is_null() {
        Err(NULL)
    } else {
        Ok(())
    }
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_set_nonblocking(s: c_int, on: c_int) -> c_int {
    status((|| table::get(s)?.set_nonblocking(on != 0))())
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn csock_set_timeouts(s: c_int, recv_ms: i64, send_ms: i64) -> c_int {
    let duration = |ms: i64| match u64::try_from(ms) {
        Ok(0) => Some(None),
        Ok(ms) => Some(Some(Duration::from_millis(ms))),
        Err(_) => None,
    };
    status((|| {
        let socket = table::get(s)?;
        if let Some(timeout) = duration(recv_ms) {
            socket.set_read_timeout(timeout)?;
        }
        if let Some(timeout) = duration(send_ms) {
            socket.set_write_timeout(timeout)?;
        }
        Ok(())
    })())
}
