//! What the stack receives, and how a stream ends.

use super::wait;
use crate::{
    events,
    machine::Received,
    testing::{DATA, Rig, world},
};
use csock_wire::{
    Desc, WireErrno,
    msg::{self, Events},
};

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
fn a_full_ready_ring_stops_receiving_until_the_client_looks() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    client.capacities = [16, 16, 32, 4];
    let (mut socket, stream) = rig.connected(&mut client);
    (0..20).for_each(|i| socket.fill(i, 1, i as u64));
    stream.with(|s| s.incoming.extend(0..20));
    let mut got = Vec::new();
    while got.len() < 20 {
        rig.table.notify(stream.handle(), events::RECV);
        rig.work();
        let ready = socket.ready();
        assert_eq!(ready.len(), 4);
        got.extend(
            ready
                .iter()
                .flat_map(|desc| socket.mem.read(desc.offset as usize, 1)),
        );
    }
    assert_eq!(got, (0..20).collect::<Vec<u8>>());
}

#[test]
fn data_that_comes_together_with_the_end_is_told_before_it() {
    let mut rig = Rig::new();
    let mut client = rig.client(1, 500);
    let (mut socket, stream) = rig.connected(&mut client);
    // Both arrive between two looks of one round: after the look for bytes, before the look for the end.
    stream.with(|s| s.last_words = Some(b"last words".to_vec()));
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    assert_eq!(socket.ready(), [], "no end is told with data behind it");
    rig.table.notify(stream.handle(), events::RECV);
    rig.work();
    socket.fill(0, 100, 1);
    rig.ring(&client, &socket);
    assert_eq!(socket.ready(), [Desc::buffer(DATA as u64, 10, 1), Desc::eof()]);
}

#[test]
fn no_mbuf_and_an_interrupt_are_no_end_and_are_tried_again() {
    for odd in [Received::Nothing, Received::Interrupted] {
        let mut rig = Rig::new();
        let mut client = rig.client(1, 500);
        let (mut socket, stream) = rig.connected(&mut client);
        socket.fill(0, 100, 1);
        stream.with(|s| {
            s.odd_receives.push_back(odd);
            s.incoming.extend(b"still here");
            s.eof = true;
        });
        rig.table.notify(stream.handle(), events::RECV);
        rig.work();
        assert_eq!(socket.ready(), [], "{odd:?} ended the stream");
        // No upcall comes for it: the timer does.
        world(|w| w.now += 100);
        rig.work();
        assert_eq!(
            socket.ready(),
            [Desc::buffer(DATA as u64, 10, 1), Desc::eof()],
            "{odd:?}"
        );
    }
}
