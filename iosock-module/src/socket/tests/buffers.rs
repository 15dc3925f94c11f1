//! Receive buffers of a session: taken when there is data, shared fairly, asked for when they run out.

use crate::testing::{Client, ClientSocket, FakeStream, Rig, SHARE, world};
use csock_wire::{
    WireErrno,
    msg::{self, DONT_WAIT},
    stream::{State, Waiting},
};

fn start() -> (Rig, Client, ClientSocket, FakeStream) {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.connected(&mut client);
    (rig, client, socket, stream)
}

/// One byte after the other, so that each takes a buffer of its own.
fn drip(rig: &mut Rig, stream: &FakeStream, bytes: &[u8]) {
    for byte in bytes {
        stream.arrive(rig.table, &[*byte]);
        rig.work();
    }
}

fn take_held(socket: &mut ClientSocket) -> Vec<(u32, Vec<u8>)> {
    std::iter::from_fn(|| socket.take_one()).collect()
}

#[test]
fn a_buffer_is_taken_only_for_data_and_no_socket_gets_all() {
    let (mut rig, mut client, mut socket, stream) = start();
    let (mut other, other_stream) = rig.connected(&mut client);
    drip(&mut rig, &stream, &[1, 2, 3, 4, 5]);
    let held = take_held(&mut socket);
    assert_eq!(held.len(), SHARE, "its share, and not one for the idle socket");
    // Somebody else's data still finds a buffer.
    drip(&mut rig, &other_stream, &[9]);
    assert_eq!(rig.take(&mut client, &mut other), [9]);
}

/// What comes back counts also while nobody lacks anything: over ten times its share goes through one socket.
#[test]
fn a_socket_that_gives_back_never_reaches_its_share() {
    let (mut rig, mut client, mut socket, stream) = start();
    for n in 0..10 * SHARE as u8 {
        stream.arrive(rig.table, &[n]);
        rig.work();
        assert_eq!(rig.take(&mut client, &mut socket), [n], "byte {n}");
    }
    assert_eq!(rig.table.ledger().starved, 0);
}

#[test]
fn a_starved_socket_goes_on_when_a_buffer_comes_back() {
    let (mut rig, mut client, mut socket, stream) = start();
    let slot = rig.waiter(&client, 1);
    drip(&mut rig, &stream, &[1, 2, 3, 4]);
    assert!(
        !socket.state().contains(State::STARVED),
        "there is something to take: no reason to send a message"
    );
    let held = take_held(&mut socket);
    socket.arm(Waiting::Data, slot);
    rig.give_back(&mut client, held[0].0);
    rig.work();
    assert_eq!(world(|w| w.delivered.clone()), [1]);
    assert_eq!(rig.take(&mut client, &mut socket), [4]);
}

#[test]
fn who_holds_every_buffer_is_told_and_a_message_gets_through_in_order() {
    let (mut rig, mut client, mut socket, stream) = start();
    drip(&mut rig, &stream, &[1, 2, 3]);
    let held = take_held(&mut socket);
    drip(&mut rig, &stream, &[4, 5, 6]);
    assert!(socket.state().contains(State::STARVED));
    assert_eq!(rig.table.ledger().starved, 1, "counted once");
    let pending = rig.receive_by_message(&client, &socket, 2, 0);
    rig.work();
    assert_eq!(pending.reply::<msg::Recv>().unwrap().len, 2);
    assert_eq!(pending.data::<msg::Recv>(), [4, 5]);
    // The rest comes by itself, with the buffers.
    for (id, _) in held {
        rig.give_back(&mut client, id);
    }
    rig.work();
    assert_eq!(rig.take(&mut client, &mut socket), [6]);
    assert!(!socket.state().contains(State::STARVED));
    let ledger = rig.table.ledger();
    assert_eq!((ledger.rx_bytes, ledger.rx_bytes_by_message), (6, 2));
}

#[test]
fn a_receive_by_message_that_has_not_seen_every_entry_is_told_to_look() {
    let (mut rig, client, mut socket, stream) = start();
    stream.arrive(rig.table, b"in the ring");
    rig.work();
    let pending = rig.receive_by_message(&client, &socket, 100, 0);
    rig.work();
    assert_eq!(
        pending.reply::<msg::Recv>().unwrap_err().error,
        WireErrno::EREPEAT
    );
    assert_eq!(socket.take_one().unwrap().1, b"in the ring");
    let pending = rig.receive_by_message(&client, &socket, 100, DONT_WAIT);
    rig.work();
    assert_eq!(pending.reply::<msg::Recv>().unwrap_err().error, WireErrno::EAGAIN);
}

/// Starved, relieved by message, and asleep again: the next byte must be told as the first was.
#[test]
fn who_sleeps_after_a_message_is_woken_for_what_comes_next() {
    let (mut rig, client, mut socket, stream) = start();
    let slot = rig.waiter(&client, 1);
    drip(&mut rig, &stream, &[1, 2, 3]);
    let _held = take_held(&mut socket);
    for n in 4..8u64 {
        socket.arm(Waiting::Data, slot);
        assert!(
            !socket.state().contains(State::STARVED),
            "{n}: looked again, nothing there"
        );
        stream.arrive(rig.table, &[n as u8]);
        rig.work();
        assert!(socket.state().contains(State::STARVED));
        assert_eq!(world(|w| w.delivered.len()) as u64, n - 3, "woken for byte {n}");
        let pending = rig.receive_by_message(&client, &socket, 100, DONT_WAIT);
        rig.work();
        assert_eq!(pending.data::<msg::Recv>(), [n as u8]);
    }
}

/// The share of one socket is in the way of nobody else, and what one gives back reaches the other.
#[test]
fn all_buffers_out_and_the_first_that_comes_back_is_found() {
    let (mut rig, mut client, first, first_stream) = start();
    let mut sockets = vec![(first, first_stream)];
    for _ in 0..3 {
        sockets.push(rig.connected(&mut client));
    }
    let mut held = Vec::new();
    for (socket, stream) in &mut sockets {
        drip(&mut rig, stream, &[1, 2, 3]);
        held.extend(take_held(socket).into_iter().map(|(id, _)| id));
    }
    assert_eq!(held.len(), 12, "all");
    // The second lacks one, too, though it is not its share that is used up: give back one of the first's.
    let (_, stream) = &sockets[1];
    stream.arrive(rig.table, &[4]);
    rig.work();
    assert!(sockets[1].0.state().contains(State::STARVED));
    rig.give_back(&mut client, held[3]);
    rig.work();
    assert_eq!(sockets[1].0.take_one().unwrap().1, [4]);
    rig.bury(1);
    rig.assert_empty();
}

/// The client gives back between the module's look and its wish: rule 4 of the stream, as the worker's loop keeps it.
#[test]
fn what_came_back_before_the_wish_was_seen_is_found() {
    let (mut rig, mut client, mut socket, stream) = start();
    drip(&mut rig, &stream, &[1, 2, 3]);
    let held = take_held(&mut socket);
    // Nobody asked for a bell, so none rings.
    for (id, _) in held {
        rig.give_back(&mut client, id);
    }
    drip(&mut rig, &stream, &[4]);
    assert_eq!(rig.take(&mut client, &mut socket), [4]);
}
