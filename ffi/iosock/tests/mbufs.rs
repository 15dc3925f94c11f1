//! Chains and external storage: who frees what, and when.

mod fake;

use fake::{
    alone,
    mbuf::{MBUFS, MLEN, NO_MEMORY, charged, header_len},
};
use iosock::{Errno, ExternalBuf, ExternalRange, MbufChain, Wait};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

static RELEASED: AtomicUsize = AtomicUsize::new(0);
static BYTES: [u8; 100] = [7; 100];

fn release(arg1: usize, arg2: usize) {
    assert_eq!(arg2, 42);
    RELEASED.fetch_add(arg1, SeqCst);
}

fn lend(len: u32, arg1: usize) -> ExternalBuf {
    // SAFETY: a static lives for ever.
    unsafe { ExternalBuf::new(BYTES.as_ptr(), len, release, arg1, 42) }
}

fn all(chain: &MbufChain) -> Vec<u8> {
    let mut bytes = Vec::new();
    chain
        .for_each_slice(|slice| {
            bytes.extend_from_slice(slice);
            Ok::<(), ()>(())
        })
        .expect("no error is made");
    bytes
}

#[test]
fn a_chain_has_the_bytes_asked_for_and_frees_them() {
    let _alone = alone();
    for len in [0, 1, MLEN - 1, MLEN, MLEN + 1, 10 * MLEN + 3] {
        let mut chain = MbufChain::alloc(len, Wait::Yes).expect("memory");
        assert_eq!((chain.len(), chain.is_empty()), (len, len == 0));
        assert_eq!(
            all(&chain),
            vec![0; len],
            "what was in the memory before is not seen"
        );
        let mut next = 0_u8;
        chain
            .segments_mut(|slice| {
                for byte in slice {
                    *byte = next;
                    next = next.wrapping_add(1);
                }
                Ok::<(), ()>(())
            })
            .expect("no error is made");
        let expected: Vec<u8> = (0..len).map(|i| i as u8).collect();
        assert_eq!(all(&chain), expected);
        chain.advance(len / 2);
        assert_eq!(all(&chain), expected[len / 2..]);
        let raw = chain.into_raw();
        assert_eq!(header_len(raw).map(|header| header as usize), Some(len - len / 2));
        // SAFETY: given away just before.
        let chain = unsafe { MbufChain::from_raw(raw) };
        assert_eq!(chain.len(), len - len / 2);
        drop(chain);
        assert_eq!(MBUFS.load(SeqCst), 0);
    }
}

#[test]
fn no_memory_is_an_error() {
    let _alone = alone();
    NO_MEMORY.store(true, SeqCst);
    assert_eq!(MbufChain::alloc(1, Wait::No).err(), Some(Errno::ENOBUFS));
    assert_eq!(MbufChain::alloc(usize::MAX, Wait::No).err(), Some(Errno::EINVAL));
    RELEASED.store(0, SeqCst);
    NO_MEMORY.store(true, SeqCst);
    let (errno, buf) = MbufChain::external(lend(10, 1)).expect_err("no memory");
    assert_eq!((errno, buf.len(), buf.args()), (Errno::ENOBUFS, 10, (1, 42)));
    assert_eq!(
        RELEASED.load(SeqCst),
        0,
        "the buffer came back and can be tried again"
    );
    let chain = MbufChain::external(buf).expect("memory");
    drop(chain);
    assert_eq!((RELEASED.load(SeqCst), MBUFS.load(SeqCst)), (1, 0));
}

#[test]
fn external_storage_is_released_once_on_every_way() {
    let _alone = alone();
    RELEASED.store(0, SeqCst);
    drop(lend(5, 1));
    assert_eq!(RELEASED.load(SeqCst), 1, "never attached");
    lend(5, 10).cancel();
    assert_eq!(RELEASED.load(SeqCst), 1, "taken back");
    let (errno, empty) = MbufChain::external(lend(0, 100)).expect_err("no byte");
    assert_eq!(errno, Errno::EINVAL);
    empty.cancel();
    let mut chain = MbufChain::external(lend(5, 1000)).expect("memory");
    chain
        .append(MbufChain::external(lend(6, 10_000)).expect("memory"))
        .expect("short");
    assert_eq!(chain.len(), 11);
    assert_eq!(RELEASED.load(SeqCst), 1);
    drop(chain);
    assert_eq!((RELEASED.load(SeqCst), MBUFS.load(SeqCst)), (11_001, 0));
}

#[test]
fn chains_are_linked_and_the_header_follows() {
    let _alone = alone();
    let mut chain = MbufChain::empty();
    assert!(chain.is_empty());
    chain.append(MbufChain::empty()).expect("short");
    for _ in 0..3 {
        let mut more = MbufChain::alloc(MLEN + 1, Wait::Yes).expect("memory");
        more.append(MbufChain::external(lend(100, 0)).expect("memory"))
            .expect("short");
        chain.append(more).expect("short");
    }
    assert_eq!(chain.len(), 3 * (MLEN + 101));
    assert_eq!(all(&chain).len(), chain.len());
    assert_eq!(chain.segments().count(), 9);
    let foreign: Vec<_> = chain
        .segments()
        .filter(|segment| segment.bytes().is_none())
        .collect();
    assert_eq!(foreign.len(), 3, "storage of others is not lent as a slice");
    let mut copy = [0; 200];
    assert_eq!(foreign[0].copy_to(90, &mut copy), 10);
    assert_eq!(foreign[0].copy_to(100, &mut copy), 0);
    let raw = chain.into_raw();
    assert_eq!(
        header_len(raw).map(|header| header as usize),
        Some(3 * (MLEN + 101))
    );
    // SAFETY: given away just before.
    drop(unsafe { MbufChain::from_raw(raw) });
    assert_eq!(MBUFS.load(SeqCst), 0);
}

#[test]
fn an_error_of_the_reader_ends_the_reading() {
    let _alone = alone();
    let mut chain = MbufChain::alloc(3 * MLEN, Wait::Yes).expect("memory");
    let mut calls = 0;
    let result = chain.for_each_slice(|_| {
        calls += 1;
        if calls == 2 { Err("enough") } else { Ok(()) }
    });
    assert_eq!((result, calls), (Err("enough"), 2));
    assert_eq!(chain.segments_mut(|_| Err("enough")), Err("enough"));
}

#[test]
fn pieces_of_a_range_share_one_release_whichever_goes_last() {
    let _alone = alone();
    for range_first in [false, true] {
        RELEASED.store(0, SeqCst);
        let mut range = ExternalRange::new(lend(100, 1)).expect("memory");
        assert_eq!(range.len(), 100);
        let mut chain = range.piece(0, 30).expect("memory");
        chain.append(range.piece(30, 70).expect("memory")).expect("short");
        let later = range.piece(99, 1).expect("memory");
        assert_eq!((chain.len(), later.len()), (100, 1));
        assert_eq!(all(&chain), BYTES);
        let raw = chain.into_raw();
        assert_eq!(
            header_len(raw),
            Some(100),
            "the first piece carries the packet's length"
        );
        assert_eq!(charged(raw), 30, "a piece is charged what it is, not the range");
        // SAFETY: given away just before.
        let chain = unsafe { MbufChain::from_raw(raw) };
        if range_first {
            drop(range);
            drop(chain);
            assert_eq!(RELEASED.load(SeqCst), 0, "a piece is with the stack still");
            drop(later);
        } else {
            drop(chain);
            drop(later);
            assert_eq!(RELEASED.load(SeqCst), 0, "the range may be sent from still");
            drop(range);
        }
        assert_eq!((RELEASED.load(SeqCst), MBUFS.load(SeqCst)), (1, 0));
    }
}

#[test]
fn a_piece_lies_inside_its_range() {
    let _alone = alone();
    RELEASED.store(0, SeqCst);
    let (errno, empty) = ExternalRange::new(lend(0, 1)).expect_err("no byte");
    assert_eq!(errno, Errno::EINVAL);
    empty.cancel();
    NO_MEMORY.store(true, SeqCst);
    let (errno, buf) = ExternalRange::new(lend(10, 1)).expect_err("no memory");
    assert_eq!(errno, Errno::ENOBUFS);
    let mut range = ExternalRange::new(buf).expect("memory");
    for (offset, len) in [(0, 0), (0, 11), (10, 1), (11, 0), (u32::MAX, 2), (1, u32::MAX)] {
        assert_eq!(
            range.piece(offset, len).err(),
            Some(Errno::EINVAL),
            "{len} bytes at {offset} of 10"
        );
    }
    NO_MEMORY.store(true, SeqCst);
    assert_eq!(range.piece(0, 10).err(), Some(Errno::ENOBUFS));
    drop(range);
    assert_eq!((RELEASED.load(SeqCst), MBUFS.load(SeqCst)), (1, 0));
}

#[test]
fn small_copies_fill_what_room_the_chain_has() {
    let _alone = alone();
    let source: Vec<u8> = (0..10 * MLEN).map(|i| i as u8).collect();
    let copy = |chain: &mut MbufChain, from: usize, len: usize| {
        // SAFETY: within the vector.
        unsafe { chain.copy_from_raw(source[from..from + len].as_ptr(), len) }
    };
    let mut chain = MbufChain::with_room(MLEN).expect("memory");
    assert!(chain.is_empty());
    let before = MBUFS.load(SeqCst);
    copy(&mut chain, 0, 10).expect("room");
    copy(&mut chain, 10, 0).expect("nothing to do");
    copy(&mut chain, 10, MLEN - 10).expect("room");
    assert_eq!(MBUFS.load(SeqCst), before, "no other mbuf was needed");
    NO_MEMORY.store(true, SeqCst);
    assert_eq!(copy(&mut chain, MLEN, 1).err(), Some(Errno::ENOBUFS));
    assert_eq!(
        all(&chain),
        source[..MLEN],
        "a failure leaves the chain as it was"
    );
    copy(&mut chain, MLEN, 9 * MLEN).expect("memory");
    assert_eq!(all(&chain), source);
    assert_eq!(header_len(chain.into_raw()), Some(10 * MLEN as i32));
}

#[test]
fn a_copy_goes_on_behind_storage_that_must_not_be_written() {
    let _alone = alone();
    RELEASED.store(0, SeqCst);
    let mut chain = MbufChain::external(lend(50, 1)).expect("memory");
    // SAFETY: a static.
    unsafe { chain.copy_from_raw(BYTES.as_ptr(), 20) }.expect("memory");
    assert_eq!((chain.len(), chain.segments().count()), (70, 2));
    assert_eq!(all(&chain), [7; 70]);
    let mut none = MbufChain::empty();
    // SAFETY: a static.
    unsafe { none.copy_from_raw(BYTES.as_ptr(), 3) }.expect("memory");
    assert_eq!(all(&none), [7; 3]);
    drop((chain, none));
    NO_MEMORY.store(true, SeqCst);
    assert!(MbufChain::with_room(1).is_none());
    assert_eq!(RELEASED.load(SeqCst), 1);
}

#[test]
fn received_bytes_are_copied_straight_to_where_they_go() {
    let _alone = alone();
    let mut chain = MbufChain::external(lend(100, 0)).expect("memory");
    let mine: Vec<u8> = (0..=255).collect();
    // SAFETY: the vector's bytes.
    unsafe { chain.copy_from_raw(mine.as_ptr(), mine.len()) }.expect("memory");
    let mut expected = BYTES.to_vec();
    expected.extend(&mine);
    for (offset, room) in [
        (0, 356),
        (0, 1),
        (99, 2),
        (100, 1000),
        (355, 5),
        (356, 5),
        (1000, 5),
    ] {
        let mut to = vec![0xcc; room + 1];
        // SAFETY: room for as many.
        let copied = unsafe { chain.copy_to_raw(offset, to.as_mut_ptr(), room) };
        let right = &expected[offset.min(356)..(offset + room).min(356).max(offset.min(356))];
        assert_eq!(&to[..copied], right, "{room} bytes at {offset}");
        assert!(to[copied..].iter().all(|b| *b == 0xcc), "nothing behind them");
    }
    let first = chain.segments().next().expect("a piece");
    let mut to = [0; 8];
    // SAFETY: room for as many.
    assert_eq!(unsafe { first.copy_to_raw(95, to.as_mut_ptr(), 8) }, 5);
    assert_eq!(to, [7, 7, 7, 7, 7, 0, 0, 0]);
}
