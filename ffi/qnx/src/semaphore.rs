//! Semaphores: what an exhausted pulse pool posts, since it can send no pulse.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

use qnx_sys as sys;

use crate::Errno;
use crate::decode::minus_one;

/// `sem_t` - a counting semaphore of this process, in a static.
///
/// # Invariants
/// `raw` is a semaphore of libc's while `state` is `READY`; nobody but libc touches it then.
#[derive(Debug)]
pub struct Semaphore {
    raw: UnsafeCell<sys::sem_t>,
    state: AtomicU32,
}

/// Nothing in `raw`.
const EMPTY: u32 = 0;
/// One thread is making or destroying it.
const CHANGING: u32 = 1;
/// A semaphore.
const READY: u32 = 2;

// SAFETY: `raw` is reached through libc only, whose semaphores are made for several threads; `state` orders making and destroying.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    /// An empty one, to be [initialised](Semaphore::init).
    #[must_use]
    pub const fn new() -> Self {
        // SAFETY: two integers.
        let raw = unsafe { core::mem::zeroed() };
        Self {
            raw: UnsafeCell::new(raw),
            state: AtomicU32::new(EMPTY),
        }
    }

    /// `sem_init` - makes it, with `value` posts already there. Does not block.
    ///
    /// # Errors
    /// `EBUSY` it is made already; `EINVAL` the value; `ENOSPC`, `EAGAIN` no more semaphores.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `sem_init()`.
    pub fn init(&'static self, value: u32) -> Result<(), Errno> {
        self.claim(EMPTY)?;
        // SAFETY: `raw` is static, so that it never moves, and empty; this thread alone may make it.
        let result = unsafe { sys::sem_init(self.raw.get(), 0, value) };
        let result = minus_one(result).map(|_| ());
        self.state
            .store(if result.is_ok() { READY } else { EMPTY }, Ordering::Release);
        result
    }

    /// `sem_destroy` - ends it; it can be made again. Does not block. Only when no event can post it any more.
    ///
    /// # Errors
    /// `EINVAL` it was not made; `EBUSY` a thread waits for it, and it stays.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `sem_destroy()`.
    pub fn destroy(&self) -> Result<(), Errno> {
        self.claim(READY)?;
        // SAFETY: `raw` is a semaphore; this thread alone may destroy it, and libc refuses while a thread waits for it.
        let result = unsafe { sys::sem_destroy(self.raw.get()) };
        let result = minus_one(result).map(|_| ());
        self.state
            .store(if result.is_ok() { EMPTY } else { READY }, Ordering::Release);
        result
    }

    /// `sem_post` - posts once. Does not block.
    ///
    /// # Errors
    /// `EINVAL` it was not made; `EOVERFLOW`, `EAGAIN` too many posts.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `sem_post()`.
    pub fn post(&self) -> Result<(), Errno> {
        self.made()?;
        // SAFETY: `raw` is a semaphore of libc's.
        let result = unsafe { sys::sem_post(self.raw.get()) };
        minus_one(result).map(|_| ())
    }

    /// `sem_wait` - takes one post, waits for it if there is none. **Blocks**.
    ///
    /// # Errors
    /// `EINVAL` it was not made; `EINTR` a signal.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `sem_wait()`.
    pub fn wait(&self) -> Result<(), Errno> {
        self.made()?;
        // SAFETY: `raw` is a semaphore of libc's.
        let result = unsafe { sys::sem_wait(self.raw.get()) };
        minus_one(result).map(|_| ())
    }

    /// `sem_trywait` - takes one post if there is one; false if not. Does not block.
    ///
    /// # Errors
    /// `EINVAL` it was not made.
    ///
    /// # References
    /// QNX 8.0 C Library Reference, `sem_trywait()`.
    pub fn try_wait(&self) -> Result<bool, Errno> {
        self.made()?;
        // SAFETY: `raw` is a semaphore of libc's.
        let result = unsafe { sys::sem_trywait(self.raw.get()) };
        match minus_one(result) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// For an event.
    pub(crate) fn as_ptr(&self) -> *mut sys::sem_t {
        self.raw.get()
    }

    fn made(&self) -> Result<(), Errno> {
        if self.state.load(Ordering::Acquire) == READY {
            Ok(())
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// Takes the right to change it, from that state.
    fn claim(&self, from: u32) -> Result<(), Errno> {
        match self
            .state
            .compare_exchange(from, CHANGING, Ordering::Acquire, Ordering::Relaxed)
        {
            Ok(_) => Ok(()),
            Err(EMPTY) => Err(Errno::EINVAL),
            Err(_) => Err(Errno::EBUSY),
        }
    }
}

impl Default for Semaphore {
    fn default() -> Self {
        Self::new()
    }
}
