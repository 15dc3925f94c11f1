//! L3: whoever makes work for a socket, a worker serves it, though it was about to sleep: posts, the ready and the active
//! bit, and the sleeper's word, as the module's `table/schedule.rs` puts them together. What must not happen is a deadlock:
//! a bit that waits for a worker that waits for a wake-up.

use std::sync::Arc;

use csock_wire::{RunOutcome, Sleeper, Turn};
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering, fence};
use loom::thread;

use crate::model::{Semaphore, explore_bounded};

/// A request, which the control thread answers.
const OP: u32 = 1;
/// An upcall, which a worker serves.
const RECV: u32 = 2;
/// What the control thread leaves to a worker.
const MORE: u32 = 4;

#[derive(Clone, Copy, PartialEq)]
enum Broken {
    Nothing,
    /// Who makes work looks at the sleeper's word without a barrier before.
    NoFenceOfTheWaker,
    /// The worker looks for work without a barrier after its word.
    NoFenceOfTheSleeper,
    /// `Budget` is not passed on to a worker.
    BudgetIgnored,
    /// The worker takes the active bit after it has looked for ready sockets.
    ActiveTakenLate,
}

/// One socket of one session, and the worker that serves it.
struct Module {
    turn: Turn<u32>,
    ready: AtomicU32,
    active: AtomicU32,
    sleeper: Sleeper,
    /// The sleeper's word of the controls, which do without a barrier.
    word: AtomicBool,
    wake: Arc<Semaphore>,
    broken: Broken,
}

impl Module {
    fn new(broken: Broken) -> Arc<Module> {
        Arc::new(Module {
            turn: Turn::new(0),
            ready: AtomicU32::new(0),
            active: AtomicU32::new(0),
            sleeper: Sleeper::new(),
            word: AtomicBool::new(false),
            wake: Semaphore::new(),
            broken,
        })
    }

    /// As `Table::post`.
    fn post(&self, bits: u32) {
        if self.turn.post(bits) == 0 {
            self.schedule();
        }
    }

    fn schedule(&self) {
        self.ready.fetch_or(1, Ordering::AcqRel);
        if self.active.fetch_or(1, Ordering::AcqRel) == 0 && self.must_wake() {
            self.wake.post();
        }
    }

    fn must_wake(&self) -> bool {
        match self.broken {
            Broken::NoFenceOfTheWaker => {
                self.word.load(Ordering::Relaxed) && self.word.swap(false, Ordering::AcqRel)
            }
            Broken::NoFenceOfTheSleeper => {
                fence(Ordering::SeqCst);
                self.word.load(Ordering::Relaxed) && self.word.swap(false, Ordering::AcqRel)
            }
            _ => self.sleeper.must_wake(),
        }
    }

    fn may_sleep(&self) -> bool {
        let has_work = || self.active.load(Ordering::Acquire) != 0;
        match self.broken {
            Broken::NoFenceOfTheWaker | Broken::NoFenceOfTheSleeper => {
                self.word.swap(true, Ordering::AcqRel);
                if self.broken == Broken::NoFenceOfTheWaker {
                    fence(Ordering::SeqCst);
                }
                let work = has_work();
                if work {
                    self.word.swap(false, Ordering::AcqRel);
                }
                !work
            }
            _ => self.sleeper.may_sleep(has_work),
        }
    }

    fn run(&self, f: impl FnMut(&mut u32, u32)) {
        if self.turn.run(1, f) == RunOutcome::Budget && self.broken != Broken::BudgetIgnored {
            self.schedule();
        }
    }

    /// As `Table::post_and_serve`: the control thread answers, and moves no data.
    fn control(&self) {
        self.turn.post(OP);
        self.run(|seen, bits| {
            // What the bits ask is remembered in the body; a worker does it.
            *seen |= bits;
            self.turn.post(MORE);
        });
    }

    /// As `Table::work` and the worker's loop, until a worker's round has served all of `wanted`.
    fn worker(&self, wanted: u32) {
        let mut served = 0;
        // Its first sleep ends at once, as by a timer.
        let mut timer = true;
        while served & wanted != wanted {
            if self.take_active() {
                while self.ready.swap(0, Ordering::AcqRel) != 0 {
                    self.run(|seen, bits| served |= core::mem::take(seen) | bits);
                }
                if self.broken == Broken::ActiveTakenLate {
                    self.active.store(0, Ordering::Release);
                }
            } else if self.may_sleep() {
                if !core::mem::take(&mut timer) {
                    self.wake.wait();
                }
                self.sleeper.awake();
                self.word.swap(false, Ordering::AcqRel);
            }
        }
    }

    fn take_active(&self) -> bool {
        match self.broken {
            Broken::ActiveTakenLate => self.active.load(Ordering::Acquire) != 0,
            _ => self.active.swap(0, Ordering::AcqRel) != 0,
        }
    }
}

/// An upcall, a request and the worker at once.
fn all_at_once(name: &str, broken: Broken) {
    explore_bounded(name, Some(4), move || {
        let module = Module::new(broken);
        let worker = {
            let module = module.clone();
            thread::spawn(move || module.worker(OP | RECV))
        };
        let upcall = {
            let module = module.clone();
            thread::spawn(move || module.post(RECV))
        };
        module.control();
        upcall.join().unwrap();
        worker.join().unwrap();
    });
}

/// Two upcalls and the worker: one after the other, so that the second may meet a worker that has just looked.
fn one_by_one(name: &str, broken: Broken) {
    explore_bounded(name, Some(6), move || {
        let module = Module::new(broken);
        let worker = {
            let module = module.clone();
            thread::spawn(move || module.worker(RECV | MORE))
        };
        module.post(RECV);
        module.post(MORE);
        worker.join().unwrap();
    });
}

#[test]
fn l3_whoever_makes_work_a_worker_serves_it() {
    all_at_once("L3 upcall, request, worker", Broken::Nothing);
    one_by_one("L3 two upcalls, worker", Broken::Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn l3_without_the_wakers_fence_must_fail() {
    one_by_one("control", Broken::NoFenceOfTheWaker);
}

#[test]
#[should_panic(expected = "deadlock")]
fn l3_without_the_sleepers_fence_must_fail() {
    one_by_one("control", Broken::NoFenceOfTheSleeper);
}

#[test]
#[should_panic(expected = "deadlock")]
fn l3_ignoring_the_budget_must_fail() {
    all_at_once("control", Broken::BudgetIgnored);
}

#[test]
#[should_panic(expected = "deadlock")]
fn l3_taking_the_active_bit_late_must_fail() {
    one_by_one("control", Broken::ActiveTakenLate);
}
