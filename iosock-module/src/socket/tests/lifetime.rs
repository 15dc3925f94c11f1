//! Connecting, accepting, shutting down, closing.

use super::SO_ERROR;
use crate::{
    events,
    testing::{FakeStream, Rig, connect_body, socket_body, wait, world},
};
use csock_wire::{
    SockAddr, WireErrno,
    msg::{self, Events},
    stream::State,
};

#[test]
fn connect_reports_success_and_failure_to_the_waiter() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    for error in [None, Some(WireErrno::ECONNREFUSED)] {
        let (socket, stream) = rig.socket(&mut client);
        let body = connect_body();
        let state = rig.call(&client, socket.socket, &body).unwrap().state;
        assert_eq!(state, msg::ConnectReply::IN_PROGRESS);
        assert_eq!(
            rig.call(&client, socket.socket, &body).unwrap_err().error,
            WireErrno::EALREADY
        );
        let parked = rig.ask(&client, socket.socket, &wait(Events::CONNECTED));
        assert!(parked.is_parked());
        stream.with(|s| {
            s.connecting = false;
            s.connected = error.is_none();
            s.error = error;
        });
        rig.table.notify(stream.handle(), events::SEND);
        rig.work();
        let reply = parked.reply::<msg::Wait>().unwrap();
        assert!(Events::from_bits_retain(reply.events).contains(Events::CONNECTED));
        assert_eq!(reply.error, error.map_or(0, |e| e.0));
        if error.is_some() {
            let state = socket.state();
            assert!(
                state.contains(State::REFUSED | State::END | State::DEAF),
                "{state:?}"
            );
            assert_eq!(state.error(), WireErrno::ECONNREFUSED);
        }
    }
}

#[test]
fn close_sends_what_is_published_and_releases_after_the_last_mbuf() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    socket.submit(0, b"twenty bytes of data");
    let parked = rig.ask(&client, socket.socket, &wait(Events::READABLE));
    let after = socket.writer.tail();
    rig.call(&client, socket.socket, &msg::Close { after }).unwrap();
    rig.work();
    assert_eq!(parked.reply::<msg::Wait>().unwrap_err().error, WireErrno::EBADF);
    let again = rig.call(&client, socket.socket, &msg::GetSockName {});
    assert_eq!(
        again.unwrap_err().error,
        WireErrno::EBADF,
        "closed for its client at once"
    );
    assert!(!socket.is_released());
    stream.ack_all();
    rig.work();
    assert!(
        stream.with(|s| s.shut_write && !s.closed),
        "FIN behind the data; still abortable"
    );
    assert!(!socket.is_released());
    stream.ack_all();
    rig.work();
    assert!(stream.with(|s| s.closed && !s.aborted && s.sent == b"twenty bytes of data"));
    assert!(socket.is_released());
    assert_eq!(rig.table.open_sockets(), 0);
}

#[test]
fn linger_zero_means_rst() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let mut value = [0; 16];
    value[0] = 1;
    let option = msg::SetSockOpt {
        level: 0xFFFF,
        name: 0x80,
        len: 8,
        reserved: 0,
        after: 0,
        value,
    };
    rig.call(&client, socket.socket, &option).unwrap();
    socket.submit(0, b"gone");
    rig.ring(&client, &socket);
    rig.call(
        &client,
        socket.socket,
        &msg::Close {
            after: socket.writer.tail(),
        },
    )
    .unwrap();
    assert!(stream.with(|s| s.aborted));
    assert!(socket.is_released());
}

#[test]
fn nothing_is_released_while_a_driver_still_sends() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.driver_holds = true);
    socket.submit(0, b"on the wire");
    rig.ring(&client, &socket);
    rig.control.stop(rig.table);
    rig.work();
    assert!(stream.with(|s| s.aborted));
    assert!(!socket.is_released());
    assert_eq!((rig.table.pools.mapped(), rig.table.open_sockets()), (1, 1));
    stream.ack_all();
    rig.work();
    assert!(socket.is_released());
    rig.assert_empty();
}

#[test]
fn a_connection_that_is_over_before_anybody_looked_was_one() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.socket(&mut client);
    rig.call(&client, socket.socket, &connect_body()).unwrap();
    // Connected, served, closed by the peer, all between two turns: neither connecting nor connected, and no error.
    stream.with(|s| {
        s.connecting = false;
        s.incoming.extend(b"bye");
        s.eof = true;
    });
    rig.table.notify(stream.handle(), events::SEND | events::RECV);
    rig.work();
    let reply = rig
        .request(&client, socket.socket, &wait(Events::CONNECTED))
        .unwrap();
    assert_eq!((reply.events, reply.error), (Events::CONNECTED.bits(), 0));
    assert_eq!(rig.take(&mut client, &mut socket), b"bye");
    assert!(socket.state().contains(State::END) && socket.state().error().is_ok());
}

fn listen(backlog: i32) -> msg::Listen {
    msg::Listen { backlog, reserved: 0 }
}

#[test]
fn a_socket_hears_of_its_connection_after_a_failed_listen() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.socket(&mut client);
    stream.with(|s| s.listen_error = Some(WireErrno::EOPNOTSUPP));
    let refused = rig.call(&client, socket.socket, &listen(5)).unwrap_err();
    assert_eq!(refused.error, WireErrno::EOPNOTSUPP);
    rig.call(&client, socket.socket, &connect_body()).unwrap();
    let parked = rig.ask(&client, socket.socket, &wait(Events::CONNECTED));
    stream.with(|s| (s.connecting, s.connected) = (false, true));
    // An upcall reaches only who is watched.
    rig.table.notify(stream.handle(), events::SEND);
    rig.work();
    assert_eq!(
        parked.reply::<msg::Wait>().unwrap().events,
        Events::CONNECTED.bits()
    );
}

#[test]
fn listen_again_changes_the_backlog() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.socket(&mut client);
    for backlog in [5, -1, 0, 7] {
        rig.call(&client, socket.socket, &listen(backlog)).unwrap();
        assert_eq!(stream.with(|s| s.queue_limit), Some(backlog));
    }
    let parked = rig.ask(&client, socket.socket, &wait(Events::ACCEPTABLE));
    stream.with(|s| s.backlog.push_back(FakeStream::connected()));
    rig.table.notify(stream.handle(), events::ACCEPT);
    rig.work();
    assert!(!parked.is_parked(), "still watched");
}

fn close(after: u64) -> msg::Close {
    msg::Close { after }
}

#[test]
fn a_close_ends_also_when_the_connection_comes_about_after_it() {
    // Connected, or refused, or never: after the close none of them matters.
    for late in [Some(true), Some(false), None] {
        let mut rig = Rig::new();
        let mut client = rig.client(1, 500);
        let (socket, stream) = rig.socket(&mut client);
        let body = connect_body();
        rig.call(&client, socket.socket, &body).unwrap();
        if let Some(connected) = late {
            // The upcall is on its way when the close comes: one round meets both.
            stream.with(|s| (s.connecting, s.connected) = (false, connected));
        }
        rig.request(&client, socket.socket, &close(0)).unwrap();
        rig.work();
        assert!(stream.with(|s| s.closed), "{late:?}");
        assert!(socket.is_released(), "{late:?}");
        assert_eq!(rig.table.open_sockets(), 0, "{late:?}");
    }
}

#[test]
fn a_dead_clients_connect_ends_too() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.socket(&mut client);
    let body = connect_body();
    rig.call(&client, socket.socket, &body).unwrap();
    stream.with(|s| (s.connecting, s.connected) = (false, true));
    rig.die(1);
    rig.assert_empty();
    assert!(stream.with(|s| s.closed));
}

#[test]
fn a_peer_that_reads_nothing_holds_a_closed_socket_no_longer_than_the_deadline() {
    // Data that does not fit, and data that only waits for its acknowledgement.
    for hiwat in [10, 1000] {
        let mut rig = Rig::new();
        rig.table.config.tune(c"csock.close_ms", 3_000);
        let mut client = rig.client(1, 500);
        let (mut socket, stream) = rig.connected(&mut client);
        stream.with(|s| s.hiwat = hiwat);
        socket.submit(0, b"twenty bytes of data");
        rig.request(&client, socket.socket, &close(socket.writer.tail()))
            .unwrap();
        world(|w| w.now += 2_999);
        rig.work();
        assert!(stream.with(|s| !s.aborted), "not before its time");
        assert!(rig.table.sleep_ms().is_some_and(|ms| ms <= 10));
        world(|w| w.now += 2);
        rig.work();
        assert!(stream.with(|s| s.aborted));
        assert!(socket.is_released());
        assert_eq!(rig.table.open_sockets(), 0);
        assert_eq!(rig.table.sleep_ms(), None);
    }
}

#[test]
fn so_error_while_connecting_does_not_make_the_connection() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.socket(&mut client);
    let body = connect_body();
    rig.call(&client, socket.socket, &body).unwrap();
    let value = |rig: &mut Rig| rig.request(&client, socket.socket, &SO_ERROR).unwrap().value[0];
    assert_eq!(value(&mut rig), 0);
    // Refused, and the client's question comes before the upcall.
    stream.with(|s| (s.connecting, s.error) = (false, Some(WireErrno::ECONNREFUSED)));
    assert_eq!(u16::from(value(&mut rig)), WireErrno::ECONNREFUSED.0);
    let reply = rig
        .request(&client, socket.socket, &wait(Events::CONNECTED))
        .unwrap();
    assert_eq!(reply.error, WireErrno::ECONNREFUSED.0);
    assert_eq!(value(&mut rig), 0, "reading clears it");
}

#[test]
fn a_linger_time_out_of_range_is_edom() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.socket(&mut client);
    for (seconds, expected) in [
        (0, None),
        (65_535, None),
        (65_536, Some(WireErrno::EDOM)),
        (-1, Some(WireErrno::EDOM)),
    ] {
        let mut value = [0; 16];
        value[0] = 1;
        value[4..8].copy_from_slice(&i32::to_le_bytes(seconds));
        let option = msg::SetSockOpt {
            level: 0xFFFF,
            name: 0x80,
            len: 8,
            reserved: 0,
            after: 0,
            value,
        };
        let answer = rig.call(&client, socket.socket, &option);
        assert_eq!(answer.err().map(|refusal| refusal.error), expected, "{seconds} s");
    }
}

#[test]
fn listen_accept_and_the_parked_wait_between() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let listener = rig.call(&client, 0, &socket_body(msg::NO_BLOCK)).unwrap().socket;
    let stream = world(|w| w.made.last().unwrap().clone_handle());
    let body = msg::Bind {
        addr: SockAddr::v4([0; 4], 8080),
    };
    rig.call(&client, listener, &body).unwrap();
    rig.call(&client, listener, &listen(5)).unwrap();
    let (block, place) = client.block().unwrap();
    let accept = msg::Accept { block, reserved: 0 };
    let none = rig.call(&client, listener, &accept).unwrap_err();
    assert_eq!(none.error, WireErrno::EWOULDBLOCK);
    assert_eq!(rig.table.open_sockets(), 1, "the reserved slot went back");
    let parked = rig.ask(&client, listener, &wait(Events::ACCEPTABLE));
    rig.work();
    assert!(parked.is_parked());
    let peer = FakeStream::connected();
    let peer_handle = peer.clone_handle();
    stream.with(|s| s.backlog.push_back(peer));
    rig.table.notify(stream.handle(), events::ACCEPT);
    rig.work();
    let events = parked.reply::<msg::Wait>().unwrap().events;
    assert_eq!(events, Events::ACCEPTABLE.bits());
    let reply = rig.call(&client, listener, &accept).unwrap();
    assert_eq!(reply.peer, SockAddr::v4([127, 0, 0, 1], 6000));
    let mut child = client.socket(reply.socket, block, place);
    // Before any worker has seen the socket.
    child.submit(0, b"welcome");
    rig.ring(&client, &child);
    assert_eq!(peer_handle.with(|s| s.sent.clone()), b"welcome");
    rig.request(&client, listener, &msg::Close { after: 0 }).unwrap();
    assert!(stream.with(|s| s.closed));
    peer_handle.ack_all();
    rig.call(&client, 0, &msg::Goodbye {}).unwrap();
    rig.assert_empty();
}
