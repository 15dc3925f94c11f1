//! Counts of what costs time, per process: tests assert on them and benchmarks print them.
//!
//! Each thread counts in a block of its own, which no other thread writes: a counter costs an addition, not a locked one.
//! Blocks outlive their threads and are given to new ones.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// One snapshot of this process' counters, or the difference of two.
        #[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
        pub struct Counters { $($(#[$doc])* pub $name: u64),* }

        /// One thread's counters.
        #[derive(Default)]
        pub(crate) struct Block {
            $(pub(crate) $name: AtomicU64,)*
            taken: AtomicBool,
            next: AtomicPtr<Block>,
        }

        /// Reads the counters. Not one atomic snapshot: each is exact, together they may be a few events apart.
        pub fn counters() -> Counters {
            let mut sum = Counters::default();
            for block in blocks() {
                $(sum.$name += block.$name.load(Ordering::Relaxed);)*
            }
            sum
        }

        /// A forked child counts from 0, and has one thread.
        pub(crate) fn reset() {
            for block in blocks() {
                $(block.$name.store(0, Ordering::Relaxed);)*
            }
        }

        impl Counters {
            /// What happened since `earlier`.
            pub fn since(&self, earlier: &Counters) -> Counters {
                Counters { $($name: self.$name.wrapping_sub(earlier.$name)),* }
            }
        }
    };
}

counters! {
    /// Messages sent with the MsgSend family.
    sends,
    /// Messages taken by the MsgReceive family.
    receives,
    /// Replies and errors given to clients.
    replies,
    /// Pulses sent.
    pulses_sent,
    /// Pulses delivered to a receiver.
    pulses_received,
    /// Times a thread went to sleep in the kernel.
    futex_waits,
    /// Times a thread woke another one.
    futex_wakes,
    /// Waits that ended within the spin.
    spin_hits,
    /// Bytes moved straight between two address spaces: one copy each.
    bytes_direct,
    /// Bytes that went through the slot of a small message: two copies each.
    bytes_inline,
    /// Bytes moved with the client's help because direct copying was refused: two copies each.
    bytes_bounced,
    /// Times the hidden kernel thread woke up.
    kthread_wakeups,
}

/// All blocks ever made. A list that only grows, so it needs no lock, which a fork could leave taken.
static FIRST: AtomicPtr<Block> = AtomicPtr::new(ptr::null_mut());

fn blocks() -> impl Iterator<Item = &'static Block> {
    // SAFETY: blocks are leaked: null or valid for ever.
    let at = |block: *mut Block| unsafe { block.as_ref() };
    core::iter::successors(at(FIRST.load(Ordering::Acquire)), move |block| {
        at(block.next.load(Ordering::Acquire))
    })
}

/// A block that no living thread uses, or a new one.
fn claim() -> &'static Block {
    let free = |block: &&Block| !block.taken.swap(true, Ordering::AcqRel);
    if let Some(block) = blocks().find(free) {
        return block;
    }
    let block = Box::leak(Box::new(Block {
        taken: AtomicBool::new(true),
        ..Block::default()
    }));
    let mut first = FIRST.load(Ordering::Acquire);
    loop {
        block.next.store(first, Ordering::Relaxed);
        match FIRST.compare_exchange_weak(first, block, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return block,
            Err(changed) => first = changed,
        }
    }
}

/// A thread's hold on its block.
struct Own(Cell<Option<&'static Block>>);

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(block) = self.0.take() {
            block.taken.store(false, Ordering::Release);
        }
    }
}

thread_local! {
    static OWN: Own = const { Own(Cell::new(None)) };
}

/// Adds to one counter of the calling thread.
#[inline]
pub(crate) fn add(pick: impl Fn(&Block) -> &AtomicU64, amount: u64) {
    // A thread that ends may count once more after its block was given back; that count is lost.
    let _ = OWN.try_with(|own| {
        let block = match own.0.get() {
            Some(block) => block,
            None => {
                let block = claim();
                own.0.set(Some(block));
                block
            }
        };
        let counter = pick(block);
        counter.store(
            counter.load(Ordering::Relaxed).wrapping_add(amount),
            Ordering::Relaxed,
        );
    });
}
