//! QNX's 8-byte unnamed semaphore: a count in the first word, which is a futex, and the number of waiters in the second.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::errno::Errno;
use crate::sys::{self, FOREVER, Wake, futex_wait, futex_wake};
use crate::thread;
use crate::thread_block::{blocked_on_semaphore, take_cancel};
use crate::types::TIMEOUT_SEM;

/// Largest count.
const SEM_VALUE_MAX: u32 = 0x7FFF_FFFF;

/// `sem_t` of QNX.
#[repr(C)]
pub struct Sem {
    count: AtomicU32,
    waiters: AtomicU32,
}

/// Raises a count by one and wakes a waiter. For events, which know the count word alone; never blocks. `EOVERFLOW`.
pub fn post(count: &AtomicU32) -> Result<(), Errno> {
    let more = |value: u32| (value < SEM_VALUE_MAX).then_some(value + 1);
    count
        .fetch_update(Ordering::SeqCst, Ordering::Relaxed, more)
        .map_err(|_| Errno::EOVERFLOW)?;
    futex_wake(count, 1);
    Ok(())
}

impl Sem {
    fn try_take(&self) -> bool {
        self.count
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, |value| value.checked_sub(1))
            .is_ok()
    }

    fn wait(&self, deadline: u64) -> Result<(), Errno> {
        while !self.try_take() {
            if deadline != FOREVER && sys::now_ns() >= deadline {
                return Err(Errno::ETIMEDOUT);
            }
            self.waiters.fetch_add(1, Ordering::SeqCst);
            let wake = blocked_on_semaphore(&self.count, || {
                if take_cancel() {
                    Wake::Signal
                } else {
                    futex_wait(&self.count, 0, deadline)
                }
            });
            self.waiters.fetch_sub(1, Ordering::SeqCst);
            if wake == Wake::Signal {
                return Err(Errno::EINTR);
            }
        }
        Ok(())
    }
}

/// Decodes a caller's `sem_t*`.
///
/// # Safety
/// `sem` must point at an initialised QNX semaphore or be null.
unsafe fn at<'a>(sem: *mut Sem) -> Result<&'a Sem, Errno> {
    // SAFETY: as the caller promises.
    unsafe { sem.as_ref() }.ok_or(Errno::EINVAL)
}

crate::api::calls! {
    fast SYMBOLS;

    /// `sem_init()`: makes a semaphore of 8 bytes. `pshared` may be anything: it always works between processes.
    ["sem_init"] fn qnx_sem_init(sem: *mut Sem, _pshared: c_int, value: u32) -> c_int = errno {
        if sem.is_null() || value > SEM_VALUE_MAX {
            Err(Errno::EINVAL)
        } else {
            // SAFETY: the caller gives room for a semaphore.
            unsafe { sem.write(Sem { count: AtomicU32::new(value), waiters: AtomicU32::new(0) }) };
            Ok(0)
        }
    }

    /// `sem_destroy()`. `EBUSY` while threads wait on it.
    ["sem_destroy"] fn qnx_sem_destroy(sem: *mut Sem) -> c_int = errno {
        // SAFETY: the caller's semaphore.
        let busy = unsafe { at(sem) }.map(|sem| sem.waiters.load(Ordering::SeqCst) != 0);
        busy.and_then(|busy| if busy { Err(Errno::EBUSY) } else { Ok(0) })
    }

    /// `sem_post()`. Never blocks. `EOVERFLOW`.
    ["sem_post"] fn qnx_sem_post(sem: *mut Sem) -> c_int = errno {
        // SAFETY: the caller's semaphore.
        unsafe { at(sem) }.and_then(|sem| post(&sem.count)).map(|()| 0)
    }

    /// `sem_wait()`. Blocks; `EINTR`, and `ETIMEDOUT` under TimerTimeout with the SEM state.
    ["sem_wait"] fn qnx_sem_wait(sem: *mut Sem) -> c_int = errno {
        let deadline = thread::take_timeout().deadline_in(TIMEOUT_SEM);
        // SAFETY: the caller's semaphore.
        unsafe { at(sem) }.and_then(|sem| sem.wait(deadline)).map(|()| 0)
    }

    /// `sem_trywait()`. `EAGAIN` when the count is 0.
    ["sem_trywait"] fn qnx_sem_trywait(sem: *mut Sem) -> c_int = errno {
        // SAFETY: the caller's semaphore.
        unsafe { at(sem) }.and_then(|sem| if sem.try_take() { Ok(0) } else { Err(Errno::EAGAIN) })
    }

    /// `sem_timedwait()`: waits until a CLOCK_REALTIME time. `ETIMEDOUT`, `EINTR`.
    ["sem_timedwait"] fn qnx_sem_timedwait(sem: *mut Sem, until: *const libc::timespec) -> c_int = errno {
        // SAFETY: the caller's time.
        let until = unsafe { until.as_ref() }.ok_or(Errno::EINVAL)?;
        let wanted = until.tv_sec.max(0) as u64 * 1_000_000_000 + until.tv_nsec.max(0) as u64;
        let left = wanted.saturating_sub(sys::clock_ns(libc::CLOCK_REALTIME));
        // SAFETY: the caller's semaphore.
        unsafe { at(sem) }.and_then(|sem| sem.wait(sys::now_ns().saturating_add(left))).map(|()| 0)
    }

    /// `sem_timedwait_monotonic()`: waits until a CLOCK_MONOTONIC time. `ETIMEDOUT`, `EINTR`.
    ["sem_timedwait_monotonic"]
    fn qnx_sem_timedwait_monotonic(sem: *mut Sem, until: *const libc::timespec) -> c_int = errno {
        // SAFETY: the caller's time.
        match unsafe { until.as_ref() } {
            None => Err(Errno::EINVAL),
            Some(until) => {
                let deadline = until.tv_sec.max(0) as u64 * 1_000_000_000 + until.tv_nsec.max(0) as u64;
                // SAFETY: the caller's semaphore.
                unsafe { at(sem) }.and_then(|sem| sem.wait(deadline)).map(|()| 0)
            }
        }
    }

    /// `sem_getvalue()`: the count now.
    ["sem_getvalue"] fn qnx_sem_getvalue(sem: *mut Sem, value: *mut c_int) -> c_int = errno {
        // SAFETY: the caller's semaphore.
        unsafe { at(sem) }.and_then(|sem| {
            if value.is_null() {
                return Err(Errno::EINVAL);
            }
            // SAFETY: the caller's int.
            unsafe { value.write(sem.count.load(Ordering::SeqCst) as c_int) };
            Ok(0)
        })
    }
}
