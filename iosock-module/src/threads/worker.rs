//! Workers: move the data of the sessions that have work, unmap pools, run timers.

use crate::platform::{TABLE, WAKE};
use core::sync::atomic::Ordering;
use iosock::{StopFlag, WaitQueue};

/// Runs until the stop flag is set. `index` is the worker's own: which queue wakes it.
pub fn run(stop: &StopFlag, index: usize) {
    let Some(queue) = WAKE.get(index) else { return };
    while !stop.is_set() {
        if TABLE.work(index) || !TABLE.may_sleep(index) {
            continue;
        }
        // Timers and pools are the first worker's.
        let limit = if index == 0 { TABLE.sleep_ms() } else { None };
        let limit = limit.map(|ms| u32::try_from(ms).unwrap_or(u32::MAX));
        if queue.with(|queue: &WaitQueue| queue.wait(limit)) == Some(true) {
            TABLE.totals.worker_wakeups.fetch_add(1, Ordering::Relaxed);
        }
        TABLE.awake(index);
    }
}

/// Ends the sleep of worker `index`.
pub fn wake(index: usize) {
    if let Some(queue) = WAKE.get(index) {
        queue.with(WaitQueue::signal);
    }
}
