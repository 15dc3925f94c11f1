//! Sockets: what is consumed, what is freed, and in which order it is closed.

mod fake;

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use fake::{
    alone,
    mbuf::MBUFS,
    socket::{ANSWER, calls, reset},
};
use iosock::{Errno, How, MbufChain, RecvFlags, SendFlags, SockAddr, Socket, SocketState, Wait};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

fn fail(error: i32) {
    ANSWER.lock().expect("a lock").error = error;
}

#[test]
fn upcalls_are_cleared_before_a_socket_is_closed() {
    let _alone = alone();
    reset();
    drop(Socket::tcp().expect("a socket"));
    assert_eq!(calls(), ["create", "clear receive", "clear send", "close"]);
    let socket = Socket::tcp().expect("a socket");
    calls();
    fail(254);
    assert_eq!(socket.close(), Err(Errno::ECONNRESET));
    assert_eq!(calls(), ["clear receive", "clear send", "close"]);
    let listener = Socket::tcp().expect("a socket").listen(5).expect("it listens");
    drop(listener);
    assert_eq!(
        calls(),
        [
            "create",
            "clear receive",
            "clear send",
            "listen",
            "clear listener",
            "close"
        ]
    );
}

#[test]
fn a_socket_that_cannot_listen_comes_back() {
    let _alone = alone();
    reset();
    let socket = Socket::tcp().expect("a socket");
    fail(22);
    let (socket, errno) = socket.listen(5).expect_err("it does not listen");
    assert_eq!(errno, Errno::EINVAL);
    calls();
    drop(socket);
    assert_eq!(calls(), ["clear receive", "clear send", "close"]);
}

#[test]
fn send_consumes_the_chain_whatever_comes_of_it() {
    let _alone = alone();
    reset();
    let socket = Socket::tcp().expect("a socket");
    for error in [0, 11, 240, 32] {
        let chain = MbufChain::alloc(100, Wait::Yes).expect("memory");
        fail(error);
        assert_eq!(
            socket.send(chain, SendFlags::DONTWAIT).err().map(Errno::qnx),
            (error != 0).then_some(error)
        );
        assert_eq!(MBUFS.load(SeqCst), 0);
    }
    calls();
    assert_eq!(
        socket.send(MbufChain::empty(), SendFlags::empty()),
        Err(Errno::EINVAL)
    );
    assert!(calls().is_empty(), "sosend reads the chain it is given");
}

#[test]
fn receive_frees_what_comes_with_an_error() {
    let _alone = alone();
    reset();
    let socket = Socket::tcp().expect("a socket");
    ANSWER.lock().expect("a lock").pieces = &[b"ab", b"cde", b"f"];
    let received = socket.receive(10, RecvFlags::DONTWAIT).expect("data");
    assert_eq!((received.bytes, received.chain.len()), (6, 6));
    let mut bytes = Vec::new();
    let read = received.chain.for_each_slice(|slice| {
        bytes.extend_from_slice(slice);
        Ok::<(), ()>(())
    });
    assert_eq!((read, bytes.as_slice()), (Ok(()), b"abcdef".as_slice()));
    drop(received);
    assert_eq!(MBUFS.load(SeqCst), 0);
    fail(4);
    assert_eq!(socket.receive(10, RecvFlags::empty()).err(), Some(Errno::EINTR));
    assert_eq!(MBUFS.load(SeqCst), 0);
    ANSWER.lock().expect("a lock").pieces = &[];
    let end = socket.receive(10, RecvFlags::empty()).expect("the end");
    assert!(end.bytes == 0 && end.chain.is_empty());
}

static CALLED: AtomicUsize = AtomicUsize::new(0);

fn upcall(arg: usize) {
    CALLED.fetch_add(arg, SeqCst);
}

#[test]
fn an_upcall_gets_its_word() {
    let _alone = alone();
    reset();
    CALLED.store(0, SeqCst);
    let socket = Socket::tcp().expect("a socket");
    for round in 0..2 {
        if round == 0 {
            socket.set_recv_upcall(upcall, 5);
        } else {
            socket.set_recv_upcall(|arg| upcall(arg * 10), 6);
        }
        let (f, arg) = ANSWER.lock().expect("a lock").upcall.take().expect("it was set");
        // SAFETY: as the stack calls it.
        let ret = unsafe { f(socket.as_ptr(), std::ptr::without_provenance_mut(arg), 1) };
        assert_eq!(ret, 0);
    }
    assert_eq!(CALLED.load(SeqCst), 65);
}

#[test]
fn addresses_survive_the_way_there_and_back() {
    let _alone = alone();
    reset();
    let addresses = [
        SockAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 8080)),
        SockAddr::V6(SocketAddrV6::new(
            Ipv6Addr::new(0xfe80, 1, 2, 3, 4, 5, 6, 7),
            65535,
            9,
            3,
        )),
    ];
    for addr in addresses {
        let socket = Socket::tcp().expect("a socket");
        socket.bind(&addr).expect("bound");
        assert_eq!(socket.local_addr(), Ok(addr));
        let listener = socket.listen(1).expect("it listens");
        let (child, peer) = listener.accept().expect("a connection");
        assert_eq!(peer, addr);
        calls();
        drop(child);
        assert_eq!(calls().last(), Some(&"close"));
    }
    // Neither IPv4 nor IPv6: the child is closed, not lost.
    let listener = Socket::tcp().expect("a socket").listen(1).expect("it listens");
    if let Some(bound) = &mut ANSWER.lock().expect("a lock").bound {
        bound.ip = 0;
    }
    calls();
    assert_eq!(listener.accept().err(), Some(Errno::EAFNOSUPPORT));
    assert_eq!(calls(), ["accept", "clear receive", "clear send", "close"]);
}

#[test]
fn state_and_options_are_handed_through() {
    let _alone = alone();
    reset();
    let socket = Socket::tcp().expect("a socket");
    ANSWER.lock().expect("a lock").state =
        iosock_sys::IOSOCK_STATE_CONNECTED | iosock_sys::IOSOCK_STATE_CANT_RECEIVE;
    assert_eq!(socket.state(), SocketState::CONNECTED | SocketState::CANT_RECEIVE);
    assert!(socket.is_connected() && !socket.is_connecting());
    assert!(socket.can_send_more() && !socket.can_recv_more());
    assert_eq!(
        (socket.send_space(), socket.send_hiwat(), socket.recv_available()),
        (-1, 32768, 0)
    );
    assert_eq!(socket.get_int_option(0xffff, 0x1001), Ok(7));
    fail(257);
    assert_eq!(socket.shutdown(How::Write), Err(Errno::ENOTCONN));
    fail(261);
    assert_eq!(
        (socket.take_error(), socket.take_error()),
        (Some(Errno::ECONNREFUSED), None)
    );
    fail(257);
    assert_eq!(socket.peer_addr(), Err(Errno::ENOTCONN));
}
