//! Messages, identity, quotas, pools, and the end of sessions.

use super::Sender;
use crate::{
    limits::{PARKED_PER_SESSION, SESSIONS_PER_UID, SOCKETS_PER_SESSION},
    seam::{ObjectFlags, Parked},
    testing::{Outcome, POOL_LEN, Rig, good_flags, world},
};
use csock_wire::{
    Field, Kind, MsgHeader, PoolHeader, SockAddr, WireErrno,
    layout::ModuleState,
    msg::{self, Events},
};
use zerocopy::IntoBytes;

fn wait_readable() -> msg::Wait {
    msg::Wait {
        events: Events::READABLE.bits(),
        seen_sq: 0,
        seen_cq: 0,
        seen_rq: 0,
    }
}

#[test]
fn every_type_and_every_length_is_answered() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    for number in 0..=u16::MAX {
        let mut bytes = [0u8; 64];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        let outcome = rig.send_raw(client.sender, &bytes, 512).outcome().unwrap();
        match Kind::from_wire(number) {
            None if number == 0x100 => assert_eq!(outcome, Outcome::Reply(vec![])),
            None => assert_eq!(outcome, Outcome::Error(WireErrno::ENOSYS)),
            Some(_) => assert!(matches!(
                outcome,
                Outcome::Reply(_) | Outcome::Error(WireErrno::EBADMSG)
            )),
        }
    }
    for kind in Kind::ALL {
        for len in 0..kind.request_len() + 8 {
            let mut bytes = vec![0u8; len];
            let header = MsgHeader::new(*kind, client.session, 0);
            for (to, from) in bytes.iter_mut().zip(header.as_bytes()) {
                *to = *from;
            }
            let outcome = rig
                .send_raw(client.sender, &bytes, kind.reply_len())
                .outcome()
                .unwrap();
            match len {
                // Goodbye is the one that is whole without a body and ends the session.
                _ if len < kind.request_len() => assert_eq!(outcome, Outcome::Error(WireErrno::EBADMSG)),
                _ => assert!(matches!(outcome, Outcome::Reply(bytes) if bytes.len() == kind.reply_len())),
            }
        }
    }
}

#[test]
fn a_reply_without_room_is_refused_before_any_effect() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let body = msg::Socket {
        domain: 2,
        kind: 1,
        rings: client.geometry(),
        ..msg::Socket::default()
    };
    let mut buf = [0; msg::MAX_REQUEST_LEN];
    let bytes = msg::encode_request(client.session, 0, &body, &mut buf).unwrap();
    assert_eq!(
        rig.send_raw(client.sender, bytes, 10).outcome(),
        Some(Outcome::Error(WireErrno::EMSGSIZE))
    );
    assert_eq!(rig.table.open_sockets(), 0);
}

#[test]
fn a_session_answers_its_own_client_only() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.socket(&mut client);
    let mut thief = rig.client(2, 500);
    let (_own, _) = rig.socket(&mut thief);
    // With the right number over the wrong connection.
    let own = thief.session;
    thief.session = client.session;
    assert_eq!(
        rig.call(&thief, socket.socket, &msg::GetSockName {})
            .unwrap_err()
            .what,
        Field::Session
    );
    // With its own session, but another's socket: every handle.
    thief.session = own;
    for index in 0..8 {
        for generation in 0..4u32 {
            let raw = index | generation << 16;
            if let Ok(_addr) = rig.call(&thief, raw, &msg::GetSockName {}) {
                assert_ne!(raw, socket.socket);
            }
        }
    }
    // A doorbell over the wrong connection is dropped.
    let before = rig.table.ledger().doorbells;
    rig.control
        .doorbell(rig.table, thief.sender.scoid, i64::from(socket.socket));
    assert_eq!(rig.table.ledger().doorbells, before);
}

#[test]
fn a_closed_handle_never_names_its_successor() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (first, _) = rig.socket(&mut client);
    rig.call(
        &client,
        first.socket,
        &msg::Close {
            tx_position: 0,
            reserved: 0,
        },
    )
    .unwrap();
    let (second, _) = rig.socket(&mut client);
    assert_eq!(first.socket & 0xFFFF, second.socket & 0xFFFF);
    assert_eq!(
        rig.call(&client, first.socket, &msg::GetSockName {})
            .unwrap_err()
            .error,
        WireErrno::EBADF
    );
    rig.call(&client, second.socket, &msg::GetSockName {}).unwrap();
}

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
    for _ in 0..SESSIONS_PER_UID {
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
    rig.control.disconnect(rig.table, 1);
    rig.control.disconnect(rig.table, 2);
    assert_eq!(world(|w| w.forgotten.clone()), [1, 2]);
    rig.assert_empty();
}

#[test]
fn only_memory_that_cannot_vanish_is_taken() {
    let mut rig = Rig::new();
    let mut client = rig.connect_client(1, 500);
    client.session = rig.call(&client, 0, &msg::Hello::THIS).unwrap().session;
    let size = POOL_LEN as u64;
    PoolHeader {
        size,
        data_offset: 32768,
    }
    .write(&client.mem)
    .unwrap();
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
            unsafe_kind: true,
            ..good
        },
    ] {
        let handle = rig.offer(&client, flags, size);
        let refused = rig
            .call(&client, 0, &msg::PoolAttach { handle, size })
            .unwrap_err();
        assert_eq!(
            (refused.error, refused.what),
            (WireErrno::EACCES, Field::PoolFlags)
        );
    }
    // The kernel's length counts, not the message's.
    let handle = rig.offer(&client, good, size - 4096);
    let refused = rig
        .call(&client, 0, &msg::PoolAttach { handle, size })
        .unwrap_err();
    assert_eq!((refused.what, refused.allowed), (Field::PoolSize, size - 4096));
    for size in [0, u64::MAX] {
        assert_eq!(
            rig.call(&client, 0, &msg::PoolAttach { handle: 1, size })
                .unwrap_err()
                .what,
            Field::PoolSize
        );
    }
    // A handle is good once, and only from its maker.
    let handle = rig.offer(&client, good, size);
    let mut stranger = rig.connect_client(9, 500);
    stranger.session = rig.call(&stranger, 0, &msg::Hello::THIS).unwrap().session;
    let refused = rig
        .call(&stranger, 0, &msg::PoolAttach { handle, size })
        .unwrap_err();
    assert_eq!(refused.what, Field::PoolHandle);
    let handle = rig.offer(&client, good, size);
    rig.call(&client, 0, &msg::PoolAttach { handle, size }).unwrap();
    let again = rig
        .call(&client, 0, &msg::PoolAttach { handle, size })
        .unwrap_err();
    assert_eq!(again.error, WireErrno::EEXIST);
    // Detached only when nobody uses it.
    let (socket, _) = rig.socket(&mut client);
    assert_eq!(
        rig.call(&client, 0, &msg::PoolDetach {}).unwrap_err().error,
        WireErrno::EBUSY
    );
    rig.call(
        &client,
        socket.socket,
        &msg::Close {
            tx_position: 0,
            reserved: 0,
        },
    )
    .unwrap();
    rig.call(&client, 0, &msg::PoolDetach {}).unwrap();
    rig.work();
    assert_eq!(rig.table.pools.mapped(), 0);
}

#[test]
fn limits_hold_for_one_and_spare_the_others() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let mut sockets: Vec<_> = (0..SOCKETS_PER_SESSION)
        .map(|_| rig.socket(&mut client))
        .collect();
    let body = msg::Socket {
        domain: 2,
        kind: 1,
        ..msg::Socket::default()
    };
    let refused = rig.call(&client, 0, &body).unwrap_err();
    assert_eq!(
        (refused.error, refused.what, refused.allowed),
        (WireErrno::EMFILE, Field::SocketCount, 4)
    );
    let mut other = rig.client(2, 501);
    let _ = rig.socket(&mut other);
    let (socket, _) = sockets.pop().unwrap();
    let parked: Vec<_> = (0..PARKED_PER_SESSION)
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
    rig.control.disconnect(rig.table, 1);
    rig.control.disconnect(rig.table, 2);
    rig.assert_empty();
}

#[test]
fn a_dead_clients_data_still_goes_out_and_then_everything_is_back() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    socket.submit(0, b"twenty bytes of data", 1);
    let parked = rig.ask(&client, socket.socket, &wait_readable());
    rig.control.disconnect(rig.table, 1);
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
    rig.table.config.set_for_test(false, 500);
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, b"nobody reads this", 1);
    rig.ring(&client, &socket);
    rig.control.disconnect(rig.table, 1);
    rig.work();
    assert!(stream.with(|s| !s.aborted));
    assert!(rig.table.sleep_ms().is_some_and(|ms| ms <= 500));
    world(|w| w.now += 501);
    rig.work();
    assert!(stream.with(|s| s.aborted));
    assert_eq!(socket.state(), ModuleState::Released);
    rig.assert_empty();
}

#[test]
fn unblock_answers_the_one_that_asked() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.connected(&mut client);
    let stays = rig.ask(&client, socket.socket, &wait_readable());
    let leaves = rig.ask(&client, socket.socket, &wait_readable());
    rig.control.unblock(rig.table, 1);
    assert!(
        stays.is_parked() && leaves.is_parked(),
        "a stale pulse changes nothing"
    );
    *leaves.parked.lock().unwrap() = Parked::UnblockRequested;
    rig.control.unblock(rig.table, 1);
    assert!(stays.is_parked());
    assert_eq!(leaves.outcome(), Some(Outcome::Kernel));
    rig.control.disconnect(rig.table, 1);
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
    socket.submit(0, b"in the stack", 1);
    rig.ring(&client, &socket);
    let parked = rig.ask(&client, socket.socket, &wait_readable());
    rig.control.stop(rig.table);
    assert!(!parked.is_parked() && stream.with(|s| s.aborted));
    rig.assert_empty();
    // A client that comes back meanwhile gets no socket that lives.
    rig.table.start();
    let mut client = rig.client(5, 500);
    let _ = rig.connected(&mut client);
    rig.control.disconnect(rig.table, 5);
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
    rig.control.disconnect(rig.table, 77);
    assert_eq!(world(|w| w.forgotten.clone()), [77]);
}

#[test]
fn lost_pulses_are_made_up_for() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let waits = rig.ask(&client, socket.socket, &wait_readable());
    let dead = rig.client(2, 500);
    world(|w| w.uids.remove(&2));
    // A doorbell, an unblock and a disconnect, all dropped.
    socket.submit(0, b"unheard", 1);
    *waits.parked.lock().unwrap() = Parked::Gone;
    rig.control.recover(rig.table);
    rig.work();
    assert_eq!(stream.with(|s| s.sent.clone()), b"unheard");
    assert_eq!(waits.outcome(), Some(Outcome::Kernel));
    assert_eq!(world(|w| w.forgotten.clone()), [dead.sender.scoid]);
}

#[test]
fn the_log_cannot_be_flooded() {
    let rig = Rig::new();
    for _ in 0..1000 {
        rig.table.log.line::<crate::testing::Fake>(|line| {
            line.text("again");
        });
    }
    assert_eq!(world(|w| w.log.len()), 10);
    world(|w| w.now += 60_000);
    rig.table.log.line::<crate::testing::Fake>(|line| {
        line.text("again");
    });
    assert_eq!(
        world(|w| w.log.last().cloned().unwrap()),
        "csock: (990 lines suppressed) again"
    );
}

#[test]
fn keys_survive_the_mbuf() {
    use crate::seam::ReleaseKey;
    let key = ReleaseKey {
        socket: 0xFFFF_0003,
        entry: 0xABCD,
        pool: 0x1234,
    };
    let (arg1, arg2) = key.to_args();
    assert_eq!(ReleaseKey::from_args(arg1, arg2), key);
}
