//! The checks of descriptors and of offset + length, on every boundary (S-06, S-07, S-10).

mod common;

use csock_wire::{
    Desc, DescFlags, DescLimits, Field, Load, OutOfBounds, RingKind, SharedMem, SharedRegion, Store,
    WireErrno,
};

const LIMITS: DescLimits = DescLimits {
    data_offset: 8192,
    pool_len: 1 << 20,
    max_len: 65536,
};

/// Every number around which a check may be wrong by one, or by a wrap.
fn boundaries() -> Vec<u64> {
    let centres = [
        0,
        1,
        64,
        4096,
        LIMITS.data_offset,
        LIMITS.max_len.into(),
        LIMITS.pool_len,
        LIMITS.pool_len - u64::from(LIMITS.max_len),
        1 << 31,
        1 << 32,
        1 << 63,
        u64::MAX,
    ];
    let mut all: Vec<u64> = centres
        .iter()
        .flat_map(|c| (-2_i64..=2).map(|d| c.wrapping_add_signed(d)))
        .collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn offset_and_length_on_every_boundary() {
    let mut cells = 0;
    for offset in boundaries() {
        for len in boundaries().into_iter().filter_map(|len| u32::try_from(len).ok()) {
            // In 128 bits nothing overflows.
            let inside = offset >= LIMITS.data_offset
                && u128::from(offset) + u128::from(len) <= u128::from(LIMITS.pool_len)
                && len <= LIMITS.max_len;
            for kind in [RingKind::Submission, RingKind::Fill, RingKind::Ready] {
                let result = Desc::buffer(offset, len, 7).check(kind, &LIMITS);
                assert_eq!(
                    result.is_ok(),
                    inside && len > 0,
                    "{kind:?} {offset:#x} + {len:#x}"
                );
                if let Ok(d) = result {
                    assert_eq!((d.offset() as u64, d.len(), d.user()), (offset, len, 7));
                }
                cells += 1;
            }
            // A completion may have taken nothing.
            let done = Desc::buffer(offset, len, 7).check(RingKind::Completion, &LIMITS);
            assert_eq!(done.is_ok(), inside, "completion {offset:#x} + {len:#x}");
        }
    }
    println!("descriptor boundaries: {cells} cells");
}

#[test]
fn errors_name_the_field_the_value_and_the_limit() {
    let check = |d: Desc| {
        let e = d.check(RingKind::Submission, &LIMITS).unwrap_err();
        (e.field, e.value, e.allowed)
    };
    assert_eq!(check(Desc::buffer(8192, 0, 0)), (Field::DescLen, 0, 1));
    assert_eq!(
        check(Desc::buffer(8192, 65537, 0)),
        (Field::DescLen, 65537, 65536)
    );
    assert_eq!(check(Desc::buffer(8191, 1, 0)), (Field::DescOffset, 8191, 8192));
    assert_eq!(
        check(Desc::buffer((1 << 20) - 1, 2, 0)),
        (Field::DescEnd, (1 << 20) + 1, 1 << 20)
    );
    assert_eq!(
        check(Desc::buffer(u64::MAX, 1, 0)),
        (Field::DescEnd, u64::MAX, 1 << 20)
    );
    assert_eq!(
        check(Desc {
            aux: 9,
            ..Desc::buffer(8192, 1, 0)
        }),
        (Field::DescAux, 9, 0)
    );
}

/// Each of the 32 bits alone, and each pair, in each ring.
#[test]
#[cfg_attr(miri, ignore = "safe code only, and slow there")]
fn flags_are_a_whitelist() {
    let allowed = |kind| match kind {
        RingKind::Submission => DescFlags::MORE.bits(),
        RingKind::Completion => DescFlags::ERROR.bits(),
        RingKind::Fill => 0,
        RingKind::Ready => (DescFlags::EOF | DescFlags::ERROR | DescFlags::TRUNC).bits(),
    };
    for kind in RingKind::ALL {
        for a in 0..32 {
            for b in 0..32 {
                let flags = 1_u32 << a | 1 << b;
                let error = if flags & DescFlags::ERROR.bits() != 0 {
                    5
                } else {
                    0
                };
                let bare = flags & (DescFlags::EOF | DescFlags::ERROR).bits() != 0;
                let d = if bare && kind == RingKind::Ready {
                    Desc {
                        flags,
                        aux: error,
                        ..Desc::default()
                    }
                } else {
                    Desc {
                        flags,
                        aux: error,
                        ..Desc::buffer(8192, 1, 0)
                    }
                };
                let mut expected = flags & !allowed(kind) == 0;
                if kind == RingKind::Ready && bare {
                    expected &= flags.is_power_of_two();
                }
                assert_eq!(d.check(kind, &LIMITS).is_ok(), expected, "{kind:?} {flags:#x}");
            }
        }
    }
}

#[test]
fn aux_is_an_error_exactly_with_the_flag() {
    let cq = |flags: DescFlags, aux| {
        Desc {
            aux,
            ..Desc::buffer(8192, 1, 0).with_flags(flags)
        }
        .check(RingKind::Completion, &LIMITS)
    };
    assert!(cq(DescFlags::empty(), 0).is_ok());
    assert!(cq(DescFlags::empty(), 1).is_err());
    assert!(cq(DescFlags::ERROR, 0).is_err());
    assert_eq!(cq(DescFlags::ERROR, 1).unwrap().error(), WireErrno(1));
    assert_eq!(cq(DescFlags::ERROR, 0xFFFF).unwrap().error(), WireErrno(0xFFFF));
    assert!(cq(DescFlags::ERROR, 0x1_0000).is_err());
}

#[test]
fn the_modules_own_descriptors_pass_the_clients_check() {
    let sent = Desc::buffer(8192, 100, 42)
        .check(RingKind::Submission, &LIMITS)
        .unwrap();
    let done = Desc::completion(&sent, 100, WireErrno::OK)
        .check(RingKind::Completion, &LIMITS)
        .unwrap();
    assert_eq!(
        (done.offset(), done.len(), done.user(), done.error()),
        (8192, 100, 42, WireErrno::OK)
    );
    let part = Desc::completion(&sent, 60, WireErrno::EPIPE)
        .check(RingKind::Completion, &LIMITS)
        .unwrap();
    assert_eq!((part.len(), part.error()), (60, WireErrno::EPIPE));

    // Refused because it lies outside: its echo is accepted all the same, and gives no usable offset.
    let astray = Desc::buffer(u64::MAX, 1, 43);
    let refused = Desc::refused(&astray, WireErrno::EINVAL)
        .check(RingKind::Completion, &LIMITS)
        .unwrap();
    assert_eq!((refused.offset(), refused.len(), refused.user()), (0, 0, 43));

    let eof = Desc::eof().check(RingKind::Ready, &LIMITS).unwrap();
    assert!(eof.is_eof() && eof.is_empty());
    let reset = Desc::error(WireErrno::ECONNRESET)
        .check(RingKind::Ready, &LIMITS)
        .unwrap();
    assert_eq!(reset.error(), WireErrno::ECONNRESET);
    assert!(
        Desc::error(WireErrno::OK)
            .check(RingKind::Ready, &LIMITS)
            .is_err()
    );
    for d in [
        Desc {
            len: 1,
            ..Desc::eof()
        },
        Desc {
            offset: 8192,
            ..Desc::eof()
        },
        Desc {
            user: 1,
            ..Desc::eof()
        },
        Desc {
            aux: 1,
            ..Desc::eof()
        },
    ] {
        assert!(d.check(RingKind::Ready, &LIMITS).is_err());
    }
}

const LEN: usize = 4096;

/// Offsets and lengths around every border.
fn near_borders() -> Vec<usize> {
    let around = |c: usize| (-9_isize..=9).map(move |d| c.wrapping_add_signed(d));
    [0, LEN, LEN / 2, usize::MAX, usize::MAX / 2]
        .into_iter()
        .flat_map(around)
        .collect()
}

/// Slots: four words, 8-aligned.
fn slots_lie_inside() {
    let mut pool = common::Pool::new(LEN);
    let region = pool.region();
    for off in near_borders() {
        let fits = off.is_multiple_of(8) && off as u128 + 32 <= LEN as u128;
        assert_eq!(region.store_slot(off, [1, 2, 3, 4]).is_ok(), fits);
        let loaded = fits.then_some([1, 2, 3, 4]);
        assert_eq!(region.load_slot(off).ok(), loaded, "slot at {off}");
    }
}

/// Each width of access has a region of its own: the product never mixes widths on one word, and Miri cannot.
fn accepts_exactly(width: usize, access: impl Fn(&SharedRegion, usize) -> bool) {
    let mut pool = common::Pool::new(LEN);
    let region = pool.region();
    for off in near_borders() {
        let aligned = width == 5 || off.is_multiple_of(width);
        let inside = off as u128 + width as u128 <= LEN as u128;
        assert_eq!(access(&region, off), aligned && inside, "{width} bytes at {off}");
    }
}

/// The accessor itself: every offset and length around the borders, and no address ever outside.
#[test]
fn the_region_gives_only_what_it_has() {
    let mut pool = common::Pool::new(LEN);
    let region: SharedRegion = pool.region();
    let base = region.addr(0, 0).unwrap() as usize;
    for off in near_borders() {
        for len in near_borders() {
            let inside = off as u128 + len as u128 <= LEN as u128;
            match region.addr(off, len) {
                Ok(p) => assert!(inside && p as usize == base + off),
                Err(e) => assert!(
                    !inside
                        && e == OutOfBounds {
                            offset: off,
                            len,
                            size: LEN
                        }
                ),
            }
        }
    }
    slots_lie_inside();
    accepts_exactly(4, |r, off| r.load_u32(off, Load::Relaxed).is_ok());
    accepts_exactly(4, |r, off| r.store_u32(off, 1, Store::Relaxed).is_ok());
    accepts_exactly(8, |r, off| r.load_u64(off).is_ok());
    accepts_exactly(8, |r, off| r.store_u64(off, 1).is_ok());
    accepts_exactly(5, |r, off| r.copy_in(off, &mut [0; 5]).is_ok());
    accepts_exactly(5, |r, off| r.copy_out(off, &[0; 5]).is_ok());
}
