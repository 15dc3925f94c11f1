//! What comes while somebody else has the turn.

use crate::{
    handle::Handle,
    limits::MAILBOX,
    testing::{Client, FakeStream, Pending, Rig, TestTable, socket_body, wait, world},
};
use csock_wire::{
    WireErrno,
    msg::{self, Events},
    stream::{Block, State},
};

fn index(socket: u32) -> usize {
    Handle::from_raw(socket).unwrap().index()
}

/// Runs `f` while another thread, so to say, has the turn of `socket`; then that thread serves what came.
fn while_served(table: &'static TestTable, socket: u32, f: impl FnOnce()) {
    let _ = table.sockets[index(socket)].turn.with(|_| f());
    table.serve(index(socket));
}

fn listener(rig: &mut Rig, client: &Client, peers: usize) -> u32 {
    let listener = rig.call(client, 0, &socket_body(msg::NO_BLOCK)).unwrap().socket;
    let body = msg::Listen {
        backlog: 5,
        reserved: 0,
    };
    rig.call(client, listener, &body).unwrap();
    let stream = world(|w| w.made.last().unwrap().clone_handle());
    for _ in 0..peers {
        stream.with(|s| s.backlog.push_back(FakeStream::connected()));
    }
    listener
}

fn accept(rig: &mut Rig, client: &mut Client, listener: u32) -> (Pending, u32, Block) {
    let (block, place) = client.block().unwrap();
    let body = msg::Accept { block, reserved: 0 };
    (rig.ask(client, listener, &body), block, place)
}

#[test]
fn two_accepts_of_one_turn_serve_both_children() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let listener = listener(&mut rig, &client, 2);
    let mut asked = Vec::new();
    while_served(rig.table, listener, || {
        asked.push(accept(&mut rig, &mut client, listener));
        asked.push(accept(&mut rig, &mut client, listener));
    });
    for (pending, index, block) in asked {
        let socket = pending.reply::<msg::Accept>().unwrap().socket;
        let mut child = client.socket(socket, index, block);
        child.submit(0, b"hello");
        rig.ring(&client, &child);
        assert_eq!(child.state(), State::CONNECTED);
    }
    assert_eq!(rig.table.ledger().tx_bytes, 10);
}

#[test]
fn a_slot_that_an_accept_has_reserved_cannot_be_named() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let listener = listener(&mut rig, &client, 1);
    let mut asked = None;
    while_served(rig.table, listener, || {
        asked = Some(accept(&mut rig, &mut client, listener));
        assert_eq!(rig.table.open_sockets(), 2, "reserved");
        let table = rig.table;
        let mut guess = || {
            for raw in (0..8).flat_map(|index| [index | 1 << 16, index | 2 << 16]) {
                if raw != listener {
                    let guessed = rig.ask(&client, raw, &msg::GetSockName {});
                    let answer = guessed.reply::<msg::GetSockName>();
                    assert_eq!(answer.unwrap_err().error, WireErrno::EBADF, "{raw:#x}");
                }
            }
        };
        // Refused by the thread that asks: nothing gets into the slot beside the socket that moves in.
        let _ = table.sockets[1].turn.with(|_| guess());
    });
    let child = asked.unwrap().0.reply::<msg::Accept>().unwrap().socket;
    rig.call(&client, child, &msg::GetSockName {}).unwrap();
    rig.bury(1);
    rig.assert_empty();
}

#[test]
fn bits_of_events_command_nothing() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    // Whatever was posted to the slot's last owner and comes late.
    rig.table.sockets[index(socket.socket)].turn.post(u32::MAX >> 1);
    rig.table.serve(index(socket.socket));
    rig.work();
    assert!(stream.with(|s| !s.aborted && !s.closed));
    socket.submit(0, b"alive");
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.sent.clone()), b"alive");
    let parked = rig.ask(&client, socket.socket, &wait(Events::READABLE));
    rig.work();
    assert!(parked.is_parked(), "no end was told");
}

#[test]
fn a_busy_socket_says_repeat_and_takes_its_close_all_the_same() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = rig.connected(&mut client);
    let (mut names, mut close) = (Vec::new(), None);
    while_served(rig.table, socket.socket, || {
        for _ in 0..MAILBOX {
            names.push(rig.ask(&client, socket.socket, &msg::GetSockName {}));
        }
        let refused = rig.call(&client, socket.socket, &msg::GetSockName {});
        assert_eq!(refused.unwrap_err().error, WireErrno::EREPEAT);
        let body = msg::Close { after: 0 };
        close = Some(rig.ask(&client, socket.socket, &body));
        let again = rig.call(&client, socket.socket, &body);
        assert_eq!(again.unwrap_err().error, WireErrno::EBADF, "closed once");
    });
    for name in names {
        name.reply::<msg::GetSockName>().unwrap();
    }
    close.unwrap().reply::<msg::Close>().unwrap();
    assert!(stream.with(|s| s.closed));
    assert!(socket.is_released());
}

#[test]
fn a_request_to_a_socket_that_ends_meanwhile_is_answered_and_meets_nobody_else() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.connected(&mut client);
    let slot = &rig.table.sockets[index(socket.socket)];
    let mut late = None;
    while_served(rig.table, socket.socket, || {
        late = Some(rig.ask(&client, socket.socket, &wait(Events::READABLE)));
        rig.die(1);
    });
    rig.work();
    assert!(!late.unwrap().is_parked());
    assert_eq!(slot.parked.load(std::sync::atomic::Ordering::Relaxed), 0);
    let mut next = rig.client(2, 501);
    let (successor, _) = rig.connected(&mut next);
    assert_eq!(index(successor.socket), index(socket.socket));
    rig.die(2);
    rig.assert_empty();
}

/// A socket whose block is released may still be on its way out when the client uses the block again.
#[test]
fn a_block_that_is_being_released_says_repeat_and_one_in_use_busy() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.connected(&mut client);
    let body = socket_body(socket.index);
    assert_eq!(rig.call(&client, 0, &body).unwrap_err().error, WireErrno::EBUSY);
    let mut close = None;
    while_served(rig.table, socket.socket, || {
        close = Some(rig.ask(&client, socket.socket, &msg::Close { after: 0 }));
        assert_eq!(rig.call(&client, 0, &body).unwrap_err().error, WireErrno::EREPEAT);
    });
    rig.work();
    assert!(socket.is_released());
    socket.block.initialise(&client.mem).unwrap();
    rig.call(&client, 0, &body).unwrap();
    let wrong = socket_body(8);
    assert_eq!(
        rig.call(&client, 0, &wrong).unwrap_err().what,
        csock_wire::Field::BlockIndex
    );
}
