//! Receiving: flow control, flags, faults.

mod common;
use common::*;
use iosock_kpi::errno::*;
use iosock_kpi::mbuf::{Mb, m_freem};
use iosock_kpi::socket::{self, msg};
use iosock_kpi::stat;
use std::io::Write;
use std::time::Duration;

#[test]
fn receiving_stops_when_the_buffer_is_full() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    peer.set_nonblocking(true).unwrap();
    let bytes = pattern(0, 1 << 16);
    let mut written = 0;
    let mut idle = 0;
    while idle < 50 {
        match peer.write(&bytes[written % bytes.len()..]) {
            Ok(n) => (written, idle) = (written + n, 0),
            Err(_) => {
                idle += 1;
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
    // SAFETY: a live socket.
    let held = unsafe { t_avail(so) } as usize;
    assert!(
        (1 << 15..=1 << 16).contains(&held),
        "{held} bytes in so_rcv, {written} written"
    );
    assert!(written > held);
    let mut read = 0;
    while read < written {
        let got = receive(so, 30_000, 0);
        assert_eq!(got.error, 0);
        for byte in got.bytes() {
            assert_eq!(byte, bytes[read % bytes.len()]);
            read += 1;
        }
    }
    assert_eq!(try_receive(so, 10).error, EWOULDBLOCK);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn waitall_peek_and_partial_mbufs() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    peer.write_all(&pattern(0, 1000)).unwrap();
    // SAFETY: a live socket.
    wait_until("received", || unsafe { t_avail(so) } == 1000);
    assert_eq!(receive(so, 10, msg::PEEK).bytes(), pattern(0, 1000)[..10]);
    let part = receive(so, 300, 0);
    assert_eq!(part.taken, 300);
    // A partial mbuf is a duplicate: the rest shares its storage.
    // SAFETY: a live mbuf.
    assert_eq!(unsafe { t_refcount(part.chain.unwrap()) }, 2);
    m_freem(part.chain);
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        peer.write_all(&pattern(1000, 500)).unwrap();
        peer
    });
    let all = receive(so, 1200, msg::WAITALL);
    assert_eq!((all.error, all.taken), (0, 1200));
    m_freem(all.chain);
    let peer = later.join().unwrap();
    // A time-out with data: an error, and the data all the same.
    let tv = [0_i64, 50_000];
    assert_eq!(set_option(so, 0xffff, 0x1006, &tv), 0);
    let mut peer = peer;
    peer.write_all(b"abc").unwrap();
    let some = receive(so, 10, msg::WAITALL);
    assert_eq!((some.error, some.taken), (EWOULDBLOCK, 3));
    assert_eq!(some.bytes(), b"abc");
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn idle_sockets_cost_no_wakeups() {
    let bench = bench();
    let pairs: Vec<_> = (0..20).map(|_| bench.pair()).collect();
    std::thread::sleep(Duration::from_millis(50));
    let before = stat::counters().netisr_wakeups;
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(stat::counters().netisr_wakeups, before);
    for (so, _) in &pairs {
        assert_eq!(socket::soclose(*so), 0);
    }
    drop(pairs);
    bench.clean();
}

#[test]
fn sent_and_freed_bytes_survive_faults() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    // Every third allocation that cannot wait fails: nothing is lost, it only takes longer.
    iosock_kpi::fault::fail_every(3);
    let writer = std::thread::spawn(move || {
        peer.write_all(&pattern(0, 300_000)).unwrap();
    });
    let mut all = Vec::new();
    while all.len() < 300_000 {
        let got = receive(so, 7_777, 0);
        assert_eq!(got.error, 0);
        all.extend(got.bytes());
    }
    iosock_kpi::fault::fail_every(0);
    writer.join().unwrap();
    assert_eq!(all, pattern(0, 300_000));
    assert!(stat::counters().faults > bench.before.faults);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn mbufs_of_a_received_chain_are_the_callers() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    peer.write_all(&pattern(0, 60_000)).unwrap();
    // SAFETY: a live socket.
    wait_until("received", || unsafe { t_avail(so) } == 60_000);
    let got = receive(so, 60_000, 0);
    let pieces: Vec<Mb> = got.chain.unwrap().iter().collect();
    assert!(pieces.iter().all(|m| m.flags() & iosock_kpi::mbuf::M_PKTHDR == 0));
    // The socket goes first.
    assert_eq!(socket::soclose(so), 0);
    assert_eq!(got.bytes(), pattern(0, 60_000));
    bench.clean();
}
