//! A runner that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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
