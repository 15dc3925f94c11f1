//! Memories for tests: they count, flip and lie. Feature `test-util` only, never in the product; they panic at will.
//!
//! | memory | what it is for |
//! |---|---|
//! | [`VecMem`] | ordinary bytes, for one thread |
//! | [`CountingMem`] | counts accesses to each word, and panics at a load of a word that is off limits (S-01, S-03) |
//! | [`FlipFlopMem`] | a second load of the same word gives another value: finds double fetches (S-01) |
//! | [`LyingMem`] | every load gives what a script says, whatever was stored: a hostile peer without a thread |

#![allow(
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

mod counting;
mod flip_flop;
mod lying;
mod vec_mem;

pub use counting::CountingMem;
pub use flip_flop::FlipFlopMem;
pub use lying::{LyingMem, Read};
pub use vec_mem::VecMem;

use crate::shm::OutOfBounds;

/// The check that every implementation makes first.
fn check(off: usize, len: usize, align: usize, size: usize) -> Result<(), OutOfBounds> {
    match off.checked_add(len) {
        Some(end) if end <= size && off.is_multiple_of(align) => Ok(()),
        _ => Err(OutOfBounds {
            offset: off,
            len,
            size,
        }),
    }
}
