//! The product: QNX message passing and shared memory, through the safe wrappers. On Linux those of the stand-in.

#![allow(unsafe_code)]

use super::{
    CallError, Semaphore, Shared, Sleeper, System, identity,
    thread::{self, Idle, Key, uncancelled},
};
use crate::{config::Config, error::Error, node::trusts, num::widen, sync::Notes};
use alloc::{boxed::Box, ffi::CString, string::String};
use core::{ffi::c_void, sync::atomic::Ordering};
use csock_wire::{SharedRegion, WireErrno, msg::PULSE_DOORBELL};
use qnx::{
    Access, ClockId, ConnectFlags, Connection, Errno, Event, IoSlice, IoSliceMut, Mapping, Prot,
    RegisteredEvent, ShmObject, TimeoutFlags,
};

/// A connection to the module's channel, and one to its doorbell channel.
#[derive(Debug)]
pub(crate) struct Qnx {
    connection: Connection,
    doorbell: Option<Connection>,
    /// The server's process, which the pool's handle is made for.
    server: i32,
}

impl Qnx {
    /// Connects to the server of `path`, if `config` trusts it. Blocks until that has answered.
    pub(crate) fn open(path: &str, config: &Config) -> Result<Self, Error> {
        let bad = Error::Invalid {
            what: "path with a NUL byte",
            value: widen(path.len()),
            allowed: 0,
        };
        let path = CString::new(path).map_err(|_| bad)?;
        identity::claim();
        let descriptor = loop {
            match uncancelled(|| Connection::open_path(&path)) {
                Ok(descriptor) => break descriptor,
                Err(Errno::EINTR) => {}
                Err(Errno::ENOENT | Errno::ENOTDIR) => return Err(Error::NotRunning),
                Err(Errno::EACCES) => return Err(Error::from_wire(WireErrno::EACCES)),
                Err(errno) => return Err(Error::System(errno.raw())),
            }
        };
        // EBADF: a plain file of the stand-in's system, or a server that has just died.
        let info = descriptor.server_info().map_err(|_| Error::NotRunning)?;
        // A session is a side channel: unlike a descriptor it goes at exec, and the module hears of it.
        let connection =
            Connection::attach(info.pid, info.chid, ConnectFlags::CLOEXEC).map_err(|_| Error::ServerGone)?;
        let uid = qnx::process_uid(info.pid).map_err(|errno| match errno {
            Errno::ESRCH => Error::ServerGone,
            errno => Error::System(errno.raw()),
        })?;
        // The connection is to the process that the descriptor is to, and that one is alive after its user was looked up.
        let still = connection.server_info().map_err(|_| Error::ServerGone)?;
        let alive = descriptor.server_info().map_err(|_| Error::ServerGone)?;
        if still.pid != info.pid || alive.pid != info.pid {
            return Err(Error::ServerGone);
        }
        if !trusts(config, qnx::euid(), uid) {
            return Err(Error::Impostor { pid: info.pid, uid });
        }
        Ok(Self {
            connection,
            doorbell: None,
            server: info.pid,
        })
    }
}

/// Bounds the very next kernel call of this thread.
fn bound(patience: Option<u64>, states: TimeoutFlags) -> Result<(), CallError> {
    match patience {
        None => Ok(()),
        Some(ns) => qnx::timeout(ClockId::Monotonic, states, ns).map_err(call_error),
    }
}

/// A semaphore that lives for ever.
#[derive(Debug)]
pub(crate) struct PosixSemaphore(&'static qnx::Semaphore);

impl Semaphore for PosixSemaphore {
    fn post(&self) {
        // Fails only with too many posts, and one is enough.
        let _ = self.0.post();
    }

    fn wait(&self, patience: Option<u64>, cancellable: bool) -> Result<(), CallError> {
        let wait = || {
            bound(patience, TimeoutFlags::SEM)?;
            // ON-TARGET: sem_wait() is a cancellation point; a cancelled thread runs the destructors of its keys, and unwinds
            // nothing. The stand-in's returns EINTR instead, and the C verb looks for the cancellation.
            self.0.wait().map_err(call_error)
        };
        if cancellable { wait() } else { uncancelled(wait) }
    }
}

static IDLE: Idle<PosixSemaphore> = Idle::new();
static KEY: Key = Key::new();

/// The thread that had this sleeper has ended.
extern "C" fn ended(sleeper: *mut c_void) {
    // SAFETY: libc gives back what `Key::sleeper` stored: a sleeper, which is never freed.
    if let Some(sleeper) = unsafe { sleeper.cast::<Sleeper<PosixSemaphore>>().as_ref() } {
        IDLE.give(sleeper);
    }
}

fn semaphore() -> Option<PosixSemaphore> {
    let made: &'static qnx::Semaphore = Box::leak(Box::new(qnx::Semaphore::new()));
    made.init(0).ok()?;
    Some(PosixSemaphore(made))
}

impl Notes for Qnx {
    type Mark = thread::Mark<PosixSemaphore>;

    #[inline]
    fn locking() -> Self::Mark {
        thread::Mark::new(Self::sleeper())
    }

    #[inline]
    fn is_locking() -> bool {
        Self::sleeper().is_some_and(|thread| thread.locks.load(Ordering::Relaxed) != 0)
    }
}

impl System for Qnx {
    type Mem = SharedRegion;
    /// The object stays open as long as the mapping: whether a handle outlives the descriptor that it was made of is
    /// not documented.
    type Mapping = (Mapping, ShmObject);
    type Semaphore = PosixSemaphore;
    type Event = RegisteredEvent;

    fn call(
        &self,
        request: [&[u8]; 2],
        reply: [&mut [u8]; 2],
        patience: Option<u64>,
    ) -> Result<(), CallError> {
        let [head, data] = request;
        let [answer, room] = reply;
        uncancelled(|| {
            bound(patience, TimeoutFlags::SEND | TimeoutFlags::REPLY)?;
            // The status is always EOK; refusals are in the reply.
            let sent = if data.is_empty() && room.is_empty() {
                self.connection.send(head, answer)
            } else {
                let request = [IoSlice::new(head), IoSlice::new(data)];
                let mut reply = [IoSliceMut::new(answer), IoSliceMut::new(room)];
                self.connection.sendv(&request, &mut reply)
            };
            sent.map(|_| ()).map_err(call_error)
        })
    }

    fn attach_doorbell(&mut self, chid: i32) -> Result<(), CallError> {
        let attached = Connection::attach(self.server, chid, ConnectFlags::CLOEXEC).map_err(call_error)?;
        self.doorbell = Some(attached);
        Ok(())
    }

    fn pulse(&self, session: u32) -> Result<(), CallError> {
        let doorbell = self.doorbell.as_ref().ok_or(CallError::Gone)?;
        match doorbell.send_pulse(None, PULSE_DOORBELL, i64::from(session)) {
            // ON-TARGET: pulses to another user's process need the ability CONNECTION, messages do not.
            Err(Errno::EPERM) => Err(CallError::Forbidden),
            sent => sent.map_err(call_error),
        }
    }

    fn ring_by_message(
        &self,
        request: &[u8],
        reply: &mut [u8],
        patience: Option<u64>,
    ) -> Result<(), CallError> {
        let doorbell = self.doorbell.as_ref().ok_or(CallError::Gone)?;
        uncancelled(|| {
            bound(patience, TimeoutFlags::SEND | TimeoutFlags::REPLY)?;
            doorbell.send(request, reply).map(|_| ()).map_err(call_error)
        })
    }

    fn share(&self, len: usize) -> Result<Shared<Self>, CallError> {
        // Anonymous: nothing stays behind in a namespace. Sealed: the server may rely on its size.
        let object = ShmObject::anonymous_sealed(widen(len)).map_err(call_error)?;
        // A child must not change what its parent has on the way.
        let prot = Prot::READ | Prot::WRITE;
        let mapping = match object.map_not_inherited(len, prot) {
            // A system that does not know the flag: every way into the pool asks for the process first all the same.
            Err(Errno::EINVAL) => object.map(len, prot),
            mapped => mapped,
        };
        let mapping = mapping.map_err(call_error)?;
        let handle = object
            .create_handle(self.server, Access::ReadWrite)
            .map_err(call_error)?;
        // SAFETY: `mapping` is `len` readable and writable bytes of an object that cannot shrink; it is kept as long
        // as the region is used (the session owns both, and every buffer in place owns a part of the session), and nothing makes a
        // reference to it but the unsafe methods in `buf.rs`, whose callers vouch.
        let mem = unsafe { SharedRegion::new(mapping.ptr(), mapping.len()) };
        Ok(Shared {
            mem,
            handle: handle.raw(),
            mapping: (mapping, object),
        })
    }

    fn sleeper() -> Option<&'static Sleeper<PosixSemaphore>> {
        // SAFETY: `ended` gives its sleeper to `IDLE`.
        unsafe { KEY.sleeper(&IDLE, semaphore, ended) }
    }

    fn register(
        &self,
        sleeper: &'static Sleeper<PosixSemaphore>,
    ) -> Result<(RegisteredEvent, [u64; 4]), CallError> {
        // ON-TARGET: SIGEV_SEM through MsgRegisterEvent for a client without abilities, and what its delivery costs.
        let event = Event::semaphore(sleeper.semaphore.0)
            .register(&self.connection)
            .map_err(call_error)?;
        let bytes = event.event().to_bytes();
        let mut words = [0; 4];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        Ok((event, words))
    }

    fn spawn(body: Box<dyn FnOnce() + Send>) -> bool {
        thread::spawn(body)
    }

    fn now(&self) -> u64 {
        // Cannot fail on a clock that exists; 0 would make a wait longer, not endless.
        qnx::now(ClockId::Monotonic).unwrap_or(0)
    }

    fn pause(&self, ns: u64) {
        uncancelled(|| crate::sync::sleep(core::time::Duration::from_nanos(ns)));
    }

    #[inline]
    fn identity(&self) -> u64 {
        identity::now()
    }

    fn address(mem: &SharedRegion, offset: usize, len: usize) -> Option<*mut u8> {
        mem.addr(offset, len).ok()
    }
}

/// `ESRCH`: the server died while we waited. `EBADF`: it was gone before.
fn call_error(errno: Errno) -> CallError {
    match errno {
        Errno::ESRCH | Errno::EBADF => CallError::Gone,
        Errno::EINTR => CallError::Interrupted,
        Errno::ETIMEDOUT => CallError::TimedOut,
        Errno::EAGAIN => CallError::Busy,
        other => CallError::Errno(other.raw()),
    }
}

/// A variable of the environment. `None`: not set, or not Unicode and so no path of ours.
#[cfg(feature = "std")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A variable of the environment. `None`: not set, or not Unicode and so no path of ours.
#[cfg(not(feature = "std"))]
pub(crate) fn environment(name: &str) -> Option<String> {
    use core::ffi::{CStr, c_char};
    unsafe extern "C" {
        fn getenv(name: *const c_char) -> *const c_char;
    }
    let name = CString::new(name).ok()?;
    // SAFETY: a C string; what comes back is null or a C string.
    let value = unsafe { getenv(name.as_ptr()) };
    if value.is_null() {
        return None;
    }
    // SAFETY: not null, and copied before a later call of the program could change it. A program that changes its environment in
    // another thread meanwhile breaks getenv(3)'s own rule.
    let value = unsafe { CStr::from_ptr(value) };
    value.to_str().ok().map(String::from)
}
