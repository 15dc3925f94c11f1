//! Packets on the Unix sockets between two processes: set-up and rare events. Messages and pulses do not go here.
//!
//! Sockets are SOCK_SEQPACKET, so that a packet arrives whole or not at all.

use std::time::Duration;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::errno::Errno;
use crate::fds::Fd;
use crate::layout::VERSION;
use crate::sys;

const MAGIC: u32 = 0x514E_5848;

/// What a packet asks or says.
pub mod op {
    /// Client to server: connect to channel `number`. `a` = nonce of the wanted process or 0; carries the descriptor of
    /// the client's event table. Answer carries the
    /// doorbell's and the lane's descriptors; `number` = scoid, `a` = lane index, `b` = channel flags, `c` = pulse limit,
    /// `event[0]` = 1 if the client may send pulses.
    pub const ATTACH: u16 = 1;
    /// Anybody: who are you, and have you channel `number` (0: never mind)? Answer: `a` = nonce, or `ESRCH`: no channel.
    pub const IDENTIFY: u16 = 2;
    /// Client to server: the pulse ring is full, take everything out. Answer: the same, empty.
    pub const DRAIN: u16 = 3;
    /// Client to server: the thread in slot `number` wants out; `a` = its ticket, to tell two sends
    /// apart, `b` = the lane.
    pub const UNBLOCK: u16 = 4;
    /// Server to client: deliver the event in `event` to the thread `number`.
    pub const DELIVER: u16 = 5;
    /// Anybody to the creator of a memory handle: give me `a`; `number` = access wanted, `b` = 1 for a mapping only.
    /// Answer carries the object's descriptor; `a`, `b` = offset and size of the part that the handle is for, size 0 = all.
    pub const OPEN_HANDLE: u16 = 6;
    /// Creator or recipient: forget handle `a`.
    pub const DELETE_HANDLE: u16 = 7;
    /// Anybody: describe your threads, channels and connections. Answer: as many TEXT packets as needed.
    pub const DESCRIBE: u16 = 8;
    /// A piece of the answer to DESCRIBE: the bytes follow the packet; `number` = 0 on the last.
    pub const TEXT: u16 = 9;
    /// Client to server: one more lane for connection `number` (a scoid). Answer carries its descriptor; `a` = word.
    pub const MORE: u16 = 10;
    /// Creator of a memory object to anybody: take your mappings of the object with device `a` and inode `b` away. Answer:
    /// the same, empty, when that is done.
    pub const REVOKE: u16 = 11;
}

/// One packet. `status` is a QNX error number in answers.
#[repr(C)]
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[allow(missing_docs)]
pub struct Packet {
    pub(crate) magic: u32,
    pub(crate) version: u16,
    pub op: u16,
    pub status: i32,
    pub number: i32,
    pub a: u64,
    pub b: u64,
    pub c: u64,
    /// A `struct sigevent` as words, for DELIVER.
    pub event: [u64; 4],
}

/// Size of a packet on the socket.
pub const PACKET_LEN: usize = size_of::<Packet>();

impl Packet {
    /// An otherwise empty packet.
    pub fn new(op: u16) -> Packet {
        Packet {
            magic: MAGIC,
            version: VERSION,
            op,
            status: 0,
            number: 0,
            a: 0,
            b: 0,
            c: 0,
            event: [0; 4],
        }
    }

    /// An answer that only says what went wrong.
    pub fn refusal(op: u16, errno: Errno) -> Packet {
        Packet {
            status: errno.0,
            ..Packet::new(op)
        }
    }

    /// Reads a packet; `None` if it is not one of ours or of another version.
    pub fn parse(bytes: &[u8]) -> Option<Packet> {
        let (packet, _) = Packet::read_from_prefix(bytes).ok()?;
        (packet.magic == MAGIC && packet.version == VERSION).then_some(packet)
    }

    /// The status as a result.
    pub fn check(self) -> Result<Packet, Errno> {
        if self.status == 0 {
            Ok(self)
        } else {
            Err(Errno(self.status))
        }
    }
}

/// Sends a packet with descriptors; blocks only if `wait`.
pub fn send(fd: &Fd, packet: &Packet, fds: &[i32], wait: bool) -> Result<(), Errno> {
    sys::send_packet(fd, packet.as_bytes(), fds, wait)
}

/// How long a process may take to answer. Its kernel thread answers at once unless the process is stopped.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends a request on a fresh socket and waits for the answer, whose descriptors are added to `fds`.
/// `ESRCH` if the peer dies, `EAGAIN` if it is stopped.
pub fn ask(fd: &Fd, request: &Packet, given: &[i32], fds: &mut Vec<Fd>) -> Result<Packet, Errno> {
    send(fd, request, given, true).map_err(|_| Errno::ESRCH)?;
    let mut bytes = [0u8; PACKET_LEN];
    let len = match sys::receive_packet(fd, &mut bytes, fds, ANSWER_TIMEOUT) {
        Ok(0) | Err(Errno::ECONNRESET) => return Err(Errno::ESRCH),
        other => other?,
    };
    Packet::parse(&bytes[..len]).ok_or(Errno::ESRCH)?.check()
}
