//! What a thread holds and may do: the checks that FreeBSD makes with WITNESS and INVARIANTS, here always on.

use super::Td;
use crate::futex;
use crate::layout::LockObject;
use crate::panic::die;
use host_spin::SpinBudget;
use std::cell::Cell;
use std::ffi::CStr;
use std::ptr::null;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Most locks that a thread holds at once.
const MOST_HELD: usize = 32;
/// Most threads whose waking is put off.
const MOST_WOKEN: usize = 8;

/// The part of a thread that the headers do not show. Cells belong to the thread itself; atomics are for
/// others too.
pub struct Private {
    held: [Cell<*const LockObject>; MOST_HELD],
    count: Cell<usize>,
    /// Callbacks that the thread is inside of, innermost last.
    callbacks: Cell<[Option<&'static str>; 4]>,
    depth: Cell<usize>,
    /// State of the present sleep, on which the thread waits with a futex.
    pub(crate) sleep_state: AtomicU32,
    /// How long the thread spins before it sleeps.
    pub(crate) spin: SpinBudget,
    /// A signal came and no sleep took it yet.
    pub(crate) signal: AtomicBool,
    /// Threads whose sleep this one has ended, and which Linux is still to wake: see [`Self::wake_later`].
    woken: [Cell<Option<Td>>; MOST_WOKEN],
    woken_count: Cell<usize>,
}

impl Private {
    pub(super) fn new() -> Private {
        Private {
            held: [const { Cell::new(null()) }; MOST_HELD],
            count: Cell::new(0),
            callbacks: Cell::new([None; 4]),
            depth: Cell::new(0),
            sleep_state: AtomicU32::new(0),
            spin: SpinBudget::new(),
            signal: AtomicBool::new(false),
            woken: [const { Cell::new(None) }; MOST_WOKEN],
            woken_count: Cell::new(0),
        }
    }

    pub(super) fn reset(&self) {
        self.count.set(0);
        self.depth.set(0);
        self.signal.store(false, Ordering::Relaxed);
    }

    /// Called with a mutex just locked.
    pub(crate) fn push_held(&self, lock: *const LockObject) {
        let n = self.count.get();
        let Some(slot) = self.held.get(n) else {
            die!("a thread holds more than {MOST_HELD} mutexes")
        };
        slot.set(lock);
        self.count.set(n + 1);
    }

    /// Called with a mutex about to be unlocked.
    pub(crate) fn pop_held(&self, lock: *const LockObject) {
        let n = self.count.get();
        // Mostly the last one.
        for at in (0..n).rev() {
            if self.held[at].get() == lock {
                for i in at..n - 1 {
                    self.held[i].set(self.held[i + 1].get());
                }
                self.count.set(n - 1);
                return;
            }
        }
    }

    pub(crate) fn held_count(&self) -> usize {
        self.count.get()
    }

    /// The sleep of `td` is over; Linux wakes it when this thread has given up its mutexes. Until then it could only run
    /// into the interlock, which its waker mostly holds, and sleep again.
    pub(crate) fn wake_later(&self, td: Td) {
        if self.woken_count.get() == MOST_WOKEN {
            self.wake_now();
        }
        let n = self.woken_count.get();
        self.woken[n].set(Some(td));
        self.woken_count.set(n + 1);
    }

    /// Wakes them if no mutex is held any more. Giant does not count: it is held for long, across joining threads too.
    pub(crate) fn wake_unless_held(&self) {
        if self.woken_count.get() != 0 && !self.holds_other(null()) {
            self.wake_now();
        }
    }

    /// Wakes them: the thread is about to wait itself.
    pub(crate) fn wake_now(&self) {
        for woken in &self.woken[..self.woken_count.replace(0)] {
            if let Some(td) = woken.take() {
                // A thread's private part is never given back, so waking late is harmless.
                futex::wake(&td.private().sleep_state, 1);
            }
        }
    }

    /// The names of the mutexes held.
    pub(crate) fn held_names(&self) -> String {
        let names = self.held[..self.count.get()].iter().map(|lock| {
            // SAFETY: a lock that is held is alive, and its name lives as long.
            unsafe { name_of(lock.get()) }
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// Whether a mutex other than `except` and Giant is held.
    fn holds_other(&self, except: *const LockObject) -> bool {
        let giant = crate::lock::giant_object();
        self.held[..self.count.get()]
            .iter()
            .any(|lock| lock.get() != except && lock.get() != giant)
    }

    /// Ends the process when the thread must not call `what`, a call that may sleep.
    pub(crate) fn may_sleep(&self, what: &str) {
        self.may_sleep_with(what, null());
    }

    /// As [`Self::may_sleep`], when `interlock` is given up for the sleep.
    pub(crate) fn may_sleep_with(&self, what: &str, interlock: *const LockObject) {
        if self.depth.get() != 0 {
            die!("{what} from {}: it may sleep", self.innermost());
        }
        if self.holds_other(interlock) {
            die!("{what} with {} held: it may sleep", self.held_names());
        }
    }

    fn innermost(&self) -> &'static str {
        self.callbacks.get()[(self.depth.get() - 1).min(3)].unwrap_or("a callback")
    }

    /// Runs a callback of a module, in which it must not sleep. `kind` names it in messages.
    pub(crate) fn in_callback<R>(&self, kind: &'static str, f: impl FnOnce() -> R) -> R {
        let depth = self.depth.get();
        let mut callbacks = self.callbacks.get();
        callbacks[depth.min(3)] = Some(kind);
        self.callbacks.set(callbacks);
        self.depth.set(depth + 1);
        let before = self.count.get();
        let result = f();
        if self.count.get() != before {
            die!(
                "{kind} came back with other locks held than it was called with: {}",
                self.held_names()
            );
        }
        self.depth.set(depth);
        result
    }
}

/// The name of a lock, for messages.
///
/// # Safety
/// `lock` points to a lock whose name is still there.
pub(crate) unsafe fn name_of(lock: *const LockObject) -> String {
    // SAFETY: the caller's contract.
    let name = unsafe { (*lock).lo_name };
    if name.is_null() {
        return "a lock without a name".to_owned();
    }
    // SAFETY: the caller's contract; names are C strings.
    unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
}
