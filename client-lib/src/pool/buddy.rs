//! The allocator of a pool's data area: binary buddies. All its memory is private; the shared side sees only offsets
//! and lengths. Allocating and freeing take at most one step per size class.
//!
//! A piece of size class `k` is `GRANULE << k` bytes long and starts at a multiple of its length. Splitting a piece
//! makes two buddies, freeing joins them again.

use crate::error::Error;
use alloc::vec::Vec;

/// Shortest piece, bytes.
pub(crate) const GRANULE: usize = 1024;
/// Number of size classes: 1 KiB to 2 GiB.
const CLASSES: usize = 22;
/// End of a list.
const NONE: u32 = u32::MAX;

/// A piece of the data area that belongs to whoever holds this value. Not `Clone`: it can be freed once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Span {
    granule: u32,
    class: u8,
    /// From the start of the pool.
    offset: usize,
}

impl Span {
    /// Offset in the pool.
    pub(crate) const fn offset(&self) -> usize {
        self.offset
    }

    /// Length, bytes.
    pub(crate) fn len(&self) -> usize {
        class_len(usize::from(self.class))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// Inside a piece, not its start.
    Inside,
    /// Start of a free piece of this class.
    Free(u8),
    /// Start of a piece in use of this class.
    Used(u8),
}

/// What is known of each granule. The links are those of the free list that the granule's piece is in.
#[derive(Clone, Copy)]
struct Granule {
    tag: Tag,
    next: u32,
    previous: u32,
}

/// # Invariants
/// The pieces named by `Free` and `Used` tags cover the area without overlap; a `Free(k)` granule is in list `k`.
pub(crate) struct Buddy {
    granules: Vec<Granule>,
    heads: [u32; CLASSES],
    /// Where the data area starts in the pool.
    base: usize,
    free: usize,
}

const fn class_len(class: usize) -> usize {
    let mut len = GRANULE;
    let mut left = class;
    while left > 0 {
        len = len.saturating_mul(2);
        left = left.saturating_sub(1);
    }
    len
}

/// The smallest class that holds `len` bytes.
fn class_of(len: usize) -> Option<usize> {
    let granules = len.max(1).div_ceil(GRANULE).checked_next_power_of_two()?;
    usize::try_from(granules.trailing_zeros())
        .ok()
        .filter(|class| *class < CLASSES)
}

impl Buddy {
    /// An allocator over `len` bytes at `base` of the pool. What is left of the last granule is not used.
    pub(crate) fn new(base: usize, len: usize) -> Result<Self, Error> {
        let count = len / GRANULE;
        if u32::try_from(count).map_or(true, |n| n == NONE) {
            return Err(Error::Invalid {
                what: "pool_bytes",
                value: u64::MAX,
                allowed: u64::from(NONE) << 10,
            });
        }
        let mut granules = Vec::new();
        granules.try_reserve_exact(count).map_err(|_| Error::NoMemory)?;
        granules.resize(
            count,
            Granule {
                tag: Tag::Inside,
                next: NONE,
                previous: NONE,
            },
        );
        let mut this = Self {
            granules,
            heads: [NONE; CLASSES],
            base,
            free: 0,
        };
        let mut at = 0_usize;
        while at < count {
            // The largest piece that starts here: aligned to its length, and not past the end.
            let aligned = if at == 0 {
                CLASSES
            } else {
                usize::try_from(at.trailing_zeros()).unwrap_or(0)
            };
            let fits = usize::try_from(count.saturating_sub(at).ilog2()).unwrap_or(0);
            let class = aligned.min(fits).min(CLASSES.saturating_sub(1));
            this.put(at, class);
            this.free = this.free.saturating_add(class_len(class));
            at = at.saturating_add(class_len(class) / GRANULE);
        }
        Ok(this)
    }

    /// Bytes that are free, in pieces.
    pub(crate) const fn free_bytes(&self) -> usize {
        self.free
    }

    /// Length of the largest free piece, bytes.
    pub(crate) fn largest(&self) -> usize {
        self.heads
            .iter()
            .enumerate()
            .rev()
            .find(|(_, head)| **head != NONE)
            .map_or(0, |(class, _)| class_len(class))
    }

    /// A piece of at least `len` bytes, or `None`.
    pub(crate) fn alloc(&mut self, len: usize) -> Option<Span> {
        let class = class_of(len)?;
        let from = (class..CLASSES).find(|c| self.heads.get(*c).is_some_and(|head| *head != NONE))?;
        let at = usize::try_from(*self.heads.get(from)?).ok()?;
        self.unlink(at, from);
        // Halves until the class fits; the upper halves become free.
        for smaller in (class..from).rev() {
            self.put(at.saturating_add(class_len(smaller) / GRANULE), smaller);
        }
        let tag = u8::try_from(class).ok()?;
        self.granules.get_mut(at)?.tag = Tag::Used(tag);
        self.free = self.free.saturating_sub(class_len(class));
        let offset = self.base.checked_add(at.checked_mul(GRANULE)?)?;
        Some(Span {
            granule: u32::try_from(at).ok()?,
            class: tag,
            offset,
        })
    }

    /// Takes a piece back and joins it with its free buddies.
    pub(crate) fn free(&mut self, span: Span) {
        let Ok(mut at) = usize::try_from(span.granule) else {
            return;
        };
        let mut class = usize::from(span.class);
        // A span is made by `alloc` of this allocator only and cannot be copied, so the tag says the same.
        debug_assert!(
            self.granules
                .get(at)
                .is_some_and(|g| g.tag == Tag::Used(span.class))
        );
        self.free = self.free.saturating_add(class_len(class));
        while class < CLASSES.saturating_sub(1) {
            let buddy = at ^ (class_len(class) / GRANULE);
            let joins = u8::try_from(class).is_ok_and(|c| {
                self.granules
                    .get(buddy)
                    .is_some_and(|granule| granule.tag == Tag::Free(c))
            });
            if !joins {
                break;
            }
            self.unlink(buddy, class);
            if let Some(granule) = self.granules.get_mut(at.max(buddy)) {
                granule.tag = Tag::Inside;
            }
            at = at.min(buddy);
            class = class.saturating_add(1);
        }
        self.put(at, class);
    }

    /// Makes `at` the start of a free piece and puts it at the head of its list.
    fn put(&mut self, at: usize, class: usize) {
        let (Ok(index), Ok(tag)) = (u32::try_from(at), u8::try_from(class)) else {
            return;
        };
        let Some(head) = self.heads.get_mut(class) else {
            return;
        };
        let next = core::mem::replace(head, index);
        if let Some(granule) = self.granules.get_mut(at) {
            *granule = Granule {
                tag: Tag::Free(tag),
                next,
                previous: NONE,
            };
        }
        if let Some(follower) = usize::try_from(next)
            .ok()
            .and_then(|next| self.granules.get_mut(next))
        {
            follower.previous = index;
        }
    }

    /// Takes a free piece out of its list. Its tag is the caller's to change.
    fn unlink(&mut self, at: usize, class: usize) {
        let Some(granule) = self.granules.get_mut(at) else {
            return;
        };
        let (next, previous) = (granule.next, granule.previous);
        granule.tag = Tag::Inside;
        granule.next = NONE;
        granule.previous = NONE;
        let before = usize::try_from(previous).ok().filter(|_| previous != NONE);
        match before.and_then(|p| self.granules.get_mut(p)) {
            Some(p) => p.next = next,
            None => {
                if let Some(head) = self.heads.get_mut(class) {
                    *head = next;
                }
            }
        }
        if let Some(follower) = usize::try_from(next)
            .ok()
            .filter(|_| next != NONE)
            .and_then(|n| self.granules.get_mut(n))
        {
            follower.previous = previous;
        }
    }
}

#[cfg(test)]
#[path = "buddy_tests.rs"]
mod tests;
