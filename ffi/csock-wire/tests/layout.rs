//! The bytes of a pool: its header, and where each part of an area and of a block lies. A change here breaks clients that are
//! out there: raise the version of the pool.

use csock_wire::layout::POOL_VERSION;
use csock_wire::stream::{
    Area, AreaGeometry, BLOCK_LEN, Filler, Memory, Returns, State, Supply, Taker, Waiting, Watch, Writer,
};
use csock_wire::test_util::VecMem;
use csock_wire::{Field, LAYOUT_HASH, POOL_HEADER_LEN, POOL_MAGIC, PoolHeader, SharedMem};

const GEOMETRY: AreaGeometry = AreaGeometry {
    sockets: 65,
    small_count: 4,
    small_len: 128,
    large_count: 5,
    large_len: 4096,
    reserved: 0,
};
const POOL: usize = 512 * 1024;

#[test]
fn the_header_byte_by_byte() {
    let mem = VecMem::new(POOL);
    let header = PoolHeader {
        size: POOL as u64,
        data_offset: 0x2_0000,
    };
    header.write(&mem).unwrap();
    let mut bytes = [0xEE; 40];
    mem.copy_in(0, &mut bytes).unwrap();
    assert_eq!(bytes[..8], *b"CSPL\x02\0\0\0");
    assert_eq!(bytes[8..16], LAYOUT_HASH.to_le_bytes());
    assert_eq!(bytes[16..32], [0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0]);
    assert_eq!(bytes[32..], [0; 8]);
    assert_eq!(PoolHeader::read(&mem).unwrap(), header);
    assert_eq!((POOL_MAGIC, POOL_VERSION), (0x4C50_5343, 2));
}

/// The first value on either side of what each field allows.
#[test]
fn each_field_of_the_header_is_checked() {
    let refused = |at: usize, word: u64| {
        let mem = VecMem::new(POOL);
        let header = PoolHeader {
            size: POOL as u64,
            data_offset: 4096,
        };
        header.write(&mem).unwrap();
        mem.store_u64(at, word).unwrap();
        PoolHeader::read(&mem).map_err(|e| e.field).err()
    };
    let first = u64::from(POOL_MAGIC);
    assert_eq!(refused(0, first | 2 << 32), None);
    assert_eq!(refused(0, (first ^ 1) | 2 << 32), Some(Field::PoolMagic));
    for version in [0, 1, 3, 0x1_0002] {
        assert_eq!(
            refused(0, first | version << 32),
            Some(Field::Version),
            "{version}"
        );
    }
    assert_eq!(refused(8, LAYOUT_HASH ^ 1), Some(Field::LayoutHash));
    let size = POOL as u64;
    for wrong in [0, size - 1, size + 1, u64::MAX] {
        assert_eq!(refused(16, wrong), Some(Field::PoolSize), "{wrong}");
    }
    for right in [4096, 4096 + 64, size] {
        assert_eq!(refused(24, right), None, "{right}");
    }
    for wrong in [0, 4032, 4095, 4097, size - 1, size + 64, u64::MAX] {
        assert_eq!(refused(24, wrong), Some(Field::PoolDataOffset), "{wrong}");
    }
    let short = VecMem::new(2048);
    let header = PoolHeader {
        size: 2048,
        data_offset: 2048,
    };
    assert_eq!(header.write(&short).unwrap_err().field, Field::PoolSize);
}

/// The picture in `layout/area.rs`, as numbers.
#[test]
fn the_parts_of_an_area_lie_where_the_picture_says() {
    let area = Area::plan(&GEOMETRY, POOL).unwrap();
    // Header; session line; 3 dirty words in one line; return ring: a line, and 16 ids in a line.
    let blocks = 4096 + 64 + 64 + 64 + 64;
    assert_eq!(area.block(0).unwrap().offset(), blocks);
    assert_eq!(area.block(64).unwrap().offset(), blocks + 64 * BLOCK_LEN);
    assert_eq!(area.block(65), None);
    let buffers = (blocks + 65 * BLOCK_LEN).next_multiple_of(POOL_HEADER_LEN);
    assert_eq!(area.buffer(0), Some((buffers, 128)));
    assert_eq!(area.buffer(3), Some((buffers + 384, 128)));
    assert_eq!(area.buffer(4), Some((buffers + 512, 4096)));
    assert_eq!(area.buffer(8), Some((buffers + 512 + 4 * 4096, 4096)));
    assert_eq!((area.buffer(9), area.buffer(u32::MAX)), (None, None));
    assert_eq!(area.data(), (buffers + 512 + 5 * 4096).next_multiple_of(4096));
    assert_eq!(BLOCK_LEN, 2880);
    // It fits exactly, and not into one byte less.
    assert!(Area::plan(&GEOMETRY, area.data()).is_ok());
    let less = Area::plan(&GEOMETRY, area.data() - 1).unwrap_err();
    assert_eq!((less.field, less.allowed), (Field::PoolSize, area.data() as u64));
}

/// Which words each half of a stream writes: with memory that is all zero before, what is there afterwards says it.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn the_words_of_a_block_lie_where_the_picture_says() {
    let area = Area::plan(&GEOMETRY, POOL).unwrap();
    let block = area.block(1).unwrap();
    let written = |f: &dyn Fn(&VecMem)| {
        let mem = VecMem::new(POOL);
        f(&mem);
        let words = (0..area.data()).step_by(8);
        let words = words.map(|at| (at, mem.load_u64(at).unwrap()));
        words.filter(|(_, word)| *word != 0).collect::<Vec<_>>()
    };
    let at = |offset: usize| block.offset() + offset;
    let data = area.data() as u64;
    let memory = Memory {
        pool: 3,
        offset: data,
        cap: 100,
    };
    let sent = written(&|mem| {
        let mut writer = Writer::new(mem.clone(), block);
        writer.open(memory).unwrap();
        let _ = writer.append(7).unwrap();
        writer.flush().unwrap();
    });
    let range = [(at(328), data), (at(336), 100 | 3 << 32)];
    assert_eq!(sent[..3], [(at(0), 7), (at(8), 1), (at(16), 7)]);
    assert_eq!(sent[3..], range);
    let filled = written(&|mem| {
        let mut filler = Filler::new();
        filler.push(mem, block, 2, 9).unwrap();
        filler.set_state(State::CONNECTED);
        filler.publish(mem, block).unwrap();
    });
    assert_eq!(
        filled,
        [(at(256), 1), (at(264), 1 << 16), (at(2368), 2 | 9 << 32)]
    );
    let taken = written(&|mem| {
        let mut taker = Taker::new(mem.clone(), block);
        let _ = taker.consume(5).unwrap();
        taker.pop().unwrap();
    });
    assert_eq!(taken, [(at(64), 5), (at(72), 1)]);
    let waits = written(&|mem| {
        Waiting::Room.arm(mem, block, 1).unwrap();
        Waiting::Data.arm(mem, block, 2).unwrap();
    });
    assert_eq!(waits, [(at(128), 1), (at(136), 2)]);
    let session = written(&|mem| {
        let mut watch = Watch::new();
        watch.start(&area);
        watch.arm(mem).unwrap();
        Supply::new().want(mem, true).unwrap();
        let bell = csock_wire::stream::Bell::new(mem.clone());
        bell.mark_returns().unwrap();
        bell.mark(64).unwrap();
        let mut returns = Returns::new();
        returns.push(mem, &area, 5).unwrap();
        returns.publish(mem, &area).unwrap();
    });
    let expected = [(4096, 3), (4104, 1), (4160, 1), (4176, 1), (4224, 1), (4288, 5)];
    assert_eq!(session, expected);
}
