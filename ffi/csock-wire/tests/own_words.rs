//! Each side reads the words of its peer and keeps its own in private memory (S-03); memory that went reads as zeros (S-17).

use csock_wire::stream::*;
use csock_wire::test_util::{CountingMem, VecMem};
use csock_wire::{Field, PoolHeader, SharedMem};

const POOL: usize = 1 << 18;
const GEOMETRY: AreaGeometry = AreaGeometry {
    sockets: 2,
    small_count: 8,
    small_len: 64,
    large_count: 0,
    large_len: 64,
    reserved: 0,
};
/// The session's line: `armed` and `wanted`.
const SESSION: std::ops::Range<usize> = 4096..4112;
/// The return ring, its count and its ids: behind the session's line and the dirty words.
const RETURNS: std::ops::Range<usize> = 4224..4352;
/// Words of a block that the client alone writes, and those that the module alone writes, from the block's start.
const CLIENTS: [std::ops::Range<usize>; 2] = [0..144, 320..2368];
const MODULES: [std::ops::Range<usize>; 2] = [192..272, 2368..2880];

/// Both sides of one socket, over any two views of the same memory.
struct Sides<C: SharedMem, M> {
    area: Area,
    block: Block,
    client: C,
    module: M,
    writer: Writer<C>,
    taker: Taker<C>,
    bell: Bell<C>,
    returns: Returns,
    reader: Reader,
    filler: Filler,
    watch: Watch,
    supply: Supply,
    waits: WaitWatch,
}

impl<C: SharedMem + Clone, M: SharedMem> Sides<C, M> {
    fn new(client: C, module: M) -> Self {
        let area = Area::plan(&GEOMETRY, POOL).unwrap();
        let block = area.block(1).unwrap();
        let mut watch = Watch::new();
        watch.start(&area);
        Sides {
            area,
            block,
            writer: Writer::new(client.clone(), block),
            taker: Taker::new(client.clone(), block),
            bell: Bell::new(client.clone()),
            client,
            module,
            returns: Returns::new(),
            reader: Reader::new(),
            filler: Filler::new(),
            watch,
            supply: Supply::new(),
            waits: WaitWatch::new(Waiting::Data),
        }
    }

    /// What the client does in one round, as text: everything that it was told.
    fn client(&mut self, round: u64) -> String {
        let mut told = Vec::new();
        let offset = self.area.data() as u64 + round % 100 * 64;
        let memory = Memory {
            pool: 0,
            offset,
            cap: 64,
        };
        told.push(format!("{:?}", self.writer.open(memory)));
        told.push(format!("{:?}", self.writer.append(10 + (round % 50) as u32)));
        self.writer.flush().unwrap();
        told.push(format!("{:?} {:?}", self.writer.tail(), self.writer.place()));
        told.push(format!("{:?} {:?}", self.writer.freed(), self.writer.taken()));
        told.push(format!("{:?}", self.writer.room()));
        Waiting::Data
            .arm(&self.client, self.block, wait_value(round, 1))
            .unwrap();
        while let Incoming::Entry { id, len } = self.taker.peek().unwrap() {
            told.push(format!("{id} {len} {:?}", self.taker.consume(len)));
            self.taker.pop().unwrap();
            self.returns.push(&self.client, &self.area, id).unwrap();
        }
        told.push(format!("{:?}", self.returns.publish(&self.client, &self.area)));
        told.push(format!("{:?} {:?}", self.bell.mark_returns(), self.bell.mark(1)));
        told.join(", ")
    }

    /// The same of the module.
    fn module(&mut self, round: u64) -> String {
        let mut told = Vec::new();
        let mem = &self.module;
        self.watch.wake(mem).unwrap();
        self.watch
            .drain(mem, |block| told.push(format!("dirty {block}")))
            .unwrap();
        let window = |_| {
            Some(PoolWindow {
                start: self.area.data() as u64,
                end: POOL as u64,
            })
        };
        told.push(format!("{:?}", self.reader.look(mem, self.block, window)));
        while let Some(piece) = self.reader.next(40).unwrap() {
            told.push(format!("{piece:?}"));
            self.reader.take(piece.len);
        }
        while let Some(entry) = self.reader.spent() {
            told.push(format!("spent {entry}"));
        }
        self.reader
            .free(|entry| entry % 7 != 0 || round.is_multiple_of(3));
        told.push(format!(
            "{:?}",
            self.reader.publish(mem, self.block, 5000 + self.reader.taken())
        ));
        let back = |id| {
            told.push(format!("back {id}"));
            true
        };
        self.supply.drain(mem, &self.area, back).unwrap();
        self.supply.want(mem, round.is_multiple_of(2)).unwrap();
        told.push(format!("{:?}", self.filler.has_room(mem, self.block)));
        self.filler
            .push(mem, self.block, (round % 8) as u32, 1 + (round % 64) as u32)
            .unwrap();
        self.filler.set_state(State::CONNECTED);
        told.push(format!("{:?}", self.filler.publish(mem, self.block)));
        told.push(format!(
            "{:?} {:?}",
            self.waits.due(mem, self.block),
            self.watch.arm(mem)
        ));
        told.join(", ")
    }

    /// The end of the way through shared memory.
    fn end(&mut self) {
        self.reader.demote(&self.module, self.block).unwrap();
        self.filler.recall(&self.module, self.block, |_| ()).unwrap();
    }
}

fn from(block: Block, range: &std::ops::Range<usize>) -> std::ops::Range<usize> {
    block.offset() + range.start..block.offset() + range.end
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn each_side_loads_the_peers_words_only() {
    let mem = VecMem::new(POOL);
    let (client, module) = (CountingMem::new(mem.clone()), CountingMem::new(mem));
    let mut sides = Sides::new(client.clone(), module.clone());
    for range in CLIENTS {
        client.forbid_loads(from(sides.block, &range));
        module.forbid_stores(from(sides.block, &range));
    }
    for range in MODULES {
        client.forbid_stores(from(sides.block, &range));
        module.forbid_loads(from(sides.block, &range));
    }
    client.forbid_loads(RETURNS);
    module.forbid_stores(RETURNS);
    client.forbid_stores(SESSION);
    module.forbid_loads(SESSION);
    for round in 0..500 {
        sides.client(round);
        sides.module(round);
    }
    // Ten words and the entries: the test has not merely done nothing.
    assert!(client.take_loads().len() > 70 && module.take_loads().len() > 64);
}

/// A peer that changes what we wrote deceives itself: we go on as if it had not.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn scribbling_over_our_own_fields_changes_nothing() {
    let run = |scribble: bool, ours: &[std::ops::Range<usize>], client: bool| {
        let mem = VecMem::new(POOL);
        let mut sides = Sides::new(mem.clone(), mem.clone());
        let mut told = Vec::new();
        let mut noise = 1u64;
        for round in 0..200 {
            let _ = if client {
                sides.module(round)
            } else {
                sides.client(round)
            };
            let ranges = ours.iter().map(|range| from(sides.block, range));
            let words: Vec<_> = ranges.flat_map(|range| range.step_by(8)).collect();
            let before: Vec<_> = words.iter().map(|at| mem.load_u64(*at).unwrap()).collect();
            let mut noises = Vec::new();
            for at in words.iter().filter(|_| scribble) {
                noise = noise.wrapping_mul(6364136223846793005).wrapping_add(99);
                mem.store_u64(*at, noise & !GONE).unwrap();
                noises.push(noise & !GONE);
            }
            told.push(if client {
                sides.client(round)
            } else {
                sides.module(round)
            });
            // The peer believes what is there: words that still hold noise get back what was there.
            for ((at, was), noise) in words.iter().zip(before).zip(noises) {
                if mem.load_u64(*at).unwrap() == noise {
                    mem.store_u64(*at, was).unwrap();
                }
            }
        }
        sides.end();
        told
    };
    // `tail` and `head` are added to by the client and marked by the module: what they hold belongs to both.
    let clients = [8..64, 72..144, 320..2368];
    assert_eq!(run(true, &clients, true), run(false, &clients, true));
    assert_eq!(run(true, &MODULES, false), run(false, &MODULES, false));
}

/// Contents that went: nothing is committed, nothing is filled, nobody waits; and where there was something, it is a fault.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn zeros_are_harmless() {
    let mem = VecMem::new(POOL);
    assert_eq!(PoolHeader::read(&mem).unwrap_err().field, Field::PoolMagic);
    let zeros = |mem: &VecMem| {
        for at in (0..POOL).step_by(8) {
            mem.store_u64(at, 0).unwrap();
        }
    };
    let mut fresh = Sides::new(mem.clone(), mem.clone());
    let window = |_| {
        Some(PoolWindow {
            start: 0,
            end: POOL as u64,
        })
    };
    assert_eq!(fresh.reader.look(&mem, fresh.block, window), Ok(0));
    assert_eq!(fresh.reader.next(100), Ok(None));
    assert_eq!(fresh.filler.look(&mem, fresh.block), Ok(0));
    assert_eq!(fresh.taker.peek(), Ok(Incoming::Nothing(State::empty())));
    assert_eq!(
        (fresh.writer.room(), fresh.writer.freed(), fresh.writer.taken()),
        (Ok(0), Ok(0), Ok(0))
    );
    assert_eq!(fresh.waits.due(&mem, fresh.block), Ok(None));
    fresh.watch.drain(&mem, |_| panic!("dirty")).unwrap();
    fresh.supply.drain(&mem, &fresh.area, |_| panic!("back")).unwrap();
    let mut used = Sides::new(mem.clone(), mem.clone());
    for round in 0..20 {
        used.client(round);
        used.module(round);
    }
    assert!(used.filler.look(&mem, used.block).is_ok());
    zeros(&mem);
    used.watch.drain(&mem, |_| panic!("dirty")).unwrap();
    assert_eq!(used.waits.due(&mem, used.block), Ok(None));
    let field = |result: Result<u64, StreamFault>| result.unwrap_err().field;
    assert_eq!(
        field(used.reader.look(&mem, used.block, window)),
        Field::StreamTail
    );
    assert_eq!(field(used.filler.look(&mem, used.block)), Field::ReadyTaken);
    assert_eq!(field(used.writer.freed()), Field::StreamFreed);
    assert_eq!(field(used.writer.taken()), Field::StreamTaken);
    assert_eq!(used.taker.peek().unwrap_err().field, Field::StreamReady);
    let supplied = used.supply.drain(&mem, &used.area, |_| true);
    assert_eq!(supplied.unwrap_err().field, Field::ReturnsPosted);
}
