//! A socket that goes while another thread is about to touch it, at each moment at which that thread holds none of its
//! locks. Memory of a socket that is gone has no locks any more: whoever touches it all the same ends the process.

mod common;
use common::*;
use iosock_kpi::moment::{self, Moment};
use iosock_kpi::socket::{self, So, msg};
use iosock_kpi::{config, stat};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

fn is_netisr() -> bool {
    std::thread::current().name() == Some("netisr")
}

/// A thread that is held at a moment.
struct Gate {
    moment: Option<Moment>,
    arrived: bool,
    open: bool,
}

static GATE: Mutex<Gate> = Mutex::new(Gate {
    moment: None,
    arrived: false,
    open: false,
});
static TURN: Condvar = Condvar::new();

/// netisr is held, or will be, until this is dropped.
struct Held;

/// Holds netisr the next time that it comes to `moment`.
fn hold_netisr(moment: Moment) -> Held {
    *GATE.lock().unwrap() = Gate {
        moment: Some(moment),
        arrived: false,
        open: false,
    };
    moment::set(Some(|moment| {
        let mut gate = GATE.lock().unwrap();
        if !is_netisr() || gate.moment != Some(moment) {
            return;
        }
        (gate.moment, gate.arrived) = (None, true);
        TURN.notify_all();
        drop(TURN.wait_while(gate, |gate| !gate.open));
    }));
    Held
}

impl Held {
    fn until_arrived(&self) {
        let gate = GATE.lock().unwrap();
        let limit = Duration::from_secs(20);
        let gate = TURN
            .wait_timeout_while(gate, limit, |gate| !gate.arrived)
            .unwrap()
            .0;
        let arrived = gate.arrived;
        drop(gate);
        assert!(arrived, "netisr never came there");
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        GATE.lock().unwrap().open = true;
        TURN.notify_all();
        moment::set(None);
    }
}

/// netisr has been through everything that it had to do.
fn round_trip(bench: &Bench) {
    let (so, mut peer) = bench.pair();
    peer.write_all(b"there").unwrap();
    assert_eq!(receive(so, 5, msg::WAITALL).bytes(), b"there");
    assert_eq!(socket::soclose(so), 0);
}

fn sockets() -> u64 {
    stat::counters().sockets
}

/// How an owner ends a socket.
#[derive(Clone, Copy, Debug)]
enum End {
    Close,
    Reset,
}

impl End {
    const BOTH: [End; 2] = [End::Close, End::Reset];

    fn of(self, so: So) {
        match self {
            End::Close => assert_eq!(socket::soclose(so), 0),
            End::Reset => abort(so),
        }
    }
}

/// How a peer does.
fn reset(peer: TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    let (at, len) = ((&raw const linger).cast(), size_of::<libc::linger>() as u32);
    // SAFETY: a linger of that size.
    unsafe { libc::setsockopt(peer.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, at, len) };
}

static PEER: Mutex<Option<(TcpStream, u64)>> = Mutex::new(None);

#[test]
fn netisr_finishes_a_socket_that_its_owner_is_still_closing() {
    let bench = bench();
    for acks in [false, true] {
        config::set_tcp_acks(acks);
        for end in End::BOTH {
            let (so, peer) = bench.pair();
            *PEER.lock().unwrap() = Some((peer, sockets()));
            moment::set(Some(|moment| {
                if is_netisr() || moment != Moment::Closing {
                    return;
                }
                // The connection breaks here, and netisr, which learns of it, does all that is left to do.
                let (peer, before) = PEER.lock().unwrap().take().unwrap();
                reset(peer);
                wait_until("finished by netisr", || sockets() < before);
            }));
            end.of(so);
            moment::set(None);
            assert!(
                PEER.lock().unwrap().is_none(),
                "{end:?}: the owner never came there"
            );
        }
        config::set_tcp_acks(false);
    }
    bench.clean();
}

#[test]
fn an_owner_ends_a_socket_that_netisr_has_in_hand() {
    let bench = bench();
    for acks in [false, true] {
        for moment in [Moment::Found, Moment::Read, Moment::Concluding] {
            // Without acknowledgements netisr has nothing to output after what it read.
            if moment == Moment::Concluding && !acks {
                continue;
            }
            for end in End::BOTH {
                config::set_tcp_acks(acks);
                let (so, mut peer) = bench.pair();
                config::set_tcp_acks(false);
                round_trip(&bench);
                let before = sockets();
                let held = hold_netisr(moment);
                peer.write_all(b"something").unwrap();
                held.until_arrived();
                end.of(so);
                assert_eq!(sockets(), before - 1, "{moment:?}, {end:?}: it goes at once");
                drop(held);
                round_trip(&bench);
            }
        }
    }
    bench.clean();
}

#[test]
fn an_owner_ends_a_socket_whose_last_acknowledgement_netisr_has_in_hand() {
    let bench = bench();
    for moment in [Moment::Found, Moment::Concluding] {
        for end in End::BOTH {
            config::set_tcp_acks(true);
            config::set_ack_delay_ms(300);
            let (so, mut peer) = bench.pair();
            config::set_ack_delay_ms(0);
            config::set_tcp_acks(false);
            assert_eq!(bench.send(so, chain(b"the last"), 0), 0);
            assert_eq!(socket::soshutdown(so, 1), 0);
            peer.read_to_end(&mut Vec::new()).unwrap();
            drop(peer);
            wait_until("ended", || receive(so, 1, msg::DONTWAIT).error == 0);
            round_trip(&bench);
            // What comes next is the timer of the acknowledgement, which finds both ends finished.
            let before = sockets();
            let held = hold_netisr(moment);
            held.until_arrived();
            end.of(so);
            assert_eq!(sockets(), before - 1, "{moment:?}, {end:?}: it goes at once");
            drop(held);
            round_trip(&bench);
        }
    }
    bench.clean();
}

#[test]
fn an_owner_ends_a_listener_that_netisr_has_in_hand() {
    let bench = bench();
    let (head, addr) = bench.listener(4);
    round_trip(&bench);
    let before = sockets();
    let held = hold_netisr(Moment::Found);
    let _peer = TcpStream::connect(addr).unwrap();
    held.until_arrived();
    assert_eq!(socket::soclose(head), 0);
    assert_eq!(sockets(), before - 1);
    drop(held);
    round_trip(&bench);
    bench.clean();
}

#[test]
fn room_that_comes_before_the_sender_waits_for_it_is_not_lost() {
    static PEER: Mutex<Option<TcpStream>> = Mutex::new(None);
    let bench = bench();
    config::set_linux_sndbuf(4096);
    let (so, peer) = bench.pair();
    config::set_linux_sndbuf(0);
    let mut reader = peer.try_clone().unwrap();
    *PEER.lock().unwrap() = Some(peer);
    moment::set(Some(|moment| {
        let peer = PEER
            .lock()
            .unwrap()
            .take_if(|_| !is_netisr() && moment == Moment::Full);
        let Some(mut peer) = peer else { return };
        // Linux is full. The peer reads all that it has, netisr hears of room, and only then does the sender wait.
        let before = stat::counters().netisr_wakeups;
        peer.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        while matches!(peer.read(&mut [0; 1 << 16]), Ok(1..)) {}
        wait_until("told", || stat::counters().netisr_wakeups > before);
        std::thread::sleep(Duration::from_millis(100));
    }));
    // SAFETY: a live socket.
    while PEER.lock().unwrap().is_some() && unsafe { t_space(so) } >= 8000 {
        assert_eq!(bench.send(so, chain(&[7; 8000]), msg::DONTWAIT), 0);
    }
    moment::set(None);
    assert!(PEER.lock().unwrap().is_none(), "Linux took everything");
    wait_until("sent", || {
        // SAFETY: a live socket.
        unsafe { t_used(so) == 0 }
    });
    assert_eq!(socket::soclose(so), 0);
    reader.read_to_end(&mut Vec::new()).unwrap();
    bench.clean();
}
