//! How one thread sleeps: a semaphore of its own, which the module posts.

use super::{Session, Trouble};
use csock_wire::msg;
use qnx::{ClockId, Errno, Event, RegisteredEvent, Semaphore, TimeoutFlags};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The wait slot of the thread that made it.
#[derive(Debug)]
pub struct Sleeper {
    session: Arc<Session>,
    semaphore: &'static Semaphore,
    /// Dropping it unregisters the event.
    event: RegisteredEvent,
    slot: u16,
    /// Sleeps that were ended by the module, and that were not.
    pub woken: AtomicU64,
    /// Sleeps that ran out.
    pub timed_out: AtomicU64,
}

impl Sleeper {
    /// Registers this thread.
    pub fn new(session: &Arc<Session>) -> Result<Self, Trouble> {
        // An event may be raised for as long as it is registered, and a moment longer: the semaphore stays.
        let semaphore: &'static Semaphore = Box::leak(Box::new(Semaphore::new()));
        semaphore.init(0)?;
        let event = Event::semaphore(semaphore).register(session.control().connection())?;
        let reply = session.ask(
            0,
            &msg::AddWaiter {
                event: wire_form(&event),
            },
        )?;
        let slot = u16::try_from(reply.slot).map_err(|_| Trouble::Wrong("a wait slot beyond 65535"))?;
        Ok(Self {
            session: Arc::clone(session),
            semaphore,
            event,
            slot,
            woken: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
        })
    }

    /// The event as it travels.
    #[must_use]
    pub fn event(&self) -> [u64; 4] {
        wire_form(&self.event)
    }

    /// What stands in a wait word.
    #[must_use]
    pub fn slot(&self) -> u16 {
        self.slot
    }

    /// Sleeps until the module posts. False: it did not within `limit`.
    pub fn sleep(&self, limit: Duration) -> Result<bool, Trouble> {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        loop {
            qnx::timeout(ClockId::Monotonic, TimeoutFlags::SEM, nanos)?;
            match self.semaphore.wait() {
                Ok(()) => {
                    self.woken.fetch_add(1, Ordering::Relaxed);
                    return Ok(true);
                }
                Err(Errno::ETIMEDOUT) => {
                    self.timed_out.fetch_add(1, Ordering::Relaxed);
                    return Ok(false);
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn wire_form(event: &RegisteredEvent) -> [u64; 4] {
    let bytes = event.event().to_bytes();
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        // The session may be over.
        let body = msg::DropWaiter {
            slot: self.slot.into(),
            reserved: 0,
        };
        let _ = self.session.ask(0, &body);
    }
}
