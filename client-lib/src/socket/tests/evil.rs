//! A server that lies (F7): whatever it writes or answers, the library returns an error in a bounded number of steps.

use super::{addr, connected, dial, session};
use crate::{
    Error,
    socket::{How, Socket},
    sys::fake::{self, Fake, Lie},
};
use csock_wire::{
    Kind, SharedMem,
    msg::{self, Events},
};
use std::vec::Vec;

/// Words of a block, from its start.
const FREED: usize = 208;
const READY: usize = 256;
const STATE: usize = 264;
const FIRST_READY: usize = 2368;

/// Writes into the block of the only socket.
fn write(fake: &Fake, at: usize, value: u64) {
    fake.quietly(|state| {
        let peer = state.peers.values().next().unwrap();
        let block = peer.words.as_ref().unwrap().block;
        state.mem.unwrap().store_word(block.offset() + at, value).unwrap();
    });
}

fn is_fault<T: core::fmt::Debug>(result: Result<T, Error>, what: &str) {
    assert!(matches!(result, Err(Error::ServerFault(_))), "{what}: {result:?}");
}

/// A buffer that the client has, that does not exist, with nothing in it, with more than fits.
#[test]
fn entries_that_cannot_be() {
    let buffers = 6;
    type Lying = fn(u32) -> (u32, u32);
    let lies: Vec<(&str, Lying)> = std::vec![
        ("held by the program", |held| (held, 1)),
        ("no such buffer", |_| (6, 1)),
        ("a number far away", |_| (u32::MAX, 1)),
        ("empty", |_| (5, 0)),
        ("longer than it is", |_| (5, 4097)),
        ("much longer", |_| (5, u32::MAX)),
    ];
    for (what, lie) in lies {
        let (fake, socket) = connected();
        assert_eq!(socket.core().area.buffers(), buffers);
        fake.peers(|peer| peer.inbox.extend([1; 10]));
        let held = socket.receive_in_place(usize::MAX, false).unwrap().unwrap();
        let (id, len) = lie(held.id);
        write(&fake, FIRST_READY + 8, u64::from(id) | u64::from(len) << 32);
        write(&fake, READY, 2);
        is_fault(socket.receive(&mut [0; 100], false), what);
        is_fault(socket.send(&[1], How::default()), "the session is given up");
        assert!(matches!(
            Socket::stream(socket.core(), false),
            Err(Error::ServerFault(_))
        ));
    }
}

#[test]
fn counts_and_states_that_cannot_be() {
    for (what, at, value) in [
        ("more entries than there are places", READY, 65),
        ("as many as there are numbers", READY, u64::MAX),
        ("an unknown state", STATE, 1 << 40),
        ("all states", STATE, u64::MAX),
    ] {
        let (fake, socket) = connected();
        write(&fake, at, value);
        is_fault(socket.receive(&mut [0; 100], true), what);
    }
    let (fake, socket) = connected();
    socket.send(&[1; 10], How::default()).unwrap();
    write(&fake, FREED, 2);
    // What fits into the first chunk goes out; the next one finds the lie.
    let sent = socket.send(&[1; 60_000], How::default());
    assert!(sent.is_ok_and(|n| n < 5000), "{sent:?}");
    is_fault(
        socket.send(&[1], How::default()),
        "more ranges given back than there were",
    );
    let (fake, socket) = connected();
    fake.peers(|peer| peer.inbox.extend([1; 10]));
    assert_eq!(socket.receive(&mut [0; 100], true), Ok(10));
    write(&fake, READY, 0);
    is_fault(socket.receive(&mut [0; 100], true), "entries taken back");
}

/// Room that is not there is believed: what it costs is the server's, and a window of nothing stops the one socket alone.
#[test]
fn any_room_is_bounded_by_the_pool() {
    const LIMIT: usize = 192;
    let (fake, core) = session();
    let socket = dial(&core);
    fake.peers(|peer| peer.hold = true);
    write(&fake, LIMIT, u64::MAX);
    socket.set_nonblocking(true).unwrap();
    let mut total = 0;
    for _ in 0..100 {
        match socket.send(&[1; 50_000], How::default()) {
            Ok(n) => total += n,
            Err(error) => {
                assert_eq!(error, Error::WouldBlock);
                break;
            }
        }
    }
    assert!(total <= 1 << 20, "{total} bytes in a pool of 1 MiB");
}

#[test]
fn replies_that_cannot_be() {
    fn lie_to(kind: Kind, reply: impl Fn() -> Lie + Send + 'static) -> (Fake, Socket<Fake>) {
        let (fake, socket) = connected();
        fake.lie(move |asked, _| if asked == kind { reply() } else { Lie::Truth });
        (fake, socket)
    }
    let (_fake, socket) = lie_to(Kind::Socket, || {
        fake::reply_with(&msg::SocketReply {
            socket: 0,
            reserved: 0,
        })
    });
    is_fault(Socket::stream(socket.core(), false).map(|_| ()), "socket 0");
    let (_fake, socket) = lie_to(Kind::Connect, || {
        fake::reply_with(&msg::ConnectReply {
            state: 7,
            reserved: 0,
        })
    });
    let other = Socket::stream(socket.core(), false).unwrap();
    is_fault(other.connect(addr(), None), "a state of connect");
    let (_fake, socket) = lie_to(Kind::GetSockName, || fake::reply_with(&msg::AddrReply::default()));
    is_fault(socket.local_addr(), "no address family");
    for slot in [0, 0x1_0000, u32::MAX] {
        let (_fake, socket) = lie_to(Kind::AddWaiter, move || {
            fake::reply_with(&msg::WaiterReply { slot, reserved: 0 })
        });
        is_fault(socket.receive(&mut [0; 1], false), "a wait slot");
    }
    for len in [0, 11, u32::MAX] {
        let (fake, socket) = lie_to(Kind::Send, move || {
            fake::reply_with(&msg::SendReply { len, reserved: 0 })
        });
        let mut taken = Vec::new();
        while let Ok(span) = socket.core().books.lock().alloc(&socket.core().mem, 1, 1) {
            taken.push(span);
        }
        drop(fake);
        is_fault(socket.send(&[1; 10], How::default()), "bytes sent");
    }
    let (fake, socket) = lie_to(Kind::Recv, || {
        fake::reply_with(&msg::RecvReply {
            len: 101,
            reserved: 0,
        })
    });
    write(&fake, STATE, 1 << 16 | 1 << 20);
    is_fault(socket.receive(&mut [0; 100], false), "bytes received");
    for events in [Events::empty(), Events::from_bits_retain(1 << 20)] {
        let (fake, socket) = lie_to(Kind::Wait, move || {
            fake::reply_with(&msg::WaitReply {
                events: events.bits(),
                error: 0,
                reserved: 0,
            })
        });
        fake.quietly(|state| state.max_waiters = 0);
        let full: Vec<_> = (0..3).map(|_| dial(socket.core())).collect();
        let by_message = dial(socket.core());
        let listener = Socket::stream(socket.core(), false).unwrap();
        listener.listen(1).unwrap();
        is_fault(listener.accept().map(|_| ()), "events");
        drop((full, by_message));
    }
}

/// Posts that mean nothing cost a look each, and nothing else.
#[test]
fn false_wakes_are_counted_and_end_nothing() {
    let (fake, socket) = connected();
    let socket = alloc::sync::Arc::new(socket);
    let reader = alloc::sync::Arc::clone(&socket);
    let thread = std::thread::spawn(move || reader.receive(&mut [0; 1], false));
    for _ in 0..2000 {
        fake.quietly(|state| {
            for sleeper in state.waiters.iter().flatten() {
                crate::sys::Semaphore::post(&sleeper.semaphore);
            }
        });
        std::thread::yield_now();
    }
    fake.peers(|peer| peer.inbox.extend([1]));
    assert_eq!(thread.join().unwrap(), Ok(1));
}
