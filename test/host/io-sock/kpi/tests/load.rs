//! Many sockets and threads at once.

mod common;
use common::*;

use iosock_kpi::socket::{self, So, msg};
use iosock_kpi::thread::Attached;
use iosock_kpi::{config, stat};
use std::io::{Read, Write};
use std::time::Instant;

/// Sends `total` bytes of external mbufs and reads as many back, driven by upcalls alone.
fn exchange(so: So, total: usize, piece: usize) {
    let signal = Signal::new();
    signal.set(so, Buffer::Receive);
    signal.set(so, Buffer::Send);
    let td = iosock_kpi::thread::__curthread();
    let (mut sent, mut received, mut seen, mut slices) = (0, 0, 0, Vec::new());
    while received < total {
        let mut moved = false;
        // SAFETY: a live socket.
        let space = unsafe { t_space(so) }.max(0) as usize;
        if sent < total && space >= piece.min(total - sent) {
            let slice = Slice::new(vec![(sent / piece) as u8; piece.min(total - sent)]);
            sent += slice.bytes.len();
            let m = Some(slice.mbuf(RDONLY));
            slices.push(slice);
            // SAFETY: the chain is ours.
            let error = unsafe { socket::sosend(so, std::ptr::null_mut(), None, m, None, msg::DONTWAIT, td) };
            assert_eq!(error, 0);
            moved = true;
        }
        let got = try_receive(so, 1 << 16);
        if got.taken > 0 {
            for byte in got.bytes() {
                assert_eq!(byte, (received / piece) as u8);
                received += 1;
            }
            moved = true;
        }
        if !moved {
            seen = signal.wait_beyond(seen);
        }
    }
    Signal::clear(so, Buffer::Receive);
    Signal::clear(so, Buffer::Send);
    assert_eq!(socket::soclose(so), 0);
    wait_until("released", || {
        slices.iter().all(|slice| slice.times_released() == 1)
    });
}

fn many(bench: &Bench) {
    let echo = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = echo.local_addr().unwrap();
    std::thread::spawn(move || {
        for peer in echo.incoming().take(24) {
            let mut peer = peer.unwrap();
            std::thread::spawn(move || {
                let mut buf = [0; 8192];
                while let Ok(n @ 1..) = peer.read(&mut buf) {
                    if peer.write_all(&buf[..n]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    let sockets: Vec<So> = (0..24).map(|_| bench.connect(addr)).collect();
    let threads: Vec<_> = sockets
        .chunks(8)
        .map(|some| {
            let some = some.to_vec();
            std::thread::spawn(move || {
                let _attached = Attached::new("worker", 0, 0);
                for (i, so) in some.into_iter().enumerate() {
                    exchange(so, 1 << 20, 500 + 700 * i);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn many_sockets_and_threads() {
    let bench = bench();
    many(&bench);
    bench.clean();
}

#[test]
fn many_sockets_and_threads_with_small_buffers_and_late_releases() {
    let bench = bench();
    config::set_linux_sndbuf(8192);
    config::set_linux_rcvbuf(8192);
    config::set_release_delay_ms(1);
    config::set_release_reorder(true);
    many(&bench);
    config::set_linux_sndbuf(0);
    config::set_linux_rcvbuf(0);
    config::set_release_delay_ms(0);
    config::set_release_reorder(false);
    bench.clean();
}

#[test]
fn connections_come_and_go() {
    let bench = bench();
    let (head, addr) = bench.listener(64);
    // SAFETY: a live listener.
    unsafe { t_set_nbio(head) };
    let clients = std::thread::spawn(move || {
        for i in 0..300_usize {
            let Ok(mut peer) = std::net::TcpStream::connect(addr) else {
                continue;
            };
            let _ = peer.write_all(&vec![1; i * 10]);
            if i % 3 == 0 {
                let _ = peer.shutdown(std::net::Shutdown::Both);
            }
        }
    });
    let mut accepted = 0;
    let until = Instant::now() + std::time::Duration::from_secs(30);
    while accepted < 300 && Instant::now() < until {
        let mut child = std::ptr::null_mut();
        // SAFETY: a live listener and valid pointers; the address is M_SONAME memory of ours.
        unsafe {
            t_solisten_lock(head);
            if socket::solisten_dequeue(head, &raw mut child, 0) != 0 {
                std::thread::yield_now();
                continue;
            }
            let so = So::from_raw(child).unwrap();
            let mut name: *mut u8 = std::ptr::null_mut();
            let error = socket::soaccept(so, &raw mut name);
            iosock_kpi::malloc::kpi_free(name.cast(), &raw mut iosock_kpi::malloc::M_SONAME);
            if error == 0 {
                bench.send(so, chain(&[7; 2000]), msg::DONTWAIT);
                if accepted % 2 == 0 {
                    iosock_kpi::mbuf::m_freem(try_receive(so, 100).chain);
                }
            }
            if accepted % 5 == 0 {
                abort(so)
            } else {
                assert_eq!(socket::soclose(so), 0)
            }
        }
        accepted += 1;
    }
    assert_eq!(accepted, 300);
    clients.join().unwrap();
    assert_eq!(socket::soclose(head), 0);
    bench.clean();
}

/// Prints how fast the stand-in is; asserts nothing about it.
#[test]
fn throughput() {
    let bench = bench();
    let (so, mut peer) = bench.pair();
    let total = 256 << 20;
    let reader = std::thread::spawn(move || {
        let mut buf = vec![0; 1 << 18];
        let mut n = 0;
        while n < total {
            n += peer.read(&mut buf).unwrap();
        }
        for _ in 0..total / buf.len() {
            peer.write_all(&buf).unwrap();
        }
        peer
    });
    let signal = Signal::new();
    signal.set(so, Buffer::Send);
    let start = Instant::now();
    let (mut sent, mut seen) = (0, 0);
    let slice = Slice::new(vec![1; 16384]);
    while sent < total {
        // SAFETY: a live socket.
        if unsafe { t_space(so) } >= 16384 {
            assert_eq!(bench.send(so, slice.mbuf(RDONLY), msg::DONTWAIT), 0);
            sent += 16384;
        } else {
            seen = signal.wait_beyond(seen);
        }
    }
    let up = start.elapsed();
    let start = Instant::now();
    let mut received = 0;
    while received < total {
        let got = receive(so, 1 << 18, 0);
        received += got.taken;
        iosock_kpi::mbuf::m_freem(got.chain);
    }
    let down = start.elapsed();
    reader.join().unwrap();
    Signal::clear(so, Buffer::Send);
    assert_eq!(socket::soclose(so), 0);
    wait_until("released", || slice.times_released() as usize == total / 16384);
    let rate = |span: std::time::Duration| (total >> 20) as f64 / span.as_secs_f64();
    println!(
        "send {:.0} MiB/s, receive {:.0} MiB/s, {:?}",
        rate(up),
        rate(down),
        stat::counters()
    );
    bench.clean();
}
