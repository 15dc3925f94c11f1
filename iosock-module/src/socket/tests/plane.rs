//! A session's data plane has one holder at a time: what the others do meanwhile, and that each of them gets it.

use crate::{
    handle::Handle,
    machine::Parked,
    testing::{Client, Rig, world},
};
use csock_wire::{
    WireErrno,
    msg::{self},
};

fn lane(client: &Client) -> usize {
    Handle::from_raw(client.session).unwrap().index()
}

const ADD: msg::AddWaiter = msg::AddWaiter { event: [1, 1, 0, 0] };

/// A session that streams has a worker at its plane nearly all the time.
#[test]
fn a_socket_is_made_and_accepted_while_a_worker_has_the_plane() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let guard = rig.table.plane(lane(&client)).unwrap();
    let (socket, _) = rig.socket(&mut client);
    rig.call(&client, socket.socket, &msg::GetSockName {}).unwrap();
    let (block, _) = client.block().unwrap();
    let accept = msg::Accept { block, reserved: 0 };
    let answer = rig.call(&client, socket.socket, &accept).unwrap_err();
    assert_eq!(answer.error, WireErrno::EOPNOTSUPP, "it does not listen");
    drop(guard);
}

#[test]
fn what_needs_the_plane_gets_it_before_the_worker_has_it_again() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let guard = rig.table.plane(lane(&client)).unwrap();
    let pending = rig.ask(&client, 0, &ADD);
    assert!(pending.is_parked());
    // One of a session's threads waits; the library asks again for the others.
    let other = rig.call(&client, 0, &msg::DropWaiter { slot: 1, reserved: 0 });
    assert_eq!(other.unwrap_err().error, WireErrno::EREPEAT);
    drop(guard);
    assert_eq!(world(|w| w.drained), 1, "the control thread is told");
    socket.submit(0, b"later");
    rig.mark(&client, &socket);
    rig.table.work(0);
    assert!(stream.with(|s| s.sent.is_empty()), "the worker leaves it alone");
    assert!(rig.table.may_sleep(0), "and does not spin for it");
    rig.control.finish(rig.table);
    pending.reply::<msg::AddWaiter>().unwrap();
    rig.work();
    assert_eq!(stream.with(|s| s.sent.clone()), b"later");
}

#[test]
fn who_waits_for_the_plane_is_let_go_and_the_worker_is_not_kept_out() {
    for how in ["wants out", "goodbye", "dies"] {
        let mut rig = Rig::new();
        let mut client = rig.client(1, 500);
        let (mut socket, stream) = rig.connected(&mut client);
        let guard = rig.table.plane(lane(&client)).unwrap();
        let pending = rig.ask(&client, 0, &ADD);
        socket.submit(0, b"not kept back");
        rig.mark(&client, &socket);
        match how {
            "wants out" => {
                *pending.parked.lock().unwrap() = Parked::UnblockRequested;
                rig.control.unblock(rig.table, 1);
            }
            "goodbye" => {
                rig.call(&client, 0, &msg::Goodbye {}).unwrap();
            }
            _ => rig.die(1),
        }
        assert!(!pending.is_parked(), "{how}");
        drop(guard);
        rig.work();
        assert_eq!(stream.with(|s| s.sent.clone()), b"not kept back", "{how}");
    }
}

#[test]
fn a_worker_that_finds_the_plane_in_use_is_called_back() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let lane = lane(&client);
    socket.submit(0, b"not forgotten");
    {
        let _control = rig.table.plane(lane).unwrap();
        rig.ring(&client, &socket);
        assert!(stream.with(|s| s.sent.is_empty()));
        // Nor does the worker spin for it.
        assert!(rig.table.may_sleep(0));
    }
    rig.work();
    assert_eq!(stream.with(|s| s.sent.clone()), b"not forgotten");
}

#[test]
fn a_session_whose_goodbye_meets_a_worker_ends_all_the_same() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    // As in `quantum`: the worker has the plane while the client says goodbye.
    let guard = rig.table.plane(lane(&client)).unwrap();
    rig.call(&client, 0, &msg::Goodbye {}).unwrap();
    assert_eq!(rig.control.sessions(), 1);
    drop(guard);
    assert!(
        world(|w| w.drained) > 0,
        "the worker tells that the plane is free"
    );
    rig.work();
    rig.control.finish(rig.table);
    rig.assert_empty();
}

#[test]
fn the_plane_goes_back_with_the_last_socket() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    rig.waiter(&client, 1);
    socket.submit(0, b"held");
    rig.ring(&client, &socket);
    rig.die(1);
    assert_eq!(rig.control.sessions(), 1, "a socket is still in it");
    rig.work();
    assert_eq!(rig.control.sessions(), 0);
    let plane = rig.table.plane(lane(&client)).unwrap();
    assert!(plane.area().is_none() && plane.waiter(1).is_none());
    assert!(plane.pools().iter().all(Option::is_none));
    drop(plane);
    assert_eq!(rig.table.pools.mapped(), 1, "the orphan holds it");
    stream.ack_all();
    rig.work();
    rig.assert_empty();
}
