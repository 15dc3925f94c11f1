//! A module and its clients in one thread.

use super::*;

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
    /// Of the rings to come: SQ, CQ, FQ, RQ.
    pub capacities: [u32; 4],
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
        table.config.set_for_test(false, 10_000);
        enter(table);
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
            capacities: [RINGS; 4],
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

    /// The process behind `scoid` ends, and the kernel says so.
    pub fn die(&mut self, scoid: i32) {
        world(|w| w.uids.remove(&scoid));
        self.control.disconnect(self.table, scoid);
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
        let [sq, cq, fq, rq] = self.capacities;
        let geometry = RingBlockGeometry {
            offset: self.next_block,
            sq,
            cq,
            fq,
            rq,
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
        can_vanish: false,
    }
}
