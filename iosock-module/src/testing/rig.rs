//! A module and its clients in one thread.

use super::*;

/// A module and its clients in one thread.
pub struct Rig {
    pub table: &'static TestTable,
    pub control: Control<Fake>,
    /// The worker sleeps, as its thread would: a wake-up that is not sent is not made up for.
    asleep: bool,
}

pub const POOL_LEN: usize = 256 * 1024;
/// What every client's area is laid out by.
pub const GEOMETRY: AreaGeometry = AreaGeometry {
    sockets: 8,
    small_count: 8,
    small_len: 128,
    large_count: 4,
    large_len: 4096,
    reserved: 0,
};
/// Receive buffers that one socket may have: a quarter of the twelve.
pub const SHARE: usize = 3;

/// A client's process: kernel identity, session, pool.
pub struct Client {
    pub sender: Sender,
    pub session: u32,
    pub mem: TestMem,
    pub area: Area,
    pub bell: Bell<TestMem>,
    pub returns: Returns,
    /// Blocks that were handed over once.
    used: [bool; GEOMETRY.sockets as usize],
}

/// A client's socket with its halves of the stream.
pub struct ClientSocket {
    pub socket: u32,
    pub index: u32,
    pub block: Block,
    pub mem: TestMem,
    pub area: Area,
    pub writer: Writer<TestMem>,
    pub taker: Taker<TestMem>,
    waits: u64,
}

impl Rig {
    pub fn new() -> Self {
        let table: &'static TestTable = Box::leak(Box::new(Table::new()));
        table.config.set_for_test(false, 10_000);
        // Few bytes by reference too, unless a test is about it: then it is seen who has them.
        table.config.tune(c"csock.copy_below", 0);
        enter(table);
        Self {
            table,
            control: Control::new(),
            asleep: false,
        }
    }

    pub fn send_raw(&mut self, sender: Sender, bytes: &[u8], room: usize) -> Pending {
        let (ticket, pending) = FakeTicket::new(bytes, room);
        self.control.message(self.table, sender, bytes, ticket);
        pending
    }

    /// Sends a request with `data` behind it, with `room` for data behind the reply. Nobody but the control thread has run
    /// when this returns.
    pub fn ask_with<B: Body>(
        &mut self,
        client: &Client,
        socket: u32,
        body: &B,
        data: &[u8],
        room: usize,
    ) -> Pending {
        let mut buf = [0; msg::MAX_REQUEST_LEN];
        let mut bytes = msg::encode_request(client.session, socket, body, &mut buf)
            .unwrap()
            .to_vec();
        bytes.extend(data);
        self.send_raw(client.sender, &bytes, B::KIND.reply_len() + room)
    }

    pub fn ask<B: Body>(&mut self, client: &Client, socket: u32, body: &B) -> Pending {
        self.ask_with(client, socket, body, &[], 0)
    }

    /// Sends a request that is answered by the control thread alone.
    pub fn call<B: Body>(&mut self, client: &Client, socket: u32, body: &B) -> Result<B::Reply, Refusal> {
        self.ask(client, socket, body).reply::<B>()
    }

    /// Sends a request that a worker may have to answer.
    pub fn request<B: Body>(&mut self, client: &Client, socket: u32, body: &B) -> Result<B::Reply, Refusal> {
        let pending = self.ask(client, socket, body);
        self.work();
        pending.reply::<B>()
    }

    /// SEND: how many of the bytes were taken; `None` while it is parked.
    pub fn send_by_message(&mut self, client: &Client, socket: &ClientSocket, data: &[u8]) -> Pending {
        let body = msg::Send {
            after: socket.writer.tail(),
            len: data.len() as u32,
            flags: 0,
        };
        self.ask_with(client, socket.socket, &body, data, 0)
    }

    /// RECV of at most `len` bytes.
    pub fn receive_by_message(
        &mut self,
        client: &Client,
        socket: &ClientSocket,
        len: u32,
        flags: u32,
    ) -> Pending {
        let body = msg::Recv {
            seen: socket.taker.position(),
            len,
            flags,
        };
        self.ask_with(client, socket.socket, &body, &[], len as usize)
    }

    /// What the worker's thread does until it sleeps; nothing when it sleeps and nobody has woken it.
    pub fn work(&mut self) {
        let woken = world(|w| std::mem::take(&mut w.wakes)) > 0;
        let timer = self.table.sleep_ms().is_some_and(|ms| ms <= 1);
        if self.asleep && !woken && !timer {
            return;
        }
        self.table.awake(0);
        for _ in 0..1000 {
            let any = self.table.work(0);
            if world(|w| std::mem::take(&mut w.drained)) > 0 {
                self.control.finish(self.table);
            }
            let signalled = world(|w| std::mem::take(&mut w.wakes)) > 0;
            if !any && self.table.may_sleep(0) && !signalled {
                self.asleep = true;
                return;
            }
        }
        panic!("the worker never sleeps");
    }

    pub fn connect_client(&mut self, scoid: i32, uid: u32) -> Client {
        world(|w| w.uids.insert(scoid, uid));
        let sender = Sender {
            pid: 100 + scoid,
            scoid,
        };
        let mem = TestMem::new(POOL_LEN);
        let area = Area::plan(&GEOMETRY, POOL_LEN).unwrap();
        Client {
            sender,
            session: 0,
            bell: Bell::new(mem.clone()),
            mem,
            area,
            returns: Returns::new(),
            used: [false; GEOMETRY.sockets as usize],
        }
    }

    /// A client with a session and a pool.
    pub fn client(&mut self, scoid: i32, uid: u32) -> Client {
        let mut client = self.connect_client(scoid, uid);
        client.session = self.call(&client, 0, &msg::Hello::THIS).unwrap().session;
        client.write_header();
        let handle = self.offer(&client, good_flags(), POOL_LEN as u64);
        self.call(&client, 0, &attach(handle, POOL_LEN as u64)).unwrap();
        self.work();
        client
    }

    pub fn offer(&mut self, client: &Client, flags: ObjectFlags, len: u64) -> u64 {
        self.offer_memory(client, flags, len, &client.mem)
    }

    pub fn offer_memory(&mut self, client: &Client, flags: ObjectFlags, len: u64, mem: &TestMem) -> u64 {
        let object = FakeObject {
            maker: client.sender.pid,
            flags,
            len,
            mem: mem.clone(),
        };
        world(|w| {
            let handle = 77 + w.objects.len() as u64 + 1000 * client.sender.scoid as u64;
            w.objects.insert(handle, object);
            handle
        })
    }

    pub fn socket(&mut self, client: &mut Client) -> (ClientSocket, FakeStream) {
        let (index, block) = client.block().unwrap();
        let reply = self.call(client, 0, &socket_body(index)).unwrap();
        let stream = world(|w| w.made.last().unwrap().clone_handle());
        (client.socket(reply.socket, index, block), stream)
    }

    /// A connected socket.
    pub fn connected(&mut self, client: &mut Client) -> (ClientSocket, FakeStream) {
        let (socket, stream) = self.socket(client);
        stream.with(|s| s.fast = true);
        let state = self.call(client, socket.socket, &connect_body()).unwrap().state;
        assert_eq!(state, msg::ConnectReply::CONNECTED);
        self.work();
        (socket, stream)
    }

    /// A connected socket without a block.
    pub fn connected_by_message(&mut self, client: &Client) -> (u32, FakeStream) {
        let socket = self.call(client, 0, &socket_body(msg::NO_BLOCK)).unwrap().socket;
        let stream = world(|w| w.made.last().unwrap().clone_handle());
        stream.with(|s| s.fast = true);
        self.call(client, socket, &connect_body()).unwrap();
        self.work();
        (socket, stream)
    }

    /// Marks the socket, and rings if the module sleeps. The worker has not run yet.
    pub fn mark(&mut self, client: &Client, socket: &ClientSocket) {
        if client.bell.mark(socket.index).unwrap() {
            self.table.ring(client.session, false);
        }
    }

    /// Marks the socket; the worker serves it.
    pub fn ring(&mut self, client: &Client, socket: &ClientSocket) {
        self.mark(client, socket);
        self.work();
    }

    /// Receives what is there, and gives the buffers back at once.
    pub fn take(&mut self, client: &mut Client, socket: &mut ClientSocket) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some((id, bytes)) = socket.take_one() {
            all.extend(bytes);
            self.give_back(client, id);
        }
        all
    }

    /// Gives one receive buffer back; rings if the module asked for it. The worker has not run yet.
    pub fn give_back(&mut self, client: &mut Client, id: u32) {
        client.returns.push(&client.mem, &client.area, id).unwrap();
        if client.returns.publish(&client.mem, &client.area).unwrap() && client.bell.mark_returns().unwrap() {
            self.table.ring(client.session, false);
        }
    }

    /// Registers what wakes the thread `id` of the client; its wait slot.
    pub fn waiter(&mut self, client: &Client, id: u64) -> u16 {
        let event = [1, id, 0, 0];
        let slot = self.call(client, 0, &msg::AddWaiter { event }).unwrap().slot;
        u16::try_from(slot).unwrap()
    }

    /// The process behind `scoid` ends, and the kernel says so.
    pub fn die(&mut self, scoid: i32) {
        world(|w| w.uids.remove(&scoid));
        self.control.disconnect(self.table, scoid);
    }

    /// The process behind `scoid` ends, and everything that follows has happened.
    pub fn bury(&mut self, scoid: i32) {
        self.die(scoid);
        self.work();
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
    /// A free block, made ready.
    pub fn block(&mut self) -> Option<(u32, Block)> {
        let free = |index: u32| {
            let block = self.area.block(index).unwrap();
            let state = Taker::new(self.mem.clone(), block).state().unwrap();
            !self.used[index as usize] || state.contains(State::RELEASED)
        };
        let index = (0..GEOMETRY.sockets).find(|index| free(*index))?;
        let block = self.area.block(index).unwrap();
        block.initialise(&self.mem).unwrap();
        self.used[index as usize] = true;
        Some((index, block))
    }

    /// The module has refused the block.
    pub fn unuse(&mut self, index: u32) {
        self.used[index as usize] = false;
    }

    pub fn socket(&self, socket: u32, index: u32, block: Block) -> ClientSocket {
        ClientSocket {
            socket,
            index,
            block,
            mem: self.mem.clone(),
            area: self.area,
            writer: Writer::new(self.mem.clone(), block),
            taker: Taker::new(self.mem.clone(), block),
            waits: 0,
        }
    }

    pub fn write_header(&self) {
        let header = PoolHeader {
            size: POOL_LEN as u64,
            data_offset: self.area.data() as u64,
        };
        header.write(&self.mem).unwrap();
    }
}

impl ClientSocket {
    /// Puts `bytes` at `offset` of the data area, a range of its own, and commits them, to go at once.
    pub fn submit(&mut self, offset: usize, bytes: &[u8]) {
        self.open(offset, bytes.len() as u32);
        self.send(bytes);
    }

    /// Has the stream go on at `offset` of the data area; the number of the range.
    pub fn open(&mut self, offset: usize, cap: u32) -> u64 {
        let offset = (self.area.data() + offset) as u64;
        match self.writer.open(Memory { pool: 0, offset, cap }).unwrap() {
            Opened::Range(number) => number,
            Opened::Full => panic!("all ranges are in use"),
        }
    }

    /// Closes the open range, so that its memory comes back.
    pub fn close_range(&mut self) {
        self.open(0, 0);
    }

    /// Commits `bytes` behind what is there in the open range; more follows.
    pub fn send_more(&mut self, bytes: &[u8]) {
        let at = self.writer.place().offset as usize;
        self.mem.write(at, bytes);
        assert_eq!(self.writer.append(bytes.len() as u32).unwrap(), Appended::Taken);
    }

    /// Commits `bytes` behind what is there in the open range, to go at once.
    pub fn send(&mut self, bytes: &[u8]) {
        self.send_more(bytes);
        self.writer.flush().unwrap();
    }

    /// The next filled buffer with its bytes, checked as a client checks it.
    pub fn take_one(&mut self) -> Option<(u32, Vec<u8>)> {
        let Incoming::Entry { id, len } = self.taker.peek().unwrap() else {
            return None;
        };
        let (offset, room) = self.area.buffer(id).unwrap();
        assert!(len > 0 && len <= room, "{len} bytes in a buffer of {room}");
        let bytes = self.mem.read(offset, len as usize);
        assert_eq!(self.taker.consume(len).unwrap(), Consumed::Yes);
        self.taker.pop().unwrap();
        Some((id, bytes))
    }

    pub fn state(&self) -> State {
        self.taker.state().unwrap()
    }

    pub fn is_released(&self) -> bool {
        self.state().contains(State::RELEASED)
    }

    /// The thread behind wait slot `slot` is about to sleep.
    pub fn arm(&mut self, waiting: Waiting, slot: u16) {
        self.waits += 1;
        let value = wait_value(self.waits, slot);
        waiting.arm(&self.mem, self.block, value).unwrap();
    }
}

pub fn socket_body(block: u32) -> msg::Socket {
    msg::Socket {
        domain: 2,
        kind: 1,
        protocol: 6,
        block,
        ..msg::Socket::default()
    }
}

pub fn connect_body() -> msg::Connect {
    msg::Connect {
        addr: SockAddr::v4([10, 0, 0, 1], 80),
    }
}

/// POOL_ATTACH of a session's first pool.
pub fn attach(handle: u64, size: u64) -> msg::PoolAttach {
    msg::PoolAttach {
        handle,
        size,
        area: GEOMETRY,
        ..msg::PoolAttach::default()
    }
}

pub fn wait(events: msg::Events) -> msg::Wait {
    msg::Wait {
        events: events.bits(),
        reserved: 0,
    }
}

pub fn good_flags() -> ObjectFlags {
    ObjectFlags {
        raw: 5,
        anonymous: true,
        sealed: true,
        can_vanish: false,
    }
}
