//! A session: HELLO, doorbells, the ledger, and what its sockets share.

use super::{Pool, Trouble, Wire, words};
use csock_wire::{
    SharedMem, SharedRegion,
    msg::{self, Body, Hello, HelloReply, PULSE_DOORBELL, StatsReply},
    stream::{Bell, Block, Returns, State},
};
use qnx::Errno;
use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Bytes that sockets take from the pool at a time.
pub const CHUNK: u32 = 64 * 1024;

/// A session with the module. All threads of a client share it.
#[derive(Debug)]
pub struct Session {
    control: Wire,
    bell: Wire,
    /// What the module granted.
    pub hello: HelloReply,
    shared: OnceLock<Shared>,
    no_pulses: AtomicBool,
    /// Doorbells by pulse and by message.
    pub rung: [AtomicU64; 2],
    ended: AtomicBool,
}

impl Drop for Session {
    fn drop(&mut self) {
        // The module ends a session that is not ended when its process goes, and this process may live long.
        if !self.ended.load(Ordering::Relaxed) {
            let _ = self.control.ask(self.id(), 0, &msg::Goodbye {});
        }
    }
}

/// What there is once the pool is attached.
#[derive(Debug)]
struct Shared {
    pool: Pool,
    bell: Bell<SharedRegion>,
    returns: Mutex<(Returns, Vec<bool>)>,
    blocks: Mutex<Blocks>,
    chunks: Mutex<Vec<u64>>,
}

#[derive(Debug)]
struct Blocks {
    free: Vec<u32>,
    /// Of closed sockets, each with the memory that its bytes lie in, until the module says that it is done with them.
    leaving: Vec<(u32, Vec<u64>)>,
}

impl Session {
    /// Says HELLO to the module at `path`.
    pub fn open(path: &str) -> Result<Self, Trouble> {
        Self::over(Wire::open(path)?)
    }

    /// Says HELLO over a connection.
    pub fn over(control: Wire) -> Result<Self, Trouble> {
        let hello = control.ask(0, 0, &Hello::THIS)?;
        let bell = Wire::attach(control.pid(), hello.doorbell_chid)?;
        Ok(Self {
            control,
            bell,
            hello,
            shared: OnceLock::new(),
            no_pulses: AtomicBool::new(false),
            rung: [const { AtomicU64::new(0) }; 2],
            ended: AtomicBool::new(false),
        })
    }

    /// Attaches `pool` as the session's first.
    pub fn attach(&self, pool: Pool) -> Result<(), Trouble> {
        self.ask(0, &Self::attachment(&pool, self.control.pid())?)?;
        let (area, mem) = (*pool.area(), pool.mem());
        let data = u64::try_from(area.data()).unwrap_or(0);
        let chunks = (data..)
            .step_by(CHUNK as usize)
            .take_while(|at| at + u64::from(CHUNK) <= pool.size());
        let shared = Shared {
            bell: Bell::new(mem),
            returns: Mutex::new((Returns::new(), vec![false; area.buffers() as usize])),
            blocks: Mutex::new(Blocks {
                free: (0..area.geometry().sockets).rev().collect(),
                leaving: Vec::new(),
            }),
            chunks: Mutex::new(chunks.collect()),
            pool,
        };
        self.shared
            .set(shared)
            .map_err(|_| Trouble::Wrong("a second pool 0"))
    }

    /// The message that attaches `pool` as the first.
    pub fn attachment(pool: &Pool, pid: i32) -> Result<msg::PoolAttach, Trouble> {
        Ok(msg::PoolAttach {
            handle: pool.handle(pid)?,
            size: pool.size(),
            number: 0,
            reserved: 0,
            area: *pool.area().geometry(),
        })
    }

    fn shared(&self) -> &Shared {
        self.shared.get().expect("a pool was attached")
    }

    /// The pool, once there is one.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.shared().pool
    }

    /// The connection for requests.
    #[must_use]
    pub fn control(&self) -> &Wire {
        &self.control
    }

    /// The connection for doorbells.
    #[must_use]
    pub fn bell(&self) -> &Wire {
        &self.bell
    }

    /// The session's handle.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.hello.session
    }

    /// One request of this session.
    pub fn ask<B: Body>(&self, socket: u32, body: &B) -> Result<B::Reply, Trouble> {
        self.control.ask(self.id(), socket, body)
    }

    /// The ledger.
    pub fn stats(&self) -> Result<StatsReply, Trouble> {
        self.ask(0, &msg::Stats {})
    }

    /// Ends the session.
    pub fn goodbye(&self) -> Result<(), Trouble> {
        self.ended.store(true, Ordering::Relaxed);
        self.ask(0, &msg::Goodbye {}).map(|_| ())
    }

    /// Parks until the session ends, or until `limit`.
    pub fn watch(&self, limit: Duration) -> Result<(), Trouble> {
        self.control
            .with_data(self.id(), 0, &msg::Watch {}, &[], &mut [], limit)
            .map(|_| ())
    }

    /// Rings by pulse.
    pub fn ring_by_pulse(&self) -> Result<(), Errno> {
        self.bell
            .connection()
            .send_pulse(None, PULSE_DOORBELL, self.id().into())
    }

    /// Rings by message.
    pub fn ring_by_message(&self) -> Result<(), Trouble> {
        self.bell.once(self.id(), 0, &msg::Doorbell {}).map(|_| ())
    }

    /// Rings as the system allows.
    pub fn ring(&self) -> Result<(), Trouble> {
        if !self.no_pulses.load(Ordering::Relaxed) {
            match self.ring_by_pulse() {
                Ok(()) => {
                    self.rung[0].fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(Errno::EPERM) => self.no_pulses.store(true, Ordering::Relaxed),
                Err(Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.rung[1].fetch_add(1, Ordering::Relaxed);
        self.ring_by_message()
    }

    /// The socket with block `index` has work.
    pub fn mark(&self, index: u32) -> Result<(), Trouble> {
        if self.shared().bell.mark(index)? {
            self.ring()?;
        }
        Ok(())
    }

    /// The module hands receive buffer `id` over with `len` bytes: where it lies.
    pub fn buffer(&self, id: u32, len: u32) -> Result<usize, Trouble> {
        let shared = self.shared();
        let (offset, most) = shared
            .pool
            .area()
            .buffer(id)
            .ok_or(Trouble::Wrong("a receive buffer that there is not"))?;
        let mut returns = shared.returns.lock().expect("no panic while it is held");
        let mine = &mut returns.1[id as usize];
        if std::mem::replace(mine, true) {
            return Err(Trouble::Wrong("a receive buffer that the module did not have"));
        }
        if len == 0 || len > most {
            return Err(Trouble::Wrong(
                "a receive buffer with more than it holds, or nothing",
            ));
        }
        Ok(offset)
    }

    /// Gives receive buffer `id` back.
    pub fn give_back(&self, id: u32) -> Result<(), Trouble> {
        let shared = self.shared();
        let wanted = {
            let mut returns = shared.returns.lock().expect("no panic while it is held");
            returns.1[id as usize] = false;
            let (mem, area) = (shared.pool.mem(), shared.pool.area());
            returns.0.push(&mem, area, id)?;
            returns.0.publish(&mem, area)?
        };
        if wanted && shared.bell.mark_returns()? {
            self.ring()?;
        }
        Ok(())
    }

    /// A block for a new socket, made ready.
    pub fn take_block(&self) -> Result<(u32, Block), Trouble> {
        let shared = self.shared();
        let mut blocks = shared.blocks.lock().expect("no panic while it is held");
        let mem = shared.pool.mem();
        let block = |index| {
            let block = shared.pool.area().block(index);
            block.ok_or(Trouble::Wrong("a block that the area has not"))
        };
        let mut at = 0;
        while at < blocks.leaving.len() {
            let index = blocks.leaving[at].0;
            let state = State::from_bits_retain(mem.load_word(words::of(block(index)?, "state"))?);
            if state.contains(State::RELEASED) {
                let (_, chunks) = blocks.leaving.swap_remove(at);
                chunks.into_iter().for_each(|offset| self.leave_chunk(offset));
                blocks.free.insert(0, index);
            } else {
                at += 1;
            }
        }
        let index = blocks.free.pop().ok_or(Trouble::Wrong("no free block"))?;
        let block = block(index)?;
        block.initialise(&mem)?;
        Ok((index, block))
    }

    /// The block of a socket that was closed, and the memory that its bytes may lie in; `None`: the module never had it.
    pub fn leave_block(&self, index: u32, chunks: Option<Vec<u64>>) {
        let mut blocks = self.shared().blocks.lock().expect("no panic while it is held");
        match chunks {
            Some(chunks) => blocks.leaving.push((index, chunks)),
            None => blocks.free.push(index),
        }
    }

    /// [`CHUNK`] bytes of the pool, if there are any.
    #[must_use]
    pub fn take_chunk(&self) -> Option<u64> {
        self.shared()
            .chunks
            .lock()
            .expect("no panic while it is held")
            .pop()
    }

    /// Back with them.
    pub fn leave_chunk(&self, offset: u64) {
        self.shared()
            .chunks
            .lock()
            .expect("no panic while it is held")
            .push(offset);
    }
}
