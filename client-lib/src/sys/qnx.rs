//! The product: QNX message passing and shared memory, through the safe wrappers. On Linux those of the stand-in.

#![allow(unsafe_code)]

use super::{CallError, Shared, System, identity};
use crate::{error::Error, num::widen};
use alloc::ffi::CString;
use csock_wire::{SharedRegion, msg::PULSE_DOORBELL};
use qnx::{Access, ClockId, Connection, Errno, Mapping, Prot, ShmObject, TimeoutFlags};

/// A connection to the module's channel.
#[derive(Debug)]
pub(crate) struct Qnx {
    connection: Connection,
    /// The server's process, which the pool's handle is made for.
    server: i32,
}

impl Qnx {
    /// Connects to the server that registered `name`. Blocks while the path is looked up.
    pub(crate) fn open(name: &str) -> Result<Self, Error> {
        let bad = Error::Invalid {
            what: "name with a NUL byte",
            value: widen(name.len()),
            allowed: 0,
        };
        let name = CString::new(name).map_err(|_| bad)?;
        identity::claim();
        let connection = loop {
            match Connection::open_name(&name) {
                Ok(connection) => break connection,
                Err(Errno::EINTR) => {}
                Err(Errno::ENOENT) => return Err(Error::NotRunning),
                Err(errno) => return Err(Error::System(errno.raw())),
            }
        };
        connection
            .set_close_on_exec(true)
            .map_err(|errno| Error::System(errno.raw()))?;
        let info = connection.server_info().map_err(|_| Error::ServerGone)?;
        Ok(Self {
            connection,
            server: info.pid,
        })
    }
}

impl System for Qnx {
    type Mem = SharedRegion;
    /// The object stays open as long as the mapping: whether a handle outlives the descriptor that it was made of is
    /// not documented.
    type Mapping = (Mapping, ShmObject);

    fn call(&self, request: &[u8], reply: &mut [u8], patience: Option<u64>) -> Result<(), CallError> {
        if let Some(ns) = patience {
            let flags = TimeoutFlags::SEND | TimeoutFlags::REPLY;
            // Bounds the very next kernel call, which is the send below.
            qnx::timeout(ClockId::Monotonic, flags, ns).map_err(call_error)?;
        }
        // The status is always EOK; refusals are in the reply.
        self.connection
            .send(request, reply)
            .map(|_| ())
            .map_err(call_error)
    }

    fn doorbell(&self, socket: u32) -> Result<(), CallError> {
        self.connection
            .send_pulse(None, PULSE_DOORBELL, i64::from(socket))
            .map_err(call_error)
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

    fn now(&self) -> u64 {
        // Cannot fail on a clock that exists; 0 would make a wait longer, not endless.
        qnx::now(ClockId::Monotonic).unwrap_or(0)
    }

    fn pause(&self, ns: u64) {
        crate::sync::sleep(core::time::Duration::from_nanos(ns));
    }

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
