//! Addresses, to and from what the shims take.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use iosock_sys::iosock_addr;

/// An Internet address and port. Never a sockaddr: the shims build one in private memory for each call (`sa_len`, family, zero
/// padding), since `sobind` and `soconnect` write into it.
pub type SockAddr = core::net::SocketAddr;

/// An address for the shims to fill in.
pub(crate) const NONE: iosock_addr = iosock_addr {
    ip: 0,
    reserved: 0,
    port: 0,
    flowinfo: 0,
    scope: 0,
    addr: [0; 16],
};

pub(crate) fn to_shim(addr: &SockAddr) -> iosock_addr {
    match addr {
        SockAddr::V4(v4) => {
            let [a, b, c, d] = v4.ip().octets();
            let addr = [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            iosock_addr {
                ip: 4,
                port: v4.port(),
                addr,
                ..NONE
            }
        }
        SockAddr::V6(v6) => iosock_addr {
            ip: 6,
            reserved: 0,
            port: v6.port(),
            flowinfo: v6.flowinfo(),
            scope: v6.scope_id(),
            addr: v6.ip().octets(),
        },
    }
}

/// Reads an address that a shim filled in; `None` when it is neither IPv4 nor IPv6.
pub(crate) fn from_shim(addr: &iosock_addr) -> Option<SockAddr> {
    match addr.ip {
        4 => {
            let [a, b, c, d, ..] = addr.addr;
            Some(SockAddr::V4(SocketAddrV4::new(
                Ipv4Addr::new(a, b, c, d),
                addr.port,
            )))
        }
        6 => {
            let ip = Ipv6Addr::from(addr.addr);
            Some(SockAddr::V6(SocketAddrV6::new(
                ip,
                addr.port,
                addr.flowinfo,
                addr.scope,
            )))
        }
        _ => None,
    }
}
