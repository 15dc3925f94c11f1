//! The single-producer single-consumer ring, and the doorbell that wakes a sleeping consumer.
//!
//! ```text
//!             producer                                  consumer
//!   push  ->  write slot[next & mask]                   load producer index (Acquire)  <-  pop, available
//!   publish   store producer index (Release)   ---->    window check, copy slot once
//!   free  ->  load consumer index (Acquire)    <----    store consumer index (Release) <-  publish
//! ```
//!
//! Indices run freely and wrap; capacity is a power of two, so `index & (capacity - 1)` is the slot. Each side keeps
//! its own index in private memory and never reads back what it stored (S-03). The peer's index is loaded once,
//! and must lie where the peer could have moved it: see [`Index::moved`]. If it does not, the ring has failed: the
//! same [`RingFault`] is returned from then on and the shared memory is not read again (S-04).
//!
//! # Doorbell: why no wake-up is lost
//!
//! ```text
//!   producer (must_ring)                      consumer (arm)
//!   P1 store producer index                   C1 store armed = 1
//!   P2 full fence                             C2 full fence
//!   P3 load armed: 1 -> store 0 and ring      C3 load producer index: moved -> do not sleep
//! ```
//!
//! One of the two fences is first in the total order of such fences. If P2 is, C3 sees the index of P1 and the
//! consumer stays awake. If C2 is, P3 sees the 1 of C1 and the producer rings. With either fence missing both loads
//! may come too early and both sides believe the other will act: loom finds that, and the tests keep those variants
//! as controls that must fail. Acquire and Release are not enough, since neither orders a store before a later load.
//!
//! P3 needs no read-modify-write: only one producer clears the word. Should the consumer wake for another reason and
//! arm again between load and store, the store takes that arming away, but the ring that follows wakes the consumer
//! all the same. So neither side ever runs a retry loop on a word that the peer can write (S-37).

mod consumer;
mod fault;
mod index;
mod producer;

pub use consumer::Consumer;
pub use fault::{PushError, RingFault};
pub use index::Index;
pub use producer::Producer;

use crate::desc::Desc;
use crate::layout::{RingGeometry, SLOT_LEN};
use crate::shm::{OutOfBounds, SharedMem};

/// Offset of the slot of an index: masked, so inside the ring whatever the index is (S-05).
fn slot(ring: &RingGeometry, index: u32) -> usize {
    // Capacity is a power of two, at least 2.
    let position = index & ring.capacity.wrapping_sub(1);
    let bytes = usize::try_from(position)
        .unwrap_or(usize::MAX)
        .saturating_mul(SLOT_LEN);
    ring.slots.saturating_add(bytes)
}

/// The one place that copies a descriptor out of shared memory: four loads, each field once (S-01).
fn load_desc<M: SharedMem>(mem: &M, at: usize) -> Result<Desc, OutOfBounds> {
    let [offset, len_flags, user, aux] = mem.load_slot(at)?;
    let [a, b, c, d, e, f, g, h] = len_flags.to_le_bytes();
    let (len, flags) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    Ok(Desc {
        offset,
        len,
        flags,
        user,
        aux,
    })
}

/// Writes a descriptor into its slot, every byte of it.
fn store_desc<M: SharedMem>(mem: &M, at: usize, desc: &Desc) -> Result<(), OutOfBounds> {
    let ([a, b, c, d], [e, f, g, h]) = (desc.len.to_le_bytes(), desc.flags.to_le_bytes());
    let len_flags = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
    mem.store_slot(at, [desc.offset, len_flags, desc.user, desc.aux])
}
