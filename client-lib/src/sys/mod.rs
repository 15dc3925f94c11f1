//! What the library needs from the machine, behind one trait, so that a server that lies can be played in-process.

#[cfg(test)]
pub(crate) mod fake;
pub(crate) mod identity;
mod qnx;

pub(crate) use qnx::{Qnx, environment};

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

/// A connection to a server and what goes with it. Every call may be made on any thread.
pub(crate) trait System: Send + Sync + Sized + 'static {
    /// A cheap handle to shared memory.
    type Mem: SharedMem + core::fmt::Debug + Send + Sync + 'static;
    /// Unmaps when it is dropped.
    type Mapping: Send + Sync + 'static;

    /// Sends `request` and waits for the reply, at most `patience` nanoseconds. `reply` is as long as the answer must
    /// be; what the server does not write keeps its content.
    fn call(&self, request: &[u8], reply: &mut [u8], patience: Option<u64>) -> Result<(), CallError>;

    /// Rings for a socket, at this thread's priority. Does not wait.
    fn doorbell(&self, socket: u32) -> Result<(), CallError>;

    /// Makes a pool of `len` bytes that the server can open, zeroed and sealed.
    fn share(&self, len: usize) -> Result<Shared<Self>, CallError>;

    /// Nanoseconds on a clock that never goes back.
    fn now(&self) -> u64;

    /// Sleeps for about `ns` nanoseconds; less when a signal comes.
    fn pause(&self, ns: u64);

    /// The number of this process: a child gets its own. One load: every call begins with it.
    fn identity(&self) -> u64;

    /// The address of bytes of the pool.
    fn address(mem: &Self::Mem, offset: usize, len: usize) -> Option<*mut u8>;
}
