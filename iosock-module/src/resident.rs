//! Objects that callbacks reach from any thread between load and unload.
#![allow(unsafe_code)]

use core::{
    cell::UnsafeCell,
    sync::atomic::{AtomicU32, Ordering},
};

/// Set while there is a value.
const PRESENT: u32 = 1 << 31;
/// Set while somebody puts the value in or takes it out.
const CHANGING: u32 = 1 << 30;

/// A value that is put in at load, used from any thread, and taken out at unload. Nobody waits: who finds it absent or
/// in use is told so.
///
/// # Invariants
/// The low 30 bits of `word` count the users. `value` is written only by who set CHANGING on a word without users and
/// without PRESENT, or with PRESENT taken away and no users left; users touch it only while PRESENT is set.
pub struct Resident<T> {
    word: AtomicU32,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: users share `&T` (so T: Sync), and the value moves between the threads that put it in and take it out (so
// T: Send); by the invariant nobody writes while there are users.
unsafe impl<T: Send + Sync> Sync for Resident<T> {}

impl<T> Resident<T> {
    /// Absent.
    pub const fn new() -> Self {
        Self {
            word: AtomicU32::new(0),
            value: UnsafeCell::new(None),
        }
    }

    /// Calls `f` with the value, if there is one. From any context, as far as `f` is.
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> Option<R> {
        // SYNC POINT: Acquire pairs with the Release in `put`.
        let word = self.word.fetch_add(1, Ordering::Acquire);
        let result = if word & PRESENT != 0 {
            // SAFETY: PRESENT was set when this user was counted, so nobody writes until it is counted out.
            let value = unsafe { &*self.value.get() };
            value.as_ref().map(f)
        } else {
            None
        };
        // SYNC POINT: Release pairs with the Acquire in `take`.
        self.word.fetch_sub(1, Ordering::Release);
        result
    }

    /// Puts a value in.
    ///
    /// # Errors
    /// The value, when there is one already or somebody is about to look: try again.
    pub fn put(&self, value: T) -> Result<(), T> {
        if self
            .word
            .compare_exchange(0, CHANGING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return Err(value);
        }
        // SAFETY: no PRESENT and CHANGING is ours: users that come now do not look, and nobody else changes.
        unsafe { *self.value.get() = Some(value) };
        // Adds PRESENT and takes CHANGING away in one step, leaving users that came meanwhile counted.
        // SYNC POINT: Release pairs with the Acquire in `with`.
        self.word
            .fetch_add(PRESENT.wrapping_sub(CHANGING), Ordering::Release);
        Ok(())
    }

    /// There is a value now.
    pub fn is_present(&self) -> bool {
        self.word.load(Ordering::Acquire) & PRESENT != 0
    }

    /// Takes the value out; `None` when there is none or it is in use: try again.
    pub fn take(&self) -> Option<T> {
        // SYNC POINT: Acquire pairs with the Release in `with`.
        if self
            .word
            .compare_exchange(PRESENT, CHANGING, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return None;
        }
        // SAFETY: there was no user, PRESENT is gone and CHANGING is ours.
        let value = unsafe { (*self.value.get()).take() };
        // SYNC POINT: Release pairs with the Acquire in `put`.
        self.word.fetch_sub(CHANGING, Ordering::Release);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_use_stays() {
        let resident = Resident::new();
        assert_eq!(resident.with(|v: &u32| *v), None);
        assert_eq!(resident.take(), None);
        assert_eq!(resident.put(5), Ok(()));
        assert_eq!(resident.put(6), Err(6));
        let seen = resident.with(|v| (*v, resident.take(), resident.with(|v| *v)));
        assert_eq!(seen, Some((5, None, Some(5))));
        assert_eq!((resident.take(), resident.take()), (Some(5), None));
        assert_eq!(resident.put(7), Ok(()));
    }

    #[test]
    fn put_and_take_against_users() {
        let resident: &'static Resident<Vec<u32>> = Box::leak(Box::new(Resident::new()));
        let users: Vec<_> = (0..2)
            .map(|_| {
                std::thread::spawn(move || {
                    for _ in 0..if cfg!(miri) { 100 } else { 50_000 } {
                        resident.with(|v| assert_eq!(v.iter().sum::<u32>(), 6));
                    }
                })
            })
            .collect();
        for _ in 0..if cfg!(miri) { 40 } else { 20_000 } {
            if resident.put(vec![1, 2, 3]).is_ok() {
                while resident.take().is_none() {
                    std::thread::yield_now();
                }
            }
        }
        users.into_iter().for_each(|t| t.join().unwrap());
    }
}
