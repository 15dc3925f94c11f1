//! Bytes in place: what of the pool a reservation is, and where the stream goes on after it.

use super::connected;
use crate::{Error, socket::How};
use core::time::Duration;
use csock_wire::SharedMem;
use std::{vec, vec::Vec};

/// Reservations that are committed one after the other lie side by side, in one range.
#[test]
fn reserve_and_commit_in_turn_is_one_range() {
    let (fake, socket) = connected();
    fake.peers(|peer| peer.hold = true);
    let core = socket.core();
    let mut next = None;
    for round in 0..30_u8 {
        let grant = socket.reserve(200, false).unwrap();
        assert!(
            next.is_none_or(|next| next == grant.offset),
            "what was left is used"
        );
        core.mem.copy_out(grant.offset, &[round; 100]).unwrap();
        socket.commit(grant.key, 100, 0, false).unwrap();
        next = Some(grant.offset + 100);
    }
    let outbox: Vec<u8> = (0..30_u8).flat_map(|round| [round; 100]).collect();
    fake.with(|state| {
        let peer = state.peers.values().next().unwrap();
        assert!(peer.outbox == outbox);
        assert_eq!(peer.words.as_ref().unwrap().reader.tail(), 3000);
    });
}

/// Commits in any order, with copies between them and abandoned reservations: the order of the commits is the stream's, and no
/// byte has two writers.
#[test]
fn the_stream_is_in_the_order_of_the_commits() {
    let mut seed = 7_u64;
    let mut random = |n: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 8) % n
    };
    for _ in 0..if cfg!(miri) { 2 } else { 60 } {
        let (fake, socket) = connected();
        fake.with(|state| state.sndbuf = 1 << 20);
        fake.peers(|peer| peer.echo = false);
        let core = socket.core();
        let all = core.books.lock().free_bytes();
        let (mut held, mut expected) = (Vec::new(), Vec::new());
        for step in 0..200_u32 {
            let byte = step.to_le_bytes()[0];
            match random(5) {
                0 | 1 if held.len() < 10 => {
                    let len = random(3000) as u32 + 1;
                    let grant = socket.reserve(len, false).unwrap();
                    core.mem
                        .copy_out(grant.offset, &vec![byte; len as usize])
                        .unwrap();
                    held.push((grant, byte));
                }
                2 if !held.is_empty() => {
                    let (grant, byte) = held.swap_remove(random(held.len() as u64) as usize);
                    let n = random(u64::from(grant.len)) as u32 + 1;
                    socket.commit(grant.key, n, 0, false).unwrap();
                    expected.extend(vec![byte; n as usize]);
                }
                3 if !held.is_empty() => {
                    let (grant, _) = held.swap_remove(random(held.len() as u64) as usize);
                    assert!(socket.abort(grant.key));
                }
                _ => {
                    let n = random(2000) as usize + 1;
                    assert_eq!(socket.send(&vec![byte; n], How::default()), Ok(n));
                    expected.extend(vec![byte; n]);
                }
            }
        }
        for (grant, _) in held {
            assert!(socket.abort(grant.key));
        }
        fake.with(|state| assert!(state.peers.values().next().unwrap().outbox == expected));
        socket.close().unwrap();
        core.books.lock().reap(&core.mem);
        assert_eq!(core.books.lock().free_bytes(), all, "all memory is back");
    }
}

/// A part of a received buffer is held by itself; the buffer goes back with the last part.
#[test]
fn a_buffer_goes_back_with_its_last_part() {
    let (fake, socket) = connected();
    let core = socket.core();
    fake.peers(|peer| peer.inbox.extend(0..100_u8));
    let free = |fake: &crate::sys::fake::Fake| {
        // Something to receive makes the server look for buffers.
        fake.with(|state| state.free.len())
    };
    let before = free(&fake);
    let first = socket.receive_in_place(30, false).unwrap().unwrap();
    let second = socket.receive_in_place(30, false).unwrap().unwrap();
    assert_eq!((first.id, second.offset), (second.id, first.offset + 30));
    core.let_go(first.id);
    let mut rest = [0; 100];
    assert_eq!(socket.receive(&mut rest, false), Ok(40));
    assert_eq!(&rest[..40], (60..100).collect::<Vec<u8>>());
    let mut bytes = [0; 30];
    core.mem.copy_in(second.offset, &mut bytes).unwrap();
    assert_eq!(
        bytes.to_vec(),
        (30..60).collect::<Vec<u8>>(),
        "still the program's"
    );
    core.let_go(second.id);
    // The other five first, then this one again.
    fake.peers(|peer| peer.inbox.extend([9; 12_000]));
    let held: Vec<_> = (0..6)
        .map(|_| socket.receive_in_place(usize::MAX, false).unwrap().unwrap().id)
        .collect();
    assert!(held.contains(&first.id), "back with its last part");
    assert!(before >= 5);
}

/// The module found no buffer while there were entries left to read, so it told nobody; then the program took those and kept their
/// buffers. Before it sleeps the module must look again.
#[test]
fn who_keeps_buffers_has_the_module_look_before_it_sleeps() {
    for (shares, most) in [(false, 6), (true, 2)] {
        let (fake, socket) = connected();
        fake.with(|state| state.shares = shares);
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        // The first sleep needs messages; those that follow need none.
        assert_eq!(socket.receive(&mut [0; 1], false), Err(Error::WouldBlock));
        socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        for byte in 0..=most {
            fake.peers(|peer| peer.inbox.push_back(byte));
        }
        let held: Vec<u32> = (0..most)
            .map(|_| socket.receive_in_place(usize::MAX, false).unwrap().unwrap().id)
            .collect();
        let mut byte = [0];
        assert_eq!(socket.receive(&mut byte, false), Ok(1), "{shares}: by message");
        assert_eq!(byte, [most]);
        fake.peers(|peer| peer.inbox.push_back(most + 1));
        let none = socket.receive_in_place(usize::MAX, false);
        assert!(
            matches!(none, Err(Error::PoolExhausted { .. })),
            "{shares}: at once {none:?}"
        );
        socket.core().let_go(held[0]);
        let next = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
        assert_eq!(next.id, held[0], "{shares}: there is one again");
    }
}
