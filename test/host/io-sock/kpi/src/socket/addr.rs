//! Addresses: the stack's sockaddrs (with a length, QNX's families) and Linux's.

use crate::errno::{EAFNOSUPPORT, EINVAL};
use std::ffi::c_int;

/// `AF_INET` of QNX; the same on Linux.
pub(crate) const AF_INET: u8 = 2;
/// `AF_INET6` of QNX.
pub(crate) const AF_INET6: u8 = 28;
const SIN_LEN: u8 = 16;
const SIN6_LEN: u8 = 28;

/// An Internet address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Addr {
    /// `AF_INET` or `AF_INET6`.
    pub(crate) family: u8,
    /// Host order.
    pub(crate) port: u16,
    /// As on the wire.
    flowinfo: u32,
    /// IPv4 in the first four bytes.
    ip: [u8; 16],
    scope: u32,
}

impl Addr {
    /// No address, no port.
    pub(crate) fn any(family: u8) -> Addr {
        Addr {
            family,
            port: 0,
            flowinfo: 0,
            ip: [0; 16],
            scope: 0,
        }
    }

    /// A sockaddr that a module handed in for a socket of `family`. Its length must be the family's:
    /// `EINVAL`. IPv4's family is looked at only when there is an address, as in FreeBSD.
    ///
    /// # Safety
    /// `sa` points to a sockaddr of the length that it says.
    pub(crate) unsafe fn from_kernel(sa: *const u8, family: u8) -> Result<Addr, c_int> {
        if sa.is_null() {
            return Err(EINVAL);
        }
        // SAFETY: the caller's contract.
        let (len, given) = unsafe { (*sa, *sa.add(1)) };
        if len != if family == AF_INET { SIN_LEN } else { SIN6_LEN } {
            return Err(EINVAL);
        }
        // SAFETY: as above.
        let raw = unsafe { std::slice::from_raw_parts(sa, len.into()) };
        let word = |at: usize| u32::from_ne_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
        let mut addr = Addr::any(family);
        addr.port = u16::from_be_bytes([raw[2], raw[3]]);
        if family == AF_INET {
            addr.ip[..4].copy_from_slice(&raw[4..8]);
            if given != AF_INET && addr.ip != [0; 16] || addr.ip[0] & 0xf0 == 0xe0 {
                return Err(EAFNOSUPPORT);
            }
        } else {
            if given != AF_INET6 {
                return Err(EAFNOSUPPORT);
            }
            addr.flowinfo = word(4);
            addr.ip.copy_from_slice(&raw[8..24]);
            addr.scope = word(24);
        }
        Ok(addr)
    }

    /// The stack's sockaddr: bytes and how many of them count.
    pub(crate) fn to_kernel(self) -> ([u8; 28], usize) {
        let mut raw = [0; 28];
        raw[1] = self.family;
        raw[2..4].copy_from_slice(&self.port.to_be_bytes());
        let len = if self.family == AF_INET {
            raw[4..8].copy_from_slice(&self.ip[..4]);
            SIN_LEN
        } else {
            raw[4..8].copy_from_slice(&self.flowinfo.to_ne_bytes());
            raw[8..24].copy_from_slice(&self.ip);
            raw[24..28].copy_from_slice(&self.scope.to_ne_bytes());
            SIN6_LEN
        };
        raw[0] = len;
        (raw, len.into())
    }

    /// Linux's sockaddr and its length.
    pub(crate) fn to_linux(self) -> (libc::sockaddr_storage, libc::socklen_t) {
        // SAFETY: all zeroes is a valid sockaddr_storage.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let to = &raw mut storage;
        let len = if self.family == AF_INET {
            let sin = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: self.port.to_be(),
                sin_addr: libc::in_addr {
                    s_addr: u32::from_ne_bytes([self.ip[0], self.ip[1], self.ip[2], self.ip[3]]),
                },
                sin_zero: [0; 8],
            };
            // SAFETY: the storage is large enough and aligned for either kind.
            unsafe { to.cast::<libc::sockaddr_in>().write(sin) };
            size_of::<libc::sockaddr_in>()
        } else {
            let sin6 = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: self.port.to_be(),
                sin6_flowinfo: self.flowinfo,
                sin6_addr: libc::in6_addr { s6_addr: self.ip },
                sin6_scope_id: self.scope,
            };
            // SAFETY: as above.
            unsafe { to.cast::<libc::sockaddr_in6>().write(sin6) };
            size_of::<libc::sockaddr_in6>()
        };
        (storage, len as libc::socklen_t)
    }

    /// From Linux; `None` for another family.
    pub(crate) fn from_linux(storage: &libc::sockaddr_storage) -> Option<Addr> {
        let from = std::ptr::from_ref(storage);
        match c_int::from(storage.ss_family) {
            libc::AF_INET => {
                // SAFETY: the family says so.
                let sin = unsafe { &*from.cast::<libc::sockaddr_in>() };
                let mut addr = Addr::any(AF_INET);
                addr.port = u16::from_be(sin.sin_port);
                addr.ip[..4].copy_from_slice(&sin.sin_addr.s_addr.to_ne_bytes());
                Some(addr)
            }
            libc::AF_INET6 => {
                // SAFETY: the family says so.
                let sin6 = unsafe { &*from.cast::<libc::sockaddr_in6>() };
                Some(Addr {
                    family: AF_INET6,
                    port: u16::from_be(sin6.sin6_port),
                    flowinfo: sin6.sin6_flowinfo,
                    ip: sin6.sin6_addr.s6_addr,
                    scope: sin6.sin6_scope_id,
                })
            }
            _ => None,
        }
    }
}
