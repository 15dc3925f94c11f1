//! The stream's rules (`src/stream/mod.rs`), each with the control that leaves it out and must fail.

use std::sync::Arc;

use csock_wire::SharedMem;
use csock_wire::stream::*;
use loom::sync::Mutex;
use loom::thread;

use crate::area::{AreaMem, Without, area, block};
use crate::model::{Semaphore, explore, explore_bounded};

fn started(area: &Area) -> Watch {
    let mut watch = Watch::new();
    watch.start(area);
    watch
}

fn window(pool: u16) -> Option<PoolWindow> {
    let area = area();
    (pool == 0).then_some(PoolWindow {
        start: area.data() as u64,
        end: area.len() as u64,
    })
}

fn open(writer: &mut Writer<AreaMem>) {
    let memory = Memory {
        pool: 0,
        offset: area().data() as u64,
        cap: 4,
    };
    assert_eq!(writer.open(memory).unwrap(), Opened::Range(0));
}

/// Rules 1 to 3: a client appends bytes and rings when it must; the module takes them and sleeps in between. With
/// `relay` the bell is answered by a thread of its own, as a doorbell by message is, which wakes the worker.
fn append_and_sleep(client: Without, module: Without, relay: bool) {
    // With a relay one byte: it waits for one bell.
    let bytes = if relay { 1 } else { 2 };
    let mem = AreaMem::new();
    let bell = Semaphore::new();
    let worker = if relay {
        Semaphore::new()
    } else {
        Arc::clone(&bell)
    };
    let (theirs, rings) = (mem.without(client), Arc::clone(&bell));
    let sender = thread::spawn(move || {
        let mut writer = Writer::new(theirs.clone(), block());
        let door = Bell::new(theirs.clone());
        open(&mut writer);
        let mut rung = false;
        for byte in 0..bytes {
            theirs.put(writer.place().offset as usize, byte as u64 + 1);
            assert_eq!(writer.append(1).unwrap(), Appended::Taken);
            if door.mark(0).unwrap() {
                rung = true;
                rings.post();
            }
        }
        if relay && !rung {
            // The relay waits for one bell; one that comes for nothing is harmless.
            rings.post();
        }
    });
    let relaying = relay.then(|| {
        let (bell, worker) = (Arc::clone(&bell), Arc::clone(&worker));
        thread::spawn(move || {
            bell.wait();
            worker.post();
        })
    });
    let mem = mem.without(module);
    let (mut watch, mut reader, mut got) = (started(&area()), Reader::new(), Vec::new());
    while got.len() < bytes {
        watch.wake(&mem).unwrap();
        let mut dirty = false;
        watch.drain(&mem, |_| dirty = true).unwrap();
        if dirty {
            reader.look(&mem, block(), window).unwrap();
            while let Some(piece) = reader.next(4).unwrap() {
                got.extend((0..piece.len).map(|i| mem.get(piece.offset as usize + i as usize)));
                reader.take(piece.len);
            }
            continue;
        }
        if got.len() < bytes && watch.arm(&mem).unwrap() {
            worker.wait();
        }
    }
    assert_eq!(got, [1, 2].get(..bytes).unwrap());
    sender.join().unwrap();
    if let Some(relaying) = relaying {
        relaying.join().unwrap();
    }
}

const ALL: Without = Without {
    full: false,
    after_change: false,
};
const NO_FULL: Without = Without {
    full: true,
    after_change: false,
};
const NO_AFTER_CHANGE: Without = Without {
    full: false,
    after_change: true,
};

#[test]
fn l2_bell() {
    explore("L2 bell", || append_and_sleep(ALL, ALL, false));
}

#[test]
#[should_panic]
fn l2_control_module_without_barrier() {
    explore("L2 bell, control", || append_and_sleep(ALL, NO_FULL, false));
}

#[test]
#[should_panic]
fn l2_control_client_without_barrier() {
    explore("L2 bell, control", || {
        append_and_sleep(NO_AFTER_CHANGE, ALL, false)
    });
}

/// One byte by a relay: what the bell by message adds is a thread between, and a bell for nothing.
#[test]
fn l2_bell_by_relay() {
    explore_bounded("L2 bell by relay", Some(3), || append_and_sleep(ALL, ALL, true));
}

/// Rule 4, for room: the client sleeps until the module has taken its byte and given it more room.
fn sleep_for_room(client: Without, module: Without) {
    let mem = AreaMem::new();
    let woken = Semaphore::new();
    let (theirs, wakes) = (mem.without(module), Arc::clone(&woken));
    let worker = thread::spawn(move || {
        let (mut reader, mut watch) = (Reader::new(), WaitWatch::new(Waiting::Room));
        for limit in 1..=2 {
            if reader.publish(&theirs, block(), limit).unwrap() {
                theirs.full_fence();
                if watch.due(&theirs, block()).unwrap().is_some() {
                    wakes.post();
                }
            }
        }
    });
    let mem = mem.without(client);
    let mut writer = Writer::new(mem.clone(), block());
    let mut sequence = 0;
    for wanted in 1..=2 {
        while writer.room().unwrap() < wanted {
            sequence += 1;
            Waiting::Room.arm(&mem, block(), wait_value(sequence, 1)).unwrap();
            if writer.room().unwrap() < wanted {
                woken.wait();
            }
            Waiting::Room.disarm(&mem, block()).unwrap();
        }
    }
    worker.join().unwrap();
}

#[test]
fn l3_room() {
    explore("L3 room", || sleep_for_room(ALL, ALL));
}

#[test]
#[should_panic]
fn l3_control_module_without_barrier() {
    explore("L3 room, control", || sleep_for_room(ALL, NO_FULL));
}

#[test]
#[should_panic]
fn l3_control_client_without_barrier() {
    explore("L3 room, control", || sleep_for_room(NO_FULL, ALL));
}

/// Rules 4 and 5, for data: two buffers and the end behind them. `state_last` is the control: a client that reads the
/// state after it has looked for entries.
fn receive(client: Without, module: Without, state_last: bool) {
    let mem = AreaMem::new();
    let woken = Semaphore::new();
    let (theirs, wakes) = (mem.without(module), Arc::clone(&woken));
    let worker = thread::spawn(move || {
        let (mut filler, mut watch) = (Filler::new(), WaitWatch::new(Waiting::Data));
        for id in 0..2 {
            filler.push(&theirs, block(), id, 1).unwrap();
            if id == 1 {
                filler.set_state(State::END);
            }
            if filler.publish(&theirs, block()).unwrap() {
                theirs.full_fence();
                if watch.due(&theirs, block()).unwrap().is_some() {
                    wakes.post();
                }
            }
        }
    });
    let mem = mem.without(client);
    let mut taker = Taker::new(mem.clone(), block());
    let (mut got, mut sequence) = (Vec::new(), 0);
    let mut look = |taker: &mut Taker<AreaMem>| {
        if state_last {
            let ready = taker.announced().unwrap();
            let state = taker.state().unwrap();
            if ready == taker.position() {
                return Some(state.contains(State::END));
            }
        }
        match taker.peek().unwrap() {
            Incoming::Entry { id, len } => {
                taker.pop().unwrap();
                assert_eq!(taker.consume(len).unwrap(), Consumed::Yes);
                got.push(id);
                None
            }
            Incoming::Nothing(state) => Some(state.contains(State::END)),
        }
    };
    loop {
        match look(&mut taker) {
            None => continue,
            Some(true) => break,
            Some(false) => {}
        }
        sequence += 1;
        Waiting::Data.arm(&mem, block(), wait_value(sequence, 1)).unwrap();
        match look(&mut taker) {
            None => {}
            Some(true) => break,
            Some(false) => woken.wait(),
        }
    }
    assert_eq!(got, [0, 1], "nothing is lost before the end");
    worker.join().unwrap();
}

#[test]
fn l3_data() {
    // All of them are 2,878,758 executions, run once by hand; six minutes are too long for every change.
    explore_bounded("L3 data", Some(3), || receive(ALL, ALL, false));
}

#[test]
#[should_panic]
fn l3_control_data_module_without_barrier() {
    explore("L3 data, control", || receive(ALL, NO_FULL, false));
}

#[test]
#[should_panic]
fn l3_control_state_read_last() {
    explore("L3 state last, control", || receive(ALL, ALL, true));
}

/// Demotion: every byte goes by exactly one way, those in shared memory first.
#[test]
fn demotion_loses_nothing() {
    explore("demotion", || {
        let mem = AreaMem::new();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let (theirs, by_message) = (mem.clone(), Arc::clone(&messages));
        let sender = thread::spawn(move || {
            let mut writer = Writer::new(theirs.clone(), block());
            open(&mut writer);
            for byte in 1..=2u64 {
                theirs.put(writer.place().offset as usize, byte);
                if writer.append(1).unwrap() == Appended::Gone {
                    by_message.lock().unwrap().push(byte);
                    writer.skip();
                    by_message.lock().unwrap().extend(byte + 1..=2);
                    break;
                }
            }
        });
        let mut reader = Reader::new();
        reader.demote(&mem, block()).unwrap();
        reader.look(&mem, block(), window).unwrap();
        let mut got = Vec::new();
        while let Some(piece) = reader.next(4).unwrap() {
            got.extend((0..piece.len).map(|i| mem.get(piece.offset as usize + i as usize)));
            reader.take(piece.len);
        }
        sender.join().unwrap();
        got.extend(messages.lock().unwrap().iter());
        assert_eq!(got, [1, 2]);
    });
}

/// Recall: two bytes delivered, the owner reads while the module takes back. Each byte has one taker.
#[test]
fn recall_splits_exactly() {
    explore("recall", || {
        let mem = AreaMem::new();
        let mut filler = Filler::new();
        filler.push(&mem, block(), 0, 1).unwrap();
        filler.push(&mem, block(), 1, 1).unwrap();
        filler.publish(&mem, block()).unwrap();
        let theirs = mem.clone();
        let owner = thread::spawn(move || {
            let mut taker = Taker::new(theirs, block());
            let mut got = Vec::new();
            while let Incoming::Entry { id, len } = taker.peek().unwrap() {
                if taker.consume(len).unwrap() == Consumed::Recalled {
                    break;
                }
                taker.pop().unwrap();
                got.push(id);
            }
            got
        });
        let mut rest = Vec::new();
        filler.recall(&mem, block(), |part| rest.push(part.id)).unwrap();
        let mut all = owner.join().unwrap();
        all.extend(rest);
        assert_eq!(all, [0, 1]);
    });
}

/// A module without buffers sleeps; the client gives one back. Either the module sees it, or the client marks and rings.
fn buffers_come_back(client: Without, module: Without) {
    let mem = AreaMem::new();
    let bell = Semaphore::new();
    let (theirs, rings) = (mem.without(client), Arc::clone(&bell));
    let reader = thread::spawn(move || {
        let (mut returns, door) = (Returns::new(), Bell::new(theirs.clone()));
        returns.push(&theirs, &area(), 1).unwrap();
        if returns.publish(&theirs, &area()).unwrap() && door.mark_returns().unwrap() {
            rings.post();
        }
    });
    let mem = mem.without(module);
    let (mut supply, mut watch, mut back) = (Supply::new(), started(&area()), None);
    let drain = |supply: &mut Supply, back: &mut Option<u32>| {
        supply
            .drain(&mem, &area(), |id| {
                *back = Some(id);
                true
            })
            .unwrap();
        back.is_some()
    };
    while !drain(&mut supply, &mut back) {
        supply.want(&mem, true).unwrap();
        if drain(&mut supply, &mut back) {
            break;
        }
        watch.wake(&mem).unwrap();
        if watch.drain(&mem, |_| ()).unwrap() {
            continue;
        }
        if watch.arm(&mem).unwrap() {
            bell.wait();
        }
    }
    assert_eq!(back, Some(1));
    reader.join().unwrap();
}

#[test]
fn buffers_wake_a_starving_module() {
    explore("returns", || buffers_come_back(ALL, ALL));
}

#[test]
#[should_panic]
fn returns_control_client_without_barrier() {
    explore("returns, control", || buffers_come_back(NO_FULL, ALL));
}
