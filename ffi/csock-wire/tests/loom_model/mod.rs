//! A runner that counts, and a semaphore.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use loom::sync::{Condvar, Mutex};

/// Runs a model through every execution and prints how many those were.
pub fn explore(name: &str, model: impl Fn() + Sync + Send + 'static) {
    explore_bounded(name, None, model);
}

/// As [`explore`], with at most `preemptions` switches away from a thread that could go on, where all of them are too
/// many to run at every change. `LOOM_MAX_PREEMPTIONS` overrides it.
pub fn explore_bounded(name: &str, preemptions: Option<usize>, model: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(AtomicU64::new(0));
    let count = executions.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(preemptions);
    let bound = builder
        .preemption_bound
        .map_or("exhaustive".into(), |n| format!("up to {n} preemptions"));
    builder.check(move || {
        count.fetch_add(1, Relaxed);
        model();
    });
    println!("loom {name}: {} executions, {bound}", executions.load(Relaxed));
}

/// A doorbell, or a semaphore: what is posted before the wait is not lost.
#[derive(Default)]
pub struct Semaphore(Mutex<u32>, Condvar);

impl Semaphore {
    pub fn new() -> Arc<Semaphore> {
        Arc::new(Semaphore(Mutex::new(0), Condvar::new()))
    }

    pub fn post(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_one();
    }

    pub fn wait(&self) {
        let mut count = self.0.lock().unwrap();
        while *count == 0 {
            count = self.1.wait(count).unwrap();
        }
        *count -= 1;
    }
}
