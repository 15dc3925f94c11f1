//! What is sent. Little endian, no padding:
//!
//! ```text
//! request  u16 type (BASE + operation)  u16 version  u32 0   arguments, each ended by a NUL
//! reply    i32 error (QNX's, 0 = ok)    u32 0        u64 length of the whole text   text, as much as fits
//! ```

/// First message type; far above what QNX keeps for itself.
const BASE: u16 = 0x4D00;
const VERSION: u16 = 1;
const HEADER: usize = 8;
/// Length of a reply without its text.
pub const REPLY_HEADER: usize = 16;
/// Longest request that is taken.
pub const REQUEST_MAX: usize = 4096;
/// Messages below are QNX's own.
pub const OWN_TYPES: u16 = 0x200;
/// `_IO_CONNECT`, which name_open sends in old releases.
pub const IO_CONNECT: u16 = 0x100;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Operation {
    /// `[name,opts]`: load.
    Mount = 0,
    /// `[node]`: unload.
    Umount = 1,
    /// `[]`: the nodes, one a line.
    List = 2,
    /// `[]`, `[name]` or `[name, value]`.
    Sysctl = 3,
    /// `[]`: counters.
    Stat = 4,
    /// `[]`: end io-sock.
    Stop = 5,
    /// `[]` or `[name]`: what sysctls say of themselves.
    Describe = 6,
}

impl Operation {
    fn from_type(kind: u16) -> Option<Self> {
        Some(match kind.checked_sub(BASE)? {
            0 => Self::Mount,
            1 => Self::Umount,
            2 => Self::List,
            3 => Self::Sysctl,
            4 => Self::Stat,
            5 => Self::Stop,
            6 => Self::Describe,
            _ => return None,
        })
    }
}

/// A request taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is asked for.
    pub operation: Operation,
    /// With what.
    pub args: Vec<String>,
}

/// Why a message is no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// A type that nobody serves here.
    UnknownType,
    /// Too short, another version, or arguments that are not text.
    Bad,
}

/// The type of any message; `None` when it is too short to have one.
pub fn message_type(message: &[u8]) -> Option<u16> {
    message.first_chunk().copied().map(u16::from_le_bytes)
}

impl Request {
    /// As bytes; `None` when an argument has a NUL or all of it is too long.
    pub fn encode(operation: Operation, args: &[&str]) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        bytes.extend((BASE + operation as u16).to_le_bytes());
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0; 4]);
        for arg in args {
            if arg.contains('\0') {
                return None;
            }
            bytes.extend(arg.as_bytes());
            bytes.push(0);
        }
        (bytes.len() <= REQUEST_MAX).then_some(bytes)
    }

    /// From bytes.
    pub fn decode(message: &[u8]) -> Result<Self, Malformed> {
        let kind = message_type(message).ok_or(Malformed::Bad)?;
        let operation = Operation::from_type(kind).ok_or(Malformed::UnknownType)?;
        let (header, args) = message.split_at_checked(HEADER).ok_or(Malformed::Bad)?;
        if header[2..] != [VERSION.to_le_bytes().as_slice(), &[0; 4]].concat() {
            return Err(Malformed::Bad);
        }
        if args.is_empty() {
            return Ok(Self {
                operation,
                args: Vec::new(),
            });
        }
        let text = str::from_utf8(args)
            .ok()
            .and_then(|text| text.strip_suffix('\0'))
            .ok_or(Malformed::Bad)?;
        Ok(Self {
            operation,
            args: text.split('\0').map(str::to_owned).collect(),
        })
    }
}

/// A reply's bytes.
pub fn encode_reply(error: i32, text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(REPLY_HEADER + text.len());
    bytes.extend(error.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// (error, length of the whole text) of a reply.
pub fn decode_reply(reply: &[u8; REPLY_HEADER]) -> (i32, usize) {
    let [e0, e1, e2, e3, _, _, _, _, l0, l1, l2, l3, l4, l5, l6, l7] = *reply;
    let len = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
    (
        i32::from_le_bytes([e0, e1, e2, e3]),
        usize::try_from(len).unwrap_or(usize::MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::{Malformed, Operation, Request, decode_reply, encode_reply};

    #[test]
    fn there_and_back() {
        for args in [vec![], vec!["a"], vec!["net.x", ""], vec![""]] {
            let bytes = Request::encode(Operation::Sysctl, &args).unwrap();
            let request = Request::decode(&bytes).unwrap();
            assert_eq!(
                (request.operation, request.args),
                (Operation::Sysctl, args.iter().map(|a| a.to_string()).collect())
            );
        }
        let reply = encode_reply(22, "why");
        assert_eq!(decode_reply(reply.first_chunk().unwrap()), (22, 3));
    }

    #[test]
    fn refusals() {
        assert_eq!(Request::encode(Operation::Mount, &["a\0b"]), None);
        assert_eq!(Request::encode(Operation::Mount, &[&"x".repeat(5000)]), None);
        let good = Request::encode(Operation::Mount, &["a"]).unwrap();
        for len in 0..good.len() {
            // Only a whole header without arguments is a request as well.
            assert_eq!(Request::decode(&good[..len]).is_ok(), len == 8, "{len}");
        }
        let mut bytes = good.clone();
        bytes[0] = 0x77;
        assert_eq!(Request::decode(&bytes), Err(Malformed::UnknownType));
        for at in 2..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1;
            assert_eq!(Request::decode(&bytes), Err(Malformed::Bad));
        }
        let mut bytes = good;
        bytes[8] = 0xff;
        assert_eq!(Request::decode(&bytes), Err(Malformed::Bad));
    }
}
