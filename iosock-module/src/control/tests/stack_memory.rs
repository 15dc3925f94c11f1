//! What the socket buffers of a user may hold.

use crate::{
    handle::Handle,
    machine::Stream,
    testing::{Client, FakeStream, Rig, world},
};
use core::sync::atomic::Ordering;
use csock_wire::{Refusal, SockOpt, WireErrno, msg};

fn set(rig: &mut Rig, client: &Client, socket: u32, option: SockOpt, size: i32) -> Result<(), Refusal> {
    let (level, name) = option.to_wire();
    let mut body = msg::SetSockOpt {
        level,
        name,
        len: 4,
        ..msg::SetSockOpt::default()
    };
    body.value[..4].copy_from_slice(&size.to_le_bytes());
    rig.call(client, socket, &body).map(|_| ())
}

/// What the stack was told; 0: nothing.
fn sizes(stream: &FakeStream) -> [i32; 2] {
    [SockOpt::SndBuf, SockOpt::RcvBuf].map(|option| stream.option(option).unwrap().first)
}

#[test]
fn buffers_of_one_user_have_a_limit_and_the_others_have_theirs() {
    let mut rig = Rig::new();
    for limit in [c"csock.sockets_per_session", c"csock.sockets_per_uid"] {
        rig.table.config.tune(limit, 6);
    }
    rig.table.config.tune(c"csock.buffer_mib_per_uid", 8);
    let mut greedy = rig.client(1, 500);
    let (first, stream) = rig.socket(&mut greedy);
    assert_eq!(sizes(&stream), [0, 0], "a first socket has what is configured");
    // Half a MiB is used for sending, half for receiving.
    let refused = set(&mut rig, &greedy, first.socket, SockOpt::RcvBuf, (15 << 19) + 1).unwrap_err();
    assert_eq!((refused.error, refused.allowed), (WireErrno::ENOBUFS, 15 << 19));
    assert_eq!(sizes(&stream), [0, 0], "the stack was not asked");
    set(&mut rig, &greedy, first.socket, SockOpt::RcvBuf, 7 << 20).unwrap();
    // Now half a MiB is left: another socket is not refused, and gets little.
    let (_, stream) = rig.socket(&mut greedy);
    assert_eq!(sizes(&stream), [64 << 10, 64 << 10]);
    assert_eq!(rig.table.refusals.buffers.load(Ordering::Relaxed), 2);
    // What is given back can be had again.
    set(&mut rig, &greedy, first.socket, SockOpt::RcvBuf, 1 << 19).unwrap();
    let (_, stream) = rig.socket(&mut greedy);
    assert_eq!(sizes(&stream), [440 << 10, 440 << 10]);
    for uid in [0, 501] {
        let mut other = rig.client(i32::try_from(uid).unwrap() + 2, uid);
        let (_, stream) = rig.socket(&mut other);
        assert_eq!(sizes(&stream), [0, 0], "user id {uid} has its own");
    }
}

#[test]
fn connections_count_with_the_sizes_of_their_listener() {
    let mut rig = Rig::new();
    rig.table.config.tune(c"csock.buffer_mib_per_uid", 16);
    let mut client = rig.client(1, 500);
    let (listener, _) = rig.socket(&mut client);
    let granted = |rig: &Rig, socket: u32| {
        let handle = Handle::from_raw(socket).unwrap();
        rig.table.sockets[handle.index()].granted.sum()
    };
    assert_eq!(granted(&rig, listener.socket), 1 << 20);
    set(&mut rig, &client, listener.socket, SockOpt::SndBuf, 3 << 18).unwrap();
    assert_eq!(granted(&rig, listener.socket), 5 << 18);
    let stack = world(|w| w.made.last().unwrap().clone_handle());
    rig.call(
        &client,
        listener.socket,
        &msg::Listen {
            backlog: 5,
            ..msg::Listen::default()
        },
    )
    .unwrap();
    let accept = msg::Accept {
        block: msg::NO_BLOCK,
        reserved: 0,
    };
    let child = |rig: &mut Rig| {
        let peer = FakeStream::connected();
        let handle = peer.clone_handle();
        stack.with(|s| s.backlog.push_back(peer));
        let socket = rig.call(&client, listener.socket, &accept).unwrap().socket;
        (socket, sizes(&handle))
    };
    // The stack gives a connection what its listener has: it is not asked again.
    let (socket, told) = child(&mut rig);
    assert_eq!((granted(&rig, socket), told), (5 << 18, [0, 0]));
    rig.table.config.tune(c"csock.buffer_mib_per_uid", 3);
    let (socket, told) = child(&mut rig);
    assert_eq!((granted(&rig, socket), told), (128 << 10, [64 << 10, 64 << 10]));
    rig.call(&client, socket, &msg::Close { after: 0 }).unwrap();
    assert_eq!(granted(&rig, socket), 0, "given back with the socket");
}
