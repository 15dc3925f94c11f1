//! A socket address on the wire: no `sa_len`, no padding, port in host order, one form for every family.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::errno::WireErrno;
use crate::refusal::{Field, Refusal};

/// IPv4 (`AF_INET`), QNX's number.
pub const AF_INET: u16 = 2;
/// IPv6 (`AF_INET6`), QNX's number.
pub const AF_INET6: u16 = 28;
/// `AF_UNSPEC`: no address.
pub const AF_UNSPEC: u16 = 0;

/// A socket address. All zero means "none" ([`AF_UNSPEC`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SockAddr {
    /// [`AF_INET`] or [`AF_INET6`].
    pub family: u16,
    /// Port, host byte order.
    pub port: u16,
    /// IPv6 scope id (interface index), 0 for IPv4.
    pub scope: u32,
    /// IPv6 flow information, 0 for IPv4.
    pub flow: u32,
    /// Zero.
    pub reserved: u32,
    /// The address in network order: 4 bytes and 12 zeros for IPv4, 16 for IPv6.
    pub addr: [u8; 16],
}

const _: () = assert!(size_of::<SockAddr>() == 32);

impl SockAddr {
    /// An IPv4 address.
    #[must_use]
    pub const fn v4(addr: [u8; 4], port: u16) -> SockAddr {
        let [a, b, c, d] = addr;
        SockAddr {
            family: AF_INET,
            port,
            scope: 0,
            flow: 0,
            reserved: 0,
            addr: [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        }
    }

    /// An IPv6 address.
    #[must_use]
    pub const fn v6(addr: [u8; 16], port: u16, flow: u32, scope: u32) -> SockAddr {
        SockAddr {
            family: AF_INET6,
            port,
            scope,
            flow,
            reserved: 0,
            addr,
        }
    }

    /// The four address bytes of an IPv4 address, in network order.
    #[must_use]
    pub const fn v4_octets(&self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.addr;
        [a, b, c, d]
    }

    /// Checks a peer's address: known family, reserved zero, and for IPv4 nothing behind the four bytes.
    ///
    /// # Errors
    /// `EAFNOSUPPORT` for the family, `EINVAL` for anything that must be zero and is not.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.reserved != 0 {
            return Err(Refusal::new(
                WireErrno::EINVAL,
                Field::Reserved,
                self.reserved.into(),
                0,
            ));
        }
        match self.family {
            AF_INET6 => Ok(()),
            AF_INET => {
                let [_, _, _, _, rest @ ..] = self.addr;
                if rest != [0; 12] || self.scope != 0 || self.flow != 0 {
                    return Err(Refusal::new(WireErrno::EINVAL, Field::Addr, 1, 0));
                }
                Ok(())
            }
            other => Err(Refusal::new(
                WireErrno::EAFNOSUPPORT,
                Field::AddrFamily,
                other.into(),
                AF_INET.into(),
            )),
        }
    }

    /// The address in the form of `core::net`, or `None` for another family.
    #[must_use]
    pub fn to_socket_addr(&self) -> Option<SocketAddr> {
        match self.family {
            AF_INET => Some(SocketAddrV4::new(Ipv4Addr::from(self.v4_octets()), self.port).into()),
            AF_INET6 => {
                Some(SocketAddrV6::new(Ipv6Addr::from(self.addr), self.port, self.flow, self.scope).into())
            }
            _ => None,
        }
    }
}

impl From<SocketAddr> for SockAddr {
    fn from(addr: SocketAddr) -> SockAddr {
        match addr {
            SocketAddr::V4(v4) => SockAddr::v4(v4.ip().octets(), v4.port()),
            SocketAddr::V6(v6) => SockAddr::v6(v6.ip().octets(), v6.port(), v6.flowinfo(), v6.scope_id()),
        }
    }
}

impl From<(IpAddr, u16)> for SockAddr {
    fn from((ip, port): (IpAddr, u16)) -> SockAddr {
        SocketAddr::new(ip, port).into()
    }
}
