//! The end of clients, and of the module.

use super::wait_readable;
use crate::control::Sender;
use crate::testing::{Outcome, Rig, world};
use csock_wire::{
    WireErrno,
    msg::{self},
};

#[test]
fn a_dead_clients_data_still_goes_out_and_then_everything_is_back() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    socket.submit(0, b"twenty bytes of data");
    let parked = rig.ask(&client, socket.socket, &wait_readable());
    rig.work();
    rig.bury(1);
    assert_eq!(parked.reply::<msg::Wait>().unwrap_err().error, WireErrno::ESRCH);
    assert_eq!(
        world(|w| w.forgotten.clone()),
        [1],
        "the scoid goes back when no socket knows it any more"
    );
    assert_eq!(rig.control.sessions(), 0);
    rig.work();
    assert_eq!(world(|w| w.unmapped), 0, "the stack still reads the pool");
    stream.ack_all();
    rig.work();
    stream.ack_all();
    rig.work();
    assert!(stream.with(|s| s.closed && !s.aborted && s.sent == b"twenty bytes of data"));
    assert_eq!(world(|w| w.unmapped), 1);
    rig.assert_empty();
}

#[test]
fn an_orphan_out_of_time_is_aborted() {
    let mut rig = Rig::new();
    rig.table.config.tune(c"csock.orphan_ms", 500);
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, b"nobody reads this");
    rig.ring(&client, &socket);
    rig.die(1);
    rig.work();
    assert!(stream.with(|s| !s.aborted));
    assert!(rig.table.sleep_ms().is_some_and(|ms| ms <= 500));
    world(|w| w.now += 501);
    rig.work();
    assert!(stream.with(|s| s.aborted));
    assert!(socket.is_released());
    rig.assert_empty();
}

#[test]
fn a_lost_disconnect_is_found_when_the_place_is_needed() {
    let mut rig = Rig::new();
    for scoid in 1..=3 {
        let client = rig.connect_client(scoid, 500);
        rig.call(&client, 0, &msg::Hello::THIS).unwrap();
    }
    world(|w| w.uids.remove(&2));
    let client = rig.connect_client(4, 500);
    rig.call(&client, 0, &msg::Hello::THIS).unwrap();
    assert_eq!(world(|w| w.forgotten.clone()), [2]);
}

#[test]
fn unload_aborts_everything() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, b"in the stack");
    rig.ring(&client, &socket);
    let parked = rig.ask(&client, socket.socket, &wait_readable());
    rig.control.stop(rig.table);
    rig.work();
    assert!(!parked.is_parked() && stream.with(|s| s.aborted));
    rig.assert_empty();
    // A client that comes back meanwhile gets no socket that lives.
    rig.table.start();
    let mut client = rig.client(5, 500);
    let _ = rig.connected(&mut client);
    rig.die(5);
    rig.assert_empty();
}

#[test]
fn strangers_are_forgotten_at_once() {
    let mut rig = Rig::new();
    let sender = Sender { pid: 5, scoid: 77 };
    assert!(matches!(
        rig.send_raw(sender, &[1, 2, 3], 100).outcome(),
        Some(Outcome::Error(WireErrno::EBADMSG))
    ));
    rig.die(77);
    assert_eq!(world(|w| w.forgotten.clone()), [77]);
}

#[test]
fn a_forged_disconnect_pulse_ends_nobody() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    rig.control.disconnect(rig.table, 1);
    assert_eq!(rig.control.sessions(), 1, "the kernel knows its client");
    assert_eq!(world(|w| w.forgotten.clone()), []);
    socket.submit(0, b"alive");
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.sent.clone()), b"alive");
    stream.ack_all();
    rig.die(1);
    rig.assert_empty();
    assert_eq!(world(|w| w.forgotten.clone()), [1]);
}
