//! POSIX mutexes, for builds without std. On QNX 8 a default mutex inherits priority.
//!
//! The objects live in boxes of their own, made at first use: they must not move once they are in use, and a lock in a
//! `static` needs a constant to start from.

#![allow(unsafe_code)]

use alloc::boxed::Box;
use core::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
    time::Duration,
};

use core::ffi::{c_int, c_long, c_void};

/// Room for the platform's largest object: 8 bytes on QNX 8, 48 on 64-bit Linux.
#[repr(C, align(16))]
struct Storage([u64; 16]);

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: c_long,
}

// ON-TARGET: sizes and prototypes are POSIX's; that 128 bytes hold every object on QNX 8 (8 by the documents) shows there.
unsafe extern "C" {
    fn pthread_mutex_init(mutex: *mut Storage, attributes: *const c_void) -> c_int;
    fn pthread_mutex_destroy(mutex: *mut Storage) -> c_int;
    fn pthread_mutex_lock(mutex: *mut Storage) -> c_int;
    fn pthread_mutex_unlock(mutex: *mut Storage) -> c_int;
    fn nanosleep(time: *const Timespec, left: *mut Timespec) -> c_int;
    fn abort() -> !;
}

/// A POSIX object in a box of its own, made at first use by whoever is first.
///
/// # Invariants
/// The pointer is null, or a `Box<Storage>` that `init` has initialised and nobody has destroyed.
struct Lazy {
    place: AtomicPtr<Storage>,
}

impl Lazy {
    const fn new() -> Self {
        Self {
            place: AtomicPtr::new(ptr::null_mut()),
        }
    }

    fn get(&self, init: fn(*mut Storage), destroy: fn(*mut Storage)) -> *mut Storage {
        let there = self.place.load(Ordering::Acquire);
        if !there.is_null() {
            return there;
        }
        let fresh = Box::into_raw(Box::new(Storage([0; 16])));
        init(fresh);
        match self
            .place
            .compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => fresh,
            Err(other) => {
                destroy(fresh);
                // SAFETY: `fresh` came from `Box::into_raw` above, and nobody else has seen it.
                drop(unsafe { Box::from_raw(fresh) });
                other
            }
        }
    }

    fn free(&mut self, destroy: fn(*mut Storage)) {
        let place = *self.place.get_mut();
        if !place.is_null() {
            destroy(place);
            // SAFETY: by the invariant a box, and `&mut self` says that nobody uses it.
            drop(unsafe { Box::from_raw(place) });
        }
    }
}

/// What a failed lock call means: memory of this process is broken. There is nothing to go on with.
fn must(result: c_int) {
    if result != 0 {
        // SAFETY: abort(3) may be called anywhere.
        unsafe { abort() }
    }
}

fn init_mutex(mutex: *mut Storage) {
    // SAFETY: `mutex` is fresh storage of sufficient size and alignment; a null attribute is the default.
    must(unsafe { pthread_mutex_init(mutex, ptr::null()) });
}

fn destroy_mutex(mutex: *mut Storage) {
    // SAFETY: an initialised mutex that nobody holds.
    let _ = unsafe { pthread_mutex_destroy(mutex) };
}

/// A blocking lock.
pub(super) struct Mutex<T> {
    lock: Lazy,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time reach the value.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Mutex<T> {}

/// The value of a locked [`Mutex`]; dropping it unlocks.
pub(super) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// Not `Send`: a POSIX mutex is unlocked by the thread that locked it.
    _thread: core::marker::PhantomData<*mut ()>,
}

impl<T> Mutex<T> {
    pub(super) const fn new(value: T) -> Self {
        Self {
            lock: Lazy::new(),
            value: UnsafeCell::new(value),
        }
    }

    fn raw(&self) -> *mut Storage {
        self.lock.get(init_mutex, destroy_mutex)
    }

    /// Waits for the lock. Not interrupted by signals.
    pub(super) fn lock(&self) -> MutexGuard<'_, T> {
        // SAFETY: an initialised mutex that lives as long as `self`.
        must(unsafe { pthread_mutex_lock(self.raw()) });
        MutexGuard {
            mutex: self,
            _thread: core::marker::PhantomData,
        }
    }
}

impl<T> Drop for Mutex<T> {
    fn drop(&mut self) {
        self.lock.free(destroy_mutex);
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock, and is borrowed exclusively.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this thread holds the lock.
        must(unsafe { pthread_mutex_unlock(self.mutex.raw()) });
    }
}

/// Sleeps; less when a signal comes.
pub(crate) fn sleep(time: Duration) {
    let time = Timespec {
        seconds: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        nanoseconds: c_long::from(time.subsec_nanos()),
    };
    // SAFETY: reads one timespec; what is left is not asked for.
    let _ = unsafe { nanosleep(&raw const time, ptr::null_mut()) };
}
