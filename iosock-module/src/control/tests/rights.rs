//! Who may what, and how much of it.

use super::wait_readable;
use crate::testing::{attach, socket_body};
use crate::{
    limits::MAX_SOCKETS,
    machine::{Credentials, ObjectFlags},
    testing::{POOL_LEN, Rig, good_flags, world},
};
use core::sync::atomic::Ordering;
use csock_wire::{
    Field, SockAddr, WireErrno,
    msg::{self},
};

#[test]
fn hello_negotiates_and_counts() {
    let mut rig = Rig::new();
    let client = rig.connect_client(1, 500);
    let old = msg::Hello {
        min_version: 0,
        max_version: 0,
        ..msg::Hello::THIS
    };
    assert_eq!(rig.call(&client, 0, &old).unwrap_err().what, Field::Version);
    let other = msg::Hello {
        layout_hash: 1,
        ..msg::Hello::THIS
    };
    assert_eq!(rig.call(&client, 0, &other).unwrap_err().what, Field::LayoutHash);
    for _ in 0..rig.table.config.sessions_per_uid() {
        rig.call(&client, 0, &msg::Hello::THIS).unwrap();
    }
    let refused = rig.call(&client, 0, &msg::Hello::THIS).unwrap_err();
    assert_eq!(
        (refused.error, refused.what),
        (WireErrno::EUSERS, Field::SessionCount)
    );
    assert_eq!((refused.value, refused.allowed), (3, 3));
    // Another user still gets in.
    let other = rig.connect_client(2, 501);
    rig.call(&other, 0, &msg::Hello::THIS).unwrap();
    rig.die(1);
    rig.die(2);
    assert_eq!(world(|w| w.forgotten.clone()), [1, 2]);
    rig.assert_empty();
}

/// S-42: mode, owner and group decide when a session is opened, whichever way the connection came.
#[test]
fn who_may_connect_is_configured() {
    let mut rig = Rig::new();
    let (root, owner, other) = (
        rig.connect_client(1, 0),
        rig.connect_client(2, 500),
        rig.connect_client(3, 501),
    );
    rig.table.config.tune(c"csock.mode", 0o600);
    rig.table.config.tune(c"csock.uid", 500);
    let refused = rig.call(&other, 0, &msg::Hello::THIS).unwrap_err();
    assert_eq!(refused.error, WireErrno::EACCES);
    rig.call(&owner, 0, &msg::Hello::THIS).unwrap();
    rig.call(&root, 0, &msg::Hello::THIS).unwrap();
    // Everybody is in the group.
    rig.table.config.tune(c"csock.mode", 0o060);
    rig.table.config.tune(c"csock.gid", 9);
    rig.call(&other, 0, &msg::Hello::THIS).unwrap();
    let refused = rig.call(&owner, 0, &msg::Hello::THIS).unwrap_err();
    assert_eq!(refused.error, WireErrno::EACCES, "the owner has no rights");
    // Who may only read may not send.
    rig.table.config.tune(c"csock.mode", 0o444);
    let refused = rig.call(&other, 0, &msg::Hello::THIS).unwrap_err();
    assert_eq!(refused.error, WireErrno::EACCES);
    for scoid in 1..4 {
        rig.die(scoid);
    }
    rig.assert_empty();
}

#[test]
fn only_memory_that_cannot_vanish_is_taken() {
    let mut rig = Rig::new();
    let mut client = rig.connect_client(1, 500);
    client.session = rig.call(&client, 0, &msg::Hello::THIS).unwrap().session;
    let size = POOL_LEN as u64;
    client.write_header();
    let good = good_flags();
    for flags in [
        ObjectFlags {
            anonymous: false,
            ..good
        },
        ObjectFlags {
            sealed: false,
            ..good
        },
        ObjectFlags {
            can_vanish: true,
            ..good
        },
    ] {
        let handle = rig.offer(&client, flags, size);
        let refused = rig.call(&client, 0, &attach(handle, size)).unwrap_err();
        assert_eq!(
            (refused.error, refused.what),
            (WireErrno::EACCES, Field::PoolFlags)
        );
    }
    // The kernel's length counts, not the message's.
    let handle = rig.offer(&client, good, size - 4096);
    let refused = rig.call(&client, 0, &attach(handle, size)).unwrap_err();
    assert_eq!((refused.what, refused.allowed), (Field::PoolSize, size - 4096));
    for size in [0, u64::MAX] {
        assert_eq!(
            rig.call(&client, 0, &attach(1, size)).unwrap_err().what,
            Field::PoolSize
        );
    }
    // A handle is good once, and only from its maker.
    let handle = rig.offer(&client, good, size);
    let mut stranger = rig.connect_client(9, 500);
    stranger.session = rig.call(&stranger, 0, &msg::Hello::THIS).unwrap().session;
    let refused = rig.call(&stranger, 0, &attach(handle, size)).unwrap_err();
    assert_eq!(refused.what, Field::PoolHandle);
    let handle = rig.offer(&client, good, size);
    rig.call(&client, 0, &attach(handle, size)).unwrap();
    let again = rig.call(&client, 0, &attach(handle, size)).unwrap_err();
    assert_eq!(again.error, WireErrno::EEXIST);
    // Detached only when nobody uses it.
    let (socket, _) = rig.socket(&mut client);
    assert_eq!(
        rig.call(&client, 0, &msg::PoolDetach::default())
            .unwrap_err()
            .error,
        WireErrno::EBUSY
    );
    rig.call(&client, socket.socket, &msg::Close { after: 0 })
        .unwrap();
    rig.call(&client, 0, &msg::PoolDetach::default()).unwrap();
    rig.work();
    assert_eq!(rig.table.pools.mapped(), 0);
}

#[test]
fn limits_hold_for_one_and_spare_the_others() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let mut sockets: Vec<_> = (0..rig.table.config.sockets_per_session())
        .map(|_| rig.socket(&mut client))
        .collect();
    let body = socket_body(msg::NO_BLOCK);
    let refused = rig.call(&client, 0, &body).unwrap_err();
    assert_eq!(
        (refused.error, refused.what, refused.allowed),
        (WireErrno::EMFILE, Field::SocketCount, 4)
    );
    let mut other = rig.client(2, 501);
    let _ = rig.socket(&mut other);
    let (socket, _) = sockets.pop().unwrap();
    let parked: Vec<_> = (0..rig.table.config.parked_per_session())
        .map(|_| rig.ask(&client, socket.socket, &wait_readable()))
        .collect();
    assert!(parked.iter().all(crate::testing::Pending::is_parked));
    let refused = rig
        .call(&client, sockets[0].0.socket, &wait_readable())
        .unwrap_err();
    assert_eq!(
        (refused.error, refused.what),
        (WireErrno::EBUSY, Field::ParkedCount)
    );
    rig.die(1);
    rig.die(2);
    rig.assert_empty();
}

#[test]
fn only_root_binds_low_ports_and_nobody_takes_anothers() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let mut root = rig.client(2, 0);
    let (socket, _) = rig.socket(&mut client);
    let (root_socket, _) = rig.socket(&mut root);
    let bind = |port| msg::Bind {
        addr: SockAddr::v4([0; 4], port),
    };
    for port in [1, 80, 1023] {
        let refused = rig.call(&client, socket.socket, &bind(port)).unwrap_err();
        assert_eq!(
            (refused.error, refused.what, refused.allowed),
            (WireErrno::EACCES, Field::AddrPort, 1024)
        );
    }
    rig.call(&root, root_socket.socket, &bind(80)).unwrap();
    rig.call(&client, socket.socket, &bind(1024)).unwrap();
    let (second, _) = rig.socket(&mut root);
    assert_eq!(
        rig.call(&root, second.socket, &bind(1024)).unwrap_err().error,
        WireErrno::EADDRINUSE
    );
    let v6 = msg::Bind {
        addr: SockAddr::v6([0; 16], 5000, 0, 0),
    };
    assert_eq!(
        rig.call(&root, second.socket, &v6).unwrap_err().error,
        WireErrno::EAFNOSUPPORT
    );
}

#[test]
fn everybodys_ledger_is_for_root_alone() {
    let mut rig = Rig::new();
    let mut busy = rig.client(1, 500);
    let _ = rig.connected(&mut busy);
    for (scoid, uid) in [(2, 0), (3, 501)] {
        let client = rig.client(scoid, uid);
        let stats = rig.call(&client, 0, &msg::Stats {}).unwrap();
        assert_eq!(stats.mine.sessions_open, 1);
        if uid == 0 {
            assert_eq!((stats.total.sessions_open, stats.total.sockets_open), (2, 1));
        } else {
            assert_eq!(stats.total, csock_wire::Counters::default());
        }
    }
}

#[test]
fn no_users_keep_root_out() {
    let mut rig = Rig::new();
    rig.table.config.tune(c"csock.root_sessions", 1);
    rig.table.config.tune(c"csock.sessions_per_uid", 2);
    let hello = |rig: &mut Rig, scoid, uid| {
        let client = rig.connect_client(scoid, uid);
        rig.call(&client, 0, &msg::Hello::THIS).map(|_| ())
    };
    // Two users take what they can.
    let taken = (1..=6).filter(|scoid| hello(&mut rig, *scoid, 500 + *scoid as u32 % 2).is_ok());
    assert_eq!(taken.count(), 3);
    assert_eq!(rig.table.refusals.sessions.load(Ordering::Relaxed), 3);
    hello(&mut rig, 7, 0).unwrap();
}

#[test]
fn the_last_sockets_are_for_root_and_for_who_has_few() {
    let mut rig = Rig::new();
    let all = u32::try_from(MAX_SOCKETS).unwrap();
    assert!(all <= rig.table.config.few_sockets(), "who has few, has few here");
    for limit in [c"csock.sockets_per_session", c"csock.sockets_per_uid"] {
        rig.table.config.tune(limit, all);
    }
    rig.table.config.tune(c"csock.root_sockets", 2);
    let body = socket_body(msg::NO_BLOCK);
    let greedy = rig.client(1, 500);
    for _ in 0..all - 2 {
        rig.call(&greedy, 0, &body).unwrap();
    }
    let refused = rig.call(&greedy, 0, &body).unwrap_err();
    assert_eq!(
        (refused.error, refused.allowed),
        (WireErrno::ENFILE, u64::from(all) - 2)
    );
    let root = rig.client(2, 0);
    rig.call(&root, 0, &body).unwrap();
    rig.call(&root, 0, &body).unwrap();
    assert_eq!(rig.call(&root, 0, &body).unwrap_err().error, WireErrno::ENFILE);
    assert_eq!(rig.table.refusals.sockets.load(Ordering::Relaxed), 2);
}

#[test]
fn closed_sockets_of_a_stalled_peer_make_room_for_new_ones() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let mut streams = Vec::new();
    for _ in 0..rig.table.config.sockets_per_session() {
        let (mut socket, stream) = rig.connected(&mut client);
        socket.submit(0, b"nobody reads this");
        let close = msg::Close {
            after: socket.writer.tail(),
        };
        rig.call(&client, socket.socket, &close).unwrap();
        streams.push(stream);
        world(|w| w.now += 10);
    }
    let body = socket_body(msg::NO_BLOCK);
    let early = rig.call(&client, 0, &body).unwrap_err();
    assert_eq!(early.error, WireErrno::EMFILE, "each has a second to send");
    world(|w| w.now += 1_000);
    rig.call(&client, 0, &body).unwrap();
    let aborted: Vec<bool> = streams.iter().map(|s| s.with(|s| s.aborted)).collect();
    assert_eq!(aborted, [true, false, false, false], "the oldest, and only it");
}

/// Where a pulse cannot come, none can fill the queue that a message waits in.
#[test]
fn who_must_ring_by_message_rings_apart_from_who_need_not() {
    let mut rig = Rig::new();
    let [pulses, messages] = [11, 12];
    rig.table.doorbell_chids[0].store(pulses, Ordering::Relaxed);
    rig.table.doorbell_chids[1].store(messages, Ordering::Relaxed);
    for (scoid, uid, io_sock, chid) in [
        (1, 0, 0, pulses),
        (2, 500, 0, messages),
        // io-sock has dropped root.
        (3, 77, 77, pulses),
        (4, 0, 77, pulses),
        (5, 500, 77, messages),
    ] {
        world(|w| w.uids.insert(Credentials::OWN, io_sock));
        let client = rig.connect_client(scoid, uid);
        let hello = rig.call(&client, 0, &msg::Hello::THIS);
        let Ok(hello) = hello else {
            panic!("user {uid}: {hello:?}")
        };
        assert_eq!(hello.doorbell_chid, chid, "user {uid} of {io_sock}'s io-sock");
        rig.bury(scoid);
    }
}
