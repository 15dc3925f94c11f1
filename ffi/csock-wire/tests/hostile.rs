//! Memory that answers every load with something else: each half of a stream ends in a refusal or goes on, in a bounded
//! number of steps, never in a panic; and what it lets through lies where it was allowed to (S-01 to S-06).

mod common;

use std::cell::Cell;
use std::rc::Rc;

use common::Rng;
use csock_wire::SharedMem;
use csock_wire::stream::{
    Area, AreaGeometry, Bell, Filler, Incoming, MAX_WINDOW, Memory, PoolWindow, RANGES, READY_ENTRIES,
    Reader, Returns, StreamFault, Supply, Taker, WaitWatch, Waiting, Watch, Writer,
};
use csock_wire::test_util::{LyingMem, VecMem};

const GEOMETRY: AreaGeometry = AreaGeometry {
    sockets: 70,
    small_count: 8,
    small_len: 128,
    large_count: 8,
    large_len: 4096,
    reserved: 0,
};
const POOL: usize = 512 * 1024;
const RUNS: u64 = if cfg!(miri) { 20 } else { 20_000 };

/// Where the truth is near, lies are likely to be believed: small numbers, what came before and a little more, and now
/// and then anything at all.
struct Liar {
    mem: LyingMem,
    loads: Rc<Cell<usize>>,
}

impl Liar {
    fn new(seed: u64) -> Liar {
        let loads = Rc::new(Cell::new(0));
        let count = loads.clone();
        let mut rng = Rng::new(seed);
        let mut last = [0_u64; 64];
        let mem = LyingMem::new(POOL, move |read| {
            count.set(count.get() + 1);
            let place = &mut last[read.offset / 8 % 64];
            let lie = match rng.below(16) {
                0 => rng.next(),
                1 => rng.next() & (1 << 63 | 0xFF),
                2 => MAX_WINDOW,
                3..=5 => rng.below(POOL as u64),
                6..=8 => rng.below(64) | rng.below(3) << 32,
                9 => *place,
                _ => place.wrapping_add(rng.below(64)),
            };
            *place = lie;
            lie
        });
        Liar { mem, loads }
    }

    /// Runs `f`, which may load at most `most` words.
    fn bounded<R>(&self, most: usize, f: impl FnOnce(&LyingMem) -> R) -> R {
        self.loads.set(0);
        let result = f(&self.mem);
        assert!(
            self.loads.get() <= most,
            "{} loads, allowed {most}",
            self.loads.get()
        );
        result
    }
}

/// A client that keeps the rules most of the time, so that its lies come late and look like the truth.
struct HalfTruth {
    mem: VecMem,
    block: usize,
    rng: Rng,
    tail: u64,
    ranges: u64,
    end: u64,
}

impl HalfTruth {
    fn lies(&mut self) -> bool {
        self.rng.below(40) == 0
    }

    fn post_range(&mut self, windows: &[(u64, u64)]) {
        let pool = self.rng.below(2);
        let (start, end) = windows[pool as usize];
        let cap = self.rng.below(2000).min(end - start);
        let mut words = [
            self.tail,
            start + self.rng.below(end - start - cap + 1),
            cap | pool << 32,
            0,
        ];
        if self.lies() {
            let word = self.rng.below(4) as usize;
            let near = words[word].wrapping_add(self.rng.below(5000)).wrapping_sub(2500);
            words[word] = [near, self.rng.next(), 1 << self.rng.below(64)][self.rng.below(3) as usize];
        }
        let slot = 320 + 32 * (self.ranges % RANGES) as usize;
        self.mem.store_entry(self.block + slot, words).unwrap();
        (self.ranges, self.end) = (self.ranges + 1, self.tail + cap);
        self.store(8, self.ranges);
    }

    fn commit(&mut self) {
        let most = self.end - self.tail + u64::from(self.lies());
        self.tail += self.rng.below(most + 1);
        self.store(0, self.tail);
    }

    fn store(&mut self, word: usize, value: u64) {
        let lie = if self.lies() { self.rng.below(7) } else { 0 };
        let value = value.wrapping_add(lie).wrapping_sub(u64::from(lie == 6) * 12);
        self.mem.store_u64(self.block + word, value).unwrap();
    }
}

#[test]
fn a_reader_gives_only_pieces_inside_their_window() {
    let area = Area::plan(&GEOMETRY, POOL).unwrap();
    let block = area.block(3).unwrap();
    let windows = [(area.data() as u64, POOL as u64), (4096, 8192)];
    let window = |pool: u16| {
        let (start, end) = *windows.get(usize::from(pool))?;
        Some(PoolWindow { start, end })
    };
    let (mut pieces, mut refused, mut whole) = (0, 0, 0);
    for seed in 0..RUNS / 10 {
        let mut client = HalfTruth {
            mem: VecMem::new(POOL),
            block: block.offset(),
            rng: Rng::new(seed + 1),
            tail: 0,
            ranges: 0,
            end: 0,
        };
        let mut reader = Reader::new();
        let mut life = || -> Result<(), StreamFault> {
            for _ in 0..100 {
                if client.rng.below(3) == 0 {
                    client.post_range(&windows);
                }
                client.commit();
                reader.look(&client.mem, block, window)?;
                let mut steps = 0;
                while let Some(piece) = reader.next(1 + client.rng.below(1000) as u32)? {
                    let (start, end) = windows[usize::from(piece.pool)];
                    let last = piece.offset + u64::from(piece.len) + u64::from(piece.rest);
                    assert!(piece.len > 0 && piece.len <= 1000 && u64::from(piece.entry) < RANGES);
                    assert!(
                        piece.offset >= start && last <= end,
                        "{piece:?} in {start}..{end}"
                    );
                    reader.take(piece.len);
                    (pieces, steps) = (pieces + 1, steps + 1);
                    assert!(steps < 10_000, "a look has an end");
                }
                assert!(std::iter::from_fn(|| reader.spent()).count() <= RANGES as usize);
                reader.free(|entry| u64::from(entry % 3) != seed % 3 || client.rng.below(2) == 0);
                assert!(reader.taken() <= reader.tail() && reader.flush() <= reader.tail());
                reader.publish(&client.mem, block, seed)?;
            }
            Ok(())
        };
        match life() {
            Ok(()) => whole += 1,
            Err(_) => refused += 1,
        }
        let _ = reader.demote(&client.mem, block);
    }
    assert!(
        refused > 0 && (cfg!(miri) || pieces > 1000),
        "{pieces} pieces, {refused} refused"
    );
    println!("reader: {pieces} pieces, {refused} refused, {whole} to the end");
    // And every word another at every load: nothing to be believed, and an end all the same.
    for seed in 0..RUNS {
        let liar = Liar::new(seed);
        let mut reader = Reader::new();
        let _ = liar.bounded(3 + 4 * RANGES as usize, |mem| reader.look(mem, block, window));
        let _ = liar.bounded(100, |mem| reader.demote(mem, block));
    }
}

#[test]
fn a_filler_recalls_no_more_than_it_delivered() {
    let area = Area::plan(&GEOMETRY, POOL).unwrap();
    let block = area.block(3).unwrap();
    let (mut recalls, mut refused) = (0, 0);
    for seed in 0..RUNS {
        let liar = Liar::new(seed);
        let mut filler = Filler::new();
        let mut delivered = 0;
        for id in 0..100 {
            match liar.bounded(1, |mem| filler.has_room(mem, block)) {
                Ok(true) => filler.push(&liar.mem, block, id % 16, id).unwrap(),
                Ok(false) => break,
                Err(_) => {
                    refused += 1;
                    break;
                }
            }
            delivered += u64::from(id);
            liar.bounded(0, |mem| filler.publish(mem, block)).unwrap();
            let waiting = liar.bounded(1, |mem| filler.look(mem, block));
            assert!(waiting.is_err() || waiting.is_ok_and(|n| n <= READY_ENTRIES));
            refused += u32::from(waiting.is_err());
        }
        let mut recalled = 0;
        let part = |part: csock_wire::stream::Recalled| {
            assert!(part.len > 0 && part.skip < 100 && part.id < 16);
            recalled += u64::from(part.len);
        };
        match liar.bounded(100, |mem| filler.recall(mem, block, part)) {
            Ok(()) => recalls += 1,
            Err(_) => refused += 1,
        }
        assert!(recalled <= delivered);
    }
    assert!(refused > 0, "{recalls} recalled, {refused} refused");
    println!("filler: {recalls} recalled, {refused} refused");
}

#[test]
fn a_supply_takes_back_what_exists_and_no_more_than_that_at_a_time() {
    let area = Area::plan(&GEOMETRY, POOL).unwrap();
    let (mut back, mut refused) = (0, 0);
    for seed in 0..RUNS {
        let liar = Liar::new(seed);
        let mut supply = Supply::new();
        for _ in 0..20 {
            let mut now = 0;
            let each = |id| {
                assert!(id < area.buffers());
                now += 1;
                true
            };
            let drained = liar.bounded(17, |mem| supply.drain(mem, &area, each));
            assert!(now <= area.buffers());
            back += now;
            refused += u32::from(drained.is_err());
            if drained.is_err() {
                break;
            }
        }
    }
    assert!(
        refused > 0 && (cfg!(miri) || back > 100),
        "{back} back, {refused} refused"
    );
    println!("supply: {back} back, {refused} refused");
}

/// The module waits for no bit of a client that keeps setting it.
#[test]
fn a_watch_ends_each_look() {
    let area = Area::plan(&GEOMETRY, POOL).unwrap();
    for seed in 0..RUNS {
        let liar = Liar::new(seed);
        let mut watch = Watch::new();
        watch.start(&area);
        for _ in 0..5 {
            // Three words, each tried so and so often.
            let each = |index| assert!(index < 128, "of the words that there are");
            liar.bounded(3 * 70, |mem| watch.drain(mem, each)).unwrap();
            liar.bounded(3, |mem| watch.arm(mem)).unwrap();
            liar.bounded(0, |mem| watch.wake(mem)).unwrap();
        }
        let mut waits = WaitWatch::new(Waiting::Data);
        let block = area.block(0).unwrap();
        let _ = liar.bounded(1, |mem| waits.due(mem, block)).unwrap();
    }
}

/// The client's halves, against a module that lies.
#[test]
fn a_client_goes_on_or_refuses() {
    let area = Area::plan(&GEOMETRY, POOL).unwrap();
    let block = area.block(3).unwrap();
    let (mut entries, mut refused) = (0, 0);
    for seed in 0..RUNS {
        let liar = Liar::new(seed);
        let mut taker = Taker::new(liar.mem.clone(), block);
        let mut writer = Writer::new(liar.mem.clone(), block);
        let mut returns = Returns::new();
        let bell = Bell::new(liar.mem.clone());
        for _ in 0..50 {
            match liar.bounded(3, |_| taker.peek()) {
                Ok(Incoming::Entry { .. }) => {
                    entries += 1;
                    taker.pop().unwrap();
                }
                Ok(Incoming::Nothing(state)) => assert!(state.is_known()),
                Err(_) => refused += 1,
            }
            let memory = Memory {
                pool: 0,
                offset: 0,
                cap: 10,
            };
            refused += u32::from(liar.bounded(1, |_| writer.open(memory)).is_err());
            if writer.place().room >= 5 {
                let _ = liar.bounded(1, |_| writer.append(5)).unwrap();
            }
            assert!(
                liar.bounded(1, |_| writer.room()).is_ok(),
                "a limit is only a number"
            );
            refused += u32::from(liar.bounded(1, |_| writer.freed()).is_err());
            refused += u32::from(liar.bounded(1, |_| writer.taken()).is_err());
            assert!(writer.posted() >= writer.freed().unwrap_or(0));
            returns.push(&liar.mem, &area, 3).unwrap();
            let _ = liar.bounded(1, |mem| returns.publish(mem, &area)).unwrap();
            let _ = liar.bounded(3, |_| bell.mark(69)).unwrap();
        }
    }
    assert!(refused > 0 && entries > 0, "{entries} entries, {refused} refused");
    println!("client: {entries} entries, {refused} refused");
}
