//! The machine of a test: kernel, clock, log, and what `machine.rs` asks of them.

use super::*;

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
    /// There is an mbuf, and none behind it.
    pub no_room_behind: bool,
    pub uids: HashMap<i32, u32>,
    pub objects: HashMap<u64, FakeObject>,
    pub forgotten: Vec<i32>,
    pub unmapped: u32,
    /// Ids of the client's threads that were woken, in order.
    pub delivered: Vec<u64>,
    /// What the next deliveries answer, if not that the thread wakes.
    pub deliveries: VecDeque<Delivery>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::default());
    pub static TABLE: Cell<Option<&'static TestTable>> = const { Cell::new(None) };
}

pub fn world<R>(f: impl FnOnce(&mut World) -> R) -> R {
    WORLD.with(|world| f(&mut world.borrow_mut()))
}

pub fn released(key: ReleaseKey) {
    TABLE.with(Cell::get).unwrap().released(key);
}

pub struct Fake;

impl Platform for Fake {
    type Mem = TestMem;
    type Mapping = FakeMapping;
    type Stream = FakeStream;
    type Listener = FakeListener;
    type Chain = FakeChain;
    type Lent = FakeLent;
    type Ticket = FakeTicket;
    type Waiter = FakeWaiter;

    fn socket() -> Result<FakeStream, WireErrno> {
        let stream = FakeStream::default();
        world(|w| w.made.push(stream.clone_handle()));
        Ok(stream)
    }

    fn lend(mem: &TestMem, offset: usize, len: u32, key: ReleaseKey) -> Result<FakeLent, WireErrno> {
        if world(|w| w.no_mbufs) {
            return Err(WireErrno::ENOBUFS);
        }
        assert!(
            offset + len as usize <= mem.len(),
            "a loan of memory outside the pool"
        );
        Ok(FakeLent {
            mem: mem.clone(),
            offset,
            len,
            loan: Arc::new(Loan(key)),
        })
    }

    fn chain_with_room(_: u32) -> Result<FakeChain, WireErrno> {
        if world(|w| w.no_mbufs) {
            return Err(WireErrno::ENOBUFS);
        }
        Ok(FakeChain(Vec::new()))
    }

    fn copy_behind(chain: &mut FakeChain, mem: &TestMem, offset: usize, len: u32) -> Result<(), WireErrno> {
        if world(|w| w.no_room_behind) {
            return Err(WireErrno::ENOBUFS);
        }
        let bytes = mem.read(offset, len as usize);
        match chain.0.last_mut().filter(|mbuf| mbuf.loan.is_none()) {
            Some(mbuf) => mbuf.bytes.extend(bytes),
            None => chain.0.push(FakeMbuf { bytes, loan: None }),
        }
        Ok(())
    }

    fn brought(ticket: &FakeTicket, offset: usize, len: u32) -> Result<FakeChain, WireErrno> {
        if world(|w| w.no_mbufs) {
            return Err(WireErrno::ENOBUFS);
        }
        let bytes = ticket.brought.get(offset..offset + len as usize);
        let bytes = bytes.ok_or(WireErrno::EBADMSG)?.to_vec();
        Ok(FakeChain(vec![FakeMbuf { bytes, loan: None }]))
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

    fn credentials(scoid: i32) -> Result<Credentials, WireErrno> {
        let uid = world(|w| w.uids.get(&scoid).copied()).ok_or(WireErrno::EINVAL)?;
        // As on most systems: a group of the user's own, and number 9 for everybody.
        Ok(Credentials::new(uid, uid, &[9]))
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

    fn waiter(_: &FakeTicket, event: [u64; 4]) -> Option<FakeWaiter> {
        (event[0] != 0).then_some(FakeWaiter(event[1]))
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

/// A client's thread, by the id that its test gave it.
pub struct FakeWaiter(u64);

impl Waiter for FakeWaiter {
    fn deliver(&self) -> Delivery {
        world(|w| {
            let delivery = w.deliveries.pop_front().unwrap_or(Delivery::Done);
            if delivery == Delivery::Done {
                w.delivered.push(self.0);
            }
            delivery
        })
    }
}

pub struct FakeMapping(TestMem, u64);

impl Mapping for FakeMapping {
    type Mem = TestMem;

    fn mem(&self) -> &TestMem {
        &self.0
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

/// Makes `table` the one that this thread's stack calls back into.
pub fn enter(table: &'static TestTable) {
    TABLE.with(|t| t.set(Some(table)));
    world(|w| {
        *w = World {
            now: 1000,
            ..World::default()
        }
    });
}
