//! Every message, byte by byte. A change here breaks clients that are out there: raise the version.

use csock_wire::msg::*;
use csock_wire::stream::AreaGeometry;
use csock_wire::{Counters, Field, LAYOUT_HASH, MsgHeader, Refusal, ReplyHeader, SockAddr, WireErrno};
use zerocopy::IntoBytes;

const AREA: AreaGeometry = AreaGeometry {
    sockets: 1,
    small_count: 2,
    small_len: 3,
    large_count: 4,
    large_len: 5,
    reserved: 0,
};
const AREA_HEX: &str = "01000000 02000000 03000000 04000000 05000000 00000000";
const ADDR: SockAddr = SockAddr::v4([127, 0, 0, 1], 8080);
const ADDR_HEX: &str = "0200 901f 00000000 00000000 00000000 7f000001 000000000000000000000000";
const OK_HEX: &str = "0000 0000 00000000 0000000000000000 0000000000000000";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect()
}

/// Encodes, compares with the golden bytes, and parses back.
fn request<B: Body + Into<Request> + Copy>(body: B, header: &str, golden: &str) {
    let mut buf = [0xAA; MAX_REQUEST_LEN];
    let bytes = encode_request(0x0001_0002, 0x0003_0004, &body, &mut buf).unwrap();
    assert_eq!(
        hex(bytes),
        squeeze(&format!("{header} 0200 02000100 04000300 00000000 {golden}")),
        "{:?}",
        B::KIND
    );
    assert_eq!(bytes.len(), B::KIND.request_len());
    let (parsed, request) = Request::parse(bytes).unwrap();
    assert_eq!(parsed, MsgHeader::new(B::KIND, 0x0001_0002, 0x0003_0004));
    assert_eq!(request, body.into());
    assert_eq!(request.kind(), B::KIND);
}

fn reply<B: Body>(body: &B::Reply, golden: &str) {
    let mut buf = [0xAA; MAX_REPLY_LEN];
    let bytes = encode_reply::<B>(body, &mut buf).unwrap();
    assert_eq!(
        hex(bytes),
        squeeze(&format!("{OK_HEX} {golden}")),
        "{:?}",
        B::KIND
    );
    assert_eq!(bytes.len(), B::KIND.reply_len());
    assert_eq!(parse_reply::<B>(bytes).unwrap().as_bytes(), body.as_bytes());
}

#[test]
fn requests() {
    request(
        Hello {
            min_version: 1,
            max_version: 2,
            reserved: 0,
            layout_hash: 0x1122_3344_5566_7788,
        },
        "004c",
        "0100 0200 00000000 8877665544332211",
    );
    request(
        PoolAttach {
            handle: 0x99,
            size: 0x10_0000,
            number: 0,
            reserved: 0,
            area: AREA,
        },
        "014c",
        &format!("9900000000000000 0000100000000000 00000000 00000000 {AREA_HEX}"),
    );
    request(
        PoolAttach {
            handle: 1,
            size: 2,
            number: 3,
            ..PoolAttach::default()
        },
        "014c",
        &format!(
            "0100000000000000 0200000000000000 03000000 00000000 {}",
            "00".repeat(24)
        ),
    );
    let socket = Socket {
        domain: 2,
        kind: SOCK_STREAM,
        protocol: IPPROTO_TCP,
        reserved: 0,
        block: 0x0A0B,
        reserved_end: 0,
    };
    request(socket, "024c", "0200 0100 0600 0000 0b0a0000 00000000");
    request(Bind { addr: ADDR }, "034c", ADDR_HEX);
    request(
        Listen {
            backlog: -1,
            reserved: 0,
        },
        "044c",
        "ffffffff 00000000",
    );
    let v6 = SockAddr::v6(
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        443,
        5,
        7,
    );
    request(
        Connect { addr: v6 },
        "054c",
        "1c00 bb01 07000000 05000000 00000000 20010db8000000000000000000000001",
    );
    request(
        Accept {
            block: NO_BLOCK,
            reserved: 0,
        },
        "064c",
        "ffffffff 00000000",
    );
    request(
        Shutdown {
            how: 1,
            reserved: 0,
            after: 0x1_FFFF_FFF0,
        },
        "074c",
        "01000000 00000000 f0ffffff01000000",
    );
    request(Close { after: 3 }, "084c", "0300000000000000");
    request(GetSockName {}, "094c", "");
    request(GetPeerName {}, "0a4c", "");
    request(
        Wait {
            events: 0x23,
            reserved: 0,
        },
        "0b4c",
        "23000000 00000000",
    );
    request(Stats {}, "0c4c", "");
    let mut value = [0; 16];
    value[0] = 1;
    request(
        SetSockOpt {
            level: 6,
            name: 1,
            len: 4,
            reserved: 0,
            after: 9,
            value,
        },
        "0d4c",
        "06000000 01000000 04000000 00000000 0900000000000000 01000000 000000000000000000000000",
    );
    request(
        GetSockOpt {
            level: 0xFFFF,
            name: 0x80,
            len: 8,
            reserved: 0,
        },
        "0e4c",
        "ffff0000 80000000 08000000 00000000",
    );
    request(
        PoolDetach {
            number: 2,
            reserved: 0,
        },
        "0f4c",
        "02000000 00000000",
    );
    request(Goodbye {}, "104c", "");
    request(
        Send {
            after: 7,
            len: 0,
            flags: DONT_WAIT | MORE,
        },
        "114c",
        "0700000000000000 00000000 03000000",
    );
    request(
        Recv {
            seen: 5,
            len: 6,
            flags: DONT_WAIT,
        },
        "124c",
        "0500000000000000 06000000 01000000",
    );
    request(
        AddWaiter {
            event: [1, 2, 3, u64::MAX],
        },
        "134c",
        "0100000000000000 0200000000000000 0300000000000000 ffffffffffffffff",
    );
    request(DropWaiter { slot: 4, reserved: 0 }, "144c", "04000000 00000000");
    request(Watch {}, "154c", "");
    request(Doorbell {}, "164c", "");
}

#[test]
fn replies() {
    let hello = HelloReply {
        version: 2,
        reserved: [0; 3],
        session: 0x0001_0002,
        max_sockets: 3,
        max_pool_bytes: 4,
        doorbell_chid: 5,
        max_waiters: 6,
        max_parked: 7,
        max_pools: 8,
        tx_mode: TX_COPY,
        reserved_end: 0,
    };
    reply::<Hello>(
        &hello,
        "0200 000000000000 02000100 03000000 0400000000000000 05000000 06000000 07000000 08000000 01000000 00000000",
    );
    reply::<PoolAttach>(&Empty {}, "");
    reply::<Socket>(
        &SocketReply {
            socket: 0x0001_0000,
            reserved: 0,
        },
        "00000100 00000000",
    );
    reply::<Bind>(&AddrReply { addr: ADDR }, ADDR_HEX);
    reply::<Connect>(
        &ConnectReply {
            state: ConnectReply::IN_PROGRESS,
            reserved: 0,
        },
        "01000000 00000000",
    );
    let accepted = AcceptReply {
        socket: 0x0002_0001,
        reserved: 0,
        peer: ADDR,
    };
    reply::<Accept>(&accepted, &format!("01000200 00000000 {ADDR_HEX}"));
    reply::<Wait>(
        &WaitReply {
            events: 17,
            error: 61,
            reserved: 0,
        },
        "11000000 3d00 0000",
    );
    reply::<GetSockOpt>(
        &OptReply {
            len: 4,
            reserved: 0,
            value: [9; 16],
        },
        "04000000 00000000 09090909090909090909090909090909",
    );
    reply::<Send>(&SendReply { len: 9, reserved: 0 }, "09000000 00000000");
    reply::<Recv>(&RecvReply { len: 9, reserved: 0 }, "09000000 00000000");
    reply::<AddWaiter>(&WaiterReply { slot: 9, reserved: 0 }, "09000000 00000000");
    let mine = Counters {
        control_msgs: 1,
        parked: 16,
        ..Counters::default()
    };
    let total = Counters {
        doorbells: 2,
        ..Counters::default()
    };
    let zeros = |n: usize| "00".repeat(8 * n);
    let golden = format!(
        "0100000000000000 {} 1000000000000000 {} {} 0200000000000000 {}",
        zeros(19),
        zeros(3),
        zeros(1),
        zeros(22)
    );
    reply::<Stats>(&StatsReply { mine, total }, &golden);
}

/// Counters keep their places.
#[test]
fn counters_in_order() {
    let mut bytes = [0_u8; 192];
    for (i, word) in bytes.chunks_exact_mut(8).enumerate() {
        word[0] = i as u8;
    }
    let c: Counters = zerocopy::transmute!(bytes);
    let named = c.named();
    assert!(named.iter().map(|(_, value)| *value).eq(0..22));
    let names = [
        "control_msgs",
        "doorbells",
        "doorbell_msgs",
        "events",
        "worker_wakeups",
        "doorbell_wakeups",
        "tx_bytes",
        "tx_bytes_copied",
        "tx_bytes_by_message",
        "rx_bytes",
        "rx_bytes_copied",
        "rx_bytes_by_message",
        "ext_mbufs_outstanding",
        "ext_mbufs_total",
        "sends",
        "entries_accepted",
        "faults",
        "sockets_open",
        "sessions_open",
        "pools_mapped",
        "parked",
        "starved",
    ];
    assert_eq!(named.map(|(name, _)| name), names);
}

#[test]
fn a_refusal_is_as_long_as_a_success_and_carries_no_stale_byte() {
    for kind in Kind::ALL {
        let refusal = Refusal::new(WireErrno::EINVAL, Field::SocketCount, 3, 4);
        let mut buf = [0xAA; MAX_REPLY_LEN];
        let bytes = encode_refusal(*kind, &refusal, &mut buf).unwrap();
        assert_eq!(bytes.len(), kind.reply_len());
        assert_eq!(
            hex(&bytes[..24]),
            squeeze("0300 2500 00000000 0300000000000000 0400000000000000")
        );
        assert!(bytes[24..].iter().all(|b| *b == 0));
    }
    let mut buf = [0xAA; MAX_REPLY_LEN];
    let refusal = Refusal::new(WireErrno::EADDRINUSE, Field::AddrPort, 80, 0);
    let bytes = encode_refusal(Kind::Bind, &refusal, &mut buf).unwrap();
    assert_eq!(parse_reply::<Bind>(bytes).unwrap_err(), refusal);
    let plain = ReplyHeader::from(&Refusal::from(WireErrno::ENOTCONN));
    assert_eq!(plain.to_result(), Err(Refusal::bare(WireErrno::ENOTCONN)));
}

#[test]
fn buffers_of_the_announced_size_suffice_and_shorter_ones_are_noticed() {
    assert_eq!((MAX_REQUEST_LEN, MAX_REPLY_LEN), (64, 408));
    let mut buf = [0; MAX_REQUEST_LEN];
    assert!(encode_request(0, 0, &Close::default(), &mut buf[..23]).is_none());
    assert!(encode_request(0, 0, &Close::default(), &mut buf[..24]).is_some());
    assert!(encode_reply::<Goodbye>(&Empty {}, &mut buf[..23]).is_none());
    assert!(encode_refusal(Kind::Stats, &Refusal::bare(WireErrno::EPERM), &mut buf).is_none());
}

#[test]
fn a_reply_of_the_wrong_length_is_refused() {
    let mut buf = [0; MAX_REPLY_LEN + 8];
    for len in 0..buf.len() {
        let bytes = &mut buf[..len];
        let result = parse_reply::<Wait>(bytes);
        assert_eq!(result.is_ok(), len == Kind::Wait.reply_len(), "{len}");
        if let Err(e) = result {
            assert_eq!(
                (e.error, e.what, e.value),
                (WireErrno::EBADMSG, Field::Length, len as u64)
            );
        }
    }
}

#[test]
fn hello_negotiates() {
    assert_eq!(Hello::THIS.negotiate(), Ok(2));
    let with = |min_version, max_version, layout_hash| {
        Hello {
            min_version,
            max_version,
            layout_hash,
            ..Hello::THIS
        }
        .negotiate()
        .map_err(|e| e.what)
    };
    assert_eq!(with(0, 9, LAYOUT_HASH), Ok(2));
    assert_eq!(with(3, 9, LAYOUT_HASH), Err(Field::Version));
    assert_eq!(with(0, 1, LAYOUT_HASH), Err(Field::Version));
    assert_eq!(with(3, 1, LAYOUT_HASH), Err(Field::Version));
    assert_eq!(with(2, 2, LAYOUT_HASH + 1), Err(Field::LayoutHash));
}

/// The data of SEND lies behind its body, that of RECV behind the body of its reply.
#[test]
fn a_send_brings_its_bytes() {
    let body = Send {
        after: 1,
        len: 5,
        flags: 0,
    };
    let mut buf = [0; MAX_REQUEST_LEN];
    let mut bytes = encode_request(1, 2, &body, &mut buf).unwrap().to_vec();
    let alone = Request::parse(&bytes);
    bytes.extend(b"hello");
    assert_eq!(Request::parse(&bytes), alone);
    assert_eq!(alone.unwrap().1, Request::Send(body));
    assert_eq!((Kind::Send.request_len(), Kind::Recv.reply_len()), (32, 32));
}
