//! Random clients against a random stack (fuzz target F4 in small): whatever they do, in whatever order, every request is
//! answered once, and when they are all gone everything is back. A failure prints its seed.

use crate::{
    events,
    machine::{Delivery, Parked},
    testing::{Client, ClientSocket, FakeStream, Pending, Rig, connect_body, socket_body, wait, world},
};
use csock_wire::{
    SharedMem, WireErrno,
    msg::{self, Events},
    stream::{Appended, Memory, Opened, Waiting},
};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

#[derive(Default)]
struct Run {
    clients: Vec<Client>,
    sockets: Vec<(usize, ClientSocket, FakeStream)>,
    listeners: Vec<(usize, u32, FakeStream)>,
    parked: Vec<Pending>,
    /// Receive buffers that a client holds, with its session.
    held: Vec<(u32, u32)>,
    /// Sessions that have lied.
    liars: Vec<u32>,
    next_scoid: i32,
}

#[test]
fn whatever_they_do_everything_comes_back() {
    let seeds = std::env::var("CSOCK_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(if cfg!(miri) { 2 } else { 300 });
    for seed in 0..seeds {
        let caught = std::panic::catch_unwind(|| one(seed));
        if let Err(panic) = caught {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn one(seed: u64) {
    let mut dice = Dice(seed.wrapping_mul(0x9E37_79B9).wrapping_add(7));
    let mut rig = Rig::new();
    rig.table
        .config
        .set_for_test(dice.roll(3) == 0, [0, 100, 10_000][dice.roll(3)]);
    let copied = [0, 100, 1024][dice.roll(3)];
    rig.table.config.tune(c"csock.copy_below", copied);
    let mut run = Run {
        next_scoid: 1,
        ..Run::default()
    };
    for _ in 0..200 {
        step(&mut rig, &mut run, &mut dice);
    }
    if dice.roll(4) == 0 {
        rig.control.stop(rig.table);
    }
    for scoid in 1..run.next_scoid {
        rig.die(scoid);
    }
    world(|w| {
        (w.no_mbufs, w.no_room_behind) = (false, false);
        w.deliveries.clear();
    });
    for _ in 0..200 {
        run.sockets.iter().for_each(|(_, _, stream)| stream.ack_all());
        world(|w| w.now += 400);
        rig.work();
    }
    rig.assert_empty();
    if run.liars.is_empty() {
        assert_eq!(rig.table.ledger().faults, 0, "an honest session was ended");
    }
    assert_eq!(rig.table.sleep_ms(), None);
    for pending in &run.parked {
        assert!(!pending.is_parked());
    }
    world(|w| assert!(w.made.iter().all(|stream| stream.with(|s| s.closed))));
}

fn step(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    match dice.roll(24) {
        0 if run.clients.len() < 2 && rig.table.pools.mapped() < 3 => {
            let client = rig.client(run.next_scoid, 500 + run.next_scoid as u32);
            run.next_scoid += 1;
            run.clients.push(client);
        }
        1 | 2 => make_socket(rig, run, dice),
        3 => make_listener(rig, run, dice),
        4 => accept(rig, run, dice),
        5 => {
            for (_, _, stream) in &run.sockets {
                stream.with(|s| (s.connected, s.connecting) = (s.connected || s.connecting, false));
                notify(rig, stream, events::SEND);
            }
        }
        6 => run
            .clients
            .iter_mut()
            .for_each(|c| assert!(rig.call(c, 0, &msg::Stats {}).is_ok())),
        7 => world(|w| match dice.roll(3) {
            0 => w.no_mbufs = !w.no_mbufs,
            1 => w.no_room_behind = !w.no_room_behind,
            _ => w
                .deliveries
                .push_back([Delivery::Later, Delivery::Gone][dice.roll(2)]),
        }),
        8 => {
            world(|w| w.now += 50);
            rig.work();
        }
        9 if dice.roll(10) == 0 && !run.clients.is_empty() => {
            let gone = dice.roll(run.clients.len());
            let client = run.clients.remove(gone);
            match dice.roll(2) {
                0 => rig.die(client.sender.scoid),
                _ => drop(rig.call(&client, 0, &msg::Goodbye {})),
            }
            let fix = |owner: usize| if owner > gone { owner - 1 } else { usize::MAX };
            run.sockets
                .iter_mut()
                .filter(|s| s.0 >= gone)
                .for_each(|s| s.0 = fix(s.0));
            run.listeners
                .iter_mut()
                .filter(|s| s.0 >= gone)
                .for_each(|s| s.0 = fix(s.0));
        }
        10 => {
            for pending in run.parked.iter().filter(|p| p.is_parked()) {
                *pending.parked.lock().unwrap() =
                    [Parked::Waiting, Parked::UnblockRequested, Parked::Gone][dice.roll(3)];
            }
            (1..run.next_scoid).for_each(|scoid| rig.control.unblock(rig.table, scoid));
        }
        11 => rig.work(),
        _ => socket_step(rig, run, dice),
    }
}

fn notify(rig: &Rig, stream: &FakeStream, bits: u32) {
    if let Some(handle) = crate::handle::Handle::from_raw(stream.with(|s| s.watch)) {
        rig.table.notify(handle, bits);
    }
}

fn pick(run: &Run, dice: &mut Dice) -> Option<usize> {
    (!run.clients.is_empty()).then(|| dice.roll(run.clients.len()))
}

/// The block is another socket's from now on.
fn retire(old: &mut (usize, ClientSocket, FakeStream), owner: usize, block: u32) {
    if old.0 == owner && old.1.index == block {
        old.0 = usize::MAX;
    }
}

fn make_socket(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    let Some(owner) = pick(run, dice) else { return };
    let client = &mut run.clients[owner];
    let Some((index, block)) = client.block() else {
        return;
    };
    let before = run.sockets.iter_mut();
    before.for_each(|old| retire(old, owner, index));
    match rig.call(client, 0, &socket_body(index)) {
        Ok(reply) => {
            let stream = world(|w| w.made.last().unwrap().clone_handle());
            stream.with(|s| {
                s.hiwat = [100, 5000, 65536][dice.roll(3)];
                s.fast = dice.roll(2) == 0;
            });
            let socket = client.socket(reply.socket, index, block);
            let _ = rig.call(client, socket.socket, &connect_body());
            run.sockets.push((owner, socket, stream));
        }
        Err(_) => client.unuse(index),
    }
}

fn make_listener(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    let Some(owner) = pick(run, dice) else { return };
    if let Ok(reply) = rig.call(&run.clients[owner], 0, &socket_body(msg::NO_BLOCK)) {
        let stream = world(|w| w.made.last().unwrap().clone_handle());
        let body = msg::Listen {
            backlog: 5,
            reserved: 0,
        };
        rig.call(&run.clients[owner], reply.socket, &body).unwrap();
        run.listeners.push((owner, reply.socket, stream));
    }
}

fn accept(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    if run.listeners.is_empty() {
        return;
    }
    let (owner, listener, stream) = &run.listeners[dice.roll(run.listeners.len())];
    let (owner, listener) = (*owner, *listener);
    let peer = FakeStream::connected();
    let peer_handle = peer.clone_handle();
    if dice.roll(2) == 0 && !stream.with(|s| s.closed) {
        stream.with(|s| s.backlog.push_back(peer));
        notify(rig, stream, events::ACCEPT);
    }
    let Some(client) = run.clients.get_mut(owner) else {
        return;
    };
    match dice.roll(3) {
        0 => run
            .parked
            .push(rig.ask(client, listener, &wait(Events::ACCEPTABLE))),
        1 if dice.roll(4) == 0 => {
            let _ = rig.call(client, listener, &msg::Close { after: 0 });
        }
        _ => {
            let Some((index, block)) = client.block() else {
                return;
            };
            let before = run.sockets.iter_mut();
            before.for_each(|old| retire(old, owner, index));
            let body = msg::Accept {
                block: index,
                reserved: 0,
            };
            match rig.call(client, listener, &body) {
                // Perhaps an earlier peer than this one; it is acknowledged by the end of the session all the same.
                Ok(reply) => {
                    let socket = client.socket(reply.socket, index, block);
                    run.sockets.push((owner, socket, peer_handle));
                }
                Err(_) => client.unuse(index),
            }
        }
    }
}

/// What the stack does by itself.
fn stack_step(rig: &mut Rig, stream: &FakeStream, dice: &mut Dice) {
    match dice.roll(8) {
        0 => stream.ack(dice.roll(4)),
        1 => {
            stream.with(|s| s.incoming.extend(vec![7; dice.roll(5000)]));
            notify(rig, stream, events::RECV);
        }
        2 if dice.roll(4) == 0 => {
            match dice.roll(3) {
                0 => stream.with(|s| s.eof = true),
                1 => stream.reset(WireErrno::ECONNRESET),
                _ => stream.with(|s| s.send_error = Some(WireErrno::EPIPE)),
            }
            notify(rig, stream, events::RECV | events::SEND);
        }
        _ => {}
    }
}

fn socket_step(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    if run.sockets.is_empty() {
        return;
    }
    let index = dice.roll(run.sockets.len());
    let (owner, socket, stream) = &mut run.sockets[index];
    stack_step(rig, stream, dice);
    let Some(client) = run.clients.get_mut(*owner) else {
        return;
    };
    // Its block may be another socket's by now.
    if socket.is_released() {
        *owner = usize::MAX;
        return;
    }
    let number = socket.socket;
    let after = socket.writer.tail() + u64::from(dice.roll(8) == 0);
    match dice.roll(12) {
        0..=2 => {
            commit(socket, dice);
            rig.mark(client, socket);
        }
        3 | 4 => {
            while let Some((id, _)) = socket.take_one() {
                run.held.push((client.session, id));
            }
        }
        5 => {
            let (mut back, mut kept) = (Vec::new(), Vec::new());
            for held in run.held.drain(..) {
                let gone = held.0 == client.session && dice.roll(2) == 0;
                if gone { &mut back } else { &mut kept }.push(held);
            }
            run.held = kept;
            back.iter().for_each(|(_, id)| rig.give_back(client, *id));
        }
        6 => {
            let events = Events::from_bits_retain(dice.roll(63) as u32 + 1) & Events::KNOWN;
            run.parked.push(rig.ask(client, number, &wait(events)));
        }
        7 => message_step(rig, client, socket, &mut run.parked, dice),
        8 if dice.roll(3) == 0 => {
            let body = msg::Shutdown {
                how: dice.roll(3) as u32,
                reserved: 0,
                after,
            };
            let _ = rig.call(client, number, &body);
        }
        9 if dice.roll(5) == 0 => {
            let _ = rig.call(client, number, &msg::Close { after });
        }
        10 if dice.roll(20) == 0 => {
            // A liar: some word of the block, or of the session's line and maps.
            let at = match dice.roll(2) {
                0 => socket.block.offset() + dice.roll(64) * 8,
                _ => 4096 + dice.roll(40) * 8,
            };
            socket.mem.store_u64(at, dice.roll(1 << 20) as u64).unwrap();
            rig.mark(client, socket);
            rig.table.ring(client.session, false);
            rig.work();
            // Its halves are of no use any more, nor is what it holds.
            let (gone, session) = (*owner, client.session);
            let mine = run.sockets.iter_mut().filter(|s| s.0 == gone);
            mine.for_each(|s| s.0 = usize::MAX);
            run.held.retain(|held| held.0 != session);
            run.liars.push(session);
        }
        _ => {}
    }
}

/// By message, or about to sleep.
fn message_step(
    rig: &mut Rig,
    client: &Client,
    socket: &mut ClientSocket,
    parked: &mut Vec<Pending>,
    dice: &mut Dice,
) {
    match dice.roll(3) {
        0 => parked.push(rig.send_by_message(client, socket, &vec![5; dice.roll(300)])),
        1 => {
            let (len, flags) = (dice.roll(300) as u32, dice.roll(2) as u32);
            parked.push(rig.receive_by_message(client, socket, len, flags));
        }
        _ => {
            let waiting = [Waiting::Data, Waiting::Room][dice.roll(2)];
            socket.arm(waiting, dice.roll(6) as u16);
            let event = [1, 7, 0, 0];
            let _ = rig.call(client, 0, &msg::AddWaiter { event });
        }
    }
}

/// Commits something, somewhere: into the open range or a new one.
fn commit(socket: &mut ClientSocket, dice: &mut Dice) {
    if socket.writer.place().room < 64 || dice.roll(3) == 0 {
        let offset = (socket.area.data() + dice.roll(100_000)) as u64;
        let cap = dice.roll(5000) as u32;
        let memory = Memory { pool: 0, offset, cap };
        if socket.writer.open(memory).unwrap() == Opened::Full {
            return;
        }
    }
    let n = dice.roll(3000).min(socket.writer.place().room as usize) as u32;
    if socket.writer.append(n).unwrap() == Appended::Taken && dice.roll(3) != 0 {
        socket.writer.flush().unwrap();
    }
}
