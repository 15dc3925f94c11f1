//! Numbered objects of a process (channels, lanes, connections), with a per-thread memory of the last one used so that
//! the usual call finds its object without touching a lock or a reference count.

use core::cell::Cell;
use core::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::LocalKey;

/// Changes whenever any number of any table may mean something else: the caches below are then void.
static EPOCH: AtomicU64 = AtomicU64::new(1);

/// Voids every thread's cache.
pub fn invalidate_caches() {
    EPOCH.fetch_add(1, Ordering::SeqCst);
}

/// Objects by number; the lowest free number is given out first, as QNX does.
pub struct Table<T> {
    map: RwLock<BTreeMap<i32, Arc<T>>>,
    /// Where [`Table::insert_next`] goes on.
    next: AtomicI32,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            map: RwLock::new(BTreeMap::new()),
            next: AtomicI32::new(0),
        }
    }
}

impl<T> Table<T> {
    /// Makes an object under the lowest free number from `from` on. `make` must not use this table.
    pub fn insert_lowest(&self, from: i32, make: impl FnOnce(i32) -> Arc<T>) -> Arc<T> {
        match self.try_insert_lowest(from, |number| Some(make(number))) {
            Some(object) => object,
            None => unreachable!("make always makes"),
        }
    }

    /// Makes an object under the number after the last one given out, going round at `limit`: for numbers that outlive
    /// their objects in somebody's hands.
    pub fn insert_next(&self, limit: i32, make: impl FnOnce(i32) -> Arc<T>) -> Arc<T> {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let number = loop {
            let number = self.next.load(Ordering::Relaxed);
            self.next.store(
                if number + 1 >= limit { 0 } else { number + 1 },
                Ordering::Relaxed,
            );
            if !map.contains_key(&number) {
                break number;
            }
        };
        let object = make(number);
        map.insert(number, Arc::clone(&object));
        drop(map);
        invalidate_caches();
        object
    }

    /// As [`Table::insert_lowest`], for a `make` that may fail.
    pub fn try_insert_lowest(&self, from: i32, make: impl FnOnce(i32) -> Option<Arc<T>>) -> Option<Arc<T>> {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        let mut number = from;
        for used in map.range(from..).map(|(used, _)| *used) {
            if used != number {
                break;
            }
            number += 1;
        }
        let object = make(number)?;
        map.insert(number, Arc::clone(&object));
        drop(map);
        invalidate_caches();
        Some(object)
    }

    /// Puts an object under a number that something else (a descriptor) has chosen.
    pub fn insert_at(&self, number: i32, object: Arc<T>) {
        self.map
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, object);
        invalidate_caches();
    }

    /// Takes an object out.
    pub fn remove(&self, number: i32) -> Option<Arc<T>> {
        let removed = self
            .map
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&number);
        invalidate_caches();
        removed
    }

    /// Looks an object up.
    pub fn get(&self, number: i32) -> Option<Arc<T>> {
        self.map
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&number)
            .cloned()
    }

    /// The object with this or the next higher number.
    pub fn get_from(&self, number: i32) -> Option<Arc<T>> {
        let map = self.map.read().unwrap_or_else(PoisonError::into_inner);
        map.range(number..).next().map(|(_, object)| Arc::clone(object))
    }

    /// All objects, in order of their numbers.
    pub fn all(&self) -> Vec<Arc<T>> {
        self.map
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect()
    }

    /// Runs `body` with the object under `number`, by way of the calling thread's cache. `None` = no such number.
    #[inline]
    pub fn with<R>(
        &self,
        cache: &'static LocalKey<Cache<T>>,
        number: i32,
        body: impl FnOnce(&Arc<T>) -> R,
    ) -> Option<R> {
        // Taken out while in use: a signal handler that calls in here finds the cache empty and uses the table.
        let cached = cache.with(|cache| cache.0.take());
        let epoch = EPOCH.load(Ordering::SeqCst);
        let object = match cached {
            Some(entry) if entry.epoch == epoch && entry.number == number => entry.object,
            _ => self.get(number)?,
        };
        let result = body(&object);
        cache.with(|cache| {
            cache.0.set(Some(Entry {
                number,
                epoch,
                object,
            }))
        });
        Some(result)
    }
}

struct Entry<T> {
    number: i32,
    epoch: u64,
    object: Arc<T>,
}

/// A thread's memory of the last object it used in one table.
pub struct Cache<T>(Cell<Option<Entry<T>>>);

impl<T> Cache<T> {
    /// Empty.
    pub const fn new() -> Cache<T> {
        Cache(Cell::new(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static CACHE: Cache<String> = const { Cache::new() };
    }

    #[test]
    fn numbers_are_reused_from_below_and_caches_follow() {
        let table: Table<String> = Table::default();
        for expected in 1..=3 {
            table.insert_lowest(1, |number| {
                assert_eq!(number, expected);
                Arc::new(format!("old {number}"))
            });
        }
        assert_eq!(
            table.with(&CACHE, 2, |s| s.to_string()),
            Some("old 2".to_string())
        );
        table.remove(2);
        assert_eq!(table.with(&CACHE, 2, |s| s.to_string()), None);
        table.insert_lowest(1, |number| Arc::new(format!("new {number}")));
        assert_eq!(
            table.with(&CACHE, 2, |s| s.to_string()),
            Some("new 2".to_string())
        );
        assert_eq!(
            table.get_from(3).map(|s| s.to_string()),
            Some("old 3".to_string())
        );
        assert_eq!(table.all().len(), 3);
    }
}
