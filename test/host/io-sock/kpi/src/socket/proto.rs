//! The protocol switch: TCP and UDP over IPv4 and IPv6, and the two address calls that modules reach through
//! it.

use super::So;
use super::addr::{AF_INET, AF_INET6, Addr};
use crate::errno::{EAFNOSUPPORT, ENOBUFS, EPROTONOSUPPORT, EPROTOTYPE};
use crate::layout::{PrUsrreqs, Protosw, Socket};
use crate::malloc::{M_WAITOK, soname};
use crate::panic::die;
use std::ffi::{c_int, c_short};

pub(crate) const SOCK_STREAM: c_int = 1;
pub(crate) const SOCK_DGRAM: c_int = 2;
pub(crate) const IPPROTO_TCP: c_int = 6;
pub(crate) const IPPROTO_UDP: c_int = 17;

const PR_ATOMIC: c_short = 0x1;
const PR_ADDR: c_short = 0x2;
const PR_CONNREQUIRED: c_short = 0x4;
const PR_WANTRCVD: c_short = 0x8;
const PR_IMPLOPCL: c_short = 0x20;

/// The calls. Written by nobody.
#[cfg(iosock_base = "13")]
static mut CALLS: PrUsrreqs = PrUsrreqs::new(peeraddr, sockaddr);

#[cfg(iosock_base = "13")]
const fn protosw(pr_type: c_int, pr_protocol: c_int, pr_flags: c_short) -> Protosw {
    Protosw::new(
        pr_type as c_short,
        pr_protocol as c_short,
        pr_flags,
        &raw mut CALLS,
    )
}

#[cfg(iosock_base = "14")]
const fn protosw(pr_type: c_int, pr_protocol: c_int, pr_flags: c_short) -> Protosw {
    let calls = PrUsrreqs::new(peeraddr, sockaddr);
    Protosw::new(pr_type as c_short, pr_protocol as c_short, pr_flags, &calls)
}

static mut TCP: Protosw = protosw(
    SOCK_STREAM,
    IPPROTO_TCP,
    PR_CONNREQUIRED | PR_IMPLOPCL | PR_WANTRCVD,
);
static mut UDP: Protosw = protosw(SOCK_DGRAM, IPPROTO_UDP, PR_ATOMIC | PR_ADDR);

/// The protocol for what a socket is asked to be.
pub(super) fn find(domain: c_int, sotype: c_int, protocol: c_int) -> Result<(u8, *mut Protosw), c_int> {
    let family = match domain {
        d if d == c_int::from(AF_INET) => AF_INET,
        d if d == c_int::from(AF_INET6) => AF_INET6,
        _ => return Err(EAFNOSUPPORT),
    };
    let proto = match (sotype, protocol) {
        (SOCK_STREAM, 0 | IPPROTO_TCP) => &raw mut TCP,
        (SOCK_DGRAM, 0 | IPPROTO_UDP) => &raw mut UDP,
        // The protocol exists, with another type.
        (_, IPPROTO_TCP | IPPROTO_UDP) | (_, 0) => return Err(EPROTOTYPE),
        _ => return Err(EPROTONOSUPPORT),
    };
    Ok((family, proto))
}

/// An address in `M_SONAME` memory.
pub(super) fn give(addr: Addr, to: *mut *mut u8) -> c_int {
    let (raw, len) = addr.to_kernel();
    let memory = soname(&raw[..len], M_WAITOK);
    if memory.is_null() {
        return ENOBUFS;
    }
    if to.is_null() {
        die!("an address is asked for, with nowhere to put it");
    }
    // SAFETY: the caller's pointer to a pointer.
    unsafe { *to = memory };
    0
}

extern "C" fn peeraddr(so: *mut Socket, to: *mut *mut u8) -> c_int {
    // SAFETY: called with a socket.
    let Some(so) = (unsafe { So::from_raw(so) }) else {
        die!("pru_peeraddr without a socket")
    };
    so.enter("pru_peeraddr");
    let pcb = so.pcb();
    give(pcb.peer().unwrap_or(Addr::any(pcb.family)), to)
}

extern "C" fn sockaddr(so: *mut Socket, to: *mut *mut u8) -> c_int {
    // SAFETY: called with a socket.
    let Some(so) = (unsafe { So::from_raw(so) }) else {
        die!("pru_sockaddr without a socket")
    };
    so.enter("pru_sockaddr");
    let pcb = so.pcb();
    match pcb.fd.local() {
        Ok(addr) => give(addr, to),
        Err(errno) => errno,
    }
}
