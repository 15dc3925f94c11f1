//! Events: registered, verified, delivered, refused.

use std::thread;

use qnx::*;

use crate::stand::{error, flags, message, pair, up};

#[test]
fn a_registered_pulse_arrives_after_the_answer() {
    let (server, to_server) = pair();
    let own = Channel::create(flags() | ChannelFlags::PRIVATE).expect("a channel");
    let to_self = Connection::attach(0, own.id(), ConnectFlags::empty()).expect("a connection");
    let event = Event::pulse(&to_self, Some(10), 9, 1).with_flags(EventFlags::UPDATEABLE);
    let registered = event.register(&to_server).expect("registered");
    let bytes = registered.event().to_bytes();
    let client = thread::spawn(move || {
        to_server.send(&bytes, &mut []).expect("answered");
        to_server
    });
    let mut buf = [0; 64];
    let request = message(&server, &mut buf);
    let asked = Event::from_bytes(buf.first_chunk().expect("32 bytes were sent"));
    asked.verify(request.rcvid()).expect("sound");
    let rcvid = request.rcvid();
    request.reply(0, b"").expect("answered");
    let to_server = client.join().expect("no panic");
    asked.with_value(0x1_0000_0002).deliver(rcvid).expect("delivered");
    let pulse = own.receive_pulse().expect("a pulse");
    assert_eq!((pulse.code, pulse.value), (9, 0x1_0000_0002));
    registered.unregister().expect("unregistered");
    assert!(asked.deliver(rcvid).is_err());
    drop(to_server);
}

#[test]
fn a_malformed_event_is_refused() {
    let (server, to_server) = pair();
    let client = thread::spawn(move || to_server.send(&[0xFF; 32], &mut []));
    let mut buf = [0; 64];
    let request = message(&server, &mut buf);
    let asked = Event::from_bytes(buf.first_chunk().expect("32 bytes were sent"));
    assert!(asked.verify(request.rcvid()).is_err());
    assert!(asked.deliver(request.rcvid()).is_err());
    request.reply(0, b"").expect("answered");
    client.join().expect("no panic").expect("answered");
}

#[test]
fn registering_needs_a_server() {
    let (server, to_server) = pair();
    up();
    drop(server);
    let outcome = error(Event::signal(16).register(&to_server));
    assert_eq!(outcome, Errno::EBADF);
}
