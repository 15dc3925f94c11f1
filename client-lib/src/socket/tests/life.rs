//! The life of a socket: connecting, accepting, closing, dying servers, foreign processes.

use super::{addr, config, connected, session};
use crate::{
    Error,
    socket::{How, IntOption, Phase, Socket},
    sys::fake::Fake,
};
use alloc::sync::Arc;
use core::time::Duration;
use csock_wire::{Kind, WireErrno};
use std::{thread, vec::Vec};

#[test]
fn memory_comes_back_after_a_close() {
    let (fake, core) = session();
    let all = core.books.lock().free_bytes();
    for round in 0..20 {
        let socket = super::dial(&core);
        socket.send(&[1; 5000], How::default()).unwrap();
        if round % 2 == 0 {
            let grant = socket.reserve(10, false).unwrap();
            let filled = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
            socket.close().unwrap();
            // Both stay good after the close, and go back once.
            let mut byte = [0];
            csock_wire::SharedMem::copy_in(&core.mem, filled.offset, &mut byte).unwrap();
            assert_eq!(byte, [1]);
            core.let_go(filled.id);
            assert!(socket.abort(grant.key));
            assert!(!socket.abort(grant.key));
        }
    }
    core.books.lock().reap(&core.mem);
    assert_eq!(core.books.lock().free_bytes(), all);
    assert_eq!(core.books.lock().free_blocks(), 4);
    assert!(fake.with(|state| state.peers.is_empty()));
    // Every receive buffer came back too.
    let socket = super::dial(&core);
    fake.peers(|peer| peer.inbox.extend([2; 12_000]));
    let got: usize = (0..6)
        .map(|_| socket.receive_in_place(usize::MAX, true).unwrap().unwrap().len as usize)
        .sum();
    assert_eq!(got, 12_000);
}

#[test]
fn memory_of_a_closing_socket_is_left_alone_until_it_is_released() {
    let (fake, socket) = connected();
    let core = Arc::clone(socket.core());
    fake.peers(|peer| peer.hold = true);
    socket.send(&[1; 5000], How::default()).unwrap();
    let before = core.books.lock().free_bytes();
    drop(socket);
    core.books.lock().reap(&core.mem);
    assert_eq!(core.books.lock().closing(), 1);
    assert_eq!(core.books.lock().free_bytes(), before, "what was sent stays");
    fake.peers(|peer| peer.hold = false);
    core.books.lock().reap(&core.mem);
    assert_eq!(core.books.lock().closing(), 0);
    assert_eq!(core.books.lock().free_blocks(), 4);
}

#[test]
fn connecting_takes_time_and_may_fail() {
    let (fake, core) = session();
    fake.with(|state| state.slow_connect = Some(u16::MAX));
    let socket = Socket::stream(&core, false).unwrap();
    let timeout = Some(Duration::from_millis(10));
    assert_eq!(socket.connect(addr(), timeout), Err(Error::TimedOut));
    drop(socket);
    fake.with(|state| state.slow_connect = Some(WireErrno::ECONNREFUSED.0));
    let socket = Socket::stream(&core, false).unwrap();
    let refused = socket.connect(addr(), None).unwrap_err();
    assert_eq!(refused.qnx_errno(), 261);
    assert_eq!(socket.take_error(), Ok(None), "told already");
    assert_eq!(socket.send(&[1], How::default()), Err(Error::ShutDown), "EPIPE");
    assert_eq!(socket.receive(&mut [0], false), Ok(0));
    fake.with(|state| state.slow_connect = Some(0));
    let socket = Socket::stream(&core, false).unwrap();
    socket.connect(addr(), None).unwrap();
    assert_eq!(socket.send(&[1], How::default()), Ok(1));
}

/// The peer has answered.
pub(super) fn connection_is_made(fake: &Fake) {
    fake.with(|state| state.slow_connect = Some(0));
}

#[test]
fn a_nonblocking_connect_is_finished_by_whoever_needs_it() {
    let (fake, core) = session();
    fake.with(|state| state.slow_connect = Some(u16::MAX));
    let socket = Socket::stream(&core, false).unwrap();
    socket.set_nonblocking(true).unwrap();
    assert_eq!(socket.connect(addr(), None), Err(Error::InProgress));
    assert_eq!(socket.phase(), Phase::Connecting);
    connection_is_made(&fake);
    assert_eq!(socket.send(&[1], How::default()), Ok(1));
    assert_eq!(socket.phase(), Phase::Connected);
}

#[test]
fn listeners_accept_in_many_threads() {
    let (fake, core) = session();
    let listener = Arc::new(Socket::stream(&core, false).unwrap());
    listener.bind(addr()).unwrap();
    listener.listen(5).unwrap();
    assert_eq!(listener.send(&[1], How::default()), Err(Error::NotConnected));
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err(), Error::WouldBlock);
    listener.set_nonblocking(false).unwrap();
    listener.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    // Nobody there: all wait.
    accept_in_threads(&listener, |accepted| {
        assert_eq!(accepted.unwrap_err(), Error::WouldBlock)
    });
    listener.set_read_timeout(None).unwrap();
    let accepting = Arc::clone(&listener);
    let threads = thread::spawn(move || {
        accept_in_threads(&accepting, |accepted| {
            let (socket, peer) = accepted.unwrap();
            assert_eq!(socket.peer_addr(), Ok(peer));
            socket.send(b"hi", How::default()).unwrap();
        });
    });
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(2));
        connection_comes(&fake);
    }
    threads.join().unwrap();
    assert_eq!(fake.count(csock_wire::Kind::Wait), 0, "waits without a message");
}

fn connection_comes(fake: &Fake) {
    fake.with(|state| {
        let listener = state.peers.values_mut().find(|peer| peer.listening).unwrap();
        listener.backlog += 1;
        listener.words.as_mut().unwrap().filler.announce();
    });
}

/// Accepts once in each of eight threads.
fn accept_in_threads(
    listener: &Arc<Socket<Fake>>,
    check: impl Fn(Result<(Socket<Fake>, core::net::SocketAddr), Error>) + Copy + Send + 'static,
) {
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let listener = Arc::clone(listener);
            thread::spawn(move || check(listener.accept()))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn no_block_for_another_connection_is_no_error() {
    let (fake, core) = session();
    let listener = Socket::stream(&core, false).unwrap();
    listener.listen(5).unwrap();
    let full: Vec<_> = (0..3).map(|_| Socket::stream(&core, false).unwrap()).collect();
    connection_comes(&fake);
    let (socket, _) = listener.accept().unwrap();
    assert_eq!(socket.send(&[1; 100], How::default()), Ok(100));
    assert_eq!(socket.receive(&mut [0; 100], false), Ok(100));
    drop(full);
}

/// U5 to U7: the connection's error is told once, to whoever comes first.
#[test]
fn a_reset_is_told_once() {
    for send_first in [false, true] {
        let (fake, socket) = connected();
        fake.peers(|peer| {
            peer.inbox.extend(b"data");
            peer.error = WireErrno::ECONNRESET.0;
            peer.eof = true;
        });
        let reset = Error::from_wire(WireErrno::ECONNRESET);
        if send_first {
            assert_eq!(socket.send(&[1], How::default()), Err(reset), "told to send");
        }
        assert_eq!(socket.receive(&mut [0; 9], false), Ok(4), "data first");
        if !send_first {
            assert_eq!(socket.receive(&mut [0; 9], false), Err(reset), "told to receive");
        }
        assert_eq!(socket.receive(&mut [0; 9], false), Ok(0), "then the end");
        assert_eq!(socket.receive_in_place(9, false), Ok(None));
        assert_eq!(
            socket.send(&[1], How::default()),
            Err(Error::ShutDown),
            "EPIPE at once"
        );
        assert_eq!(socket.take_error(), Ok(None), "no longer pending");
    }
}

#[test]
fn closing_wakes_who_waits() {
    let (_fake, socket) = connected();
    let socket = Arc::new(socket);
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let socket = Arc::clone(&socket);
            thread::spawn(move || socket.receive(&mut [0; 1], false))
        })
        .collect();
    thread::sleep(Duration::from_millis(20));
    socket.close().unwrap();
    for reader in readers {
        assert_eq!(reader.join().unwrap(), Err(Error::Closed));
    }
    assert_eq!(socket.close(), Err(Error::Closed));
    assert_eq!(socket.send(&[1], How::default()), Err(Error::Closed));
    assert_eq!(socket.local_addr(), Err(Error::Closed));
}

#[test]
fn after_shutdown_the_rest_can_be_read_and_nothing_sent() {
    let (_fake, socket) = connected();
    socket.send(b"last words", How::default()).unwrap();
    socket.shutdown(csock_wire::msg::Shutdown::WRITE).unwrap();
    assert_eq!(socket.send(b"more", How::default()), Err(Error::ShutDown));
    assert_eq!(
        socket.send(b"", How::default()),
        Err(Error::ShutDown),
        "also of nothing"
    );
    let mut buffer = [0; 100];
    assert_eq!(socket.receive(&mut buffer, false), Ok(10));
    assert_eq!(socket.receive(&mut buffer, false), Ok(0));
}

#[test]
fn a_dead_server_ends_every_call_and_every_wait() {
    let (fake, socket) = connected();
    let socket = Arc::new(socket);
    let waiting = Arc::clone(&socket);
    let reader = thread::spawn(move || waiting.receive(&mut [0; 1], false));
    thread::sleep(Duration::from_millis(20));
    fake.with_gone();
    assert_eq!(reader.join().unwrap(), Err(Error::ServerGone));
    assert_eq!(socket.send(&[1], How::default()), Err(Error::ServerGone));
    assert_eq!(socket.reserve(1, false), Err(Error::ServerGone));
    assert_eq!(socket.receive(&mut [0; 1], false), Err(Error::ServerGone));
    assert_eq!(socket.local_addr(), Err(Error::ServerGone));
    assert_eq!(
        Socket::stream(socket.core(), false).unwrap_err(),
        Error::ServerGone
    );
    assert_eq!(socket.core().stats().unwrap_err(), Error::ServerGone);
    assert_eq!(Error::ServerGone.qnx_errno(), 254);
}

#[test]
fn what_had_arrived_before_the_server_died_can_still_be_read() {
    let (fake, socket) = connected();
    fake.peers(|peer| peer.inbox.extend(b"testament"));
    fake.with(|state| state.gone = true);
    let mut buffer = [0; 100];
    assert_eq!(socket.receive(&mut buffer, false), Ok(9));
    assert_eq!(socket.receive(&mut buffer, false), Err(Error::ServerGone));
}

#[test]
fn a_child_process_is_turned_away() {
    let (fake, socket) = connected();
    fake.fork();
    let calls = fake.with(|state| state.calls.len());
    assert_eq!(socket.set_nonblocking(true), Err(Error::Forked));
    assert_eq!(socket.set_read_timeout(None), Err(Error::Forked));
    assert_eq!(socket.write_timeout(), Err(Error::Forked));
    assert_eq!(socket.close(), Err(Error::Forked));
    assert_eq!(
        socket.close(),
        Err(Error::Forked),
        "a child closes nothing, however often"
    );
    assert_eq!(socket.send(&[1], How::default()), Err(Error::Forked));
    assert_eq!(socket.receive(&mut [0; 1], false), Err(Error::Forked));
    assert_eq!(socket.local_addr(), Err(Error::Forked));
    assert_eq!(socket.set_int(IntOption::NoDelay, 1), Err(Error::Forked));
    assert_eq!(Socket::stream(socket.core(), false).unwrap_err(), Error::Forked);
    let core = Arc::clone(socket.core());
    assert_eq!(core.stats().unwrap_err(), Error::Forked);
    drop(socket);
    drop(core);
    assert_eq!(
        fake.with(|state| state.calls.len()),
        calls,
        "nothing was sent in the parent's name"
    );
}

#[test]
fn options_pass() {
    let (_fake, socket) = connected();
    socket.set_int(IntOption::NoDelay, 1).unwrap();
    assert_eq!(socket.int(IntOption::NoDelay), Ok(1));
    socket.set_linger(Some(Duration::from_secs(7))).unwrap();
    assert_eq!(socket.linger(), Ok(Some(Duration::from_secs(7))));
    socket.set_linger(None).unwrap();
    assert_eq!(socket.linger(), Ok(None));
    assert_eq!(socket.take_error(), Ok(None));
}

#[test]
fn a_session_says_goodbye_when_the_last_of_it_is_gone() {
    let (fake, socket) = connected();
    drop(socket);
    assert_eq!(
        fake.with(|state| state.calls.last().copied()),
        Some(Kind::Goodbye)
    );
    let _ = config();
    let _ = Fake::new();
}
