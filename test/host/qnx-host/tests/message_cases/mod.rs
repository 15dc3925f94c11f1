//! Cases that must hold whichever way the bytes travel; run once with direct copies and once with the fallback.

use crate::common::*;

fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len)
        .map(|i| {
            (i as u8)
                .wrapping_mul(31)
                .wrapping_add(seed)
                .wrapping_add((i >> 8) as u8)
        })
        .collect()
}

#[test]
fn echo_of_every_size_comes_back_whole() {
    init();
    let (server, chid) = echo_server(0);
    let coid = attach(server.pid, chid);
    for len in [
        0,
        1,
        24,
        100,
        3999,
        4000,
        4001,
        4032,
        4033,
        5000,
        65_536,
        300_000,
        1 << 20,
        (3 << 20) + 7,
    ] {
        let message = pattern(len, 3);
        let mut answer = vec![0u8; len + 16];
        assert_eq!(send(coid, &message, &mut answer), len as i64);
        assert_eq!(&answer[..len], &message[..], "length {len}");
        assert_eq!(&answer[len..], &[0u8; 16], "beyond the reply, length {len}");
    }
}

/// MsgSend 4.1: bytes moved = the smaller of both sides, never an overflow; MsgReply's status is the result.
#[test]
fn short_buffers_on_either_side_cut_and_do_not_overflow() {
    init();
    let (mut tx, mut rx) = pipe();
    let server = spawn(move || {
        let chid = channel(CHF_SENDER_LEN | CHF_REPLY_LEN);
        tx.send(chid as u64);
        for (room, answer) in [(10, 5000), (10, 20), (100_000, 100_000)] {
            let got = receive_room(chid, room);
            assert_eq!(got.info.msglen, room.min(9000) as i64);
            assert_eq!(got.info.srcmsglen, 9000);
            assert_eq!(got.info.dstmsglen, 7);
            assert_eq!(got.bytes, pattern(9000, 1)[..room.min(9000)]);
            assert_eq!(reply(got.rcvid, 42, &pattern(answer, 9)), 0);
        }
    });
    let coid = attach(server.pid, rx.recv() as i32);
    for _ in 0..3 {
        let mut answer = [0u8; 9];
        assert_eq!(send(coid, &pattern(9000, 1), &mut answer[..7]), 42);
        assert_eq!(answer[..7], pattern(7, 9)[..]);
        assert_eq!(answer[7..], [0, 0]);
    }
    server.join();
}

/// 4.3: MsgRead at any offset, short at the end; MsgWrite at any offset, then the reply.
#[test]
fn read_at_an_offset_and_write_before_the_reply() {
    init();
    for len in [3000usize, 200_000] {
        let (mut tx, mut rx) = pipe();
        let server = spawn(move || {
            let chid = channel(0);
            tx.send(chid as u64);
            let got = receive_room(chid, 16);
            let sent = pattern(len, 5);
            assert_eq!(got.bytes, sent[..16]);
            let mut part = vec![0u8; 1000];
            // SAFETY: valid buffers throughout.
            unsafe {
                let moved = MsgRead_r(got.rcvid, part.as_mut_ptr().cast(), 1000, 500);
                assert_eq!((moved, &part[..]), (1000, &sent[500..1500]));
                let moved = MsgRead_r(got.rcvid, part.as_mut_ptr().cast(), 1000, len - 10);
                assert_eq!((moved, &part[..10]), (10, &sent[len - 10..]));
                assert_eq!(MsgRead_r(got.rcvid, part.as_mut_ptr().cast(), 1000, len), 0);
                assert_eq!(
                    MsgRead_r(got.rcvid, part.as_mut_ptr().cast(), 1000, usize::MAX - 5),
                    0
                );
                let (one, two) = part.split_at_mut(3);
                let iov = [iov(one), iov(&two[..7])];
                assert_eq!(MsgReadv_r(got.rcvid, iov.as_ptr(), 2, 100), 10);
                assert_eq!(part[..10], sent[100..110]);

                let data = pattern(50, 77);
                assert_eq!(MsgWrite_r(got.rcvid, data.as_ptr().cast(), 50, 100), 50);
                assert_eq!(MsgWrite_r(got.rcvid, data.as_ptr().cast(), 50, len - 20), 20);
                assert_eq!(MsgWrite_r(got.rcvid, data.as_ptr().cast(), 50, len), 0);
            }
            assert_eq!(reply(got.rcvid, 0, &pattern(10, 99)), 0);
        });
        let coid = attach(server.pid, rx.recv() as i32);
        let mut answer = vec![0xEEu8; len];
        assert_eq!(send(coid, &pattern(len, 5), &mut answer), 0);
        assert_eq!(answer[..10], pattern(10, 99)[..]);
        assert_eq!(answer[10..100], [0xEE; 90]);
        assert_eq!(answer[100..150], pattern(50, 77)[..]);
        assert_eq!(answer[150], 0xEE);
        assert_eq!(answer[len - 20..], pattern(20, 77)[..]);
        server.join();
    }
}

/// 4.5: parts form one contiguous byte stream, on both sides and in both directions.
#[test]
fn parts_are_one_stream_of_bytes() {
    init();
    for scale in [1usize, 10_000] {
        let (mut tx, mut rx) = pipe();
        let server = spawn(move || {
            let chid = channel(0);
            tx.send(chid as u64);
            let (mut a, mut b) = (vec![0u8; 5 * scale], vec![0u8; 50 * scale]);
            let to = [iov(&a), iov(&b)];
            let mut info = MsgInfo::default();
            // SAFETY: valid buffers.
            let rcvid = unsafe { MsgReceivev_r(chid, to.as_ptr(), 2, &mut info) };
            assert!(rcvid > 0);
            assert_eq!(info.msglen, 10 * scale as i64);
            let sent = pattern(10 * scale, 8);
            assert_eq!(
                (&a[..], &b[..5 * scale]),
                (&sent[..5 * scale], &sent[5 * scale..])
            );
            a = pattern(4 * scale, 21);
            b = pattern(6 * scale, 22);
            let from = [iov(&a), iov(&[]), iov(&b)];
            // SAFETY: valid buffers.
            assert_eq!(unsafe { MsgReplyv_r(rcvid, 5, from.as_ptr(), 3) }, 0);
        });
        let coid = attach(server.pid, rx.recv() as i32);
        let sent = pattern(10 * scale, 8);
        let from = [
            iov(&sent[..3 * scale]),
            iov(&sent[3 * scale..4 * scale]),
            iov(&sent[4 * scale..]),
        ];
        let (a, b, c) = (vec![0u8; scale], vec![0u8; 8 * scale], vec![0u8; 5 * scale]);
        let to = [iov(&a), iov(&b), iov(&c)];
        // SAFETY: valid buffers.
        assert_eq!(unsafe { MsgSendv_r(coid, from.as_ptr(), 3, to.as_ptr(), 3) }, 5);
        let all = [a, b, c].concat();
        assert_eq!(all[..4 * scale], pattern(4 * scale, 21)[..]);
        assert_eq!(all[4 * scale..10 * scale], pattern(6 * scale, 22)[..]);
        assert!(all[10 * scale..].iter().all(|b| *b == 0));
        server.join();
    }
}

/// Many parts: more than the copy system calls take at once.
#[test]
fn thousands_of_parts() {
    init();
    let (server, chid) = echo_server(0);
    let coid = attach(server.pid, chid);
    let sent = pattern(30_000, 4);
    let from: Vec<_> = sent.chunks(7).map(iov).collect();
    let answer = vec![0u8; 30_000];
    let to: Vec<_> = answer.chunks(11).map(iov).collect();
    // SAFETY: valid buffers.
    let status = unsafe { MsgSendv_r(coid, from.as_ptr(), from.len(), to.as_ptr(), to.len()) };
    assert_eq!(status, 30_000);
    assert_eq!(answer, sent);
}

/// A message of a client inside the server's own process.
#[test]
fn client_and_server_in_one_process() {
    init();
    let chid = channel(0);
    let coid = attach(0, chid);
    for len in [10usize, 100_000] {
        let client = std::thread::spawn(move || {
            let mut answer = vec![0u8; len];
            assert_eq!(send(coid, &pattern(len, 6), &mut answer), 1);
            assert_eq!(answer, pattern(len, 7));
        });
        let got = receive_room(chid, 200_000);
        assert_eq!(got.bytes, pattern(len, 6));
        assert_eq!(got.info.pid, std::process::id() as i32);
        assert_eq!(reply(got.rcvid, 1, &pattern(len, 7)), 0);
        client.join().expect("client");
    }
}

/// A client killed while the server is copying from it: the server goes on.
#[test]
fn client_killed_during_large_copies() {
    init();
    let (server, chid) = echo_server(0);
    for round in 0..20u64 {
        let pid = server.pid;
        let client = spawn(move || {
            let coid = attach(pid, chid);
            let message = pattern(2 << 20, 1);
            let mut answer = vec![0u8; 2 << 20];
            loop {
                send(coid, &message, &mut answer);
            }
        });
        sleep_ms(5 + round * 3 % 17);
        client.kill9();
    }
    let coid = attach(server.pid, chid);
    let mut answer = [0u8; 3];
    assert_eq!(send(coid, b"abc", &mut answer), 3);
    assert_eq!(&answer, b"abc");
}
