//! The other side of the seams for unit tests: a stack, a kernel and clients that do what a test tells them.

use crate::{
    control::{Control, Sender},
    seam::{
        Chain, Host, How, Listener, Mapping, ObjectFlags, OptValue, Parked, Platform, PoolObject, Received,
        ReleaseKey, Stream, Ticket,
    },
    table::Table,
};
use csock_wire::{
    Consumer, Desc, Load, OutOfBounds, PoolHeader, Producer, Refusal, RingBlock, RingBlockGeometry, RingKind,
    SharedMem, SockAddr, SockOpt, Store, WireErrno,
    layout::ModuleState,
    msg::{self, Body},
};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

pub type TestTable = Table<Fake>;

/// Memory that a test, as the client, writes whenever it likes.
#[derive(Clone)]
pub struct TestMem(Arc<Mutex<Vec<u8>>>);

impl TestMem {
    pub fn new(len: usize) -> Self {
        Self(Arc::new(Mutex::new(vec![0; len])))
    }

    fn range(&self, off: usize, len: usize, align: usize) -> Result<std::ops::Range<usize>, OutOfBounds> {
        let size = self.0.lock().unwrap().len();
        match off.checked_add(len) {
            Some(end) if end <= size && off % align == 0 => Ok(off..end),
            _ => Err(OutOfBounds {
                offset: off,
                len,
                size,
            }),
        }
    }

    pub fn write(&self, off: usize, bytes: &[u8]) {
        self.0.lock().unwrap()[off..off + bytes.len()].copy_from_slice(bytes);
    }

    pub fn read(&self, off: usize, len: usize) -> Vec<u8> {
        self.0.lock().unwrap()[off..off + len].to_vec()
    }
}

impl SharedMem for TestMem {
    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn load_u32(&self, off: usize, _: Load) -> Result<u32, OutOfBounds> {
        let range = self.range(off, 4, 4)?;
        Ok(u32::from_le_bytes(
            self.0.lock().unwrap()[range].try_into().unwrap(),
        ))
    }

    fn store_u32(&self, off: usize, v: u32, _: Store) -> Result<(), OutOfBounds> {
        let range = self.range(off, 4, 4)?;
        self.0.lock().unwrap()[range].copy_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        let range = self.range(off, 8, 8)?;
        Ok(u64::from_le_bytes(
            self.0.lock().unwrap()[range].try_into().unwrap(),
        ))
    }

    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        let range = self.range(off, 8, 8)?;
        self.0.lock().unwrap()[range].copy_from_slice(&v.to_le_bytes());
        Ok(())
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        let range = self.range(off, dst.len(), 1)?;
        dst.copy_from_slice(&self.0.lock().unwrap()[range]);
        Ok(())
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        let range = self.range(off, src.len(), 1)?;
        self.0.lock().unwrap()[range].copy_from_slice(src);
        Ok(())
    }
}

/// iosock's line of text, without io-sock.
#[derive(Default)]
pub struct Line(String);

impl Line {
    pub fn new() -> Self {
        Self::default()
    }

    fn add(&mut self, text: &str) -> &mut Self {
        self.0.push_str(text);
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.add(text)
    }

    pub fn dec(&mut self, value: u64) -> &mut Self {
        self.add(&value.to_string())
    }

    pub fn signed(&mut self, value: i64) -> &mut Self {
        self.add(&value.to_string())
    }

    pub fn hex(&mut self, value: u64) -> &mut Self {
        self.add(&format!("{value:x}"))
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// What a test's thread has as its machine.
#[derive(Default)]
pub struct World {
    pub now: u64,
    pub wakes: u32,
    pub drained: u32,
    pub log: Vec<String>,
    /// Sockets that the next `socket()` calls made.
    pub made: Vec<FakeStream>,
    /// `m_extadd` finds no mbuf.
    pub no_mbufs: bool,
    pub uids: HashMap<i32, u32>,
    pub objects: HashMap<u64, FakeObject>,
    pub forgotten: Vec<i32>,
    pub unmapped: u32,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
    static TABLE: Cell<Option<&'static TestTable>> = const { Cell::new(None) };
}

pub fn world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| f(&mut world.borrow_mut()))
}

fn released(key: ReleaseKey) {
    TABLE.with(Cell::get).unwrap().released(key);
}

pub struct Fake;

impl Platform for Fake {
    type Mem = TestMem;
    type Mapping = FakeMapping;
    type Stream = FakeStream;
    type Listener = FakeListener;
    type Chain = FakeChain;
    type Ticket = FakeTicket;

    fn socket() -> Result<FakeStream, WireErrno> {
        let stream = FakeStream::default();
        world(|w| w.made.push(stream.clone_handle()));
        Ok(stream)
    }

    fn external(mem: &TestMem, offset: usize, len: u32, key: ReleaseKey) -> Result<FakeChain, WireErrno> {
        if world(|w| w.no_mbufs) {
            return Err(WireErrno::ENOBUFS);
        }
        Ok(FakeChain(vec![(mem.read(offset, len as usize), Some(key))]))
    }

    fn copied(mem: &TestMem, offset: usize, len: u32) -> Result<FakeChain, WireErrno> {
        Ok(FakeChain(vec![(mem.read(offset, len as usize), None)]))
    }

    fn now_ms() -> u64 {
        world(|w| w.now)
    }

    fn wake_worker(_: usize) {
        world(|w| w.wakes += 1);
    }

    fn session_drained() {
        world(|w| w.drained += 1);
    }

    fn log(line: &[u8]) {
        world(|w| w.log.push(String::from_utf8_lossy(line).into_owned()));
    }
}

impl Host for Fake {
    type Object = FakeObject;

    fn client_uid(scoid: i32) -> Result<u32, WireErrno> {
        world(|w| w.uids.get(&scoid).copied()).ok_or(WireErrno::EINVAL)
    }

    fn open_object(handle: u64, pid: i32) -> Result<FakeObject, WireErrno> {
        // Single use, and only of the process that made it.
        let object = world(|w| w.objects.remove(&handle)).ok_or(WireErrno::ENOENT)?;
        if object.maker == pid {
            Ok(object)
        } else {
            Err(WireErrno::EACCES)
        }
    }

    fn forget_client(scoid: i32) {
        world(|w| w.forgotten.push(scoid));
    }
}

pub struct FakeObject {
    pub maker: i32,
    pub flags: ObjectFlags,
    pub len: u64,
    pub mem: TestMem,
}

impl PoolObject for FakeObject {
    type Mapping = FakeMapping;

    fn flags(&self) -> Result<ObjectFlags, WireErrno> {
        Ok(self.flags)
    }

    fn len(&self) -> Result<u64, WireErrno> {
        Ok(self.len)
    }

    fn map(self, len: u64) -> Result<FakeMapping, WireErrno> {
        Ok(FakeMapping(self.mem, len))
    }
}

pub struct FakeMapping(TestMem, u64);

impl Mapping for FakeMapping {
    type Mem = TestMem;

    fn mem(&self) -> TestMem {
        self.0.clone()
    }

    fn len(&self) -> u64 {
        self.1
    }
}

impl Drop for FakeMapping {
    fn drop(&mut self) {
        world(|w| w.unmapped += 1);
    }
}

pub struct FakeChain(Vec<(Vec<u8>, Option<ReleaseKey>)>);

impl Chain for FakeChain {
    fn append(&mut self, mut tail: Self) {
        self.0.append(&mut tail.0);
    }
}

impl Drop for FakeChain {
    fn drop(&mut self) {
        self.0.drain(..).filter_map(|(_, key)| key).for_each(released);
    }
}

#[derive(Default)]
pub struct StackSocket {
    pub hiwat: u32,
    /// In the send buffer: bytes and their release.
    pub queue: VecDeque<(Vec<u8>, Option<ReleaseKey>)>,
    /// Everything ever handed over.
    pub sent: Vec<u8>,
    pub sends: u32,
    pub mores: u32,
    pub incoming: VecDeque<u8>,
    pub eof: bool,
    pub receive_error: Option<WireErrno>,
    pub send_error: Option<WireErrno>,
    pub error: Option<WireErrno>,
    pub connected: bool,
    pub connecting: bool,
    /// `soconnect` connects at once.
    pub fast: bool,
    pub shut_write: bool,
    pub shut_read: bool,
    pub closed: bool,
    pub aborted: bool,
    pub watch: u32,
    pub backlog: VecDeque<FakeStream>,
    pub bound: Option<SockAddr>,
    pub options: HashMap<SockOptKey, OptValue>,
}

type SockOptKey = (i32, i32);

/// A socket of the stack; a test keeps a handle of it, which is not the socket.
pub struct FakeStream {
    state: Arc<Mutex<StackSocket>>,
    owner: bool,
}

pub struct FakeListener(FakeStream);

impl Default for FakeStream {
    fn default() -> Self {
        let state = StackSocket {
            hiwat: 64 * 1024,
            ..StackSocket::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            owner: true,
        }
    }
}

impl FakeStream {
    pub fn clone_handle(&self) -> Self {
        Self {
            state: self.state.clone(),
            owner: false,
        }
    }

    pub fn with<R>(&self, f: impl FnOnce(&mut StackSocket) -> R) -> R {
        f(&mut self.state.lock().unwrap())
    }

    pub fn connected() -> Self {
        let stream = Self::default();
        stream.with(|s| s.connected = true);
        stream
    }

    /// The peer acknowledges `n` mbufs.
    pub fn ack(&self, n: usize) {
        let keys: Vec<_> = self.with(|s| {
            (0..n)
                .filter_map(|_| s.queue.pop_front())
                .filter_map(|(_, k)| k)
                .collect()
        });
        keys.into_iter().for_each(released);
    }

    pub fn ack_all(&self) {
        self.ack(usize::MAX.min(self.with(|s| s.queue.len())));
    }

    pub fn handle(&self) -> crate::handle::Handle {
        crate::handle::Handle::from_raw(self.with(|s| s.watch)).unwrap()
    }
}

impl Drop for FakeStream {
    fn drop(&mut self) {
        if self.owner {
            self.with(|s| s.closed = true);
        }
    }
}

impl Stream for FakeStream {
    type Chain = FakeChain;
    type Listener = FakeListener;

    fn watch(&self, handle: u32) {
        self.with(|s| s.watch = handle);
    }

    fn bind(&self, addr: &SockAddr) -> Result<(), WireErrno> {
        self.with(|s| s.bound = Some(*addr));
        Ok(())
    }

    fn listen(self, _: i32) -> Result<FakeListener, (Self, WireErrno)> {
        Ok(FakeListener(self))
    }

    fn connect(&self, _: &SockAddr) -> Result<(), WireErrno> {
        self.with(|s| {
            s.connected = s.fast;
            s.connecting = !s.fast;
        });
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.with(|s| s.connected)
    }

    fn is_connecting(&self) -> bool {
        self.with(|s| s.connecting)
    }

    fn take_error(&self) -> Option<WireErrno> {
        self.with(|s| s.error.take())
    }

    fn send_space(&self) -> i64 {
        self.with(|s| i64::from(s.hiwat) - s.queue.iter().map(|(b, _)| b.len() as i64).sum::<i64>())
    }

    fn send_hiwat(&self) -> u32 {
        self.with(|s| s.hiwat)
    }

    fn send(&self, mut chain: FakeChain, more: bool) -> Result<(), WireErrno> {
        let bytes: usize = chain.0.iter().map(|(b, _)| b.len()).sum();
        assert!(bytes > 0 && chain.0.len() <= crate::limits::MAX_CHAIN);
        assert!(
            i64::try_from(bytes).unwrap() <= self.send_space(),
            "sosend would refuse: no space"
        );
        if let Some(error) = self.with(|s| s.send_error) {
            return Err(error);
        }
        self.with(|s| {
            s.sends += 1;
            s.mores += u32::from(more);
            for (bytes, key) in chain.0.drain(..) {
                s.sent.extend(&bytes);
                s.queue.push_back((bytes, key));
            }
        });
        Ok(())
    }

    fn receive_available(&self) -> u32 {
        self.with(|s| s.incoming.len() as u32)
    }

    fn can_receive_more(&self) -> bool {
        self.with(|s| !s.eof && s.receive_error.is_none())
    }

    fn receive(&self, max: u32, each: &mut dyn FnMut(&[u8])) -> Received {
        let data: Vec<u8> = self.with(|s| {
            let n = s.incoming.len().min(max as usize);
            s.incoming.drain(..n).collect()
        });
        if data.is_empty() {
            return match self.with(|s| (s.receive_error.take(), s.eof)) {
                (Some(error), _) => Received::Failed(error),
                (None, true) => Received::Eof,
                (None, false) => Received::WouldBlock,
            };
        }
        // As mbufs do: in pieces.
        data.chunks(100).for_each(each);
        Received::Bytes(data.len() as u32)
    }

    fn shutdown(&self, how: How) -> Result<(), WireErrno> {
        self.with(|s| {
            s.shut_write |= how != How::Read;
            s.shut_read |= how != How::Write;
            s.eof |= s.shut_read;
        });
        Ok(())
    }

    fn local_addr(&self) -> Result<SockAddr, WireErrno> {
        Ok(self
            .with(|s| s.bound)
            .unwrap_or(SockAddr::v4([127, 0, 0, 1], 4000)))
    }

    fn peer_addr(&self) -> Result<SockAddr, WireErrno> {
        if self.is_connected() {
            Ok(SockAddr::v4([127, 0, 0, 1], 5000))
        } else {
            Err(WireErrno::ENOTCONN)
        }
    }

    fn set_option(&self, option: SockOpt, value: OptValue) -> Result<(), WireErrno> {
        self.with(|s| s.options.insert(option.to_wire(), value));
        Ok(())
    }

    fn option(&self, option: SockOpt) -> Result<OptValue, WireErrno> {
        Ok(self
            .with(|s| s.options.get(&option.to_wire()).copied())
            .unwrap_or_default())
    }

    fn close(self) {}

    fn abort(self) {
        self.with(|s| s.aborted = true);
        self.ack_all();
    }
}

impl Listener for FakeListener {
    type Stream = FakeStream;

    fn watch(&self, handle: u32) {
        Stream::watch(&self.0, handle);
    }

    fn accept(&self) -> Result<(FakeStream, SockAddr), WireErrno> {
        let stream = self
            .0
            .with(|s| s.backlog.pop_front())
            .ok_or(WireErrno::EWOULDBLOCK)?;
        Ok((stream, SockAddr::v4([127, 0, 0, 1], 6000)))
    }

    fn local_addr(&self) -> Result<SockAddr, WireErrno> {
        Stream::local_addr(&self.0)
    }
}

#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    Reply(Vec<u8>),
    Error(WireErrno),
    Kernel,
}

/// What a client sees of its request.
#[derive(Clone)]
pub struct Pending {
    outcome: Arc<Mutex<Option<Outcome>>>,
    pub parked: Arc<Mutex<Parked>>,
}

impl Pending {
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome.lock().unwrap().clone()
    }

    pub fn is_parked(&self) -> bool {
        self.outcome().is_none()
    }

    pub fn reply<B: Body>(&self) -> Result<B::Reply, Refusal> {
        match self.outcome() {
            Some(Outcome::Reply(bytes)) => msg::parse_reply::<B>(&bytes),
            other => panic!("no reply but {other:?}"),
        }
    }
}

pub struct FakeTicket {
    pub pending: Pending,
    pub room: usize,
    answered: bool,
}

impl FakeTicket {
    pub fn new(room: usize) -> (Self, Pending) {
        let pending = Pending {
            outcome: Arc::default(),
            parked: Arc::new(Mutex::new(Parked::Waiting)),
        };
        (
            Self {
                pending: pending.clone(),
                room,
                answered: false,
            },
            pending,
        )
    }

    fn end(mut self, outcome: Outcome) {
        self.answered = true;
        assert!(
            self.pending.outcome.lock().unwrap().replace(outcome).is_none(),
            "answered twice"
        );
    }
}

impl Drop for FakeTicket {
    fn drop(&mut self) {
        assert!(
            self.answered || std::thread::panicking(),
            "a request was never answered"
        );
    }
}

impl Ticket for FakeTicket {
    fn room(&self) -> usize {
        self.room
    }

    fn reply(self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room, "reply longer than its room");
        self.end(Outcome::Reply(bytes.to_vec()));
    }

    fn error(self, error: WireErrno) {
        self.end(Outcome::Error(error));
    }

    fn error_from_kernel(self) {
        self.end(Outcome::Kernel);
    }

    fn parked(&self) -> Parked {
        *self.pending.parked.lock().unwrap()
    }
}

/// A module and its clients in one thread.
pub struct Rig {
    pub table: &'static TestTable,
    pub control: Control<Fake>,
}

pub const POOL_LEN: usize = 128 * 1024;
pub const DATA: usize = 32 * 1024;
pub const RINGS: u32 = 16;

/// A client's process: kernel identity, session, pool.
pub struct Client {
    pub sender: Sender,
    pub session: u32,
    pub mem: TestMem,
    next_block: u64,
}

/// A client's socket with its ends of the rings.
pub struct ClientSocket {
    pub socket: u32,
    pub block: RingBlock,
    pub mem: TestMem,
    pub sq: Producer<TestMem>,
    pub cq: Consumer<TestMem>,
    pub fq: Producer<TestMem>,
    pub rq: Consumer<TestMem>,
}

impl Rig {
    pub fn new() -> Self {
        let table: &'static TestTable = Box::leak(Box::new(Table::new()));
        TABLE.with(|t| t.set(Some(table)));
        table.config.set_for_test(false, 10_000);
        world(|w| {
            *w = World {
                now: 1000,
                ..World::default()
            }
        });
        Self {
            table,
            control: Control::new(),
        }
    }

    pub fn send_raw(&mut self, sender: Sender, bytes: &[u8], room: usize) -> Pending {
        let (ticket, pending) = FakeTicket::new(room);
        self.control.message(self.table, sender, bytes, ticket);
        pending
    }

    pub fn ask<B: Body>(&mut self, client: &Client, socket: u32, body: &B) -> Pending {
        let mut buf = [0; msg::MAX_REQUEST_LEN];
        let bytes = msg::encode_request(client.session, socket, body, &mut buf)
            .unwrap()
            .to_vec();
        self.send_raw(client.sender, &bytes, B::KIND.reply_len())
    }

    pub fn call<B: Body>(&mut self, client: &Client, socket: u32, body: &B) -> Result<B::Reply, Refusal> {
        self.ask(client, socket, body).reply::<B>()
    }

    /// A worker's loop until there is nothing to do.
    pub fn work(&mut self) {
        for _ in 0..1000 {
            self.table.work();
            if !self.table.has_work() {
                break;
            }
        }
        if world(|w| std::mem::take(&mut w.drained)) > 0 {
            self.control.finish(self.table);
        }
        self.table.work();
    }

    pub fn connect_client(&mut self, scoid: i32, uid: u32) -> Client {
        world(|w| w.uids.insert(scoid, uid));
        let sender = Sender {
            pid: 100 + scoid,
            scoid,
        };
        let mem = TestMem::new(POOL_LEN);
        Client {
            sender,
            session: 0,
            mem,
            next_block: csock_wire::POOL_HEADER_LEN as u64,
        }
    }

    /// A client with a session and a pool.
    pub fn client(&mut self, scoid: i32, uid: u32) -> Client {
        let mut client = self.connect_client(scoid, uid);
        client.session = self.call(&client, 0, &msg::Hello::THIS).unwrap().session;
        PoolHeader {
            size: POOL_LEN as u64,
            data_offset: DATA as u64,
        }
        .write(&client.mem)
        .unwrap();
        let handle = self.offer(&client, good_flags(), POOL_LEN as u64);
        self.call(
            &client,
            0,
            &msg::PoolAttach {
                handle,
                size: POOL_LEN as u64,
            },
        )
        .unwrap();
        client
    }

    pub fn offer(&mut self, client: &Client, flags: ObjectFlags, len: u64) -> u64 {
        let object = FakeObject {
            maker: client.sender.pid,
            flags,
            len,
            mem: client.mem.clone(),
        };
        world(|w| {
            let handle = 77 + w.objects.len() as u64 + 1000 * client.sender.scoid as u64;
            w.objects.insert(handle, object);
            handle
        })
    }

    pub fn socket(&mut self, client: &mut Client) -> (ClientSocket, FakeStream) {
        let geometry = client.geometry();
        let block = client.block(&geometry);
        let body = msg::Socket {
            domain: 2,
            kind: 1,
            protocol: 6,
            reserved: 0,
            rings: geometry,
        };
        let reply = self.call(client, 0, &body).unwrap();
        let stream = world(|w| w.made.last().unwrap().clone_handle());
        (ClientSocket::new(reply.socket, block, &client.mem), stream)
    }

    /// A connected socket.
    pub fn connected(&mut self, client: &mut Client) -> (ClientSocket, FakeStream) {
        let (socket, stream) = self.socket(client);
        stream.with(|s| s.fast = true);
        let state = self
            .call(
                client,
                socket.socket,
                &msg::Connect {
                    addr: SockAddr::v4([10, 0, 0, 1], 80),
                },
            )
            .unwrap()
            .state;
        assert_eq!(state, msg::ConnectReply::CONNECTED);
        (socket, stream)
    }

    pub fn ring(&mut self, client: &Client, socket: &ClientSocket) {
        self.control
            .doorbell(self.table, client.sender.scoid, i64::from(socket.socket));
    }

    /// Everything is back at its start.
    pub fn assert_empty(&mut self) {
        self.work();
        assert!(self.table.is_empty(), "{:?}", self.table.ledger());
        assert_eq!(self.control.sessions(), 0);
        assert_eq!(self.table.ledger().parked, 0);
    }
}

impl Client {
    pub fn geometry(&mut self) -> RingBlockGeometry {
        let geometry = RingBlockGeometry {
            offset: self.next_block,
            sq: RINGS,
            cq: RINGS,
            fq: RINGS,
            rq: RINGS,
            reserved: [0; 2],
        };
        self.next_block += geometry.block_len().unwrap().next_multiple_of(64);
        geometry
    }

    pub fn block(&self, geometry: &RingBlockGeometry) -> RingBlock {
        let block = RingBlock::validate(geometry, POOL_LEN).unwrap();
        block.initialise(&self.mem).unwrap();
        block
    }
}

impl ClientSocket {
    pub fn new(socket: u32, block: RingBlock, mem: &TestMem) -> Self {
        Self {
            socket,
            block,
            mem: mem.clone(),
            sq: Producer::new(mem.clone(), block.ring(RingKind::Submission)),
            cq: Consumer::new(mem.clone(), block.ring(RingKind::Completion)),
            fq: Producer::new(mem.clone(), block.ring(RingKind::Fill)),
            rq: Consumer::new(mem.clone(), block.ring(RingKind::Ready)),
        }
    }

    /// Puts `bytes` at `offset` of the data area and submits them.
    pub fn submit(&mut self, offset: usize, bytes: &[u8], user: u64) {
        self.mem.write(DATA + offset, bytes);
        self.sq
            .push(&Desc::buffer((DATA + offset) as u64, bytes.len() as u32, user))
            .unwrap();
        self.sq.publish().unwrap();
    }

    pub fn fill(&mut self, offset: usize, len: u32, user: u64) {
        self.fq
            .push(&Desc::buffer((DATA + offset) as u64, len, user))
            .unwrap();
        self.fq.publish().unwrap();
    }

    pub fn completions(&mut self) -> Vec<Desc> {
        let list = std::iter::from_fn(|| self.cq.pop().unwrap()).collect();
        self.cq.publish().unwrap();
        list
    }

    pub fn ready(&mut self) -> Vec<Desc> {
        let list = std::iter::from_fn(|| self.rq.pop().unwrap()).collect();
        self.rq.publish().unwrap();
        list
    }

    pub fn state(&self) -> ModuleState {
        self.block.state(&self.mem).unwrap().unwrap()
    }
}

pub fn good_flags() -> ObjectFlags {
    ObjectFlags {
        raw: 5,
        anonymous: true,
        sealed: true,
        unsafe_kind: false,
    }
}
