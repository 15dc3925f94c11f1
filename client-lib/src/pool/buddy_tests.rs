//! The allocator against a model: a list of ranges that may not overlap.

use super::*;
use std::vec::Vec;

/// A small generator, the same sequence on every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }
}

#[test]
fn the_whole_area_is_free_at_first_and_again_at_last() {
    for granules in [1_usize, 2, 3, 7, 8, 9, 63, 64, 100, 1000] {
        let base = 8192;
        let mut buddy = Buddy::new(base, granules * GRANULE + 17).unwrap();
        assert_eq!(buddy.free_bytes(), granules * GRANULE);
        let largest = buddy.largest();
        let mut spans = Vec::new();
        while let Some(span) = buddy.alloc(1) {
            spans.push(span);
        }
        assert_eq!(spans.len(), granules);
        assert_eq!((buddy.free_bytes(), buddy.largest()), (0, 0));
        for span in spans {
            buddy.free(span);
        }
        assert_eq!(
            (buddy.free_bytes(), buddy.largest()),
            (granules * GRANULE, largest)
        );
    }
}

#[test]
fn random_use_never_overlaps_and_never_leaks() {
    let (base, granules) = (4096, 777);
    let rounds = if cfg!(miri) { 400 } else { 20_000 };
    let mut buddy = Buddy::new(base, granules * GRANULE).unwrap();
    let largest = buddy.largest();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut live: Vec<Span> = Vec::new();
    let mut used = 0;
    for _ in 0..rounds {
        if random.next(100) < 55 {
            let len = 1 + random.next(64 * GRANULE);
            if let Some(span) = buddy.alloc(len) {
                assert!(span.len() >= len && span.len() < (2 * len).max(GRANULE + 1));
                assert!(span.offset() >= base && span.offset() + span.len() <= base + granules * GRANULE);
                assert_eq!(
                    (span.offset() - base) % span.len(),
                    0,
                    "aligned to its own length"
                );
                for other in &live {
                    let apart = span.offset() + span.len() <= other.offset()
                        || other.offset() + other.len() <= span.offset();
                    assert!(apart, "{span:?} overlaps {other:?}");
                }
                used += span.len();
                live.push(span);
            }
        } else if !live.is_empty() {
            let span = live.swap_remove(random.next(live.len()));
            used -= span.len();
            buddy.free(span);
        }
        assert_eq!(buddy.free_bytes(), granules * GRANULE - used);
    }
    for span in live {
        buddy.free(span);
    }
    assert_eq!(
        (buddy.free_bytes(), buddy.largest()),
        (granules * GRANULE, largest)
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut buddy = Buddy::new(0, 16 * GRANULE).unwrap();
    assert!(buddy.alloc(16 * GRANULE + 1).is_none());
    assert!(buddy.alloc(usize::MAX).is_none());
    let all = buddy.alloc(16 * GRANULE).unwrap();
    assert!(buddy.alloc(1).is_none());
    buddy.free(all);
    assert!(Buddy::new(0, 0).unwrap().alloc(1).is_none());
}
