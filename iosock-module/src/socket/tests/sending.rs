//! What a client commits, and what comes back.

use crate::testing::{POOL_LEN, Rig, TestMem, good_flags, world};
use csock_wire::{
    PoolHeader, WireErrno, msg,
    stream::{Memory, Opened, RANGES, State},
};

#[test]
fn data_goes_out_without_a_copy_and_its_memory_comes_back_after_the_ack() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, b"hello ");
    socket.submit(100, b"world");
    socket.close_range();
    assert!(client.bell.mark(socket.index).unwrap(), "an idle module sleeps");
    rig.table.ring(client.session, false);
    rig.work();
    assert_eq!(
        stream.with(|s| (s.sent.clone(), s.sends)),
        (b"hello world".to_vec(), 1),
        "one sosend for both"
    );
    assert_eq!(socket.writer.taken().unwrap(), 11);
    assert_eq!(
        socket.writer.freed().unwrap(),
        0,
        "the stack still holds the memory"
    );
    stream.ack(1);
    rig.work();
    assert_eq!(socket.writer.freed().unwrap(), 1);
    stream.ack(1);
    rig.work();
    assert_eq!(socket.writer.freed().unwrap(), 2);
    let mine = rig.call(&client, 0, &msg::Stats {}).unwrap().mine;
    assert_eq!((mine.tx_bytes, mine.tx_bytes_copied, mine.sends), (11, 0, 1));
    assert_eq!((mine.ext_mbufs_total, mine.ext_mbufs_outstanding), (2, 0));
}

#[test]
fn bytes_of_many_sends_are_one_mbuf() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.open(0, 4096);
    for _ in 0..40 {
        socket.send(&[7; 50]);
        rig.mark(&client, &socket);
    }
    rig.work();
    assert_eq!(stream.with(|s| (s.sent.len(), s.sends, s.mbufs)), (2000, 1, 1));
    let mine = rig.call(&client, 0, &msg::Stats {}).unwrap().mine;
    assert_eq!((mine.ext_mbufs_total, mine.doorbells), (1, 1));
    // What comes later into the same range is another piece of the same loan.
    socket.send(&[8; 50]);
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| (s.sent.len(), s.mbufs)), (2050, 2));
    assert_eq!(rig.table.ledger().ext_mbufs_total, 1);
    stream.ack_all();
    rig.work();
    assert_eq!(rig.table.ext_outstanding(), 1, "more may come into the range");
    socket.close_range();
    rig.ring(&client, &socket);
    assert_eq!(
        (rig.table.ext_outstanding(), socket.writer.freed().unwrap()),
        (0, 1)
    );
}

#[test]
fn ranges_come_back_in_order_though_the_stack_lets_go_in_another() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    for i in 0..4 {
        socket.submit(i * 100, &[i as u8; 100]);
    }
    socket.close_range();
    rig.ring(&client, &socket);
    let mut freed = Vec::new();
    // Of the four: the third, the second, the first, the fourth.
    for place in [2, 1, 0, 0] {
        stream.ack_out_of_order(place);
        rig.work();
        freed.push(socket.writer.freed().unwrap());
    }
    assert_eq!(freed, [0, 0, 3, 4]);
}

#[test]
fn every_range_can_be_in_the_stack_and_all_of_them_again() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let (mut count, mut sent) = (0, 0);
    for round in 1..=3 {
        let most = socket.writer.freed().unwrap() + RANGES;
        while socket.writer.posted() < most {
            socket.submit(count % 8 * 100, &[count as u8; 10]);
            (count, sent) = (count + 1, sent + 10);
        }
        let memory = Memory {
            pool: 0,
            offset: 0,
            cap: 0,
        };
        assert_eq!(socket.writer.open(memory).unwrap(), Opened::Full, "round {round}");
        rig.ring(&client, &socket);
        assert_eq!(
            u64::from(rig.table.ext_outstanding()),
            most - socket.writer.freed().unwrap()
        );
        stream.ack_all();
        rig.work();
        assert_eq!(
            socket.writer.freed().unwrap() + 1,
            socket.writer.posted(),
            "all but the one that more may come into"
        );
    }
    assert_eq!(stream.with(|s| s.sent.len()), sent);
}

#[test]
fn the_limit_is_what_may_be_committed() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.socket(&mut client);
    assert_eq!(socket.writer.room().unwrap(), 0, "nothing before it is connected");
    stream.with(|s| (s.fast, s.hiwat) = (true, 1000));
    rig.call(&client, socket.socket, &crate::testing::connect_body())
        .unwrap();
    rig.work();
    assert_eq!(socket.writer.room().unwrap(), 1000);
    socket.submit(0, &[1; 400]);
    rig.ring(&client, &socket);
    assert_eq!(socket.writer.room().unwrap(), 600, "what is in the stack counts");
    socket.submit(400, &[1; 600]);
    rig.ring(&client, &socket);
    assert_eq!(socket.writer.room().unwrap(), 0);
    stream.ack(1);
    rig.work();
    assert_eq!(
        socket.writer.room().unwrap(),
        400,
        "and what was acknowledged does not"
    );
    stream.ack(1);
    rig.work();
    assert_eq!(socket.writer.room().unwrap(), 1000);
}

#[test]
fn no_more_is_taken_than_the_send_buffer_holds() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 1000);
    let data: Vec<u8> = (0..5000u32).map(|i| i as u8).collect();
    socket.submit(0, &data);
    rig.ring(&client, &socket);
    assert_eq!(socket.writer.taken().unwrap(), 1000);
    // The fake asserts that each chain fits.
    for _ in 0..20 {
        stream.ack_all();
        rig.work();
    }
    assert_eq!(stream.with(|s| s.sent.clone()), data);
    assert_eq!(
        rig.table.ledger().ext_mbufs_total,
        1,
        "one loan, however often it was cut"
    );
}

#[test]
fn no_sosend_is_larger_than_the_high_water_mark() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    // More space than the mark: autosizing may have moved one of the two. The stack asserts.
    stream.with(|s| s.longest_send = Some(700));
    socket.submit(0, &[5; 3000]);
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| (s.sent.len(), s.sends)), (3000, 5));
}

#[test]
fn a_copying_module_gives_memory_back_at_once() {
    let mut rig = Rig::new();
    rig.table.config.set_for_test(true, 1000);
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    for i in 0..10 {
        socket.submit(i * 10, b"0123456789");
    }
    socket.close_range();
    rig.ring(&client, &socket);
    assert_eq!(socket.writer.freed().unwrap(), 10);
    assert_eq!(stream.with(|s| (s.sent.len(), s.mbufs)), (100, 1));
    let mine = rig.call(&client, 0, &msg::Stats {}).unwrap().mine;
    assert_eq!((mine.tx_bytes_copied, mine.ext_mbufs_total), (100, 0));
}

#[test]
fn few_bytes_are_copied_and_many_are_not() {
    let mut rig = Rig::new();
    rig.table.config.tune(c"csock.copy_below", 100);
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.submit(0, &[1; 99]);
    rig.ring(&client, &socket);
    assert_eq!(
        (rig.table.ext_outstanding(), rig.table.ledger().tx_bytes_copied),
        (0, 99)
    );
    socket.submit(200, &[2; 100]);
    rig.ring(&client, &socket);
    assert_eq!(
        (rig.table.ext_outstanding(), rig.table.ledger().tx_bytes_copied),
        (1, 99)
    );
    // Both ways in one chain, in order.
    socket.submit(400, &[3; 10]);
    socket.submit(500, &[4; 200]);
    socket.submit(800, &[5; 10]);
    rig.ring(&client, &socket);
    let expected = [vec![1; 99], vec![2; 100], vec![3; 10], vec![4; 200], vec![5; 10]].concat();
    assert_eq!(stream.with(|s| s.sent.clone()), expected);
    assert_eq!(rig.table.ledger().tx_bytes_copied, 119);
}

#[test]
fn a_send_error_ends_the_connection_and_nothing_is_sent_again() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.send_error = Some(WireErrno::EPIPE));
    socket.submit(0, b"lost");
    socket.submit(10, b"never tried");
    rig.ring(&client, &socket);
    socket.submit(30, b"too late");
    socket.close_range();
    rig.ring(&client, &socket);
    let state = socket.state();
    assert!(state.contains(State::DEAF | State::END), "{state:?}");
    assert_eq!(state.error(), WireErrno::EPIPE);
    assert_eq!(socket.writer.room().unwrap(), 0);
    assert_eq!(
        socket.writer.freed().unwrap(),
        3,
        "the memory is the client's again"
    );
    assert!(stream.with(|s| s.aborted && s.sent.is_empty()));
    assert_eq!(rig.table.ext_outstanding(), 0);
    rig.call(&client, socket.socket, &msg::Close { after: 0 })
        .unwrap();
    rig.work();
    assert!(socket.is_released());
}

#[test]
fn no_mbufs_is_tried_again_by_the_timer() {
    for (copies, behind) in [(false, false), (true, false), (true, true)] {
        let mut rig = Rig::new();
        rig.table.config.set_for_test(copies, 1000);
        rig.table.config.tune(c"csock.copy_below", 0);
        let mut client = rig.client(1, 500);
        let (mut socket, stream) = rig.connected(&mut client);
        world(|w| {
            *(if behind {
                &mut w.no_room_behind
            } else {
                &mut w.no_mbufs
            }) = true
        });
        socket.submit(0, b"later");
        // The stack asserts that no empty chain is sent.
        rig.ring(&client, &socket);
        assert!(stream.with(|s| s.sent.is_empty()));
        assert_eq!(rig.table.ext_outstanding(), 0);
        world(|w| {
            (w.no_mbufs, w.no_room_behind) = (false, false);
            w.now += 100;
        });
        assert_eq!(rig.table.sleep_ms(), Some(1));
        rig.work();
        assert_eq!(stream.with(|s| s.sent.clone()), b"later");
        assert_eq!(rig.table.sleep_ms(), None);
    }
}

/// MSG_MORE: held back for what follows, and not for ever.
#[test]
fn what_may_wait_for_more_waits_five_ms() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.open(0, 40_000);
    let mut expected = Vec::new();
    for turn in 0..3 {
        // More than once: the time of the first says nothing about the second.
        socket.send_more(b"head");
        rig.ring(&client, &socket);
        assert_eq!(stream.with(|s| s.sent.clone()), expected, "{turn}: held back");
        world(|w| w.now += 4);
        rig.work();
        assert_eq!(stream.with(|s| s.sent.clone()), expected, "{turn}: 4 ms");
        world(|w| w.now += 2);
        rig.work();
        expected.extend(b"head");
        assert_eq!(stream.with(|s| s.sent.clone()), expected, "{turn}: 6 ms");
        world(|w| w.now += 50);
        rig.work();
    }
    // What follows takes it along at once.
    socket.send_more(b"head ");
    rig.ring(&client, &socket);
    socket.send(b"and body");
    rig.ring(&client, &socket);
    expected.extend(b"head and body");
    assert_eq!(stream.with(|s| s.sent.clone()), expected);
    // Only what came after the flush waits.
    socket.send(b"now,");
    socket.send_more(b"later");
    rig.ring(&client, &socket);
    expected.extend(b"now,");
    assert_eq!(stream.with(|s| s.sent.clone()), expected);
    // Whole segments gain nothing by waiting.
    socket.send_more(&[9; 16 * 1024]);
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.sent.len()), expected.len() + 5 + 16 * 1024);
    assert_eq!(
        stream.with(|s| s.mores),
        0,
        "the stack is never told of more that is not there"
    );
}

#[test]
fn the_stack_is_told_of_more_only_while_more_follows_at_once() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    rig.table.config.tune(c"csock.burst", 4096);
    socket.submit(0, &[1; 10_000]);
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| (s.sends, s.mores)), (3, 2));
}

#[test]
fn a_packet_filters_refusal_is_told_once_and_the_connection_stays() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    // tcp_output's answer for one packet: the data is in the send buffer all the same.
    stream.with(|s| s.filtered = true);
    socket.submit(0, b"filtered");
    rig.ring(&client, &socket);
    stream.with(|s| s.filtered = false);
    socket.submit(8, b" passes");
    socket.close_range();
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.sent.clone()), b"filtered passes");
    stream.ack_all();
    rig.work();
    assert_eq!(socket.writer.freed().unwrap(), 2);
    let value = |rig: &mut Rig| rig.call(&client, socket.socket, &super::SO_ERROR).unwrap().value[0];
    assert_eq!(u16::from(value(&mut rig)), WireErrno::EACCES.0);
    assert_eq!(value(&mut rig), 0);
}

#[test]
fn bytes_of_every_pool_go_out() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let second = TestMem::new(POOL_LEN);
    let size = POOL_LEN as u64;
    PoolHeader {
        size,
        data_offset: 4096,
    }
    .write(&second)
    .unwrap();
    let handle = rig.offer_memory(&client, good_flags(), size, &second);
    let body = msg::PoolAttach {
        handle,
        size,
        number: 1,
        ..msg::PoolAttach::default()
    };
    rig.call(&client, 0, &body).unwrap();
    socket.submit(0, b"first ");
    second.write(4096, b"second");
    let memory = Memory {
        pool: 1,
        offset: 4096,
        cap: 6,
    };
    socket.writer.open(memory).unwrap();
    let _ = socket.writer.append(6).unwrap();
    socket.writer.flush().unwrap();
    rig.ring(&client, &socket);
    assert_eq!(stream.with(|s| s.sent.clone()), b"first second");
    // Both stay mapped until the stack has let go.
    rig.bury(1);
    assert_eq!(rig.table.pools.mapped(), 2);
    stream.ack_all();
    rig.work();
    rig.assert_empty();
}
