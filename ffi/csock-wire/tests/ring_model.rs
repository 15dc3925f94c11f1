//! The ring against a queue: random operations, every capacity, starting at the wrap too.

mod common;

use std::collections::VecDeque;

use common::{NEAR_WRAP, Rng, desc};
use csock_wire::test_util::VecMem;
use csock_wire::{Consumer, Desc, Load, Producer, PushError, RingGeometry, SharedMem, Store};

const STEPS: u32 = if cfg!(miri) { 100 } else { 40_000 };

/// The ring, and what it must hold.
struct Model {
    producer: Producer<VecMem>,
    consumer: Consumer<VecMem>,
    capacity: usize,
    /// Pushed, not yet published.
    hidden: VecDeque<Desc>,
    /// Published, not yet popped.
    visible: VecDeque<Desc>,
    /// Popped, not yet given back.
    held: usize,
    pushed: u64,
    popped: u64,
}

impl Model {
    fn new(capacity: u32, start: u32) -> Model {
        let ring = RingGeometry::at(64, capacity);
        let mem = VecMem::new(ring.slots() + capacity as usize * 32);
        mem.fill(0xA5);
        mem.store_u32(ring.producer_index(), start, Store::Relaxed)
            .unwrap();
        mem.store_u32(ring.consumer_index(), start, Store::Relaxed)
            .unwrap();
        Model {
            producer: Producer::starting_at(mem.clone(), ring, start),
            consumer: Consumer::starting_at(mem, ring, start),
            capacity: capacity as usize,
            hidden: VecDeque::new(),
            visible: VecDeque::new(),
            held: 0,
            pushed: 0,
            popped: 0,
        }
    }

    fn used(&self) -> usize {
        self.hidden.len() + self.visible.len() + self.held
    }

    fn step(&mut self, choice: u64) {
        match choice {
            0..=3 => {
                let d = desc(self.pushed);
                let result = self.producer.push(&d);
                if self.used() == self.capacity {
                    assert_eq!(result, Err(PushError::Full));
                } else {
                    assert_eq!(result, Ok(()));
                    self.hidden.push_back(d);
                    self.pushed += 1;
                }
            }
            4 => {
                self.producer.publish().unwrap();
                self.visible.append(&mut self.hidden);
            }
            5..=8 => {
                let got = self.consumer.pop().unwrap();
                assert_eq!(got, self.visible.pop_front());
                if got.is_some() {
                    self.held += 1;
                    self.popped += 1;
                }
            }
            9 => {
                self.consumer.publish().unwrap();
                self.held = 0;
            }
            10 => assert_eq!(self.consumer.available(), Ok(self.visible.len() as u32)),
            11 => assert_eq!(self.producer.free(), Ok((self.capacity - self.used()) as u32)),
            12 => assert_eq!(self.consumer.arm(), Ok(!self.visible.is_empty())),
            _ => {
                let _ = self.producer.must_ring().unwrap();
            }
        }
    }
}

#[test]
fn behaves_like_a_queue() {
    let mut operations = 0_u64;
    for (seed, start) in [0, 1, NEAR_WRAP, u32::MAX, 0x7FFF_FFFE].into_iter().enumerate() {
        for capacity in if cfg!(miri) {
            [2, 4, 8, 16]
        } else {
            [2, 4, 16, 4096]
        } {
            let mut model = Model::new(capacity, start);
            let mut rng = Rng::new(seed as u64 * 16 + u64::from(capacity));
            for _ in 0..STEPS {
                model.step(rng.below(14));
                operations += 1;
            }
            assert!(model.popped > u64::from(STEPS) / 100, "the test must move data");
            let consumed = model.producer.consumed().unwrap();
            assert_eq!(consumed, model.consumer.position());
            let at = start.wrapping_add(model.popped as u32);
            assert_eq!(model.consumer.cursor(), at);
        }
    }
    println!("ring model: {operations} operations");
}

#[test]
fn positions_wrap() {
    let ring = RingGeometry::at(0, 8);
    let mem = VecMem::new(1024);
    mem.store_u32(ring.producer_index(), NEAR_WRAP, Store::Relaxed)
        .unwrap();
    mem.store_u32(ring.consumer_index(), NEAR_WRAP, Store::Relaxed)
        .unwrap();
    let mut p = Producer::starting_at(mem.clone(), ring, NEAR_WRAP);
    let mut c = Consumer::starting_at(mem.clone(), ring, NEAR_WRAP);
    for i in 0..64 {
        p.push(&desc(i)).unwrap();
        p.publish().unwrap();
        assert_eq!(c.pop(), Ok(Some(desc(i))));
        assert_eq!(c.cursor(), p.position());
        c.publish().unwrap();
        assert_eq!(p.consumed(), Ok(c.position()));
    }
    assert_eq!(p.position(), 48);
    assert_eq!(mem.load_u32(ring.producer_index(), Load::Relaxed), Ok(48));
}

#[test]
fn a_doorbell_is_asked_for_once_for_each_arming() {
    let ring = RingGeometry::at(0, 8);
    let mem = VecMem::new(1024);
    let mut p = Producer::new(mem.clone(), ring);
    let mut c = Consumer::new(mem, ring);
    assert_eq!(p.must_ring(), Ok(false), "nobody sleeps");
    assert_eq!(c.arm(), Ok(false), "nothing to do: sleep");
    p.push(&desc(0)).unwrap();
    p.publish().unwrap();
    assert_eq!(p.must_ring(), Ok(true));
    assert_eq!(p.must_ring(), Ok(false), "one ring is enough");
    assert_eq!(c.arm(), Ok(true), "work is there: stay awake");
    assert_eq!(p.must_ring(), Ok(false), "and the asking was undone");
    c.pop().unwrap();
    assert_eq!(c.arm(), Ok(false));
    c.disarm().unwrap();
    assert_eq!(p.must_ring(), Ok(false));
}

#[test]
fn a_doorbell_that_failed_is_asked_for_again() {
    let ring = RingGeometry::at(0, 8);
    let mem = VecMem::new(1024);
    let mut p = Producer::new(mem.clone(), ring);
    let mut c = Consumer::new(mem, ring);
    c.arm().unwrap();
    p.push(&desc(0)).unwrap();
    p.publish().unwrap();
    assert_eq!(p.must_ring(), Ok(true));
    p.ring_failed();
    assert_eq!(p.must_ring(), Ok(true));
    assert_eq!(p.must_ring(), Ok(false));
}

#[test]
fn a_ring_outside_its_memory_is_a_fault_and_not_an_access() {
    let ring = RingGeometry::at(0, 8);
    for len in [0, 4, 64, 128, 132, 192, 192 + 31] {
        let mem = VecMem::new(len);
        let mut p = Producer::new(mem.clone(), ring);
        let result = p
            .push(&desc(0))
            .map_err(|_| ())
            .and_then(|()| p.publish().map_err(|_| ()));
        assert!(result.is_err(), "{len}");
        assert!(p.fault().is_some());
        let mut c = Consumer::new(mem, ring);
        if len < 4 {
            assert!(c.pop().is_err());
            assert!(c.fault().is_some());
        }
    }
}
