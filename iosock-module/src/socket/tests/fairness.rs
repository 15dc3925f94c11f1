//! Who is served when, and what the control thread and the workers do not do for each other (S-36).

use crate::{
    handle::Handle,
    limits::{LEAST_ROUND_BYTES, QUANTUM_BYTES, ROUND_BYTES, WORKER_ROUNDS},
    testing::{Client, ClientSocket, FakeStream, POOL_LEN, Rig, world},
};
use csock_wire::msg::{self};

fn lane(client: &Client) -> usize {
    Handle::from_raw(client.session).unwrap().index()
}

/// A socket with far more committed than one turn may move.
fn busy(rig: &mut Rig, client: &mut Client) -> (ClientSocket, FakeStream) {
    let (mut socket, stream) = rig.connected(client);
    fill(rig, client, &mut socket, &stream);
    (socket, stream)
}

fn fill(rig: &mut Rig, client: &Client, socket: &mut ClientSocket, stream: &FakeStream) {
    stream.with(|s| s.hiwat = 64 << 20);
    // Ranges may name the same memory: it harms nobody (S-09).
    for _ in 0..40 {
        socket.submit(0, &vec![1; POOL_LEN / 2]);
    }
    rig.mark(client, socket);
}

/// Several of them, of which nobody has moved anything yet.
fn all_busy(rig: &mut Rig, client: &mut Client, count: usize) -> Vec<(ClientSocket, FakeStream)> {
    let mut all: Vec<_> = (0..count).map(|_| rig.connected(client)).collect();
    for (socket, stream) in &mut all {
        fill(rig, client, socket, stream);
    }
    all
}

/// Whether its sockets are one or many, and whichever way their bytes go.
#[test]
fn busy_sockets_of_one_session_do_not_hold_up_the_other() {
    for sockets in [1, 4] {
        let mut rig = Rig::new();
        let (mut greedy, mut modest) = (rig.client(1, 500), rig.client(2, 501));
        let (mut socket, stream) = rig.connected(&mut modest);
        let busy = all_busy(&mut rig, &mut greedy, sockets);
        let sent = || -> usize { busy.iter().map(|(_, s)| s.with(|s| s.sent.len())).sum() };
        socket.submit(0, b"a word");
        rig.mark(&modest, &socket);
        // One pass: one quantum each. The last round of a quantum may end it late, as may the first.
        rig.table.work(0);
        assert_eq!(stream.with(|s| s.sent.clone()), b"a word");
        let most = (QUANTUM_BYTES + LEAST_ROUND_BYTES) as usize;
        assert!(sent() <= most, "{} bytes of {sockets} sockets", sent());
        rig.work();
        assert_eq!(sent(), sockets * 40 * POOL_LEN / 2, "and all arrives");
    }
}

#[test]
fn the_control_thread_moves_no_data_and_answers_while_a_worker_has_much() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, b"data");
    rig.mark(&client, &socket);
    // No worker runs; the answers come all the same.
    for _ in 0..3 {
        rig.call(&client, socket.socket, &msg::GetSockName {}).unwrap();
        assert!(stream.with(|s| s.sent.is_empty()));
    }
    rig.work();
    assert_eq!(stream.with(|s| s.sent.clone()), b"data");
    let (socket, _) = busy(&mut rig, &mut client);
    rig.table.work(0);
    assert!(!rig.table.may_sleep(0), "a worker still has much to do");
    rig.call(&client, socket.socket, &msg::GetSockName {}).unwrap();
    rig.work();
}

#[test]
fn a_round_of_one_socket_is_bounded() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, stream) = busy(&mut rig, &mut client);
    let index = Handle::from_raw(socket.socket).unwrap().index();
    rig.table.serve_once(index);
    let sent = stream.with(|s| s.sent.len());
    assert_eq!(sent, (WORKER_ROUNDS * ROUND_BYTES) as usize);
}

#[test]
fn bells_that_nobody_asked_for_cost_no_turn() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let _ = rig.connected(&mut client);
    let before = rig.table.ledger();
    world(|w| w.wakes = 0);
    for raw in [0, 1, client.session ^ 0x1_0000, client.session + 1, u32::MAX] {
        assert!(!rig.table.ring(raw, true));
    }
    assert_eq!(world(|w| w.wakes), 0, "nobody's session");
    assert_eq!(rig.table.ledger().doorbells, before.doorbells);
    assert!(rig.table.ring(client.session, false));
    for _ in 0..999 {
        assert!(!rig.table.ring(client.session, false), "one bell was asked for");
    }
    assert_eq!(world(|w| w.wakes), 1, "one wake-up for a thousand");
    let mut passes = 0;
    while rig.table.work(0) {
        passes += 1;
    }
    assert_eq!(passes, 1);
    let after = rig.table.ledger();
    assert_eq!(after.doorbells - before.doorbells, 1000);
    assert_eq!((after.sends, after.events), (before.sends, before.events));
}

/// And others have their turn meanwhile.
#[test]
fn a_worker_looks_a_little_longer_before_it_is_rung_for() {
    let mut rig = Rig::new();
    let (mut client, mut other) = (rig.client(1, 500), rig.client(2, 501));
    let (mut socket, stream) = rig.connected(&mut client);
    let (mut others, others_stream) = rig.connected(&mut other);
    rig.work();
    rig.table.config.tune(c"csock.linger", 5);
    socket.submit(0, b"one");
    rig.mark(&client, &socket);
    assert!(rig.table.work(0), "served");
    for _ in 0..3 {
        assert!(rig.table.work(0), "it looks again");
    }
    // What is marked now is found without a bell, and the patience begins anew.
    socket.submit(0, b"two");
    assert!(!client.bell.mark(socket.index).unwrap(), "no bell is asked for");
    let mut looks = 0;
    others.submit(0, b"a word");
    rig.mark(&other, &others);
    while rig.table.work(0) {
        looks += 1;
        assert_eq!(stream.with(|s| s.sent.clone()), b"onetwo");
        assert_eq!(others_stream.with(|s| s.sent.clone()), b"a word");
    }
    assert_eq!(
        looks, 6,
        "the last look asks for a bell, and is the one that finds nothing to do but that"
    );
    assert!(rig.table.may_sleep(0));
    socket.submit(0, b"three");
    assert!(client.bell.mark(socket.index).unwrap(), "the client rings");
}

/// While a worker is at the session, and for one that has no memory to look at.
#[test]
fn a_session_that_is_awake_or_has_no_pool_is_not_to_be_woken() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let _busy = all_busy(&mut rig, &mut client, 4);
    rig.table.work(0);
    assert!(!rig.table.may_sleep(0), "a worker still has much to do");
    assert!(!rig.table.ring(client.session, false));
    rig.work();
    let mut bare = rig.connect_client(2, 501);
    bare.session = rig.call(&bare, 0, &msg::Hello::THIS).unwrap().session;
    rig.table.activate(lane(&bare));
    rig.work();
    assert!(!rig.table.ring(bare.session, false));
    world(|w| w.wakes = 0);
    assert!(rig.table.may_sleep(0), "nothing to do");
}

/// As when it waits behind a million of somebody else's.
#[test]
fn a_bell_that_does_not_come_is_not_needed() {
    let mut rig = Rig::new();
    let (mut one, mut other) = (rig.client(1, 500), rig.client(2, 501));
    let (mut socket, stream) = rig.connected(&mut one);
    let _ = rig.connected(&mut other);
    rig.table.look_for_bells();
    assert!(rig.table.may_sleep(0), "nobody has work");
    socket.submit(0, b"unheard");
    assert!(one.bell.mark(socket.index).unwrap(), "the client rings");
    // Somebody is at the plane: then the next look finds it.
    let guard = rig.table.plane(lane(&one)).unwrap();
    rig.table.look_for_bells();
    drop(guard);
    assert!(stream.with(|s| s.sent.is_empty()));
    rig.table.look_for_bells();
    rig.work();
    assert_eq!(stream.with(|s| s.sent.clone()), b"unheard");
    assert!(!rig.table.ring(other.session ^ 0x1_0000, false));
    // The bell itself comes at last, and the next one counts again.
    rig.table.ring(one.session, false);
    rig.work();
    socket.submit(64, b" and heard");
    rig.ring(&one, &socket);
    assert_eq!(stream.with(|s| s.sent.clone()), b"unheard and heard");
}

#[test]
fn the_memory_of_a_session_that_lied_is_not_looked_at_for_bells() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, _) = rig.connected(&mut client);
    socket.submit(0, b"x");
    assert!(client.bell.mark(socket.index).unwrap());
    let shared = rig.table.session_of(client.session).unwrap();
    shared.faulty.store(1, core::sync::atomic::Ordering::Release);
    rig.table.look_for_bells();
    assert!(shared.invitation.is_extended(), "nobody looked");
}
