//! Timeouts, and the unblock protocol that they start.

use std::thread;
use std::time::{Duration, Instant};

use qnx::*;

use crate::stand::{error, message, pair};

#[test]
fn receiving_ends_in_time_and_once_only() {
    let (channel, connection) = pair();
    let start = Instant::now();
    timeout(ClockId::Monotonic, TimeoutFlags::RECEIVE, 50_000_000).expect("armed");
    assert_eq!(error(channel.receive(&mut [0; 64])), Errno::ETIMEDOUT);
    assert!(
        start.elapsed() >= Duration::from_millis(45),
        "{:?}",
        start.elapsed()
    );
    no_wait(TimeoutFlags::RECEIVE).expect("armed");
    assert_eq!(error(channel.receive(&mut [0; 64])), Errno::ETIMEDOUT);
    connection.send_pulse(None, 3, 3).expect("sent");
    no_wait(TimeoutFlags::RECEIVE).expect("armed");
    assert_eq!(channel.receive_pulse().map(|pulse| pulse.code), Ok(3));
}

#[test]
fn a_client_that_nobody_receives_leaves_by_itself() {
    let (_channel, connection) = pair();
    timeout(ClockId::Monotonic, TimeoutFlags::SEND_REPLY, 20_000_000).expect("armed");
    assert_eq!(error(connection.send(b"?", &mut [])), Errno::ETIMEDOUT);
}

#[test]
fn a_waiting_client_is_let_go_by_the_server() {
    let (channel, connection) = pair();
    let client = thread::spawn(move || {
        timeout(ClockId::Monotonic, TimeoutFlags::SEND_REPLY, 30_000_000).expect("armed");
        connection.send(b"?", &mut [])
    });
    let mut buf = [0; 64];
    let rcvid = message(&channel, &mut buf).into_rcvid();
    let Ok(Received::Pulse(pulse)) = channel.receive(&mut buf) else {
        panic!("expected the unblock pulse")
    };
    assert_eq!(pulse.code, PULSE_UNBLOCK);
    assert_eq!(pulse.unblock_rcvid(), Some(rcvid));
    assert!(rcvid.info().expect("still waiting").wants_out());
    rcvid.error_from_kernel().expect("let go");
    assert_eq!(error(client.join().expect("no panic")), Errno::ETIMEDOUT);
    // A second pulse for it would be stale.
    assert_eq!(error(rcvid.info()), Errno::ESRCH);
}

#[test]
fn the_clock_goes_forward() {
    crate::stand::up();
    let first = now(ClockId::Monotonic).expect("a clock");
    let second = now(ClockId::Monotonic).expect("a clock");
    assert!(second >= first);
    // After 2020 and before 2100.
    let today = now(ClockId::Realtime).expect("a clock");
    assert!((1_577_836_800_000_000_000..4_102_444_800_000_000_000).contains(&today));
}
