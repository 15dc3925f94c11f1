//! QNX's 8-byte mutex on a priority-inheriting futex, so that it works in shared memory and tells when its owner died.
//!
//! The second word is the futex (owner's Linux thread id, kernel's bits above), the first holds kind, recursion count
//! and what has become of a robust mutex. QNX's static initialiser {0x8000_0000, 0} is a free default mutex.

use core::ffi::c_int;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use std::io;
use std::thread;
use std::time::Duration;

use libc::timespec;

use crate::errno::{EOK, Errno};
use crate::sys::{FOREVER, futex_wait};

/// `pthread_mutex_t`.
#[repr(C)]
pub struct Mutex {
    word: AtomicU32,
    owner: AtomicU32,
}

/// `pthread_mutexattr_t`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
#[allow(missing_docs)]
pub struct MutexAttr {
    pub protocol: i32,
    pub flags: i32,
    pub prioceiling: i32,
    pub clockid: i32,
    pub count: i32,
    pub reserved: [i32; 3],
}

/// Bits of the first word.
mod bit {
    /// Made by the static initialiser, never changed since.
    pub const STATIC: u32 = 0x8000_0000;
    pub const KIND: u32 = 0x3;
    pub const ROBUST: u32 = 0x10;
    /// The last owner died; nobody has called pthread_mutex_consistent yet.
    pub const INCONSISTENT: u32 = 0x20;
    /// Unlocked without having been made consistent: unusable for ever.
    pub const LOST: u32 = 0x40;
    /// One level of recursion.
    pub const LEVEL: u32 = 0x100;
    pub const LEVELS: u32 = 0xFFFF00;
    pub const DESTROYED: u32 = 0x4000_0000;
}

const KIND_RECURSIVE: u32 = 2;
const TID: u32 = 0x3FFF_FFFF;
const OWNER_DIED: u32 = 0x4000_0000;
const WAITERS: u32 = 0x8000_0000;
/// How often to look whether a dead owner's mutex has been handed to its first waiter: some seconds in all.
const HAND_OVER: u32 = 100_000;

fn tid() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() as u32 }
}

fn pi_call(owner: &AtomicU32, operation: c_int, until: *const timespec) -> Result<(), i32> {
    // SAFETY: the word is a live, aligned u32 and `until` null or valid.
    let result = unsafe { libc::syscall(libc::SYS_futex, owner.as_ptr(), operation, 0, until) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    }
}

impl Mutex {
    fn word(&self) -> u32 {
        self.word.load(Ordering::SeqCst)
    }

    /// Takes the lock. `until` is an absolute CLOCK_REALTIME time or null.
    fn lock(&self, block: bool, until: *const timespec) -> Result<(), Errno> {
        if self.word() & bit::DESTROYED != 0 {
            return Err(Errno::EINVAL);
        }
        let me = tid();
        if self
            .owner
            .compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            return self.taken(false);
        }
        if self.owner.load(Ordering::Relaxed) & TID == me {
            return self.again(block);
        }
        let operation = if block {
            libc::FUTEX_LOCK_PI
        } else {
            libc::FUTEX_TRYLOCK_PI
        };
        let mut patience = HAND_OVER;
        loop {
            match pi_call(&self.owner, operation, until) {
                Ok(()) => {
                    let died = self.owner.fetch_and(!OWNER_DIED, Ordering::SeqCst) & OWNER_DIED != 0;
                    return self.taken(died);
                }
                // The owner died while nobody waited: whoever comes first takes over.
                Err(libc::ESRCH) => {
                    let old = self.owner.load(Ordering::SeqCst);
                    // SAFETY: signal 0 asks whether the thread exists.
                    let alive =
                        old & TID != 0 && unsafe { libc::syscall(libc::SYS_tkill, old & TID, 0) } == 0;
                    if !alive
                        && self
                            .owner
                            .compare_exchange(old, me, Ordering::SeqCst, Ordering::SeqCst)
                            .is_ok()
                    {
                        return self.taken(old & TID != 0);
                    }
                }
                // The owner died while others waited, and the first of them has been woken but has not entered itself yet:
                // until it has, the kernel takes the word for garbage. It may have by now.
                Err(libc::EINVAL) if patience != 0 => {
                    let waited_for = self.owner.load(Ordering::SeqCst) & WAITERS != 0;
                    if waited_for && !block {
                        return Err(Errno::EBUSY);
                    }
                    patience = patience.saturating_sub(if waited_for { 1 } else { 100 });
                    thread::sleep(Duration::from_micros(20));
                }
                Err(libc::EINTR | libc::EAGAIN) if block => {}
                Err(libc::EAGAIN) => return Err(Errno::EBUSY),
                Err(error) => return Err(Errno::from_linux(error)),
            }
        }
    }

    /// We own it; what does that mean?
    fn taken(&self, owner_died: bool) -> Result<(), Errno> {
        let word = self.word();
        if word & bit::LOST != 0 {
            self.release();
            return Err(Errno::ENOTRECOVERABLE);
        }
        if !owner_died {
            return Ok(());
        }
        if word & bit::ROBUST == 0 {
            // Stalled: by definition nobody ever gets it.
            loop {
                futex_wait(&self.word, self.word(), FOREVER);
            }
        }
        self.word.fetch_and(!bit::LEVELS, Ordering::SeqCst);
        self.word.fetch_or(bit::INCONSISTENT, Ordering::SeqCst);
        Err(Errno::EOWNERDEAD)
    }

    fn again(&self, block: bool) -> Result<(), Errno> {
        if self.word() & bit::KIND == KIND_RECURSIVE {
            if self.word() & bit::LEVELS == bit::LEVELS {
                return Err(Errno::EAGAIN);
            }
            self.word.fetch_add(bit::LEVEL, Ordering::SeqCst);
            return Ok(());
        }
        Err(if block { Errno::EDEADLK } else { Errno::EBUSY })
    }

    fn release(&self) {
        if self
            .owner
            .compare_exchange(tid(), 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            let _ = pi_call(&self.owner, libc::FUTEX_UNLOCK_PI, ptr::null());
        }
    }

    fn unlock(&self) -> Result<(), Errno> {
        if self.owner.load(Ordering::Relaxed) & TID != tid() {
            return Err(Errno::EPERM);
        }
        let word = self.word();
        if word & bit::LEVELS != 0 {
            self.word.fetch_sub(bit::LEVEL, Ordering::SeqCst);
            return Ok(());
        }
        if word & bit::INCONSISTENT != 0 {
            self.word.fetch_or(bit::LOST, Ordering::SeqCst);
        }
        self.release();
        Ok(())
    }

    fn consistent(&self) -> Result<(), Errno> {
        if self.word() & bit::INCONSISTENT == 0 || self.owner.load(Ordering::Relaxed) & TID != tid() {
            return Err(Errno::EINVAL);
        }
        self.word.fetch_and(!bit::INCONSISTENT, Ordering::SeqCst);
        Ok(())
    }
}

/// # Safety
/// `mutex` null or an initialised QNX mutex.
unsafe fn at<'a>(mutex: *mut Mutex) -> Result<&'a Mutex, Errno> {
    // SAFETY: as the caller promises.
    unsafe { mutex.as_ref() }.ok_or(Errno::EINVAL)
}

/// # Safety
/// `attr` null or a valid attribute object.
unsafe fn attr<'a>(attr: *mut MutexAttr) -> Result<&'a mut MutexAttr, Errno> {
    // SAFETY: as the caller promises.
    unsafe { attr.as_mut() }.ok_or(Errno::EINVAL)
}

/// These functions return their error number.
fn number(result: Result<(), Errno>) -> c_int {
    result.map_or_else(|errno| errno.0, |()| EOK)
}

crate::api::calls! {
    fast SYMBOLS;

    /// `pthread_mutexattr_init()`.
    ["pthread_mutexattr_init"] fn qnx_pthread_mutexattr_init(a: *mut MutexAttr) -> c_int = value {
        if a.is_null() {
            return Errno::EINVAL.0;
        }
        // SAFETY: room for the object.
        unsafe { a.write(MutexAttr::default()) };
        EOK
    }

    /// `pthread_mutexattr_destroy()`.
    ["pthread_mutexattr_destroy"] fn qnx_pthread_mutexattr_destroy(a: *mut MutexAttr) -> c_int = value {
        // SAFETY: the caller's object.
        number(unsafe { attr(a) }.map(|_| ()))
    }

    /// `pthread_mutexattr_settype()`.
    ["pthread_mutexattr_settype"]
    fn qnx_pthread_mutexattr_settype(a: *mut MutexAttr, kind: c_int) -> c_int = value {
        // SAFETY: the caller's object.
        number(unsafe { attr(a) }.and_then(|a| {
            if !(0..=3).contains(&kind) {
                return Err(Errno::EINVAL);
            }
            a.flags = (a.flags & !(bit::KIND as i32)) | kind;
            Ok(())
        }))
    }

    /// `pthread_mutexattr_setpshared()`: every mutex here works between processes.
    ["pthread_mutexattr_setpshared"]
    fn qnx_pthread_mutexattr_setpshared(a: *mut MutexAttr, shared: c_int) -> c_int = value {
        // SAFETY: the caller's object.
        number(unsafe { attr(a) }.and(if matches!(shared, 0 | 1) { Ok(()) } else { Err(Errno::EINVAL) }))
    }

    /// `pthread_mutexattr_setrobust()`.
    ["pthread_mutexattr_setrobust"]
    fn qnx_pthread_mutexattr_setrobust(a: *mut MutexAttr, robust: c_int) -> c_int = value {
        // SAFETY: the caller's object.
        number(unsafe { attr(a) }.and_then(|a| {
            if robust != 0 && robust != bit::ROBUST as i32 {
                return Err(Errno::EINVAL);
            }
            a.flags = (a.flags & !(bit::ROBUST as i32)) | robust;
            Ok(())
        }))
    }

    /// `pthread_mutexattr_setprotocol()`: stored; every mutex here inherits priority.
    ["pthread_mutexattr_setprotocol"]
    fn qnx_pthread_mutexattr_setprotocol(a: *mut MutexAttr, protocol: c_int) -> c_int = value {
        // SAFETY: the caller's object.
        number(unsafe { attr(a) }.and_then(|a| {
            if !(0..=2).contains(&protocol) {
                return Err(Errno::EINVAL);
            }
            a.protocol = protocol;
            Ok(())
        }))
    }

    /// `pthread_mutex_init()`.
    ["pthread_mutex_init"]
    fn qnx_pthread_mutex_init(mutex: *mut Mutex, a: *const MutexAttr) -> c_int = value {
        if mutex.is_null() {
            return Errno::EINVAL.0;
        }
        // SAFETY: the caller's object or null.
        let flags = unsafe { a.as_ref() }.map_or(0, |a| a.flags as u32 & (bit::KIND | bit::ROBUST));
        // SAFETY: room for the mutex.
        unsafe { mutex.write(Mutex { word: AtomicU32::new(flags), owner: AtomicU32::new(0) }) };
        EOK
    }

    /// `pthread_mutex_destroy()`. `EBUSY` while locked.
    ["pthread_mutex_destroy"] fn qnx_pthread_mutex_destroy(mutex: *mut Mutex) -> c_int = value {
        // SAFETY: the caller's mutex.
        number(unsafe { at(mutex) }.and_then(|mutex| {
            if mutex.owner.load(Ordering::SeqCst) != 0 {
                return Err(Errno::EBUSY);
            }
            mutex.word.store(bit::DESTROYED, Ordering::SeqCst);
            Ok(())
        }))
    }

    /// `pthread_mutex_lock()`. Blocks. `EOWNERDEAD`: locked, but the last owner died; `ENOTRECOVERABLE`; `EDEADLK`.
    ["pthread_mutex_lock"] fn qnx_pthread_mutex_lock(mutex: *mut Mutex) -> c_int = value {
        // SAFETY: the caller's mutex.
        number(unsafe { at(mutex) }.and_then(|mutex| mutex.lock(true, ptr::null())))
    }

    /// `pthread_mutex_trylock()`. `EBUSY`.
    ["pthread_mutex_trylock"] fn qnx_pthread_mutex_trylock(mutex: *mut Mutex) -> c_int = value {
        // SAFETY: the caller's mutex.
        number(unsafe { at(mutex) }.and_then(|mutex| mutex.lock(false, ptr::null())))
    }

    /// `pthread_mutex_timedlock()`: until a CLOCK_REALTIME time. `ETIMEDOUT`.
    ["pthread_mutex_timedlock"]
    fn qnx_pthread_mutex_timedlock(mutex: *mut Mutex, until: *const timespec) -> c_int = value {
        if until.is_null() {
            return Errno::EINVAL.0;
        }
        // SAFETY: the caller's mutex.
        number(unsafe { at(mutex) }.and_then(|mutex| mutex.lock(true, until)))
    }

    /// `pthread_mutex_unlock()`. `EPERM` not the owner.
    ["pthread_mutex_unlock"] fn qnx_pthread_mutex_unlock(mutex: *mut Mutex) -> c_int = value {
        // SAFETY: the caller's mutex.
        number(unsafe { at(mutex) }.and_then(Mutex::unlock))
    }

    /// `pthread_mutex_consistent()`: after EOWNERDEAD and repair. `EINVAL` nothing to repair, or not the owner.
    ["pthread_mutex_consistent"] fn qnx_pthread_mutex_consistent(mutex: *mut Mutex) -> c_int = value {
        // SAFETY: the caller's mutex.
        number(unsafe { at(mutex) }.and_then(Mutex::consistent))
    }
}

const _: () = {
    assert!(size_of::<Mutex>() == 8 && size_of::<MutexAttr>() == 32);
    // The static initialiser must read as a free default mutex.
    assert!(
        bit::STATIC
            & (bit::KIND | bit::ROBUST | bit::INCONSISTENT | bit::LOST | bit::LEVELS | bit::DESTROYED)
            == 0
    );
};
