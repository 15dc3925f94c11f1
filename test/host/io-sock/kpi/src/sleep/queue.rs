//! The queues of sleepers, hashed by channel.

use crate::futex;
use crate::panic::die;
use crate::thread::{self, Td};
use host_spin::{ANY_CPU, spin_until};
use std::ffi::{CStr, c_void};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Why a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// By wakeup, or because there was no need to sleep.
    Awake,
    /// Time is up.
    TimedOut,
    /// A signal came.
    Interrupted,
}

/// `sleep_state` of a thread. In the queue it is `QUEUED`, and `ASLEEP` once its owner is about to sleep on it; it leaves both only
/// under the lock of its queue.
const QUEUED: u32 = 1;
const WOKEN: u32 = 2;
const INTERRUPTED: u32 = 3;
const ASLEEP: u32 = 4;

struct Sleeper {
    chan: usize,
    td: Td,
    interruptible: bool,
}

/// Sleepers whose channels share a hash, who slept longest first.
static QUEUES: [Mutex<Vec<Sleeper>>; 128] = [const { Mutex::new(Vec::new()) }; 128];

fn queue(chan: usize) -> MutexGuard<'static, Vec<Sleeper>> {
    // Channels are addresses of structs: the low bits say little.
    let hash = (chan >> 4) ^ (chan >> 11);
    QUEUES[hash % QUEUES.len()]
        .lock()
        .unwrap_or_else(|e| e.into_inner())
}

/// Sleeps on `chan`. `enqueued` runs once the thread is in the queue and can be woken: it releases the
/// interlock and says whether there still is reason to sleep.
pub(crate) fn block(
    chan: *const c_void,
    wmesg: &CStr,
    interruptible: bool,
    limit: Option<Duration>,
    enqueued: impl FnOnce() -> bool,
) -> Woken {
    let td = thread::current();
    let state = &td.private().sleep_state;
    let signal = &td.private().signal;
    let chan = chan as usize;
    let deadline = limit.map(|limit| Instant::now() + limit);

    let mut sleepers = queue(chan);
    state.store(QUEUED, Ordering::Relaxed);
    td.wchan().store(chan as *mut c_void, Ordering::SeqCst);
    // After the channel is shown: `interrupt` sets the signal first and looks for the channel then.
    if interruptible && signal.swap(false, Ordering::SeqCst) {
        td.wchan().store(std::ptr::null_mut(), Ordering::Relaxed);
        drop(sleepers);
        enqueued();
        return Woken::Interrupted;
    }
    sleepers.push(Sleeper {
        chan,
        td,
        interruptible,
    });
    td.set_wmesg(wmesg);
    // Releasing the interlock may wake others, which takes a queue's lock: ours is released first. The thread
    // is in the queue already, so nothing is lost.
    drop(sleepers);
    if !enqueued() {
        let mut sleepers = queue(chan);
        sleepers.retain(|sleeper| sleeper.td != td);
        state.store(WOKEN, Ordering::Relaxed);
    }
    td.private().wake_now();
    let spin = &td.private().spin;
    let longest = limit.map_or(u32::MAX, |limit| {
        u32::try_from(limit.as_nanos()).unwrap_or(u32::MAX)
    });
    if spin_until(spin.now(ANY_CPU).min(longest), || {
        state.load(Ordering::Acquire) != QUEUED
    }) {
        spin.hit();
    }
    let mut asleep_since = None;
    let woken = loop {
        match state.load(Ordering::Acquire) {
            QUEUED => {
                asleep_since = Some(Instant::now());
                let _ = state.compare_exchange(QUEUED, ASLEEP, Ordering::Relaxed, Ordering::Relaxed);
                continue;
            }
            ASLEEP => {}
            WOKEN => break Woken::Awake,
            INTERRUPTED => {
                signal.store(false, Ordering::Relaxed);
                break Woken::Interrupted;
            }
            other => die!("sleep state {other}"),
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            let mut sleepers = queue(chan);
            if matches!(state.load(Ordering::Relaxed), QUEUED | ASLEEP) {
                sleepers.retain(|sleeper| sleeper.td != td);
                break Woken::TimedOut;
            }
            continue;
        }
        futex::wait(state, ASLEEP, left);
    };
    if let Some(since) = asleep_since {
        spin.missed(u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    td.wchan().store(std::ptr::null_mut(), Ordering::Relaxed);
    crate::time::update_ticks();
    woken
}

/// Ends one sleep; the sleeper is out of its queue already, which is locked. Linux wakes it once [`wake_ended`] is called.
fn end(td: Td, how: u32) {
    if td.private().sleep_state.swap(how, Ordering::AcqRel) != ASLEEP {
        return;
    }
    match thread::try_current() {
        Some(me) => me.private().wake_later(td),
        None => futex::wake(&td.private().sleep_state, 1),
    }
}

/// Lets Linux wake those whose sleep has ended, now or with the last mutex that the thread gives up. No queue is locked.
fn wake_ended() {
    if let Some(me) = thread::try_current() {
        me.private().wake_unless_held();
    }
}

/// Wakes all who sleep on `chan`.
pub(crate) fn wakeup(chan: *const c_void) {
    wakeup_some(chan, usize::MAX);
}

/// Wakes at most `most` who sleep on `chan`, who slept longest first.
pub(crate) fn wakeup_some(chan: *const c_void, most: usize) {
    let chan = chan as usize;
    let mut left = most;
    queue(chan).retain(|sleeper| {
        if sleeper.chan != chan || left == 0 {
            return true;
        }
        left -= 1;
        end(sleeper.td, WOKEN);
        false
    });
    wake_ended();
}

/// As if a signal came to `td`.
pub(crate) fn interrupt(td: Td) {
    td.private().signal.store(true, Ordering::SeqCst);
    let chan = td.wchan().load(Ordering::SeqCst) as usize;
    if chan == 0 {
        return;
    }
    queue(chan).retain(|sleeper| {
        if sleeper.td != td || !sleeper.interruptible {
            return true;
        }
        end(td, INTERRUPTED);
        false
    });
    wake_ended();
}
