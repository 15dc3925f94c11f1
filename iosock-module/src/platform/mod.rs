//! The product side of the machine: io-sock's sockets and mbufs, QNX's messages and shared memory. Thin on purpose: no
//! decision is made here that a unit test should see.

mod client;
pub mod node;
mod pool_memory;
mod stream;

pub use client::KernelTicket;

use crate::{
    control::Control,
    limits::MAX_WORKERS,
    machine::{Chain, Platform, ReleaseKey},
    resident::Resident,
    table::Table,
};
use csock_wire::{SharedMem, SharedRegion, WireErrno};
use iosock::{Level, MbufChain, Wait, WaitQueue};
use spin::Mutex;

/// io-sock and QNX.
pub struct IoSock;

/// The module's state.
pub static TABLE: Table<IoSock> = Table::new();
/// The control thread's own state; that thread holds the lock for as long as it runs.
pub static CONTROL: Mutex<Control<IoSock>> = Mutex::new(Control::new());
/// What wakes the workers, one each.
pub static WAKE: [Resident<WaitQueue>; WORKERS] = [const { Resident::new() }; WORKERS];
/// The module's connection to its own channel, for pulses to the control thread.
pub static SELF: Resident<qnx::Connection> = Resident::new();

/// Pulse to the control thread: look at your stop flag, and at dying sessions. Anybody may send it: looking is all it
/// does.
pub const PULSE_LOOK: i8 = 2;

const WORKERS: usize = 4;
const _: () = assert!(WORKERS == 4 && MAX_WORKERS == 4);

/// Has the control thread look around. Any thread; not from an upcall.
pub fn nudge_control() {
    // EAGAIN: the pool is full of pulses, so the thread is about to look anyway.
    let _ = SELF.with(|connection| connection.send_pulse(None, PULSE_LOOK, 0));
}

/// mbufs under construction.
pub struct Mbufs(MbufChain);

impl Chain for Mbufs {
    fn append(&mut self, tail: Self) {
        // Refused above 2 GiB, far beyond any round's budget; the bytes would be dropped and their mbufs freed.
        let _ = self.0.append(tail.0);
    }
}

impl Platform for IoSock {
    type Mem = SharedRegion;
    type Mapping = pool_memory::PoolMapping;
    type Stream = stream::TcpStream;
    type Listener = stream::TcpListener;
    type Chain = Mbufs;
    type Ticket = KernelTicket;

    fn socket() -> Result<stream::TcpStream, WireErrno> {
        stream::TcpStream::new(&TABLE.config)
    }

    fn external(mem: &SharedRegion, offset: usize, len: u32, key: ReleaseKey) -> Result<Mbufs, WireErrno> {
        pool_memory::external(mem, offset, len, key).map(Mbufs)
    }

    fn copied(mem: &SharedRegion, offset: usize, len: u32) -> Result<Mbufs, WireErrno> {
        let bytes = usize::try_from(len).map_err(|_| WireErrno::EFAULT)?;
        let mut chain = MbufChain::alloc(bytes, Wait::No).map_err(wire_errno)?;
        let mut at = offset;
        chain.segments_mut(|place| {
            let from = at;
            at = at.saturating_add(place.len());
            mem.copy_in(from, place).map_err(|_| WireErrno::EFAULT)
        })?;
        Ok(Mbufs(chain))
    }

    fn now_ms() -> u64 {
        iosock::uptime_ns() / 1_000_000
    }

    fn wake_worker(hint: usize) {
        let workers = usize::try_from(TABLE.config.workers()).unwrap_or(1).max(1);
        if let Some(queue) = hint.checked_rem(workers).and_then(|worker| WAKE.get(worker)) {
            queue.with(WaitQueue::signal);
        }
    }

    fn session_drained() {
        nudge_control();
    }

    fn log(line: &[u8]) {
        iosock::log(Level::Warning, line);
    }
}

fn wire_errno(error: iosock::Errno) -> WireErrno {
    WireErrno::from_qnx(error.qnx())
}
