//! Acknowledgements of Linux's own TCP, over a network with a round-trip time and loss of its own: what comes back
//! when is the peer's, not a rule's.

mod common;
use common::*;
use iosock_kpi::errno::EWOULDBLOCK;
use iosock_kpi::socket::{self, msg};
use iosock_kpi::{config, stat};
use netdelay::{Link, Rules};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

/// This thread's network, and a bench in the mode, until both are dropped.
struct Delayed {
    bench: Bench,
    link: Link,
}

fn delayed(rules: Rules) -> Delayed {
    let bench = bench();
    config::set_tcp_acks(true);
    config::set_delack_ms(0);
    Delayed {
        bench,
        link: Link::enter(rules, 1500).unwrap(),
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        config::set_tcp_acks(false);
        config::set_delack_ms(40);
    }
}

#[test]
fn a_round_trip_lies_between_sending_and_release() {
    let net = delayed(Rules {
        delay: 10 * MS,
        ..Rules::default()
    });
    let (so, mut peer) = net.bench.pair();
    let slice = Slice::new(pattern(0, 4000));
    let start = Instant::now();
    assert_eq!(net.bench.send(so, slice.mbuf(RDONLY), 0), 0);
    peer.read_exact(&mut [0; 4000]).unwrap();
    assert_eq!(slice.times_released(), 0, "the acknowledgement is on its way");
    wait_until("released", || slice.times_released() == 1);
    let took = start.elapsed();
    // Linux's receiver acknowledges the last segment when it is read.
    assert!(took >= 20 * MS && took < 60 * MS, "{took:?}");
    assert_eq!(socket::soclose(so), 0);
    net.bench.clean();
}

#[test]
fn what_is_in_flight_is_bounded_by_the_send_buffer_and_wakes_nobody_in_vain() {
    let net = delayed(Rules {
        delay: 10 * MS,
        ..Rules::default()
    });
    let (so, mut peer) = net.bench.pair();
    assert_eq!(set_option(so, 0xffff, 0x1001, &[65_536_i32]), 0);
    let drain = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()).unwrap());
    let signal = Signal::new();
    signal.set(so, Buffer::Send);
    let before = stat::counters();
    let slices: Vec<_> = (0..400).map(|i| Slice::new(pattern(i, 8192))).collect();
    let start = Instant::now();
    let (mut seen, mut most) = (0, 0);
    for slice in &slices {
        loop {
            // SAFETY: a live socket.
            let (space, used) = unsafe { (t_space(so), t_used(so)) };
            most = most.max(used);
            if space >= 8192 {
                break;
            }
            seen = signal.wait_beyond(seen);
        }
        assert_eq!(net.bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
    }
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
    let took = start.elapsed();
    assert_eq!(most, 65_536);
    // 50 buffers full, each a round trip; slow start adds some.
    assert!(took >= 900 * MS && took < 3000 * MS, "{took:?}");
    let after = stat::counters();
    let (wakeups, acks) = (
        after.netisr_wakeups - before.netisr_wakeups,
        after.tcp_acks - before.tcp_acks,
    );
    println!(
        "3.3 MB at 20 ms: {took:?}, {acks} acknowledgements, {wakeups} wake-ups, {:?}",
        net.link.counts()
    );
    assert!(
        wakeups < 3 * acks + 200,
        "{wakeups} wake-ups for {acks} acknowledgements"
    );
    Signal::clear(so, Buffer::Send);
    assert_eq!(socket::soclose(so), 0);
    drain.join().unwrap();
    net.bench.clean();
}

#[test]
fn loss_delays_releases_and_changes_nothing_else() {
    let net = delayed(Rules {
        delay: 2 * MS,
        jitter: 2 * MS,
        loss: 0.01,
        ..Rules::default()
    });
    let (so, mut peer) = net.bench.pair();
    let slices: Vec<_> = (0..300).map(|i| Slice::new(pattern(i, 5000))).collect();
    RELEASE_ORDER.lock().unwrap().clear();
    let reader = std::thread::spawn(move || {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        peer.write_all(b"thanks").unwrap();
        all
    });
    for slice in &slices {
        assert_eq!(net.bench.send(so, slice.mbuf(RDONLY), 0), 0);
    }
    assert_eq!(socket::soshutdown(so, 1), 0);
    let want: Vec<u8> = slices.iter().flat_map(|slice| slice.bytes.clone()).collect();
    assert!(reader.join().unwrap() == want);
    assert_eq!(receive(so, 6, msg::WAITALL).bytes(), b"thanks");
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
    let order: Vec<usize> = slices
        .iter()
        .map(|slice| std::ptr::from_ref(&**slice) as usize)
        .collect();
    assert_eq!(*RELEASE_ORDER.lock().unwrap(), order);
    assert!(net.link.counts().lost > 0, "{:?}", net.link.counts());
    assert_eq!(try_receive(so, 1).error, 0, "the end");
    assert_eq!(socket::soclose(so), 0);
    net.bench.clean();
}

#[test]
fn a_full_buffer_says_so_until_the_round_trip_is_over() {
    let net = delayed(Rules {
        delay: 15 * MS,
        ..Rules::default()
    });
    let (so, mut peer) = net.bench.pair();
    let drain = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()).unwrap());
    assert_eq!(set_option(so, 0xffff, 0x1001, &[8192_i32]), 0);
    assert_eq!(net.bench.send(so, chain(&[1; 8192]), msg::DONTWAIT), 0);
    assert_eq!(net.bench.send(so, chain(&[1; 1]), msg::DONTWAIT), EWOULDBLOCK);
    let start = Instant::now();
    assert_eq!(net.bench.send(so, chain(&[1; 8192]), 0), 0);
    assert!(start.elapsed() >= 25 * MS, "{:?}", start.elapsed());
    assert_eq!(socket::soclose(so), 0);
    drain.join().unwrap();
    net.bench.clean();
}
