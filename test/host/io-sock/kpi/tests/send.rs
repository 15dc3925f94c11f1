//! Sending: checks, space, external mbufs and when they are released.

mod common;
use common::*;
use iosock_kpi::errno::*;

use iosock_kpi::mbuf::{m_freem, m_sanity};
use iosock_kpi::socket::{self, msg};
use iosock_kpi::{config, stat};
use std::io::{Read, Write};

#[test]
fn external_mbufs_are_sent_without_copies_and_released() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    let slices: Vec<_> = (0..20).map(|i| Slice::new(pattern(i, 1000 + i))).collect();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        all
    });
    for slice in &slices {
        assert_eq!(bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    }
    assert_eq!(socket::soshutdown(so, 1), 0);
    let want: Vec<u8> = slices.iter().flat_map(|slice| slice.bytes.clone()).collect();
    assert_eq!(reader.join().unwrap(), want);
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
    assert_eq!(bench.send(so, chain(b"x"), 0), EPIPE);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn releases_can_be_delayed_and_reordered() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    let drain = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()).unwrap());
    let slices: Vec<_> = (0..50).map(|i| Slice::new(pattern(i, 600))).collect();
    // In order, at once.
    RELEASE_ORDER.lock().unwrap().clear();
    for slice in &slices[..10] {
        assert_eq!(bench.send(so, slice.mbuf(RDONLY), 0), 0);
    }
    wait_until("released", || {
        slices[..10].iter().all(|slice| slice.times_released() == 1)
    });
    let order: Vec<usize> = slices[..10]
        .iter()
        .map(|slice| std::ptr::from_ref(&**slice) as usize)
        .collect();
    assert_eq!(*RELEASE_ORDER.lock().unwrap(), order);

    config::set_release_delay_ms(60);
    assert_eq!(bench.send(so, slices[10].mbuf(RDONLY), 0), 0);
    wait_until("sent", || {
        // SAFETY: a live socket.
        unsafe { t_used(so) == 0 }
    });
    assert_eq!(slices[10].times_released(), 0, "the driver still has it");
    assert_eq!(stat::counters().ext_outstanding, bench.before.ext_outstanding + 1);
    wait_until("released", || slices[10].times_released() == 1);

    config::set_release_delay_ms(0);
    config::set_release_reorder(true);
    RELEASE_ORDER.lock().unwrap().clear();
    for slice in &slices[11..] {
        assert_eq!(bench.send(so, slice.mbuf(RDONLY), 0), 0);
    }
    wait_until("released", || {
        slices[11..].iter().all(|slice| slice.times_released() == 1)
    });
    let order: Vec<usize> = slices[11..]
        .iter()
        .map(|slice| std::ptr::from_ref(&**slice) as usize)
        .collect();
    assert_ne!(*RELEASE_ORDER.lock().unwrap(), order);
    config::set_release_reorder(false);
    assert_eq!(socket::soclose(so), 0);
    drain.join().unwrap();
    bench.clean();
}

#[test]
fn a_full_buffer_says_so_and_too_much_is_too_much() {
    let bench = bench();
    config::set_linux_sndbuf(8192);
    let (so, peer) = bench.pair();
    config::set_linux_sndbuf(0);
    // SAFETY: a live socket.
    let (hiwat, space) = unsafe { (t_hiwat(so), t_space(so)) };
    assert_eq!((hiwat, space), (32_768, 32_768));
    // More than the buffer can ever hold: EMSGSIZE, on a blocking socket too, and the chain is gone.
    let slice = Slice::new(vec![1; hiwat as usize + 1]);
    assert_eq!(bench.send(so, slice.mbuf(RDONLY), 0), EMSGSIZE);
    assert_eq!(slice.times_released(), 1);
    // More than there is room for now.
    let sizes = [16_384_i32];
    assert_eq!(set_option(so, 0xffff, 0x1001, &sizes), 0);
    let mut sent = Vec::new();
    let error = loop {
        let slice = Slice::new(vec![2; 8192]);
        let error = bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT);
        if error != 0 {
            assert_eq!(slice.times_released(), 1, "consumed although it was not sent");
            break error;
        }
        sent.push(slice);
        assert!(sent.len() < 10_000);
    };
    assert_eq!(error, EWOULDBLOCK);
    // What Linux has not taken is held.
    assert!(sent.last().unwrap().times_released() == 0);
    // SAFETY: a live socket.
    assert!(unsafe { t_used(so) } > 8192);
    let signal = Signal::new();
    signal.set(so, Buffer::Send);
    let seen = signal.count();
    let total = sent.len() * 8192;
    let reader = std::thread::spawn(move || {
        let mut peer = peer;
        let mut all = vec![0; total];
        peer.read_exact(&mut all).unwrap();
        peer
    });
    signal.wait_beyond(seen);
    assert_eq!(
        signal.waitflag.load(std::sync::atomic::Ordering::Relaxed),
        1,
        "upcalls are told M_NOWAIT"
    );
    reader.join().unwrap();
    wait_until("released", || {
        sent.iter().all(|slice| slice.times_released() == 1)
    });
    Signal::clear(so, Buffer::Send);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn checks_come_in_order() {
    let bench = bench();
    let so = bench.tcp();
    assert_eq!(
        bench.send(so, chain(&[0; 100_000]), 0),
        ENOTCONN,
        "before EMSGSIZE"
    );
    assert_eq!(bench.send(so, chain(b"x"), msg::EOR), EINVAL, "before ENOTCONN");
    assert_eq!(receive(so, 1, 0).error, ENOTCONN);
    assert_eq!(socket::soshutdown(so, 2), ENOTCONN);
    assert_eq!(socket::sodisconnect(so), ENOTCONN);
    assert_eq!(socket::soclose(so), 0);
    let (head, _) = bench.listener(5);
    let slice = Slice::new(vec![1; 10]);
    assert_eq!(bench.send(head, slice.mbuf(RDONLY), 0), ENOTCONN);
    assert_eq!(slice.times_released(), 1);
    assert_eq!(receive(head, 1, 0).error, ENOTCONN);
    assert_eq!(
        bench.start_connect(head, "127.0.0.1:1".parse().unwrap()),
        EOPNOTSUPP
    );
    assert_eq!(socket::soclose(head), 0);
    bench.clean();
}

#[test]
fn a_small_piece_behind_a_writable_one_is_copied_unless_told_not_to() {
    let bench = bench();
    config::set_linux_sndbuf(4096);
    let (so, peer) = bench.pair();
    config::set_linux_sndbuf(0);
    // Until Linux takes no more, so that so_snd keeps what comes.
    // SAFETY: a live socket.
    while unsafe { t_used(so) } == 0 {
        assert_eq!(bench.send(so, chain(&[0; 2000]), msg::DONTWAIT), 0);
    }
    // A cluster with room behind its data.
    assert_eq!(bench.send(so, chain(&[0; 500]), msg::DONTWAIT), 0);
    let copied = Slice::new(vec![5; 300]);
    assert_eq!(bench.send(so, copied.mbuf(RDONLY), msg::DONTWAIT), 0);
    assert_eq!(copied.times_released(), 1, "copied, and given back inside sosend");
    // SAFETY: a live socket.
    unsafe { t_no_coalesce(so) };
    let kept = Slice::new(vec![5; 300]);
    assert_eq!(bench.send(so, kept.mbuf(RDONLY), msg::DONTWAIT), 0);
    assert_eq!(kept.times_released(), 0);
    abort(so);
    assert_eq!(kept.times_released(), 1);
    drop(peer);
    bench.clean();
}

fn integrity(bench: &Bench, total: usize) {
    let (so, peer) = bench.pair();
    let signal = Signal::new();
    signal.set(so, Buffer::Receive);
    signal.set(so, Buffer::Send);
    // The peer sends back what it gets.
    let echo = std::thread::spawn(move || {
        let mut peer = peer;
        let mut buf = vec![0; 1 << 16];
        loop {
            match peer.read(&mut buf).unwrap() {
                0 => return,
                n => peer.write_all(&buf[..n]).unwrap(),
            }
        }
    });
    let byte = |at: usize| ((at * 7) ^ (at >> 9)) as u8;
    let (mut sent, mut received, mut seen) = (0, 0, 0);
    while received < total {
        let mut moved = false;
        // SAFETY: a live socket.
        let space = unsafe { t_space(so) }.min(8192);
        if sent < total && space > 0 {
            let n = (space as usize).min(total - sent);
            let slice = Box::leak(Slice::new((sent..sent + n).map(byte).collect()));
            assert_eq!(bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
            sent += n;
            moved = true;
            if sent == total {
                assert_eq!(socket::soshutdown(so, 1), 0);
            }
        }
        let got = try_receive(so, 50_000);
        if got.error == 0 && got.taken > 0 {
            for b in got.bytes() {
                assert_eq!(b, byte(received), "byte {received}");
                received += 1;
            }
            moved = true;
        }
        if !moved {
            seen = signal.wait_beyond(seen);
        }
    }
    echo.join().unwrap();
    Signal::clear(so, Buffer::Receive);
    Signal::clear(so, Buffer::Send);
    assert_eq!(socket::soclose(so), 0);
}

#[test]
fn a_hundred_megabytes_there_and_back() {
    let bench = bench();
    integrity(&bench, 100 << 20);
    bench.clean();
}

#[test]
fn ten_megabytes_with_late_releases_in_any_order() {
    let bench = bench();
    config::set_release_delay_ms(3);
    config::set_release_reorder(true);
    integrity(&bench, 10 << 20);
    config::set_release_delay_ms(0);
    config::set_release_reorder(false);
    bench.clean();
}

#[test]
fn uio_mode() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    let mut data = pattern(0, 200_000);
    let reader = std::thread::spawn(move || {
        let mut all = vec![0; 200_000];
        peer.read_exact(&mut all).unwrap();
        peer.write_all(&all[..5000]).unwrap();
        all
    });
    let mut iov = [iosock_kpi::layout::Iovec {
        iov_base: data.as_mut_ptr(),
        iov_len: data.len(),
    }];
    let mut uio = uio(&mut iov, 1);
    let td = bench.attached.thread();
    // SAFETY: valid pointers.
    let error = unsafe { socket::sosend(so, std::ptr::null_mut(), Some(&mut uio), None, None, 0, td) };
    assert_eq!((error, uio.uio_resid), (0, 0));
    assert_eq!(reader.join().unwrap(), data);
    let mut back = vec![0; 5000];
    let mut read = 0;
    while read < 5000 {
        let mut iov = [iosock_kpi::layout::Iovec {
            iov_base: back[read..].as_mut_ptr(),
            iov_len: 5000 - read,
        }];
        let mut uio = self::uio(&mut iov, 0);
        let (nowhere, none) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: valid pointers.
        let error = unsafe {
            socket::soreceive(
                so,
                nowhere,
                Some(&mut uio),
                none,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        assert_eq!(error, 0);
        read = 5000 - uio.uio_resid as usize;
    }
    assert_eq!(back, data[..5000]);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

fn uio(iov: &mut [iosock_kpi::layout::Iovec], rw: i32) -> iosock_kpi::layout::Uio {
    iosock_kpi::layout::Uio {
        uio_resid: iov.iter().map(|iov| iov.iov_len).sum::<usize>() as isize,
        uio_iov: iov.as_mut_ptr(),
        uio_iovcnt: iov.len() as i32,
        uio_offset: 0,
        uio_segflg: 1,
        uio_rw: rw,
        uio_td: std::ptr::null_mut(),
    }
}

/// Bytes of an mbuf, which a socket buffer is charged beside the storage.
const MSIZE: u32 = 256;

#[test]
fn a_piece_of_a_range_is_charged_what_it_is() {
    let bench = bench();
    config::set_linux_sndbuf(4096);
    let (so, peer) = bench.pair();
    config::set_linux_sndbuf(0);
    assert_eq!(set_option(so, 0xffff, 0x1001, &[64 * 1024_i32]), 0, "SO_SNDBUF");
    // The peer reads nothing: from some byte on all that is sent stays in so_snd.
    let filled = || {
        let mut sent = 0;
        while bench.send(so, chain(&[7; 4096]), msg::DONTWAIT) == 0 {
            sent += 1;
        }
        sent
    };
    wait_until("full", || {
        let more = filled();
        std::thread::sleep(std::time::Duration::from_millis(30));
        more == 0
    });
    assert_eq!(set_option(so, 0xffff, 0x1001, &[256 * 1024_i32]), 0, "SO_SNDBUF");
    // SAFETY: a live socket.
    let mbcnt = || unsafe { t_mbcnt(so) };
    let slice = Slice::new(pattern(5, 64 * 1024));
    let range = slice.range();
    let before = mbcnt();
    for index in 0..4 {
        // SAFETY: the range is the test's alone, and has so many bytes.
        let piece = unsafe { iosock_shim_mbuf_external_piece(range, index * 100, 100, 0) }.unwrap();
        // SAFETY: a live mbuf.
        unsafe {
            assert_eq!(t_refcount(piece) as u32, index + 2);
            assert_eq!(piece.bytes(), &slice.bytes[index as usize * 100..][..100]);
        }
        assert_eq!(m_sanity(Some(piece), 0), 1, "its data lies in its storage");
        assert_eq!(bench.send(so, piece, msg::DONTWAIT), 0);
    }
    assert_eq!(mbcnt() - before, 4 * (MSIZE + 100), "sb_mbcnt, by the pieces");
    m_freem(Some(range));
    assert_eq!(slice.times_released(), 0, "so_snd refers to it still");
    drop(peer);
    abort(so);
    wait_until("released", || slice.times_released() == 1);
    bench.clean();
}
