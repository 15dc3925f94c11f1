//! Random clients against a random stack (fuzz target F4 in small): whatever they do, in whatever order, every request is
//! answered once, and when they are all gone everything is back. A failure prints its seed.

use crate::{
    events,
    machine::Parked,
    testing::{Client, ClientSocket, FakeStream, Pending, RINGS, Rig, world},
};
use csock_wire::{
    Desc, SockAddr, WireErrno,
    msg::{self, Events},
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
    world(|w| w.no_mbufs = false);
    for _ in 0..200 {
        run.sockets.iter().for_each(|(_, _, stream)| stream.ack_all());
        world(|w| w.now += 400);
        rig.work();
    }
    rig.assert_empty();
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
        7 => world(|w| w.no_mbufs = !w.no_mbufs),
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

fn make_socket(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    let Some(owner) = pick(run, dice) else { return };
    let client = &mut run.clients[owner];
    let rings = client.geometry();
    let Ok(block) = csock_wire::RingBlock::validate(&rings, crate::testing::DATA) else {
        return;
    };
    block.initialise(&client.mem).unwrap();
    let body = msg::Socket {
        domain: 2,
        kind: 1,
        protocol: 6,
        reserved: 0,
        rings,
    };
    if let Ok(reply) = rig.call(client, 0, &body) {
        let stream = world(|w| w.made.last().unwrap().clone_handle());
        stream.with(|s| {
            s.hiwat = [100, 5000, 65536][dice.roll(3)];
            s.fast = dice.roll(2) == 0;
        });
        let socket = ClientSocket::new(reply.socket, block, &client.mem);
        let _ = rig.call(
            client,
            socket.socket,
            &msg::Connect {
                addr: SockAddr::v4([10, 0, 0, 1], 80),
            },
        );
        run.sockets.push((owner, socket, stream));
    }
}

fn make_listener(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    let Some(owner) = pick(run, dice) else { return };
    let body = msg::Socket {
        domain: 2,
        kind: 1,
        ..msg::Socket::default()
    };
    if let Ok(reply) = rig.call(&run.clients[owner], 0, &body) {
        let stream = world(|w| w.made.last().unwrap().clone_handle());
        rig.call(
            &run.clients[owner],
            reply.socket,
            &msg::Listen {
                backlog: 5,
                reserved: 0,
            },
        )
        .unwrap();
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
    let rings = client.geometry();
    let Ok(block) = csock_wire::RingBlock::validate(&rings, crate::testing::DATA) else {
        return;
    };
    block.initialise(&client.mem).unwrap();
    match dice.roll(3) {
        0 => run
            .parked
            .push(rig.ask(client, listener, &wait(Events::ACCEPTABLE))),
        1 => drop(rig.call(
            client,
            listener,
            &msg::Close {
                tx_position: 0,
                reserved: 0,
            },
        )),
        _ => {
            if let Ok(reply) = rig.call(client, listener, &msg::Accept { rings }) {
                // Perhaps an earlier peer than this one; it is acknowledged by the end of the session all the same.
                run.sockets.push((
                    owner,
                    ClientSocket::new(reply.socket, block, &client.mem),
                    peer_handle,
                ));
            }
        }
    }
}

fn wait(events: Events) -> msg::Wait {
    msg::Wait {
        events: events.bits(),
        seen_sq: 0,
        seen_cq: 0,
        seen_rq: 0,
    }
}

fn socket_step(rig: &mut Rig, run: &mut Run, dice: &mut Dice) {
    if run.sockets.is_empty() {
        return;
    }
    let index = dice.roll(run.sockets.len());
    let (owner, socket, stream) = &mut run.sockets[index];
    match dice.roll(8) {
        0 => stream.ack(dice.roll(4)),
        1 => {
            stream.with(|s| s.incoming.extend(vec![7; dice.roll(500)]));
            notify(rig, stream, events::RECV);
        }
        2 if dice.roll(4) == 0 => {
            stream.with(|s| match dice.roll(3) {
                0 => s.eof = true,
                1 => s.receive_error = Some(WireErrno::ECONNRESET),
                _ => s.send_error = Some(WireErrno::EPIPE),
            });
            notify(rig, stream, events::RECV | events::SEND);
        }
        _ => {}
    }
    let Some(client) = run.clients.get(*owner) else {
        return;
    };
    let number = socket.socket;
    match dice.roll(10) {
        0..=2 if socket.sq.free().is_ok_and(|free| free > 0) => {
            let len = dice.roll(3000) + usize::from(dice.roll(8) != 0);
            match dice.roll(12) {
                0 => drop(
                    socket
                        .sq
                        .push(&Desc::buffer(dice.roll(1 << 20) as u64, len as u32, 1)),
                ),
                _ => socket.submit(dice.roll(60_000), &vec![3; len], 1),
            }
            let _ = socket.sq.publish();
            if socket.sq.must_ring().is_ok_and(|ring| ring) {
                rig.ring(client, socket);
            }
        }
        3 if socket.fq.free().is_ok_and(|free| free > 0) => {
            socket.fill(dice.roll(60_000), dice.roll(1000) as u32 + 1, 2);
            rig.ring(client, socket);
        }
        4 => drop(socket.completions()),
        5 => drop(socket.ready()),
        6 => {
            let events = Events::from_bits_retain(dice.roll(63) as u32 + 1) & Events::KNOWN;
            let seen = (socket.sq.position(), socket.cq.position(), socket.rq.position());
            let body = msg::Wait {
                events: events.bits(),
                seen_sq: seen.0,
                seen_cq: seen.1,
                seen_rq: seen.2,
            };
            run.parked.push(rig.ask(client, number, &body));
        }
        7 if dice.roll(3) == 0 => {
            let how = dice.roll(3) as u32;
            let _ = rig.call(
                client,
                number,
                &msg::Shutdown {
                    how,
                    tx_position: socket.sq.position(),
                },
            );
        }
        8 if dice.roll(5) == 0 => {
            let tx_position = socket.sq.position().wrapping_add(u32::from(dice.roll(8) == 0));
            let _ = rig.call(
                client,
                number,
                &msg::Close {
                    tx_position,
                    reserved: 0,
                },
            );
        }
        9 if dice.roll(60) == 0 => {
            // A liar.
            let at = socket.block.ring(csock_wire::RingKind::ALL[dice.roll(4)]);
            let word = if dice.roll(2) == 0 {
                at.producer_index()
            } else {
                at.consumer_index()
            };
            socket.mem.write(word, &(RINGS * 3 + 1).to_le_bytes());
            rig.ring(client, socket);
            // Its own ends of the rings are of no use any more.
            *owner = usize::MAX;
        }
        _ => {}
    }
}
