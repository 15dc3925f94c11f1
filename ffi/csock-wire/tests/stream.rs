//! Both sides of a stream over ordinary memory, and each side against a peer that lies: every word and every field.

use csock_wire::refusal::Field;
use csock_wire::stream::*;
use csock_wire::test_util::{CountingMem, FlipFlopMem, VecMem};
use csock_wire::{SharedMem, WireErrno};

const POOL: usize = 1 << 20;
const GEOMETRY: AreaGeometry = AreaGeometry {
    sockets: 70,
    small_count: 8,
    small_len: 2048,
    large_count: 2,
    large_len: 65536,
    reserved: 0,
};

fn area() -> Area {
    Area::plan(&GEOMETRY, POOL).unwrap()
}

fn started(area: &Area) -> Watch {
    let mut watch = Watch::new();
    watch.start(area);
    watch
}

fn window(area: &Area) -> impl Fn(u16) -> Option<PoolWindow> {
    let window = PoolWindow {
        start: area.data() as u64,
        end: area.len() as u64,
    };
    move |pool| (pool == 0).then_some(window)
}

fn memory(area: &Area, at: u64, cap: u32) -> Memory {
    Memory {
        pool: 0,
        offset: area.data() as u64 + at,
        cap,
    }
}

/// Commits `n` bytes and says what the module must see.
fn append(writer: &mut Writer<VecMem>, mem: &VecMem, bytes: &[u8]) {
    let place = writer.place();
    mem.copy_out(place.offset as usize, bytes).unwrap();
    assert_eq!(writer.append(bytes.len() as u32).unwrap(), Appended::Taken);
}

/// Everything the reader finds, as bytes and as the number of pieces.
fn take_all(reader: &mut Reader, mem: &VecMem, most: u32) -> (Vec<u8>, usize) {
    let (mut bytes, mut pieces) = (Vec::new(), 0);
    while let Some(piece) = reader.next(most).unwrap() {
        let mut part = vec![0; piece.len as usize];
        mem.copy_in(piece.offset as usize, &mut part).unwrap();
        bytes.extend(part);
        pieces += 1;
        reader.take(piece.len);
    }
    (bytes, pieces)
}

#[test]
fn parts_of_an_area_lie_apart_and_inside() {
    let area = area();
    let mut parts = vec![(0usize, 4096usize)];
    parts.extend((0..70).map(|i| (area.block(i).unwrap().offset(), BLOCK_LEN)));
    parts.extend((0..10).map(|i| {
        let (offset, len) = area.buffer(i).unwrap();
        (offset, len as usize)
    }));
    parts.push((area.data(), POOL - area.data()));
    parts.sort_unstable();
    for pair in parts.windows(2) {
        assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:?}");
    }
    assert!(parts.iter().all(|(at, len)| at % 64 == 0 && at + len <= POOL));
    assert_eq!((area.block(70), area.buffer(10)), (None, None));
}

#[test]
fn an_area_is_refused_by_its_first_wrong_number() {
    let wrong = |change: fn(&mut AreaGeometry), field| {
        let mut geometry = GEOMETRY;
        change(&mut geometry);
        assert_eq!(
            Area::plan(&geometry, POOL).unwrap_err().field,
            field,
            "{geometry:?}"
        );
    };
    wrong(|g| g.sockets = 0, Field::SocketCount);
    wrong(|g| g.sockets = MAX_SOCKETS + 1, Field::SocketCount);
    wrong(|g| g.small_count = MAX_BUFFERS + 1, Field::BufferCount);
    wrong(|g| g.small_count = u32::MAX, Field::BufferCount);
    wrong(|g| g.small_len = 100, Field::BufferLength);
    wrong(|g| g.small_len = 0, Field::BufferLength);
    wrong(|g| g.large_len = 1024, Field::BufferLength);
    wrong(|g| g.large_len = MAX_BUFFER_LEN + 64, Field::BufferLength);
    wrong(|g| g.reserved = 1, Field::Reserved);
    wrong(|g| g.large_count = 64, Field::PoolSize);
}

#[test]
fn bytes_of_many_small_sends_are_one_piece() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let block = area.block(3).unwrap();
    let (mut writer, mut reader) = (Writer::new(mem.clone(), block), Reader::new());
    assert_eq!(writer.open(memory(&area, 0, 4096)).unwrap(), Opened::Range(0));
    let mut sent = Vec::new();
    for i in 0..40u8 {
        append(&mut writer, &mem, &[i; 100]);
        sent.extend([i; 100]);
    }
    assert_eq!(reader.look(&mem, block, window(&area)).unwrap(), 4000);
    assert_eq!(take_all(&mut reader, &mem, 1 << 16), (sent, 1));
    // More comes into the same range: the rest of it is the next piece.
    append(&mut writer, &mem, &[7; 96]);
    assert_eq!(reader.look(&mem, block, window(&area)).unwrap(), 96);
    assert_eq!(take_all(&mut reader, &mem, 1 << 16), (vec![7; 96], 1));
    assert_eq!(reader.spent(), None, "the range is still the last one");
    writer.open(memory(&area, 8192, 0)).unwrap();
    reader.look(&mem, block, window(&area)).unwrap();
    assert_eq!((reader.spent(), reader.spent()), (Some(0), None));
    reader.free(|entry| entry == 0);
    assert!(reader.publish(&mem, block, 9000).unwrap());
    assert!(
        !reader.publish(&mem, block, 9000).unwrap(),
        "nothing new, nothing to show"
    );
    assert_eq!((writer.freed().unwrap(), writer.taken().unwrap()), (1, 4096));
    assert_eq!(writer.room().unwrap(), 9000 - 4096);
}

#[test]
fn random_streams_arrive_whole_and_memory_comes_back_in_order() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let block = area.block(0).unwrap();
    let (mut writer, mut reader) = (Writer::new(mem.clone(), block), Reader::new());
    let mut seed = 1u64;
    let mut random = |n: u64| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) % n
    };
    let (mut sent, mut got, mut next) = (Vec::<u8>::new(), Vec::new(), 0u64);
    let (mut posted, mut freed) = (0, 0);
    for step in 0..if cfg!(miri) { 200 } else { 20_000u64 } {
        if writer.place().room == 0 || random(50) == 0 {
            let cap = 64 + random(3000) as u32;
            let at = (next * 4096) % (POOL as u64 - area.data() as u64 - 4096);
            match writer.open(memory(&area, at & !63, cap)).unwrap() {
                Opened::Range(n) => {
                    assert_eq!(n, posted);
                    posted += 1;
                    next += 1;
                }
                Opened::Full => {
                    assert_eq!(posted - writer.freed().unwrap(), RANGES);
                }
            }
        }
        let n = random(200).min(u64::from(writer.place().room));
        let bytes: Vec<u8> = (0..n).map(|i| (step + i) as u8).collect();
        append(&mut writer, &mem, &bytes);
        sent.extend(bytes);
        if random(3) == 0 {
            reader.look(&mem, block, window(&area)).unwrap();
            got.extend(take_all(&mut reader, &mem, 1 + random(4000) as u32).0);
            let mut spent = Vec::new();
            while let Some(entry) = reader.spent() {
                spent.push(u64::from(entry));
            }
            for entry in spent {
                assert_eq!(entry, freed % RANGES, "in the order in which they were posted");
                freed += 1;
            }
            reader.free(|_| true);
            reader.publish(&mem, block, 1 << 40).unwrap();
            assert_eq!(writer.freed().unwrap(), freed);
        }
    }
    reader.look(&mem, block, window(&area)).unwrap();
    got.extend(take_all(&mut reader, &mem, 1 << 20).0);
    assert!(
        got == sent && (cfg!(miri) || sent.len() > 500_000),
        "{} of {}",
        got.len(),
        sent.len()
    );
}

/// Each word and field that the module reads of a sender, with the first value below and above what is allowed.
#[test]
fn a_lying_sender_is_refused_by_name() {
    let area = area();
    let block = area.block(1).unwrap();
    let at = block.offset();
    let data = area.data() as u64;
    let refused = |change: &dyn Fn(&VecMem)| {
        let mem = VecMem::new(POOL);
        let (mut writer, mut reader) = (Writer::new(mem.clone(), block), Reader::new());
        writer.open(memory(&area, 0, 512)).unwrap();
        append(&mut writer, &mem, &[1; 200]);
        reader.look(&mem, block, window(&area)).unwrap();
        take_all(&mut reader, &mem, 4096);
        change(&mem);
        let looked = reader.look(&mem, block, window(&area));
        match looked.and_then(|_| reader.next(4096)) {
            Err(fault) => fault.field,
            Ok(_) => Field::None,
        }
    };
    let word = |offset: usize, value: u64| refused(&move |mem| mem.store_u64(at + offset, value).unwrap());
    assert_eq!(word(0, 199), Field::StreamTail, "backwards");
    assert_eq!(word(0, 200 + MAX_WINDOW + 1), Field::StreamTail, "too far");
    assert_eq!(word(0, 513), Field::StreamTail, "past the range");
    assert_eq!(word(0, 512), Field::None, "all of the range");
    assert_eq!(word(8, 0), Field::StreamRanges, "backwards");
    assert_eq!(word(8, RANGES + 1), Field::StreamRanges, "more than there are");
    let entry = |words: [u64; 4]| {
        refused(&move |mem| {
            mem.store_entry(at + 320 + 32, words).unwrap();
            mem.store_u64(at + 8, 2).unwrap();
            mem.store_u64(at, 210).unwrap();
        })
    };
    let third = |cap: u64, pool: u64| cap | pool << 32;
    let good = [200, data + 4096, third(512, 0), 0];
    assert_eq!(entry(good), Field::None);
    assert_eq!(word(16, u64::MAX), Field::None, "a flush is only a wish");
    assert_eq!(
        entry([513, good[1], good[2], 0]),
        Field::RangeStart,
        "past the one before"
    );
    assert_eq!(entry([u64::MAX, good[1], good[2], 0]), Field::RangeStart);
    assert_eq!(
        entry([200, data - 1, good[2], 0]),
        Field::RangeOffset,
        "in the buffers"
    );
    assert_eq!(entry([200, POOL as u64 + 1, good[2], 0]), Field::RangeOffset);
    assert_eq!(entry([200, u64::MAX, good[2], 0]), Field::RangeOffset);
    assert_eq!(entry([200, POOL as u64 - 511, good[2], 0]), Field::RangeEnd);
    assert_eq!(entry([200, good[1], third(512, 1), 0]), Field::RangePool);
    assert_eq!(entry([200, good[1], third(512, 0) | 1 << 48, 0]), Field::Reserved);
    assert_eq!(entry([200, good[1], good[2], 1]), Field::Reserved);
    assert_eq!(
        entry([200, 0, third(0, 0), 0]),
        Field::StreamTail,
        "bytes in a range of none"
    );
}

/// S-01: a look loads each word once. With a memory that changes every word after its first load nothing is found twice.
#[test]
fn each_word_is_loaded_once() {
    let area = area();
    let block = area.block(1).unwrap();
    let mem = VecMem::new(POOL);
    let mut writer = Writer::new(mem.clone(), block);
    writer.open(memory(&area, 0, 512)).unwrap();
    append(&mut writer, &mem, &[1; 200]);
    let counting = CountingMem::new(mem.clone());
    let mut reader = Reader::new();
    reader.look(&counting, block, window(&area)).unwrap();
    assert!(counting.take_loads().values().all(|n| *n == 1));
    let flipping = FlipFlopMem::new(mem);
    assert_eq!(Reader::new().look(&flipping, block, window(&area)).unwrap(), 200);
}

#[test]
fn received_buffers_arrive_in_order_with_the_end_behind_them() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let block = area.block(2).unwrap();
    let (mut filler, mut taker) = (Filler::new(), Taker::new(mem.clone(), block));
    assert_eq!(taker.peek().unwrap(), Incoming::Nothing(State::empty()));
    for id in 0..READY_ENTRIES as u32 {
        assert!(filler.has_room(&mem, block).unwrap());
        filler.push(&mem, block, id, 10 + id).unwrap();
    }
    assert!(!filler.has_room(&mem, block).unwrap());
    filler.set_state(State::CONNECTED | State::END.with_error(WireErrno::ECONNRESET));
    assert_eq!(
        taker.peek().unwrap(),
        Incoming::Nothing(State::empty()),
        "not shown yet"
    );
    assert!(filler.publish(&mem, block).unwrap());
    for id in 0..READY_ENTRIES as u32 {
        assert_eq!(taker.peek().unwrap(), Incoming::Entry { id, len: 10 + id });
        taker.pop().unwrap();
        assert_eq!(taker.consume(10 + id).unwrap(), Consumed::Yes);
    }
    let Incoming::Nothing(state) = taker.peek().unwrap() else {
        panic!("entries that were not filled")
    };
    assert!(state.contains(State::END));
    assert_eq!(state.error(), WireErrno::ECONNRESET);
    assert!(filler.has_room(&mem, block).unwrap());
}

#[test]
fn a_recall_takes_exactly_what_was_not_consumed() {
    for consumed in 0..=60u32 {
        let (area, mem) = (area(), VecMem::new(POOL));
        let block = area.block(2).unwrap();
        let (mut filler, mut taker) = (Filler::new(), Taker::new(mem.clone(), block));
        for (id, len) in [(4, 10), (5, 20), (6, 30)] {
            filler.push(&mem, block, id, len).unwrap();
        }
        filler.publish(&mem, block).unwrap();
        assert_eq!(taker.consume(consumed).unwrap(), Consumed::Yes);
        let mut rest = 0;
        filler
            .recall(&mem, block, |part| {
                assert!(part.skip == 0 || rest == 0, "only the first part is broken");
                rest += part.len;
            })
            .unwrap();
        assert_eq!(rest + consumed, 60);
        assert_eq!(taker.consume(1).unwrap(), Consumed::Recalled);
    }
}

#[test]
fn a_lying_receiver_and_a_lying_module_are_refused() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let block = area.block(2).unwrap();
    let at = block.offset();
    let mut filler = Filler::new();
    filler.push(&mem, block, 1, 5).unwrap();
    filler.publish(&mem, block).unwrap();
    mem.store_u64(at + 72, 2).unwrap();
    assert_eq!(filler.look(&mem, block).unwrap_err().field, Field::ReadyTaken);
    mem.store_u64(at + 64, 6).unwrap();
    assert_eq!(
        filler.recall(&mem, block, |_| ()).unwrap_err().field,
        Field::StreamHead
    );
    let mut taker = Taker::new(mem.clone(), block);
    mem.store_u64(at + 256, READY_ENTRIES + 1).unwrap();
    assert_eq!(taker.peek().unwrap_err().field, Field::StreamReady);
    mem.store_u64(at + 272 - 8, 1 << 40).unwrap();
    assert_eq!(taker.state().unwrap_err().field, Field::StreamState);
    let mut writer = Writer::new(mem.clone(), block);
    mem.store_u64(at + 208, 1).unwrap();
    assert_eq!(writer.freed().unwrap_err().field, Field::StreamFreed);
    mem.store_u64(at + 200, 1).unwrap();
    assert_eq!(writer.taken().unwrap_err().field, Field::StreamTaken);
}

#[test]
fn demotion_splits_the_stream_at_one_byte() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let block = area.block(2).unwrap();
    let (mut writer, mut reader) = (Writer::new(mem.clone(), block), Reader::new());
    writer.open(memory(&area, 0, 512)).unwrap();
    append(&mut writer, &mem, b"before");
    reader.demote(&mem, block).unwrap();
    assert_eq!(writer.append(5).unwrap(), Appended::Gone);
    assert_eq!(writer.tail(), 6);
    // The client's addition came after: it moved the word, and not the end of the stream.
    assert_eq!(reader.look(&mem, block, window(&area)).unwrap(), 6);
    assert_eq!(take_all(&mut reader, &mem, 4096), (b"before".to_vec(), 1));
}

#[test]
fn buffers_come_back_and_lies_about_them_do_not() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let (mut returns, mut supply) = (Returns::new(), Supply::new());
    for round in 0..20 {
        for id in 0..area.buffers() {
            returns.push(&mem, &area, id).unwrap();
        }
        supply.want(&mem, round % 2 == 0).unwrap();
        assert_eq!(returns.publish(&mem, &area).unwrap(), round % 2 == 0);
        let mut back = Vec::new();
        supply
            .drain(&mem, &area, |id| {
                back.push(id);
                true
            })
            .unwrap();
        assert_eq!(back, (0..area.buffers()).collect::<Vec<_>>());
    }
    returns.push(&mem, &area, 3).unwrap();
    returns.publish(&mem, &area).unwrap();
    assert_eq!(
        supply.drain(&mem, &area, |_| false).unwrap_err().field,
        Field::BufferId,
        "one that the client never had"
    );
    for (id, posted, field) in [
        (area.buffers(), 1, Field::BufferId),
        (u32::MAX, 1, Field::BufferId),
        (0, 17, Field::ReturnsPosted),
    ] {
        let (mem, mut supply) = (VecMem::new(POOL), Supply::new());
        let mut liar = Returns::new();
        for _ in 0..posted {
            liar.push(&mem, &area, id).unwrap();
        }
        liar.publish(&mem, &area).unwrap();
        assert_eq!(supply.drain(&mem, &area, |_| true).unwrap_err().field, field);
    }
}

#[test]
fn one_thread_rings_for_each_sleep_of_the_module() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let (bell, mut watch) = (Bell::new(mem.clone()), started(&area));
    assert!(!bell.mark(5).unwrap(), "the module is awake");
    assert!(!watch.arm(&mem).unwrap(), "there is work");
    let mut dirty = Vec::new();
    assert!(!watch.drain(&mem, |index| dirty.push(index)).unwrap());
    assert!(watch.arm(&mem).unwrap());
    assert!(bell.mark(69).unwrap());
    assert!(!bell.mark(0).unwrap(), "somebody has rung");
    assert!(!bell.mark_returns().unwrap());
    watch.wake(&mem).unwrap();
    assert!(watch.drain(&mem, |index| dirty.push(index)).unwrap());
    assert_eq!(dirty, [5, 0, 69]);
    assert!(watch.arm(&mem).unwrap());
    assert!(bell.mark(64).unwrap(), "another sleep, another ring");
}

#[test]
fn a_wait_is_answered_once() {
    let (area, mem) = (area(), VecMem::new(POOL));
    let block = area.block(0).unwrap();
    let mut watch = WaitWatch::new(Waiting::Data);
    assert_eq!(watch.due(&mem, block).unwrap(), None);
    Waiting::Data.arm(&mem, block, wait_value(1, 9)).unwrap();
    assert_eq!(watch.due(&mem, block).unwrap(), Some(9));
    assert_eq!(watch.due(&mem, block).unwrap(), None);
    Waiting::Data.arm(&mem, block, wait_value(2, 9)).unwrap();
    assert_eq!(watch.due(&mem, block).unwrap(), Some(9));
    watch.undo();
    assert_eq!(watch.due(&mem, block).unwrap(), Some(9), "it did not get through");
    Waiting::Data.disarm(&mem, block).unwrap();
    assert_eq!(watch.due(&mem, block).unwrap(), None);
}
