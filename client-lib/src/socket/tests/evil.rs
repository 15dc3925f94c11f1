//! A server that lies (S-45): whatever it writes or answers, the library returns an error in a bounded number of steps.

use super::{addr, config, connected};
use crate::{
    Error, Fault,
    socket::{How, Socket},
    sys::{
        CallError,
        fake::{self, Fake, Lie},
    },
};
use alloc::sync::Arc;
use csock_wire::{
    Desc, DescFlags, Kind, Load, SharedMem, Store,
    msg::{self, Events},
};
use std::{thread, vec::Vec};

/// Pushes a descriptor into the completion ring of the only socket.
fn complete(fake: &Fake, desc: Desc) {
    let socket = fake.with(|state| *state.peers.keys().next().unwrap());
    fake.quietly(socket, |peer, _| {
        let rings = peer.rings.as_mut().unwrap();
        rings.cq.push(&desc).unwrap();
        rings.cq.publish().unwrap();
    });
}

/// Pushes a descriptor into the ready ring of the only socket.
fn deliver(fake: &Fake, desc: Desc) {
    let socket = fake.with(|state| *state.peers.keys().next().unwrap());
    fake.quietly(socket, |peer, _| {
        let rings = peer.rings.as_mut().unwrap();
        rings.rq.push(&desc).unwrap();
        rings.rq.publish().unwrap();
    });
}

fn is_fault<T: core::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::ServerFault(_))), "{result:?}");
}

#[test]
fn completions_of_what_was_not_sent() {
    let none = DescFlags::empty();
    let lies: Vec<fn(&Desc) -> Desc> = std::vec![
        // A number that was never given out.
        |d| fake::desc(d.offset, 1, DescFlags::empty(), 0, 0),
        |d| fake::desc(d.offset, 1, DescFlags::empty(), u64::MAX, 0),
        |d| fake::desc(d.offset, 1, DescFlags::empty(), d.user ^ 1 << 33, 0),
        // The right number with the wrong place, or too much of it.
        |d| fake::desc(d.offset + 1024, 1, DescFlags::empty(), d.user, 0),
        |d| fake::desc(d.offset, d.len + 1, DescFlags::empty(), d.user, 0),
        |d| fake::desc(0, 1, DescFlags::empty(), d.user, 0),
        |d| fake::desc(u64::MAX, u32::MAX, DescFlags::empty(), d.user, 0),
        // Flags and errors that a completion cannot have.
        |d| fake::desc(d.offset, 1, DescFlags::EOF, d.user, 0),
        |d| fake::desc(d.offset, 1, DescFlags::from_bits_retain(1 << 31), d.user, 0),
        |d| fake::desc(d.offset, 1, DescFlags::ERROR, d.user, 0),
        |d| fake::desc(d.offset, 1, DescFlags::ERROR, d.user, 1 << 40),
        |d| fake::desc(d.offset, 1, DescFlags::empty(), d.user, 5),
    ];
    for lie in lies {
        let (fake, socket) = connected();
        fake.with(|state| state.peers.values_mut().for_each(|peer| peer.hold = true));
        socket.send(&[1; 100], How::default()).unwrap();
        let sent = fake.with(|state| state.peers.values().next().unwrap().held[0]);
        complete(&fake, lie(&sent));
        is_fault(socket.send(&[1], How::default()));
        // For good, and for every socket.
        is_fault(socket.receive(&mut [0; 1], false));
        is_fault(Socket::stream(socket.core(), false, true).map(|_| ()));
    }
    // Twice the same.
    let (fake, socket) = connected();
    fake.with(|state| state.peers.values_mut().for_each(|peer| peer.hold = true));
    socket.send(&[1; 100], How::default()).unwrap();
    let sent = fake.with(|state| state.peers.values().next().unwrap().held[0]);
    let done = fake::desc(sent.offset, 100, none, sent.user, 0);
    complete(&fake, done);
    complete(&fake, done);
    is_fault(socket.send(&[1], How::default()));
    // A grant that was not sent.
    let (fake, socket) = connected();
    let grant = socket.reserve(64, false).unwrap();
    complete(&fake, fake::desc(grant.offset as u64, 64, none, grant.key, 0));
    is_fault(socket.send(&[1], How::default()));
}

#[test]
fn data_in_buffers_that_were_not_posted() {
    let lies: Vec<fn(&Desc) -> Desc> = std::vec![
        |_| fake::desc(0, 1, DescFlags::empty(), 0, 0),
        |d| fake::desc(d.offset, 1, DescFlags::empty(), d.user ^ 1, 0),
        |d| fake::desc(d.offset, 1, DescFlags::empty(), d.user ^ 1 << 32, 0),
        |d| fake::desc(d.offset + 1, 1, DescFlags::empty(), d.user, 0),
        |d| fake::desc(d.offset, d.len + 1, DescFlags::empty(), d.user, 0),
        |d| fake::desc(d.offset, 0, DescFlags::empty(), d.user, 0),
        |d| fake::desc(4096, 1, DescFlags::empty(), d.user, 0),
        |d| fake::desc(u64::MAX - 4, 8, DescFlags::empty(), d.user, 0),
        |d| fake::desc(d.offset, 1, DescFlags::MORE, d.user, 0),
        |d| fake::desc(d.offset, 1, DescFlags::EOF, d.user, 0),
        |_| fake::desc(0, 0, DescFlags::EOF.union(DescFlags::ERROR), 0, 5),
        |_| fake::desc(0, 0, DescFlags::ERROR, 0, 0),
        |_| fake::desc(0, 0, DescFlags::EOF, 0, 3),
    ];
    for lie in lies {
        let (fake, socket) = connected();
        let socket_id = fake.with(|state| *state.peers.keys().next().unwrap());
        let posted = fake.quietly(socket_id, |peer, _| {
            peer.rings.as_mut().unwrap().fq.pop().unwrap().unwrap()
        });
        deliver(&fake, lie(&posted));
        is_fault(socket.receive(&mut [0; 16], false));
        is_fault(socket.receive_in_place(usize::MAX, false));
        is_fault(socket.send(&[1], How::default()));
    }
    // The same buffer twice: the second time the program has it.
    let (fake, socket) = connected();
    let socket_id = fake.with(|state| *state.peers.keys().next().unwrap());
    let posted = fake.quietly(socket_id, |peer, _| {
        peer.rings.as_mut().unwrap().fq.pop().unwrap().unwrap()
    });
    let filled = fake::desc(posted.offset, 10, DescFlags::empty(), posted.user, 0);
    deliver(&fake, filled);
    deliver(&fake, filled);
    assert!(socket.receive_in_place(usize::MAX, false).unwrap().is_some());
    is_fault(socket.receive_in_place(usize::MAX, false));
}

#[test]
fn indices_from_nowhere() {
    // Every index word of every ring, every kind of wrong value.
    for ring in 0..4_usize {
        for value in [5, 1000, u32::MAX, 1 << 31, u32::MAX - 3] {
            let (fake, socket) = connected();
            let socket_id = fake.with(|state| *state.peers.keys().next().unwrap());
            fake.quietly(socket_id, |peer, mem| {
                use csock_wire::RingKind::{Completion, Fill, Ready, Submission};
                let block = &peer.rings.as_ref().unwrap().block;
                let at = match ring {
                    0 => block.ring(Submission).consumer_index(),
                    1 => block.ring(Completion).producer_index(),
                    2 => block.ring(Fill).consumer_index(),
                    _ => block.ring(Ready).producer_index(),
                };
                mem.store_u32(at, value, Store::Release).unwrap();
                assert_eq!(mem.load_u32(at, Load::Relaxed).unwrap(), value);
            });
            socket.set_nonblocking(true).unwrap();
            let mut results = Vec::new();
            for _ in 0..40 {
                // Receiving first: the honest part of the fake writes its true index when it is rung.
                results.push(socket.receive(&mut [0; 10], false).map(|_| ()));
                results.push(socket.send(&[1; 10], How::default()).map(|_| ()));
            }
            let last = results.pop().unwrap();
            assert!(
                matches!(last, Err(Error::ServerFault(_) | Error::WouldBlock)) || last.is_ok(),
                "ring {ring} index {value}: {last:?}"
            );
            if ring == 1 || ring == 3 {
                is_fault(last);
            }
        }
    }
}

#[test]
fn answers_that_cannot_be() {
    type Case = (
        Kind,
        fn() -> Lie,
        fn(&Arc<crate::session_core::Core<Fake>>) -> Result<(), Error>,
    );
    let stream = |core: &Arc<_>| Socket::stream(core, false, true).map(|_| ());
    fn dial(core: &Arc<crate::session_core::Core<Fake>>) -> Result<(), Error> {
        Socket::stream(core, false, true)?.connect(addr(), None)
    }
    let cases: Vec<Case> = std::vec![
        (Kind::Socket, || Lie::Reply(Vec::new()), stream),
        (
            Kind::Socket,
            || fake::reply_with(&msg::SocketReply {
                socket: 0,
                reserved: 0
            }),
            stream
        ),
        (
            Kind::Connect,
            || fake::reply_with(&msg::ConnectReply {
                state: 9,
                reserved: 0
            }),
            dial
        ),
        (
            Kind::GetSockName,
            || fake::reply_with(&msg::AddrReply::default()),
            |core| { Socket::stream(core, false, true)?.local_addr().map(|_| ()) }
        ),
        (
            Kind::GetSockOpt,
            || fake::reply_with(&msg::OptReply {
                len: 99,
                ..Default::default()
            }),
            |core| { Socket::stream(core, false, true)?.take_error().map(|_| ()) }
        ),
        (
            Kind::GetSockOpt,
            || fake::reply_with(&msg::OptReply {
                len: 4,
                reserved: 0,
                value: [0xFF; 16]
            }),
            |core| { Socket::stream(core, false, true)?.take_error().map(|_| ()) }
        ),
    ];
    for (lied, lie, call) in cases {
        let fake = Fake::new();
        let core = fake.open(config()).unwrap();
        fake.lie(move |kind, _| if kind == lied { lie() } else { Lie::Truth });
        assert!(call(&core).is_err(), "{lied:?}");
    }
}

#[test]
fn hellos_that_cannot_be() {
    let good = msg::HelloReply {
        version: 1,
        session: 1,
        max_sockets: 1,
        max_pool_bytes: 1 << 30,
        max_desc_len: 1 << 20,
        max_ring_capacity: 4096,
        ..Default::default()
    };
    let lies = [
        msg::HelloReply { version: 0, ..good },
        msg::HelloReply { version: 2, ..good },
        msg::HelloReply { session: 0, ..good },
        msg::HelloReply {
            max_pool_bytes: 0,
            ..good
        },
        msg::HelloReply {
            max_desc_len: 0,
            ..good
        },
        msg::HelloReply {
            max_desc_len: 100,
            ..good
        },
        msg::HelloReply {
            max_ring_capacity: 0,
            ..good
        },
        msg::HelloReply {
            max_ring_capacity: 2,
            ..good
        },
    ];
    for lie in lies {
        let fake = Fake::new();
        fake.lie(move |kind, _| {
            if kind == Kind::Hello {
                fake::reply_with(&lie)
            } else {
                Lie::Truth
            }
        });
        assert!(fake.open(config()).is_err(), "{lie:?}");
    }
    for error in [
        CallError::Gone,
        CallError::TimedOut,
        CallError::Interrupted,
        CallError::Busy,
        CallError::Errno(89),
    ] {
        let fake = Fake::new();
        fake.lie(move |_, _| Lie::Fail(error));
        assert!(fake.open(config()).is_err());
    }
}

#[test]
fn waits_that_are_woken_for_nothing_end() {
    let reply = |events: Events, error| {
        fake::reply_with(&msg::WaitReply {
            events: events.bits(),
            error,
            reserved: 0,
        })
    };
    let (fake, socket) = connected();
    fake.lie(move |kind, _| {
        if kind == Kind::Wait {
            reply(Events::READABLE, 0)
        } else {
            Lie::Truth
        }
    });
    assert_eq!(
        socket.receive(&mut [0; 1], false),
        Err(Error::ServerFault(Fault::FalseWake))
    );
    for bits in [0, 1 << 20, u32::MAX] {
        let (fake, socket) = connected();
        fake.lie(move |kind, _| {
            if kind == Kind::Wait {
                reply(Events::from_bits_retain(bits), 0)
            } else {
                Lie::Truth
            }
        });
        is_fault(socket.receive(&mut [0; 1], false));
    }
    // A failed socket whose ring stays silent.
    for error in [0, csock_wire::WireErrno::ECONNRESET.0] {
        let (fake, socket) = connected();
        let events = Events::READABLE.union(Events::ERROR);
        fake.lie(move |kind, _| {
            if kind == Kind::Wait {
                reply(events, error)
            } else {
                Lie::Truth
            }
        });
        assert_eq!(socket.receive(&mut [0; 1], false).unwrap_err().qnx_errno(), 254);
    }
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let fake = Fake::new();
    let core = fake.open(config()).unwrap();
    fake.lie(|_, _| Lie::Fail(CallError::TimedOut));
    assert_eq!(
        Socket::stream(&core, false, true).unwrap_err(),
        Error::ServerSilent
    );
    assert_eq!(core.stats().unwrap_err(), Error::ServerSilent);
}

/// A scribbler writes everywhere the server may while a program sends and receives: the program ends with an error or
/// not, and nothing else happens.
#[test]
fn a_scribbler_over_the_whole_pool() {
    let rounds = if cfg!(miri) { 3 } else { 60 };
    for seed in 1..=rounds {
        let (fake, socket) = connected();
        let socket = Arc::new(socket);
        let mem = socket.core().mem;
        let stop = Arc::new(core::sync::atomic::AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let scribbler = thread::spawn(move || {
            let mut random = 0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed) | 1;
            while !stopped.load(core::sync::atomic::Ordering::Relaxed) {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                // Mostly in the ring blocks, small numbers and large ones.
                let span = if random.is_multiple_of(4) {
                    mem.len()
                } else {
                    16 * 1024
                };
                let at = (random >> 20) as usize % (span / 8) * 8;
                let value = if random & 8 == 0 { random >> 50 } else { random };
                let _ = mem.store_u64(at, value);
            }
        });
        socket.set_nonblocking(true).unwrap();
        for _ in 0..if cfg!(miri) { 20 } else { 300 } {
            let _ = socket.send(&[1; 700], How::default());
            let _ = socket.receive(&mut [0; 500], false);
            if let Ok(Some(filled)) = socket.receive_in_place(usize::MAX, false) {
                assert!(filled.len <= 4096);
                socket.release(filled.key);
            }
            if let Ok(grant) = socket.reserve(3000, false) {
                assert!(grant.offset + 3000 <= mem.len());
                let _ = socket.commit(grant.key, 3000, false);
            }
        }
        stop.store(true, core::sync::atomic::Ordering::Relaxed);
        scribbler.join().unwrap();
        // The honest part of the fake may have met nonsense in the rings; it is not what is tested.
        fake.with_gone();
        drop(socket);
    }
}
