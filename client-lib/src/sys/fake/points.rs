//! The points of a call: between two locks, under a lock, before and after what may wait. A thread passes them by construction:
//! locks, messages and sleeps tell of themselves. A test counts them and stops a thread at any.

#![allow(clippy::arithmetic_side_effects)]

use std::{boxed::Box, cell::RefCell, vec::Vec};

/// What comes next, or has just been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// The thread is about to note that it takes a lock.
    Locking,
    /// It has noted it.
    Noted,
    /// It has the lock.
    Locked,
    /// It has given the lock up.
    Unlocked,
    /// It has noted that, too.
    Free,
    /// A message goes.
    Calling,
    /// It was answered.
    Called,
    /// A doorbell goes.
    Ringing,
    /// It sleeps.
    Sleeping,
    /// It slept.
    Slept,
}

#[derive(Default)]
struct Script {
    /// Locks noted.
    locks: u32,
    /// Points passed since `begin`, with the number of locks; `None`: not counted.
    passed: Option<Vec<(Point, u32)>>,
    /// Where to stop, and what to do there.
    stop: Option<(usize, Box<dyn FnOnce()>)>,
}

std::thread_local! {
    static SCRIPT: RefCell<Script> = RefCell::new(Script::default());
}

/// From here on this thread's points are counted.
pub(crate) fn begin(stop: Option<(usize, Box<dyn FnOnce()>)>) {
    SCRIPT.with_borrow_mut(|script| {
        script.passed = Some(Vec::new());
        script.stop = stop;
    });
}

/// The points passed since `begin`, each with the locks that the thread held.
pub(crate) fn end() -> Vec<(Point, u32)> {
    SCRIPT.with_borrow_mut(|script| {
        script.stop = None;
        script.passed.take().unwrap_or_default()
    })
}

pub(super) fn pass(point: Point) {
    let action = SCRIPT.with_borrow_mut(|script| {
        let locks = script.locks;
        let passed = script.passed.as_mut()?;
        passed.push((point, locks));
        let (_, action) = script.stop.take_if(|(at, _)| *at + 1 == passed.len())?;
        Some((script.passed.take(), action))
    });
    let Some((passed, action)) = action else { return };
    // What happens here has points of its own, which do not count.
    action();
    SCRIPT.with_borrow_mut(|script| script.passed = passed);
}

pub(super) fn locks() -> u32 {
    SCRIPT.with_borrow(|script| script.locks)
}

/// Of one lock.
pub(crate) struct Mark;

impl Mark {
    pub(super) fn new() -> Self {
        pass(Point::Locking);
        SCRIPT.with_borrow_mut(|script| script.locks += 1);
        pass(Point::Noted);
        Self
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        // A thread that ends may let go of a lock when its script is gone.
        let _ = SCRIPT.try_with(|_| {
            pass(Point::Unlocked);
            SCRIPT.with_borrow_mut(|script| script.locks -= 1);
            pass(Point::Free);
        });
    }
}
