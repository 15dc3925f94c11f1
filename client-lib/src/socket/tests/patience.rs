//! How long a call waits, and what ends it: signals, time, a busy module, a connection that is being made.

use super::{addr, config, connected, life::connection_is_made, session};
use crate::{
    Error,
    socket::{How, IntOption, Phase, Socket},
    sys::{
        CallError,
        fake::{self, Fake, Lie},
    },
};
use alloc::sync::Arc;
use core::time::Duration;
use csock_wire::{Kind, WireErrno};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

/// Fails the next `n` calls of a kind as a signal would.
fn interrupt(fake: &Fake, n: u32, which: Kind) -> Arc<AtomicU32> {
    let left = Arc::new(AtomicU32::new(n));
    let count = Arc::clone(&left);
    fake.lie(move |kind, _| {
        let fails = kind == which
            && count
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                .is_ok();
        if fails {
            Lie::Fail(CallError::Interrupted)
        } else {
            Lie::Truth
        }
    });
    left
}

#[test]
fn signals_end_waits_and_nothing_else() {
    let (fake, socket) = connected();
    interrupt(&fake, 3, Kind::GetSockName);
    assert_eq!(socket.local_addr().map(|a| a.port()), Ok(4242));
    let signals = &fake::my_sleeper().semaphore.signals;
    signals.store(1, Ordering::Relaxed);
    assert_eq!(socket.receive(&mut [0; 1], false), Err(Error::Interrupted));
    // A signal ends accept and connect too; the connection goes on being made.
    let listener = Socket::stream(socket.core(), false).unwrap();
    listener.listen(1).unwrap();
    signals.store(1, Ordering::Relaxed);
    assert_eq!(listener.accept().unwrap_err(), Error::Interrupted, "accept");
    fake.with(|state| state.slow_connect = Some(u16::MAX));
    let other = Socket::stream(socket.core(), false).unwrap();
    signals.store(1, Ordering::Relaxed);
    assert_eq!(other.connect(addr(), None), Err(Error::Interrupted), "connect");
    assert_eq!(other.phase(), Phase::Connecting);
    connection_is_made(&fake);
    assert_eq!(other.send(&[1], How::default()), Ok(1), "it is there by now");
    fake.with(|state| state.slow_connect = Some(u16::MAX));
    let other = Arc::new(Socket::stream(socket.core(), false).unwrap());
    let connecting = Arc::clone(&other);
    let thread = thread::spawn(move || {
        fake::my_sleeper().semaphore.signals.store(5, Ordering::Relaxed);
        connecting.connect_through_signals(addr(), None)
    });
    thread::sleep(Duration::from_millis(20));
    connection_is_made(&fake);
    assert_eq!(thread.join().unwrap(), Ok(()));
}

#[test]
fn signals_do_not_renew_the_time_that_a_server_has() {
    let fake = Fake::new();
    let limit = Duration::from_millis(20);
    let core = fake
        .open(crate::Config {
            control_timeout: Some(limit),
            ..config()
        })
        .unwrap();
    let socket = Socket::stream(&core, false).unwrap();
    fake.lie(|_, _| {
        thread::sleep(Duration::from_millis(4));
        Lie::Fail(CallError::Interrupted)
    });
    let start = std::time::Instant::now();
    assert_eq!(socket.local_addr(), Err(Error::ServerSilent));
    let took = start.elapsed();
    assert!(
        took >= limit && took < Duration::from_secs(1),
        "gave up after {took:?}"
    );
}

#[test]
fn a_module_that_has_no_place_is_asked_again_and_every_close_gets_one() {
    let (fake, socket) = connected();
    let refused = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&refused);
    // Every second request finds no place.
    fake.lie(move |kind, _| {
        if kind == Kind::Accept || count.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
            return Lie::Truth;
        }
        let mut buffer = [0; csock_wire::msg::MAX_REPLY_LEN];
        let busy = csock_wire::Refusal::bare(WireErrno::EREPEAT);
        Lie::Reply(
            csock_wire::msg::encode_refusal(kind, &busy, &mut buffer)
                .unwrap()
                .to_vec(),
        )
    });
    socket.set_int(IntOption::NoDelay, 1).unwrap();
    assert_eq!(socket.int(IntOption::NoDelay), Ok(1));
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!(
        socket.receive(&mut [0; 1], false),
        Err(Error::WouldBlock),
        "the time-out"
    );
    socket.close().unwrap();
    assert!(
        fake.with(|state| state.peers.is_empty()),
        "closed at the module too"
    );
    assert!(refused.load(Ordering::Relaxed) >= 6);
}

#[test]
fn while_a_connection_is_made_each_call_has_its_own_patience() {
    let (fake, core) = session();
    fake.with(|state| state.slow_connect = Some(u16::MAX));
    let socket = Arc::new(Socket::stream(&core, false).unwrap());
    let connecting = Arc::clone(&socket);
    let connect = thread::spawn(move || connecting.connect(addr(), None));
    while socket.phase() != Phase::Connecting {
        thread::yield_now();
    }
    thread::sleep(Duration::from_millis(20));
    let start = std::time::Instant::now();
    assert_eq!(
        socket.receive(&mut [0; 1], true),
        Err(Error::WouldBlock),
        "MSG_DONTWAIT"
    );
    let dontwait = How {
        dontwait: true,
        ..How::default()
    };
    assert_eq!(
        socket.send(&[1], dontwait),
        Err(Error::WouldBlock),
        "MSG_DONTWAIT"
    );
    assert_eq!(socket.peer_addr(), Err(Error::NotConnected));
    assert_eq!(
        socket.shutdown(csock_wire::msg::Shutdown::WRITE),
        Err(Error::NotConnected)
    );
    socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert_eq!(
        socket.receive(&mut [0; 1], false),
        Err(Error::WouldBlock),
        "SO_RCVTIMEO"
    );
    assert!(start.elapsed() < Duration::from_secs(2));
    connection_is_made(&fake);
    assert_eq!(connect.join().unwrap(), Ok(()));
    assert_eq!(socket.send(&[1], dontwait), Ok(1));
}
