//! Turn: exclusion and no lost bits; and L3: a budget that leaves work behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use csock_wire::{Consumer, Producer, RunOutcome, Turn};
use loom::sync::Notify;
use loom::thread;

use crate::model::{LoomMem, START, desc, explore, explore_bounded, ring};

/// Posts a bit and runs, as every event source of a socket does; on `Budget` it runs again.
fn post_and_run(turn: &Turn<u32>, bit: u32) {
    turn.post(bit);
    while turn.run(1, |seen, bits| *seen |= bits) == RunOutcome::Budget {}
}

/// Two threads and the main one: the value's cell is checked by loom, so two at a time would fail the model.
#[test]
fn turn_excludes_and_loses_no_bit() {
    explore("Turn, 3 threads", || {
        let turn = Arc::new(Turn::new(0_u32));
        let others: Vec<_> = [1, 2]
            .into_iter()
            .map(|bit| {
                let turn = turn.clone();
                thread::spawn(move || post_and_run(&turn, bit))
            })
            .collect();
        post_and_run(&turn, 4);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(turn.pending(), 0, "somebody served everything");
        assert_eq!(turn.with(|seen| *seen), Some((7, RunOutcome::Done)));
    });
}

/// What a poster wrote before `post` is seen by who serves the bit, though it is not atomic.
#[test]
fn turn_publishes_what_was_written_before_the_post() {
    explore("Turn, data before the bit", || {
        struct Note(loom::cell::UnsafeCell<u32>);
        // SAFETY: written before the post, read after it was served: what the model proves.
        unsafe impl Sync for Note {}
        // SAFETY: as above.
        unsafe impl Send for Note {}
        let turn = Arc::new(Turn::new(0_u32));
        let note = Arc::new(Note(loom::cell::UnsafeCell::new(0)));
        let other = {
            let (turn, note) = (turn.clone(), note.clone());
            thread::spawn(move || {
                // SAFETY: nobody reads before the bit is posted.
                note.0.with_mut(|p| unsafe { *p = 42 });
                turn.post(1);
                serve(&turn, &note);
            })
        };
        fn serve(turn: &Turn<u32>, note: &Note) {
            let f = |seen: &mut u32, bits: u32| {
                if bits & 1 != 0 {
                    // SAFETY: the poster wrote it before the bit.
                    *seen = note.0.with(|p| unsafe { *p });
                }
            };
            while turn.run(1, f) == RunOutcome::Budget {}
        }
        turn.post(2);
        serve(&turn, &note);
        other.join().unwrap();
        assert_eq!(turn.with(|seen| *seen), Some((42, RunOutcome::Done)));
    });
}

/// `with` takes the turn too; who finds it taken leaves its bit, and `with` says so.
fn with_and_post(name: &str, heed_outcome: bool) {
    explore(name, move || {
        let turn = Arc::new(Turn::new(0_u32));
        let theirs = turn.clone();
        let other = thread::spawn(move || post_and_run(&theirs, 1));
        if let Some(((), RunOutcome::Budget)) = turn.with(|seen| *seen |= 8)
            && heed_outcome
        {
            while turn.run(1, |seen, bits| *seen |= bits) == RunOutcome::Budget {}
        }
        other.join().unwrap();
        assert_eq!(turn.pending(), 0, "a bit is left that nobody serves");
        assert_eq!(turn.with(|seen| *seen & 1), Some((1, RunOutcome::Done)));
    });
}

#[test]
fn with_reports_the_bits_that_came_meanwhile() {
    with_and_post("Turn, with", true);
}

#[test]
#[should_panic(expected = "a bit is left")]
fn with_whose_outcome_is_ignored_must_fail() {
    with_and_post("control", false);
}

const WORK: u32 = 1;

/// What L3's model leaves out on purpose.
#[derive(Clone, Copy, PartialEq)]
enum Broken {
    Nothing,
    /// Work that the budget left is neither posted again nor asked for by arming.
    LeftoverForgotten,
    /// `Budget` is not passed on to the worker.
    BudgetIgnored,
}

/// The module's side: a turn over the ring's consumer, a worker, and the sign that all was served.
struct Module {
    turn: Turn<Consumer<LoomMem>>,
    worker: Notify,
    all_done: Notify,
    /// A count of the model, not of its memory: loom need not look at it.
    served: AtomicU32,
    broken: Broken,
}

impl Module {
    /// One round: a budget of one descriptor; what is left is posted again, and without work the ring is armed.
    fn round(&self, c: &mut Consumer<LoomMem>) {
        if let Some(d) = c.pop().unwrap() {
            assert_eq!(d, desc(self.served.load(SeqCst)));
            if self.served.fetch_add(1, SeqCst) == 1 {
                self.all_done.notify();
            }
        }
        if self.broken != Broken::LeftoverForgotten && c.arm().unwrap() {
            self.turn.post(WORK);
        }
    }

    /// What a doorbell and the worker both do.
    fn run(&self) {
        if self.turn.run(1, |c, _| self.round(c)) == RunOutcome::Budget
            && self.broken != Broken::BudgetIgnored
        {
            self.worker.notify();
        }
    }
}

/// L3: two items, a budget of one, a doorbell path and a worker that share the turn. Unless the last item is served,
/// the model deadlocks.
fn l3(name: &str, one_by_one: bool, preemptions: usize, broken: Broken) {
    explore_bounded(name, Some(preemptions), move || {
        let mem = LoomMem::new();
        let mut consumer = Consumer::starting_at(mem.clone(), ring(), START);
        assert!(!consumer.arm().unwrap(), "a socket is armed when it is made");
        let module = Arc::new(Module {
            turn: Turn::new(consumer),
            worker: Notify::new(),
            all_done: Notify::new(),
            served: AtomicU32::new(0),
            broken,
        });
        let worker = {
            let module = module.clone();
            thread::spawn(move || {
                // An upcall comes at the same time as the doorbells.
                module.turn.post(WORK);
                module.run();
                while module.served.load(SeqCst) < 2 {
                    module.worker.wait();
                    module.run();
                }
            })
        };
        let mut p = Producer::starting_at(mem, ring(), START);
        let batch = if one_by_one { 1 } else { 2 };
        for i in 0..2 {
            p.push(&desc(i)).unwrap();
            if i + 1 < batch {
                continue;
            }
            p.publish().unwrap();
            if p.must_ring().unwrap() {
                module.turn.post(WORK);
                module.run();
            }
        }
        module.all_done.wait();
        // Let the worker go.
        module.worker.notify();
        worker.join().unwrap();
    });
}

#[test]
fn l3_work_left_by_a_budget_is_seen() {
    l3("L3 budget, both at once", false, 5, Broken::Nothing);
    l3("L3 budget, one by one", true, 4, Broken::Nothing);
}

#[test]
#[should_panic(expected = "deadlock")]
fn l3_forgetting_the_leftover_must_fail() {
    l3("control", false, 3, Broken::LeftoverForgotten);
}

#[test]
#[should_panic(expected = "deadlock")]
fn l3_ignoring_the_budget_must_fail() {
    l3("control", false, 3, Broken::BudgetIgnored);
}
