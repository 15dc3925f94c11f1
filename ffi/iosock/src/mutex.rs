//! Mutexes of the kernel (mutex(9)).

use crate::Errno;
use core::{
    cell::UnsafeCell,
    ffi::CStr,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
};
use iosock_sys::mtx;

/// A kernel mutex that nobody sees the inside of.
///
/// # Invariants
/// `mtx` came from the shim's create and is destroyed on drop.
#[derive(Debug)]
pub(crate) struct RawMutex(NonNull<mtx>);

// SAFETY: the kernel made the mutex for several threads; only its address is kept here.
unsafe impl Send for RawMutex {}
// SAFETY: as above.
unsafe impl Sync for RawMutex {}

impl RawMutex {
    pub(crate) fn new(name: &'static CStr) -> Result<Self, Errno> {
        // SAFETY: the name lives for ever.
        let raw = unsafe { iosock_sys::iosock_shim_mutex_create(name.as_ptr()) };
        NonNull::new(raw).map(Self).ok_or(Errno::ENOMEM)
    }

    pub(crate) fn as_ptr(&self) -> *mut mtx {
        self.0.as_ptr()
    }

    pub(crate) fn lock(&self) {
        // SAFETY: a mutex that lives, by the type's invariant.
        unsafe { iosock_sys::iosock_shim_mutex_lock(self.as_ptr()) };
    }

    pub(crate) fn try_lock(&self) -> bool {
        // SAFETY: as above.
        unsafe { iosock_sys::iosock_shim_mutex_trylock(self.as_ptr()) != 0 }
    }

    /// # Safety
    /// The calling thread has locked the mutex.
    pub(crate) unsafe fn unlock(&self) {
        // SAFETY: as above, and the caller has it.
        unsafe { iosock_sys::iosock_shim_mutex_unlock(self.as_ptr()) };
    }
}

impl Drop for RawMutex {
    fn drop(&mut self) {
        // SAFETY: `&mut self` proves that no guard, which would borrow the lock, is alive.
        unsafe { iosock_sys::iosock_shim_mutex_destroy(self.as_ptr()) };
    }
}

/// A value behind a kernel mutex (`mtx_init` with `MTX_DEF`). Not recursive: locking it twice in one thread never returns.
///
/// A leaf mutex is one under which nothing is called that locks or sleeps. It may be used in any context, and must then be a leaf
/// wherever it is used: an upcall waits for whoever holds it.
#[doc(alias = "mtx")]
pub struct Mutex<T> {
    raw: RawMutex,
    value: UnsafeCell<T>,
}

// SAFETY: the value may move to another thread by `T: Send`, and so may the lock.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: the lock lets one thread at a time reach the value.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Makes one; `name` shows up in io-sock's lock diagnostics.
    ///
    /// # Errors
    /// `ENOMEM`.
    ///
    /// # Context
    /// Sleeps (allocates).
    pub fn new(name: &'static CStr, value: T) -> Result<Self, Errno> {
        Ok(Self {
            raw: RawMutex::new(name)?,
            value: UnsafeCell::new(value),
        })
    }

    /// Waits until nobody else has it.
    ///
    /// # Context
    /// Waits, does not sleep: any context for a leaf mutex.
    #[doc(alias = "mtx_lock")]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.raw.lock();
        MutexGuard {
            mutex: self,
            not_send: PhantomData,
        }
    }

    /// Takes it if nobody has it.
    ///
    /// # Context
    /// Any; never waits.
    #[doc(alias = "mtx_trylock")]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        // Not `then_some`: a guard made for nothing would unlock when it is dropped.
        self.raw.try_lock().then(|| MutexGuard {
            mutex: self,
            not_send: PhantomData,
        })
    }

    /// The value, to its only owner.
    ///
    /// # Context
    /// Any.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// The right to a [`Mutex`]'s value; dropping it unlocks. It stays in the thread that locked.
#[must_use = "dropped at once, it protects nothing"]
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard lends `&T` and no more.
unsafe impl<T: Sync> Sync for MutexGuard<'_, T> {}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the mutex is held as long as the guard is there.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and this guard is borrowed mutably.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this thread locked it: a guard does not leave its thread.
        unsafe { self.mutex.raw.unlock() };
    }
}
