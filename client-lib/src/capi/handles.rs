//! A table that C's handles index, without a lock: a fork at any moment leaves it usable, a signal handler may use it, and
//! threads that use different sockets share no line of it.
//!
//! | a place's word | meaning |
//! |---|---|
//! | bits 0 to 31 | calls that use the value now |
//! | bits 32, 33 | [`FREE`], [`TAKEN`] (being filled or emptied), [`OPEN`] (can be named), [`CLOSED`] (goes with its last user) |
//! | bits 34 to 47 | generation, 1 to 0x3FFF, another one for each value |

use crate::error::Error;
use alloc::boxed::Box;
use core::{
    cell::UnsafeCell,
    mem::MaybeUninit,
    ops::Deref,
    ptr,
    sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering},
};

const USERS: u64 = 0xFFFF_FFFF;
const STATE: u64 = 3 << 32;
const FREE: u64 = 0;
const TAKEN: u64 = 1 << 32;
const OPEN: u64 = 2 << 32;
const CLOSED: u64 = 3 << 32;
const GENERATION: u32 = 34;
const LAST_GENERATION: u16 = 0x3FFF;

/// Places in a chunk, and chunks in a table: 65,536 places at most.
const CHUNK: usize = 256;
const CHUNKS: usize = 256;

/// # Invariants
/// The value is initialised while the state is `OPEN` or `CLOSED`. Who brought the state to `TAKEN` owns it alone.
struct Place<T> {
    word: AtomicU64,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// A table of values. Its memory only grows.
pub(super) struct Handles<T> {
    /// Null, or a leaked chunk.
    chunks: [AtomicPtr<[Place<T>; CHUNK]>; CHUNKS],
    /// Where the next free place is looked for: behind the last one, so that an index is not used twice in a row.
    next: AtomicU32,
}

// SAFETY: values are reached by shared references from any thread (`T: Sync`) and dropped by any thread (`T: Send`).
unsafe impl<T: Send + Sync> Sync for Handles<T> {}

/// A value in use. While it lives the value is not dropped.
pub(super) struct InUse<'a, T> {
    place: &'a Place<T>,
}

impl<T> Handles<T> {
    pub(super) const fn new() -> Self {
        Self {
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            next: AtomicU32::new(0),
        }
    }

    fn place(&self, index: u16) -> Option<&Place<T>> {
        let [low, high] = index.to_le_bytes();
        let chunk = self.chunks.get(usize::from(high))?.load(Ordering::Acquire);
        // SAFETY: null or a leaked chunk, which is never moved or freed.
        unsafe { chunk.as_ref() }?.get(usize::from(low))
    }

    /// As `place`, with a fresh chunk where there is none.
    fn place_or_new(&self, index: u16) -> Result<&Place<T>, Error> {
        if let Some(place) = self.place(index) {
            return Ok(place);
        }
        let [_, high] = index.to_le_bytes();
        let slot = self.chunks.get(usize::from(high)).ok_or(Error::NoMemory)?;
        let mut places = alloc::vec::Vec::new();
        places.try_reserve_exact(CHUNK).map_err(|_| Error::NoMemory)?;
        places.resize_with(CHUNK, || Place {
            word: AtomicU64::new(1 << GENERATION),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        });
        let fresh: Box<[Place<T>; CHUNK]> = places
            .into_boxed_slice()
            .try_into()
            .map_err(|_| Error::NoMemory)?;
        let fresh = Box::into_raw(fresh);
        if slot
            .compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            // SAFETY: from `Box::into_raw` above; another thread was faster, and nobody has seen this one.
            drop(unsafe { Box::from_raw(fresh) });
        }
        self.place(index).ok_or(Error::NoMemory)
    }

    /// Puts a value in; returns its index and generation.
    pub(super) fn insert(&self, value: T) -> Result<(u16, u16), Error> {
        // Low indices first: as many chunks as were ever needed at a time, and each is gone through before the next is made.
        for _ in 0..=u16::MAX {
            let [a, b, _, _] = self.next.fetch_add(1, Ordering::Relaxed).to_le_bytes();
            let index = u16::from_le_bytes([a, b]);
            let place = match self.place(index) {
                Some(place) => place,
                None => match self.first_free() {
                    Some(index) => {
                        self.next.store(u32::from(index), Ordering::Relaxed);
                        continue;
                    }
                    None => self.place_or_new(index)?,
                },
            };
            let word = place.word.load(Ordering::Relaxed);
            let claimed = word & (STATE | USERS) == FREE
                && place
                    .word
                    .compare_exchange(word, word | TAKEN, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok();
            if !claimed {
                continue;
            }
            // SAFETY: `TAKEN` by us: nobody else touches the value.
            unsafe { place.value.get().cast::<T>().write(value) };
            place.word.store((word & !STATE) | OPEN, Ordering::Release);
            return Ok((index, generation(word)));
        }
        Err(Error::TooManySockets {
            limit: u16::MAX.into(),
        })
    }

    /// A free place in the chunks that exist.
    fn first_free(&self) -> Option<u16> {
        (0..=u16::MAX)
            .map_while(|index| self.place(index).map(|place| (index, place)))
            .find(|(_, place)| place.word.load(Ordering::Relaxed) & (STATE | USERS) == FREE)
            .map(|(index, _)| index)
    }

    /// The value of this index and generation, in use by the caller from now on.
    pub(super) fn get(&self, index: u16, generation: u16) -> Option<InUse<'_, T>> {
        self.enter(index, generation, 0)
    }

    /// As `get`, and nobody else gets it from now on. The value is dropped when nobody uses it any more.
    pub(super) fn remove(&self, index: u16, generation: u16) -> Option<InUse<'_, T>> {
        // `OPEN` with this bit is `CLOSED`.
        self.enter(index, generation, CLOSED & !OPEN)
    }

    /// Takes the value out, if nobody else uses it now.
    pub(super) fn take(&self, index: u16, wanted: u16) -> Option<T> {
        let place = self.place(index)?;
        let word = u64::from(wanted) << GENERATION | OPEN;
        place
            .word
            .compare_exchange(
                word,
                (word & !STATE) | TAKEN,
                Ordering::Acquire,
                Ordering::Relaxed,
            )
            .ok()?;
        // SAFETY: it was open, so initialised; `TAKEN` by us, so nobody else touches it.
        let value = unsafe { place.value.get().cast::<T>().read() };
        place.word.store(free_after(wanted), Ordering::Release);
        Some(value)
    }

    fn enter(&self, index: u16, wanted: u16, more: u64) -> Option<InUse<'_, T>> {
        let place = self.place(index)?;
        let mut word = place.word.load(Ordering::Relaxed);
        loop {
            if word & STATE != OPEN || generation(word) != wanted || word & USERS == USERS {
                return None;
            }
            let entered = word.wrapping_add(1) | more;
            // Acquire: pairs with the release of `insert`; the value is seen whole.
            match place
                .word
                .compare_exchange_weak(word, entered, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return Some(InUse { place }),
                Err(now) => word = now,
            }
        }
    }
}

impl<T> Drop for InUse<'_, T> {
    fn drop(&mut self) {
        // Release: whoever drops the value has seen this thread's last use of it.
        let before = self.place.word.fetch_sub(1, Ordering::AcqRel);
        if before & (STATE | USERS) != CLOSED | 1 {
            return;
        }
        // SAFETY: closed and without users: nobody can enter any more, and this thread, which was the last, is the only one
        // that sees the count fall to 0.
        unsafe { self.place.value.get().cast::<T>().drop_in_place() };
        self.place
            .word
            .store(free_after(generation(before)), Ordering::Release);
    }
}

impl<T> Deref for InUse<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: by the invariant initialised, and not dropped while a user is counted.
        unsafe { &*self.place.value.get().cast::<T>() }
    }
}

/// The word of a place that had this generation and is `FREE` now.
fn free_after(generation: u16) -> u64 {
    let next = match generation {
        LAST_GENERATION.. => 1,
        generation => u64::from(generation).saturating_add(1),
    };
    next << GENERATION
}

fn generation(word: u64) -> u16 {
    u16::try_from(word >> GENERATION).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering::SeqCst},
        },
        thread,
        vec::Vec,
    };

    struct Counted(Arc<AtomicUsize>, u32);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }

    #[test]
    fn a_handle_names_its_value_until_it_is_removed_and_never_another() {
        let table: Handles<u32> = Handles::new();
        let (a, first) = table.insert(1).unwrap();
        let user = table.get(a, first).unwrap();
        assert!(
            table.get(a, first.wrapping_add(1)).is_none(),
            "another generation"
        );
        let closing = table.remove(a, first).unwrap();
        assert!(table.get(a, first).is_none(), "removed");
        assert!(table.remove(a, first).is_none(), "removed twice");
        assert_eq!((*user, *closing), (1, 1), "in use all the same");
        drop((user, closing));
        // Every index once, so that the same one comes again.
        let mut again = None;
        for n in 0..=u32::from(u16::MAX) {
            let (index, generation) = table.insert(n).unwrap();
            if index == a {
                again = Some(generation);
            }
            drop(table.remove(index, generation).unwrap());
        }
        assert!(
            again.is_some_and(|generation| generation != first),
            "another generation"
        );
        assert!(table.get(a, first).is_none(), "the old handle is dead");
    }

    #[test]
    fn a_value_is_taken_out_once_and_not_from_under_a_user() {
        let alive = Arc::new(AtomicUsize::new(1));
        let table: Handles<Counted> = Handles::new();
        let (index, generation) = table.insert(Counted(Arc::clone(&alive), 9)).unwrap();
        let user = table.get(index, generation).unwrap();
        assert!(table.take(index, generation).is_none(), "in use");
        drop(user);
        let value = table.take(index, generation).unwrap();
        assert!(table.take(index, generation).is_none(), "taken twice");
        assert!(table.get(index, generation).is_none(), "taken");
        assert_eq!((value.1, alive.load(SeqCst)), (9, 1), "moved, not dropped");
        drop(value);
        assert_eq!(alive.load(SeqCst), 0);
    }

    #[test]
    fn a_table_is_full_at_its_limit_and_grows_no_further_than_needed() {
        let table: Handles<u16> = Handles::new();
        for n in 0..300 {
            table.insert(n).unwrap();
        }
        let chunks = |table: &Handles<u16>| table.chunks.iter().filter(|c| !c.load(SeqCst).is_null()).count();
        assert_eq!(chunks(&table), 2);
        for n in 0..10_000 {
            let (index, generation) = table.insert(n).unwrap();
            drop(table.remove(index, generation).unwrap());
        }
        assert_eq!(chunks(&table), 2, "free places come before new ones");
        for _ in 300..=u16::MAX {
            table.insert(0).unwrap();
        }
        assert_eq!(table.insert(0), Err(Error::TooManySockets { limit: 65_535 }));
    }

    #[test]
    fn threads_that_race_with_a_remove_see_a_whole_value_or_none() {
        let alive = Arc::new(AtomicUsize::new(0));
        let table: &'static Handles<Counted> =
            alloc::boxed::Box::leak(alloc::boxed::Box::new(Handles::new()));
        let rounds = if cfg!(miri) { 20 } else { 5_000 };
        let named = Arc::new(AtomicU64::new(0));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let named = Arc::clone(&named);
                thread::spawn(move || {
                    let mut seen = 0_u32;
                    loop {
                        let handle = named.load(SeqCst);
                        if handle == u64::MAX {
                            return seen;
                        }
                        let (index, generation) = ((handle & 0xFFFF) as u16, (handle >> 16 & 0xFFFF) as u16);
                        if let Some(value) = table.get(index, generation) {
                            assert_eq!(u64::from(value.1), handle >> 32, "the value of another handle");
                            seen += 1;
                        }
                    }
                })
            })
            .collect();
        for round in 1..=rounds {
            alive.fetch_add(1, SeqCst);
            let (index, generation) = table.insert(Counted(Arc::clone(&alive), round)).unwrap();
            named.store(
                u64::from(round) << 32 | u64::from(generation) << 16 | u64::from(index),
                SeqCst,
            );
            thread::yield_now();
            drop(table.remove(index, generation).unwrap());
        }
        named.store(u64::MAX, SeqCst);
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(alive.load(SeqCst), 0, "every value was dropped once");
    }
}
