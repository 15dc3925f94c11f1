//! The control thread, two workers and the stack at once, on the same sockets: nothing is lost, doubled or reordered.

use crate::{
    events,
    testing::{ClientSocket, FakeStream, Rig, enter},
};
use csock_wire::{msg, stream::RANGES};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

const SOCKETS: usize = 3;
const SENDS: usize = if cfg!(miri) { 20 } else { 2_000 };
const BYTES_IN: usize = if cfg!(miri) { 400 } else { 40_000 };
/// Places for messages that can be out at a time, each a range of its own.
const PLACES: u64 = 16;
const _: () = assert!(PLACES < RANGES);

fn byte(n: usize) -> u8 {
    (n.wrapping_mul(31) >> 3) as u8
}

#[test]
fn everything_arrives_once_and_in_order() {
    let mut rig = Rig::new();
    let table = rig.table;
    // Some bytes go by reference, some are copied.
    table.config.tune(c"csock.copy_below", 40);
    let mut client = rig.client(1, 500);
    let mut sockets: Vec<(ClientSocket, FakeStream)> =
        (0..SOCKETS).map(|_| rig.connected(&mut client)).collect();
    for (_, stream) in &sockets {
        stream.with(|s| s.hiwat = 300);
    }
    let done = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    // Two for the same lane: more than the module has, and the plane and the turns must bear it.
    for _ in 0..2 {
        let done = done.clone();
        threads.push(thread::spawn(move || {
            enter(table);
            while !done.load(Ordering::Relaxed) {
                if !table.work(0) {
                    thread::yield_now();
                }
            }
        }));
    }
    let streams: Vec<_> = sockets.iter().map(|(_, stream)| stream.clone_handle()).collect();
    let stack_done = done.clone();
    threads.push(thread::spawn(move || {
        enter(table);
        let mut fed = 0;
        while !stack_done.load(Ordering::Relaxed) {
            for stream in &streams {
                stream.ack(2);
                table.notify(stream.handle(), events::SEND);
                if fed < BYTES_IN {
                    stream.with(|s| s.incoming.extend((fed..fed + 80).map(byte)));
                    table.notify(stream.handle(), events::RECV);
                }
            }
            fed += 80;
            thread::yield_now();
        }
    }));
    let (mut sent, mut got) = ([0; SOCKETS], [0; SOCKETS]);
    while sent.iter().any(|n| *n < SENDS) || got.iter().any(|n| *n < BYTES_IN) {
        for (i, (socket, _)) in sockets.iter_mut().enumerate() {
            let out = socket.writer.posted() - socket.writer.freed().unwrap();
            if sent[i] < SENDS && out < PLACES {
                let at = 20_000 * i + (socket.writer.posted() % PLACES) as usize * 100;
                let bytes: Vec<u8> = (sent[i] * 50..sent[i] * 50 + 50).map(byte).collect();
                socket.submit(at, &bytes);
                sent[i] += 1;
                if client.bell.mark(socket.index).unwrap() {
                    table.ring(client.session, false);
                }
            }
            while let Some((id, bytes)) = socket.take_one() {
                for b in bytes {
                    assert_eq!(b, byte(got[i]));
                    got[i] += 1;
                }
                rig.give_back(&mut client, id);
            }
        }
        thread::yield_now();
    }
    for (socket, stream) in &mut sockets {
        while stream.with(|s| s.sent.len()) < SENDS * 50 {
            thread::yield_now();
        }
        socket.close_range();
        if client.bell.mark(socket.index).unwrap() {
            table.ring(client.session, false);
        }
        while socket.writer.freed().unwrap() + 1 < socket.writer.posted() {
            thread::yield_now();
        }
        let bytes = stream.with(|s| s.sent.clone());
        assert_eq!(bytes.len(), SENDS * 50);
        assert!(bytes.iter().enumerate().all(|(n, b)| *b == byte(n)));
    }
    rig.call(&client, 0, &msg::Goodbye {}).unwrap();
    while !table.is_empty() || rig.control.sessions() > 0 {
        rig.control.finish(table);
        thread::yield_now();
    }
    done.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|t| t.join().unwrap());
}
