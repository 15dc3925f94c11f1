//! Messages, lengths, identity, parked requests.

use super::wait_readable;
use crate::{
    machine::Parked,
    testing::{Outcome, Rig, socket_body, world},
};
use csock_wire::{
    Field, Kind, MsgHeader, WireErrno,
    msg::{self},
};
use zerocopy::{FromBytes, IntoBytes};

#[test]
fn every_type_and_every_length_is_answered() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    for number in (0..=u16::MAX).step_by(if cfg!(miri) { 257 } else { 1 }) {
        let mut bytes = [0u8; 64];
        bytes[..2].copy_from_slice(&number.to_le_bytes());
        let outcome = rig.send_raw(client.sender, &bytes, 512).outcome().unwrap();
        match Kind::from_wire(number) {
            None => assert_eq!(outcome, Outcome::Error(WireErrno::ENOSYS)),
            Some(_) => assert!(matches!(
                outcome,
                Outcome::Reply(_) | Outcome::Error(WireErrno::EBADMSG)
            )),
        }
    }
    for kind in Kind::ALL {
        for len in (0..kind.request_len() + 8).step_by(if cfg!(miri) { 7 } else { 1 }) {
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
    let body = socket_body(client.block().unwrap().0);
    let mut buf = [0; msg::MAX_REQUEST_LEN];
    let bytes = msg::encode_request(client.session, 0, &body, &mut buf).unwrap();
    assert_eq!(
        rig.send_raw(client.sender, bytes, 10).outcome(),
        Some(Outcome::Error(WireErrno::EMSGSIZE))
    );
    let room = msg::encode_request(client.session, 0, &body, &mut buf)
        .unwrap()
        .to_vec();
    let cut = rig.send_raw(client.sender, &room, 28).outcome();
    let Some(Outcome::Reply(bytes)) = cut else {
        panic!("{cut:?}")
    };
    let (header, _) = csock_wire::ReplyHeader::read_from_prefix(&bytes).unwrap();
    let refused = header.to_result().unwrap_err();
    assert_eq!(
        (refused.error, refused.what, refused.value),
        (WireErrno::EMSGSIZE, Field::ReplyLength, 28)
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
}

#[test]
fn a_closed_handle_never_names_its_successor() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (first, _) = rig.socket(&mut client);
    rig.call(&client, first.socket, &msg::Close { after: 0 }).unwrap();
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
fn unblock_answers_the_one_that_asked() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (socket, _) = rig.connected(&mut client);
    let stays = rig.ask(&client, socket.socket, &wait_readable());
    let leaves = rig.ask(&client, socket.socket, &wait_readable());
    rig.control.unblock(rig.table, 1);
    rig.work();
    assert!(
        stays.is_parked() && leaves.is_parked(),
        "a stale pulse changes nothing"
    );
    *leaves.parked.lock().unwrap() = Parked::UnblockRequested;
    rig.control.unblock(rig.table, 1);
    rig.work();
    assert!(stays.is_parked());
    assert_eq!(leaves.outcome(), Some(Outcome::Kernel));
    rig.die(1);
    rig.assert_empty();
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
    socket.submit(0, b"unheard");
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
    // Nor by one client: what another one does is told all the same.
    let lines = |lane: usize| {
        let before = world(|w| w.log.len());
        for _ in 0..1000 {
            rig.table.sessions[lane].log.line::<crate::testing::Fake>(|line| {
                line.text("it lies");
            });
        }
        world(|w| w.log.len()) - before
    };
    assert_eq!((lines(0), lines(1)), (3, 3));
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
    use crate::machine::ReleaseKey;
    let key = ReleaseKey {
        socket: 0xFFFF_0003,
        entry: 0xABCD,
        pool: 0x1234,
    };
    let (arg1, arg2) = key.to_args();
    assert_eq!(ReleaseKey::from_args(arg1, arg2), key);
}
