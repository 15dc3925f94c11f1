//! The product's accessor between real threads: order, contents, doorbells, turns. Also what Miri looks at.

mod common;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use common::{NEAR_WRAP, desc};
use csock_wire::{
    Consumer, Producer, PushError, RingGeometry, RunOutcome, SharedMem, SharedRegion, Store, Turn,
};

const ITEMS: u64 = if cfg!(miri) { 60 } else { 200_000 };
const CAPACITY: u32 = if cfg!(miri) { 4 } else { 64 };
const DATA: usize = 32;

fn ring() -> RingGeometry {
    RingGeometry::at(0, CAPACITY)
}

fn data_at(i: u64) -> usize {
    ring().slots() + CAPACITY as usize * 32 + (i % u64::from(CAPACITY)) as usize * DATA
}

/// Pushes all items with a payload each; rings when asked to, sleeps when the ring is full.
fn produce(region: SharedRegion, start: u32, bell: &mpsc::Sender<()>, room: &mpsc::Receiver<()>) {
    let mut p = Producer::starting_at(region, ring(), start);
    for i in 0..ITEMS {
        while p.free().unwrap() == 0 {
            room.recv().unwrap();
        }
        // The payload before the descriptor before the index.
        region.copy_out(data_at(i), &[i as u8; DATA]).unwrap();
        match p.push(&desc(i)) {
            Ok(()) => {}
            Err(PushError::Full | PushError::Fault(_)) => panic!("there was room"),
        }
        p.publish().unwrap();
        if p.must_ring().unwrap() {
            bell.send(()).unwrap();
        }
    }
}

/// Takes all items; sleeps whenever the ring is empty. A lost doorbell hangs the test.
fn consume(region: SharedRegion, start: u32, bell: &mpsc::Receiver<()>, room: &mpsc::Sender<()>) -> u64 {
    let mut c = Consumer::starting_at(region, ring(), start);
    let (mut next, mut sleeps) = (0, 0);
    while next < ITEMS {
        for _ in 0..c.available().unwrap() {
            assert_eq!(c.pop(), Ok(Some(desc(next))));
            let mut data = [0; DATA];
            region.copy_in(data_at(next), &mut data).unwrap();
            assert_eq!(data, [next as u8; DATA]);
            next += 1;
        }
        c.publish().unwrap();
        let _ = room.send(());
        if next < ITEMS && !c.arm().unwrap() {
            bell.recv().unwrap();
            sleeps += 1;
        }
    }
    sleeps
}

#[test]
fn everything_arrives_once_in_order_and_nobody_sleeps_for_ever() {
    for start in [0, NEAR_WRAP] {
        let mut pool = common::Pool::new(data_at(0) + CAPACITY as usize * DATA);
        let region = pool.region();
        region
            .store_u32(ring().producer_index(), start, Store::Relaxed)
            .unwrap();
        region
            .store_u32(ring().consumer_index(), start, Store::Relaxed)
            .unwrap();
        let (bell_tx, bell_rx) = mpsc::channel();
        let (room_tx, room_rx) = mpsc::channel();
        let producer = thread::spawn(move || produce(region, start, &bell_tx, &room_rx));
        let sleeps = consume(region, start, &bell_rx, &room_tx);
        producer.join().unwrap();
        println!("{ITEMS} descriptors from {start:#x}, consumer slept {sleeps} times");
    }
}

/// Threads post and run; every bit is served, one thread at a time, and nobody waits.
#[test]
fn a_turn_serves_every_bit() {
    const THREADS: u32 = 4;
    let rounds: u64 = if cfg!(miri) { 20 } else { 50_000 };
    let turn = Turn::new([0_u64; THREADS as usize]);
    let posted: Vec<AtomicU64> = (0..THREADS).map(|_| AtomicU64::new(0)).collect();
    let inside = AtomicU32::new(0);
    let busy = AtomicU64::new(0);
    let serve = |seen: &mut [u64; THREADS as usize], bits: u32| {
        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        assert!(bits != 0 && bits < 1 << THREADS);
        for (i, slot) in seen.iter_mut().enumerate() {
            if bits & 1 << i != 0 {
                *slot = posted[i].load(Ordering::Relaxed);
            }
        }
        inside.fetch_sub(1, Ordering::SeqCst);
    };
    thread::scope(|s| {
        for me in 0..THREADS {
            let (turn, posted, busy) = (&turn, &posted, &busy);
            s.spawn(move || {
                for i in 1..=rounds {
                    posted[me as usize].store(i, Ordering::Relaxed);
                    turn.post(1 << me);
                    // What another leaves because of its budget is for whoever gets `Budget`: here, run again.
                    loop {
                        match turn.run(2, serve) {
                            RunOutcome::Budget => {}
                            RunOutcome::Done => break,
                            RunOutcome::Busy => {
                                busy.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                        }
                    }
                }
            });
        }
    });
    assert_eq!(turn.pending(), 0);
    assert_eq!(
        turn.into_inner(),
        [rounds; THREADS as usize],
        "the last post of each was seen"
    );
    println!(
        "turn: {} posts, {} found it busy",
        rounds * u64::from(THREADS),
        busy.into_inner()
    );
}

#[test]
fn a_turn_within_itself_is_busy() {
    let turn = Turn::new(0);
    assert_eq!(turn.run(4, |_, _| panic!("no bits")), RunOutcome::Done);
    turn.post(1);
    let outcome = turn.run(4, |n, bits| {
        *n += 1;
        assert_eq!(turn.run(4, |_, _| panic!()), RunOutcome::Busy);
        assert!(turn.with(|_| ()).is_none());
        if bits == 1 {
            assert_eq!(turn.post(2), 0);
            assert_eq!(turn.post(4), 2);
        } else {
            assert_eq!(bits, 6);
        }
    });
    assert_eq!(outcome, RunOutcome::Done);
    assert_eq!(turn.with(|n| *n), Some((2, RunOutcome::Done)));
}

#[test]
fn a_budget_ends_a_turn_and_the_rest_is_reported() {
    let turn = Turn::new(());
    turn.post(1);
    let mut calls = 0;
    let outcome = turn.run(3, |(), bits| {
        calls += 1;
        turn.post(bits);
    });
    assert_eq!((calls, outcome), (3, RunOutcome::Budget));
    assert_eq!(turn.pending(), 1);
    assert_eq!(turn.run(0, |(), _| panic!()), RunOutcome::Budget);
    assert_eq!(turn.with(|()| turn.post(2)), Some((1, RunOutcome::Budget)));
    assert_eq!(turn.run(1, |(), bits| assert_eq!(bits, 3)), RunOutcome::Done);
    // The turn's own bit cannot be posted.
    turn.post(1 << 31);
    assert_eq!(
        (turn.pending(), turn.run(1, |(), _| panic!())),
        (0, RunOutcome::Done)
    );
}
