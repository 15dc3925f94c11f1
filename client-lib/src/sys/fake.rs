//! A server in this process, for tests: it plays the module over the same rings, echoes what it is sent, and lies on
//! request.

#![allow(unsafe_code, clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::as_conversions)]

use super::{CallError, Shared, System};
use crate::{config::Config, session_core::Core};
use alloc::sync::Arc;
use core::time::Duration;
use csock_wire::{
    Consumer, Desc, DescFlags, Kind, Producer, Refusal, Request, RingBlock, RingBlockGeometry, RingKind, SharedMem,
    SharedRegion, SockAddr, WireErrno,
    layout::ModuleState,
    msg::{self, Events, Wait},
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
    pub process: i32,
}

/// The server and the way to it.
#[derive(Clone)]
pub(crate) struct Fake(Arc<Inner>);

pub(crate) struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    start: Instant,
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
        let state = State { next: 0x1_0001, process: 1, ..State::default() };
        Self(Arc::new(Inner { state: Mutex::new(state), changed: Condvar::new(), start: Instant::now() }))
    }

    /// A session with this server.
    pub(crate) fn open(&self, config: Config) -> Result<Arc<Core<Fake>>, crate::Error> {
        Core::open(self.clone(), config)
    }

    /// Changes the server's state, serves, and wakes who waits.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.0.state.lock().unwrap();
        let result = change(&mut state);
        state.serve();
        self.0.changed.notify_all();
        result
    }

    /// As `with`, for one socket, without serving it.
    pub(crate) fn quietly<R>(&self, socket: u32, change: impl FnOnce(&mut Peer, SharedRegion) -> R) -> R {
        let mut state = self.0.state.lock().unwrap();
        let mem = state.mem.unwrap();
        let result = change(state.peers.get_mut(&socket).unwrap(), mem);
        self.0.changed.notify_all();
        result
    }

    /// The server dies, without a last round.
    pub(crate) fn with_gone(&self) {
        self.0.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).gone = true;
        self.0.changed.notify_all();
    }

    pub(crate) fn lie(&self, liar: impl FnMut(Kind, &mut State) -> Lie + Send + 'static) {
        self.0.state.lock().unwrap().liar = Some(Box::new(liar));
    }
}

impl System for Fake {
    type Mem = SharedRegion;
    type Mapping = Memory;

    fn call(&self, request: &[u8], reply: &mut [u8], patience: Option<u64>) -> Result<(), CallError> {
        let mut state = self.0.state.lock().unwrap();
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
        let mut state = self.0.state.lock().unwrap();
        if state.gone {
            return Err(CallError::Gone);
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
        self.0.state.lock().unwrap().mem = Some(mem);
        Ok(Shared { mem, handle: 7, mapping: memory })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_nanos()).unwrap() + 1
    }

    fn process(&self) -> i32 {
        self.0.state.lock().unwrap().process
    }

    fn address(mem: &SharedRegion, offset: usize, len: usize) -> Option<*mut u8> {
        mem.addr(offset, len).ok()
    }
}

impl State {
    fn rings(&self, geometry: &RingBlockGeometry) -> Option<Rings> {
        if geometry.is_none() {
            return None;
        }
        let mem = self.mem.unwrap();
        let block = RingBlock::validate(geometry, mem.len()).unwrap();
        block.check_magic(&mem).unwrap();
        block.set_state(&mem, ModuleState::Active).unwrap();
        Some(Rings {
            sq: Consumer::new(mem, block.ring(RingKind::Submission)),
            cq: Producer::new(mem, block.ring(RingKind::Completion)),
            fq: Consumer::new(mem, block.ring(RingKind::Fill)),
            rq: Producer::new(mem, block.ring(RingKind::Ready)),
            block,
        })
    }

    fn add(&mut self, peer: Peer) -> u32 {
        self.next += 1;
        self.peers.insert(self.next, peer);
        self.next
    }

    pub(crate) fn serve(&mut self) {
        let sockets: Vec<u32> = self.peers.keys().copied().collect();
        for socket in sockets {
            self.turn(socket);
        }
    }

    fn turn(&mut self, socket: u32) {
        // `None`: somebody scribbled into the rings. The real module would fail the session; this one does nothing.
        let _ = self.try_turn(socket);
    }

    /// What the module's turn does: take, complete, deliver.
    fn try_turn(&mut self, socket: u32) -> Option<()> {
        let mem = self.mem?;
        let peer = self.peers.get_mut(&socket)?;
        let rings = peer.rings.as_mut()?;
        if !peer.connected {
            return None;
        }
        while let Some(desc) = rings.sq.pop().ok()? {
            let mut bytes = vec![0; usize::try_from(desc.len).ok().filter(|len| *len <= 1 << 20)?];
            mem.copy_in(desc.offset as usize, &mut bytes).ok()?;
            if peer.echo {
                peer.inbox.extend(&bytes);
            }
            peer.outbox.extend(&bytes);
            peer.held.push_back(desc);
        }
        while !peer.hold && let Some(desc) = peer.held.pop_front() {
            rings.cq.push(&Desc::completion_raw(desc.offset, desc.user, desc.len, WireErrno::OK)).ok()?;
        }
        rings.cq.publish().ok()?;
        rings.sq.publish().ok()?;
        let _ = rings.sq.arm();
        while !peer.inbox.is_empty() {
            let Some(buffer) = rings.fq.pop().ok()? else {
                let _ = rings.fq.arm();
                break;
            };
            let n = peer.inbox.len().min(buffer.len as usize);
            let bytes: Vec<u8> = peer.inbox.drain(..n).collect();
            mem.copy_out(buffer.offset as usize, &bytes).ok()?;
            rings.rq.push(&Desc::buffer(buffer.offset, n as u32, buffer.user)).ok()?;
        }
        if peer.eof && !peer.eof_told && peer.inbox.is_empty() {
            rings.rq.push(&Desc::eof()).ok()?;
            peer.eof_told = true;
        }
        rings.rq.publish().ok()?;
        rings.fq.publish().ok()?;
        if peer.closed && peer.held.is_empty() {
            rings.block.set_state(&mem, ModuleState::Released).ok()?;
            self.peers.remove(&socket);
        }
        Some(())
    }

    /// The answer, or `None` while the caller must wait.
    fn answer<'b>(&mut self, socket: u32, request: &Request, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let kind = request.kind();
        let refuse = |error, buffer: &'b mut [u8]| msg::encode_refusal(kind, &Refusal::bare(error), buffer);
        self.turn(socket);
        if socket != 0 && !self.peers.get(&socket).is_some_and(|peer| !peer.closed) {
            return refuse(WireErrno::EBADF, buffer);
        }
        let addr = SockAddr::v4([127, 0, 0, 1], 4242);
        match request {
            Request::Hello(_) => msg::encode_reply::<msg::Hello>(
                &msg::HelloReply {
                    version: 1,
                    session: 0x1_0000,
                    max_sockets: 64,
                    max_pool_bytes: 1 << 30,
                    max_desc_len: 1 << 20,
                    max_ring_capacity: 4096,
                    max_parked: 64,
                    ..msg::HelloReply::default()
                },
                buffer,
            ),
            Request::PoolAttach(_) => {
                csock_wire::PoolHeader::read(&self.mem.unwrap()).unwrap();
                msg::encode_reply::<msg::PoolAttach>(&msg::Empty {}, buffer)
            }
            Request::Socket(body) => {
                let rings = self.rings(&body.rings);
                let socket = self.add(Peer { rings, echo: true, ..Peer::default() });
                msg::encode_reply::<msg::Socket>(&msg::SocketReply { socket, reserved: 0 }, buffer)
            }
            Request::Bind(body) => msg::encode_reply::<msg::Bind>(&msg::AddrReply { addr: body.addr }, buffer),
            Request::Listen(_) => {
                let mem = self.mem.unwrap();
                let peer = self.peers.get_mut(&socket).unwrap();
                peer.listening = true;
                if let Some(rings) = peer.rings.take() {
                    rings.block.set_state(&mem, ModuleState::Released).unwrap();
                }
                msg::encode_reply::<msg::Listen>(&msg::Empty {}, buffer)
            }
            Request::Connect(_) => {
                let slow = self.slow_connect.is_some();
                self.peers.get_mut(&socket).unwrap().connected = !slow;
                msg::encode_reply::<msg::Connect>(&msg::ConnectReply { state: u32::from(slow), reserved: 0 }, buffer)
            }
            Request::Accept(body) => {
                let listener = self.peers.get_mut(&socket).unwrap();
                if listener.backlog == 0 {
                    return refuse(WireErrno::EAGAIN, buffer);
                }
                listener.backlog -= 1;
                let rings = self.rings(&body.rings);
                let socket = self.add(Peer { rings, connected: true, echo: true, ..Peer::default() });
                msg::encode_reply::<msg::Accept>(&msg::AcceptReply { socket, reserved: 0, peer: addr }, buffer)
            }
            Request::Shutdown(body) => {
                let peer = self.peers.get_mut(&socket).unwrap();
                assert_eq!(body.tx_position, peer.rings.as_ref().unwrap().sq.cursor(), "all was taken");
                peer.eof = true;
                self.turn(socket);
                msg::encode_reply::<msg::Shutdown>(&msg::Empty {}, buffer)
            }
            Request::Close(_) => {
                let peer = self.peers.get_mut(&socket).unwrap();
                peer.closed = true;
                match &peer.rings {
                    Some(_) if peer.connected => self.turn(socket),
                    Some(rings) => {
                        rings.block.set_state(&self.mem.unwrap(), ModuleState::Released).unwrap();
                        self.peers.remove(&socket);
                    }
                    None => drop(self.peers.remove(&socket)),
                }
                msg::encode_reply::<msg::Close>(&msg::Empty {}, buffer)
            }
            Request::GetSockName(_) => msg::encode_reply::<msg::GetSockName>(&msg::AddrReply { addr }, buffer),
            Request::GetPeerName(_) => msg::encode_reply::<msg::GetPeerName>(&msg::AddrReply { addr }, buffer),
            Request::Wait(wait) => {
                let (events, error) = self.ready(socket, wait);
                if events.is_empty() {
                    return None;
                }
                msg::encode_reply::<msg::Wait>(&msg::WaitReply { events: events.bits(), error, reserved: 0 }, buffer)
            }
            Request::Stats(_) => msg::encode_reply::<msg::Stats>(&msg::StatsReply::default(), buffer),
            Request::SetSockOpt(body) => {
                self.peers.get_mut(&socket).unwrap().options.insert((body.level, body.name), body.value);
                msg::encode_reply::<msg::SetSockOpt>(&msg::Empty {}, buffer)
            }
            Request::GetSockOpt(body) => {
                let value = self.peers[&socket].options.get(&(body.level, body.name)).copied().unwrap_or_default();
                msg::encode_reply::<msg::GetSockOpt>(&msg::OptReply { len: body.len, reserved: 0, value }, buffer)
            }
            Request::PoolDetach(_) => msg::encode_reply::<msg::PoolDetach>(&msg::Empty {}, buffer),
            Request::Goodbye(_) => msg::encode_reply::<msg::Goodbye>(&msg::Empty {}, buffer),
        }
    }

    fn ready(&mut self, socket: u32, wait: &Wait) -> (Events, u16) {
        let asked = Events::from_bits_retain(wait.events);
        let slow = self.slow_connect;
        let peer = self.peers.get_mut(&socket).unwrap();
        let mut ready = Events::empty();
        if let Some(rings) = &peer.rings {
            let moved = [
                (Events::READABLE, rings.rq.position() != wait.seen_rq),
                (Events::TX_DONE, rings.cq.position() != wait.seen_cq),
                (Events::TX_SPACE, rings.sq.position() != wait.seen_sq),
            ];
            for (event, _) in moved.into_iter().filter(|(_, moved)| *moved) {
                ready |= event;
            }
        }
        if peer.listening && peer.backlog > 0 {
            ready |= Events::ACCEPTABLE;
        }
        let mut error = 0;
        if asked.contains(Events::CONNECTED) {
            match slow {
                Some(u16::MAX) => {}
                Some(e) => {
                    ready |= Events::CONNECTED;
                    error = e;
                    peer.connected = e == 0;
                }
                None => ready |= Events::CONNECTED,
            }
        }
        (ready & asked, error)
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
    Desc { offset, len, flags: flags.bits(), user, aux }
}
