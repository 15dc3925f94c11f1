//! Threads of a client that sleep without a message: woken once for each wait, and never forgotten.

use crate::{
    events,
    machine::Delivery,
    testing::{FakeStream, Rig, connect_body, world},
};
use csock_wire::{
    Field, WireErrno,
    msg::{self},
    stream::{State, Taker, Waiting},
};

fn delivered() -> Vec<u64> {
    world(|w| std::mem::take(&mut w.delivered))
}

#[test]
fn one_wait_is_answered_once_and_the_next_again() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let slot = rig.waiter(&client, 11);
    socket.arm(Waiting::Data, slot);
    for _ in 0..3 {
        stream.arrive(rig.table, b"x");
        rig.work();
    }
    assert_eq!(delivered(), [11], "three times data, one wait");
    rig.take(&mut client, &mut socket);
    socket.arm(Waiting::Data, slot);
    stream.arrive(rig.table, b"y");
    rig.work();
    assert_eq!(delivered(), [11]);
    // Who does not sleep is not woken.
    Waiting::Data.disarm(&socket.mem, socket.block).unwrap();
    rig.take(&mut client, &mut socket);
    stream.arrive(rig.table, b"z");
    rig.work();
    assert_eq!(delivered(), [] as [u64; 0]);
    assert_eq!(rig.table.ledger().events, 2);
}

#[test]
fn who_waits_for_room_is_woken_when_it_is_worth_it() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 1000);
    let slot = rig.waiter(&client, 5);
    for at in 0..10 {
        socket.submit(at * 100, &[1; 100]);
    }
    rig.ring(&client, &socket);
    assert_eq!(socket.writer.room().unwrap(), 0);
    socket.arm(Waiting::Room, slot);
    stream.ack(2);
    rig.work();
    assert_eq!(delivered(), [] as [u64; 0], "200 of 1000");
    stream.ack(1);
    rig.work();
    assert_eq!(delivered(), [5]);
    assert_eq!(socket.writer.room().unwrap(), 300);
}

#[test]
fn the_end_of_a_connect_wakes_who_waits_for_room() {
    for error in [None, Some(WireErrno::ECONNREFUSED)] {
        let mut rig = Rig::new();
        let mut client = rig.client(1, 500);
        let (mut socket, stream) = rig.socket(&mut client);
        let slot = rig.waiter(&client, 3);
        let state = rig.call(&client, socket.socket, &connect_body()).unwrap().state;
        assert_eq!(state, msg::ConnectReply::IN_PROGRESS);
        rig.work();
        socket.arm(Waiting::Room, slot);
        stream.with(|s| {
            s.connecting = false;
            s.connected = error.is_none();
            s.error = error;
        });
        rig.table.notify(stream.handle(), events::SEND);
        rig.work();
        assert_eq!(delivered(), [3]);
        match error {
            None => assert!(socket.state().contains(State::CONNECTED)),
            Some(error) => {
                assert!(socket.state().contains(State::REFUSED | State::DEAF));
                assert_eq!(socket.state().error(), error);
            }
        }
    }
}

#[test]
fn a_failed_connection_wakes_both_directions() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let (room, data) = (rig.waiter(&client, 1), rig.waiter(&client, 2));
    socket.arm(Waiting::Room, room);
    socket.arm(Waiting::Data, data);
    stream.reset(WireErrno::ECONNRESET);
    rig.table.notify(stream.handle(), events::RECV | events::SEND);
    rig.work();
    let mut woken = delivered();
    woken.sort_unstable();
    assert_eq!(woken, [1, 2]);
}

#[test]
fn what_could_not_be_delivered_is_tried_again() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let slot = rig.waiter(&client, 4);
    socket.arm(Waiting::Data, slot);
    world(|w| w.deliveries = [Delivery::Later, Delivery::Later].into());
    stream.arrive(rig.table, b"x");
    rig.work();
    for _ in 0..2 {
        assert_eq!(delivered(), [] as [u64; 0]);
        assert!(rig.table.sleep_ms().is_some_and(|ms| ms <= 20));
        world(|w| w.now += 21);
        rig.work();
    }
    assert_eq!(delivered(), [4]);
    world(|w| w.now += 21);
    rig.work();
    assert_eq!((delivered(), rig.table.sleep_ms()), (vec![], None), "once");
}

#[test]
fn a_slot_that_is_gone_or_never_was_harms_nobody() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let (gone, dropped) = (rig.waiter(&client, 1), rig.waiter(&client, 2));
    // Its thread has ended.
    world(|w| w.deliveries = [Delivery::Gone].into());
    for slot in [gone, gone, dropped, 4, 5, u16::MAX] {
        if slot == dropped {
            rig.call(&client, 0, &msg::DropWaiter { slot: 2, reserved: 0 })
                .unwrap();
        }
        socket.arm(Waiting::Data, slot);
        stream.arrive(rig.table, b"x");
        rig.work();
        rig.take(&mut client, &mut socket);
    }
    assert_eq!(delivered(), [] as [u64; 0]);
    // The place of the thread that is gone is free again.
    assert_eq!(rig.waiter(&client, 9), gone);
    socket.arm(Waiting::Data, gone);
    stream.arrive(rig.table, b"x");
    rig.work();
    assert_eq!(delivered(), [9]);
}

#[test]
fn wait_slots_are_counted_and_end_with_the_session() {
    let mut rig = Rig::new();
    let client = rig.client(1, 500);
    let most = crate::limits::WAITERS as u64;
    for id in 0..most {
        assert_eq!(u64::from(rig.waiter(&client, id)), id + 1);
    }
    let event = [1, 99, 0, 0];
    let refused = rig.call(&client, 0, &msg::AddWaiter { event }).unwrap_err();
    assert_eq!((refused.error, refused.what), (WireErrno::EBUSY, Field::WaitSlot));
    assert_eq!((refused.value, refused.allowed), (most, most));
    let refused = rig
        .call(&client, 0, &msg::AddWaiter { event: [0; 4] })
        .unwrap_err();
    assert_eq!((refused.error, refused.what), (WireErrno::EINVAL, Field::Event));
    for slot in [0, 70_000, u32::MAX] {
        let body = msg::DropWaiter { slot, reserved: 0 };
        assert_eq!(rig.call(&client, 0, &body).unwrap_err().error, WireErrno::ENOENT);
    }
    rig.bury(1);
    let next = rig.client(2, 501);
    assert_eq!(rig.waiter(&next, 1), 1, "the next session starts with none");
}

/// A thread may register before its process has given a pool.
#[test]
fn a_waiter_outlives_the_attaching_of_the_pool() {
    let mut rig = Rig::new();
    let mut client = rig.connect_client(1, 500);
    client.session = rig.call(&client, 0, &msg::Hello::THIS).unwrap().session;
    let slot = rig.waiter(&client, 6);
    client.write_header();
    let size = crate::testing::POOL_LEN as u64;
    let handle = rig.offer(&client, crate::testing::good_flags(), size);
    rig.call(&client, 0, &crate::testing::attach(handle, size))
        .unwrap();
    let (mut socket, stream) = rig.connected(&mut client);
    socket.arm(Waiting::Data, slot);
    stream.arrive(rig.table, b"x");
    rig.work();
    assert_eq!(delivered(), [6]);
}

#[test]
fn a_listener_with_a_block_tells_of_connections() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut listener, stream) = rig.socket(&mut client);
    let body = msg::Listen {
        backlog: 5,
        reserved: 0,
    };
    rig.call(&client, listener.socket, &body).unwrap();
    let slot = rig.waiter(&client, 8);
    let taker = Taker::new(client.mem.clone(), listener.block);
    for turn in 1..4u64 {
        listener.arm(Waiting::Data, slot);
        stream.with(|s| s.backlog.push_back(FakeStream::connected()));
        rig.table.notify(stream.handle(), events::ACCEPT);
        rig.work();
        assert_eq!((delivered(), taker.announced().unwrap()), (vec![8], turn));
        let body = msg::Accept {
            block: msg::NO_BLOCK,
            reserved: 0,
        };
        let child = rig.request(&client, listener.socket, &body).unwrap().socket;
        rig.request(&client, child, &msg::Close { after: 0 }).unwrap();
    }
}
