//! Ends of connections: orderly, abrupt, refused.

mod common;
use common::*;
use iosock_kpi::errno::*;

use iosock_kpi::socket::{self, msg};
use iosock_kpi::{config, stat};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[test]
fn connect_send_receive_close() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    assert_eq!(socket_name(so, 1), peer.local_addr().unwrap());
    assert_eq!(local(so), peer.peer_addr().unwrap());
    assert_eq!(bench.send(so, chain(b"hello"), 0), 0);
    let mut text = [0; 5];
    peer.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"hello");
    peer.write_all(b"good day").unwrap();
    let got = receive(so, 100, 0);
    assert_eq!((got.error, got.taken), (0, 8));
    assert_eq!(got.bytes(), b"good day");
    assert_eq!(try_receive(so, 10).error, EWOULDBLOCK);
    drop(peer);
    // The end: 0, no chain, nothing taken.
    let end = receive(so, 10, 0);
    assert_eq!((end.error, end.taken, end.chain), (0, 0, None));
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn closing_sends_what_is_queued() {
    let bench = bench();
    config::set_linux_sndbuf(4096);
    let (so, mut peer) = bench.pair();
    config::set_linux_sndbuf(0);
    let slices: Vec<_> = (0..3).map(|i| Slice::new(pattern(i, 10_000))).collect();
    for slice in &slices {
        assert_eq!(bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    }
    // Fill Linux up, so that something is still queued.
    let mut more: usize = 0;
    // SAFETY: a live socket.
    while unsafe { t_space(so) } >= 1000 {
        assert_eq!(bench.send(so, chain(&[9; 1000]), msg::DONTWAIT), 0);
        more += 1000;
        assert!(more < 100 << 20);
    }
    // SAFETY: a live socket.
    assert!(unsafe { t_used(so) } > 0);
    assert_eq!(socket::soclose(so), 0);
    assert_eq!(stat::counters().sockets_closing, 1);
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert_eq!(all.len(), 30_000 + more);
    assert_eq!(all[..10_000], slices[0].bytes);
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
    bench.clean();
}

#[test]
fn linger_zero_resets_and_releases_at_once() {
    let bench = bench();
    config::set_linux_sndbuf(4096);
    let (so, mut peer) = bench.pair();
    config::set_linux_sndbuf(0);
    let slice = Slice::new(vec![1; 20_000]);
    // SAFETY: a live socket.
    while unsafe { t_used(so) } < 10_000 {
        assert_eq!(bench.send(so, chain(&[0; 2000]), msg::DONTWAIT), 0);
    }
    assert_eq!(bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    abort(so);
    assert_eq!(slice.times_released(), 1);
    let mut buf = vec![0; 1 << 20];
    let error = loop {
        match peer.read(&mut buf) {
            Ok(0) => panic!("an orderly end"),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    bench.clean();
}

/// Lets `peer` reset its connection.
fn reset(peer: TcpStream) {
    use std::os::fd::AsRawFd;
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: a linger of that size.
    unsafe {
        let at = (&raw const linger).cast();
        libc::setsockopt(
            peer.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            at,
            size_of::<libc::linger>() as u32,
        );
    }
    drop(peer);
}

#[test]
fn a_reset_is_told_once_after_the_data() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    let signal = Signal::new();
    signal.set(so, Buffer::Receive);
    peer.write_all(b"last words").unwrap();
    // SAFETY: a live socket.
    wait_until("received", || unsafe { t_avail(so) } == 10);
    reset(peer);
    wait_until("disconnected", || state(so) & 0x2000 != 0);
    let got = receive(so, 100, 0);
    assert_eq!((got.error, got.bytes()), (0, b"last words".to_vec()));
    assert_eq!(receive(so, 100, 0).error, ECONNRESET);
    let end = receive(so, 100, 0);
    assert_eq!((end.error, end.taken), (0, 0));
    assert_eq!(bench.send(so, chain(b"x"), 0), EPIPE);
    assert!(signal.count() > 0);
    Signal::clear(so, Buffer::Receive);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn a_reset_drops_what_waits_to_be_sent() {
    let bench = bench();
    config::set_linux_sndbuf(4096);
    let (so, peer) = bench.pair();
    config::set_linux_sndbuf(0);
    // SAFETY: a live socket.
    while unsafe { t_used(so) } < 10_000 {
        assert_eq!(bench.send(so, chain(&[0; 2000]), msg::DONTWAIT), 0);
    }
    let slice = Slice::new(vec![1; 5000]);
    assert_eq!(bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    assert_eq!(slice.times_released(), 0);
    reset(peer);
    wait_until("released", || slice.times_released() == 1);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn half_close_lets_data_come() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    assert_eq!(socket::soshutdown(so, 1), 0);
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert!(all.is_empty());
    peer.write_all(b"still here").unwrap();
    assert_eq!(receive(so, 100, 0).bytes(), b"still here");
    drop(peer);
    wait_until("disconnected", || state(so) & 0x2000 != 0);
    let end = receive(so, 100, 0);
    assert_eq!((end.error, end.taken), (0, 0));
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn refused_connections_are_told_by_state_and_error() {
    let bench = bench();
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let so = bench.tcp();
    assert_eq!(bench.start_connect(so, free), 0);
    wait_until("disconnected", || state(so) & 0x2000 != 0);
    // SAFETY: a live socket.
    assert_eq!(unsafe { t_error(so) }, ECONNREFUSED);
    assert_eq!(receive(so, 1, 0).error, ECONNREFUSED);
    assert_eq!(socket::soclose(so), 0);
    // And an open one twice.
    let (so, peer) = bench.pair();
    assert_eq!(bench.start_connect(so, peer.local_addr().unwrap()), EISCONN);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn a_reader_is_interrupted_by_shutdown() {
    let bench = bench();
    let (so, _peer) = bench.pair();
    let reader = std::thread::spawn(move || {
        let _attached = iosock_kpi::thread::Attached::new("reader", 0, 0);
        let got = receive(so, 100, 0);
        (got.error, got.taken)
    });
    std::thread::sleep(Duration::from_millis(30));
    assert!(!reader.is_finished());
    assert_eq!(socket::soshutdown(so, 0), 0);
    assert_eq!(reader.join().unwrap(), (0, 0));
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn a_socket_without_a_peer_says_so_and_not_zeroes() {
    let bench = bench();
    let peer_of = |so| {
        let mut addr = [0xcc_u8; 28];
        // SAFETY: a live socket, and room for an address.
        (unsafe { iosock_shim_socket_peer(so, &raw mut addr) }, addr)
    };
    let so = bench.tcp();
    assert_eq!(
        socket_name(so, 1),
        "0.0.0.0:0".parse().unwrap(),
        "the protocol itself has an answer, as FreeBSD's"
    );
    assert_eq!(peer_of(so).0, ENOTCONN, "the shim asks whether there is one");
    assert_eq!(bench.bind(so, "127.0.0.1:0".parse().unwrap()), 0);
    assert_eq!(peer_of(so).0, ENOTCONN, "bound, and no peer");
    assert_eq!(socket::soclose(so), 0);
    let (so, peer) = bench.pair();
    let (error, addr) = peer_of(so);
    let port = peer.local_addr().unwrap().port();
    assert_eq!(
        (error, addr[0], u16::from_ne_bytes([addr[2], addr[3]])),
        (0, 4, port),
        "connected: IPv4 and the peer's port"
    );
    reset(peer);
    wait_until("reset", || state(so) & 0x2 == 0);
    assert_eq!(peer_of(so).0, ENOTCONN, "after a reset");
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn a_reset_by_the_owner_meets_events_of_the_peer() {
    let bench = bench();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // Peers that speak, read and go at any time, so that netisr is busy with the sockets that are closed here.
    let peers: Vec<_> = (0..3)
        .map(|_| {
            let listener = listener.try_clone().unwrap();
            std::thread::spawn(move || {
                for peer in listener.incoming().take(500) {
                    let Ok(mut peer) = peer else { continue };
                    let _ = peer.write_all(&[1; 3000]);
                    let _ = peer.read(&mut [0; 10_000]);
                }
            })
        })
        .collect();
    for round in 0..1500 {
        let so = bench.connect(addr);
        bench.send(so, chain(&[2; 20_000]), msg::DONTWAIT);
        if round % 2 == 0 {
            abort(so);
        } else {
            assert_eq!(socket::soclose(so), 0);
        }
    }
    peers.into_iter().for_each(|peer| peer.join().unwrap());
    bench.clean();
}
