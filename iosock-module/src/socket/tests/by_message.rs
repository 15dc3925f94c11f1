//! Sending and receiving by message: sockets without a block, and data behind what was committed.

use crate::{
    events,
    testing::{Pending, Rig, wait, world},
};
use csock_wire::{
    WireErrno,
    msg::{self, DONT_WAIT, Events},
};

fn send(after: u64, len: usize, flags: u32) -> msg::Send {
    msg::Send {
        after,
        len: len as u32,
        flags,
    }
}

fn recv(len: u32, flags: u32) -> msg::Recv {
    msg::Recv { seen: 0, len, flags }
}

#[test]
fn a_socket_without_a_block_sends_and_receives() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    let (socket, stream) = rig.connected_by_message(&client);
    let sent = rig.ask_with(&client, socket, &send(0, 5, 0), b"hello", 0);
    rig.work();
    assert_eq!(sent.reply::<msg::Send>().unwrap().len, 5);
    assert_eq!(stream.with(|s| s.sent.clone()), b"hello");
    let parked = rig.ask_with(&client, socket, &recv(100, 0), &[], 100);
    rig.work();
    assert!(parked.is_parked());
    let data: Vec<u8> = (0..250).map(|n| n as u8).collect();
    stream.arrive(rig.table, &data);
    rig.work();
    assert_eq!(parked.reply::<msg::Recv>().unwrap().len, 100);
    assert_eq!(parked.data::<msg::Recv>(), data[..100]);
    // No more than there is room for, whatever is asked.
    let cut = rig.ask_with(&client, socket, &recv(1000, 0), &[], 30);
    rig.work();
    assert_eq!(cut.data::<msg::Recv>(), data[100..130]);
    let none = rig.ask_with(&client, socket, &recv(0, 0), &[], 0);
    rig.work();
    assert_eq!(none.reply::<msg::Recv>().unwrap().len, 0, "nothing was asked for");
    let rest = rig.ask_with(&client, socket, &recv(1000, 0), &[], 1000);
    rig.work();
    assert_eq!(rest.data::<msg::Recv>(), data[130..]);
    let now = rig.ask_with(&client, socket, &recv(1, DONT_WAIT), &[], 1);
    rig.work();
    assert_eq!(now.reply::<msg::Recv>().unwrap_err().error, WireErrno::EAGAIN);
    stream.with(|s| s.eof = true);
    rig.table.notify(stream.handle(), events::RECV);
    let end = rig.ask_with(&client, socket, &recv(1, 0), &[], 1);
    rig.work();
    assert_eq!(end.reply::<msg::Recv>().unwrap().len, 0);
    let ledger = rig.table.ledger();
    assert_eq!((ledger.tx_bytes_by_message, ledger.rx_bytes_by_message), (5, 250));
}

#[test]
fn the_wait_of_a_socket_without_a_block_is_a_message() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    let (socket, stream) = rig.connected_by_message(&client);
    let readable = rig.ask(&client, socket, &wait(Events::READABLE));
    rig.work();
    assert!(readable.is_parked());
    stream.arrive(rig.table, b"x");
    rig.work();
    assert_eq!(
        readable.reply::<msg::Wait>().unwrap().events,
        Events::READABLE.bits()
    );
    let writable = rig.request(&client, socket, &wait(Events::WRITABLE)).unwrap();
    assert_eq!(writable.events, Events::WRITABLE.bits());
}

#[test]
fn a_send_by_message_goes_behind_what_was_committed() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    socket.submit(0, b"committed before");
    let sent = rig.send_by_message(&client, &socket, b" and brought");
    rig.work();
    assert!(sent.is_parked(), "six committed bytes are still to go");
    let now = send(socket.writer.tail(), 1, DONT_WAIT);
    let now = rig.ask_with(&client, socket.socket, &now, b"x", 0);
    rig.work();
    assert_eq!(now.reply::<msg::Send>().unwrap_err().error, WireErrno::EAGAIN);
    stream.ack_all();
    rig.work();
    rig.table.notify(stream.handle(), events::SEND);
    rig.work();
    // As much as there was room for.
    let taken = sent.reply::<msg::Send>().unwrap().len as usize;
    assert_eq!(taken, 4);
    assert_eq!(stream.with(|s| s.sent.clone()), b"committed before and");
    assert_eq!(
        socket.writer.room().unwrap(),
        0,
        "what went by message counts, too"
    );
}

#[test]
fn a_position_beyond_everything_is_reached_with_everything() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.connected(&mut client);
    for after in [1, u64::MAX] {
        let sent = rig.ask_with(&client, socket.socket, &send(after, 2, 0), b"ok", 0);
        rig.work();
        assert_eq!(sent.reply::<msg::Send>().unwrap().len, 2);
    }
    assert_eq!(stream.with(|s| s.sent.len()), 4);
}

#[test]
fn a_client_that_lies_about_its_length_gets_an_error() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    let (socket, stream) = rig.connected_by_message(&client);
    let sent = rig.ask_with(&client, socket, &send(0, 6, 0), b"short", 0);
    rig.work();
    assert_eq!(sent.reply::<msg::Send>().unwrap_err().error, WireErrno::EBADMSG);
    let empty = rig.ask_with(&client, socket, &send(0, 0, 0), b"", 0);
    rig.work();
    assert_eq!(empty.reply::<msg::Send>().unwrap().len, 0);
    assert!(stream.with(|s| s.sent.is_empty()));
}

#[test]
fn without_mbufs_a_send_by_message_waits_for_the_timer() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    let (socket, stream) = rig.connected_by_message(&client);
    world(|w| w.no_mbufs = true);
    let sent = rig.ask_with(&client, socket, &send(0, 2, 0), b"ok", 0);
    rig.work();
    assert!(sent.is_parked());
    world(|w| {
        w.no_mbufs = false;
        w.now += 100;
    });
    rig.work();
    assert_eq!(sent.reply::<msg::Send>().unwrap().len, 2);
    assert_eq!(stream.with(|s| s.sent.clone()), b"ok");
}

#[test]
fn who_is_parked_hears_of_the_end() {
    let ends: [fn(&mut Rig, u32, &crate::testing::FakeStream, &crate::testing::Client); 2] = [
        |rig, socket, _, client| {
            rig.call(client, socket, &msg::Close { after: 0 }).unwrap();
        },
        |rig, _, stream, _| {
            stream.reset(WireErrno::ECONNRESET);
            rig.table.notify(stream.handle(), events::RECV | events::SEND);
        },
    ];
    for (end, expected) in ends.iter().zip([WireErrno::EBADF, WireErrno::ECONNRESET]) {
        let mut rig = Rig::new();
        let client = rig.client(1, 500);
        let (socket, stream) = rig.connected_by_message(&client);
        let parked: Pending = rig.ask_with(&client, socket, &recv(10, 0), &[], 10);
        rig.work();
        end(&mut rig, socket, &stream, &client);
        rig.work();
        assert_eq!(parked.reply::<msg::Recv>().unwrap_err().error, expected);
    }
}

#[test]
fn sending_after_a_shutdown_is_epipe_and_receiving_goes_on() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    let (socket, stream) = rig.connected_by_message(&client);
    let body = msg::Shutdown {
        how: msg::Shutdown::WRITE,
        ..msg::Shutdown::default()
    };
    rig.request(&client, socket, &body).unwrap();
    assert!(stream.with(|s| s.shut_write));
    let sent = rig.ask_with(&client, socket, &send(0, 2, 0), b"no", 0);
    rig.work();
    assert_eq!(sent.reply::<msg::Send>().unwrap_err().error, WireErrno::EPIPE);
    stream.arrive(rig.table, b"still here");
    let got = rig.ask_with(&client, socket, &recv(100, 0), &[], 100);
    rig.work();
    assert_eq!(got.data::<msg::Recv>(), b"still here");
}
