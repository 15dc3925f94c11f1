//! A server in this process, for tests: it plays the module over the same words, echoes what it is sent, and lies on
//! request.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod answer;
pub(crate) mod points;
mod turn;

use points::Point;

use super::{CallError, Semaphore, Shared, Sleeper, System, identity};
use crate::{config::Config, session::Core, sync::Notes};
use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};
use csock_wire::{
    Kind, Request, SharedRegion, msg,
    stream::{Area, Block, Filler, Reader, Supply, WaitWatch, Watch},
};
use std::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    sync::{Condvar, Mutex},
    time::Instant,
    vec,
    vec::Vec,
};
use zerocopy::IntoBytes;

/// What a lie does to one call.
pub(crate) enum Lie {
    /// Nothing: the call goes on as it should.
    Truth,
    /// The call fails like this.
    Fail(CallError),
    /// This is the reply, as far as it fits.
    Reply(Vec<u8>),
}

/// Decides on a lie for each call; sees the kind and the state.
pub(crate) type Liar = Box<dyn FnMut(Kind, &mut State) -> Lie + Send>;

/// One socket as the server has it.
pub(crate) struct Peer {
    pub words: Option<Words>,
    pub connected: bool,
    /// A connect was answered "in progress".
    pub connecting: bool,
    pub listening: bool,
    /// Connections that nobody has accepted yet.
    pub backlog: u32,
    /// What the peer has sent us, not yet delivered.
    pub inbox: VecDeque<u8>,
    /// What we were sent.
    pub outbox: Vec<u8>,
    /// The peer sends back what it gets.
    pub echo: bool,
    /// Bytes are taken, but not acknowledged before this is false.
    pub hold: bool,
    /// Bytes acknowledged.
    pub acked: u64,
    pub eof: bool,
    /// The connection's error, told with the end.
    pub error: u16,
    pub closed: bool,
    pub options: BTreeMap<(i32, i32), [u8; 16]>,
}

/// The server's ends of a socket's words.
pub(crate) struct Words {
    pub block: Block,
    pub reader: Reader,
    pub filler: Filler,
    pub tx_watch: WaitWatch,
    pub rx_watch: WaitWatch,
}

/// What the server knows.
#[derive(Default)]
pub(crate) struct State {
    pub mem: Option<SharedRegion>,
    pub area: Option<Area>,
    pub watch: Option<Watch>,
    pub supply: Supply,
    /// What closed sockets were sent.
    pub buried: Vec<Vec<u8>>,
    /// Receive buffers that the server has.
    pub free: Vec<u32>,
    /// Whose the others are.
    pub owners: BTreeMap<u32, u32>,
    /// Each socket gets no more than its share of them.
    pub shares: bool,
    pub peers: BTreeMap<u32, Peer>,
    pub next: u32,
    pub liar: Option<Liar>,
    pub calls: Vec<Kind>,
    /// Doorbells: by pulse, by message.
    pub pulses_rung: usize,
    pub messages_rung: usize,
    pub gone: bool,
    pub over: bool,
    /// Connects are answered "in progress", and end like this.
    pub slow_connect: Option<u16>,
    /// Pulses fail like this.
    pub pulses: Option<CallError>,
    /// What wait slots post; slot 1 is the first.
    pub waiters: Vec<Option<&'static Sleeper<FakeSemaphore>>>,
    pub max_waiters: u32,
    /// Bytes that a send buffer holds.
    pub sndbuf: u64,
}

/// The server and the way to it.
#[derive(Clone, Debug)]
pub(crate) struct Fake(Arc<Inner>);

pub(crate) struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    start: Instant,
    /// Added to the identity: what a fork would change.
    forks: AtomicU64,
}

impl core::fmt::Debug for Inner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Inner")
    }
}

/// A semaphore of std's making.
#[derive(Debug, Default)]
pub(crate) struct FakeSemaphore {
    count: Mutex<u32>,
    posted: Condvar,
    /// The next waits fail as if a signal came.
    pub signals: AtomicU32,
}

impl Semaphore for FakeSemaphore {
    fn post(&self) {
        *self.count.lock().unwrap() += 1;
        self.posted.notify_one();
    }

    fn wait(&self, patience: Option<u64>, _cancellable: bool) -> Result<(), CallError> {
        points::pass(Point::Sleeping);
        let result = self.wait_unseen(patience);
        points::pass(Point::Slept);
        result
    }
}

impl FakeSemaphore {
    fn wait_unseen(&self, patience: Option<u64>) -> Result<(), CallError> {
        let deadline = patience.map(|ns| Instant::now() + Duration::from_nanos(ns));
        let mut count = self.count.lock().unwrap();
        loop {
            let signal = self
                .signals
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
            if signal.is_ok() {
                return Err(CallError::Interrupted);
            }
            if *count > 0 {
                *count -= 1;
                return Ok(());
            }
            count = match deadline {
                None => self.posted.wait(count).unwrap(),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(CallError::TimedOut);
                    }
                    self.posted.wait_timeout(count, left).unwrap().0
                }
            };
        }
    }
}

/// Ends the sleeper's generation with its thread.
struct Mine(&'static Sleeper<FakeSemaphore>);

impl Drop for Mine {
    fn drop(&mut self) {
        self.0.generation.fetch_add(1, Ordering::Relaxed);
    }
}

std::thread_local! {
    static SLEEPER: Mine = Mine(Box::leak(Box::new(Sleeper::new(FakeSemaphore::default()))));
}

/// What this thread sleeps on.
pub(crate) fn my_sleeper() -> &'static Sleeper<FakeSemaphore> {
    SLEEPER.with(|mine| mine.0)
}

/// The memory of a pool; unmapped when dropped.
pub(crate) struct Memory(*mut u64, usize);

// SAFETY: an allocation of its own, reached by atomic and volatile accesses only.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    fn new(len: usize) -> Self {
        let words = vec![0_u64; len / 8].into_boxed_slice();
        let len = words.len();
        Self(Box::into_raw(words).cast(), len)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let words = core::ptr::slice_from_raw_parts_mut(self.0, self.1);
        // SAFETY: made by `Box::into_raw` of a slice of this length.
        drop(unsafe { Box::from_raw(words) });
    }
}

impl Fake {
    pub(crate) fn new() -> Self {
        let state = State {
            next: 0x1_0001,
            sndbuf: 64 << 10,
            max_waiters: 64,
            ..State::default()
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            changed: Condvar::new(),
            start: Instant::now(),
            forks: AtomicU64::new(0),
        }))
    }

    /// Goes on after a failed assertion, so that the first one is the one that is seen.
    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        self.0
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A session with this server.
    pub(crate) fn open(&self, config: Config) -> Result<Arc<Core<Fake>>, crate::Error> {
        identity::claim();
        Core::open(self.clone(), config)
    }

    /// Changes the server's state, serves, and wakes who waits.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.locked();
        let result = change(&mut state);
        state.serve();
        self.0.changed.notify_all();
        result
    }

    /// Changes every socket, as `with`.
    pub(crate) fn peers(&self, change: impl FnMut(&mut Peer)) {
        self.with(|state| state.peers.values_mut().for_each(change));
    }

    /// As `with`, without serving.
    pub(crate) fn quietly<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.locked();
        let result = change(&mut state);
        self.0.changed.notify_all();
        result
    }

    /// The server dies, without a last round.
    pub(crate) fn with_gone(&self) {
        self.quietly(|state| state.gone = true);
    }

    /// From here on the caller is taken for a child.
    pub(crate) fn fork(&self) {
        self.0.forks.fetch_add(1, Ordering::Relaxed);
    }

    /// From here on the caller is taken for the parent again.
    pub(crate) fn unfork(&self) {
        self.0.forks.store(0, Ordering::Relaxed);
    }

    pub(crate) fn lie(&self, liar: impl FnMut(Kind, &mut State) -> Lie + Send + 'static) {
        self.locked().liar = Some(Box::new(liar));
    }

    /// How many requests of this kind came.
    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.quietly(|state| state.calls.iter().filter(|k| **k == kind).count())
    }
}

impl Fake {
    fn call_unseen(
        &self,
        request: [&[u8]; 2],
        reply: [&mut [u8]; 2],
        patience: Option<u64>,
    ) -> Result<(), CallError> {
        let mut state = self.locked();
        if state.gone {
            return Err(CallError::Gone);
        }
        let request: Vec<u8> = request.concat();
        let [reply, room] = reply;
        let (header, parsed) = Request::parse(&request).expect("the library sends well-formed requests");
        let data = &request[parsed.kind().request_len()..];
        state.calls.push(parsed.kind());
        if let Some(mut liar) = state.liar.take() {
            let lie = liar(parsed.kind(), &mut state);
            state.liar.get_or_insert(liar);
            match lie {
                Lie::Truth => {}
                Lie::Fail(error) => return Err(error),
                Lie::Reply(bytes) => {
                    let n = bytes.len().min(reply.len());
                    reply[..n].copy_from_slice(&bytes[..n]);
                    return Ok(());
                }
            }
        }
        let deadline = patience.map(|ns| Instant::now() + Duration::from_nanos(ns));
        let mut buffer = [0; msg::MAX_REPLY_LEN];
        loop {
            if state.gone {
                return Err(CallError::Gone);
            }
            let answered = state.answer(header.socket, &parsed, data, room, &mut buffer);
            if let Some(bytes) = answered {
                self.0.changed.notify_all();
                reply.copy_from_slice(bytes);
                return Ok(());
            }
            state = match deadline {
                None => self.0.changed.wait(state).unwrap(),
                Some(at) => {
                    let left = at.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(CallError::TimedOut);
                    }
                    self.0.changed.wait_timeout(state, left).unwrap().0
                }
            };
        }
    }
}

impl Notes for Fake {
    type Mark = points::Mark;

    fn locking() -> points::Mark {
        points::Mark::new()
    }

    fn locked() {
        points::pass(Point::Locked);
    }

    fn is_locking() -> bool {
        points::locks() != 0
    }
}

impl System for Fake {
    type Mem = SharedRegion;
    type Mapping = Memory;
    type Semaphore = FakeSemaphore;
    type Event = ();

    fn call(
        &self,
        request: [&[u8]; 2],
        reply: [&mut [u8]; 2],
        patience: Option<u64>,
    ) -> Result<(), CallError> {
        points::pass(Point::Calling);
        let result = self.call_unseen(request, reply, patience);
        points::pass(Point::Called);
        result
    }

    fn attach_doorbell(&mut self, _chid: i32) -> Result<(), CallError> {
        Ok(())
    }

    fn pulse(&self, _session: u32) -> Result<(), CallError> {
        points::pass(Point::Ringing);
        let mut state = self.locked();
        if state.gone {
            return Err(CallError::Gone);
        }
        if let Some(error) = state.pulses {
            return Err(error);
        }
        state.pulses_rung += 1;
        state.serve();
        self.0.changed.notify_all();
        Ok(())
    }

    fn ring_by_message(&self, request: &[u8], _: &mut [u8], _: Option<u64>) -> Result<(), CallError> {
        let (_, parsed) = Request::parse(request).expect("a well-formed doorbell");
        assert_eq!(parsed.kind(), Kind::Doorbell);
        let mut state = self.locked();
        if state.gone {
            return Err(CallError::Gone);
        }
        state.messages_rung += 1;
        state.serve();
        self.0.changed.notify_all();
        Ok(())
    }

    fn share(&self, len: usize) -> Result<Shared<Self>, CallError> {
        let memory = Memory::new(len);
        // SAFETY: the allocation lives as long as the mapping, which the session keeps; tests end after it.
        let mem = unsafe { SharedRegion::new(memory.0.cast(), len) };
        self.locked().mem = Some(mem);
        Ok(Shared {
            mem,
            handle: 7,
            mapping: memory,
        })
    }

    fn sleeper() -> Option<&'static Sleeper<FakeSemaphore>> {
        Some(my_sleeper())
    }

    fn register(&self, sleeper: &'static Sleeper<FakeSemaphore>) -> Result<((), [u64; 4]), CallError> {
        let address = core::ptr::from_ref(sleeper).expose_provenance() as u64;
        Ok(((), [9, address, 0, 0]))
    }

    fn spawn(body: Box<dyn FnOnce() + Send>) -> bool {
        std::thread::spawn(body);
        true
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_nanos()).unwrap() + 1
    }

    fn pause(&self, ns: u64) {
        crate::sync::sleep(Duration::from_nanos(ns));
    }

    fn identity(&self) -> u64 {
        identity::now().wrapping_add(self.0.forks.load(Ordering::Relaxed))
    }

    fn address(mem: &SharedRegion, offset: usize, len: usize) -> Option<*mut u8> {
        mem.addr(offset, len).ok()
    }
}

/// A reply of success with this body, for lies.
pub(crate) fn reply_with(body: &(impl IntoBytes + zerocopy::Immutable)) -> Lie {
    let mut bytes = msg::ReplyHeader::OK.as_bytes().to_vec();
    bytes.extend(body.as_bytes());
    Lie::Reply(bytes)
}
