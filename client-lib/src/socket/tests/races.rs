//! Each verb, stopped at each of its points, against what another thread, a fork or a signal does just there.
//!
//! The points come from a run of the verb itself (`sys/fake/points.rs`): a lock, a message or a sleep that is added to the library
//! is tried without a word here. Of each run is asked: every call returns, with a result that it may have; no byte is lost, doubled
//! or torn; and memory, blocks and receive buffers are all back at the end.

#[path = "race_verbs.rs"]
mod verbs;

use crate::{
    Error,
    socket::{How, IntOption, Socket},
    sys::{
        Sleeper,
        fake::{self, FakeSemaphore, Lie, points},
    },
};
use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use csock_wire::msg;
use std::{boxed::Box, sync::mpsc, thread, time::Instant, vec::Vec};
use verbs::{Did, FED, VERBS, Verb, World};

/// Longer than any call of these takes, and shorter than a hang.
const LIMIT: Duration = Duration::from_secs(20);
/// How many of the points are tried: all, but for Miri.
const STRIDE: usize = if cfg!(miri) { 9 } else { 1 };

/// What happens while the call is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Another thread closes the socket.
    Close,
    /// Another thread forks, and the child tries every verb.
    Fork,
    /// Other threads send and receive on the same socket, without waiting.
    Others,
    /// The next wait of the call ends by a signal.
    Signal,
    /// A signal's handler on this very thread sends.
    HandlerSends,
    /// A signal's handler on this very thread receives, and waits if something will come.
    HandlerReceives,
    /// A signal's handler on this very thread closes the socket.
    HandlerCloses,
    /// The thread is cancelled: it never comes back, and nothing in its frames is dropped. Where it sleeps, and nowhere else.
    Cancel,
}

impl Trouble {
    /// Makes sense at this point, with so many locks held.
    fn fits(self, (point, locks): (points::Point, u32)) -> bool {
        match self {
            Trouble::Cancel => point == points::Point::Sleeping,
            Trouble::Close | Trouble::Others | Trouble::Signal => locks == 0,
            _ => true,
        }
    }

    fn in_handler(self, world: &World, fed: bool) -> Option<Result<Did, Error>> {
        match self {
            Trouble::HandlerSends => Some(send(world)),
            Trouble::HandlerReceives => Some(receive(world, !fed)),
            Trouble::HandlerCloses => Some(world.socket.close().map(|()| Did::default())),
            _ => None,
        }
    }

    fn closes(self) -> bool {
        matches!(self, Trouble::Close | Trouble::HandlerCloses)
    }
}

enum Event {
    Stopped(&'static Sleeper<FakeSemaphore>),
    Handled(Result<Did, Error>),
    Cancelled,
    Done(Result<Did, Error>, Vec<(points::Point, u32)>),
}

fn send(world: &World) -> Result<Did, Error> {
    let n = world.socket.send(&[2; 10], How::default())?;
    Ok(Did {
        sent: n,
        ..Did::default()
    })
}

fn receive(world: &World, dontwait: bool) -> Result<Did, Error> {
    let mut buffer = [0; 7];
    let n = world.socket.receive(&mut buffer, dontwait)?;
    Ok(Did {
        got: buffer[..n].to_vec(),
        ..Did::default()
    })
}

/// Runs `body` on a thread of its own; `None` if it does not end.
fn within<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(body()));
    wait.recv_timeout(LIMIT).ok()
}

/// Every verb in a child of the process: turned away at once.
fn as_a_child(socket: &Arc<Socket<fake::Fake>>) {
    let forked = Error::Forked;
    assert_eq!(socket.send(&[3], How::default()), Err(forked));
    assert_eq!(socket.receive(&mut [0], false), Err(forked));
    assert_eq!(socket.receive_in_place(1, false), Err(forked));
    assert_eq!(socket.reserve(1, false), Err(forked));
    assert_eq!(socket.commit(1, 1, 0, false), Err(forked));
    assert!(!socket.abort(1));
    assert_eq!(socket.shutdown(msg::Shutdown::BOTH), Err(forked));
    assert_eq!(socket.set_int(IntOption::NoDelay, 1), Err(forked));
    assert_eq!(socket.connect(super::addr(), None), Err(forked));
    assert_eq!(socket.accept().map(|_| ()), Err(forked));
    assert_eq!(socket.local_addr(), Err(forked));
    assert_eq!(socket.close(), Err(forked));
    assert_eq!(socket.core().stats().map(|_| ()), Err(forked));
}

/// What the other threads do. The bytes that they sent and got.
fn trouble(what: Trouble, world: &Arc<World>, sleeper: &Sleeper<FakeSemaphore>, name: &str) -> Did {
    let world = Arc::clone(world);
    let mut did = Did::default();
    match what {
        Trouble::Close => {
            let closed = within(move || world.socket.close());
            let closed = closed.unwrap_or_else(|| panic!("{name}: close hangs"));
            assert!(
                matches!(closed, Ok(()) | Err(Error::Closed)),
                "{name}: {closed:?}"
            );
        }
        Trouble::Fork => {
            world.fake.fork();
            let socket = Arc::clone(&world.socket);
            within(move || as_a_child(&socket)).unwrap_or_else(|| panic!("{name}: a child hangs"));
            world.fake.unfork();
        }
        Trouble::Others => {
            let others = within(move || {
                let dontwait = How {
                    dontwait: true,
                    ..How::default()
                };
                let mut did = Did {
                    sent: world.socket.send(&[2; 10], dontwait).unwrap_or(0),
                    ..Did::default()
                };
                did.got = receive(&world, true).unwrap_or_default().got;
                if let Ok(grant) = world.socket.reserve(30, true) {
                    assert!(world.socket.abort(grant.key));
                }
                did
            });
            did = others.unwrap_or_else(|| panic!("{name}: another thread hangs"));
        }
        Trouble::Signal => {
            sleeper.semaphore.signals.store(1, Ordering::Relaxed);
            let once = AtomicBool::new(false);
            world.fake.lie(move |kind, _| {
                if kind == csock_wire::Kind::Watch || once.swap(true, Ordering::Relaxed) {
                    Lie::Truth
                } else {
                    Lie::Fail(crate::sys::CallError::Interrupted)
                }
            });
        }
        _ => {}
    }
    did
}

/// One run. The points of the call.
fn run(verb: &'static Verb, stop: Option<(usize, Trouble)>, late: bool) -> Vec<(points::Point, u32)> {
    let name = std::format!("{}, {stop:?}, late {late}", verb.name);
    let world = Arc::new(World::new(verb));
    let (events, inbox) = mpsc::channel();
    let (go, wait) = mpsc::channel::<()>();
    let mine = Arc::clone(&world);
    let victim = thread::spawn(move || {
        let stop: Option<(usize, Box<dyn FnOnce()>)> = stop.map(|(at, what)| {
            let (events, world) = (events.clone(), Arc::clone(&mine));
            let action = move || {
                if what == Trouble::Cancel {
                    fake::my_sleeper().abandon.leave();
                    let _ = events.send(Event::Cancelled);
                    loop {
                        thread::park();
                    }
                }
                let _ = events.send(Event::Stopped(fake::my_sleeper()));
                match what.in_handler(&world, verb.fed) {
                    Some(result) => drop(events.send(Event::Handled(result))),
                    None => drop(wait.recv()),
                }
            };
            (at, Box::new(action) as Box<dyn FnOnce()>)
        });
        points::begin(stop);
        let result = (verb.run)(&mine);
        let points = points::end();
        let _ = events.send(Event::Done(result, points));
    });
    let mut others = Did::default();
    let mut relieved = false;
    let start = Instant::now();
    let (result, passed) = loop {
        let event = match inbox.recv_timeout(Duration::from_millis(20)) {
            Ok(event) => event,
            Err(_) => {
                assert!(start.elapsed() < LIMIT, "{name}: hangs");
                // Nobody was stopped: the call waits by itself.
                if !relieved {
                    (verb.relieve)(&world);
                    relieved = true;
                }
                continue;
            }
        };
        match event {
            Event::Done(result, passed) => break (result, passed),
            Event::Handled(Ok(did)) => others = did,
            Event::Cancelled => {
                // Another thread makes the same call.
                let again = Arc::clone(&world);
                let (done, wait) = mpsc::channel();
                thread::spawn(move || done.send((verb.run)(&again)));
                thread::sleep(Duration::from_millis(u64::from(late)));
                (verb.relieve)(&world);
                let result = wait.recv_timeout(LIMIT);
                break (result.unwrap_or_else(|_| panic!("{name}: hangs")), Vec::new());
            }
            Event::Handled(Err(error)) => {
                let may = matches!(
                    error,
                    Error::WouldBlock
                        | Error::Closed
                        | Error::NotConnected
                        | Error::ShutDown
                        | Error::Interrupted
                );
                assert!(may, "{name}: the handler is told {error:?}");
            }
            Event::Stopped(sleeper) => {
                let what = stop.map(|(_, what)| what);
                if let Some(what) = what {
                    others = trouble(what, &world, sleeper, &name);
                }
                let waits = matches!(what, Some(Trouble::HandlerReceives | Trouble::HandlerSends));
                if !late || waits {
                    (verb.relieve)(&world);
                    relieved = true;
                }
                let _ = go.send(());
                if !relieved {
                    thread::sleep(Duration::from_millis(1));
                    (verb.relieve)(&world);
                    relieved = true;
                }
            }
        }
    };
    if stop.is_none_or(|(_, what)| what != Trouble::Cancel) {
        victim.join().unwrap();
    }
    let what = stop.map(|(_, what)| what);
    let did = match result {
        Ok(did) => did,
        Err(error) => {
            let closed = error.qnx_errno() == 9;
            let may = match what {
                Some(what) if what.closes() => closed,
                Some(Trouble::Signal) => error == Error::Interrupted,
                _ => false,
            };
            assert!(may, "{name}: {error:?}");
            Did::default()
        }
    };
    settle(&world, verb, [did, others], what, &name);
    passed
}

/// Nothing was lost, and all is back.
fn settle(world: &Arc<World>, verb: &Verb, did: [Did; 2], what: Option<Trouble>, name: &str) {
    world.fake.quietly(|state| state.liar = None);
    world.fake.peers(|peer| peer.hold = false);
    let open = verb.fed && !what.is_some_and(Trouble::closes);
    if open {
        let mut all: Vec<u8> = did.iter().flat_map(|did| did.got.clone()).collect();
        let mut buffer = [0; 100];
        while let Ok(n @ 1..) = world.socket.receive(&mut buffer, true) {
            all.extend_from_slice(&buffer[..n]);
        }
        all.sort_unstable();
        let times = all.len() / usize::from(FED);
        let expected: Vec<u8> = (0..FED).flat_map(|byte| std::vec![byte; times]).collect();
        assert!(times >= 1 && all == expected, "{name}: received {all:?}");
    }
    let closed = within({
        let world = Arc::clone(world);
        move || world.socket.close()
    });
    assert!(closed.is_some(), "{name}: the last close hangs");
    for span in world.taken.lock().unwrap().drain(..) {
        world.core.books.lock().free(span);
    }
    let outboxes: Vec<Vec<u8>> = world.fake.with(|state| {
        let open = state.peers.values().map(|peer| peer.outbox.clone());
        open.chain(state.buried.iter().cloned()).collect()
    });
    for (byte, did) in [1, 2].into_iter().zip(&did) {
        let places: Vec<usize> = outboxes
            .iter()
            .flat_map(|outbox| outbox.iter().enumerate())
            .filter(|(_, found)| **found == byte)
            .map(|(at, _)| at)
            .collect();
        assert_eq!(places.len(), did.sent, "{name}: bytes sent");
        let whole = places.last().map_or(0, |last| last + 1 - places[0]);
        assert_eq!(whole, did.sent, "{name}: a call is one piece of the stream");
    }
    let core = &world.core;
    let held: usize = (0..4).map(|block| core.held_of(block)).sum();
    assert_eq!(held, 0, "{name}: receive buffers are back");
    let mut books = core.books.lock();
    books.reap(&core.mem);
    assert_eq!((books.closing(), books.free_blocks()), (0, 4), "{name}: blocks");
    assert_eq!(books.free_bytes(), world.all, "{name}: memory is back");
}

/// Every verb, stopped at every point, against this.
fn every_verb_at_every_point(what: Trouble) {
    for verb in VERBS {
        let points = run(verb, None, false);
        assert!(points.len() >= verb.least, "{}: {points:?}", verb.name);
        let places = (0..points.len()).filter(|at| what.fits(points[*at]));
        for at in places.step_by(STRIDE) {
            for late in [false, true] {
                run(verb, Some((at, what)), late);
            }
        }
    }
}

#[test]
fn against_close() {
    every_verb_at_every_point(Trouble::Close);
}

/// C4: a child is turned away at once, whatever the parent's threads held when it was made.
#[test]
fn against_fork() {
    every_verb_at_every_point(Trouble::Fork);
}

#[test]
fn against_other_threads() {
    every_verb_at_every_point(Trouble::Others);
}

#[test]
fn against_a_signal() {
    every_verb_at_every_point(Trouble::Signal);
}

/// U2: a verb in a signal handler works or fails with EAGAIN, and the call that was interrupted goes on.
#[test]
fn against_a_handler_that_sends() {
    every_verb_at_every_point(Trouble::HandlerSends);
}

/// U2, as above.
#[test]
fn against_a_handler_that_receives() {
    every_verb_at_every_point(Trouble::HandlerReceives);
}

/// U2, as above.
#[test]
fn against_a_handler_that_closes() {
    every_verb_at_every_point(Trouble::HandlerCloses);
}

/// C5, U3: a thread that is cancelled leaves nothing behind that others wait for.
#[test]
fn against_cancellation() {
    every_verb_at_every_point(Trouble::Cancel);
}
