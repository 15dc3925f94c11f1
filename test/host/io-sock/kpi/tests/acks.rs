//! Acknowledgements as on a network (`standin.tcp_acks`): what stays in so_snd, when external mbufs come back, who
//! is told, what small messages cost, and what it costs when nothing happens.

mod common;
use common::*;
use iosock_kpi::errno::EWOULDBLOCK;

use iosock_kpi::socket::{self, So, msg};
use iosock_kpi::{config, stat};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const TCP: i32 = 6;
const NODELAY: i32 = 1;
const NOPUSH: i32 = 4;

/// A bench whose sockets follow acknowledgements, until it is dropped.
struct Acks(Bench);

impl Acks {
    fn new(delack_ms: u32, delay_ms: u32) -> Acks {
        let bench = bench();
        config::set_tcp_acks(true);
        config::set_delack_ms(delack_ms);
        config::set_ack_delay_ms(delay_ms);
        Acks(bench)
    }

    /// A connected socket with a send buffer of `sndbuf` bytes.
    fn pair(&self, sndbuf: i32) -> (So, TcpStream) {
        let (so, peer) = self.0.pair();
        assert_eq!(set_option(so, 0xffff, 0x1001, &[sndbuf]), 0);
        (so, peer)
    }
}

impl Drop for Acks {
    fn drop(&mut self) {
        config::set_tcp_acks(false);
        config::set_delack_ms(40);
        config::set_ack_delay_ms(0);
    }
}

fn used(so: So) -> usize {
    // SAFETY: a live socket.
    unsafe { t_used(so) as usize }
}

fn nodelay(so: So) {
    assert_eq!(set_option(so, TCP, NODELAY, &[1_i32]), 0);
}

/// Reads and forgets everything until the end.
fn drain(mut peer: TcpStream) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()).unwrap_or(0))
}

#[test]
fn bytes_stay_until_the_peer_has_acknowledged_them() {
    const DELAY: Duration = Duration::from_millis(800);
    let bench = Acks::new(0, 800);
    let (so, peer) = bench.pair(16_384);
    let drain = drain(peer);
    let slices: Vec<_> = (0..4).map(|i| Slice::new(pattern(i, 4096))).collect();
    RELEASE_ORDER.lock().unwrap().clear();
    let start = Instant::now();
    for slice in &slices {
        assert_eq!(bench.0.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    }
    // All of it is with the peer, and none is acknowledged: SO_SNDBUF is full.
    let in_buffer = used(so);
    let released: u32 = slices.iter().map(|slice| slice.times_released()).sum();
    let more = Slice::new(vec![1]);
    let refused = bench.0.send(so, more.mbuf(RDONLY), msg::DONTWAIT);
    assert!(start.elapsed() < DELAY, "too slow to see anything");
    assert_eq!((in_buffer, released, refused), (16_384, 0, EWOULDBLOCK));
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
    assert!(start.elapsed() >= DELAY, "{:?}", start.elapsed());
    let order: Vec<usize> = slices
        .iter()
        .map(|slice| std::ptr::from_ref(&**slice) as usize)
        .collect();
    assert_eq!(
        RELEASE_ORDER.lock().unwrap()[1..],
        order,
        "the refused one first, then in order"
    );
    assert_eq!(used(so), 0);
    assert_eq!(socket::soclose(so), 0);
    drain.join().unwrap();
    bench.0.clean();
}

#[test]
fn a_peer_that_stops_reading_keeps_the_bytes_and_one_that_reads_on_gives_them_back() {
    for delack in [0, 40] {
        let bench = Acks::new(delack, 0);
        // Room for less than is sent, so that a part is acknowledged.
        config::set_linux_sndbuf(1 << 20);
        let (so, mut peer) = bench.pair(1 << 20);
        config::set_linux_sndbuf(0);
        let size = [16_384_i32];
        // SAFETY: an int.
        unsafe {
            libc::setsockopt(
                std::os::fd::AsRawFd::as_raw_fd(&peer),
                1,
                libc::SO_RCVBUF,
                size.as_ptr().cast(),
                4,
            )
        };
        let slices: Vec<_> = (0..64).map(|i| Slice::new(pattern(i, 16_000))).collect();
        for slice in &slices {
            assert_eq!(bench.0.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
        }
        let released = || {
            slices
                .iter()
                .take_while(|slice| slice.times_released() == 1)
                .count()
        };
        wait_until("some are acknowledged", || released() > 0);
        std::thread::sleep(Duration::from_millis(300));
        let stalled = released();
        assert!(stalled < 64, "Linux's buffers are not the peer");
        assert!(used(so) >= (63 - stalled) * 16_000);
        // Nothing happens, which costs next to nothing.
        let (before, start) = (stat::counters(), Instant::now());
        std::thread::sleep(Duration::from_millis(500));
        let wakeups = stat::counters().netisr_wakeups - before.netisr_wakeups;
        let allowed = 12.0 * start.elapsed().as_secs_f64() / 0.5;
        assert!(
            wakeups as f64 <= allowed,
            "{wakeups} wake-ups of {allowed:.0} beside a peer that does not read"
        );
        let mut all = vec![0; 64 * 16_000];
        peer.read_exact(&mut all).unwrap();
        let want: Vec<u8> = slices.iter().flat_map(|slice| slice.bytes.clone()).collect();
        assert!(all == want);
        wait_until("released", || released() == 64);
        assert_eq!(used(so), 0);
        assert_eq!(socket::soclose(so), 0);
        bench.0.clean();
    }
}

#[test]
fn an_upcall_tells_of_each_acknowledgement_and_a_sleeper_wakes() {
    let bench = Acks::new(0, 20);
    let (so, peer) = bench.pair(8192);
    let drain = drain(peer);
    let signal = Signal::new();
    signal.set(so, Buffer::Send);
    assert_eq!(bench.0.send(so, chain(&[1; 8192]), msg::DONTWAIT), 0);
    signal.wait_beyond(0);
    wait_until("acknowledged", || used(so) == 0);
    Signal::clear(so, Buffer::Send);
    // A sender that waits for space sleeps until the acknowledgement.
    let start = Instant::now();
    assert_eq!(bench.0.send(so, chain(&[1; 8192]), 0), 0);
    assert_eq!(bench.0.send(so, chain(&[1; 8192]), 0), 0);
    assert!(
        start.elapsed() >= Duration::from_millis(20),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(socket::soclose(so), 0);
    assert_eq!(drain.join().unwrap(), 3 * 8192);
    bench.0.clean();
}

#[test]
fn small_messages_with_nagle_collapse_when_their_number_is_bounded_and_not_when_their_bytes_are() {
    let bench = Acks::new(40, 0);
    let (so, peer) = bench.pair(65_536);
    let drain = drain(peer);
    let counted = Flood::run(&bench.0, so, 1, |in_flight| in_flight < 256);
    let bounded = Flood::run(&bench.0, so, 1, |_| true);
    nodelay(so);
    let without_nagle = Flood::run(&bench.0, so, 1, |in_flight| in_flight < 256);
    for (what, flood) in [
        ("at most 256", &counted),
        ("SO_SNDBUF", &bounded),
        ("TCP_NODELAY", &without_nagle),
    ] {
        println!("1 B, {what}: {:.0} a second, {flood:?}", flood.a_second());
    }
    // Two delayed acknowledgements for 256 messages: 3,200 a second (3,182 over FreeBSD's own code), and 128 in a
    // segment. so_snd takes as many as make full segments, which leave at once.
    let together = counted.messages_of_a_segment();
    assert!(counted.a_second() < 4000.0, "{counted:?}");
    assert!((32.0..=256.0).contains(&together), "{counted:?}");
    assert!(bounded.most_in_flight > 4 * 256, "{bounded:?}");
    assert!(without_nagle.messages_of_a_segment() < 2.0, "{without_nagle:?}");
    assert_eq!(socket::soclose(so), 0);
    drain.join().unwrap();
    bench.0.clean();
}

#[test]
fn at_a_round_trip_of_20_ms_the_number_in_flight_bounds_the_rate() {
    let bench = Acks::new(40, 20);
    let (so, peer) = bench.pair(262_144);
    nodelay(so);
    let drain = drain(peer);
    let counted = Flood::run(&bench.0, so, 100, |in_flight| in_flight < 64);
    let bounded = Flood::run(&bench.0, so, 100, |_| true);
    for (what, flood) in [("at most 64", &counted), ("SO_SNDBUF", &bounded)] {
        println!(
            "100 B at 20 ms, {what}: {:.0} a second, {flood:?}",
            flood.a_second()
        );
    }
    assert!(
        counted.a_second() < 3_400.0,
        "64 each 20 ms are 3,200: {counted:?}"
    );
    assert_eq!(counted.most_in_flight, 64);
    assert!(bounded.most_in_flight > 4 * 64, "{bounded:?}");
    assert_eq!(socket::soclose(so), 0);
    drain.join().unwrap();
    bench.0.clean();
}

#[test]
fn an_answer_carries_the_acknowledgement() {
    // Without the answer none would come before the test ends.
    let bench = Acks::new(600_000, 0);
    let (so, mut peer) = bench.pair(65_536);
    let echo = std::thread::spawn(move || {
        let mut buf = [0; 100];
        while peer.read_exact(&mut buf).is_ok() {
            peer.write_all(&buf).unwrap();
        }
    });
    for i in 0..50 {
        let slice = Slice::new(pattern(i, 100));
        assert_eq!(bench.0.send(so, slice.mbuf(RDONLY), 0), 0);
        let mut back = Vec::new();
        while back.len() < 100 {
            back.extend(receive(so, 100 - back.len(), 0).bytes());
        }
        assert_eq!(back, slice.bytes);
        wait_until("released", || slice.times_released() == 1);
    }
    assert_eq!(socket::soclose(so), 0);
    echo.join().unwrap();
    bench.0.clean();
}

#[test]
fn what_nobody_pushes_waits() {
    let bench = Acks::new(40, 0);
    let (so, mut peer) = bench.pair(65_536);
    peer.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut buf = [0; 4096];
    assert_eq!(set_option(so, TCP, NOPUSH, &[1_i32]), 0);
    assert_eq!(bench.0.send(so, chain(b"pushed later"), 0), 0);
    assert!(peer.read(&mut buf).is_err(), "TCP_NOPUSH holds it back");
    assert_eq!(set_option(so, TCP, NOPUSH, &[0_i32]), 0);
    assert_eq!(peer.read(&mut buf).unwrap(), 12);
    wait_until("acknowledged", || used(so) == 0);
    assert_eq!(bench.0.send(so, chain(b"a part "), msg::MORETOCOME), 0);
    assert!(peer.read(&mut buf).is_err(), "MSG_MORETOCOME holds it back");
    assert_eq!(bench.0.send(so, chain(b"and the rest"), 0), 0);
    assert_eq!(peer.read(&mut buf).unwrap(), 19, "in one segment");
    wait_until("acknowledged", || used(so) == 0);
    // The persist timer sends what was promised a rest that never came.
    assert_eq!(bench.0.send(so, chain(b"alone"), msg::MORETOCOME), 0);
    peer.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    assert_eq!(peer.read(&mut buf).unwrap(), 5);
    assert_eq!(socket::soclose(so), 0);
    bench.0.clean();
}

#[test]
fn closing_sends_everything_and_waits_for_the_acknowledgement() {
    const DELAY: Duration = Duration::from_millis(800);
    let bench = Acks::new(40, 800);
    let (so, peer) = bench.pair(65_536);
    let drain = drain(peer);
    let slices: Vec<_> = (0..30).map(|i| Slice::new(pattern(i, 2000))).collect();
    let start = Instant::now();
    for slice in &slices {
        assert_eq!(bench.0.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    }
    assert_eq!(socket::soclose(so), 0);
    let closing = stat::counters().sockets_closing;
    assert!(start.elapsed() < DELAY, "too slow to see anything");
    assert_eq!(closing, 1);
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
    assert!(start.elapsed() >= DELAY);
    assert_eq!(drain.join().unwrap(), 60_000);
    bench.0.clean();
}

#[test]
fn the_end_waits_for_the_acknowledgement_too() {
    const DELAY: Duration = Duration::from_millis(800);
    let bench = Acks::new(0, 800);
    let (so, mut peer) = bench.pair(65_536);
    let start = Instant::now();
    assert_eq!(bench.0.send(so, chain(b"bye"), 0), 0);
    assert_eq!(socket::soshutdown(so, 1), 0);
    assert_eq!(peer.read_to_end(&mut Vec::new()).unwrap(), 3);
    drop(peer);
    // Both ends have said their last, but the peer's acknowledgement is on its way.
    std::thread::sleep(Duration::from_millis(15));
    let (in_buffer, disconnected) = (used(so), state(so) & 0x2000);
    assert!(start.elapsed() < DELAY, "too slow to see anything");
    assert_eq!(in_buffer, 3);
    assert_eq!(disconnected, 0, "SS_ISDISCONNECTED before the acknowledgement");
    wait_until("disconnected", || state(so) & 0x2000 != 0);
    assert_eq!(used(so), 0);
    assert_eq!(socket::soclose(so), 0);
    bench.0.clean();
}

#[test]
fn a_reset_gives_everything_back_at_once() {
    // Nothing is acknowledged before the test ends.
    let bench = Acks::new(40, 600_000);
    let (so, peer) = bench.pair(65_536);
    let slices: Vec<_> = (0..8).map(|i| Slice::new(pattern(i, 3000))).collect();
    for slice in &slices {
        assert_eq!(bench.0.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    }
    // Unread bytes make it a reset.
    wait_until("there", || peer.peek(&mut [0; 24_000]).unwrap() > 20_000);
    drop(peer);
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
    assert_eq!(socket::soclose(so), 0);
    bench.0.clean();
}

#[test]
fn an_idle_connection_costs_nothing() {
    let bench = Acks::new(40, 5);
    let sockets: Vec<_> = (0..50).map(|_| bench.pair(65_536)).collect();
    for (so, _) in &sockets {
        assert_eq!(bench.0.send(*so, chain(&[1; 3000]), 0), 0);
    }
    wait_until("acknowledged", || sockets.iter().all(|(so, _)| used(*so) == 0));
    // Timers that were overtaken may still go off.
    std::thread::sleep(Duration::from_millis(300));
    let before = stat::counters();
    std::thread::sleep(Duration::from_millis(1000));
    let after = stat::counters();
    assert_eq!(after.netisr_wakeups, before.netisr_wakeups);
    assert_eq!(after.tcp_ack_looks, before.tcp_ack_looks);
    for (so, _) in &sockets {
        assert_eq!(socket::soclose(*so), 0);
    }
    bench.0.clean();
}

#[test]
fn accepted_sockets_follow_acknowledgements_and_inherit_nodelay() {
    let bench = Acks::new(40, 0);
    let (head, addr) = bench.0.listener(4);
    nodelay(head);
    let peer = TcpStream::connect(addr).unwrap();
    let mut child = std::ptr::null_mut();
    // SAFETY: a live listener and valid pointers; the address is M_SONAME memory of ours.
    let so = unsafe {
        t_solisten_lock(head);
        assert_eq!(socket::solisten_dequeue(head, &raw mut child, 0), 0);
        let so = So::from_raw(child).unwrap();
        let mut name: *mut u8 = std::ptr::null_mut();
        assert_eq!(socket::soaccept(so, &raw mut name), 0);
        iosock_kpi::malloc::kpi_free(name.cast(), &raw mut iosock_kpi::malloc::M_SONAME);
        so
    };
    let drain = drain(peer);
    let flood = Flood::run(&bench.0, so, 1, |in_flight| in_flight < 256);
    assert!(
        flood.messages_of_a_segment() < 2.0,
        "Nagle makes 128 of it: {flood:?}"
    );
    assert_eq!(socket::soclose(so), 0);
    assert_eq!(socket::soclose(head), 0);
    drain.join().unwrap();
    bench.0.clean();
}
