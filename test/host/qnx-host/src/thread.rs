//! What QNX keeps per thread: its small id, its priority, and the timeout armed for its next blocking call.

use core::cell::Cell;
use core::sync::atomic::{AtomicI32, Ordering};

use crate::config::config;
use crate::fds::generation;
use crate::realtime;
use crate::sys;
use crate::thread_block;
use crate::types::PRIORITY_DEFAULT;

/// A timeout armed by TimerTimeout for one call.
#[derive(Clone, Copy, Default, Debug)]
pub struct Timeout {
    /// `_NTO_TIMEOUT_*` bits of the states it applies to; 0 = none armed.
    pub states: u32,
    /// CLOCK_MONOTONIC ns.
    pub deadline: u64,
}

impl Timeout {
    /// When a thread in `state` must give up, [`sys::FOREVER`] if the timeout does not apply to that state.
    #[inline]
    pub fn deadline_in(&self, state: u32) -> u64 {
        if self.states & state != 0 {
            self.deadline
        } else {
            sys::FOREVER
        }
    }
}

struct Thread {
    tid: Cell<i32>,
    generation: Cell<u32>,
    priority: Cell<u8>,
    timeout: Cell<Timeout>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            tid: Cell::new(0),
            generation: Cell::new(0),
            priority: Cell::new(PRIORITY_DEFAULT),
            timeout: Cell::new(Timeout { states: 0, deadline: 0 }),
        }
    };
}

/// Next id for a thread other than the main one.
static NEXT_TID: AtomicI32 = AtomicI32::new(2);

/// The calling thread's QNX id: 1 for the main thread, then 2, 3, ... in order of first use; never reused.
#[inline]
pub fn tid() -> i32 {
    THREAD.with(|thread| {
        if thread.tid.get() != 0 && thread.generation.get() == generation() {
            return thread.tid.get();
        }
        // SAFETY: gettid has no preconditions.
        let main = unsafe { libc::gettid() } == sys::pid();
        let tid = if main {
            1
        } else {
            NEXT_TID.fetch_add(1, Ordering::Relaxed)
        };
        thread.tid.set(tid);
        thread.generation.set(generation());
        thread_block::enlist(tid);
        tid
    })
}

/// The calling thread's QNX priority, 1..=255.
#[inline]
pub fn priority() -> u8 {
    THREAD.with(|thread| thread.priority.get())
}

/// Sets the calling thread's QNX priority, and Linux's with it under `QNX_HOST_RT`.
#[inline]
pub fn set_priority(priority: u8) {
    let priority = priority.max(1);
    let before = THREAD.with(|thread| thread.priority.replace(priority));
    if before != priority && config().realtime {
        realtime::follow(before, priority);
    }
}

/// Arms a timeout for this thread's next kernel call.
pub fn arm_timeout(timeout: Timeout) {
    THREAD.with(|thread| thread.timeout.set(timeout));
}

/// Takes the armed timeout; every kernel call does so, whether it blocks or not.
#[inline]
pub fn take_timeout() -> Timeout {
    THREAD.with(|thread| {
        if thread.timeout.get().states == 0 {
            Timeout::default()
        } else {
            thread.timeout.take()
        }
    })
}
