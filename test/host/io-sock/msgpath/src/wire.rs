//! What is sent: a header of 32 bytes, then an address, an option's value or the data to send. Little endian.
//!
//! The answer's status is the call's result: a count of bytes or a socket's number. Received data, an address or an option's value
//! comes back bare. Errors come as `MsgError`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// First message type; far above what QNX keeps for itself.
pub const BASE: u16 = 0x4E00;
/// Messages below are QNX's own.
pub const OWN_TYPES: u16 = 0x200;
/// `_IO_CONNECT`, which name_open sends in old releases.
pub const IO_CONNECT: u16 = 0x100;
/// Version of this layout.
pub const VERSION: u16 = 1;
/// Length of a header.
pub const HEADER_LEN: usize = 32;
/// Length of an address.
pub const ADDRESS_LEN: usize = 32;
/// Longest value of an option.
pub const OPTION_MAX: usize = 64;

/// `AF_INET`.
pub const AF_INET: i32 = 2;
/// `AF_INET6` of io-sock.
pub const AF_INET6: i32 = 28;
/// `SOCK_STREAM`.
pub const SOCK_STREAM: i32 = 1;
/// `SOL_SOCKET` of io-sock.
pub const SOL_SOCKET: i32 = 0xffff;
/// `MSG_PEEK` of io-sock.
pub const MSG_PEEK: u32 = 0x2;
/// `MSG_WAITALL` of io-sock.
pub const MSG_WAITALL: u32 = 0x40;
/// `MSG_DONTWAIT` of io-sock.
pub const MSG_DONTWAIT: u32 = 0x80;

/// What is asked for. In brackets: the header's numbers, and what follows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Operation {
    /// `socket(2)` `[domain, type, protocol]`; status: the socket.
    Socket = 0,
    /// `bind(2)`, address.
    Bind = 1,
    /// `listen(2)` `[backlog]`.
    Listen = 2,
    /// `accept(2)`, flags; status: the new socket; answer: the peer's address.
    Accept = 3,
    /// `connect(2)`, flags, address.
    Connect = 4,
    /// `send(2)`, flags, `len` bytes of data; status: how many were taken.
    Send = 5,
    /// `recv(2)`, flags, at most `len` bytes; status: how many; answer: the bytes.
    Receive = 6,
    /// `shutdown(2)` `[how]`.
    Shutdown = 7,
    /// `close(2)`.
    Close = 8,
    /// `getsockname(2)`; answer: the address.
    SockName = 9,
    /// `getpeername(2)`; answer: the address.
    PeerName = 10,
    /// `setsockopt(2)` `[level, name]`, `len` bytes of value.
    SetOption = 11,
    /// `getsockopt(2)` `[level, name]`, at most `len` bytes; status: how many; answer: the value.
    GetOption = 12,
}

impl Operation {
    /// The operation of a message type.
    pub fn from_type(kind: u16) -> Option<Self> {
        const ALL: [Operation; 13] = [
            Operation::Socket,
            Operation::Bind,
            Operation::Listen,
            Operation::Accept,
            Operation::Connect,
            Operation::Send,
            Operation::Receive,
            Operation::Shutdown,
            Operation::Close,
            Operation::SockName,
            Operation::PeerName,
            Operation::SetOption,
            Operation::GetOption,
        ];
        ALL.get(usize::from(kind.checked_sub(BASE)?)).copied()
    }
}

/// The header of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// What is asked for.
    pub operation: Operation,
    /// Which socket; 0 for none.
    pub socket: u32,
    /// `MSG_*`.
    pub flags: u32,
    /// Numbers, as the operation says.
    pub numbers: [i32; 3],
    /// Bytes that follow, or bytes wanted.
    pub len: u64,
}

/// Why a message is no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// A type that nobody serves here; which.
    UnknownType(u16),
    /// Too short or of another version.
    Bad,
}

impl Header {
    /// A header with nothing but the operation and the socket.
    pub fn new(operation: Operation, socket: u32) -> Self {
        Self {
            operation,
            socket,
            flags: 0,
            numbers: [0; 3],
            len: 0,
        }
    }

    /// As bytes.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&(BASE + self.operation as u16).to_le_bytes());
        put(&VERSION.to_le_bytes());
        put(&self.socket.to_le_bytes());
        put(&self.flags.to_le_bytes());
        self.numbers.iter().for_each(|number| put(&number.to_le_bytes()));
        put(&self.len.to_le_bytes());
        bytes
    }

    /// From the bytes of a message.
    pub fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let kind = message
            .first_chunk()
            .copied()
            .map(u16::from_le_bytes)
            .ok_or(Malformed::Bad)?;
        let operation = Operation::from_type(kind).ok_or(Malformed::UnknownType(kind))?;
        let header: &[u8; HEADER_LEN] = message.first_chunk().ok_or(Malformed::Bad)?;
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if u16::from_le_bytes([header[2], header[3]]) != VERSION {
            return Err(Malformed::Bad);
        }
        Ok(Self {
            operation,
            socket: word(4),
            flags: word(8),
            numbers: [
                word(12).cast_signed(),
                word(16).cast_signed(),
                word(20).cast_signed(),
            ],
            len: u64::from(word(24)) | u64::from(word(28)) << 32,
        })
    }
}

/// An address: family, port, scope, flow label, IP address. Also what the stack's C side takes.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Address {
    /// `AF_INET` or `AF_INET6` of io-sock; 0 for no address.
    pub family: u16,
    /// In host order.
    pub port: u16,
    /// IPv6 scope.
    pub scope: u32,
    /// IPv6 flow label.
    pub flow: u32,
    /// 0.
    pub reserved: u32,
    /// IPv4: the first four.
    pub ip: [u8; 16],
}

const _: () = assert!(size_of::<Address>() == ADDRESS_LEN);

impl Address {
    /// As bytes.
    pub fn encode(&self) -> [u8; ADDRESS_LEN] {
        let mut bytes = [0; ADDRESS_LEN];
        bytes[..2].copy_from_slice(&self.family.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.port.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.scope.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.flow.to_le_bytes());
        bytes[16..].copy_from_slice(&self.ip);
        bytes
    }

    /// From bytes; `None` when there are too few.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; ADDRESS_LEN] = bytes.first_chunk()?;
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
        let mut ip = [0; 16];
        ip.copy_from_slice(&bytes[16..]);
        Some(Self {
            family: half(0),
            port: half(2),
            scope: word(4),
            flow: word(8),
            reserved: 0,
            ip,
        })
    }

    /// As std has it; `None` for no address.
    pub fn to_std(self) -> Option<SocketAddr> {
        match i32::from(self.family) {
            AF_INET => {
                let [a, b, c, d, ..] = self.ip;
                Some(SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), self.port).into())
            }
            AF_INET6 => {
                Some(SocketAddrV6::new(Ipv6Addr::from(self.ip), self.port, self.flow, self.scope).into())
            }
            _ => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(addr: SocketAddr) -> Self {
        let mut ip = [0; 16];
        let family = match addr.ip() {
            IpAddr::V4(v4) => {
                ip[..4].copy_from_slice(&v4.octets());
                AF_INET
            }
            IpAddr::V6(v6) => {
                ip = v6.octets();
                AF_INET6
            }
        };
        let (flow, scope) = match addr {
            SocketAddr::V4(_) => (0, 0),
            SocketAddr::V6(v6) => (v6.flowinfo(), v6.scope_id()),
        };
        // Both families are small numbers.
        Self {
            family: family as u16,
            port: addr.port(),
            scope,
            flow,
            reserved: 0,
            ip,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, HEADER_LEN, Header, Malformed, Operation};

    #[test]
    fn headers_there_and_back() {
        for kind in 0..13 {
            let operation = Operation::from_type(super::BASE + kind).unwrap();
            assert_eq!(operation as u16, kind);
            let header = Header {
                operation,
                socket: 7,
                flags: 0x80,
                numbers: [-1, 2, i32::MIN],
                len: 1 << 40,
            };
            assert_eq!(Header::decode(&header.encode()), Ok(header));
        }
        assert_eq!(Operation::from_type(super::BASE + 13), None);
    }

    #[test]
    fn refusals() {
        let good = Header::new(Operation::Close, 1).encode();
        for len in 0..HEADER_LEN {
            assert_eq!(Header::decode(&good[..len]), Err(Malformed::Bad));
        }
        assert_eq!(Header::decode(&[0x01, 0x01]), Err(Malformed::UnknownType(0x101)));
        let mut other = good;
        other[2] = 9;
        assert_eq!(Header::decode(&other), Err(Malformed::Bad));
    }

    #[test]
    fn addresses_there_and_back() {
        for text in ["127.0.0.1:80", "[fe80::1%3]:65535"] {
            let addr: std::net::SocketAddr = text.parse().unwrap();
            assert_eq!(
                Address::decode(&Address::from(addr).encode()).unwrap().to_std(),
                Some(addr)
            );
        }
        assert_eq!(Address::default().to_std(), None);
        assert_eq!(Address::decode(&[0; 31]), None);
    }
}
