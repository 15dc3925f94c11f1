//! Registered events: MsgRegisterEvent turns an event into a handle that one server may deliver.
//!
//! The events stay in the client process. A small table in shared memory tells its servers which handles exist and
//! whose they are, so that MsgVerifyEvent and MsgDeliverEvent can answer at once; what is delivered is decided by the
//! client's own copy.

use core::sync::atomic::Ordering;
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock};

use crate::errno::Errno;
use crate::fds::Fd;
use crate::process::lock;
use crate::region::Region;
use crate::sys;
use crate::types::{
    REGEVENT_ALLOW_ANY_SERVER, SIGEV_FLAG_CODE_UPDATEABLE, SIGEV_FLAG_HANDLE, SIGEV_FLAG_UPDATEABLE, SigEvent,
};

/// Events per process.
const ENTRIES: usize = 4096;
/// Entry: u64 of handle (low half) and the server's pid (high half; -1 = any).
const LEN: usize = ENTRIES * 8;

/// Which server may deliver an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Allowed {
    /// The process with this pid.
    Server(i32),
    /// Any process that we are connected to.
    Any,
}

#[derive(Clone, Copy)]
struct Registered {
    event: SigEvent,
    allowed: Allowed,
}

/// The table's two halves: shared with servers, and what the handles mean.
struct Shared {
    fd: Fd,
    region: Region,
}

/// Registered events of this process.
#[derive(Default)]
pub struct Events {
    shared: OnceLock<Shared>,
    registered: Mutex<BTreeMap<u32, Registered>>,
    last: Mutex<u32>,
}

/// A client's table as a server sees it.
pub struct EventView(Region);

impl EventView {
    /// Maps a client's table. `EINVAL` if it is too small to be one.
    pub fn map(fd: &Fd) -> Result<EventView, Errno> {
        sys::check_sealed(fd, LEN as u64)?;
        Ok(EventView(Region::map(fd, LEN)?))
    }

    /// May process `server` deliver the event under `handle`? `EINVAL` no such handle, `EACCES` another server's.
    pub fn check(&self, handle: u32, server: i32) -> Result<(), Errno> {
        let entry = self.0.u64(place(handle)).load(Ordering::Acquire);
        if entry as u32 != handle || handle == 0 {
            return Err(Errno::EINVAL);
        }
        match (entry >> 32) as u32 as i32 {
            REGEVENT_ALLOW_ANY_SERVER => Ok(()),
            allowed if allowed == server => Ok(()),
            _ => Err(Errno::EACCES),
        }
    }
}

fn place(handle: u32) -> usize {
    (handle as usize % ENTRIES) * 8
}

impl Events {
    /// Descriptor of the table for a server; `None` never, unless the system has no memory for it.
    pub fn shared(&self) -> Result<Option<&Fd>, Errno> {
        Ok(Some(&self.table()?.fd))
    }

    fn table(&self) -> Result<&Shared, Errno> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let fd = sys::sealed_memfd(c"qnx-events", LEN as u64)?;
        let region = Region::map(&fd, LEN)?;
        Ok(self.shared.get_or_init(|| Shared { fd, region }))
    }

    /// Stores an event; its handle. `EAGAIN` when the table is full.
    pub fn register(&self, event: SigEvent, allowed: Allowed) -> Result<u32, Errno> {
        let table = self.table()?;
        let mut registered = lock(&self.registered);
        let mut last = lock(&self.last);
        if registered.len() >= ENTRIES - 1 {
            return Err(Errno::EAGAIN);
        }
        // Handles go up, so that an old one is not soon mistaken for a new one; each has its own place in the table.
        let handle = loop {
            *last = last.wrapping_add(1) & 0x7FFF_FFFF;
            let taken = table.region.u64(place(*last)).load(Ordering::Relaxed) != 0;
            if *last != 0 && !taken {
                break *last;
            }
        };
        registered.insert(handle, Registered { event, allowed });
        let server = match allowed {
            Allowed::Server(pid) => pid,
            Allowed::Any => REGEVENT_ALLOW_ANY_SERVER,
        };
        let entry = u64::from(handle) | (u64::from(server as u32) << 32);
        table.region.u64(place(handle)).store(entry, Ordering::Release);
        Ok(handle)
    }

    /// Forgets a handle. `ESRCH` unknown.
    pub fn unregister(&self, event: &SigEvent) -> Result<(), Errno> {
        let handle = event.target_int() as u32;
        if event.notify & SIGEV_FLAG_HANDLE == 0 || lock(&self.registered).remove(&handle).is_none() {
            return Err(Errno::ESRCH);
        }
        self.table()?
            .region
            .u64(place(handle))
            .store(0, Ordering::Release);
        Ok(())
    }

    /// The event behind the handle `given`, if `server` may deliver it, with what a server may change taken from `given`.
    pub fn resolve(&self, given: &SigEvent, server: i32) -> Result<SigEvent, Errno> {
        let registered = lock(&self.registered);
        let entry = registered
            .get(&(given.target_int() as u32))
            .ok_or(Errno::EINVAL)?;
        match entry.allowed {
            Allowed::Server(pid) if pid != server => return Err(Errno::EACCES),
            _ => {}
        }
        let mut event = entry.event;
        if event.notify & SIGEV_FLAG_UPDATEABLE != 0 {
            event.value = given.value;
        }
        if event.notify & SIGEV_FLAG_CODE_UPDATEABLE != 0 {
            event.code_priority = (event.code_priority & !0xFFFF) | (given.code_priority & 0xFFFF);
        }
        Ok(event)
    }
}
