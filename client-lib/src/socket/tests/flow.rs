//! Data, both ways: by copy and in place, with backpressure, timeouts and nonblocking calls.

use super::{addr, config, connected, session};
use crate::sys::CallError;
use crate::{
    Error,
    socket::{How, Socket},
};
use alloc::sync::Arc;
use core::time::Duration;
use csock_wire::{Kind, SharedMem};
use std::{thread, vec, vec::Vec};

fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 + i / 251) as u8).collect()
}

#[test]
fn what_is_sent_comes_back() {
    let (_fake, socket) = connected();
    let data = pattern(if cfg!(miri) { 5_000 } else { 300_000 });
    let socket = Arc::new(socket);
    let writer = Arc::clone(&socket);
    let to_send = data.clone();
    let sender = thread::spawn(move || writer.send(&to_send, How::default()).unwrap());
    let mut got = Vec::new();
    let mut buffer = vec![0; 3000];
    while got.len() < data.len() {
        let n = socket.receive(&mut buffer, false).unwrap();
        assert!(n > 0);
        got.extend_from_slice(&buffer[..n]);
    }
    assert_eq!(sender.join().unwrap(), data.len());
    assert!(got == data);
    let counted = socket.core().ledger.snapshot();
    let n = data.len() as u64;
    assert_eq!((counted.tx_bytes, counted.tx_bytes_copied), (n, n));
    assert_eq!((counted.rx_bytes, counted.rx_bytes_copied), (n, n));
}

#[test]
fn in_place_nothing_is_copied_here() {
    let (fake, socket) = connected();
    let core = Arc::clone(socket.core());
    for round in 0..20_u8 {
        let grant = socket.reserve(5000, false).unwrap();
        core.mem.copy_out(grant.offset, &[round; 5000]).unwrap();
        socket.commit(grant.key, 4500, false).unwrap();
        let mut left = 4500;
        while left > 0 {
            let filled = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
            let mut bytes = vec![0; filled.len as usize];
            core.mem.copy_in(filled.offset, &mut bytes).unwrap();
            assert!(bytes.iter().all(|b| *b == round));
            left -= bytes.len();
            assert!(socket.release(filled.key));
            assert!(!socket.release(filled.key), "a buffer goes back once");
        }
    }
    let counted = core.ledger.snapshot();
    assert_eq!((counted.tx_bytes, counted.tx_bytes_copied), (90_000, 0));
    assert_eq!((counted.rx_bytes, counted.rx_bytes_copied), (90_000, 0));
    fake.with(|state| state.peers.values_mut().for_each(|peer| peer.eof = true));
    assert_eq!(socket.receive_in_place(usize::MAX, false), Ok(None));
    assert_eq!(socket.receive(&mut [0; 9], false), Ok(0));
}

#[test]
fn a_grant_is_committed_or_aborted_once_and_within_its_length() {
    let (_fake, socket) = connected();
    let free = socket.core().books.lock().free_bytes();
    let grant = socket.reserve(100, false).unwrap();
    assert!(matches!(
        socket.commit(grant.key, 101, false),
        Err(Error::Invalid {
            what: "length",
            value: 101,
            allowed: 100
        })
    ));
    assert!(socket.abort(grant.key));
    assert!(!socket.abort(grant.key));
    assert!(matches!(
        socket.commit(grant.key, 1, false),
        Err(Error::Invalid { what: "buffer", .. })
    ));
    assert_eq!(socket.core().books.lock().free_bytes(), free);
    let grant = socket.reserve(100, false).unwrap();
    socket.commit(grant.key, 100, true).unwrap();
    assert!(!socket.abort(grant.key));
    assert!(matches!(
        socket.commit(grant.key, 1, false),
        Err(Error::Invalid { what: "buffer", .. })
    ));
    assert!(matches!(
        socket.reserve(0, false),
        Err(Error::Invalid { what: "length", .. })
    ));
    assert!(matches!(
        socket.reserve(u32::MAX, false),
        Err(Error::Invalid {
            what: "length",
            allowed: 1_048_576,
            ..
        })
    ));
}

#[test]
fn a_peer_that_takes_nothing_stops_the_writer_and_nobody_else() {
    let (fake, socket) = connected();
    fake.with(|state| state.peers.values_mut().for_each(|peer| peer.hold = true));
    socket.set_nonblocking(true).unwrap();
    let data = pattern(if cfg!(miri) { 80_000 } else { 1 << 20 });
    // Four descriptors of 16 KiB are outstanding then.
    assert_eq!(socket.send(&data, How::default()), Ok(64 << 10));
    assert_eq!(socket.send(&data, How::default()), Err(Error::WouldBlock));
    assert_eq!(socket.reserve(1, false), Err(Error::WouldBlock));
    socket.set_nonblocking(false).unwrap();
    socket.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!(
        socket.send(&data, How::default()),
        Err(Error::WouldBlock),
        "as write(2) says at the end of SO_SNDTIMEO"
    );
    // Another socket goes on.
    let other = Socket::stream(socket.core(), false, true).unwrap();
    other.connect(addr(), None).unwrap();
    assert_eq!(other.send(&data[..1000], How::default()), Ok(1000));
    let socket = Arc::new(socket);
    socket.set_write_timeout(None).unwrap();
    let writer = Arc::clone(&socket);
    let sender = thread::spawn(move || writer.send(&pattern(100_000), How::default()));
    thread::sleep(Duration::from_millis(20));
    fake.with(|state| state.peers.values_mut().for_each(|peer| peer.hold = false));
    assert_eq!(sender.join().unwrap(), Ok(100_000));
}

#[test]
fn grants_that_nobody_commits_are_no_reason_to_wait() {
    let (_fake, socket) = connected();
    let grants: Vec<_> = (0..4).map(|_| socket.reserve(1000, false).unwrap()).collect();
    assert!(matches!(
        socket.reserve(1000, false),
        Err(Error::PoolExhausted { .. })
    ));
    for grant in grants {
        socket.abort(grant.key);
    }
    assert!(socket.reserve(1000, false).is_ok());
}

#[test]
fn when_the_pool_is_empty_every_socket_still_has_its_reserve() {
    let (_fake, socket) = connected();
    let core = Arc::clone(socket.core());
    let mut taken = Vec::new();
    loop {
        let mut books = core.books.lock();
        let Ok(span) = books.alloc(&core.mem, 1) else {
            break;
        };
        taken.push(span);
    }
    assert_eq!(socket.send(&pattern(40_000), How::default()), Ok(40_000));
    assert!(matches!(
        socket.reserve(20_000, false),
        Err(Error::PoolExhausted {
            asked: 20_000,
            largest: 0
        })
    ));
    let second = Socket::stream(&core, false, true).unwrap();
    assert!(matches!(
        second.connect(addr(), None),
        Err(Error::PoolExhausted { .. })
    ));
    for span in taken {
        core.books.lock().free(span);
    }
    second.connect(addr(), None).unwrap();
}

#[test]
fn reading_nothing_waits_as_told() {
    let (fake, socket) = connected();
    let mut buffer = [0; 10];
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert_eq!(socket.receive(&mut buffer, false), Err(Error::WouldBlock));
    assert_eq!(socket.receive_in_place(usize::MAX, false), Err(Error::WouldBlock));
    socket.set_read_timeout(None).unwrap();
    socket.set_nonblocking(true).unwrap();
    assert_eq!(socket.receive(&mut buffer, false), Err(Error::WouldBlock));
    assert_eq!(socket.receive(&mut [], false), Ok(0));
    fake.with(|state| {
        state
            .peers
            .values_mut()
            .for_each(|peer| peer.inbox.extend(b"abc"))
    });
    assert_eq!(socket.receive(&mut buffer, false), Ok(3));
    assert!(matches!(
        socket.set_read_timeout(Some(Duration::ZERO)),
        Err(Error::Invalid { .. })
    ));
    assert_eq!(socket.read_timeout(), Ok(None));
}

#[test]
fn readers_share_the_data_and_one_waits_in_the_module() {
    let (fake, socket) = connected();
    let socket = Arc::new(socket);
    let readers: Vec<_> = (0..6)
        .map(|_| {
            let socket = Arc::clone(&socket);
            thread::spawn(move || {
                let mut total = 0;
                loop {
                    match socket.receive(&mut [0; 64], false).unwrap() {
                        0 => return total,
                        n => total += n,
                    }
                }
            })
        })
        .collect();
    for _ in 0..50 {
        fake.with(|state| {
            state
                .peers
                .values_mut()
                .for_each(|peer| peer.inbox.extend([7; 100]))
        });
        thread::yield_now();
    }
    fake.with(|state| state.peers.values_mut().for_each(|peer| peer.eof = true));
    let total: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    assert_eq!(total, 5000);
}

#[test]
fn a_program_that_holds_all_buffers_gets_more_when_it_lets_go() {
    let (fake, socket) = connected();
    fake.with(|state| {
        state
            .peers
            .values_mut()
            .for_each(|peer| peer.inbox.extend([1; 3 * 4096]))
    });
    let first = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
    let second = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
    socket.set_nonblocking(true).unwrap();
    assert_eq!(socket.receive_in_place(usize::MAX, false), Err(Error::WouldBlock));
    socket.set_nonblocking(false).unwrap();
    let rung = socket.core().ledger.snapshot().doorbells_sent;
    assert!(socket.release(first.key));
    assert_eq!(
        socket.core().ledger.snapshot().doorbells_sent,
        rung + 1,
        "the module starved for buffers"
    );
    let third = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
    assert_eq!((second.len, third.len), (4096, 4096));
}

#[test]
fn steady_traffic_needs_no_message() {
    let (fake, socket) = connected();
    let before = fake.with(|state| state.calls.len());
    for _ in 0..100 {
        socket.send(&[1; 100], How::default()).unwrap();
        assert_eq!(socket.receive(&mut [0; 100], false), Ok(100));
    }
    let waits = fake.with(|state| {
        state
            .calls
            .iter()
            .skip(before)
            .filter(|kind| **kind == Kind::Wait)
            .count()
    });
    assert_eq!(waits, 0);
    assert_eq!(fake.with(|state| state.calls.len()), before);
}

#[test]
fn spinning_finds_what_comes_soon() {
    let fake = crate::sys::fake::Fake::new();
    let core = fake.open(crate::Config { spin: 10, ..config() }).unwrap();
    let socket = Socket::stream(&core, false, true).unwrap();
    socket.connect(addr(), None).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    assert_eq!(socket.receive(&mut [0; 1], false), Err(Error::WouldBlock));
    let _ = session();
}

#[test]
fn where_a_pulse_cannot_go_a_message_does() {
    for (error, later) in [
        (CallError::Busy, Some(CallError::Busy)),
        (CallError::Errno(1), None),
    ] {
        let (fake, socket) = connected();
        fake.with(|state| state.pulses = Some(error));
        for _ in 0..3 {
            socket.send(&[1; 100], How::default()).unwrap();
            assert_eq!(socket.receive(&mut [0; 100], false), Ok(100));
            fake.with(|state| state.pulses = later.or(state.pulses));
        }
        let messages = fake.with(|state| {
            state
                .calls
                .iter()
                .filter(|kind| **kind == Kind::GetSockName)
                .count()
        });
        assert_eq!((messages, fake.with(|state| state.doorbells)), (3, 0));
        // Full is full for now, forbidden is for good.
        fake.with(|state| state.pulses = None);
        socket.send(&[1; 100], How::default()).unwrap();
        assert_eq!(
            fake.with(|state| state.doorbells),
            usize::from(error == CallError::Busy)
        );
    }
}
