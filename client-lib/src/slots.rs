//! A table whose keys carry a generation: a key that was given back, or never given out, names nothing. The
//! program holds them, and may give back anything.

use crate::num::{length, short};
use alloc::vec::Vec;

/// Places that the table grows by at first; later it doubles.
const FIRST: usize = 4;

/// # Invariants
/// `free` holds exactly the indices of the places without a value, and has room for all places: taking a value out needs no memory.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
    /// Places that there may be.
    most: u32,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slots<T> {
    /// Room for `most` values, allocated when they come: a socket that idles has none.
    pub(crate) const fn new(most: u32) -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            most,
        }
    }

    /// More places. False: there are as many as there may be, or there is no memory.
    #[cold]
    fn grow(&mut self) -> bool {
        let have = self.places.len();
        let left = length(self.most).saturating_sub(have);
        let more = have.max(FIRST).min(left);
        let all = have.saturating_add(more);
        if more == 0
            || self.places.try_reserve_exact(more).is_err()
            || self
                .free
                .try_reserve_exact(all.saturating_sub(self.free.len()))
                .is_err()
        {
            return false;
        }
        self.places.resize_with(all, || Place {
            generation: 1,
            value: None,
        });
        self.free.extend((short(have)..short(all)).rev());
        true
    }

    /// Values in the table.
    pub(crate) fn len(&self) -> usize {
        self.places.len().saturating_sub(self.free.len())
    }

    /// True when there is no place left.
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty() && self.places.len() >= length(self.most)
    }

    /// Puts `value` in and returns its key, never 0; gives the value back when the table is full or there is no memory.
    pub(crate) fn insert(&mut self, value: T) -> Result<u64, T> {
        if self.free.is_empty() && !self.grow() {
            return Err(value);
        }
        let Some(index) = self.free.pop() else {
            return Err(value);
        };
        match usize::try_from(index).ok().and_then(|i| self.places.get_mut(i)) {
            Some(place) => {
                place.value = Some(value);
                Ok(key(index, place.generation))
            }
            None => Err(value),
        }
    }

    fn place(&mut self, key: u64) -> Option<&mut Place<T>> {
        let (index, generation) = parts(key)?;
        self.places
            .get_mut(index)
            .filter(|place| place.generation == generation)
    }

    pub(crate) fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.place(key)?.value.as_mut()
    }

    /// Takes the value out; its key names nothing from now on.
    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        let place = self.place(key)?;
        let value = place.value.take()?;
        place.generation = next_generation(place.generation);
        let [a, b, c, d, ..] = key.to_le_bytes();
        self.free.push(u32::from_le_bytes([a, b, c, d]));
        Some(value)
    }

    /// Takes out every value that `test` holds for.
    pub(crate) fn drain_where(&mut self, mut test: impl FnMut(&T) -> bool, mut each: impl FnMut(T)) {
        for (index, place) in (0_u32..).zip(&mut self.places) {
            if let Some(value) = place.value.take_if(|value| test(value)) {
                place.generation = next_generation(place.generation);
                self.free.push(index);
                each(value);
            }
        }
    }

    /// The key of the first value, from place `from` on, that `test` holds for, and the place after it.
    pub(crate) fn find(&self, from: usize, test: impl Fn(&T) -> bool) -> Option<(u64, usize)> {
        let mut places = (0_u32..).zip(&self.places).skip(from);
        let (index, place) = places.find(|(_, place)| place.value.as_ref().is_some_and(&test))?;
        Some((
            key(index, place.generation),
            usize::try_from(index).ok()?.saturating_add(1),
        ))
    }
}

fn key(index: u32, generation: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(index)
}

fn parts(key: u64) -> Option<(usize, u32)> {
    let [a, b, c, d, e, f, g, h] = key.to_le_bytes();
    Some((
        usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?,
        u32::from_le_bytes([e, f, g, h]),
    ))
}

/// Skips 0, so that no key is 0.
const fn next_generation(generation: u32) -> u32 {
    match generation.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_and_invented_keys_name_nothing() {
        let mut slots = Slots::new(2);
        let a = slots.insert('a').unwrap();
        let b = slots.insert('b').unwrap();
        assert_eq!(slots.insert('c'), Err('c'));
        assert_eq!(slots.remove(a), Some('a'));
        assert_eq!(slots.remove(a), None);
        let c = slots.insert('c').unwrap();
        assert_ne!(a, c);
        assert_eq!(slots.get_mut(a), None);
        assert_eq!(slots.get_mut(c), Some(&mut 'c'));
        for invented in [0, 1, 2, u64::MAX, b ^ (1 << 40), 7 << 32] {
            assert_eq!(slots.get_mut(invented), None);
        }
        assert_eq!(slots.len(), 2);
        let mut out = std::vec::Vec::new();
        slots.drain_where(|v| *v == 'b', |v| out.push(v));
        assert_eq!(
            (out.as_slice(), slots.len(), slots.is_full()),
            (&['b'][..], 1, false)
        );
    }

    #[test]
    fn a_table_has_the_places_that_it_needs_and_no_more_than_it_may() {
        let mut slots = Slots::new(10);
        assert_eq!(
            (slots.places.capacity(), slots.free.capacity()),
            (0, 0),
            "none at first"
        );
        let keys: std::vec::Vec<u64> = (0..10).map(|n| slots.insert(n).unwrap()).collect();
        assert_eq!((slots.places.len(), slots.insert(10)), (10, Err(10)));
        for (n, key) in (0..10).zip(&keys) {
            assert_eq!(slots.remove(*key), Some(n));
        }
        assert!(slots.free.capacity() >= 10 && slots.len() == 0);
        let again = slots.insert(3).unwrap();
        assert!(!keys.contains(&again), "another generation");
    }
}
