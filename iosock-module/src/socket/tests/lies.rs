//! Memory that no honest client can have written ends its session, once, and nobody else's (S-04).

use crate::{
    events,
    testing::{Client, ClientSocket, FakeStream, POOL_LEN, Rig, wait, world},
};
use csock_wire::{
    SharedMem, WireErrno,
    msg::{self, Events},
    stream::{MAX_WINDOW, Memory},
};

/// Offsets of words in a block, as csock-wire's own tests fix them.
const TAIL: usize = 0;
const RANGES: usize = 8;
const ENTRIES_TAKEN: usize = 72;
/// Of the return ring's count, in the area: the line behind the dirty map.
const POSTED: usize = 4096 + 64 + 64;

type Lie = fn(&mut Client, &mut ClientSocket);

const LIES: [(&str, Lie); 9] = [
    ("tail far ahead", |_, s| word(s, TAIL, MAX_WINDOW + 1)),
    ("tail in no range", |_, s| word(s, TAIL, 5)),
    ("too many ranges", |_, s| word(s, RANGES, 65)),
    ("a range before the data", |_, s| range(s, 0, 4096)),
    ("a range behind the pool", |_, s| range(s, 0, POOL_LEN as u64)),
    ("a pool that is not there", |_, s| range(s, 1, 200_000)),
    ("a buffer that is here", |c, _| returned(c, 3)),
    ("a buffer that never was", |c, _| returned(c, 12)),
    ("more buffers than there are", |c, _| {
        c.mem.store_u64(POSTED, 17).unwrap();
    }),
];

fn word(socket: &ClientSocket, at: usize, value: u64) {
    socket.mem.store_u64(socket.block.offset() + at, value).unwrap();
}

fn range(socket: &mut ClientSocket, pool: u16, offset: u64) {
    socket
        .writer
        .open(Memory {
            pool,
            offset,
            cap: 64,
        })
        .unwrap();
    let _ = socket.writer.append(64).unwrap();
}

fn returned(client: &mut Client, id: u32) {
    client.returns.push(&client.mem, &client.area, id).unwrap();
    client.returns.publish(&client.mem, &client.area).unwrap();
}

struct Scene {
    rig: Rig,
    evil: Client,
    liar: ClientSocket,
    streams: [FakeStream; 2],
    other: u32,
    honest: Client,
    good: ClientSocket,
    good_stream: FakeStream,
}

fn scene() -> Scene {
    let mut rig = Rig::new();
    let (mut evil, mut honest) = (rig.client(1, 500), rig.client(2, 501));
    let (liar, first) = rig.connected(&mut evil);
    let (other, second) = rig.connected(&mut evil);
    let (good, good_stream) = rig.connected(&mut honest);
    Scene {
        rig,
        evil,
        liar,
        streams: [first, second],
        other: other.socket,
        honest,
        good,
        good_stream,
    }
}

#[test]
fn each_lie_ends_its_session_alone_and_once() {
    for (name, lie) in LIES {
        let mut s = scene();
        let rig = &mut s.rig;
        let parked = rig.ask(&s.evil, s.other, &wait(Events::READABLE));
        rig.work();
        lie(&mut s.evil, &mut s.liar);
        rig.ring(&s.evil, &s.liar);
        assert!(s.streams.iter().all(|s| s.with(|s| s.aborted)), "{name}");
        let reply = parked.reply::<msg::Wait>().unwrap();
        assert!(Events::from_bits_retain(reply.events).contains(Events::ERROR));
        assert_eq!(reply.error, WireErrno::EPROTO.0, "{name}");
        let refused = rig.call(&s.evil, s.other, &wait(Events::READABLE)).unwrap_err();
        assert_eq!(refused.error, WireErrno::EPROTO);
        assert_eq!(world(|w| w.log.len()), 1, "{name}");
        assert_eq!(rig.table.ledger().faults, 1, "{name}");
        s.good.submit(0, b"fine");
        rig.ring(&s.honest, &s.good);
        assert_eq!(s.good_stream.with(|s| s.sent.clone()), b"fine");
        // It may still close and go; its bits wake nobody for ever.
        rig.request(&s.evil, s.other, &msg::Close { after: 0 }).unwrap();
        for index in 0..8 {
            let _ = s.evil.bell.mark(index).unwrap();
        }
        rig.table.ring(s.evil.session, false);
        rig.work();
        rig.call(&s.evil, 0, &msg::Goodbye {}).unwrap();
        s.good_stream.ack_all();
        rig.work();
        rig.call(&s.honest, 0, &msg::Goodbye {}).unwrap();
        rig.assert_empty();
    }
}

#[test]
fn a_lie_about_what_was_taken_of_the_ready_ring_is_found_when_it_is_looked_at() {
    let mut s = scene();
    word(&s.liar, ENTRIES_TAKEN, 5);
    // Looked at when data lacks a buffer: after the share.
    for n in 0..4 {
        s.streams[0].arrive(s.rig.table, &[n]);
        s.rig.work();
    }
    assert!(s.streams.iter().all(|s| s.with(|s| s.aborted)));
    assert_eq!(world(|w| w.log.len()), 1);
}

#[test]
fn nothing_is_written_into_a_lying_clients_memory_any_more() {
    let mut s = scene();
    word(&s.liar, TAIL, MAX_WINDOW + 1);
    s.rig.ring(&s.evil, &s.liar);
    let before = s.evil.mem.read(0, POOL_LEN);
    for stream in &s.streams {
        stream.with(|s| s.incoming.extend(b"more"));
    }
    s.rig
        .table
        .notify_all(events::RECV | events::SEND | events::DOORBELL);
    s.rig.table.ring(s.evil.session, false);
    s.rig.work();
    assert!(s.evil.mem.read(0, POOL_LEN) == before);
}
