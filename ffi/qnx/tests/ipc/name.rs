//! Names.

use std::ffi::CString;
use std::thread;

use qnx::*;

use crate::stand::{error, flags, message, up};

#[test]
fn a_client_finds_the_channel_by_name_until_it_is_dropped() {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    let path = CString::new("ipc-test/found").expect("no zero in it");
    let name = AttachedName::attach(&channel, &path, NameFlags::empty()).expect("attached");
    let server = thread::spawn(move || {
        let mut buf = [0; 64];
        loop {
            let request = message(&channel, &mut buf);
            // Old releases, and gns, send _IO_CONNECT first.
            if buf.starts_with(&0x100_u16.to_le_bytes()) {
                request.reply(0, b"").expect("answered");
                continue;
            }
            request.reply(0, b"pong").expect("answered");
            return channel;
        }
    });
    let connection = Connection::open_name(&path).expect("found");
    let mut reply = [0; 4];
    assert_eq!(connection.send(b"ping", &mut reply), Ok(0));
    assert_eq!(&reply, b"pong");
    let channel = server.join().expect("no panic");
    assert_eq!(connection.server_info().map(|info| info.chid), Ok(channel.id()));
    drop(name);
    assert_eq!(error(Connection::open_name(&path)), Errno::ENOENT);
    // Only the name is gone.
    connection.send_pulse(None, 1, 1).expect("the channel lives");
}

#[test]
fn bad_names_are_refused() {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    for bad in ["/leading", "up/../there"] {
        let path = CString::new(bad).expect("no zero in it");
        assert_eq!(
            error(AttachedName::attach(&channel, &path, NameFlags::empty())),
            Errno::EINVAL,
            "{bad}"
        );
    }
    assert_eq!(error(Connection::open_name(c"ipc-test/nobody")), Errno::ENOENT);
}

#[test]
fn a_name_is_taken_once() {
    up();
    let channel = Channel::create(flags()).expect("a channel");
    let name = AttachedName::attach(&channel, c"ipc-test/taken", NameFlags::empty()).expect("attached");
    let second = error(AttachedName::attach(
        &channel,
        c"ipc-test/taken",
        NameFlags::empty(),
    ));
    assert!(second == Errno::EBUSY || second == Errno::EEXIST, "{second}");
    name.detach().expect("detached");
    AttachedName::attach(&channel, c"ipc-test/taken", NameFlags::empty()).expect("free again");
}
