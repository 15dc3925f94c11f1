//! What the stack receives, and how a stream ends.

use super::SO_ERROR;
use crate::{
    events,
    machine::Received,
    testing::{Client, ClientSocket, FakeStream, Rig, world},
};
use csock_wire::{
    WireErrno,
    msg::{self},
    stream::{State, Waiting},
};

fn ended(socket: &ClientSocket) -> Option<WireErrno> {
    let state = socket.state();
    state.contains(State::END).then(|| state.error())
}

fn start() -> (Rig, Client, ClientSocket, FakeStream) {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.connected(&mut client);
    (rig, client, socket, stream)
}

#[test]
fn received_data_is_copied_once_into_buffers_of_the_session() {
    let (mut rig, mut client, mut socket, stream) = start();
    let data: Vec<u8> = (0..500u32).map(|i| (i * 7) as u8).collect();
    stream.arrive(rig.table, &data);
    rig.work();
    let (id, bytes) = socket.take_one().unwrap();
    assert_eq!((id, bytes), (8, data), "in the first of the large ones");
    assert_eq!(socket.take_one(), None);
    // Little goes into a small one.
    stream.arrive(rig.table, b"tail");
    rig.work();
    assert_eq!(socket.take_one(), Some((0, b"tail".to_vec())));
    rig.give_back(&mut client, 0);
    // The end needs no buffer.
    stream.with(|s| s.eof = true);
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    assert_eq!(ended(&socket), Some(WireErrno::OK));
    assert_eq!(socket.take_one(), None);
    let mine = rig.call(&client, 0, &msg::Stats {}).unwrap().mine;
    assert_eq!((mine.rx_bytes, mine.rx_bytes_copied), (504, 504));
}

/// T5 a: data first, then the error.
#[test]
fn queued_data_comes_before_the_error() {
    let (mut rig, mut client, mut socket, stream) = start();
    stream.with(|s| s.incoming.extend(b"last words"));
    stream.reset(WireErrno::ECONNRESET);
    rig.table.notify(stream.handle(), events::RECV | events::SEND);
    rig.work();
    assert_eq!(rig.take(&mut client, &mut socket), b"last words");
    assert_eq!(ended(&socket), Some(WireErrno::ECONNRESET));
    assert!(
        socket.state().contains(State::DEAF),
        "nothing can be sent any more"
    );
    let value = |rig: &mut Rig| rig.call(&client, socket.socket, &SO_ERROR).unwrap().value[0];
    assert_eq!(u16::from(value(&mut rig)), WireErrno::ECONNRESET.0);
    assert_eq!(value(&mut rig), 0, "reading clears it");
}

/// T5 b: data that comes together with the end.
#[test]
fn data_that_comes_together_with_the_end_is_told_before_it() {
    let (mut rig, mut client, mut socket, stream) = start();
    // Both arrive between two looks of one round: after the look for bytes, before the look for the end.
    stream.with(|s| s.last_words = Some(b"last words".to_vec()));
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    assert_eq!(ended(&socket), None, "no end is told with data behind it");
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    assert_eq!(rig.take(&mut client, &mut socket), b"last words");
    assert_eq!(ended(&socket), Some(WireErrno::OK));
}

/// T5 c: "success, no bytes" is not the end.
#[test]
fn no_mbuf_and_an_interrupt_are_no_end_and_are_tried_again() {
    for odd in [Received::Nothing, Received::Interrupted, Received::WouldBlock] {
        let (mut rig, mut client, mut socket, stream) = start();
        stream.with(|s| {
            s.odd_receives.push_back(odd);
            s.incoming.extend(b"still here");
            s.eof = true;
        });
        rig.table.notify(stream.handle(), events::RECV);
        rig.work();
        assert_eq!((ended(&socket), socket.take_one()), (None, None), "{odd:?}");
        // No upcall comes for it: the timer does.
        world(|w| w.now += 100);
        rig.work();
        assert_eq!(rig.take(&mut client, &mut socket), b"still here", "{odd:?}");
        assert_eq!(ended(&socket), Some(WireErrno::OK), "{odd:?}");
    }
}

#[test]
fn a_full_ready_ring_stops_receiving_until_the_client_looks() {
    let (mut rig, mut client, mut socket, stream) = start();
    // One byte each, so that entries run out before the data does: only the buffers' share is in the way.
    let mut got = Vec::new();
    for n in 0..200u8 {
        stream.arrive(rig.table, &[n]);
        rig.work();
        if n % 3 == 2 {
            got.extend(rig.take(&mut client, &mut socket));
            rig.work();
        }
    }
    got.extend(rig.take(&mut client, &mut socket));
    rig.work();
    got.extend(rig.take(&mut client, &mut socket));
    assert_eq!(got, (0..200).collect::<Vec<u8>>());
}

#[test]
fn a_shutdown_of_reading_ends_the_stream_for_who_sleeps() {
    let (mut rig, client, mut socket, _) = start();
    let slot = rig.waiter(&client, 7);
    socket.arm(Waiting::Data, slot);
    let body = msg::Shutdown {
        how: msg::Shutdown::READ,
        ..msg::Shutdown::default()
    };
    rig.request(&client, socket.socket, &body).unwrap();
    rig.work();
    assert_eq!(ended(&socket), Some(WireErrno::OK));
    assert_eq!(world(|w| w.delivered.clone()), [7]);
}
