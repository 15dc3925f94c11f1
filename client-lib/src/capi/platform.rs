//! What differs between the platforms that the header is compiled on: `struct sockaddr`, option numbers, flags. The C
//! API speaks the platform's own; only error numbers are QNX's everywhere.

use crate::error::Error;
use core::{
    ffi::c_int,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6},
};
use csock_wire::WireErrno;

/// Bytes of `struct sockaddr_in` and of `struct sockaddr_in6`, on both platforms.
const SOCKADDR_IN: usize = 16;
/// As above.
pub(super) const SOCKADDR_IN6: usize = 28;

#[cfg(any(target_os = "nto", target_os = "qnx"))]
mod numbers {
    use core::ffi::c_int;

    pub(in super::super) const AF_INET6: u8 = 28;
    pub(in super::super) const SOL_SOCKET: c_int = 0xFFFF;
    pub(in super::super) const SO_REUSEADDR: c_int = 0x4;
    pub(in super::super) const SO_KEEPALIVE: c_int = 0x8;
    pub(in super::super) const SO_LINGER: c_int = 0x80;
    pub(in super::super) const SO_SNDBUF: c_int = 0x1001;
    pub(in super::super) const SO_RCVBUF: c_int = 0x1002;
    pub(in super::super) const SO_SNDTIMEO: c_int = 0x1005;
    pub(in super::super) const SO_RCVTIMEO: c_int = 0x1006;
    pub(in super::super) const SO_ERROR: c_int = 0x1007;
    pub(in super::super) const MSG_DONTWAIT: c_int = 0x80;
    pub(in super::super) const MSG_NOSIGNAL: c_int = 0x2_0000;
}

#[cfg(not(any(target_os = "nto", target_os = "qnx")))]
mod numbers {
    use core::ffi::c_int;

    pub(in super::super) const AF_INET6: u8 = 10;
    pub(in super::super) const SOL_SOCKET: c_int = 1;
    pub(in super::super) const SO_REUSEADDR: c_int = 2;
    pub(in super::super) const SO_KEEPALIVE: c_int = 9;
    pub(in super::super) const SO_LINGER: c_int = 13;
    pub(in super::super) const SO_SNDBUF: c_int = 7;
    pub(in super::super) const SO_RCVBUF: c_int = 8;
    pub(in super::super) const SO_SNDTIMEO: c_int = 21;
    pub(in super::super) const SO_RCVTIMEO: c_int = 20;
    pub(in super::super) const SO_ERROR: c_int = 4;
    pub(in super::super) const MSG_DONTWAIT: c_int = 0x40;
    pub(in super::super) const MSG_NOSIGNAL: c_int = 0x4000;
}

pub(super) use numbers::*;

/// `AF_INET`, the same everywhere.
pub(super) const AF_INET: u8 = 2;
/// `SOCK_STREAM`, the same everywhere.
pub(super) const SOCK_STREAM: c_int = 1;
/// `IPPROTO_TCP`, the same everywhere.
pub(super) const IPPROTO_TCP: c_int = 6;
/// `TCP_NODELAY`, the same everywhere.
pub(super) const TCP_NODELAY: c_int = 1;
/// `CSOCK_MSG_MORE` of our header.
pub(super) const MSG_MORE: c_int = 0x0100_0000;

/// An address out of the bytes of a `struct sockaddr`.
pub(super) fn parse_addr(bytes: &[u8]) -> Result<SocketAddr, Error> {
    let short = Error::Invalid {
        what: "address length",
        value: crate::num::widen(bytes.len()),
        allowed: 16,
    };
    let [first, second, p0, p1, rest @ ..] = bytes else {
        return Err(short);
    };
    let family = if cfg!(any(target_os = "nto", target_os = "qnx")) {
        *second
    } else {
        *first
    };
    let port = u16::from_be_bytes([*p0, *p1]);
    if family == AF_INET && bytes.len() >= SOCKADDR_IN {
        let [a, b, c, d, ..] = rest else { return Err(short) };
        return Ok(SocketAddrV4::new(Ipv4Addr::new(*a, *b, *c, *d), port).into());
    }
    if family == AF_INET6 && bytes.len() >= SOCKADDR_IN6 {
        let (flow, rest) = rest.split_first_chunk::<4>().ok_or(short)?;
        let (ip, rest) = rest.split_first_chunk::<16>().ok_or(short)?;
        let scope = rest.first_chunk::<4>().ok_or(short)?;
        let (flow, scope) = (u32::from_be_bytes(*flow), u32::from_ne_bytes(*scope));
        return Ok(SocketAddrV6::new(Ipv6Addr::from(*ip), port, flow, scope).into());
    }
    if family == AF_INET || family == AF_INET6 {
        return Err(short);
    }
    Err(Error::from_wire(WireErrno::EAFNOSUPPORT))
}

/// The bytes of the `struct sockaddr` of an address, and how many of them.
pub(super) fn write_addr(addr: SocketAddr) -> ([u8; SOCKADDR_IN6], usize) {
    let (family, len, tail) = match addr {
        SocketAddr::V4(v4) => {
            let [a, b, c, d] = v4.ip().octets();
            let mut tail = [0; 24];
            if let Some(ip) = tail.first_chunk_mut::<4>() {
                *ip = [a, b, c, d];
            }
            (AF_INET, SOCKADDR_IN, tail)
        }
        SocketAddr::V6(v6) => {
            let mut tail = [0; 24];
            let (flow, ip, scope) = (
                v6.flowinfo().to_be_bytes(),
                v6.ip().octets(),
                v6.scope_id().to_ne_bytes(),
            );
            for (to, from) in tail.iter_mut().zip(flow.into_iter().chain(ip).chain(scope)) {
                *to = from;
            }
            (AF_INET6, SOCKADDR_IN6, tail)
        }
    };
    let mut bytes = [0; SOCKADDR_IN6];
    // QNX: length, family. Linux: the family in two bytes, little-endian.
    let qnx = cfg!(any(target_os = "nto", target_os = "qnx"));
    let start = if qnx {
        [u8::try_from(len).unwrap_or(0), family]
    } else {
        [family, 0]
    };
    let [p0, p1] = addr.port().to_be_bytes();
    for (to, from) in bytes
        .iter_mut()
        .zip(start.into_iter().chain([p0, p1]).chain(tail))
    {
        *to = from;
    }
    (bytes, len)
}

/// Seconds and microseconds of a `struct timeval` (16 bytes on both platforms; QNX's microseconds are 32 bits).
pub(super) fn parse_timeval(bytes: &[u8]) -> Option<(i64, i64)> {
    let (seconds, rest) = bytes.split_first_chunk::<8>()?;
    let micros = rest.first_chunk::<8>()?;
    let micros = if cfg!(any(target_os = "nto", target_os = "qnx")) {
        i64::from(i32::from_ne_bytes(*micros.first_chunk::<4>()?))
    } else {
        i64::from_ne_bytes(*micros)
    };
    Some((i64::from_ne_bytes(*seconds), micros))
}

/// The bytes of a `struct timeval`. Little-endian, so that one form serves both widths of the microseconds.
pub(super) fn write_timeval(time: core::time::Duration) -> [u8; 16] {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX).to_ne_bytes();
    let micros = i64::from(time.subsec_micros()).to_ne_bytes();
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().zip(seconds.into_iter().chain(micros)) {
        *to = from;
    }
    bytes
}
