//! L1 and L2: the ring and its doorbell.

use csock_wire::{Consumer, Load, Producer, PushError, SharedMem, Store};
use loom::sync::Notify;
use loom::thread;
use std::sync::Arc;

use crate::model::{LoomMem, START, desc, explore, ring};

/// L1: 3 items through 2 slots over the wrap. Each arrives once, in order, complete; a slot is never written while it
/// is read (its cells are not atomic).
#[test]
fn l1_publish_and_consume() {
    explore("L1 publish/consume", || {
        let mem = LoomMem::new();
        let theirs = mem.clone();
        let producer = thread::spawn(move || {
            let mut p = Producer::starting_at(theirs, ring(), START);
            for i in 0..3 {
                loop {
                    match p.push(&desc(i)) {
                        Ok(()) => break,
                        Err(PushError::Full) => thread::yield_now(),
                        Err(PushError::Fault(f)) => panic!("{f}"),
                    }
                }
                p.publish().unwrap();
            }
            assert_eq!(p.position(), START.wrapping_add(3));
        });
        let mut c = Consumer::starting_at(mem, ring(), START);
        let mut next = 0;
        while next < 3 {
            match c.pop().unwrap() {
                Some(d) => {
                    assert_eq!(d, desc(next));
                    next += 1;
                    c.publish().unwrap();
                }
                None => thread::yield_now(),
            }
        }
        assert_eq!(c.pop().unwrap(), None);
        producer.join().unwrap();
    });
}

/// A batch: two items, one publish each way.
#[test]
fn l1_batches() {
    explore("L1 batches", || {
        let mem = LoomMem::new();
        let theirs = mem.clone();
        let producer = thread::spawn(move || {
            let mut p = Producer::starting_at(theirs, ring(), START);
            p.push(&desc(0)).unwrap();
            p.push(&desc(1)).unwrap();
            p.publish().unwrap();
            while p.free().unwrap() == 0 {
                thread::yield_now();
            }
            assert_eq!(p.free(), Ok(2), "given back together");
            p.push(&desc(2)).unwrap();
            p.publish().unwrap();
        });
        let mut c = Consumer::starting_at(mem, ring(), START);
        let mut next = 0;
        while next < 3 {
            let n = c.available().unwrap();
            assert!(
                if next == 0 { n == 0 || n == 2 } else { n <= 1 },
                "published together"
            );
            for _ in 0..n {
                assert_eq!(c.pop().unwrap(), Some(desc(next)));
                next += 1;
            }
            c.publish().unwrap();
            if n == 0 {
                thread::yield_now();
            }
        }
        producer.join().unwrap();
    });
}

/// Pops `items`, and sleeps on `bell` whenever arming finds nothing.
fn sleepy_consumer(mem: LoomMem, bell: &Notify, items: u32) {
    let mut c = Consumer::starting_at(mem, ring(), START);
    let mut next = 0;
    while next < items {
        if !c.arm().unwrap() {
            bell.wait();
        }
        for _ in 0..c.available().unwrap() {
            assert_eq!(c.pop().unwrap(), Some(desc(next)));
            next += 1;
        }
    }
}

/// Pushes two items one by one and rings when asked to.
fn ringing_producer(mem: LoomMem, bell: &Notify) {
    let mut p = Producer::starting_at(mem, ring(), START);
    for i in 0..2 {
        p.push(&desc(i)).unwrap();
        p.publish().unwrap();
        if p.must_ring().unwrap() {
            bell.notify();
        }
    }
}

/// A lost doorbell is a deadlock, which loom reports.
fn doorbell(name: &str, producer_fence: bool, consumer_fence: bool) {
    explore(name, move || {
        let mem = LoomMem::new();
        let theirs = mem.fenced(producer_fence);
        let bell = Arc::new(Notify::new());
        let theirs_bell = bell.clone();
        let producer = thread::spawn(move || ringing_producer(theirs, &theirs_bell));
        sleepy_consumer(mem.fenced(consumer_fence), &bell, 2);
        producer.join().unwrap();
    });
}

/// Two items, so that it covers a consumer that takes the first and arms again while the ring for the first is under
/// way: the plain store that clears the armed word takes that arming away only when a ring follows.
#[test]
fn l2_no_doorbell_is_lost() {
    doorbell("L2 doorbell", true, true);
}

/// Both directions at once: a client sends a request and sleeps for the answer, the module likewise.
#[test]
fn l2_no_doorbell_is_lost_in_either_direction() {
    explore("L2 both directions", || {
        let (there, back) = (LoomMem::new(), LoomMem::new());
        let (bell_there, bell_back) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let module = {
            let (there, back) = (there.clone(), back.clone());
            let (bell_there, bell_back) = (bell_there.clone(), bell_back.clone());
            thread::spawn(move || {
                sleepy_consumer(there, &bell_there, 1);
                let mut answers = Producer::starting_at(back, ring(), START);
                answers.push(&desc(0)).unwrap();
                answers.publish().unwrap();
                if answers.must_ring().unwrap() {
                    bell_back.notify();
                }
            })
        };
        let mut requests = Producer::starting_at(there, ring(), START);
        requests.push(&desc(0)).unwrap();
        requests.publish().unwrap();
        if requests.must_ring().unwrap() {
            bell_there.notify();
        }
        sleepy_consumer(back, &bell_back, 1);
        module.join().unwrap();
    });
}

/// The controls: with either fence missing, loom must find the lost doorbell. They stay for ever.
mod controls {
    use super::doorbell;

    #[test]
    #[should_panic(expected = "deadlock")]
    fn l2_without_the_producers_fence_must_fail() {
        doorbell("control", false, true);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn l2_without_the_consumers_fence_must_fail() {
        doorbell("control", true, false);
    }

    #[test]
    #[should_panic(expected = "deadlock")]
    fn l2_without_any_fence_must_fail() {
        doorbell("control", false, false);
    }
}

/// The control of L1: a consumer that gives a slot back before it has read it.
#[test]
#[should_panic(expected = "Concurrent")]
fn l1_giving_back_before_reading_must_fail() {
    explore("control", || {
        let mem = LoomMem::new();
        let theirs = mem.clone();
        let producer = thread::spawn(move || {
            let mut p = Producer::starting_at(theirs, ring(), START);
            for i in 0..3 {
                while p.push(&desc(i)) == Err(PushError::Full) {
                    thread::yield_now();
                }
                p.publish().unwrap();
            }
        });
        for i in 0..3_u32 {
            let index = START.wrapping_add(i);
            while mem.load_u32(ring().producer_index(), Load::Acquire).unwrap() == index {
                thread::yield_now();
            }
            mem.store_u32(ring().consumer_index(), index.wrapping_add(1), Store::Release)
                .unwrap();
            let slot = ring().slots() + (index & 1) as usize * 32;
            assert_eq!(mem.load_u64(slot).unwrap(), desc(i).offset);
        }
        producer.join().unwrap();
    });
}
