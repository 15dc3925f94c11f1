//! Chains and external storage: who frees what, and when.

mod fake;

use fake::{
    alone,
    mbuf::{MBUFS, MLEN, NO_MEMORY, header_len},
};
use iosock::{Errno, ExternalBuf, MbufChain, Wait};
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
