//! Positive control of the panic gate (feature `panic-control`, never shipped): one panic that can be reached, so that
//! the gate is seen to catch it. A gate that has never caught anything proves nothing.

use core::sync::atomic::{AtomicUsize, Ordering};

static INDEX: AtomicUsize = AtomicUsize::new(0);

/// Indexes with a number that the compiler cannot know.
#[allow(clippy::indexing_slicing)]
pub fn trip() {
    let places = [1u8, 2, 3];
    let index = INDEX.load(Ordering::Relaxed);
    INDEX.store(usize::from(places[index]), Ordering::Relaxed);
}
