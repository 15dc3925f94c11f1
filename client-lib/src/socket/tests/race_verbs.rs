//! The verbs of the races: how each begins, and what lets it go on where it waits.

use super::super::{addr, config, dial};
use crate::{
    Error,
    pool::Span,
    session::Core,
    socket::{How, IntOption, Socket},
    sys::fake::Fake,
};
use alloc::sync::Arc;
use csock_wire::{SharedMem, msg};
use std::{sync::Mutex, vec, vec::Vec};

/// The bytes to receive: 0 to this.
pub(super) const FED: u8 = 50;

/// What a call did.
#[derive(Clone, Debug, Default)]
pub(super) struct Did {
    pub sent: usize,
    pub got: Vec<u8>,
}

pub(super) struct World {
    pub fake: Fake,
    pub core: Arc<Core<Fake>>,
    pub socket: Arc<Socket<Fake>>,
    /// Free bytes of the pool at first.
    pub all: usize,
    /// Memory that the test holds.
    pub taken: Mutex<Vec<Span>>,
}

pub(super) struct Verb {
    pub name: &'static str,
    /// Makes the socket.
    make: fn(&Fake, &Arc<Core<Fake>>) -> Socket<Fake>,
    /// What is so before the call.
    before: fn(&World),
    pub run: fn(&World) -> Result<Did, Error>,
    /// Lets a call that waits go on.
    pub relieve: fn(&World),
    /// There are bytes to receive.
    pub fed: bool,
    /// Points that it has at least.
    pub least: usize,
}

impl World {
    pub(super) fn new(verb: &Verb) -> Self {
        let fake = Fake::new();
        let core = fake.open(config()).unwrap();
        let all = core.books.lock().free_bytes();
        let socket = Arc::new((verb.make)(&fake, &core));
        fake.peers(|peer| peer.echo = false);
        let world = Self {
            fake,
            core,
            socket,
            all,
            taken: Mutex::new(Vec::new()),
        };
        (verb.before)(&world);
        world
    }
}

fn connected(_: &Fake, core: &Arc<Core<Fake>>) -> Socket<Fake> {
    dial(core)
}

fn fresh(_: &Fake, core: &Arc<Core<Fake>>) -> Socket<Fake> {
    Socket::stream(core, false).unwrap()
}

fn listener(_: &Fake, core: &Arc<Core<Fake>>) -> Socket<Fake> {
    let socket = Socket::stream(core, false).unwrap();
    socket.listen(5).unwrap();
    socket
}

const fn nothing(_: &World) {}

fn feed(world: &World) {
    world.fake.peers(|peer| peer.inbox.extend(0..FED));
}

fn sent(n: usize) -> Did {
    Did {
        sent: n,
        ..Did::default()
    }
}

fn send(world: &World, n: usize) -> Result<Did, Error> {
    world.socket.send(&vec![1; n], How::default()).map(sent)
}

fn receive(world: &World) -> Result<Did, Error> {
    let mut buffer = [0; 30];
    let n = world.socket.receive(&mut buffer, false)?;
    Ok(Did {
        got: buffer[..n].to_vec(),
        ..Did::default()
    })
}

fn receive_in_place(world: &World) -> Result<Did, Error> {
    let Some(filled) = world.socket.receive_in_place(30, false)? else {
        return Err(Error::ShutDown);
    };
    let mut got = vec![0; filled.len as usize];
    world.core.mem.copy_in(filled.offset, &mut got).unwrap();
    world.core.let_go(filled.id);
    Ok(Did {
        got,
        ..Did::default()
    })
}

fn commit(world: &World) -> Result<Did, Error> {
    let grant = world.socket.reserve(200, false)?;
    world.core.mem.copy_out(grant.offset, &[1; 200]).unwrap();
    match world.socket.commit(grant.key, 150, 0, false) {
        Ok(()) => Ok(sent(150)),
        Err(error) => {
            assert!(
                world.socket.abort(grant.key),
                "what was not sent is the program's"
            );
            Err(error)
        }
    }
}

fn give_back(world: &World) -> Result<Did, Error> {
    let grant = world.socket.reserve(200, false)?;
    assert!(world.socket.abort(grant.key));
    Ok(Did::default())
}

fn accept(world: &World) -> Result<Did, Error> {
    world.socket.accept().map(|_| Did::default())
}

fn connection_comes(world: &World) {
    world.fake.with(|state| {
        if let Some(listener) = state.peers.values_mut().find(|peer| peer.listening) {
            listener.backlog += 1;
            listener.words.as_mut().unwrap().filler.announce();
        }
    });
}

fn connect(world: &World) -> Result<Did, Error> {
    world.socket.connect(addr(), None).map(|()| Did::default())
}

fn fill(world: &World) {
    world.fake.peers(|peer| peer.hold = true);
    let dontwait = How {
        dontwait: true,
        ..How::default()
    };
    while world.socket.send(&[9; 20_000], dontwait).is_ok() {}
}

fn drain(world: &World) {
    world.fake.peers(|peer| peer.hold = false);
}

fn take_all_memory(world: &World) {
    let mut taken = world.taken.lock().unwrap();
    while let Ok(span) = world.core.books.lock().alloc(&world.core.mem, 1, 1) {
        taken.push(span);
    }
}

const PLAIN: Verb = Verb {
    name: "",
    make: connected,
    before: nothing,
    run: accept,
    relieve: nothing,
    fed: false,
    least: 2,
};

pub(super) static VERBS: &[Verb] = &[
    Verb {
        name: "send",
        run: |world| send(world, 100),
        ..PLAIN
    },
    Verb {
        name: "send that waits for room",
        before: fill,
        run: |world| send(world, 100),
        relieve: drain,
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "send in many steps",
        before: |world| world.fake.with(|state| state.sndbuf = 4096),
        run: |world| send(world, 20_000),
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "send by message",
        before: take_all_memory,
        run: |world| send(world, 100),
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "receive",
        before: feed,
        run: receive,
        fed: true,
        ..PLAIN
    },
    Verb {
        name: "receive that waits",
        run: receive,
        relieve: feed,
        fed: true,
        least: 10,
        ..PLAIN
    },
    Verb {
        // A handler that sends waits for room, and takes the post that the data brings.
        name: "receive that waits, with no room to send",
        before: fill,
        run: receive,
        relieve: |world| {
            feed(world);
            std::thread::sleep(core::time::Duration::from_millis(1));
            drain(world);
        },
        fed: true,
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "receive in place",
        before: feed,
        run: receive_in_place,
        fed: true,
        ..PLAIN
    },
    Verb {
        name: "receive in place that waits",
        run: receive_in_place,
        relieve: feed,
        fed: true,
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "reserve and commit",
        run: commit,
        ..PLAIN
    },
    Verb {
        name: "reserve and commit that wait for room",
        before: fill,
        run: commit,
        relieve: drain,
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "reserve and give back",
        run: give_back,
        ..PLAIN
    },
    Verb {
        name: "accept",
        make: listener,
        before: connection_comes,
        run: accept,
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "accept that waits",
        make: listener,
        run: accept,
        relieve: connection_comes,
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "connect",
        make: fresh,
        run: connect,
        ..PLAIN
    },
    Verb {
        name: "connect that waits",
        make: fresh,
        before: |world| world.fake.with(|state| state.slow_connect = Some(u16::MAX)),
        run: connect,
        relieve: |world| world.fake.with(|state| state.slow_connect = Some(0)),
        least: 10,
        ..PLAIN
    },
    Verb {
        name: "shutdown",
        run: |world| {
            let done = world.socket.shutdown(msg::Shutdown::WRITE);
            done.map(|()| Did::default())
        },
        ..PLAIN
    },
    Verb {
        name: "setsockopt",
        run: |world| {
            let done = world.socket.set_int(IntOption::NoDelay, 1);
            done.map(|()| Did::default())
        },
        ..PLAIN
    },
    Verb {
        name: "close",
        before: feed,
        run: |world| match world.socket.close() {
            Ok(()) | Err(Error::Closed) => Ok(Did::default()),
            Err(error) => Err(error),
        },
        ..PLAIN
    },
];
