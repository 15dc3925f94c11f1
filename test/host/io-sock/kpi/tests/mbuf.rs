//! mbuf(9): storage, sharing, the callback, and what the chain functions do.

mod common;
use common::*;
use iosock_kpi::mbuf::*;
use iosock_kpi::{fault, stat, uma};

#[test]
fn inlines_allocate_and_free() {
    let bench = bench();
    // SAFETY: the inlines of the headers, as a module calls them.
    unsafe {
        let plain = t_get(NOWAIT, 0).unwrap();
        assert_eq!((plain.len(), t_trailing(plain)), (0, MLEN as i32));
        let header = t_get(NOWAIT, 1).unwrap();
        assert_eq!(
            (header.flags() & M_PKTHDR, t_trailing(header), header.pkt_len()),
            (M_PKTHDR, MHLEN as i32, 0)
        );
        let cluster = t_getcl(WAITOK).unwrap();
        assert_eq!((t_trailing(cluster), t_refcount(cluster)), (2048, 1));
        for m in [plain, header, cluster] {
            assert!(t_free(m).is_none());
        }
    }
    for size in [2048, 4096, 9216, 16384] {
        let m = m_getjcl(NOWAIT, MT_DATA, 0, size).unwrap();
        assert_eq!(m.trailing(), size as usize);
        m_freem(Some(m));
    }
    bench.clean();
}

#[test]
fn external_storage_is_given_back_once_with_the_original() {
    let bench = bench();
    let slice = Slice::new(pattern(1, 3000));
    let m = slice.mbuf(RDONLY);
    assert_eq!(stat::counters().ext_outstanding, bench.before.ext_outstanding + 1);
    // Two duplicates; the original goes first, which pins it.
    let whole = m_copym(Some(m), 0, M_COPYALL, NOWAIT).unwrap();
    let part = m_copym(Some(m), 100, 50, NOWAIT).unwrap();
    // SAFETY: live mbufs.
    unsafe {
        assert_eq!(t_refcount(m), 3);
        assert_eq!((t_refcount(part), part.bytes()), (3, &slice.bytes[100..150]));
    }
    assert_eq!(whole.pkt_len(), 3000);
    m_freem(Some(m));
    m_freem(Some(whole));
    assert_eq!(slice.times_released(), 0);
    // The callback finds its slice although the duplicate's own arguments are garbage.
    m_freem(Some(part));
    assert_eq!(slice.times_released(), 1);
    bench.clean();
}

#[test]
fn read_only_storage_is_never_written() {
    let bench = bench();
    let slice = Slice::new(vec![7; 600]);
    let m = slice.mbuf(RDONLY);
    m.set_len(100);
    assert_eq!(m.trailing(), 0);
    let more = chain(&[1, 2, 3]);
    m_cat(m, Some(more));
    // SAFETY: the bytes are there.
    unsafe { assert_eq!(m_append(m, 4, [9, 9, 9, 9].as_ptr()), 1) };
    assert_eq!(m_length(Some(m), None), 107);
    assert!(slice.bytes.iter().all(|b| *b == 7));
    let writable = m_unshare(m, NOWAIT).unwrap();
    assert_eq!(slice.times_released(), 1);
    assert_eq!(bytes_of(Some(writable))[100..], [1, 2, 3, 9, 9, 9, 9]);
    m_freem(Some(writable));
    bench.clean();
}

#[test]
fn chain_functions() {
    let bench = bench();
    let bytes = pattern(3, 20_000);
    let m = chain(&bytes);
    assert_eq!(m.pkt_len(), 20_000);
    let copy = m_dup(Some(m), WAITOK).unwrap();
    assert_eq!(bytes_of(Some(copy)), bytes);
    m_freem(Some(copy));

    m_adj(Some(m), 1000);
    m_adj(Some(m), -500);
    assert_eq!(m.pkt_len(), 18_500);
    assert_eq!(bytes_of(Some(m)), bytes[1000..19_500]);
    let tail = m_split(m, 7_000, WAITOK).unwrap();
    assert_eq!((m.pkt_len(), tail.pkt_len()), (7_000, 11_500));
    assert_eq!(bytes_of(Some(tail)), bytes[8_000..19_500]);
    m_catpkt(m, tail);
    assert_eq!((m.pkt_len(), m_fixhdr(m)), (18_500, 18_500));
    let m = m_prepend(m, 40, WAITOK).unwrap();
    assert_eq!(m.len(), 40);
    let m = m_pullup(m, 150).unwrap();
    assert!(m.len() >= 150);
    let mut out = vec![0; 300];
    // SAFETY: room for as many.
    unsafe { m_copydata(Some(m), 40, 300, out.as_mut_ptr()) };
    assert_eq!(out, bytes[1000..1300]);
    let mut at = 0;
    assert!(m_getptr(Some(m), 5_000, Some(&mut at)).is_some());
    m_freem(Some(m));
    bench.clean();
}

#[test]
fn copyback_extends_with_zeroes() {
    let bench = bench();
    let m = chain(&[1; 10]);
    // SAFETY: the bytes are there.
    unsafe { m_copyback(Some(m), 5_000, 4, [2; 4].as_ptr()) };
    let bytes = bytes_of(Some(m));
    assert_eq!((bytes.len(), m.pkt_len()), (5_004, 5_004));
    assert!(bytes[10..5_000].iter().all(|b| *b == 0) && bytes[5_000..] == [2; 4]);
    m_freem(Some(m));
    bench.clean();
}

#[test]
fn collapse_and_defrag() {
    let bench = bench();
    let slices: Vec<_> = (0..40_u8).map(|i| Slice::new(vec![i; 10])).collect();
    let head = slices[0].mbuf(RDONLY);
    for slice in &slices[1..] {
        m_catpkt(head, slice.mbuf(RDONLY));
    }
    assert_eq!(head.iter().count(), 40);
    let few = m_collapse(head, NOWAIT, 5).unwrap();
    assert!(few.iter().count() <= 5);
    assert_eq!((few.pkt_len(), bytes_of(Some(few)).len()), (400, 400));
    let one = m_defrag(few, NOWAIT).unwrap();
    assert_eq!(one.iter().count(), 1);
    m_freem(Some(one));
    assert!(slices.iter().all(|slice| slice.times_released() == 1));
    bench.clean();
}

#[test]
fn limits_and_faults_fail_nowait_only() {
    let bench = bench();
    fault::fail_nth(2);
    assert!(
        m_getjcl(NOWAIT, MT_DATA, 0, 4096).is_none(),
        "the cluster is the second allocation"
    );
    assert!(m_getjcl(NOWAIT, MT_DATA, 0, 4096).is_some_and(|m| {
        m_freem(Some(m));
        true
    }));
    uma::CLUST.set_limit(uma::uma_zone_get_cur(&uma::CLUST) as i64 + 1);
    // SAFETY: the inline of the headers.
    let first = unsafe { t_getcl(NOWAIT) }.unwrap();
    // SAFETY: as above.
    assert!(unsafe { t_getcl(NOWAIT) }.is_none());
    // One that waits gets it when there is one again.
    let waiter = std::thread::spawn(|| {
        let _attached = iosock_kpi::thread::Attached::new("waiter", 0, 0);
        // SAFETY: as above.
        m_freem(unsafe { t_getcl(WAITOK) });
    });
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert!(!waiter.is_finished());
    m_freem(Some(first));
    waiter.join().unwrap();
    uma::CLUST.set_limit(1 << 16);
    bench.clean();
}

#[test]
fn tags_go_with_the_packet() {
    let bench = bench();
    let m = chain(&[1]);
    let tag = m_tag_alloc(77, 5, 16, NOWAIT);
    // SAFETY: a fresh tag with 16 bytes behind it, put at the head of the packet's list, as m_tag_prepend
    // does.
    unsafe {
        tag.add(1).cast::<u64>().write(42);
        (*m.as_ptr()).m_pkthdr.tags = tag;
        let copy = m_copypacket(m, NOWAIT).unwrap();
        let found = m_tag_locate(copy, 77, 5, std::ptr::null_mut());
        assert_eq!(found.add(1).cast::<u64>().read(), 42);
        assert_ne!(found, tag);
        m_freem(Some(copy));
    }
    m_freem(Some(m));
    bench.clean();
}
