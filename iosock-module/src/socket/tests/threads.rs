//! The control thread, two workers and the stack at once, on the same sockets: nothing is lost, doubled or reordered.

use crate::{
    events,
    testing::{ClientSocket, DATA, FakeStream, Rig, enter},
};
use csock_wire::msg;
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

fn byte(n: usize) -> u8 {
    (n.wrapping_mul(31) >> 3) as u8
}

#[test]
fn everything_arrives_once_and_in_order() {
    let mut rig = Rig::new();
    let table = rig.table;
    let mut client = rig.client(1, 500);
    let mut sockets: Vec<(ClientSocket, FakeStream)> =
        (0..SOCKETS).map(|_| rig.connected(&mut client)).collect();
    for (_, stream) in &sockets {
        stream.with(|s| s.hiwat = 300);
    }
    let done = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    for _ in 0..2 {
        let done = done.clone();
        threads.push(thread::spawn(move || {
            enter(table);
            while !done.load(Ordering::Relaxed) {
                if !table.work() {
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
    let (mut sent, mut completed, mut got) = ([0; SOCKETS], [0; SOCKETS], [0; SOCKETS]);
    for (i, (socket, _)) in sockets.iter_mut().enumerate() {
        (0..8).for_each(|b| socket.fill(20_000 * i + 10_000 + b * 200, 200, b as u64));
    }
    while completed.iter().any(|n| *n < SENDS) || got.iter().any(|n| *n < BYTES_IN) {
        for (i, (socket, _)) in sockets.iter_mut().enumerate() {
            // Each message in a place of its own among those that can be out.
            if sent[i] < SENDS && sent[i] - completed[i] < 8 {
                let at = 20_000 * i + (sent[i] % 16) * 100;
                let bytes: Vec<u8> = (sent[i] * 50..sent[i] * 50 + 50).map(byte).collect();
                socket.submit(at, &bytes, sent[i] as u64);
                sent[i] += 1;
                if socket.sq.must_ring().unwrap() {
                    rig.control
                        .doorbell(table, client.sender.scoid, i64::from(socket.socket));
                }
            }
            for desc in socket.completions() {
                assert_eq!((desc.len, desc.flags), (50, 0));
                completed[i] += 1;
            }
            for desc in socket.ready() {
                let bytes = socket.mem.read(desc.offset as usize, desc.len as usize);
                for b in bytes {
                    assert_eq!(b, byte(got[i]));
                    got[i] += 1;
                }
                socket.fill(desc.offset as usize - DATA, 200, desc.user);
                if socket.fq.must_ring().unwrap() {
                    rig.control
                        .doorbell(table, client.sender.scoid, i64::from(socket.socket));
                }
            }
        }
        thread::yield_now();
    }
    for (_, stream) in &sockets {
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
