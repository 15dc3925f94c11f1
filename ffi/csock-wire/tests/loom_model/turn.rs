//! Turn: exclusion and no lost bits.

use std::sync::Arc;

use csock_wire::{RunOutcome, Turn};
use loom::thread;

use crate::model::explore;

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
