//! Every state that indices of 8 bits can be in (S-04, S-05): the same code runs with 32 bits in the product.

mod common;

use csock_wire::ring::Index;
use csock_wire::test_util::CountingMem;
use csock_wire::test_util::VecMem;
use csock_wire::{
    Change, Consumer, Desc, Load, OutOfBounds, Producer, RingFault, RingGeometry, SharedMem, Store,
};

const CAPACITIES: [u32; 7] = [2, 4, 8, 16, 32, 64, 128];
/// For each of 256 starts and 256 values: 0 to capacity descriptors on the way, twice.
const STATES: u64 = 256 * 256 * 2 * (3 + 5 + 9 + 17 + 33 + 65 + 129);

/// A memory whose every `u32` is one value: all that a window check sees.
#[derive(Clone, Copy, Debug)]
struct Says(u32);

impl SharedMem for Says {
    fn len(&self) -> usize {
        1 << 20
    }
    fn load_u32(&self, _: usize, _: Load) -> Result<u32, OutOfBounds> {
        Ok(self.0)
    }
    fn store_u32(&self, _: usize, _: u32, _: Store) -> Result<(), OutOfBounds> {
        Ok(())
    }
    fn load_u64(&self, _: usize) -> Result<u64, OutOfBounds> {
        Ok(0)
    }
    fn store_u64(&self, _: usize, _: u64) -> Result<(), OutOfBounds> {
        Ok(())
    }
    fn load_word(&self, _: usize) -> Result<u64, OutOfBounds> {
        Ok(0)
    }
    fn store_word(&self, _: usize, _: u64) -> Result<(), OutOfBounds> {
        Ok(())
    }
    fn change_word(&self, _: usize, _: Change) -> Result<u64, OutOfBounds> {
        Ok(0)
    }
    fn exchange_word(&self, _: usize, _: u64, _: u64) -> Result<Result<u64, u64>, OutOfBounds> {
        Ok(Ok(0))
    }
    fn copy_in(&self, _: usize, _: &mut [u8]) -> Result<(), OutOfBounds> {
        Ok(())
    }
    fn copy_out(&self, _: usize, _: &[u8]) -> Result<(), OutOfBounds> {
        Ok(())
    }
}

fn all_u8() -> impl Iterator<Item = u8> {
    0..=u8::MAX
}

/// The check itself, against arithmetic that does not wrap: all 2^24 triples.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn window_check_agrees_with_unwrapped_arithmetic() {
    let mut states = 0_u64;
    for seen in all_u8() {
        for window in all_u8() {
            let limit = seen.wrapping_add(window);
            for value in all_u8() {
                // Unwrap: the first position at or after `seen` that looks like `value`.
                let (from, to) = (u32::from(seen), u32::from(value));
                let unwrapped = if to >= from { to } else { to + 256 };
                let distance = unwrapped - from;
                let expected = (distance <= u32::from(window)).then_some(distance);
                assert_eq!(
                    value.moved(seen, limit),
                    expected,
                    "{value} from {seen} to {limit}"
                );
                states += 1;
            }
        }
    }
    println!("window check: {states} states");
    assert_eq!(states, 1 << 24);
}

/// The consumer in every (published, popped, seen) with popped at either end, against every producer index.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn consumer_accepts_exactly_the_window() {
    let mut states = 0_u64;
    for capacity in CAPACITIES {
        let ring = RingGeometry::at(0, capacity);
        for published in all_u8() {
            for seen_by in 0..=capacity {
                let seen = published.forward(seen_by);
                for next in [published, seen] {
                    for value in all_u8() {
                        let mem = Says(value.into());
                        let mut c = Consumer::<_, u8>::in_state(mem, ring, next, published, seen);
                        let ahead = u32::from(value.wrapping_sub(published));
                        let result = c.available();
                        // Legal: not behind what was seen, not more than the capacity ahead of what was given back.
                        if ahead >= seen_by && ahead <= capacity {
                            let popped = u32::from(next.wrapping_sub(published));
                            assert_eq!(result, Ok(ahead - popped));
                        } else {
                            let fault = RingFault::PeerIndex {
                                value: value.into(),
                                own: published.into(),
                                capacity,
                            };
                            assert_eq!(result, Err(fault));
                            assert_eq!(c.pop(), Err(fault));
                        }
                        states += 1;
                    }
                }
            }
        }
    }
    println!("consumer: {states} states");
    assert_eq!(states, STATES);
}

/// The producer in every (published, seen) with nothing or everything unpublished, against every consumer index.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn producer_accepts_exactly_the_window() {
    let mut states = 0_u64;
    for capacity in CAPACITIES {
        let ring = RingGeometry::at(0, capacity);
        for seen in all_u8() {
            for outstanding in 0..=capacity {
                let published = seen.forward(outstanding);
                for next in [published, seen.forward(capacity)] {
                    for value in all_u8() {
                        let mem = Says(value.into());
                        let mut p = Producer::<_, u8>::in_state(mem, ring, next, published, seen);
                        let moved = u32::from(value.wrapping_sub(seen));
                        let result = p.free();
                        // Legal: not behind what was seen, not past what was published.
                        if moved <= outstanding {
                            let taken = u32::from(next.wrapping_sub(seen));
                            assert_eq!(result, Ok(capacity - (taken - moved)));
                        } else {
                            let fault = RingFault::PeerIndex {
                                value: value.into(),
                                own: published.into(),
                                capacity,
                            };
                            assert_eq!(result, Err(fault));
                            assert!(p.push(&Desc::default()).is_err());
                        }
                        states += 1;
                    }
                }
            }
        }
    }
    println!("producer: {states} states");
    assert_eq!(states, STATES);
}

/// From every index, for every capacity: the slot lies inside the ring, and consecutive slots are distinct.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn every_slot_lies_in_the_ring() {
    for capacity in CAPACITIES {
        let ring = RingGeometry::at(0, capacity);
        let end = ring.slots() + capacity as usize * 32;
        let mem = CountingMem::new(VecMem::new(end));
        for start in all_u8() {
            let mut p = Producer::<_, u8>::in_state(mem.clone(), ring, start, start, start);
            // Room for a whole capacity, so every slot is written once.
            while p.push(&common::desc(1)).is_ok() {}
            let stores = mem.take_stores();
            assert_eq!(stores.len(), capacity as usize * 4);
            assert!(stores.keys().all(|off| *off >= ring.slots() && *off + 8 <= end));
            assert!(stores.values().all(|n| *n == 1));
        }
    }
}
