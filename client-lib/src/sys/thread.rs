//! What a thread has of its own: the semaphore that it sleeps on, for as long as it lives. And a thread of the library's own.

#![allow(unsafe_code)]

use super::{Semaphore, Sleeper};
use alloc::boxed::Box;
use core::{
    ffi::{c_int, c_void},
    ptr,
    sync::atomic::{AtomicPtr, AtomicU64, Ordering, compiler_fence},
};

/// Room for the platform's `sigset_t`: 8 bytes on QNX, 128 on Linux.
#[repr(C, align(16))]
struct Signals([u64; 16]);

/// `SIG_SETMASK`, the same on both platforms.
const SIG_SETMASK: c_int = 2;
/// `PTHREAD_CANCEL_DISABLE`: Linux 1, QNX 1.
const CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_key_create(key: *mut c_uint, destroy: Option<extern "C" fn(*mut c_void)>) -> c_int;
    fn pthread_getspecific(key: c_uint) -> *mut c_void;
    fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
    fn pthread_create(
        thread: *mut [u64; 2],
        attributes: *const c_void,
        body: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    #[cfg(any(target_os = "nto", target_os = "qnx"))]
    fn pthread_detach(thread: c_int) -> c_int;
    #[cfg(not(any(target_os = "nto", target_os = "qnx")))]
    fn pthread_detach(thread: u64) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const Signals, old: *mut Signals) -> c_int;
    fn sigfillset(set: *mut Signals) -> c_int;
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

use core::ffi::c_uint;

/// Runs a call that the kernel would take for a point where this thread may be cancelled. It may not: locks of the library or
/// a place in a queue could be held.
pub(super) fn uncancelled<R>(call: impl FnOnce() -> R) -> R {
    let mut before = 0;
    // SAFETY: writes one int.
    let _ = unsafe { pthread_setcancelstate(CANCEL_DISABLE, &raw mut before) };
    let result = call();
    let mut ignored = 0;
    // SAFETY: as above.
    let _ = unsafe { pthread_setcancelstate(before, &raw mut ignored) };
    result
}

/// The sleepers of threads that have ended: a list without a lock, for a handler that interrupts this very thread here, and for
/// a child whose parent forked here.
pub(super) struct Idle<M: 'static>(AtomicPtr<Sleeper<M>>);

impl<M: Semaphore> Idle<M> {
    pub(super) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// A sleeper of an ended thread, or one that `make` makes.
    fn take(&self, make: impl FnOnce() -> Option<M>) -> Option<&'static Sleeper<M>> {
        // All of them at once: so no other thread can put the first back meanwhile, with another one behind it.
        let all = self.0.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: the list holds sleepers, which are never freed.
        let Some(first) = (unsafe { all.as_ref() }) else {
            return Some(Box::leak(Box::new(Sleeper::new(make()?))));
        };
        let mut rest = first.next.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: as above.
        while let Some(next) = unsafe { rest.as_ref() } {
            rest = next.next.swap(ptr::null_mut(), Ordering::AcqRel);
            self.push(next);
        }
        Some(first)
    }

    /// Its thread has ended.
    pub(super) fn give(&self, sleeper: &'static Sleeper<M>) {
        sleeper.abandon.leave();
        sleeper.generation.fetch_add(1, Ordering::Relaxed);
        sleeper.locks.store(0, Ordering::Relaxed);
        sleeper.calls.store(0, Ordering::Relaxed);
        self.push(sleeper);
    }

    fn push(&self, sleeper: &'static Sleeper<M>) {
        let mut head = self.0.load(Ordering::Relaxed);
        loop {
            sleeper.next.store(head, Ordering::Relaxed);
            let this = ptr::from_ref(sleeper).cast_mut();
            match self
                .0
                .compare_exchange_weak(head, this, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

/// A lock that a thread holds or is about to take, noted with the thread.
pub(crate) struct Mark<M: 'static>(Option<&'static Sleeper<M>>);

impl<M> Mark<M> {
    /// One more.
    #[inline]
    pub(super) fn new(thread: Option<&'static Sleeper<M>>) -> Self {
        if let Some(thread) = thread {
            let locks = thread.locks.load(Ordering::Relaxed);
            thread.locks.store(locks.wrapping_add(1), Ordering::Relaxed);
            // A handler on this thread sees the note before it could find the lock taken.
            compiler_fence(Ordering::SeqCst);
        }
        Self(thread)
    }
}

impl<M> Drop for Mark<M> {
    #[inline]
    fn drop(&mut self) {
        if let Some(thread) = self.0 {
            compiler_fence(Ordering::SeqCst);
            let locks = thread.locks.load(Ordering::Relaxed);
            thread.locks.store(locks.wrapping_sub(1), Ordering::Relaxed);
        }
    }
}

/// A pthread key, made at first use: 0 not yet, else the key and one.
pub(super) struct Key(AtomicU64);

impl Key {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    fn get(&self, destroy: extern "C" fn(*mut c_void)) -> Option<c_uint> {
        let known = self.0.load(Ordering::Acquire);
        if let Some(key) = known.checked_sub(1) {
            return c_uint::try_from(key).ok();
        }
        let mut key = 0;
        // SAFETY: writes one key; `destroy` gets what `pthread_setspecific` was given in `sleeper`.
        if unsafe { pthread_key_create(&raw mut key, Some(destroy)) } != 0 {
            return None;
        }
        let fresh = u64::from(key).saturating_add(1);
        match self
            .0
            .compare_exchange(0, fresh, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => Some(key),
            // Another thread was faster; this key is lost, once.
            Err(other) => c_uint::try_from(other.saturating_sub(1)).ok(),
        }
    }

    /// This thread's sleeper, made at its first use.
    ///
    /// # Safety
    /// `destroy` takes a pointer that this returned and calls [`Idle::give`].
    pub(super) unsafe fn sleeper<M: Semaphore>(
        &self,
        idle: &Idle<M>,
        make: impl FnOnce() -> Option<M>,
        destroy: extern "C" fn(*mut c_void),
    ) -> Option<&'static Sleeper<M>> {
        let key = self.get(destroy)?;
        // SAFETY: the key exists.
        let mine = unsafe { pthread_getspecific(key) }
            .cast_const()
            .cast::<Sleeper<M>>();
        // SAFETY: null, or what was stored below: a sleeper, which is never freed.
        if let Some(mine) = unsafe { mine.as_ref() } {
            return Some(mine);
        }
        let fresh = idle.take(make)?;
        // SAFETY: the key exists.
        if unsafe { pthread_setspecific(key, ptr::from_ref(fresh).cast()) } != 0 {
            idle.give(fresh);
            return None;
        }
        Some(fresh)
    }
}

extern "C" fn run(body: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` made it with `Box::into_raw` and gave it to this thread alone.
    let body = unsafe { Box::from_raw(body.cast::<Box<dyn FnOnce() + Send>>()) };
    body();
    ptr::null_mut()
}

/// Runs `body` on a detached thread that no signal reaches: the program's handlers run on its own threads.
pub(super) fn spawn(body: Box<dyn FnOnce() + Send>) -> bool {
    let body = Box::into_raw(Box::new(body));
    let (mut all, mut before, mut ignored) = (Signals([0; 16]), Signals([0; 16]), Signals([0; 16]));
    let mut thread = [0; 2];
    // SAFETY: writes one set.
    let _ = unsafe { sigfillset(&raw mut all) };
    // SAFETY: reads one set and writes one. The new thread inherits the mask.
    let _ = unsafe { pthread_sigmask(SIG_SETMASK, &raw const all, &raw mut before) };
    // SAFETY: `run` takes the box over if the thread is made.
    let made = unsafe { pthread_create(&raw mut thread, ptr::null(), run, body.cast()) } == 0;
    // SAFETY: as above: the mask as it was.
    let _ = unsafe { pthread_sigmask(SIG_SETMASK, &raw const before, &raw mut ignored) };
    if made {
        let [thread, _] = thread;
        #[cfg(any(target_os = "nto", target_os = "qnx"))]
        let thread = c_int::from_le_bytes({
            let [a, b, c, d, ..] = thread.to_le_bytes();
            [a, b, c, d]
        });
        // SAFETY: a thread that nobody joins.
        let _ = unsafe { pthread_detach(thread) };
    } else {
        // SAFETY: nobody else has the box.
        drop(unsafe { Box::from_raw(body) });
    }
    made
}
