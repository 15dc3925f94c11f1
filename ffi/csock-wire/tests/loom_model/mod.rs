//! Shared memory made of loom's parts, and a runner that counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use csock_wire::{Change, Desc, Load, OutOfBounds, RingGeometry, SharedMem, Store};
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32, Ordering, fence};

const CAPACITY: usize = 2;
const WORDS: usize = CAPACITY * 4;

/// Indices start here, so they wrap within the model.
pub const START: u32 = u32::MAX;

pub fn ring() -> RingGeometry {
    RingGeometry::at(0, CAPACITY as u32)
}

/// A descriptor that says in every word which one it is.
pub fn desc(i: u32) -> Desc {
    let i = u64::from(i) + 1;
    Desc {
        offset: i,
        len: i as u32,
        flags: !(i as u32),
        user: i << 32,
        aux: !i,
    }
}

struct Inner {
    producer: AtomicU32,
    consumer: AtomicU32,
    armed: AtomicU32,
    /// Not atomic: loom fails the model when an index was published too early or too late for its slot.
    slots: [UnsafeCell<u64>; WORDS],
}

// SAFETY: the cells check every access themselves; that is what the model is for.
unsafe impl Sync for Inner {}
// SAFETY: as above.
unsafe impl Send for Inner {}

/// One side's handle (std's `Arc`: loom's own cannot be dropped while a control's panic unwinds) on a ring in loom's memory. Whether its full fence is a fence is the side's own choice.
#[derive(Clone)]
pub struct LoomMem {
    inner: Arc<Inner>,
    fence: bool,
}

impl LoomMem {
    pub fn new() -> LoomMem {
        let inner = Inner {
            producer: AtomicU32::new(START),
            consumer: AtomicU32::new(START),
            armed: AtomicU32::new(0),
            slots: std::array::from_fn(|_| UnsafeCell::new(0)),
        };
        LoomMem {
            inner: Arc::new(inner),
            fence: true,
        }
    }

    /// The same memory with the full fence or without: without is the control that must fail.
    pub fn fenced(&self, fence: bool) -> LoomMem {
        LoomMem {
            inner: self.inner.clone(),
            fence,
        }
    }

    fn word(&self, off: usize) -> Result<&AtomicU32, OutOfBounds> {
        let r = ring();
        match off {
            _ if off == r.producer_index() => Ok(&self.inner.producer),
            _ if off == r.consumer_index() => Ok(&self.inner.consumer),
            _ if off == r.armed_word() => Ok(&self.inner.armed),
            _ => Err(OutOfBounds {
                offset: off,
                len: 4,
                size: self.len(),
            }),
        }
    }

    fn cell(&self, off: usize) -> Result<&UnsafeCell<u64>, OutOfBounds> {
        off.checked_sub(ring().slots())
            .and_then(|at| self.inner.slots.get(at / 8))
            .ok_or(OutOfBounds {
                offset: off,
                len: 8,
                size: self.len(),
            })
    }
}

/// A ring has no 64-bit words that both sides change.
fn no_word(offset: usize) -> OutOfBounds {
    OutOfBounds {
        offset,
        len: 8,
        size: 0,
    }
}

impl SharedMem for LoomMem {
    fn len(&self) -> usize {
        ring().slots() + WORDS * 8
    }

    fn load_u32(&self, off: usize, order: Load) -> Result<u32, OutOfBounds> {
        let order = if order == Load::Acquire {
            Ordering::Acquire
        } else {
            Ordering::Relaxed
        };
        self.word(off).map(|w| w.load(order))
    }

    fn store_u32(&self, off: usize, v: u32, order: Store) -> Result<(), OutOfBounds> {
        let order = if order == Store::Release {
            Ordering::Release
        } else {
            Ordering::Relaxed
        };
        self.word(off).map(|w| w.store(v, order))
    }

    fn load_u64(&self, off: usize) -> Result<u64, OutOfBounds> {
        // SAFETY: loom fails the model if a write may run at the same time.
        self.cell(off).map(|c| c.with(|p| unsafe { *p }))
    }

    fn store_u64(&self, off: usize, v: u64) -> Result<(), OutOfBounds> {
        // SAFETY: loom fails the model if another access may run at the same time.
        self.cell(off).map(|c| c.with_mut(|p| unsafe { *p = v }))
    }

    fn load_word(&self, off: usize) -> Result<u64, OutOfBounds> {
        Err(no_word(off))
    }

    fn store_word(&self, off: usize, _: u64) -> Result<(), OutOfBounds> {
        Err(no_word(off))
    }

    fn change_word(&self, off: usize, _: Change) -> Result<u64, OutOfBounds> {
        Err(no_word(off))
    }

    fn exchange_word(&self, off: usize, _: u64, _: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        Err(no_word(off))
    }

    fn copy_in(&self, off: usize, dst: &mut [u8]) -> Result<(), OutOfBounds> {
        Err(OutOfBounds {
            offset: off,
            len: dst.len(),
            size: 0,
        })
    }

    fn copy_out(&self, off: usize, src: &[u8]) -> Result<(), OutOfBounds> {
        Err(OutOfBounds {
            offset: off,
            len: src.len(),
            size: 0,
        })
    }

    fn full_fence(&self) {
        if self.fence {
            fence(Ordering::SeqCst);
        }
    }
}

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
