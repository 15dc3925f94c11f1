//! Clients as the kernel shows them: their requests, their identity, their memory.

use super::{IoSock, pool_memory::PoolMapping};
use crate::machine::{Credentials, Delivery, GROUPS, Host, ObjectFlags, Parked, PoolObject, Ticket, Waiter};
use csock_wire::WireErrno;
use qnx::{Access, Errno, Event, Message, Prot, RcvId, ShmFlags, ShmHandle, ShmObject};

/// A request by its rcvid. Dropped unanswered it answers `EIO`: no client hangs.
pub struct KernelTicket {
    rcvid: Option<RcvId>,
    room: u32,
}

impl KernelTicket {
    /// Parks a message.
    pub fn new(message: Message) -> Self {
        let room = u32::try_from(message.info().dstmsglen).unwrap_or(u32::MAX);
        Self {
            rcvid: Some(message.into_rcvid()),
            room,
        }
    }
}

impl KernelTicket {
    /// `MsgRead` of exactly `into.len()` bytes, `offset` bytes from the message's start.
    pub fn read_exact(&self, offset: usize, into: &mut [u8]) -> Result<(), WireErrno> {
        let rcvid = self.rcvid.ok_or(WireErrno::ESRCH)?;
        match rcvid.read(offset, into) {
            Ok(n) if n == into.len() => Ok(()),
            // The client said that there is more than it sent.
            Ok(_) => Err(WireErrno::EBADMSG),
            Err(error) => Err(wire_errno(error)),
        }
    }
}

/// A thread of a client that sleeps without a message: `rcvid` names it, the event was registered by it.
pub struct Sleeper {
    rcvid: RcvId,
    event: Event,
}

impl Waiter for Sleeper {
    fn deliver(&self) -> Delivery {
        match self.event.deliver(self.rcvid) {
            Ok(()) => Delivery::Done,
            Err(Errno::EAGAIN) => Delivery::Later,
            Err(_) => Delivery::Gone,
        }
    }
}

impl Ticket for KernelTicket {
    fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), WireErrno> {
        let rcvid = self.rcvid.ok_or(WireErrno::ESRCH)?;
        match rcvid.write(offset, bytes) {
            Ok(n) if n == bytes.len() => Ok(()),
            Ok(_) => Err(WireErrno::EMSGSIZE),
            Err(error) => Err(wire_errno(error)),
        }
    }

    fn room(&self) -> usize {
        usize::try_from(self.room).unwrap_or(0)
    }

    // The results: ESRCH says that nobody waits any more, anything else that the client's own buffer is bad; then the
    // client is let go with that error.

    fn reply(mut self, bytes: &[u8]) {
        if let Some(rcvid) = self.rcvid.take()
            && let Err(error) = rcvid.reply(0, bytes)
        {
            let _ = rcvid.error(error);
        }
    }

    fn error(mut self, error: WireErrno) {
        if let Some(rcvid) = self.rcvid.take() {
            let _ = rcvid.error(Errno::from_raw(error.to_qnx()).unwrap_or(Errno::EIO));
        }
    }

    fn error_from_kernel(mut self) {
        if let Some(rcvid) = self.rcvid.take() {
            let _ = rcvid.error_from_kernel();
        }
    }

    fn parked(&self) -> Parked {
        match self.rcvid.map(RcvId::info) {
            Some(Ok(info)) if info.wants_out() => Parked::UnblockRequested,
            Some(Ok(_)) => Parked::Waiting,
            Some(Err(_)) | None => Parked::Gone,
        }
    }
}

impl Drop for KernelTicket {
    fn drop(&mut self) {
        if let Some(rcvid) = self.rcvid.take() {
            let _ = rcvid.error(Errno::EIO);
        }
    }
}

impl Host for IoSock {
    type Object = OfferedObject;

    fn credentials(scoid: i32) -> Result<Credentials, WireErrno> {
        let info = qnx::client_info(scoid).map_err(wire_errno)?;
        // Ids are signed on QNX and never negative; what is, is nobody.
        let id = |id: i32| u32::try_from(id).unwrap_or(u32::MAX);
        let mut groups = [u32::MAX; GROUPS];
        for (to, from) in groups.iter_mut().zip(info.groups()) {
            *to = id(*from);
        }
        let known = groups.get(..info.groups().len()).unwrap_or(&groups);
        Ok(Credentials::new(id(info.euid), id(info.egid), known))
    }

    fn open_object(handle: u64, pid: i32) -> Result<OfferedObject, WireErrno> {
        ShmObject::open_handle(ShmHandle::from_raw(handle), Access::ReadWrite, pid)
            .map(OfferedObject)
            .map_err(wire_errno)
    }

    fn waiter(ticket: &KernelTicket, event: [u64; 4]) -> Option<Sleeper> {
        let mut bytes = [0; 32];
        for (to, from) in bytes
            .iter_mut()
            .zip(event.iter().flat_map(|word| word.to_le_bytes()))
        {
            *to = from;
        }
        // Whatever it is: the kernel delivers nothing but what its own client has registered for this server.
        let event = Event::from_bytes(&bytes);
        event.verify(ticket.rcvid?).ok()?;
        Some(Sleeper {
            rcvid: ticket.rcvid?,
            event,
        })
    }

    fn forget_client(scoid: i32) {
        // EINVAL: it has been given back already.
        let _ = qnx::detach_scoid(scoid);
    }
}

/// A shared-memory object that a client offered.
pub struct OfferedObject(ShmObject);

impl PoolObject for OfferedObject {
    type Mapping = PoolMapping;

    fn flags(&self) -> Result<ObjectFlags, WireErrno> {
        let flags = self.0.flags().map_err(wire_errno)?;
        let vanishing = ShmFlags::REVOCABLE | ShmFlags::LAZY | ShmFlags::PHYS | ShmFlags::TYMEM;
        Ok(ObjectFlags {
            raw: flags.bits().cast_unsigned(),
            anonymous: flags.contains(ShmFlags::ANON),
            sealed: flags.contains(ShmFlags::SEAL),
            can_vanish: flags.intersects(vanishing),
        })
    }

    fn len(&self) -> Result<u64, WireErrno> {
        self.0.len().map_err(wire_errno)
    }

    fn map(self, len: u64) -> Result<PoolMapping, WireErrno> {
        let len = usize::try_from(len).map_err(|_| WireErrno::ENOMEM)?;
        self.0
            .map(len, Prot::READ | Prot::WRITE)
            .map(PoolMapping::new)
            .map_err(wire_errno)
    }
}

fn wire_errno(error: Errno) -> WireErrno {
    WireErrno::from_qnx(error.raw())
}
