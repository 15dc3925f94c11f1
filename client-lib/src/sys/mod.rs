//! What the library needs from the machine, behind one trait, so that a server that lies can be played in-process.

mod abandon;
#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod identity;
mod qnx;
mod thread;

pub(crate) use abandon::{Abandon, Leave};
pub(crate) use qnx::{Qnx, environment};

use crate::sync::Notes;
use alloc::boxed::Box;
use core::sync::atomic::{AtomicPtr, AtomicU32};
use csock_wire::SharedMem;

/// Why a message or a pulse did not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// The server's channel is gone.
    Gone,
    /// A signal.
    Interrupted,
    /// Patience ran out.
    TimedOut,
    /// No room now (a pulse).
    Busy,
    /// This process may not send pulses.
    Forbidden,
    /// Something else, as a QNX errno.
    Errno(i32),
}

/// Memory that is shared with the server.
pub(crate) struct Shared<S: System> {
    pub mem: S::Mem,
    /// What the server opens it by.
    pub handle: u64,
    /// Keeps it mapped.
    pub mapping: S::Mapping,
}

/// A semaphore of this process.
pub(crate) trait Semaphore: Send + Sync + core::fmt::Debug + 'static {
    /// Posts once.
    fn post(&self);

    /// Takes one post; waits for it at most `patience` nanoseconds. [`CallError::Interrupted`], [`CallError::TimedOut`]. The thread
    /// may be cancelled here if it is `cancellable`: then this does not return.
    fn wait(&self, patience: Option<u64>, cancellable: bool) -> Result<(), CallError>;
}

/// What one thread sleeps on, in any session, and notes of itself. It is never freed: an event that is on its way may still post
/// it. When the thread ends another one takes it over, with a new generation.
#[derive(Debug)]
pub(crate) struct Sleeper<M: 'static> {
    pub semaphore: M,
    pub generation: AtomicU32,
    /// Locks that the thread holds or is about to take. It alone changes this.
    pub locks: AtomicU32,
    /// Calls of the thread that have a place in a queue: more than one if a signal handler makes calls, too.
    pub calls: AtomicU32,
    /// What another must do for the thread if it is cancelled now.
    pub abandon: Abandon,
    /// The next in the list of those whose threads have ended.
    pub next: AtomicPtr<Sleeper<M>>,
}

impl<M> Sleeper<M> {
    pub(crate) const fn new(semaphore: M) -> Self {
        Self {
            semaphore,
            generation: AtomicU32::new(1),
            locks: AtomicU32::new(0),
            calls: AtomicU32::new(0),
            abandon: Abandon::new(),
            next: AtomicPtr::new(core::ptr::null_mut()),
        }
    }
}

/// A connection to a server and what goes with it. Every call may be made on any thread.
pub(crate) trait System: Notes + Send + Sync + Sized + 'static {
    /// A cheap handle to shared memory.
    type Mem: SharedMem + core::fmt::Debug + Send + Sync + 'static;
    /// Unmaps when it is dropped.
    type Mapping: Send + Sync + 'static;
    /// What threads sleep on.
    type Semaphore: Semaphore;
    /// An event that the server may raise; dropping it forbids that.
    type Event: Send + Sync + core::fmt::Debug + 'static;

    /// Sends a request, of two parts, and waits for the reply, of two parts, at most `patience` nanoseconds. The reply's parts
    /// are as long as the answer can be; what the server does not write keeps its content.
    fn call(
        &self,
        request: [&[u8]; 2],
        reply: [&mut [u8]; 2],
        patience: Option<u64>,
    ) -> Result<(), CallError>;

    /// Opens the way for doorbells. Called once, before the session is shared.
    fn attach_doorbell(&mut self, chid: i32) -> Result<(), CallError>;

    /// Rings by a pulse, at this thread's priority. Does not wait.
    fn pulse(&self, session: u32) -> Result<(), CallError>;

    /// Rings by a message, which the server answers at once.
    fn ring_by_message(
        &self,
        request: &[u8],
        reply: &mut [u8],
        patience: Option<u64>,
    ) -> Result<(), CallError>;

    /// Makes a pool of `len` bytes that the server can open, zeroed and sealed.
    fn share(&self, len: usize) -> Result<Shared<Self>, CallError>;

    /// What this thread sleeps on. `None`: there is no memory for it.
    fn sleeper() -> Option<&'static Sleeper<Self::Semaphore>>;

    /// Allows the server to post `sleeper`; returns the event as it goes on the wire.
    fn register(
        &self,
        sleeper: &'static Sleeper<Self::Semaphore>,
    ) -> Result<(Self::Event, [u64; 4]), CallError>;

    /// Runs `body` on a thread of its own that no signal reaches. False: there is no thread for it.
    fn spawn(body: Box<dyn FnOnce() + Send>) -> bool;

    /// Nanoseconds on a clock that never goes back.
    fn now(&self) -> u64;

    /// Sleeps for about `ns` nanoseconds; less when a signal comes.
    fn pause(&self, ns: u64);

    /// The number of this process: a child gets its own. One load: every call begins with it.
    fn identity(&self) -> u64;

    /// The address of bytes of the pool.
    fn address(mem: &Self::Mem, offset: usize, len: usize) -> Option<*mut u8>;
}
