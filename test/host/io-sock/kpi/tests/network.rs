//! What loopback hides: receive storage of a driver, a packet filter that refuses, bursts, small payloads that TCP
//! copies, buffers that grow, and the peer's address where there is no peer.

mod common;
use common::*;
use iosock_kpi::errno::EACCES;
use iosock_kpi::mbuf::{Mb, m_freem};
use iosock_kpi::socket::{self, msg};
use iosock_kpi::{config, fault, stat};
use std::io::{Read, Write};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

const M_EXT: u32 = 1;
const EXT_NET_DRV: u32 = 252;

fn ext_type(m: Mb) -> Option<u32> {
    // SAFETY: an mbuf of the test's; m_ext counts with M_EXT alone.
    (m.flags() & M_EXT != 0).then(|| unsafe { (*m.as_ptr()).m_ext.ext_type_flags & 0xff })
}

/// Every piece is the driver's.
fn all_foreign(chain: Option<Mb>) -> bool {
    chain.unwrap().iter().all(|m| ext_type(m) == Some(EXT_NET_DRV))
}

#[test]
fn received_bytes_can_lie_in_a_drivers_own_storage() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    for foreign in [false, true] {
        config::set_rx_foreign(foreign);
        let bytes = pattern(3, 20_000);
        peer.write_all(&bytes).unwrap();
        let mut back = Vec::new();
        while back.len() < bytes.len() {
            // Odd sizes, so that some mbuf is split and its storage shared.
            let got = receive(so, 3_001, 0);
            assert_eq!(all_foreign(got.chain), foreign);
            back.extend(got.bytes());
        }
        assert_eq!(back, bytes);
    }
    peer.write_all(b"held").unwrap();
    let got = receive(so, 4, 0);
    let now = stat::counters();
    assert_eq!(now.ring_outstanding, bench.before.ring_outstanding + 1);
    assert_eq!(
        now.ext_outstanding, bench.before.ext_outstanding,
        "no module attached it"
    );
    m_freem(got.chain);
    assert_eq!(stat::counters().ring_outstanding, bench.before.ring_outstanding);

    // A datagram too.
    let udp = bench.socket(2);
    assert_eq!(bench.bind(udp, "127.0.0.1:0".parse().unwrap()), 0);
    let bytes = pattern(4, 9000);
    let other = UdpSocket::bind("127.0.0.1:0").unwrap();
    other.send_to(&bytes, local(udp)).unwrap();
    let got = receive(udp, 10_000, 0);
    assert!(all_foreign(got.chain));
    assert_eq!(got.bytes(), bytes);
    config::set_rx_foreign(false);
    for so in [so, udp] {
        assert_eq!(socket::soclose(so), 0);
    }
    bench.clean();
}

#[test]
fn what_a_packet_filter_refuses_is_queued_and_sent_later() {
    for acks in [false, true] {
        let bench = bench();
        config::set_tcp_acks(acks);
        let (so, mut peer) = bench.pair();
        config::set_tcp_acks(false);
        let filtered = stat::counters().filtered;
        let slices: Vec<_> = (0..3).map(|i| Slice::new(pattern(i, 500))).collect();
        assert_eq!(bench.send(so, slices[0].mbuf(RDONLY), msg::DONTWAIT), 0);
        // An acknowledgement would send what is queued.
        wait_until("released", || slices[0].times_released() == 1);
        fault::filter_nth(1);
        let start = Instant::now();
        assert_eq!(bench.send(so, slices[1].mbuf(RDONLY), msg::DONTWAIT), EACCES);
        assert_eq!(slices[1].times_released(), 0, "it is queued, not refused");
        // SAFETY: a live socket.
        assert!(unsafe { t_used(so) } >= 500);
        let mut all = vec![0; 1000];
        peer.read_exact(&mut all).unwrap();
        assert!(
            start.elapsed() >= Duration::from_millis(150),
            "the retransmit timer: {:?}",
            start.elapsed()
        );
        // The connection is as it was.
        assert_eq!(bench.send(so, slices[2].mbuf(RDONLY), msg::DONTWAIT), 0);
        all.resize(1500, 0);
        peer.read_exact(&mut all[1000..]).unwrap();
        assert!(
            all == slices
                .iter()
                .flat_map(|slice| slice.bytes.clone())
                .collect::<Vec<_>>()
        );
        wait_until("released", || {
            slices.iter().all(|slice| slice.times_released() == 1)
        });
        assert_eq!(stat::counters().filtered, filtered + 1);
        assert_eq!(socket::soclose(so), 0);
        bench.clean();
    }
}

#[test]
fn bursts_and_copied_payloads_are_counted() {
    for acks in [false, true] {
        let bench = bench();
        config::set_tcp_acks(acks);
        let (so, mut peer) = bench.pair();
        config::set_tcp_acks(false);
        assert_eq!(set_option(so, 0xffff, 0x1001, &[500_000_i32]), 0);
        let drain = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()).unwrap());
        let sent = |len: usize| {
            let before = stat::counters();
            let slice = Slice::new(vec![1; len]);
            assert_eq!(bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
            wait_until("released", || slice.times_released() == 1);
            let after = stat::counters();
            (
                after.tcp_payload_copies - before.tcp_payload_copies,
                after.sosend_bursts_over_queue - before.sosend_bursts_over_queue,
                after.sosend_burst_most,
            )
        };
        // A payload that fits beside the headers is copied, one byte more is not.
        assert_eq!(sent(100).0, 1);
        assert_eq!(sent(101).0, 0);
        assert_eq!(sent(256 * 1448).1, 0);
        let (_, over, most) = sent(460_000);
        assert_eq!(over, 1);
        assert_eq!(most, 318, "segments of 460 KB, as over FreeBSD");
        assert_eq!(socket::soclose(so), 0);
        drain.join().unwrap();
        bench.clean();
    }
}

#[test]
fn a_send_buffer_grows_only_when_asked() {
    for auto in [false, true] {
        let bench = bench();
        config::set_tcp_acks(true);
        config::set_ack_delay_ms(20);
        config::set_sendbuf_auto(auto);
        let (so, mut peer) = bench.pair();
        let drain = std::thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()).unwrap());
        // SAFETY: a live socket.
        let hiwat = || unsafe { t_hiwat(so) };
        let first = hiwat();
        assert_eq!(
            bench.send(so, chain(&vec![1; first as usize / 8 * 7 - 10]), msg::DONTWAIT),
            0
        );
        assert_eq!(hiwat(), first, "less than seven eighths");
        assert_eq!(bench.send(so, chain(&[1; 100]), msg::DONTWAIT), 0);
        assert_eq!(hiwat(), if auto { first + 8192 } else { first });
        assert_eq!(socket::soclose(so), 0);
        config::set_tcp_acks(false);
        config::set_ack_delay_ms(0);
        config::set_sendbuf_auto(false);
        drain.join().unwrap();
        bench.clean();
    }
}

#[test]
fn the_peers_address_of_an_unconnected_socket_is_nobodys_with_success() {
    // The caller must look at SS_ISCONNECTED for ENOTCONN, as getpeername does: the protocol does not.
    let bench = bench();
    let so = bench.tcp();
    assert_eq!(state(so) & 0x2, 0);
    assert_eq!(socket_name(so, 1), "0.0.0.0:0".parse().unwrap());
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}
