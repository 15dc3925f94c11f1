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
    machine::{Chain, Lent, Platform, ReleaseKey},
    resident::Resident,
    table::Table,
};
use csock_wire::{SharedRegion, WireErrno};
use iosock::{Level, MbufChain, Wait, WaitQueue};
use pool_memory::PoolRange;
use spin::Mutex;

/// io-sock and QNX.
pub struct IoSock;

/// The module's state.
pub static TABLE: Table<IoSock> = Table::new();
/// The control thread's own state; that thread holds the lock for as long as it runs.
pub static CONTROL: Mutex<Control<IoSock>> = Mutex::new(Control::new());
/// What wakes the workers, one each.
pub static WAKE: [Resident<WaitQueue>; MAX_WORKERS] = [const { Resident::new() }; MAX_WORKERS];
/// The module's connection to its own channel, for pulses to the control thread.
pub static SELF: Resident<qnx::Connection> = Resident::new();
/// Its connections to the doorbell channels, to end the threads that serve them.
pub static SELF_BELLS: [Resident<qnx::Connection>; 2] = [const { Resident::new() }; 2];

/// Pulse to the control thread: look at your stop flag, and at dying sessions. Anybody may send it: looking is all it
/// does.
pub const PULSE_LOOK: i8 = 2;

/// Has the control thread look around. Any thread; not from an upcall.
pub fn nudge_control() {
    // EAGAIN: the pool is full of pulses, so the thread is about to look anyway.
    let _ = SELF.with(|connection| connection.send_pulse(None, PULSE_LOOK, 0));
}

/// Has a doorbell thread look at its stop flag. Any thread; not from an upcall.
pub fn nudge_doorbell(index: usize) {
    if let Some(bell) = SELF_BELLS.get(index) {
        let _ = bell.with(|connection| connection.send_pulse(None, PULSE_LOOK, 0));
    }
}

/// mbufs under construction.
pub struct Mbufs(MbufChain);

impl Chain for Mbufs {
    fn append(&mut self, tail: Self) {
        // Refused above 2 GiB, far beyond any round's budget; the bytes would be dropped and their mbufs freed.
        let _ = self.0.append(tail.0);
    }
}

/// A range of a pool, lent to the stack.
pub struct Range(PoolRange);

impl Lent for Range {
    type Chain = Mbufs;

    fn piece(&mut self, offset: u32, len: u32) -> Result<Mbufs, WireErrno> {
        self.0.piece(offset, len).map(Mbufs)
    }
}

impl Platform for IoSock {
    type Mem = SharedRegion;
    type Mapping = pool_memory::PoolMapping;
    type Stream = stream::TcpStream;
    type Listener = stream::TcpListener;
    type Chain = Mbufs;
    type Lent = Range;
    type Ticket = KernelTicket;
    type Waiter = client::Sleeper;

    fn socket() -> Result<stream::TcpStream, WireErrno> {
        stream::TcpStream::new(&TABLE.config)
    }

    fn lend(mem: &SharedRegion, offset: usize, len: u32, key: ReleaseKey) -> Result<Range, WireErrno> {
        PoolRange::lend(mem, offset, len, key).map(Range)
    }

    fn chain_with_room(len: u32) -> Result<Mbufs, WireErrno> {
        let bytes = usize::try_from(len).map_err(|_| WireErrno::EFAULT)?;
        MbufChain::with_room(bytes).map(Mbufs).ok_or(WireErrno::ENOBUFS)
    }

    fn copy_behind(chain: &mut Mbufs, mem: &SharedRegion, offset: usize, len: u32) -> Result<(), WireErrno> {
        pool_memory::copy_behind(&mut chain.0, mem, offset, len)
    }

    fn brought(ticket: &KernelTicket, offset: usize, len: u32) -> Result<Mbufs, WireErrno> {
        let bytes = usize::try_from(len).map_err(|_| WireErrno::EFAULT)?;
        let mut chain = MbufChain::alloc(bytes, Wait::No).map_err(wire_errno)?;
        let mut at = offset;
        chain.segments_mut(|place| {
            let from = at;
            at = at.saturating_add(place.len());
            ticket.read_exact(from, place)
        })?;
        Ok(Mbufs(chain))
    }

    fn now_ms() -> u64 {
        iosock::uptime_ns() / 1_000_000
    }

    fn wake_worker(worker: usize) {
        if let Some(queue) = WAKE.get(worker) {
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
