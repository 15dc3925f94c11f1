//! A small bounded queue from one thread to another, in static memory and without locks that wait.

use crate::maybe::Maybe;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use spin::Mutex;

struct Cell<T> {
    full: AtomicBool,
    value: Mutex<Maybe<T>>,
}

impl<T> Cell<T> {
    const fn new() -> Self {
        Self {
            full: AtomicBool::new(false),
            value: Mutex::new(Maybe::Nothing),
        }
    }
}

/// First in, first out; one putter and one taker at a time. Who they are [`crate::socket::SocketSlot`] sees to.
///
/// # Invariants
/// A cell's `value` is touched by the putter while `full` is false and by the taker while it is true, and each hands
/// over by a Release store after its lock is dropped. So `try_lock` never meets the other side: the lock is here to
/// make the cell safe code, not to wait.
pub struct Mailbox<T, const N: usize> {
    cells: [Cell<T>; N],
    put: AtomicU32,
    taken: AtomicU32,
}

impl<T, const N: usize> Mailbox<T, N> {
    /// An empty mailbox.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(N.is_power_of_two()) };
        Self {
            cells: [const { Cell::new() }; N],
            put: AtomicU32::new(0),
            taken: AtomicU32::new(0),
        }
    }

    fn cell(&self, position: u32) -> Option<&Cell<T>> {
        let position = usize::try_from(position).ok()?;
        self.cells.get(position & N.wrapping_sub(1))
    }

    /// Appends `value`, or gives it back when the mailbox is full. One thread at a time.
    ///
    /// # Errors
    /// The value itself, when there is no room.
    pub fn put(&self, value: T) -> Result<(), T> {
        let position = self.put.load(Ordering::Relaxed);
        let Some(cell) = self.cell(position) else {
            return Err(value);
        };
        // SYNC POINT: pairs with the Release in `take`; the cell's old content is gone.
        if cell.full.load(Ordering::Acquire) {
            return Err(value);
        }
        {
            let Some(mut place) = cell.value.try_lock() else {
                return Err(value);
            };
            place.set(value);
        }
        // The order of putters (a slot changes hands) travels with the cells' own flags.
        self.put.store(position.wrapping_add(1), Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire in `take`.
        cell.full.store(true, Ordering::Release);
        Ok(())
    }

    /// Takes the oldest value. One thread at a time.
    pub fn take(&self) -> Option<T> {
        let position = self.taken.load(Ordering::Relaxed);
        let cell = self.cell(position)?;
        // SYNC POINT: pairs with the Release in `put`; the value is whole.
        if !cell.full.load(Ordering::Acquire) {
            return None;
        }
        let value = cell.value.try_lock()?.take();
        self.taken.store(position.wrapping_add(1), Ordering::Relaxed);
        // SYNC POINT: pairs with the Acquire in `put`.
        cell.full.store(false, Ordering::Release);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_bound() {
        let mailbox: Mailbox<u32, 4> = Mailbox::new();
        for round in 0..100 {
            for i in 0..4 {
                assert_eq!(mailbox.put(round * 10 + i), Ok(()));
            }
            assert_eq!(mailbox.put(99), Err(99));
            for i in 0..4 {
                assert_eq!(mailbox.take(), Some(round * 10 + i));
            }
            assert_eq!(mailbox.take(), None);
        }
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let mailbox: &'static Mailbox<Box<u32>, 4> = Box::leak(Box::new(Mailbox::new()));
        let putter = std::thread::spawn(move || {
            for i in 0..if cfg!(miri) { 100 } else { 100_000 } {
                let mut value = Box::new(i);
                while let Err(back) = mailbox.put(value) {
                    value = back;
                    std::thread::yield_now();
                }
            }
        });
        for i in 0..if cfg!(miri) { 100 } else { 100_000 } {
            let value = loop {
                match mailbox.take() {
                    Some(value) => break value,
                    None => std::thread::yield_now(),
                }
            };
            assert_eq!(*value, i);
        }
        putter.join().unwrap();
    }
}
