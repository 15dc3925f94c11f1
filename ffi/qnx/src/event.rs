//! Events: what a server, a timer or an exhausted pulse pool does to a program.

use core::ffi::c_int;
use core::mem::{ManuallyDrop, offset_of};

use qnx_sys as sys;

use crate::decode::eok_r;
use crate::{Connection, Errno, EventFlags, RcvId, Semaphore};

/// `struct sigevent` - 32 plain bytes, with no stale byte in them. Copy it into a message as [`to_bytes`](Event::to_bytes).
///
/// # Invariants
/// Word 0 holds the kind and flags (lower half), word 1 the first union (connection, signal, handle, pointer), word 2 the value, word 3
/// code and priority (16 bits each). `offsets` below and qnx-sys's layout.rs check that these are the places in C.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C, align(8))]
pub struct Event {
    words: [u64; 4],
}

/// `SIGEV_*` - what an event does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct EventKind(c_int);

impl EventKind {
    /// `SIGEV_NONE`: nothing happens.
    pub const NONE: EventKind = EventKind(sys::SIGEV_NONE);
    /// `SIGEV_SIGNAL`: raises a signal in the process.
    pub const SIGNAL: EventKind = EventKind(sys::SIGEV_SIGNAL);
    /// `SIGEV_PULSE`: sends a pulse to the connection that the event names.
    pub const PULSE: EventKind = EventKind(sys::SIGEV_PULSE);
    /// `SIGEV_UNBLOCK`: ends a blocking call.
    pub const UNBLOCK: EventKind = EventKind(sys::SIGEV_UNBLOCK);
    /// `SIGEV_SEM`: posts a semaphore.
    pub const SEM: EventKind = EventKind(sys::SIGEV_SEM);

    /// The number that C knows this kind by.
    #[must_use]
    pub const fn raw(self) -> i32 {
        self.0
    }
}

/// Places and sizes in `struct sigevent`, as the words rely on them.
const _: () = {
    assert!(size_of::<Event>() == size_of::<sys::sigevent>());
    assert!(align_of::<Event>() == align_of::<sys::sigevent>());
    assert!(offset_of!(sys::sigevent, sigev_notify) == 0 && offset_of!(sys::sigevent, sigev_value) == 16);
};

impl Event {
    /// `SIGEV_NONE_INIT` - does nothing.
    pub const NONE: Event = Event::new(EventKind::NONE, 0, 0, 0);
    /// `SIGEV_UNBLOCK_INIT` - ends a blocking call; what a timeout raises.
    pub const UNBLOCK: Event = Event::new(EventKind::UNBLOCK, 0, 0, 0);

    const fn new(kind: EventKind, first: u64, value: i64, last: u64) -> Event {
        Event {
            words: [kind.0.cast_unsigned() as u64, first, value.cast_unsigned(), last],
        }
    }

    /// `SIGEV_PULSE_INIT` - a pulse over `connection`, which is the receiver's **own** connection to its own channel. `None` as
    /// priority: that of the receiving process's start.
    ///
    /// The event holds the connection's number only: keep the connection for as long as the event may be raised.
    #[must_use]
    pub fn pulse(connection: &Connection, priority: Option<u8>, code: i8, value: i64) -> Event {
        let coid = u64::from(connection.id().cast_unsigned());
        let priority = priority.map_or(PRIO_INHERIT, i16::from);
        let last = u64::from(i16::from(code).cast_unsigned()) | u64::from(priority.cast_unsigned()) << 16;
        Event::new(EventKind::PULSE, coid, value, last)
    }

    /// `SIGEV_SIGNAL_INIT` - signal `signo`, by QNX's number, to the process.
    #[must_use]
    pub const fn signal(signo: i32) -> Event {
        Event::new(EventKind::SIGNAL, signo.cast_unsigned() as u64, 0, 0)
    }

    /// `SIGEV_SEM_INIT` - posts `semaphore`, which must be [initialised](Semaphore::init) before the event can be raised.
    #[must_use]
    pub fn semaphore(semaphore: &'static Semaphore) -> Event {
        Event::new(
            EventKind::SEM,
            semaphore.as_ptr().expose_provenance() as u64,
            0,
            0,
        )
    }

    /// The same event with more flags.
    #[must_use]
    pub fn with_flags(self, flags: EventFlags) -> Event {
        let [notify, first, value, last] = self.words;
        let flags = flags.bits() & !sys::SIGEV_TYPE_MASK;
        Event {
            words: [notify | u64::from(flags.cast_unsigned()), first, value, last],
        }
    }

    /// The same event with another value: for a server, before it delivers an [updateable](EventFlags::UPDATEABLE) event. For others
    /// the kernel takes the registered value.
    #[must_use]
    pub fn with_value(self, value: i64) -> Event {
        let [notify, first, _, last] = self.words;
        Event {
            words: [notify, first, value.cast_unsigned(), last],
        }
    }

    /// What the event does, without the flags (`SIGEV_GET_TYPE`).
    #[must_use]
    pub fn kind(&self) -> EventKind {
        EventKind(self.notify() & sys::SIGEV_TYPE_MASK)
    }

    /// The flags above the kind.
    #[must_use]
    pub fn flags(&self) -> EventFlags {
        EventFlags::from_bits_retain(self.notify() & !sys::SIGEV_TYPE_MASK)
    }

    /// The value that travels with it.
    #[must_use]
    pub fn value(&self) -> i64 {
        let [_, _, value, _] = self.words;
        value.cast_signed()
    }

    fn notify(&self) -> c_int {
        let [notify, ..] = self.words;
        // The lower half; the upper one is padding.
        (notify & 0xffff_ffff) as u32 as c_int
    }

    /// The bytes, as they travel in a message.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let [a, b, c, d] = self.words.map(u64::to_le_bytes);
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(a.into_iter().chain(b).chain(c).chain(d)) {
            *to = from;
        }
        bytes
    }

    /// From the bytes of a message. Whatever they are: what a server does with a client's event concerns the client alone, and the
    /// kernel checks it ([`verify`](Event::verify), [`deliver`](Event::deliver)).
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Event {
        let mut words = [0; 4];
        for (word, chunk) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*chunk);
        }
        Event { words }
    }

    /// `MsgVerifyEvent_r` - checks an event that the client of `rcvid` gave us, while it waits. Does not block.
    ///
    /// # Errors
    /// `EACCES` it would have to be registered, or its target is going; `EBADF`, `ESRCH` its pulse reaches nobody; `EBUSY`; `EINVAL`
    /// malformed.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgVerifyEvent()`.
    pub fn verify(&self, rcvid: RcvId) -> Result<(), Errno> {
        // SAFETY: the kernel reads one `sigevent`. `rcvid` is not 0, so that the event concerns the client and never this process.
        let result = unsafe { sys::MsgVerifyEvent_r(rcvid.raw(), self.as_ptr()) };
        eok_r(result)
    }

    /// `MsgDeliverEvent_r` - raises the event in the client of `rcvid`. Works after the answer too, while that thread and its connection
    /// exist. Does not block.
    ///
    /// # Errors
    /// `EACCES` the client takes no such event from us; `EAGAIN`, `ECANCELED` could not be queued; `EBADF`, `ESRCH` the client is gone;
    /// `EINVAL` malformed; `EPERM` its priority is above the client's range; `ESRVRFAULT` its receive buffer is too short; `EBUSY`,
    /// `ENXIO` it is going.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgDeliverEvent()`.
    pub fn deliver(&self, rcvid: RcvId) -> Result<(), Errno> {
        // SAFETY: the kernel reads one `sigevent`. `rcvid` is not 0, so that the event concerns the client and never this process.
        let result = unsafe { sys::MsgDeliverEvent_r(rcvid.raw(), self.as_ptr()) };
        eok_r(result)
    }

    /// `MsgRegisterEvent_r` - allows the server of `server` to raise this event in us. Does not block.
    ///
    /// `server` is the connection to whoever may deliver it, not the one that a pulse goes over.
    ///
    /// # Errors
    /// `EAGAIN`, `ENOMEM` no room; `EBADF` the server is gone; `EINVAL` malformed.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgRegisterEvent()`.
    pub fn register(self, server: &Connection) -> Result<RegisteredEvent, Errno> {
        let mut event = self;
        // SAFETY: the kernel reads one `sigevent` and writes its handle in place; `event` is as large and aligned alike.
        let result = unsafe { sys::MsgRegisterEvent_r((&raw mut event).cast(), server.id()) };
        eok_r(result)?;
        Ok(RegisteredEvent { handle: event })
    }

    /// The event where it lies, for a call that reads it.
    pub(crate) fn as_ptr(&self) -> *const sys::sigevent {
        (&raw const *self).cast()
    }

    /// A copy in C's type, for a structure that holds one.
    pub(crate) fn to_raw(self) -> sys::sigevent {
        // SAFETY: same size and alignment, checked above; every bit pattern is a `sigevent`, whose pointers nobody here follows.
        unsafe { self.as_ptr().read() }
    }
}

/// A registered event. Send [`event`](RegisteredEvent::event) to the server. Dropping this unregisters it.
#[derive(Debug)]
pub struct RegisteredEvent {
    handle: Event,
}

impl RegisteredEvent {
    /// The handle to send to the server in place of the event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.handle
    }

    /// `MsgUnregisterEvent_r` - unregisters now and says how that went. Does not block. A delivery under way may still arrive.
    ///
    /// # Errors
    /// `ESRCH` unknown.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `MsgUnregisterEvent()`.
    pub fn unregister(self) -> Result<(), Errno> {
        let event = ManuallyDrop::new(self);
        // SAFETY: the kernel reads one `sigevent`.
        let result = unsafe { sys::MsgUnregisterEvent_r(event.handle.as_ptr()) };
        eok_r(result)
    }
}

impl Drop for RegisteredEvent {
    fn drop(&mut self) {
        // SAFETY: the kernel reads one `sigevent`; it is unregistered once.
        let _ = unsafe { sys::MsgUnregisterEvent_r(self.handle.as_ptr()) };
    }
}

/// `SIGEV_PULSE_PRIO_INHERIT`, in the 16 bits that an event has for a priority.
const PRIO_INHERIT: i16 = -1;
const _: () = assert!(PRIO_INHERIT as c_int == sys::SIGEV_PULSE_PRIO_INHERIT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_reads_what_was_put_in() {
        static SEMAPHORE: Semaphore = Semaphore::new();
        let raw = Event::semaphore(&SEMAPHORE).to_raw();
        assert_eq!(raw.sigev_notify, 9);
        // SAFETY: that arm was written.
        let posted = unsafe { raw.__sigev_un1.__sigev_sem };
        assert_eq!(posted.addr(), SEMAPHORE.as_ptr().addr());

        let raw = Event::signal(16)
            .with_flags(EventFlags::UPDATEABLE)
            .with_value(-7)
            .to_raw();
        assert_eq!(raw.sigev_notify, 0x401);
        // SAFETY: that arm was written.
        assert_eq!(unsafe { raw.__sigev_un1.__sigev_signo }, 16);
        // SAFETY: that arm was written.
        assert_eq!(unsafe { raw.sigev_value.sival_long }, -7);
    }

    #[test]
    fn code_and_priority_have_their_places() {
        let event = Event::new(EventKind::PULSE, 0x4000_0001, 5, 0x000A_0003);
        let raw = event.to_raw();
        // SAFETY: that arm was written.
        let st = unsafe { raw.__sigev_un2.__st };
        assert_eq!((st.__sigev_code, st.__sigev_priority), (3, 10));
        assert_eq!(event.kind(), EventKind::PULSE);
    }

    #[test]
    fn bytes_go_there_and_back() {
        let event = Event::signal(17)
            .with_flags(EventFlags::NOQUEUE)
            .with_value(i64::MIN);
        assert_eq!(Event::from_bytes(&event.to_bytes()), event);
        assert_eq!(event.flags(), EventFlags::NOQUEUE);
        assert_eq!(Event::NONE.to_bytes(), [0; 32]);
    }

    #[test]
    fn flags_never_change_the_kind() {
        let event = Event::NONE.with_flags(EventFlags::from_bits_retain(0x4FF));
        assert_eq!(event.kind(), EventKind::NONE);
        assert_eq!(event.flags(), EventFlags::UPDATEABLE);
    }
}
