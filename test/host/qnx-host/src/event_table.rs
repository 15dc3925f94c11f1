//! Registered events: MsgRegisterEvent turns an event into a handle that one server may deliver.
//!
//! The events stay in the client process. A small table in shared memory tells its servers which handles exist and
//! whose they are, so that MsgVerifyEvent and MsgDeliverEvent can answer at once. Servers can only read it (it is sealed
//! where Linux can, from 5.1), and the client believes nothing in it: what is delivered is decided by its own copy.

use core::sync::atomic::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock};

use crate::errno::Errno;
use crate::fds::Fd;
use crate::memfd;
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
    private: Mutex<Private>,
}

/// A client's table as a server sees it.
pub struct EventView(Region);

impl EventView {
    /// Maps a client's table. `EINVAL` if it is too small to be one.
    pub fn map(fd: &Fd) -> Result<EventView, Errno> {
        memfd::check_sealed(fd, LEN as u64)?;
        Ok(EventView(Region::map_to_read(fd, LEN)?))
    }

    /// May process `server` deliver the event under `handle`? `EINVAL` no such handle, `EACCES` another server's.
    pub fn check(&self, handle: u32, server: i32) -> Result<(), Errno> {
        let entry = self.0.u64(offset(handle)).load(Ordering::Acquire);
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

/// Each handle has one place in the table.
fn place(handle: u32) -> u32 {
    handle % ENTRIES as u32
}

fn offset(handle: u32) -> usize {
    place(handle) as usize * 8
}

/// What the handles mean, and which places of the table they take. Kept apart from the shared table, so that nothing a
/// server could write decides how long a registration takes.
#[derive(Default)]
struct Private {
    registered: BTreeMap<u32, Registered>,
    places: BTreeSet<u32>,
    last: u32,
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
        let fd = sys::memfd(c"qnx-events", LEN as u64)?;
        let region = Region::map(&fd, LEN)?;
        memfd::seal_for_readers(&fd)?;
        Ok(self.shared.get_or_init(|| Shared { fd, region }))
    }

    /// Stores an event; its handle. `EAGAIN` when the table is full.
    pub fn register(&self, event: SigEvent, allowed: Allowed) -> Result<u32, Errno> {
        let table = self.table()?;
        let mut private = lock(&self.private);
        if private.registered.len() >= ENTRIES - 1 {
            return Err(Errno::EAGAIN);
        }
        // Handles go up, so that an old one is not soon mistaken for a new one; each has its own place in the table.
        let handle = loop {
            private.last = private.last.wrapping_add(1) & 0x7FFF_FFFF;
            let next = private.last;
            if next != 0 && private.places.insert(place(next)) {
                break next;
            }
        };
        private.registered.insert(handle, Registered { event, allowed });
        let server = match allowed {
            Allowed::Server(pid) => pid,
            Allowed::Any => REGEVENT_ALLOW_ANY_SERVER,
        };
        let entry = u64::from(handle) | (u64::from(server as u32) << 32);
        table.region.u64(offset(handle)).store(entry, Ordering::Release);
        Ok(handle)
    }

    /// Forgets a handle. `ESRCH` unknown.
    pub fn unregister(&self, event: &SigEvent) -> Result<(), Errno> {
        let handle = event.target_int() as u32;
        let table = self.table()?;
        let mut private = lock(&self.private);
        if event.notify & SIGEV_FLAG_HANDLE == 0 || private.registered.remove(&handle).is_none() {
            return Err(Errno::ESRCH);
        }
        table.region.u64(offset(handle)).store(0, Ordering::Release);
        private.places.remove(&place(handle));
        Ok(())
    }

    /// The event behind the handle `given`, if `server` may deliver it, with what a server may change taken from `given`.
    pub fn resolve(&self, given: &SigEvent, server: i32) -> Result<SigEvent, Errno> {
        let private = lock(&self.private);
        let entry = private
            .registered
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> SigEvent {
        SigEvent::default()
    }

    /// A server holds the table's descriptor. It can neither map the table for writing nor, if it could, make a registration
    /// search for ever.
    #[test]
    fn a_server_cannot_write_to_the_table() {
        let events = Events::default();
        let shared = events.table().expect("memory");
        let refused = Region::map(&shared.fd, LEN).map(|_| ());
        assert_eq!(refused, Err(Errno::EPERM), "for writing");
        let view = EventView::map(&shared.fd).expect("for reading");
        let handle = events.register(event(), Allowed::Server(77)).expect("room");
        assert_eq!(view.check(handle, 77), Ok(()));
        assert_eq!(view.check(handle, 78), Err(Errno::EACCES));
        // What the server would have written: every place taken.
        for at in 0..ENTRIES {
            shared.region.u64(at * 8).store(u64::MAX, Ordering::Relaxed);
        }
        let next = events.register(event(), Allowed::Server(77)).expect("room");
        assert_eq!(view.check(next, 77), Ok(()));
    }

    #[test]
    fn a_place_is_used_again_once_its_handle_is_gone() {
        let events = Events::default();
        let handles: Vec<u32> = (1..ENTRIES)
            .map(|_| events.register(event(), Allowed::Any).expect("room"))
            .collect();
        assert_eq!(events.register(event(), Allowed::Any), Err(Errno::EAGAIN));
        let handle = |number: u32| SigEvent {
            notify: SIGEV_FLAG_HANDLE,
            target: u64::from(number),
            ..event()
        };
        assert_eq!(events.unregister(&handle(handles[7])), Ok(()));
        let again = events.register(event(), Allowed::Any).expect("room");
        assert!(again > handles[ENTRIES - 2], "handles go up");
        assert_eq!(
            events.resolve(&handle(handles[7]), 1).map(|_| ()),
            Err(Errno::EINVAL)
        );
    }
}
