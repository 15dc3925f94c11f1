//! Channels, pulses, pulse pools.

use std::thread;

use qnx::*;

use crate::stand::{error, flags, message, pair, up};

#[test]
fn a_short_buffer_is_refused_before_a_pulse_is_lost() {
    let (channel, connection) = pair();
    connection.send_pulse(None, 5, -1).expect("sent");
    assert_eq!(error(channel.receive(&mut [0; PULSE_LEN - 1])), Errno::EINVAL);
    match channel.receive(&mut [0; PULSE_LEN]) {
        Ok(Received::Pulse(pulse)) => assert_eq!((pulse.code, pulse.value), (5, -1)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pulse_carries_64_bits_and_comes_in_order_of_priority() {
    let (channel, connection) = pair();
    connection.send_pulse(Some(10), 1, i64::MIN).expect("sent");
    connection
        .send_pulse(Some(20), 2, 0x7000_0000_0000_0001)
        .expect("sent");
    let first = channel.receive_pulse().expect("a pulse");
    let second = channel.receive_pulse().expect("a pulse");
    assert_eq!((first.code, first.value), (2, 0x7000_0000_0000_0001));
    assert_eq!((second.code, second.value), (1, i64::MIN));
    assert!(first.is_program() && first.unblock_rcvid().is_none());
}

#[test]
fn a_dropped_channel_is_gone_for_its_clients() {
    let (channel, connection) = pair();
    drop(channel);
    assert_eq!(error(connection.send(b"anybody?", &mut [])), Errno::EBADF);
    // A number that no channel has; that of ours may be another test's by now.
    assert_eq!(
        error(Connection::attach(0, 0x7FFF_0000, ConnectFlags::empty())),
        Errno::ESRCH
    );
}

#[test]
fn destroying_lets_a_waiting_client_go() {
    let (channel, connection) = pair();
    let client = thread::spawn(move || connection.send(b"wait", &mut []));
    let parked = message(&channel, &mut [0; 64]).into_rcvid();
    channel.destroy().expect("destroyed");
    let outcome = error(client.join().expect("no panic"));
    assert!(outcome == Errno::ESRCH || outcome == Errno::EBADF, "{outcome}");
    assert_eq!(error(parked.reply(0, b"")), Errno::ESRCH);
}

#[test]
fn a_pulse_pool_must_make_sense() {
    up();
    let pool = |pulses, rearm| PulsePool {
        pulses,
        rearm,
        on_exhausted: &Event::NONE,
    };
    assert_eq!(
        error(Channel::with_pulse_pool(flags(), pool(0, 0))),
        Errno::EINVAL
    );
    assert_eq!(
        error(Channel::with_pulse_pool(flags(), pool(4, 5))),
        Errno::EINVAL
    );
}

#[test]
fn an_exhausted_pulse_pool_posts_its_semaphore() {
    static EXHAUSTED: Semaphore = Semaphore::new();
    up();
    EXHAUSTED.init(0).expect("a semaphore");
    let event = Event::semaphore(&EXHAUSTED);
    let pool = PulsePool {
        pulses: 4,
        rearm: 2,
        on_exhausted: &event,
    };
    let channel = Channel::with_pulse_pool(flags(), pool).expect("a channel");
    let connection = Connection::attach(0, channel.id(), ConnectFlags::empty()).expect("a connection");
    assert_eq!(EXHAUSTED.try_wait(), Ok(false));
    for value in 0..8 {
        // Beyond the pool a pulse may be refused; what must not happen is that we die.
        let _ = connection.send_pulse(None, 1, value);
    }
    assert_eq!(EXHAUSTED.try_wait(), Ok(true));
    let first = channel.receive_pulse().expect("a pulse");
    assert_eq!(first.value, 0);
}

#[test]
fn a_semaphore_knows_whether_it_is_made() {
    static SEMAPHORE: Semaphore = Semaphore::new();
    up();
    assert_eq!(SEMAPHORE.post(), Err(Errno::EINVAL));
    assert_eq!(SEMAPHORE.destroy(), Err(Errno::EINVAL));
    SEMAPHORE.init(1).expect("made");
    assert_eq!(SEMAPHORE.init(1), Err(Errno::EBUSY));
    SEMAPHORE.wait().expect("one post was there");
    SEMAPHORE.post().expect("posted");
    assert_eq!(
        (SEMAPHORE.try_wait(), SEMAPHORE.try_wait()),
        (Ok(true), Ok(false))
    );
    SEMAPHORE.destroy().expect("destroyed");
    SEMAPHORE.init(0).expect("made again");
}
