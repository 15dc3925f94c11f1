//! Listeners, datagrams, IPv6, credentials.

mod common;
use common::*;
use iosock_kpi::errno::*;
use iosock_kpi::mbuf::{M_PKTHDR, m_freem};
use iosock_kpi::socket::{self, So, msg};
use iosock_kpi::{config, stat};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::ptr::null_mut;
use std::time::Duration;

const INHERIT: i32 = 1;

/// Dequeues one child.
fn dequeue(head: So, flags: i32) -> Result<So, i32> {
    let mut child = null_mut();
    // SAFETY: a live listener.
    unsafe { t_solisten_lock(head) };
    // SAFETY: as above; the pointer is valid.
    match unsafe { socket::solisten_dequeue(head, &raw mut child, flags) } {
        // SAFETY: a live child.
        0 => Ok(unsafe { So::from_raw(child) }.unwrap()),
        error => Err(error),
    }
}

/// soaccept: the error and the address.
fn accept(so: So) -> (i32, SocketAddr) {
    let mut sa: *mut u8 = null_mut();
    // SAFETY: a dequeued child; the address is M_SONAME memory of ours.
    unsafe {
        let error = socket::soaccept(so, &raw mut sa);
        let addr = from_sockaddr(std::slice::from_raw_parts(sa, 16));
        iosock_kpi::malloc::kpi_free(sa.cast(), &raw mut iosock_kpi::malloc::M_SONAME);
        (error, addr)
    }
}

#[test]
fn accept_through_an_upcall() {
    let bench = bench();
    let (head, addr) = bench.listener(5);
    // SAFETY: a live listener.
    unsafe { t_set_nbio(head) };
    assert_eq!(dequeue(head, INHERIT), Err(EWOULDBLOCK));
    let signal = Signal::new();
    signal.set_listener(head);
    let mut peer = TcpStream::connect(addr).unwrap();
    signal.wait_beyond(0);
    let so = dequeue(head, INHERIT).unwrap();
    assert_eq!(accept(so), (0, peer.local_addr().unwrap()));
    assert_ne!(state(so) & 0x100, 0, "SS_NBIO is inherited");
    assert_eq!(receive(so, 1, 0).error, EWOULDBLOCK);
    peer.write_all(b"hi").unwrap();
    // SAFETY: a live socket.
    wait_until("received", || unsafe { t_avail(so) } == 2);
    assert_eq!(receive(so, 10, 0).bytes(), b"hi");
    assert_eq!(bench.send(so, chain(b"yo"), 0), 0);
    let mut text = [0; 2];
    peer.read_exact(&mut text).unwrap();
    assert_eq!(socket_name(so, 1), peer.local_addr().unwrap());
    assert_eq!(local(so), addr);
    assert_eq!(socket::soclose(so), 0);
    assert_eq!(socket::soclose(head), 0);
    bench.clean();
}

#[test]
fn a_waiting_accept_is_woken_by_a_connection_and_by_shutdown() {
    let bench = bench();
    let (head, addr) = bench.listener(5);
    let waiter = std::thread::spawn(move || {
        let _attached = iosock_kpi::thread::Attached::new("waiter", 0, 0);
        let so = dequeue(head, 0).unwrap();
        accept(so);
        socket::soclose(so);
        dequeue(head, 0)
    });
    std::thread::sleep(Duration::from_millis(20));
    let _peer = TcpStream::connect(addr).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(socket::soshutdown(head, 0), ENOTCONN, "acts, and says so");
    assert_eq!(waiter.join().unwrap(), Err(ECONNABORTED));
    assert_eq!(socket::soclose(head), 0);
    bench.clean();
}

#[test]
fn closing_a_listener_resets_what_is_queued() {
    let bench = bench();
    let (head, addr) = bench.listener(5);
    let mut peers: Vec<_> = (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect();
    wait_until("queued", || stat::counters().sockets == bench.before.sockets + 4);
    assert_eq!(socket::soclose(head), 0);
    for peer in &mut peers {
        let error = peer.read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    bench.clean();
}

#[test]
fn the_backlog_bounds_the_queue_and_nothing_is_lost() {
    let bench = bench();
    let (head, addr) = bench.listener(2);
    let peers: Vec<_> = (0..3).map(|_| TcpStream::connect(addr).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(
        stat::counters().sockets,
        bench.before.sockets + 3,
        "two children and the listener"
    );
    for _ in &peers {
        let so = dequeue(head, 0).unwrap();
        assert_eq!(accept(so).0, 0);
        assert_eq!(socket::soclose(so), 0);
    }
    assert_eq!(socket::soclose(head), 0);
    bench.clean();
}

#[test]
fn a_child_that_died_in_the_queue_is_told_by_soaccept() {
    let bench = bench();
    let (head, addr) = bench.listener(5);
    let peer = TcpStream::connect(addr).unwrap();
    let local = peer.local_addr().unwrap();
    wait_until("queued", || stat::counters().sockets == bench.before.sockets + 2);
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
    std::thread::sleep(Duration::from_millis(50));
    let so = dequeue(head, 0).unwrap();
    assert_eq!(accept(so), (ECONNABORTED, local));
    assert_eq!(socket::soclose(so), 0);
    assert_eq!(socket::soclose(head), 0);
    bench.clean();
}

#[test]
fn children_inherit_sizes_but_no_upcalls() {
    let bench = bench();
    let so = bench.tcp();
    let size = [100_000_i32];
    assert_eq!(set_option(so, 0xffff, 0x1001, &size), 0);
    assert_eq!(bench.bind(so, "127.0.0.1:0".parse().unwrap()), 0);
    assert_eq!(socket::solisten(so, 5, bench.attached.thread()), 0);
    let peer = TcpStream::connect(local(so)).unwrap();
    let child = dequeue(so, 0).unwrap();
    assert_eq!(accept(child).0, 0);
    // SAFETY: a live socket.
    assert_eq!(unsafe { t_hiwat(child) }, 100_000);
    drop(peer);
    assert_eq!(socket::soclose(child), 0);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn ports_below_1024_are_for_user_0() {
    let bench = bench();
    let so = bench.tcp();
    let low: SocketAddr = "127.0.0.1:81".parse().unwrap();
    assert_eq!(bench.attached.as_user(1000, 1000, || bench.bind(so, low)), EACCES);
    config::set_low_ports_open(true);
    let allowed = bench.attached.as_user(1000, 1000, || bench.bind(so, low));
    config::set_low_ports_open(false);
    // Linux has its own opinion when this process is not user 0.
    assert!(allowed == 0 || allowed == EACCES);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn bind_checks_and_spoils_its_sockaddr() {
    let bench = bench();
    let so = bench.tcp();
    let mut sa = sockaddr("127.0.0.1:0".parse().unwrap());
    sa[0] = 15;
    // SAFETY: sixteen bytes.
    unsafe {
        assert_eq!(
            socket::sobind(so, sa.as_mut_ptr(), bench.attached.thread()),
            EINVAL,
            "sa_len"
        );
        sa[0] = 16;
        assert_eq!(socket::sobind(so, sa.as_mut_ptr(), bench.attached.thread()), 0);
    }
    assert_eq!(sa[8..], [0; 8], "padding is cleared");
    assert_eq!(
        bench.bind(so, "127.0.0.1:0".parse().unwrap()),
        EINVAL,
        "bound already"
    );
    let other = bench.tcp();
    assert_eq!(bench.bind(other, local(so)), EADDRINUSE);
    assert_eq!(
        bench.bind(other, "192.0.2.1:5000".parse().unwrap()),
        EADDRNOTAVAIL
    );
    assert_eq!(socket::soclose(other), 0);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn datagrams() {
    let bench = bench();
    let so = bench.socket(2);
    assert_eq!(bench.bind(so, "127.0.0.1:0".parse().unwrap()), 0);
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    assert_eq!(bench.send(so, chain(b"lost"), 0), EDESTADDRREQ);
    let mut to = sockaddr(peer.local_addr().unwrap());
    let slice = Slice::new(pattern(0, 5000));
    let td = bench.attached.thread();
    // SAFETY: a sockaddr of its length.
    let error = unsafe { socket::sosend(so, to.as_mut_ptr(), None, Some(slice.mbuf(RDONLY)), None, 0, td) };
    assert_eq!((error, slice.times_released()), (0, 1));
    let mut buf = vec![0; 9000];
    assert_eq!(peer.recv(&mut buf).unwrap(), 5000);
    assert_eq!(buf[..5000], slice.bytes);
    let large = Slice::new(vec![0; 9217]);
    // SAFETY: as above.
    let error = unsafe { socket::sosend(so, to.as_mut_ptr(), None, Some(large.mbuf(RDONLY)), None, 0, td) };
    assert_eq!((error, large.times_released()), (EMSGSIZE, 1));

    peer.send_to(b"one", local(so)).unwrap();
    peer.send_to(b"two two", local(so)).unwrap();
    let got = receive(so, 100, 0);
    assert_eq!((got.taken, got.flags & msg::TRUNC), (3, 0));
    assert_eq!(got.bytes(), b"one");
    let cut = receive(so, 3, 0);
    assert_eq!((cut.taken, cut.flags & msg::TRUNC), (3, msg::TRUNC));
    assert_eq!(cut.bytes(), b"two");
    assert_eq!(try_receive(so, 1).error, EWOULDBLOCK, "the rest is dropped");

    assert_eq!(bench.start_connect(so, peer.local_addr().unwrap()), 0);
    let m = chain(b"hello");
    assert_ne!(m.flags() & M_PKTHDR, 0);
    // SAFETY: as above.
    let error = unsafe { socket::sosend(so, to.as_mut_ptr(), None, Some(m), None, 0, td) };
    assert_eq!(error, EISCONN);
    assert_eq!(bench.send(so, chain(b"hello"), 0), 0);
    assert_eq!(peer.recv(&mut buf).unwrap(), 5);
    // A sender's address.
    peer.send_to(b"x", local(so)).unwrap();
    let mut sa: *mut u8 = null_mut();
    let mut uio = iosock_kpi::layout::Uio {
        uio_iov: null_mut(),
        uio_iovcnt: 0,
        uio_offset: 0,
        uio_resid: 10,
        uio_segflg: 1,
        uio_rw: 0,
        uio_td: null_mut(),
    };
    let mut m = None;
    // SAFETY: valid pointers; the address is ours to free.
    unsafe {
        let error = socket::soreceive(
            so,
            &raw mut sa,
            Some(&mut uio),
            &raw mut m,
            null_mut(),
            null_mut(),
        );
        assert_eq!(error, 0);
        assert_eq!(
            from_sockaddr(std::slice::from_raw_parts(sa, 16)),
            peer.local_addr().unwrap()
        );
        iosock_kpi::malloc::kpi_free(sa.cast(), &raw mut iosock_kpi::malloc::M_SONAME);
    }
    m_freem(m);
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn ipv6() {
    let bench = bench();
    let Ok(listener) = std::net::TcpListener::bind("[::1]:0") else {
        println!("no IPv6 on this machine");
        return;
    };
    let cred = iosock_kpi::thread::Cred::new(0, 0);
    let mut raw = null_mut();
    // SAFETY: valid pointers.
    let error = unsafe { socket::socreate(28, &raw mut raw, 1, 0, cred.as_ptr(), bench.attached.thread()) };
    assert_eq!(error, 0);
    drop(cred);
    // SAFETY: just made.
    let so = unsafe { So::from_raw(raw) }.unwrap();
    assert_eq!(bench.start_connect(so, listener.local_addr().unwrap()), 0);
    let (mut peer, _) = listener.accept().unwrap();
    wait_until("connected", || state(so) & 2 != 0);
    assert_eq!(bench.send(so, chain(b"six"), 0), 0);
    let mut text = [0; 3];
    peer.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"six");
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn options() {
    let bench = bench();
    let so = bench.tcp();
    let get = |level, name| {
        let mut value = 0_i32;
        let mut opt = iosock_kpi::layout::SockOpt {
            sopt_dir: 0,
            sopt_level: level,
            sopt_name: name,
            sopt_val: (&raw mut value).cast(),
            sopt_valsize: 4,
            sopt_td: null_mut(),
        };
        // SAFETY: room for four bytes.
        match unsafe { socket::sogetopt(so, &mut opt) } {
            0 => Ok(value),
            error => Err(error),
        }
    };
    let set = |level, name, value: i32| {
        let mut value = value;
        // SAFETY: four bytes.
        unsafe { socket::so_setsockopt(so, level, name, (&raw mut value).cast(), 4) }
    };
    assert_eq!(
        (get(0xffff, 0x1001), get(0xffff, 0x1002)),
        (Ok(32_768), Ok(65_536))
    );
    assert_eq!(
        (set(0xffff, 0x1001, 50_000), get(0xffff, 0x1001)),
        (0, Ok(50_000))
    );
    assert_eq!(set(0xffff, 0x1001, 5_000_000), ENOBUFS);
    assert_eq!(set(0xffff, 0x1001, 0), EINVAL);
    assert_eq!((set(0xffff, 4, 1), get(0xffff, 4)), (0, Ok(4)));
    assert_eq!((set(6, 1, 1), get(6, 1)), (0, Ok(1)));
    assert_eq!(set(6, 9999, 1), ENOPROTOOPT);
    assert_eq!(set(0xffff, 0x7777, 1), ENOPROTOOPT);
    assert_eq!(set(41, 27, 1), ENOPROTOOPT, "IPv6 option of an IPv4 socket");
    assert_eq!((get(0xffff, 0x1007), get(0xffff, 0x1008)), (Ok(0), Ok(1)));
    assert_eq!(socket::soclose(so), 0);
    bench.clean();
}

#[test]
fn references_keep_the_memory() {
    let bench = bench();
    let (so, _peer) = bench.pair();
    // SAFETY: a live socket, whose memory the reference keeps.
    unsafe {
        t_soref(so);
        assert_eq!(socket::soclose(so), 0);
        assert!(stat::settle(Duration::from_secs(5)));
        assert_eq!(stat::counters().sockets, bench.before.sockets + 1);
        t_sorele(so);
    }
    bench.clean();
}
