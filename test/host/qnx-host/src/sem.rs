//! QNX's 8-byte unnamed semaphore: a count in the first word, which is a futex, and the number of waiters in the second.
//!
//! A semaphore that a server may post (a registered SIGEV_SEM) has a cell beside it, in memory shared with that server: its
//! value is the count and the cell's posts together, and its threads sleep on the cell alone, so that one word wakes them
//! whoever posts. Two words in one sleep (futex_waitv) would not end with EINTR after a handler with SA_RESTART, as QNX's do.

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::Arc;

use host_spin::{ANY_CPU, SpinBudget, spin_until};

use crate::counters::add;
use crate::errno::Errno;
use crate::event_cell::Cell;
use crate::process::{existing, process};
use crate::sem_cells::SemCell;
use crate::sys::{self, FOREVER, Wake, futex_wait, futex_wake};
use crate::thread;
use crate::thread_block::{blocked_on_semaphore, take_cancel};
use crate::types::TIMEOUT_SEM;

thread_local! {
    /// A thread's waits for semaphores are of one kind: most threads have one that they wait for.
    static SPIN: SpinBudget = const { SpinBudget::new() };
}

/// Largest count.
const SEM_VALUE_MAX: u32 = 0x7FFF_FFFF;

/// `sem_t` of QNX.
#[repr(C)]
pub struct Sem {
    count: AtomicU32,
    waiters: AtomicU32,
}

/// Set in the count of a semaphore that a server posts through a cell (`sem_cells.rs`): what follows about cells is for those
/// alone.
pub const HAS_CELL: u32 = 1 << 31;

/// How often a post that woke nobody tries again while somebody is about to sleep.
const WAKE_TRIES: usize = 32;

impl Sem {
    fn cell(&self) -> Option<Arc<SemCell>> {
        if self.count.load(SeqCst) & HAS_CELL == 0 {
            return None;
        }
        process().sem_cells.of(self)
    }

    /// Writes to the memory and changes nothing.
    pub fn touch(&self) {
        let _ = self.count.fetch_update(SeqCst, SeqCst, Some);
    }

    /// From now on threads sleep on the cell: those that sleep on the count come and see.
    pub fn mark(&self) {
        self.count.fetch_or(HAS_CELL, SeqCst);
        futex_wake(&self.count, i32::MAX);
    }

    /// There is no cell any more.
    pub fn unmark(&self) {
        self.count.fetch_and(!HAS_CELL, SeqCst);
    }

    /// Raises the count by `posts`, as far as it goes, and wakes as many of those who sleep on it.
    pub fn add(&self, posts: u32) {
        let more = |word: u32| {
            let count = (word & SEM_VALUE_MAX).saturating_add(posts).min(SEM_VALUE_MAX);
            Some(word & HAS_CELL | count)
        };
        let _ = self.count.fetch_update(SeqCst, SeqCst, more);
        futex_wake(&self.count, posts.min(i32::MAX as u32) as i32);
    }

    /// Raises the count by one and wakes a waiter. Does not block. `EOVERFLOW`.
    pub fn post(&self) -> Result<(), Errno> {
        let more = |word: u32| (word & SEM_VALUE_MAX < SEM_VALUE_MAX).then_some(word + 1);
        let before = self
            .count
            .fetch_update(SeqCst, SeqCst, more)
            .map_err(|_| Errno::EOVERFLOW)?;
        if before & HAS_CELL == 0 {
            futex_wake(&self.count, 1);
            return Ok(());
        }
        match self.cell() {
            Some(cell) => self.wake_on(cell.cell()),
            None => {
                futex_wake(&self.count, 1);
            }
        }
        Ok(())
    }

    /// Wakes a thread that sleeps on the cell or is about to. The call in the cell is enough unless the server takes it away
    /// again; that only a waiter which stands still between its look and its sleep misses the wake-up as well is what the
    /// repetition is for.
    fn wake_on(&self, cell: Cell<'_>) {
        cell.call();
        for _ in 0..WAKE_TRIES {
            let woken = futex_wake(cell.futex(), 1);
            if woken != 0 || self.waiters.load(SeqCst) == 0 || self.count.load(SeqCst) & SEM_VALUE_MAX == 0 {
                return;
            }
            std::thread::yield_now();
        }
    }

    fn try_take(&self) -> bool {
        let less = |word: u32| (word & SEM_VALUE_MAX != 0).then(|| word - 1);
        self.count.fetch_update(SeqCst, SeqCst, less).is_ok()
            || self.cell().is_some_and(|cell| cell.cell().take())
    }

    /// Posts that nobody has taken.
    fn value(&self) -> u32 {
        let posts = self.cell().map_or(0, |cell| cell.cell().posts());
        let count = self.count.load(SeqCst) & SEM_VALUE_MAX;
        count.saturating_add(posts).min(SEM_VALUE_MAX)
    }

    fn wait(&self, deadline: u64) -> Result<(), Errno> {
        if self.try_take() {
            return Ok(());
        }
        if self.spin() {
            return Ok(());
        }
        let start = sys::now_ns();
        let result = self.block(deadline);
        SPIN.with(|spin| spin.missed(sys::now_ns().saturating_sub(start)));
        result
    }

    /// Waits a while without sleeping, as long as that pays (`host_spin`). True: a post was taken.
    fn spin(&self) -> bool {
        let cell = self.cell();
        let posted = || {
            self.count.load(SeqCst) & SEM_VALUE_MAX != 0
                || cell.as_ref().is_some_and(|cell| cell.cell().posts() != 0)
        };
        SPIN.with(|spin| {
            let hit = spin_until(spin.now(ANY_CPU), posted) && self.try_take();
            if hit {
                spin.hit();
                add(|c| &c.spin_hits, 1);
            }
            hit
        })
    }

    fn block(&self, deadline: u64) -> Result<(), Errno> {
        loop {
            if deadline != FOREVER && sys::now_ns() >= deadline {
                return Err(Errno::ETIMEDOUT);
            }
            self.waiters.fetch_add(1, SeqCst);
            let cell = self.cell();
            let wake = match &cell {
                Some(cell) => self.sleep_on(cell.cell(), deadline),
                None => blocked_on_semaphore(&self.count, || {
                    if take_cancel() {
                        Wake::Signal
                    } else {
                        futex_wait(&self.count, 0, deadline)
                    }
                }),
            };
            self.waiters.fetch_sub(1, SeqCst);
            if let Some(cell) = cell.as_ref().filter(|cell| !cell.cell().is_intact()) {
                // Forgotten meanwhile, or the server's doing.
                process().sem_cells.forget_spoiled(self, cell);
            }
            if wake == Wake::Signal {
                return Err(Errno::EINTR);
            }
            if self.try_take() {
                if let Some(cell) = &cell {
                    self.pass_on(cell.cell());
                }
                return Ok(());
            }
        }
    }

    /// Sleeps until a post, by whomever.
    fn sleep_on(&self, cell: Cell<'_>, deadline: u64) -> Wake {
        blocked_on_semaphore(cell.futex(), || {
            if take_cancel() {
                return Wake::Signal;
            }
            // A post inside this process makes the word differ from now on; one by the server does so by itself.
            cell.heed();
            if self.count.load(SeqCst) & SEM_VALUE_MAX != 0 || !cell.is_intact() {
                return Wake::Woken;
            }
            futex_wait(cell.futex(), 0, deadline)
        })
    }

    /// Who takes a post after it has heeded a call leaves the call to the next when there are more posts.
    fn pass_on(&self, cell: Cell<'_>) {
        if self.waiters.load(SeqCst) != 0 && self.count.load(SeqCst) & SEM_VALUE_MAX != 0 {
            cell.call();
            futex_wake(cell.futex(), 1);
        }
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
            let mark = existing().map_or(0, |process| process.sem_cells.renew(sem));
            // SAFETY: the caller gives room for a semaphore.
            unsafe { sem.write(Sem { count: AtomicU32::new(value | mark), waiters: AtomicU32::new(0) }) };
            Ok(0)
        }
    }

    /// `sem_destroy()`. `EBUSY` while threads wait on it.
    ["sem_destroy"] fn qnx_sem_destroy(sem: *mut Sem) -> c_int = errno {
        // SAFETY: the caller's semaphore.
        let sem = unsafe { at(sem) }?;
        if sem.waiters.load(SeqCst) != 0 {
            return Err(Errno::EBUSY);
        }
        if sem.count.load(SeqCst) & HAS_CELL != 0 {
            process().sem_cells.forget_sem(sem);
        }
        Ok(0)
    }

    /// `sem_post()`. Never blocks. `EOVERFLOW`.
    ["sem_post"] fn qnx_sem_post(sem: *mut Sem) -> c_int = errno {
        // SAFETY: the caller's semaphore.
        unsafe { at(sem) }.and_then(Sem::post).map(|()| 0)
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
            unsafe { value.write(sem.value() as c_int) };
            Ok(0)
        })
    }
}
