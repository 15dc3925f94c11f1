//! What the parser makes of messages that nobody honest sends: lengths, kinds, reserved fields (S-22, S-25).

mod common;

use common::Rng;
use csock_wire::msg::*;
use csock_wire::sockopt::{IPPROTO_TCP as LEVEL_TCP, SOL_SOCKET};
use csock_wire::{Field, MsgHeader, Refusal, SockAddr, SockOpt, WireErrno};
use zerocopy::IntoBytes;

/// A request of a kind whose body is all zero.
fn zero(kind: Kind) -> Vec<u8> {
    let mut bytes = MsgHeader::new(kind, 7, 8).as_bytes().to_vec();
    bytes.resize(kind.request_len(), 0);
    bytes
}

fn refusal(bytes: &[u8]) -> Refusal {
    match Request::parse(bytes) {
        Err(ParseError::Refused(_, refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn all_kinds_of_the_number_space() {
    for number in 0..=u16::MAX {
        let kind = Kind::from_wire(number);
        assert_eq!(kind.is_some(), (MSG_BASE..=MSG_BASE + 22).contains(&number));
        match kind {
            Some(kind) => assert_eq!(kind.to_wire(), number),
            None => {
                let header = MsgHeader {
                    kind: number,
                    ..MsgHeader::new(Kind::Hello, 0, 0)
                };
                let parsed = Request::parse(header.as_bytes());
                assert_eq!(parsed, Err(ParseError::UnknownKind(number)));
            }
        }
    }
    assert_eq!(Kind::ALL.len(), 23);
}

/// All lengths from 0 to beyond the longest, for each kind.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn every_length_of_every_kind() {
    for kind in Kind::ALL {
        let needed = kind.request_len();
        let mut bytes = zero(*kind);
        bytes.resize(MAX_REQUEST_LEN + 40, 0);
        for len in 0..=bytes.len() {
            match Request::parse(&bytes[..len]) {
                Err(ParseError::Short { len: l, needed: n }) => {
                    assert!(len < needed && l == len && n == if len < 16 { 16 } else { needed });
                }
                // What lies behind is the data of a send.
                Ok(_) if *kind == Kind::Send => assert!(len >= needed),
                Err(ParseError::Refused(k, r)) if r.what == Field::Length => {
                    assert!(len > needed && k == *kind && r.error == WireErrno::EBADMSG);
                    assert_eq!((r.value, r.allowed), (len as u64, needed as u64));
                }
                Ok(_) | Err(ParseError::Refused(..)) => assert_eq!(len, needed),
                Err(ParseError::UnknownKind(_)) => panic!(),
            }
        }
    }
}

#[test]
fn header_fields_are_checked() {
    for version in [0, 1, 3, 0xFFFF] {
        let header = MsgHeader {
            version,
            ..MsgHeader::new(Kind::Stats, 1, 0)
        };
        let r = refusal(header.as_bytes());
        assert_eq!(
            (r.error, r.what, r.value, r.allowed),
            (WireErrno::EPROTONOSUPPORT, Field::Version, version.into(), 2)
        );
    }
    for bit in 0..32 {
        let header = MsgHeader {
            flags: 1 << bit,
            ..MsgHeader::new(Kind::Stats, 1, 0)
        };
        let r = refusal(header.as_bytes());
        assert_eq!(
            (r.error, r.what, r.value),
            (WireErrno::EINVAL, Field::HeaderFlags, 1 << bit)
        );
    }
}

/// Each bit of each reserved field alone is refused. The offsets are those of the golden dumps.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn reserved_fields_are_checked() {
    let valid_addr = SockAddr::v4([1, 2, 3, 4], 5);
    let mut bind = zero(Kind::Bind);
    bind[16..48].copy_from_slice(valid_addr.as_bytes());
    let mut connect = zero(Kind::Connect);
    connect[16..48].copy_from_slice(valid_addr.as_bytes());
    let mut set = zero(Kind::SetSockOpt);
    set[16..20].copy_from_slice(&6_u32.to_le_bytes());
    set[20] = 1;
    set[24] = 4;
    let mut get = zero(Kind::GetSockOpt);
    get[16..26].copy_from_slice(&set[16..26]);
    let mut wait = zero(Kind::Wait);
    wait[16] = 1;
    for (message, reserved) in [
        (zero(Kind::Hello), 20..24),
        (zero(Kind::PoolAttach), 36..40),
        (zero(Kind::Socket), 22..24),
        (zero(Kind::Socket), 28..32),
        (zero(Kind::Accept), 20..24),
        (zero(Kind::Shutdown), 20..24),
        (wait, 20..24),
        (zero(Kind::PoolDetach), 20..24),
        (zero(Kind::DropWaiter), 20..24),
        (bind, 28..32),
        (zero(Kind::Listen), 20..24),
        (connect, 28..32),
        (set, 28..32),
        (get, 28..32),
    ] {
        assert!(Request::parse(&message).is_ok(), "{message:?}");
        for at in reserved {
            for bit in 0..8 {
                let mut message = message.clone();
                message[at] |= 1 << bit;
                let r = refusal(&message);
                assert_eq!(
                    (r.error, r.what, r.allowed),
                    (WireErrno::EINVAL, Field::Reserved, 0)
                );
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn values_are_whitelists() {
    let parse = |body: &dyn Fn(&mut [u8]), kind| {
        let mut bytes = zero(kind);
        body(&mut bytes[16..]);
        Request::parse(&bytes).map(|(_, r)| r)
    };
    for how in 0..=255 {
        assert_eq!(parse(&|b| b[0] = how, Kind::Shutdown).is_ok(), how <= 2);
    }
    assert!(parse(&|_| {}, Kind::Wait).is_err(), "waiting for nothing");
    for bit in 0..32 {
        let wait = |b: &mut [u8]| b[..4].copy_from_slice(&(1_u32 << bit).to_le_bytes());
        let known = [0, 1, 3, 4, 5].contains(&bit);
        assert_eq!(parse(&wait, Kind::Wait).is_ok(), known, "event {bit}");
        let flags = |b: &mut [u8]| b[12..16].copy_from_slice(&(1_u32 << bit).to_le_bytes());
        assert_eq!(parse(&flags, Kind::Send).is_ok(), bit < 2, "flag {bit}");
        assert_eq!(parse(&flags, Kind::Recv).is_ok(), bit < 1, "flag {bit}");
    }
    // An area is for the first pool alone.
    for at in 24..48 {
        for number in [0, 1] {
            let attach = |b: &mut [u8]| {
                b[16] = number;
                b[at] = 1;
            };
            assert_eq!(parse(&attach, Kind::PoolAttach).is_ok(), number == 0, "byte {at}");
        }
    }
    for family in 0..=u16::MAX {
        let bind = |b: &mut [u8]| b[..2].copy_from_slice(&family.to_le_bytes());
        assert_eq!(parse(&bind, Kind::Bind).is_ok(), family == 2 || family == 28);
    }
    // Bytes behind an IPv4 address, its scope and its flow.
    for at in (4..12).chain(20..32) {
        let bind = |b: &mut [u8]| {
            b[0] = 2;
            b[at] = 1;
        };
        assert_eq!(
            parse(&bind, Kind::Bind),
            Err(ParseError::Refused(
                Kind::Bind,
                Refusal::new(WireErrno::EINVAL, Field::Addr, 1, 0)
            ))
        );
    }
}

/// Every level, name and length near the list: exactly the list passes, with exactly its length (S-41).
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn socket_options_are_a_whitelist_with_exact_lengths() {
    let levels = [-1, 0, 1, LEVEL_TCP, 17, 41, SOL_SOCKET, i32::MAX, i32::MIN];
    let mut passed = 0;
    for level in levels {
        for name in (0..0x1100).chain([-1, i32::MIN, i32::MAX]) {
            for len in 0..20 {
                let get = GetSockOpt {
                    level,
                    name,
                    len,
                    reserved: 0,
                };
                let set = SetSockOpt {
                    level,
                    name,
                    len,
                    reserved: 0,
                    after: 0,
                    value: [0; 16],
                };
                let option = SockOpt::from_wire(level, name);
                let right = option.is_some_and(|o| o.value_len() == len);
                assert_eq!(get.check().is_ok(), right, "{level} {name} {len}");
                assert_eq!(
                    set.check().is_ok(),
                    right && option.is_some_and(SockOpt::settable)
                );
                passed += usize::from(right);
                if option.is_none() {
                    assert_eq!(get.check().unwrap_err().error, WireErrno::ENOPROTOOPT);
                }
            }
        }
    }
    assert_eq!(passed, SockOpt::ALL.len());
    for option in SockOpt::ALL {
        let (level, name) = option.to_wire();
        assert_eq!(SockOpt::from_wire(level, name), Some(*option));
    }
    // Stale bytes behind the value.
    let mut set = SetSockOpt {
        level: LEVEL_TCP,
        name: 1,
        len: 4,
        reserved: 0,
        after: 0,
        value: [0; 16],
    };
    set.value[4] = 1;
    assert_eq!(set.check().unwrap_err().what, Field::OptValue);
}

/// Random bytes: an answer, never a panic; what parses encodes to the same bytes.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn random_messages_parse_or_are_refused() {
    let mut rng = Rng::new(9);
    let (mut parsed, mut refused) = (0, 0);
    for _ in 0..200_000 {
        let len = rng.below(MAX_REQUEST_LEN as u64 + 8) as usize;
        let mut bytes: Vec<u8> = (0..len)
            .map(|_| if rng.below(3) == 0 { rng.next() as u8 } else { 0 })
            .collect();
        if len >= 4 && rng.below(8) != 0 {
            let kind = Kind::ALL[rng.below(23) as usize];
            bytes[..4].copy_from_slice(&MsgHeader::new(kind, 0, 0).as_bytes()[..4]);
            if rng.below(4) != 0 {
                bytes.resize(kind.request_len(), 0);
                bytes[12..16].fill(0);
            }
        }
        match Request::parse(&bytes) {
            Ok((header, request)) => {
                assert_eq!(header.as_bytes(), &bytes[..16]);
                let len = request.kind().request_len();
                assert!(len == bytes.len() || (request.kind() == Kind::Send && len < bytes.len()));
                parsed += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(parsed > 10 && refused > 10);
    println!("random messages: {parsed} parsed, {refused} refused");
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn fields_keep_their_numbers() {
    let mut names = std::collections::HashSet::new();
    for number in 0..=u16::MAX {
        let field = Field::from_wire(number);
        assert!(field.to_wire() == number || field == Field::None);
        if field != Field::None {
            assert!(names.insert(field.name()));
        }
    }
    assert_eq!(
        names.len(),
        55,
        "new fields go to the end; then change this number"
    );
    assert_eq!(
        Refusal::new(WireErrno::EINVAL, Field::SocketCount, 3, 4).to_string(),
        "EINVAL: SocketCount is 0x3, allowed 0x4"
    );
}

#[test]
fn addresses_convert_both_ways() {
    for text in ["127.0.0.1:80", "[2001:db8::1]:443", "0.0.0.0:0", "[::]:65535"] {
        let std: std::net::SocketAddr = text.parse().unwrap();
        let wire = SockAddr::from(std);
        wire.check().unwrap();
        assert_eq!(wire.to_socket_addr(), Some(std));
    }
    assert_eq!(SockAddr::default().to_socket_addr(), None);
}
