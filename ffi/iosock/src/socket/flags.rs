//! The words that socket calls take and give.

use bitflags::bitflags;
use core::ffi::c_int;

/// Address family. The numbers are io-sock's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Domain {
    /// `AF_INET`: IPv4.
    Ipv4 = 2,
    /// `AF_INET6`: IPv6.
    Ipv6 = 28,
}

/// How a socket transports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum SocketType {
    /// `SOCK_STREAM`: a stream of bytes.
    Stream = 1,
    /// `SOCK_DGRAM`: datagrams.
    Datagram = 2,
}

/// Which protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum Protocol {
    /// The domain's default for the type.
    Default = 0,
    /// `IPPROTO_TCP`.
    Tcp = 6,
    /// `IPPROTO_UDP`.
    Udp = 17,
}

/// Which direction to shut down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum How {
    /// `SHUT_RD`: no more is received.
    Read = 0,
    /// `SHUT_WR`: no more is sent; the peer sees the end of the stream.
    Write = 1,
    /// `SHUT_RDWR`: both.
    Both = 2,
}

bitflags! {
    /// Flags of [`Socket::send`](crate::Socket::send).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SendFlags: c_int {
        /// `MSG_DONTWAIT`: do not sleep, neither for space nor for another sender.
        const DONTWAIT = 0x80;
        /// `MSG_MORETOCOME`: more follows at once, a short segment may wait for it.
        const MORETOCOME = 0x0010_0000;
    }

    /// Flags of [`Socket::receive`](crate::Socket::receive).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct RecvFlags: c_int {
        /// `MSG_PEEK`: the bytes stay in the socket; the chain shares them.
        const PEEK = 0x2;
        /// `MSG_DONTWAIT`: do not sleep.
        const DONTWAIT = 0x80;
    }

    /// Flags that came back from [`Socket::receive`](crate::Socket::receive).
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct ReceivedFlags: c_int {
        /// `MSG_EOR`: the end of a record.
        const EOR = 0x8;
        /// `MSG_TRUNC`: a datagram was longer than asked for, and the rest is gone.
        const TRUNC = 0x10;
        // Bits that this version has no name for stay.
        const _ = !0;
    }

    /// What state a socket is in.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub struct SocketState: c_int {
        /// `SS_ISCONNECTED`.
        const CONNECTED = iosock_sys::IOSOCK_STATE_CONNECTED;
        /// `SS_ISCONNECTING`.
        const CONNECTING = iosock_sys::IOSOCK_STATE_CONNECTING;
        /// `SS_ISDISCONNECTING`.
        const DISCONNECTING = iosock_sys::IOSOCK_STATE_DISCONNECTING;
        /// `SS_ISDISCONNECTED`.
        const DISCONNECTED = iosock_sys::IOSOCK_STATE_DISCONNECTED;
        /// `SS_NBIO`.
        const NONBLOCKING = iosock_sys::IOSOCK_STATE_NONBLOCKING;
        /// `SBS_CANTSENDMORE`: the sending side is shut.
        const CANT_SEND = iosock_sys::IOSOCK_STATE_CANT_SEND;
        /// `SBS_CANTRCVMORE`: no more will come than is there.
        const CANT_RECEIVE = iosock_sys::IOSOCK_STATE_CANT_RECEIVE;
    }
}

/// Each constant with its number in the headers that the shims were compiled against.
pub(crate) fn pairs() -> impl Iterator<Item = (&'static str, i32, i32)> {
    macro_rules! pairs {
        ($($name:literal, $value:expr, $constant:ident;)*) => {
            [$((
                $name,
                $value,
                // SAFETY: a constant of the shims, never written.
                unsafe { iosock_sys::$constant },
            )),*]
        };
    }
    pairs! {
        "AF_INET", Domain::Ipv4 as i32, iosock_const_AF_INET;
        "AF_INET6", Domain::Ipv6 as i32, iosock_const_AF_INET6;
        "SOCK_STREAM", SocketType::Stream as i32, iosock_const_SOCK_STREAM;
        "SOCK_DGRAM", SocketType::Datagram as i32, iosock_const_SOCK_DGRAM;
        "IPPROTO_TCP", Protocol::Tcp as i32, iosock_const_IPPROTO_TCP;
        "IPPROTO_UDP", Protocol::Udp as i32, iosock_const_IPPROTO_UDP;
        "SHUT_RD", How::Read as i32, iosock_const_SHUT_RD;
        "SHUT_WR", How::Write as i32, iosock_const_SHUT_WR;
        "SHUT_RDWR", How::Both as i32, iosock_const_SHUT_RDWR;
        "MSG_DONTWAIT", SendFlags::DONTWAIT.bits(), iosock_const_MSG_DONTWAIT;
        "MSG_MORETOCOME", SendFlags::MORETOCOME.bits(), iosock_const_MSG_MORETOCOME;
        "MSG_PEEK", RecvFlags::PEEK.bits(), iosock_const_MSG_PEEK;
        "MSG_EOR", ReceivedFlags::EOR.bits(), iosock_const_MSG_EOR;
        "MSG_TRUNC", ReceivedFlags::TRUNC.bits(), iosock_const_MSG_TRUNC;
    }
    .into_iter()
}
