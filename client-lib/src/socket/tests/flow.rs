//! Data, both ways: by copy and in place, with backpressure, timeouts and nonblocking calls.

use super::{addr, config, connected, dial, session};
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
        socket.commit(grant.key, 4500, 0, false).unwrap();
        let mut left = 4500;
        while left > 0 {
            let filled = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
            let mut bytes = vec![0; filled.len as usize];
            core.mem.copy_in(filled.offset, &mut bytes).unwrap();
            assert!(bytes.iter().all(|b| *b == round));
            left -= bytes.len();
            core.let_go(filled.id);
        }
    }
    let counted = core.ledger.snapshot();
    assert_eq!((counted.tx_bytes, counted.tx_bytes_copied), (90_000, 0));
    assert_eq!((counted.rx_bytes, counted.rx_bytes_copied), (90_000, 0));
    fake.peers(|peer| peer.eof = true);
    assert_eq!(socket.receive_in_place(usize::MAX, false), Ok(None));
    assert_eq!(socket.receive(&mut [0; 9], false), Ok(0));
}

#[test]
fn a_grant_is_committed_or_aborted_once_and_within_its_length() {
    let (_fake, socket) = connected();
    let free = socket.core().books.lock().free_bytes();
    let grant = socket.reserve(100, false).unwrap();
    assert!(matches!(
        socket.commit(grant.key, 101, 0, false),
        Err(Error::Invalid {
            what: "length",
            value: 101,
            allowed: 100
        })
    ));
    assert!(socket.abort(grant.key));
    assert!(!socket.abort(grant.key));
    assert!(matches!(
        socket.commit(grant.key, 1, 0, false),
        Err(Error::Invalid { what: "buffer", .. })
    ));
    // The socket keeps the chunk that its next bytes lie in.
    assert_eq!(socket.core().books.lock().free_bytes(), free - 4096);
    let grant = socket.reserve(100, false).unwrap();
    socket.commit(grant.key, 100, 0, true).unwrap();
    assert!(!socket.abort(grant.key));
    assert!(matches!(
        socket.commit(grant.key, 1, 0, false),
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
    let other = dial(socket.core());
    fake.with(|state| state.peers.values_mut().next().unwrap().hold = true);
    socket.set_nonblocking(true).unwrap();
    let data = pattern(if cfg!(miri) { 80_000 } else { 1 << 20 });
    // What the stack's send buffer holds.
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
    assert_eq!(
        other.send(&data[..1000], How::default()),
        Ok(1000),
        "another socket goes on"
    );
    let socket = Arc::new(socket);
    socket.set_write_timeout(None).unwrap();
    let writer = Arc::clone(&socket);
    let sender = thread::spawn(move || writer.send(&pattern(100_000), How::default()));
    thread::sleep(Duration::from_millis(20));
    fake.peers(|peer| peer.hold = false);
    assert_eq!(sender.join().unwrap(), Ok(100_000));
}

/// C10: what other sockets and the program itself hold is no reason to fail or to wait.
#[test]
fn when_the_pool_is_empty_a_send_goes_by_message_and_in_order() {
    let (fake, socket) = connected();
    let core = Arc::clone(socket.core());
    socket.send(b"first ", How::default()).unwrap();
    let mut taken = Vec::new();
    while let Ok(span) = core.books.lock().alloc(&core.mem, 1, 1) {
        taken.push(span);
    }
    let data = pattern(40_000);
    assert_eq!(socket.send(&data, How::default()), Ok(40_000));
    // What was left of the first chunk was used; then messages.
    let counted = core.ledger.snapshot();
    assert!(counted.tx_bytes_by_message > 30_000, "{counted:?}");
    assert!(matches!(
        socket.reserve(20_000, false),
        Err(Error::PoolExhausted {
            asked: 20_000,
            largest: 0
        })
    ));
    for span in taken {
        core.books.lock().free(span);
    }
    socket.send(b" last", How::default()).unwrap();
    let expected = [b"first ".as_slice(), &data, b" last"].concat();
    fake.with(|state| assert!(state.peers.values().next().unwrap().outbox == expected));
}

/// C7: a program that holds every receive buffer still receives, by message; in place it is told at once.
#[test]
fn a_program_that_holds_all_buffers_receives_by_copy_and_is_told_in_place() {
    let (fake, socket) = connected();
    let core = Arc::clone(socket.core());
    let data = pattern(30_000);
    fake.peers(|peer| peer.inbox.extend(&data));
    let mut held = Vec::new();
    let mut got = Vec::new();
    let error = loop {
        match socket.receive_in_place(usize::MAX, false) {
            Ok(filled) => {
                let filled = filled.unwrap();
                let mut bytes = vec![0; filled.len as usize];
                core.mem.copy_in(filled.offset, &mut bytes).unwrap();
                got.extend(bytes);
                held.push(filled.id);
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::PoolExhausted { .. }), "{error:?}");
    assert_eq!(held.len(), 6, "all of them");
    let mut buffer = vec![0; 5000];
    while got.len() < 20_000 {
        let n = socket.receive(&mut buffer, false).unwrap();
        got.extend_from_slice(&buffer[..n]);
    }
    assert!(core.ledger.snapshot().rx_bytes_by_message > 0);
    for id in held {
        core.let_go(id);
    }
    while got.len() < data.len() {
        let n = socket.receive(&mut buffer, false).unwrap();
        got.extend_from_slice(&buffer[..n]);
    }
    assert!(got == data, "in order, nothing lost, nothing twice");
}

#[test]
fn sockets_beyond_the_blocks_go_by_message() {
    let (_fake, core) = session();
    let full: Vec<_> = (0..4).map(|_| dial(&core)).collect();
    let socket = dial(&core);
    let data = pattern(100_000);
    assert_eq!(socket.send(&data, How::default()), Ok(data.len()));
    let mut got = Vec::new();
    let mut buffer = vec![0; 7000];
    while got.len() < data.len() {
        let n = socket.receive(&mut buffer, false).unwrap();
        got.extend_from_slice(&buffer[..n]);
    }
    assert!(got == data);
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    assert_eq!(socket.receive(&mut buffer, false), Err(Error::WouldBlock));
    drop(full);
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
    fake.peers(|peer| peer.inbox.extend(b"abc"));
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
    fake.peers(|peer| peer.eof = true);
    let total: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    assert_eq!(total, 5000);
}

#[test]
fn steady_traffic_needs_no_message() {
    let (fake, socket) = connected();
    let before = fake.with(|state| state.calls.len());
    for _ in 0..100 {
        socket.send(&[1; 100], How::default()).unwrap();
        assert_eq!(socket.receive(&mut [0; 100], false), Ok(100));
    }
    assert_eq!(fake.with(|state| state.calls.len()), before);
}

/// Waiting costs messages once: the thread that watches, and this thread's slot.
#[test]
fn waits_need_no_message_after_the_first() {
    let (fake, socket) = connected();
    let socket = Arc::new(socket);
    let reader = Arc::clone(&socket);
    let thread = thread::spawn(move || {
        for _ in 0..50 {
            assert_eq!(reader.receive(&mut [0; 10], false), Ok(10));
        }
    });
    for round in 0..50 {
        thread::sleep(Duration::from_millis(2));
        if round == 0 {
            thread::sleep(Duration::from_millis(50));
        }
        fake.peers(|peer| peer.inbox.extend([7; 10]));
    }
    thread.join().unwrap();
    assert_eq!(
        (
            fake.count(Kind::Watch),
            fake.count(Kind::AddWaiter),
            fake.count(Kind::Wait)
        ),
        (1, 1, 0)
    );
    assert!(socket.core().ledger.snapshot().sleeps >= 20);
}

#[test]
fn spinning_finds_what_comes_soon() {
    let fake = crate::sys::fake::Fake::new();
    let core = fake.open(crate::Config { spin: 10, ..config() }).unwrap();
    let socket = Socket::stream(&core, false).unwrap();
    socket.connect(addr(), None).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    assert_eq!(socket.receive(&mut [0; 1], false), Err(Error::WouldBlock));
    let _ = session();
}

/// C14: a pulse that fails is retried as a message at once, and only "forbidden" is for good.
#[test]
fn where_a_pulse_cannot_go_a_message_does() {
    for (error, for_good) in [
        (CallError::Busy, false),
        (CallError::Errno(22), false),
        (CallError::Forbidden, true),
    ] {
        let (fake, socket) = connected();
        fake.with(|state| state.pulses = Some(error));
        for _ in 0..3 {
            socket.send(&[1; 100], How::default()).unwrap();
            assert_eq!(socket.receive(&mut [0; 100], false), Ok(100));
        }
        let rung = fake.with(|state| {
            state.pulses = None;
            (state.pulses_rung, state.messages_rung)
        });
        assert_eq!(rung, (0, 3), "{error:?}");
        socket.send(&[1; 100], How::default()).unwrap();
        let pulses = fake.with(|state| state.pulses_rung);
        assert_eq!(pulses, usize::from(!for_good), "{error:?}");
    }
}
