//! The lock inside `iofunc_attr_t`: recursive, and free when the structure is all zero.
//!
//! On a priority-inheriting futex, so that a client of low priority holds nobody up for longer than its own work takes.

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use std::io;

use crate::errno::Errno;

/// Eight bytes, as QNX 8's mutex.
#[repr(C, align(8))]
pub struct AttrLock {
    /// Linux thread id of the owner, the kernel's bits above; 0 = free.
    owner: AtomicU32,
    /// How often the owner has taken it beyond the first time. Only the owner touches it.
    more: AtomicU32,
}

const TID: u32 = 0x3FFF_FFFF;

fn tid() -> u32 {
    // SAFETY: no preconditions.
    unsafe { libc::gettid() as u32 }
}

impl AttrLock {
    /// Takes it; blocks unless `try_only`. `EBUSY` somebody else has it, `EDEADLK` the owner is gone or waits for us.
    pub fn lock(&self, try_only: bool) -> Result<(), Errno> {
        let me = tid();
        loop {
            let free = self
                .owner
                .compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed);
            let Err(owner) = free else { return Ok(()) };
            if owner & TID == me {
                let more = self.more.load(Ordering::Relaxed);
                self.more
                    .store(more.checked_add(1).ok_or(Errno::EAGAIN)?, Ordering::Relaxed);
                return Ok(());
            }
            if try_only {
                return Err(Errno::EBUSY);
            }
            // SAFETY: the word lives as long as the attributes; no timeout.
            let result = unsafe {
                libc::syscall(
                    libc::SYS_futex,
                    self.owner.as_ptr(),
                    libc::FUTEX_LOCK_PI,
                    0,
                    ptr::null::<libc::timespec>(),
                )
            };
            if result == 0 {
                return Ok(());
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR | libc::EAGAIN) => {}
                // ESRCH: the owner has ended without unlocking.
                _ => return Err(Errno::EDEADLK),
            }
        }
    }

    /// Gives it back. `EPERM` we do not have it.
    pub fn unlock(&self) -> Result<(), Errno> {
        let me = tid();
        if self.owner.load(Ordering::Relaxed) & TID != me {
            return Err(Errno::EPERM);
        }
        let more = self.more.load(Ordering::Relaxed);
        if more != 0 {
            self.more.store(more - 1, Ordering::Relaxed);
            return Ok(());
        }
        if self
            .owner
            .compare_exchange(me, 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            // SAFETY: as in `lock`; somebody waits, the kernel hands it over.
            unsafe { libc::syscall(libc::SYS_futex, self.owner.as_ptr(), libc::FUTEX_UNLOCK_PI, 0, 0) };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    fn fresh() -> AttrLock {
        AttrLock {
            owner: AtomicU32::new(0),
            more: AtomicU32::new(0),
        }
    }

    #[test]
    fn it_is_recursive_and_belongs_to_a_thread() {
        let lock = fresh();
        for _ in 0..3 {
            assert_eq!(lock.lock(false), Ok(()));
        }
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(lock.lock(true), Err(Errno::EBUSY));
                assert_eq!(lock.unlock(), Err(Errno::EPERM));
            });
        });
        for _ in 0..3 {
            assert_eq!(lock.unlock(), Ok(()));
        }
        assert_eq!(lock.unlock(), Err(Errno::EPERM));
    }

    #[test]
    fn one_thread_at_a_time() {
        let lock = fresh();
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        lock.lock(false).expect("lock");
                        assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
                        inside.fetch_sub(1, Ordering::Relaxed);
                        lock.unlock().expect("unlock");
                    }
                });
            }
        });
    }
}
