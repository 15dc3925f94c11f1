//! Control that is ordered behind data: shutdown, close, options, and the end of a dead client.

use crate::testing::{Rig, connect_body, world};
use csock_wire::{
    WireErrno,
    msg::{self},
    stream::State,
};

const NODELAY: msg::SetSockOpt = msg::SetSockOpt {
    level: 6,
    name: 1,
    len: 4,
    reserved: 0,
    after: 0,
    value: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
};

fn shut(after: u64) -> msg::Shutdown {
    msg::Shutdown {
        how: msg::Shutdown::WRITE,
        reserved: 0,
        after,
    }
}

#[test]
fn shutdown_waits_for_what_was_committed_before_it() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    socket.submit(0, b"twenty bytes of data");
    let after = socket.writer.tail();
    rig.request(&client, socket.socket, &shut(after)).unwrap();
    assert!(!stream.with(|s| s.shut_write));
    stream.ack_all();
    rig.work();
    assert!(stream.with(|s| s.shut_write && s.sent == b"twenty bytes of data"));
}

#[test]
fn a_shutdown_beyond_everything_comes_behind_everything() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, b"all of it");
    rig.request(&client, socket.socket, &shut(u64::MAX)).unwrap();
    assert!(stream.with(|s| s.shut_write && s.sent == b"all of it"));
}

/// Bytes behind the shutdown are nobody's; the other direction does not suffer for them.
#[test]
fn what_is_committed_behind_a_shutdown_does_not_go_out_and_receiving_goes_on() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 4);
    socket.submit(0, b"before");
    let after = socket.writer.tail();
    socket.submit(10, b"behind");
    rig.request(&client, socket.socket, &shut(after)).unwrap();
    for _ in 0..4 {
        stream.ack_all();
        rig.ring(&client, &socket);
    }
    assert!(stream.with(|s| s.shut_write && s.sent == b"before"));
    socket.submit(20, b"much later");
    rig.ring(&client, &socket);
    let sent = rig.send_by_message(&client, &socket, b"and by message");
    rig.work();
    assert_eq!(sent.reply::<msg::Send>().unwrap_err().error, WireErrno::EPIPE);
    stream.arrive(rig.table, b"answer");
    rig.work();
    assert_eq!(rig.take(&mut client, &mut socket), b"answer");
    assert!(!socket.state().contains(State::DEAF));
    let tail = socket.writer.tail();
    rig.request(&client, socket.socket, &msg::Close { after: tail })
        .unwrap();
    assert!(socket.is_released(), "the close does not wait for them");
}

#[test]
fn an_option_is_set_behind_what_was_committed() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    let set = |s: &mut crate::testing::StackSocket| s.options.contains_key(&(6, 1));
    socket.submit(0, b"twenty bytes of data");
    let body = msg::SetSockOpt {
        after: socket.writer.tail(),
        ..NODELAY
    };
    let asked = rig.ask(&client, socket.socket, &body);
    rig.work();
    assert!(asked.is_parked() && !stream.with(set));
    stream.ack_all();
    rig.work();
    asked.reply::<msg::SetSockOpt>().unwrap();
    assert!(stream.with(set));
    // Beyond everything: behind everything.
    stream.with(|s| s.options.clear());
    let body = msg::SetSockOpt {
        after: u64::MAX,
        ..NODELAY
    };
    rig.request(&client, socket.socket, &body).unwrap();
    assert!(stream.with(set));
}

#[test]
fn nothing_committed_behind_the_close_position_goes_out() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 4);
    socket.submit(0, b"this");
    rig.ring(&client, &socket);
    socket.submit(100, b"that");
    let after = socket.writer.tail();
    socket.submit(200, b"late");
    rig.call(&client, socket.socket, &msg::Close { after }).unwrap();
    for _ in 0..5 {
        stream.ack_all();
        rig.work();
    }
    assert_eq!(stream.with(|s| s.sent.clone()), b"thisthat");
    assert!(socket.is_released());
}

#[test]
fn a_close_beyond_everything_sends_everything_and_ends() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, b"all of it");
    rig.request(&client, socket.socket, &msg::Close { after: u64::MAX })
        .unwrap();
    assert_eq!(stream.with(|s| s.sent.clone()), b"all of it");
    stream.ack_all();
    rig.work();
    assert!(socket.is_released() && stream.with(|s| s.closed && !s.aborted));
}

#[test]
fn what_waits_for_more_goes_out_with_a_close() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.open(0, 100);
    socket.send_more(b"head");
    let after = socket.writer.tail();
    rig.request(&client, socket.socket, &msg::Close { after })
        .unwrap();
    assert_eq!(stream.with(|s| s.sent.clone()), b"head");
}

#[test]
fn an_orphan_sends_what_was_committed_and_no_more() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 8);
    socket.open(0, 1000);
    socket.send_more(b"committed before the end");
    rig.bury(1);
    // The memory is still there, and whoever has it writes on.
    socket.send(b" and after");
    for _ in 0..5 {
        stream.ack_all();
        rig.work();
    }
    assert!(stream.with(|s| s.closed && !s.aborted && s.sent == b"committed before the end"));
    assert_eq!(world(|w| w.unmapped), 1);
    rig.assert_empty();
}

/// A goodbye leaves the client with its memory: it can still lie in it, and its orphan must not take more from a pool of
/// whoever has the session's place now.
#[test]
fn a_slot_of_another_session_gives_a_socket_no_memory() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.connected(&mut client);
    let index = crate::handle::Handle::from_raw(socket.socket).unwrap().index();
    let lane = crate::handle::Handle::from_raw(client.session).unwrap().index();
    rig.request(&client, socket.socket, &msg::Close { after: 0 })
        .unwrap();
    // The slot is another session's now; but something set its bit in the lane of the first, and that bit is still there.
    let mut other = rig.client(2, 501);
    let pools = rig.table.pools.mapped();
    let (mut socket, stream) = rig.connected(&mut other);
    assert_eq!(
        crate::handle::Handle::from_raw(socket.socket).unwrap().index(),
        index
    );
    attach_second(&mut rig, &client);
    assert_eq!(rig.table.pools.mapped(), pools + 1);
    socket.submit(0, b"own");
    let _ = other.bell.mark(socket.index).unwrap();
    rig.table.sockets[index].turn.post(crate::events::DOORBELL);
    rig.table.misplace(lane, index);
    rig.work();
    assert_eq!(stream.with(|s| s.sent.clone()), b"own", "its own lane serves it");
    // The second session has one pool, and names two.
    let memory = csock_wire::stream::Memory {
        pool: 1,
        offset: 4096,
        cap: 8,
    };
    socket.writer.open(memory).unwrap();
    let _ = socket.writer.append(8).unwrap();
    rig.ring(&other, &socket);
    assert!(
        stream.with(|s| s.aborted && s.sent == b"own"),
        "memory of another client was sent"
    );
}

fn attach_second(rig: &mut Rig, client: &crate::testing::Client) {
    let (mem, size) = (crate::testing::TestMem::new(8192), 8192);
    let header = csock_wire::PoolHeader {
        size,
        data_offset: 4096,
    };
    header.write(&mem).unwrap();
    mem.write(4096, b"secrets!");
    let handle = rig.offer_memory(client, crate::testing::good_flags(), size, &mem);
    let body = msg::PoolAttach {
        handle,
        size,
        number: 1,
        ..msg::PoolAttach::default()
    };
    rig.call(client, 0, &body).unwrap();
}

#[test]
fn a_connecting_socket_has_no_peer_and_no_direction_to_shut() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.socket(&mut client);
    rig.call(&client, socket.socket, &connect_body()).unwrap();
    let refused = rig.call(&client, socket.socket, &shut(0)).unwrap_err();
    assert_eq!(refused.error, WireErrno::ENOTCONN);
    let refused = rig
        .call(&client, socket.socket, &msg::GetPeerName {})
        .unwrap_err();
    assert_eq!(refused.error, WireErrno::ENOTCONN);
}
