//! The peer that counts on a second look: each shared field is loaded once (S-01), own fields never (S-03), and
//! whatever a lying memory says, nothing panics, nothing goes astray, and a fault is final (S-04).

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::{Rng, desc};
use csock_wire::test_util::{CountingMem, FlipFlopMem, LyingMem, VecMem};
use csock_wire::{
    Consumer, Desc, DescLimits, Load, PoolHeader, Producer, PushError, RingBlock, RingBlockGeometry,
    RingFault, RingGeometry, RingKind, SharedMem, Store,
};

const CAPACITY: u32 = 4;
const RING_LEN: usize = 192 + 4 * 32;

fn ring() -> RingGeometry {
    RingGeometry::at(0, CAPACITY)
}

/// A ring with `n` descriptors published, and the memory it lies in.
fn filled(n: u64) -> (VecMem, Producer<VecMem>) {
    let mem = VecMem::new(RING_LEN);
    let mut p = Producer::new(mem.clone(), ring());
    for i in 0..n {
        p.push(&desc(i)).unwrap();
    }
    p.publish().unwrap();
    (mem, p)
}

#[test]
fn popping_loads_each_field_once() {
    let (mem, _p) = filled(3);
    let mem = CountingMem::new(mem);
    let mut c = Consumer::new(mem.clone(), ring());
    for i in 0..3_usize {
        c.pop().unwrap();
        let loads = mem.take_loads();
        let slot = ring().slots() + i * 32;
        // Four words of the slot; the producer index only with the first.
        let index = (i == 0).then_some((ring().producer_index(), 1));
        let words = [0, 8, 16, 24].map(|word| (slot + word, 1));
        let expected: Vec<_> = index.into_iter().chain(words).collect();
        assert_eq!(loads.into_iter().collect::<Vec<_>>(), expected);
    }
    c.pop().unwrap();
    assert_eq!(
        mem.take_loads().into_iter().collect::<Vec<_>>(),
        [(ring().producer_index(), 1)]
    );
}

#[test]
fn each_side_loads_the_peers_words_only() {
    let ring = ring();
    let shared = VecMem::new(RING_LEN);
    let (theirs, ours) = (CountingMem::new(shared.clone()), CountingMem::new(shared));
    // The producer owns its index and the slots; the consumer owns its index. Both write `armed`; only the producer
    // looks at it.
    ours.forbid_loads(ring.producer_index()..ring.producer_index() + 4);
    ours.forbid_loads(ring.slots()..RING_LEN);
    ours.forbid_stores(ring.consumer_index()..ring.consumer_index() + 4);
    theirs.forbid_loads(ring.consumer_index()..ring.consumer_index() + 4);
    theirs.forbid_loads(ring.armed_word()..ring.armed_word() + 4);
    theirs.forbid_stores(ring.producer_index()..ring.producer_index() + 4);
    theirs.forbid_stores(ring.slots()..RING_LEN);
    let mut p = Producer::new(ours.clone(), ring);
    let mut c = Consumer::new(theirs.clone(), ring);
    for i in 0..if cfg!(miri) { 10 } else { 100 } {
        while p.push(&desc(i)).is_ok() {}
        p.publish().unwrap();
        ours.take_loads();
        p.must_ring().unwrap();
        assert!(ours.take_loads().values().all(|n| *n == 1));
        while c.pop().unwrap().is_some() {}
        c.publish().unwrap();
        theirs.take_loads();
        c.arm().unwrap();
        assert!(theirs.take_loads().values().all(|n| *n == 1));
        ours.take_loads();
        p.free().unwrap();
        p.consumed().unwrap();
        assert_eq!(
            ours.take_loads().into_iter().collect::<Vec<_>>(),
            [(ring.consumer_index(), 2)]
        );
    }
}

#[test]
fn a_second_look_would_be_noticed() {
    let (mem, _p) = filled(4);
    let flip = FlipFlopMem::new(mem);
    let mut c = Consumer::new(flip.clone(), ring());
    for i in 0..4 {
        // Any field loaded twice would come out as its opposite.
        assert_eq!(c.pop(), Ok(Some(desc(i))));
    }
    flip.forget();
    assert_eq!(c.pop(), Ok(None));

    let pool = VecMem::new(8192);
    PoolHeader {
        size: 8192,
        data_offset: 4096,
    }
    .write(&pool)
    .unwrap();
    let header = PoolHeader::read(&FlipFlopMem::new(pool)).unwrap();
    assert_eq!(
        header,
        PoolHeader {
            size: 8192,
            data_offset: 4096
        }
    );
}

/// What a side wrote itself may be overwritten by anybody at any time, without effect.
#[test]
fn scribbling_over_our_own_fields_changes_nothing() {
    let ring = ring();
    let mem = VecMem::new(RING_LEN);
    let mut p = Producer::new(mem.clone(), ring);
    let mut c = Consumer::new(mem.clone(), ring);
    let mut rng = Rng::new(3);
    for i in 0..if cfg!(miri) { 20 } else { 100_000_u64 } {
        p.push(&desc(i)).unwrap();
        p.publish().unwrap();
        assert_eq!(c.pop(), Ok(Some(desc(i))));
        // Now the slot and the producer index are of no more use; the producer must not look at them again.
        for word in (ring.slots()..RING_LEN).step_by(8) {
            mem.store_u64(word, rng.next()).unwrap();
        }
        mem.store_u32(ring.producer_index(), rng.next() as u32, Store::Relaxed)
            .unwrap();
        c.publish().unwrap();
        assert_eq!(p.free(), Ok(CAPACITY));
        mem.store_u32(ring.consumer_index(), rng.next() as u32, Store::Relaxed)
            .unwrap();
    }
}

/// The peer's index at every distance, on either side: outside the window is a fault, and the ring is dead.
#[test]
fn a_fault_is_final_and_stops_all_access() {
    for value in [5, 6, 100, 0x7FFF_FFFF, 0x8000_0000, u32::MAX - 1, u32::MAX] {
        let loads = Rc::new(Cell::new(0));
        let count = loads.clone();
        let mem = LyingMem::new(RING_LEN, move |_| {
            count.set(count.get() + 1);
            value.into()
        });
        let mut c = Consumer::new(mem.clone(), ring());
        let fault = RingFault::PeerIndex {
            value,
            own: 0,
            capacity: CAPACITY,
        };
        assert_eq!(c.pop(), Err(fault));
        assert_eq!(loads.get(), 1);
        assert_eq!(c.fault(), Some(fault));
        assert_eq!(c.pop(), Err(fault));
        assert_eq!(c.available(), Err(fault));
        assert_eq!(c.publish(), Err(fault));
        assert_eq!(c.arm(), Err(fault));
        assert_eq!(c.disarm(), Err(fault));
        assert_eq!(loads.get(), 1, "not read again");

        loads.set(0);
        let mut p = Producer::new(mem, ring());
        assert_eq!(p.free(), Err(fault));
        assert_eq!(p.push(&desc(0)), Err(PushError::Fault(fault)));
        assert_eq!(p.publish(), Err(fault));
        assert_eq!(p.must_ring(), Err(fault));
        assert_eq!(p.consumed(), Err(fault));
        assert_eq!(loads.get(), 1, "not read again");
    }
}

/// The producer goes backwards inside the window: still a fault.
#[test]
fn a_peer_that_takes_back_is_found() {
    let (mem, _p) = filled(3);
    let mut c = Consumer::new(mem.clone(), ring());
    assert_eq!(c.available(), Ok(3));
    mem.store_u32(ring().producer_index(), 2, Store::Relaxed).unwrap();
    assert!(matches!(
        c.available(),
        Err(RingFault::PeerIndex { value: 2, .. })
    ));

    let (mem, mut p) = filled(3);
    mem.store_u32(ring().consumer_index(), 2, Store::Relaxed).unwrap();
    assert_eq!(p.free(), Ok(3));
    mem.store_u32(ring().consumer_index(), 1, Store::Relaxed).unwrap();
    assert!(matches!(p.free(), Err(RingFault::PeerIndex { value: 1, .. })));
}

/// Random lies, biased towards plausible ones. Accepted descriptors stay inside the data area; a loop is bounded by
/// the capacity that was available, whatever the producer does meanwhile.
#[test]
fn lies_never_lead_astray() {
    let limits = DescLimits {
        data_offset: 4096,
        pool_len: 1 << 20,
        max_len: 65536,
    };
    let rounds = if cfg!(miri) { 5 } else { 20_000 };
    let (mut accepted, mut refused, mut faults) = (0_u64, 0_u64, 0_u64);
    for seed in 0..rounds {
        let mut rng = Rng::new(seed);
        let mut index = 0_u32;
        let mem = LyingMem::new(RING_LEN, move |read| match (read.width, rng.below(16)) {
            (4, 0) => rng.next(),
            (4, n) => {
                index = index.wrapping_add((n % 4) as u32);
                index.into()
            }
            (_, 0) => rng.next(),
            (_, 1) => 0,
            (_, 2) => 1 << rng.below(64),
            _ => 4096 + rng.below(1 << 16),
        });
        let mut c = Consumer::new(mem.clone(), ring());
        for _ in 0..32 {
            let Ok(n) = c.available() else {
                faults += 1;
                break;
            };
            assert!(n <= CAPACITY);
            for _ in 0..n {
                let d = c.pop().unwrap().unwrap();
                for kind in RingKind::ALL {
                    match d.check(kind, &limits) {
                        Ok(ok) if !ok.is_empty() => {
                            assert!(ok.offset() >= 4096 && ok.offset() + ok.len() as usize <= 1 << 20);
                            accepted += 1;
                        }
                        Ok(_) => {}
                        Err(_) => refused += 1,
                    }
                }
            }
            c.publish().unwrap();
            let _ = c.arm();
        }
        let mut p = Producer::new(mem, ring());
        for i in 0..32 {
            let before = p.fault();
            let pushed = p.push(&desc(i));
            assert!(before.is_none() || pushed.is_err());
            let _ = (p.publish(), p.must_ring(), p.consumed(), p.free());
        }
    }
    println!("lies: {accepted} accepted, {refused} refused, {faults} rings failed");
    assert!(
        accepted > 0 && refused > 0 && faults > 0,
        "the lies must reach every outcome"
    );
}

/// Punched memory reads as zeros (S-17): an empty ring, or descriptors that no check accepts.
#[test]
fn zeros_are_harmless() {
    let limits = DescLimits {
        data_offset: 4096,
        pool_len: 8192,
        max_len: 4096,
    };
    let zero = Desc::default();
    for kind in [RingKind::Submission, RingKind::Fill, RingKind::Ready] {
        assert!(zero.check(kind, &limits).is_err());
    }
    let mem = LyingMem::new(RING_LEN, |_| 0);
    assert_eq!(Consumer::new(mem.clone(), ring()).pop(), Ok(None));
    assert_eq!(Producer::new(mem.clone(), ring()).free(), Ok(CAPACITY));
    assert!(PoolHeader::read(&VecMem::new(8192)).is_err());
    let geometry = RingBlockGeometry {
        offset: 4096,
        sq: 2,
        cq: 2,
        fq: 2,
        rq: 2,
        reserved: [0; 2],
    };
    let block = RingBlock::validate(&geometry, 8192).unwrap();
    assert!(block.check_magic(&VecMem::new(8192)).is_err());
}

/// The two halves of a block do not share a cache line that two writers write.
#[test]
fn words_of_different_writers_lie_in_different_lines() {
    let ring = RingGeometry::at(64, 8);
    let line = |off: usize| off / 64;
    let lines = [
        ring.producer_index(),
        ring.consumer_index(),
        ring.armed_word(),
        ring.slots(),
    ]
    .map(line);
    let mut unique = lines.to_vec();
    unique.dedup();
    assert_eq!(unique, lines);
    let mem = VecMem::new(4096);
    assert_eq!(mem.load_u32(ring.producer_index(), Load::Relaxed), Ok(0));
}
