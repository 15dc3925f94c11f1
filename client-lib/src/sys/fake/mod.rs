//! A server in this process, for tests: it plays the module over the same rings, echoes what it is sent, and lies on
//! request.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

mod answer;
mod turn;

use super::{CallError, Shared, System, identity};
use crate::{config::Config, session_core::Core};
use alloc::sync::Arc;
use core::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use csock_wire::{Consumer, Desc, DescFlags, Kind, Producer, Request, RingBlock, SharedRegion, msg};
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
#[derive(Default)]
pub(crate) struct Peer {
    pub rings: Option<Rings>,
    pub connected: bool,
    pub listening: bool,
    /// Connections that nobody has accepted yet.
    pub backlog: u32,
    /// What the peer has sent us, not yet delivered.
    pub inbox: VecDeque<u8>,
    /// What we were sent.
    pub outbox: Vec<u8>,
    /// The peer sends back what it gets.
    pub echo: bool,
    /// Descriptors are taken, but not completed before this is false.
    pub hold: bool,
    pub held: VecDeque<Desc>,
    pub eof: bool,
    pub eof_told: bool,
    pub closed: bool,
    pub options: BTreeMap<(i32, i32), [u8; 16]>,
}

/// The server's ends of a socket's rings.
pub(crate) struct Rings {
    pub block: RingBlock,
    pub sq: Consumer<SharedRegion>,
    pub cq: Producer<SharedRegion>,
    pub fq: Consumer<SharedRegion>,
    pub rq: Producer<SharedRegion>,
}

/// What the server knows.
#[derive(Default)]
pub(crate) struct State {
    pub mem: Option<SharedRegion>,
    pub peers: BTreeMap<u32, Peer>,
    pub next: u32,
    pub liar: Option<Liar>,
    pub calls: Vec<Kind>,
    pub doorbells: usize,
    pub gone: bool,
    /// Connects are answered "in progress", and end like this.
    pub slow_connect: Option<u16>,
    /// Pulses fail like this.
    pub pulses: Option<CallError>,
}

/// The server and the way to it.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Inner>);

pub(crate) struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    start: Instant,
    /// Added to the identity: what a fork would change.
    forks: AtomicU64,
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

    /// As `with`, for one socket, without serving it.
    pub(crate) fn quietly<R>(&self, socket: u32, change: impl FnOnce(&mut Peer, SharedRegion) -> R) -> R {
        let mut state = self.locked();
        let mem = state.mem.unwrap();
        let result = change(state.peers.get_mut(&socket).unwrap(), mem);
        self.0.changed.notify_all();
        result
    }

    /// The server dies, without a last round.
    pub(crate) fn with_gone(&self) {
        self.0
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .gone = true;
        self.0.changed.notify_all();
    }

    /// From here on the caller is taken for a child.
    pub(crate) fn fork(&self) {
        self.0.forks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lie(&self, liar: impl FnMut(Kind, &mut State) -> Lie + Send + 'static) {
        self.locked().liar = Some(Box::new(liar));
    }
}

impl System for Fake {
    type Mem = SharedRegion;
    type Mapping = Memory;

    fn call(&self, request: &[u8], reply: &mut [u8], patience: Option<u64>) -> Result<(), CallError> {
        let mut state = self.locked();
        if state.gone {
            return Err(CallError::Gone);
        }
        let (header, request) = Request::parse(request).expect("the library sends well-formed requests");
        state.calls.push(request.kind());
        if let Some(mut liar) = state.liar.take() {
            let lie = liar(request.kind(), &mut state);
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
            let answered = state.answer(header.socket, &request, &mut buffer);
            self.0.changed.notify_all();
            if let Some(bytes) = answered {
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

    fn doorbell(&self, socket: u32) -> Result<(), CallError> {
        let mut state = self.locked();
        if state.gone {
            return Err(CallError::Gone);
        }
        if let Some(error) = state.pulses {
            return Err(error);
        }
        state.doorbells += 1;
        state.turn(socket);
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

/// A descriptor as a liar would write it.
pub(crate) fn desc(offset: u64, len: u32, flags: DescFlags, user: u64, aux: u64) -> Desc {
    Desc {
        offset,
        len,
        flags: flags.bits(),
        user,
        aux,
    }
}
