//! A socket's life as its client and its stack see it.

use crate::{
    events,
    testing::{DATA, Rig, world},
};
use csock_wire::{
    Desc, DescFlags, SockAddr, WireErrno,
    layout::ModuleState,
    msg::{self, Events},
};

fn wait(events: Events) -> msg::Wait {
    msg::Wait {
        events: events.bits(),
        seen_sq: 0,
        seen_cq: 0,
        seen_rq: 0,
    }
}

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
fn received_data_is_copied_once_into_the_posted_buffers() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    socket.fill(0, 300, 1);
    socket.fill(1000, 300, 2);
    let data: Vec<u8> = (0..500u32).map(|i| (i * 7) as u8).collect();
    stream.with(|s| s.incoming.extend(&data));
    let parked = rig.ask(&client, socket.socket, &wait(Events::READABLE));
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    assert_eq!(
        parked.reply::<msg::Wait>().unwrap().events,
        Events::READABLE.bits()
    );
    let ready = socket.ready();
    assert_eq!(
        ready,
        [
            Desc::buffer(DATA as u64, 300, 1),
            Desc::buffer(DATA as u64 + 1000, 200, 2)
        ]
    );
    let got = [socket.mem.read(DATA, 300), socket.mem.read(DATA + 1000, 200)].concat();
    assert_eq!(got, data);
    // More data than buffers: the client is asked to ring.
    stream.with(|s| s.incoming.extend(b"tail"));
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    assert!(socket.ready().is_empty());
    socket.fill(0, 300, 3);
    assert!(socket.fq.must_ring().unwrap());
    rig.ring(&client, &socket);
    assert_eq!(socket.ready(), [Desc::buffer(DATA as u64, 4, 3)]);
    // EOF needs no buffer.
    stream.with(|s| s.eof = true);
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    assert_eq!(socket.ready(), [Desc::eof()]);
    let stats = rig.call(&client, 0, &msg::Stats {}).unwrap();
    assert_eq!((stats.mine.rx_bytes, stats.mine.rx_bytes_copied), (504, 504));
}

#[test]
fn queued_data_comes_before_the_error() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| {
        s.incoming.extend(b"last words");
        s.receive_error = Some(WireErrno::ECONNRESET);
    });
    socket.fill(0, 100, 1);
    socket.fill(100, 100, 2);
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    let ready = socket.ready();
    assert_eq!(
        ready,
        [
            Desc::buffer(DATA as u64, 10, 1),
            Desc::error(WireErrno::ECONNRESET)
        ]
    );
    let option = msg::GetSockOpt {
        level: 0xFFFF,
        name: 0x1007,
        len: 4,
        reserved: 0,
    };
    let value = |rig: &mut Rig| rig.call(&client, socket.socket, &option).unwrap().value[0];
    assert_eq!(u16::from(value(&mut rig)), WireErrno::ECONNRESET.0);
    assert_eq!(value(&mut rig), 0, "reading clears it");
}

#[test]
fn connect_reports_success_and_failure_to_the_waiter() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    for error in [None, Some(WireErrno::ECONNREFUSED)] {
        let (mut socket, stream) = rig.socket(&mut client);
        let body = msg::Connect {
            addr: SockAddr::v4([10, 0, 0, 1], 80),
        };
        let state = rig.call(&client, socket.socket, &body).unwrap().state;
        assert_eq!(state, msg::ConnectReply::IN_PROGRESS);
        assert_eq!(
            rig.call(&client, socket.socket, &body).unwrap_err().error,
            WireErrno::EALREADY
        );
        let parked = rig.ask(&client, socket.socket, &wait(Events::CONNECTED));
        assert!(parked.is_parked());
        stream.with(|s| {
            s.connecting = false;
            s.connected = error.is_none();
            s.error = error;
        });
        rig.table.notify(stream.handle(), events::SEND);
        rig.work();
        let reply = parked.reply::<msg::Wait>().unwrap();
        assert!(Events::from_bits_retain(reply.events).contains(Events::CONNECTED));
        assert_eq!(reply.error, error.map_or(0, |e| e.0));
        if error.is_some() {
            assert_eq!(socket.ready(), [Desc::error(WireErrno::ECONNREFUSED)]);
        }
    }
}

#[test]
fn shutdown_waits_for_what_was_published_before_it() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    socket.submit(0, b"twenty bytes of data", 1);
    let tx_position = socket.sq.position();
    rig.call(
        &client,
        socket.socket,
        &msg::Shutdown {
            how: msg::Shutdown::WRITE,
            tx_position,
        },
    )
    .unwrap();
    assert!(!stream.with(|s| s.shut_write));
    let wrong = msg::Shutdown {
        how: msg::Shutdown::WRITE,
        tx_position: tx_position + 1,
    };
    assert_eq!(
        rig.call(&client, socket.socket, &wrong).unwrap_err().error,
        WireErrno::EINVAL
    );
    stream.ack_all();
    rig.work();
    assert!(stream.with(|s| s.shut_write && s.sent == b"twenty bytes of data"));
}

#[test]
fn close_sends_what_is_published_and_releases_after_the_last_mbuf() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    stream.with(|s| s.hiwat = 10);
    socket.submit(0, b"twenty bytes of data", 1);
    let parked = rig.ask(&client, socket.socket, &wait(Events::READABLE));
    let tx_position = socket.sq.position();
    rig.call(
        &client,
        socket.socket,
        &msg::Close {
            tx_position,
            reserved: 0,
        },
    )
    .unwrap();
    assert_eq!(parked.reply::<msg::Wait>().unwrap_err().error, WireErrno::EBADF);
    let again = rig.call(&client, socket.socket, &msg::GetSockName {});
    assert_eq!(
        again.unwrap_err().error,
        WireErrno::EBADF,
        "closed for its client at once"
    );
    assert_eq!(socket.state(), ModuleState::Active);
    stream.ack_all();
    rig.work();
    assert!(
        stream.with(|s| s.shut_write && !s.closed),
        "FIN behind the data; still abortable"
    );
    assert_eq!(socket.state(), ModuleState::Active);
    stream.ack_all();
    rig.work();
    assert!(stream.with(|s| s.closed && !s.aborted && s.sent == b"twenty bytes of data"));
    assert_eq!(socket.state(), ModuleState::Released);
    assert_eq!(rig.table.open_sockets(), 0);
}

#[test]
fn linger_zero_means_rst() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    let mut value = [0; 16];
    value[0] = 1;
    let option = msg::SetSockOpt {
        level: 0xFFFF,
        name: 0x80,
        len: 8,
        reserved: 0,
        value,
    };
    rig.call(&client, socket.socket, &option).unwrap();
    socket.submit(0, b"gone", 1);
    rig.ring(&client, &socket);
    rig.call(
        &client,
        socket.socket,
        &msg::Close {
            tx_position: socket.sq.position(),
            reserved: 0,
        },
    )
    .unwrap();
    assert!(stream.with(|s| s.aborted));
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
fn a_lying_index_fails_the_session_once_and_only_it() {
    let mut rig = Rig::new();
    let mut evil = rig.client(1, 500);
    let mut honest = rig.client(2, 501);
    let (liar, liar_stream) = rig.connected(&mut evil);
    let (other, other_stream) = rig.connected(&mut evil);
    let (mut good, good_stream) = rig.connected(&mut honest);
    let parked = rig.ask(&evil, other.socket, &wait(Events::READABLE));
    liar.mem.write(
        liar.block.ring(csock_wire::RingKind::Submission).producer_index(),
        &1000u32.to_le_bytes(),
    );
    rig.ring(&evil, &liar);
    rig.work();
    assert!(liar_stream.with(|s| s.aborted) && other_stream.with(|s| s.aborted));
    let reply = parked.reply::<msg::Wait>().unwrap();
    assert!(Events::from_bits_retain(reply.events).contains(Events::ERROR));
    assert_eq!(reply.error, WireErrno::EPROTO.0);
    let refused = rig
        .call(&evil, other.socket, &wait(Events::READABLE))
        .unwrap_err();
    assert_eq!(refused.error, WireErrno::EPROTO);
    assert_eq!(world(|w| w.log.len()), 1);
    good.submit(0, b"fine", 1);
    rig.ring(&honest, &good);
    assert_eq!(good_stream.with(|s| s.sent.clone()), b"fine");
    rig.call(&evil, 0, &msg::Goodbye {}).unwrap();
    good_stream.ack_all();
    rig.call(&honest, 0, &msg::Goodbye {}).unwrap();
    rig.assert_empty();
}

#[test]
fn listen_accept_and_the_parked_wait_between() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let body = msg::Socket {
        domain: 2,
        kind: 1,
        protocol: 0,
        reserved: 0,
        ..msg::Socket::default()
    };
    let listener = rig.call(&client, 0, &body).unwrap().socket;
    let stream = world(|w| w.made.last().unwrap().clone_handle());
    rig.call(
        &client,
        listener,
        &msg::Bind {
            addr: SockAddr::v4([0; 4], 8080),
        },
    )
    .unwrap();
    rig.call(
        &client,
        listener,
        &msg::Listen {
            backlog: 5,
            reserved: 0,
        },
    )
    .unwrap();
    let rings = client.geometry();
    let block = client.block(&rings);
    let none = rig.call(&client, listener, &msg::Accept { rings }).unwrap_err();
    assert_eq!(none.error, WireErrno::EWOULDBLOCK);
    assert_eq!(rig.table.open_sockets(), 1, "the reserved slot went back");
    let parked = rig.ask(&client, listener, &wait(Events::ACCEPTABLE));
    assert!(parked.is_parked());
    let peer = crate::testing::FakeStream::connected();
    let peer_handle = peer.clone_handle();
    stream.with(|s| s.backlog.push_back(peer));
    rig.table.notify(stream.handle(), events::ACCEPT);
    rig.work();
    assert_eq!(
        parked.reply::<msg::Wait>().unwrap().events,
        Events::ACCEPTABLE.bits()
    );
    let reply = rig.call(&client, listener, &msg::Accept { rings }).unwrap();
    assert_eq!(reply.peer, SockAddr::v4([127, 0, 0, 1], 6000));
    let mut child = crate::testing::ClientSocket::new(reply.socket, block, &client.mem);
    child.submit(0, b"welcome", 1);
    rig.ring(&client, &child);
    assert_eq!(peer_handle.with(|s| s.sent.clone()), b"welcome");
    rig.call(
        &client,
        listener,
        &msg::Close {
            tx_position: 0,
            reserved: 0,
        },
    )
    .unwrap();
    assert!(stream.with(|s| s.closed));
    peer_handle.ack_all();
    rig.call(&client, 0, &msg::Goodbye {}).unwrap();
    rig.assert_empty();
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
