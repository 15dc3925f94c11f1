//! Descriptors that stand for a part of a memory object: what a subrange handle opens.
//!
//! To Linux such a descriptor is for the whole object. Our calls (mmap, fstat, ftruncate, shm_ctl, handles made from it) keep
//! to the part; a program that goes around them to Linux's own does not have to.

use core::sync::atomic::{AtomicBool, Ordering};
use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::carried::Carried;
use crate::errno::Errno;
use crate::mappings::Identity;
use crate::process::lock;
use crate::sys;

/// A part of an object, in bytes; both are multiples of the page size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Where it begins.
    pub offset: u64,
    /// How long it is.
    pub size: u64,
}

impl Range {
    /// The part of this part that begins at `offset`. `EINVAL` if it does not lie inside.
    pub fn inner(self, offset: u64, size: u64) -> Result<Range, Errno> {
        match offset.checked_add(size) {
            Some(end) if end <= self.size => Ok(Range {
                offset: self.offset + offset,
                size,
            }),
            _ => Err(Errno::EINVAL),
        }
    }
}

type Map = BTreeMap<i32, (Identity, Range)>;

/// Descriptors of this process with a range.
#[derive(Default)]
pub struct Ranges {
    map: Mutex<Map>,
    any: AtomicBool,
}

fn identity(fd: i32) -> Result<Identity, Errno> {
    sys::file_status(fd).map(|status| (status.st_dev, status.st_ino))
}

impl Ranges {
    /// `fd` stands for `range`.
    pub fn set(&self, fd: i32, range: Range) -> Result<(), Errno> {
        lock(&self.map).insert(fd, (identity(fd)?, range));
        self.any.store(true, Ordering::SeqCst);
        Ok(())
    }

    /// The range of `fd`; `None` if it stands for a whole object, or is no object.
    pub fn of(&self, fd: i32) -> Option<Range> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let mut map = lock(&self.map);
        let (object, range) = map.get(&fd)?;
        if identity(fd).ok()? == *object {
            return Some(*range);
        }
        // Closed behind our back, and something else has the number now.
        map.remove(&fd);
        None
    }

    /// `copy` is a duplicate of `fd`.
    pub fn duplicated(&self, fd: i32, copy: i32) {
        if let Some(range) = self.of(fd) {
            let _ = self.set(copy, range);
        }
    }

    /// `fd` is about to be closed.
    pub fn forget(&self, fd: i32) {
        if self.any.load(Ordering::Relaxed) {
            lock(&self.map).remove(&fd);
        }
    }
}

/// A forked child has the descriptors too.
static CARRIED: Carried<Map> = Carried::new();

/// Runs before a fork.
pub fn before_fork(ranges: &Ranges) {
    let map = lock(&ranges.map).clone();
    if !map.is_empty() {
        CARRIED.put(map);
    }
}

/// Runs after a fork, in the parent.
pub fn after_fork_in_parent() {
    drop(CARRIED.take());
}

/// The ranges of a new process: those of its parent.
pub fn inherited() -> Ranges {
    let map = CARRIED.take().map_or_else(Map::new, |map| *map);
    Ranges {
        any: AtomicBool::new(!map.is_empty()),
        map: Mutex::new(map),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_part_stays_inside() {
        let part = Range {
            offset: 8192,
            size: 12288,
        };
        let inner = part.inner(4096, 8192).expect("inside");
        assert_eq!((inner.offset, inner.size), (12288, 8192));
        assert_eq!(part.inner(4096, 12288), Err(Errno::EINVAL));
        assert_eq!(part.inner(u64::MAX, 2), Err(Errno::EINVAL));
    }

    #[test]
    fn a_number_that_means_something_else_now_has_no_range() {
        let ranges = Ranges::default();
        let fd = sys::memfd(c"a", 8192).expect("memfd");
        let range = Range {
            offset: 4096,
            size: 4096,
        };
        ranges.set(fd.raw(), range).expect("set");
        assert_eq!(ranges.of(fd.raw()), Some(range));
        let number = fd.raw();
        drop(fd);
        let other = sys::memfd(c"b", 8192).expect("memfd");
        if other.raw() == number {
            assert_eq!(ranges.of(number), None);
        }
        ranges.forget(number);
        assert_eq!(ranges.of(number), None);
    }
}
