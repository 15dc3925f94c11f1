//! The layout: what is accepted, what is refused and how it is said, and the numbers themselves, pinned.

use csock_wire::layout::{GeometryError, MODULE_STATE, ModuleState, POOL_VERSION, RING_MAGIC};
use csock_wire::test_util::VecMem;
use csock_wire::{
    Field, LAYOUT_HASH, Load, POOL_HEADER_LEN, POOL_MAGIC, PoolHeader, RingBlock, RingBlockGeometry,
    RingKind, SharedMem, Store,
};

const POOL: usize = 1 << 20;

fn geometry() -> RingBlockGeometry {
    RingBlockGeometry {
        offset: 4096,
        sq: 8,
        cq: 16,
        fq: 32,
        rq: 64,
        reserved: [0; 2],
    }
}

fn refused(g: RingBlockGeometry, pool_len: usize) -> (Field, u64, u64) {
    let GeometryError {
        field,
        value,
        allowed,
    } = RingBlock::validate(&g, pool_len).unwrap_err();
    (field, value, allowed)
}

/// Changing any of these breaks every client that is out there: raise the version and say so.
#[test]
fn numbers_are_pinned() {
    assert_eq!(LAYOUT_HASH, 0x5A5A_7858_DC14_86CE, "{LAYOUT_HASH:#018x}");
    assert_eq!(POOL_MAGIC, 0x4C50_5343);
    assert_eq!(RING_MAGIC, 0x4252_5343);
    assert_eq!((POOL_VERSION, POOL_HEADER_LEN, MODULE_STATE), (1, 4096, 4));
    let block = RingBlock::validate(&geometry(), POOL).unwrap();
    let place = |kind| {
        let r = block.ring(kind);
        (
            r.producer_index(),
            r.consumer_index(),
            r.armed_word(),
            r.slots(),
            r.capacity(),
        )
    };
    assert_eq!(place(RingKind::Submission), (4160, 4224, 4288, 4352, 8));
    assert_eq!(place(RingKind::Completion), (4608, 4672, 4736, 4800, 16));
    assert_eq!(place(RingKind::Fill), (5312, 5376, 5440, 5504, 32));
    assert_eq!(place(RingKind::Ready), (6528, 6592, 6656, 6720, 64));
    assert_eq!(
        (block.offset(), block.len(), block.module_state()),
        (4096, 6720 + 64 * 32 - 4096, 4100)
    );
    assert_eq!(geometry().block_len(), Ok(block.len() as u64));
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn header_bytes_are_pinned() {
    let mem = VecMem::new(POOL);
    PoolHeader {
        size: POOL as u64,
        data_offset: 0x2000,
    }
    .write(&mem)
    .unwrap();
    let dump = mem.dump();
    assert_eq!(dump[..8], *b"CSPL\x01\0\0\0");
    assert_eq!(dump[8..16], LAYOUT_HASH.to_le_bytes());
    assert_eq!(dump[16..24], (POOL as u64).to_le_bytes());
    assert_eq!(dump[24..32], 0x2000_u64.to_le_bytes());
    assert!(dump[32..].iter().all(|b| *b == 0));
}

#[test]
fn a_block_is_refused_with_the_field_at_fault() {
    let g = geometry;
    assert_eq!(
        refused(RingBlockGeometry { offset: 0, ..g() }, POOL),
        (Field::RingOffset, 0, 4096)
    );
    assert_eq!(
        refused(RingBlockGeometry { offset: 4032, ..g() }, POOL),
        (Field::RingOffset, 4032, 4096)
    );
    assert_eq!(
        refused(RingBlockGeometry { offset: 4097, ..g() }, POOL),
        (Field::RingOffset, 4097, 64)
    );
    assert_eq!(
        refused(
            RingBlockGeometry {
                offset: 4096 + 32,
                ..g()
            },
            POOL
        ),
        (Field::RingOffset, 4128, 64)
    );
    assert_eq!(
        refused(
            RingBlockGeometry {
                reserved: [1, 0],
                ..g()
            },
            POOL
        ),
        (Field::Reserved, 1, 0)
    );
    assert_eq!(
        refused(
            RingBlockGeometry {
                reserved: [0, 9],
                ..g()
            },
            POOL
        ),
        (Field::Reserved, 9, 0)
    );
    let len = RingBlock::validate(&g(), POOL).unwrap().len();
    assert!(RingBlock::validate(&g(), 4096 + len).is_ok());
    let end = (4096 + len) as u64;
    assert_eq!(refused(g(), 4096 + len - 1), (Field::RingEnd, end, end - 1));
    assert_eq!(refused(g(), 0), (Field::RingEnd, end, 0));
    for offset in [u64::MAX - 63, 1 << 63, 1 << 32, POOL as u64] {
        let (field, ..) = refused(RingBlockGeometry { offset, ..g() }, POOL);
        assert_eq!(field, Field::RingEnd, "{offset:#x}");
    }
}

/// Each capacity from 0 to 8200, and the extremes, in each ring.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn capacities_are_powers_of_two_up_to_4096() {
    let extremes = [1 << 16, 1 << 31, u32::MAX, u32::MAX - 1];
    for capacity in (0..8200).chain(extremes) {
        let valid = (2..=4096).contains(&capacity) && capacity.is_power_of_two();
        for (field, g) in [
            (
                Field::SqCapacity,
                RingBlockGeometry {
                    sq: capacity,
                    ..geometry()
                },
            ),
            (
                Field::CqCapacity,
                RingBlockGeometry {
                    cq: capacity,
                    ..geometry()
                },
            ),
            (
                Field::FqCapacity,
                RingBlockGeometry {
                    fq: capacity,
                    ..geometry()
                },
            ),
            (
                Field::RqCapacity,
                RingBlockGeometry {
                    rq: capacity,
                    ..geometry()
                },
            ),
        ] {
            match RingBlock::validate(&g, POOL) {
                Ok(_) => assert!(valid, "{capacity}"),
                Err(e) => {
                    assert!(!valid, "{capacity}");
                    assert_eq!((e.field, e.value), (field, capacity.into()));
                    assert!(e.allowed.is_power_of_two() && (2..=4096).contains(&e.allowed));
                }
            }
        }
    }
}

/// Whatever is accepted lies inside, aligned, and its parts do not overlap.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn accepted_blocks_are_inside_aligned_and_disjoint() {
    let offsets = [4096_u64, 4160, 8192, POOL as u64 - 64, POOL as u64 / 2];
    let mut accepted = 0;
    for offset in offsets {
        for bits in 0..4_u32.pow(4) {
            let pick = |n: u32| [2, 8, 256, 4096][(bits >> (2 * n) & 3) as usize];
            let g = RingBlockGeometry {
                offset,
                sq: pick(0),
                cq: pick(1),
                fq: pick(2),
                rq: pick(3),
                reserved: [0; 2],
            };
            let Ok(block) = RingBlock::validate(&g, POOL) else {
                continue;
            };
            accepted += 1;
            let mut end = block.offset() + 64;
            for kind in RingKind::ALL {
                let r = block.ring(kind);
                let start = r.producer_index();
                assert_eq!(start, end, "rings follow each other");
                assert_eq!(start % 64, 0);
                end = r.slots() + r.capacity() as usize * 32;
            }
            assert_eq!(end, block.offset() + block.len());
            assert!(end <= POOL);
        }
    }
    assert!(accepted > 500, "{accepted}");
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn a_pool_header_is_refused_with_the_field_at_fault() {
    let good = PoolHeader {
        size: POOL as u64,
        data_offset: 0x2000,
    };
    let read = |at: usize, word: u64| {
        let mem = VecMem::new(POOL);
        good.write(&mem).unwrap();
        mem.store_u64(at, word).unwrap();
        PoolHeader::read(&mem).map_err(|e| e.field)
    };
    assert_eq!(read(40, 0xFFFF), Ok(good), "the rest of the page means nothing");
    let first = |magic: u32, version: u32| u64::from(version) << 32 | u64::from(magic);
    assert_eq!(read(0, first(POOL_MAGIC, 1)), Ok(good));
    assert_eq!(read(0, first(POOL_MAGIC + 1, 1)), Err(Field::PoolMagic));
    assert_eq!(read(0, first(POOL_MAGIC, 2)), Err(Field::Version));
    assert_eq!(
        read(0, first(POOL_MAGIC, 0x1_0001)),
        Err(Field::Version),
        "reserved half"
    );
    assert_eq!(read(8, LAYOUT_HASH ^ 1), Err(Field::LayoutHash));
    for size in [0, 4095, POOL as u64 - 1, POOL as u64 + 1, u64::MAX] {
        assert_eq!(read(16, size), Err(Field::PoolSize));
    }
    for data in [
        0,
        64,
        4095,
        4097,
        0x2001,
        POOL as u64 + 64,
        u64::MAX,
        u64::MAX - 63,
    ] {
        assert_eq!(read(24, data), Err(Field::PoolDataOffset), "{data:#x}");
    }
    assert!(read(24, 4096).is_ok() && read(24, POOL as u64).is_ok());
    for len in [0, 16, 31] {
        assert!(PoolHeader::read(&VecMem::new(len)).is_err());
    }
    assert!(
        PoolHeader {
            size: 64,
            data_offset: 64
        }
        .write(&VecMem::new(64))
        .is_err()
    );
    assert!(good.write(&VecMem::new(POOL / 2)).is_err());
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn a_block_can_be_used_again() {
    let mem = VecMem::new(POOL);
    mem.fill(0xFF);
    let block = RingBlock::validate(&geometry(), POOL).unwrap();
    assert!(block.check_magic(&mem).is_err());
    assert_eq!(block.state(&mem), Ok(None));
    block.initialise(&mem).unwrap();
    block.check_magic(&mem).unwrap();
    assert_eq!(block.state(&mem), Ok(Some(ModuleState::Unused)));
    for kind in RingKind::ALL {
        let r = block.ring(kind);
        for at in [r.producer_index(), r.consumer_index(), r.armed_word()] {
            assert_eq!(mem.load_u32(at, Load::Relaxed), Ok(0));
        }
    }
    for state in [ModuleState::Active, ModuleState::Released] {
        block.set_state(&mem, state).unwrap();
        assert_eq!(block.state(&mem), Ok(Some(state)));
    }
    mem.store_u32(block.module_state(), 3, Store::Relaxed).unwrap();
    assert_eq!(block.state(&mem), Ok(None));
    assert!(RingBlockGeometry::NONE.is_none() && !geometry().is_none());
}
