//! What a client submits, and what comes back.

use super::wait;
use crate::testing::{DATA, Rig, world};
use csock_wire::{
    Desc, DescFlags, WireErrno,
    layout::ModuleState,
    msg::{self, Events},
};

#[test]
fn data_goes_out_without_a_copy_and_its_buffer_comes_back_after_the_ack() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    assert_eq!(socket.state(), ModuleState::Active);
    socket.submit(0, b"hello ", 7);
    socket.submit(100, b"world", 8);
    assert!(socket.sq.must_ring().unwrap(), "an idle module sleeps");
    rig.ring(&client, &socket);
    assert_eq!(
        stream.with(|s| (s.sent.clone(), s.sends)),
        (b"hello world".to_vec(), 1),
        "one sosend for both"
    );
    assert!(
        socket.completions().is_empty(),
        "the stack still holds the buffers"
    );
    let parked = rig.ask(&client, socket.socket, &wait(Events::TX_DONE));
    assert!(parked.is_parked());
    stream.ack(1);
    rig.work();
    let reply = parked.reply::<msg::Wait>().unwrap();
    assert_eq!(reply.events, Events::TX_DONE.bits());
    let done = socket.completions();
    assert_eq!(done, [Desc::completion_raw(DATA as u64, 7, 6, WireErrno::OK)]);
    stream.ack(1);
    rig.work();
    assert_eq!(socket.completions().len(), 1);
    let stats = rig.call(&client, 0, &msg::Stats {}).unwrap();
    assert_eq!(
        (
            stats.mine.tx_bytes,
            stats.mine.tx_bytes_copied,
            stats.mine.ext_mbufs_total
        ),
        (11, 0, 2)
    );
    assert_eq!(
        (
            stats.mine.events,
            stats.mine.ext_mbufs_outstanding,
            stats.mine.parked
        ),
        (1, 0, 0)
    );
}

#[test]
fn a_copying_module_completes_at_once() {
    let mut rig = Rig::new();
    rig.table.config.set_for_test(true, 1000);
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    for i in 0..10 {
        socket.submit(i * 10, b"0123456789", i as u64);
    }
    rig.ring(&client, &socket);
    rig.work();
    assert_eq!(socket.completions().len(), 10);
    assert_eq!(stream.with(|s| s.sent.len()), 100);
    let stats = rig.call(&client, 0, &msg::Stats {}).unwrap();
    assert_eq!((stats.mine.tx_bytes_copied, stats.mine.ext_mbufs_total), (100, 0));
}

#[test]
fn no_sosend_is_larger_than_the_space_and_descriptors_are_split() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 1000);
    let data: Vec<u8> = (0..5000u32).map(|i| i as u8).collect();
    socket.submit(0, &data, 1);
    rig.ring(&client, &socket);
    // The fake asserts that each chain fits.
    for _ in 0..20 {
        stream.ack_all();
        rig.work();
    }
    assert_eq!(stream.with(|s| s.sent.clone()), data);
    assert_eq!(
        socket.completions(),
        [Desc::completion_raw(DATA as u64, 1, 5000, WireErrno::OK)]
    );
}

#[test]
fn wrong_descriptors_are_refused_one_by_one() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let bad = [
        Desc::buffer(0, 10, 1),
        Desc::buffer(DATA as u64, 0, 2),
        Desc::buffer(u64::MAX, 10, 3),
        Desc::buffer(crate::testing::POOL_LEN as u64 - 5, 10, 4),
        Desc {
            flags: 1 << 20,
            ..Desc::buffer(DATA as u64, 10, 5)
        },
        Desc {
            aux: 1,
            ..Desc::buffer(DATA as u64, 10, 6)
        },
        Desc::eof(),
    ];
    for desc in &bad {
        socket.sq.push(desc).unwrap();
    }
    socket.submit(0, b"good", 9);
    rig.ring(&client, &socket);
    let done = socket.completions();
    assert_eq!(done.len(), bad.len());
    for (done, bad) in done.iter().zip(&bad) {
        assert_eq!(*done, Desc::refused(bad, WireErrno::EINVAL));
    }
    assert_eq!(stream.with(|s| s.sent.clone()), b"good");
    let stats = rig.call(&client, 0, &msg::Stats {}).unwrap();
    assert_eq!((stats.mine.desc_refused, stats.mine.desc_accepted), (7, 1));
}

#[test]
fn a_send_error_ends_the_connection_and_nothing_is_sent_again() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.send_error = Some(WireErrno::EPIPE));
    socket.submit(0, b"lost", 1);
    socket.submit(0, b"never tried", 2);
    rig.ring(&client, &socket);
    rig.work();
    socket.submit(0, b"too late", 3);
    let reply = rig.call(&client, socket.socket, &wait(Events::TX_DONE)).unwrap();
    assert_eq!(reply.events, (Events::TX_DONE | Events::ERROR).bits());
    assert_eq!(reply.error, WireErrno::EPIPE.0);
    let mut done = socket.completions();
    done.sort_by_key(|d| d.user);
    let users: Vec<_> = done.iter().map(|d| (d.user, d.len, d.aux)).collect();
    let epipe = u64::from(WireErrno::EPIPE.0);
    assert_eq!(users, [(1, 0, epipe), (2, 0, epipe), (3, 0, epipe)]);
    assert_eq!(socket.ready(), [Desc::error(WireErrno::EPIPE)]);
    assert!(stream.with(|s| s.aborted && s.sent.is_empty()));
    assert_eq!(rig.table.ext_outstanding(), 0);
    rig.call(
        &client,
        socket.socket,
        &msg::Close {
            tx_position: 0,
            reserved: 0,
        },
    )
    .unwrap();
    assert_eq!(socket.state(), ModuleState::Released);
}

#[test]
fn no_mbufs_is_tried_again_by_the_timer() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    world(|w| w.no_mbufs = true);
    socket.submit(0, b"later", 1);
    rig.ring(&client, &socket);
    assert!(stream.with(|s| s.sent.is_empty()));
    assert_eq!(rig.table.ext_outstanding(), 0);
    world(|w| {
        w.no_mbufs = false;
        w.now += 100;
    });
    assert_eq!(rig.table.sleep_ms(), Some(1));
    rig.work();
    assert_eq!(stream.with(|s| s.sent.clone()), b"later");
    assert_eq!(rig.table.sleep_ms(), None);
}

#[test]
fn a_full_completion_ring_stops_sending_until_the_client_looks() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    for i in 0..16 {
        socket.submit(i, b"x", i as u64);
    }
    rig.ring(&client, &socket);
    stream.ack_all();
    rig.work();
    for i in 0..4 {
        socket.submit(i, b"y", 100 + i as u64);
    }
    rig.ring(&client, &socket);
    assert_eq!(
        stream.with(|s| s.sent.len()),
        16,
        "no completion room, so nothing is taken"
    );
    assert_eq!(socket.completions().len(), 16);
    world(|w| w.now += 100);
    rig.work();
    assert_eq!(stream.with(|s| s.sent.len()), 20);
}

#[test]
fn more_flag_reaches_the_stack_only_while_more_follows() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let desc = Desc::buffer(DATA as u64, 5, 1).with_flags(DescFlags::MORE);
    socket.sq.push(&desc).unwrap();
    socket.sq.publish().unwrap();
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.mores), 1);
    socket.submit(0, b"end", 2);
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| (s.mores, s.sends)), (1, 2));
}

#[test]
fn completion_room_is_kept_for_what_the_stack_holds() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    for i in 0..20 {
        if i == 16 {
            rig.ring(&client, &socket);
        }
        socket.submit(i, b"x", i as u64);
    }
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.sent.len()), 16, "16 places, 16 in the stack");
    stream.ack_all();
    rig.work();
    assert_eq!(socket.completions().len(), 16);
    world(|w| w.now += 100);
    rig.work();
    stream.ack_all();
    rig.work();
    assert_eq!(socket.completions().len(), 4);
}

#[test]
fn no_sosend_is_larger_than_the_high_water_mark() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    // More space than the mark: autosizing may have moved one of the two. The stack asserts.
    stream.with(|s| s.longest_send = Some(700));
    socket.submit(0, &[5; 3000], 1);
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| (s.sent.len(), s.sends)), (3000, 5));
}

#[test]
fn what_a_turn_leaves_a_worker_does() {
    let mut rig = Rig::new();
    rig.table.config.set_for_test(true, 1000);
    let mut client = rig.client(1, 500);
    client.capacities = [256, 256, 16, 16];
    let (mut socket, stream) = rig.connected(&mut client);
    for i in 0..256 {
        socket.submit(i, b"x", i as u64);
    }
    rig.ring(&client, &socket);
    let first = stream.with(|s| s.sent.len());
    assert!(first < 256, "a turn has a budget, and took {first}");
    assert!(rig.table.has_work());
    rig.work();
    assert_eq!(socket.completions().len(), 256);
}

#[test]
fn a_packet_filters_refusal_is_told_once_and_the_connection_stays() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    // tcp_output's answer for one packet: the data is in the send buffer all the same.
    stream.with(|s| s.filtered = true);
    socket.submit(0, b"filtered", 1);
    rig.ring(&client, &socket);
    stream.with(|s| s.filtered = false);
    socket.submit(8, b" passes", 2);
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.sent.clone()), b"filtered passes");
    stream.ack_all();
    rig.work();
    let done: Vec<_> = socket
        .completions()
        .iter()
        .map(|d| (d.user, d.len, d.aux))
        .collect();
    assert_eq!(done, [(1, 8, 0), (2, 7, 0)]);
    let option = msg::GetSockOpt {
        level: 0xFFFF,
        name: 0x1007,
        len: 4,
        reserved: 0,
    };
    let value = |rig: &mut Rig| rig.call(&client, socket.socket, &option).unwrap().value[0];
    assert_eq!(u16::from(value(&mut rig)), WireErrno::EACCES.0);
    assert_eq!(value(&mut rig), 0);
}
