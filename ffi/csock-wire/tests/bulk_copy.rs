//! The bulk copies: every length and alignment, both directions, and not a byte beside.

mod common;

use common::Rng;
use csock_wire::SharedMem;

/// Around the point where the x86_64 copy changes its way, and some odd big ones.
fn lengths() -> Vec<usize> {
    if cfg!(miri) {
        return vec![0, 1, 9, 65];
    }
    (0..=320)
        .chain(1000..=1090)
        .chain([1460, 4096, 4097, 16384, 65535, 65536])
        .collect()
}

#[test]
fn copies_exactly_the_bytes_asked_for() {
    const SIZE: usize = 70_000;
    let size = if cfg!(miri) { 130 } else { SIZE };
    let mut pool = common::Pool::new(size);
    let region = pool.region();
    let mut rng = Rng::new(1);
    let source: Vec<u8> = (0..size).map(|_| rng.next() as u8).collect();
    let mut copies = 0;
    for len in lengths() {
        for (shift_shared, shift_private) in [(0, 0), (1, 0), (0, 1), (3, 5), (7, 8), (15, 2), (16, 33)] {
            // Out: all of the region is one byte before, so anything beside the copy shows.
            region.copy_out(0, &vec![0xEE; size]).unwrap();
            region
                .copy_out(shift_shared, &source[shift_private..shift_private + len])
                .unwrap();
            let mut all = vec![0; size];
            region.copy_in(0, &mut all).unwrap();
            assert!(
                all[..shift_shared].iter().all(|b| *b == 0xEE),
                "before, len {len}"
            );
            assert!(all[shift_shared..shift_shared + len] == source[shift_private..shift_private + len]);
            assert!(
                all[shift_shared + len..].iter().all(|b| *b == 0xEE),
                "behind, len {len}"
            );

            // In: likewise on the private side.
            let mut private = vec![0xDD; shift_private + len + 70];
            region
                .copy_in(shift_shared, &mut private[shift_private..shift_private + len])
                .unwrap();
            assert!(private[..shift_private].iter().all(|b| *b == 0xDD));
            assert!(
                private[shift_private..shift_private + len] == source[shift_private..shift_private + len]
            );
            assert!(private[shift_private + len..].iter().all(|b| *b == 0xDD));
            copies += 2;
        }
    }
    println!("bulk: {copies} copies");
}

#[test]
fn words_are_little_endian_bytes() {
    let mut pool = common::Pool::new(64);
    let region = pool.region();
    region.store_u64(8, 0x0102_0304_0506_0708).unwrap();
    let mut bytes = [0; 8];
    region.copy_in(8, &mut bytes).unwrap();
    assert_eq!(bytes, [8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(region.load_u64(8), Ok(0x0102_0304_0506_0708));
}

/// Every access ends inside, and words lie where the processor moves them at once.
#[test]
#[cfg_attr(miri, ignore = "one place in several widths, which Miri does not model")]
fn the_region_gives_only_what_it_has() {
    use csock_wire::shm::{Change, Load, Store};
    const LEN: usize = 128;
    let mut pool = common::Pool::new(LEN);
    let region = pool.region();
    for off in (0..=LEN + 40).chain([usize::MAX - 40, usize::MAX - 7, usize::MAX]) {
        let fits = |len: usize, align: usize| {
            off.is_multiple_of(align) && off.checked_add(len).is_some_and(|end| end <= LEN)
        };
        let (four, eight, slot) = (fits(4, 4), fits(8, 8), fits(32, 8));
        assert_eq!(region.load_u32(off, Load::Relaxed).is_ok(), four, "{off}");
        assert_eq!(region.store_u32(off, 0, Store::Relaxed).is_ok(), four, "{off}");
        assert_eq!(region.load_u64(off).is_ok(), eight, "{off}");
        assert_eq!(region.store_u64(off, 0).is_ok(), eight, "{off}");
        assert_eq!(region.load_word(off).is_ok(), eight, "{off}");
        assert_eq!(region.store_word(off, 0).is_ok(), eight, "{off}");
        assert_eq!(region.change_word(off, Change::Add(1)).is_ok(), eight, "{off}");
        assert_eq!(region.exchange_word(off, 0, 1).is_ok(), eight, "{off}");
        assert_eq!(region.load_entry(off).is_ok(), slot, "{off}");
        assert_eq!(region.store_entry(off, [0; 4]).is_ok(), slot, "{off}");
        for len in [0, 1, 7, LEN] {
            let inside = fits(len, 1);
            assert_eq!(
                region.copy_in(off, &mut vec![0; len]).is_ok(),
                inside,
                "{off} {len}"
            );
            assert_eq!(region.copy_out(off, &vec![0; len]).is_ok(), inside, "{off} {len}");
            assert_eq!(region.addr(off, len).is_ok(), inside, "{off} {len}");
        }
    }
}
