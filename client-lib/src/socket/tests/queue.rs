//! Several threads on one socket: whole calls, in order, and nobody left asleep.

use super::connected;
use crate::{Error, socket::How};
use alloc::sync::Arc;
use core::time::Duration;
use std::{thread, vec, vec::Vec};

/// C13: a blocking send is one piece of the stream, whatever it waits for on the way.
#[test]
fn a_send_is_one_piece_of_the_stream() {
    let (fake, socket) = connected();
    fake.with(|state| state.sndbuf = 8 << 10);
    fake.peers(|peer| {
        peer.hold = true;
        peer.echo = false;
    });
    let socket = Arc::new(socket);
    let rounds = if cfg!(miri) { 2 } else { 10 };
    let writers: Vec<_> = (1..=4_u8)
        .map(|byte| {
            let socket = Arc::clone(&socket);
            thread::spawn(move || {
                for _ in 0..rounds {
                    assert_eq!(socket.send(&vec![byte; 30_000], How::default()), Ok(30_000));
                }
            })
        })
        .collect();
    let total = 4 * rounds * 30_000;
    loop {
        let sent = fake.with(|state| state.peers.values().next().unwrap().outbox.len());
        if sent == total {
            break;
        }
        // A little room at a time.
        fake.peers(|peer| peer.hold = false);
        fake.peers(|peer| peer.hold = true);
        thread::yield_now();
    }
    for writer in writers {
        writer.join().unwrap();
    }
    fake.with(|state| {
        let outbox = &state.peers.values().next().unwrap().outbox;
        for (number, piece) in outbox.chunks(30_000).enumerate() {
            assert!(
                piece.iter().all(|byte| *byte == piece[0]),
                "piece {number} is torn"
            );
        }
    });
}

/// C1: bytes that are there are read, however many readers there are and however they come.
#[test]
fn no_reader_sleeps_while_there_are_bytes() {
    let (fake, socket) = connected();
    let socket = Arc::new(socket);
    for round in 0..if cfg!(miri) { 3 } else { 100 } {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let socket = Arc::clone(&socket);
                thread::spawn(move || socket.receive(&mut [0; 1], false))
            })
            .collect();
        if round % 2 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        // Four bytes at once: one wake-up from the server, the others from reader to reader.
        fake.peers(|peer| peer.inbox.extend([1; 4]));
        for reader in readers {
            assert_eq!(reader.join().unwrap(), Ok(1));
        }
    }
}

/// Whoever leaves the queue wakes the next, also when time or a signal ended its wait.
#[test]
fn a_reader_that_gives_up_leaves_nobody_behind() {
    let (fake, socket) = connected();
    let socket = Arc::new(socket);
    let impatient = Arc::clone(&socket);
    impatient
        .set_read_timeout(Some(Duration::from_millis(30)))
        .unwrap();
    let first = thread::spawn(move || impatient.receive(&mut [0; 1], false));
    thread::sleep(Duration::from_millis(10));
    socket.set_read_timeout(None).unwrap();
    let patient = Arc::clone(&socket);
    let second = thread::spawn(move || patient.receive(&mut [0; 1], false));
    assert_eq!(first.join().unwrap(), Err(Error::WouldBlock));
    thread::sleep(Duration::from_millis(10));
    fake.peers(|peer| peer.inbox.extend([1]));
    assert_eq!(second.join().unwrap(), Ok(1));
}

/// A call that does not wait goes before those that sleep, but never into the middle of another call.
#[test]
fn a_call_that_does_not_wait_overtakes_sleepers_and_splits_nobody() {
    let (fake, socket) = connected();
    let socket = Arc::new(socket);
    let sleeper = Arc::clone(&socket);
    let sleeping = thread::spawn(move || sleeper.receive(&mut [0; 1], false));
    thread::sleep(Duration::from_millis(20));
    assert_eq!(socket.receive(&mut [0; 1], true), Err(Error::WouldBlock));
    fake.peers(|peer| peer.inbox.extend([1, 2]));
    assert_eq!(sleeping.join().unwrap(), Ok(1));
    assert_eq!(socket.receive(&mut [0; 1], true), Ok(1));
    // A send that waits in the middle.
    fake.peers(|peer| peer.hold = true);
    let writer = Arc::clone(&socket);
    let sending = thread::spawn(move || writer.send(&vec![1; 100_000], How::default()));
    thread::sleep(Duration::from_millis(20));
    let dontwait = How {
        dontwait: true,
        ..How::default()
    };
    assert_eq!(socket.send(&[2], dontwait), Err(Error::WouldBlock));
    fake.peers(|peer| peer.hold = false);
    assert_eq!(sending.join().unwrap(), Ok(100_000));
}

/// Threads that come and go take over the wait slots of those that have ended.
#[test]
fn wait_slots_are_for_living_threads() {
    let (fake, socket) = connected();
    fake.with(|state| state.max_waiters = 64);
    let socket = Arc::new(socket);
    for _ in 0..if cfg!(miri) { 2 } else { 70 } {
        let reader = Arc::clone(&socket);
        let thread = thread::spawn(move || reader.receive(&mut [0; 1], false));
        thread::sleep(Duration::from_micros(200));
        fake.peers(|peer| peer.inbox.extend([1]));
        assert_eq!(thread.join().unwrap(), Ok(1));
    }
}
