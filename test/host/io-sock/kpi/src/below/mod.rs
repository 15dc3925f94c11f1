//! Below the socket buffers: Linux's sockets, in place of TCP, UDP and the drivers.
//!
//! | File | What |
//! |---|---|
//! | `mod.rs` | [`Pcb`], a socket's part down here |
//! | `linux.rs` | the system calls |
//! | `netisr.rs` | the thread that waits for Linux |
//! | `input.rs`, `accept.rs` | Linux to so_rcv; new connections |
//! | `output.rs` | so_snd to Linux |
//! | `ack.rs`, `flow.rs` | acknowledgements: what Linux says of them, and what a TCP on a network would |
//! | `burst.rs` | what one call hands to the driver |
//! | `datagram.rs` | both for UDP |
//! | `connect.rs`, `close.rs` | connecting; ends |
//! | `ring.rs` | receive storage of a driver |
//! | `release.rs` | when sent mbufs are freed |

mod accept;
pub(crate) mod ack;
pub(crate) mod burst;
mod close;
mod connect;
mod datagram;
mod flow;
mod input;
pub(crate) mod linux;
pub(crate) mod netisr;
mod output;
pub(crate) mod release;
pub(crate) mod ring;

pub(crate) use accept::child;
pub(crate) use connect::{connect, lost};
pub(crate) use datagram::send as send_datagram;
pub(crate) use input::window_update;
pub(crate) use output::{Cause, append_and_output, output};

use crate::socket::So;
use crate::socket::addr::Addr;
use linux::Fd;
use std::collections::HashMap;
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

/// What a socket is to Linux.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Made, perhaps bound.
    Idle,
    Listening,
    Connecting,
    Connected,
    /// The connection is no more.
    Dead,
}

/// The receiving half.
pub(crate) struct Rx {
    pub(crate) phase: Phase,
    /// The peer has sent its last byte.
    pub(crate) eof: bool,
    /// Linux has reported the end or an error: read until it is found.
    pub(crate) ends: bool,
    /// How many mbufs the next read is likely to fill.
    pub(crate) pieces: usize,
    /// Something came from the peer since [`input`] last told the sending half.
    pub(crate) heard: bool,
    /// The socket above is gone, the descriptor closed.
    pub(crate) gone: bool,
}

/// The sending half.
pub(crate) struct Tx {
    /// Linux takes no more for now; an event will come.
    pub(crate) blocked: bool,
    /// Nothing follows what is in so_snd.
    pub(crate) fin_wanted: bool,
    /// Linux knows that.
    pub(crate) fin_sent: bool,
    /// The owner has closed the socket: it goes when so_snd is empty.
    pub(crate) closing: bool,
    /// As in [`Rx`].
    pub(crate) gone: bool,
    /// so_snd follows the peer's acknowledgements.
    acks: Option<ack::Acks>,
}

/// What netisr knows of a sending half without taking its lock, which a sender holds while Linux delivers the bytes: an
/// event that only says that there is room is for nobody mostly.
///
/// The sender says that it waits and looks whether room came; netisr says that room came and looks whether somebody
/// waits. Both in this order (SeqCst), so at least one of them sees the other.
#[derive(Default)]
pub(crate) struct Room {
    came: AtomicBool,
    waits: AtomicBool,
}

impl Room {
    /// The sender tries: what came before says nothing about what Linux will answer.
    fn forget(&self) {
        self.came.store(false, Ordering::SeqCst);
    }

    /// so_snd has something that must wait for netisr. `false`: room came since [`Self::forget`], so it need not.
    fn wait(&self) -> bool {
        self.waits.store(true, Ordering::SeqCst);
        !self.came.load(Ordering::SeqCst)
    }

    /// Linux has room. Whether somebody waits for it.
    fn comes(&self) -> bool {
        self.came.store(true, Ordering::SeqCst);
        self.waits.load(Ordering::SeqCst)
    }

    /// netisr looks after what waits.
    fn served(&self) {
        self.waits.store(false, Ordering::SeqCst);
    }
}

/// A socket's part below. Lock order: `rx`, `tx`, then the socket's own locks. `so` is alive while one of the
/// two is held and says not `gone`.
pub(crate) struct Pcb {
    pub(crate) id: u64,
    pub(crate) fd: Fd,
    pub(crate) so: So,
    pub(crate) family: u8,
    pub(crate) stream: bool,
    /// Its events are new connections.
    pub(crate) listening: AtomicBool,
    rx: Mutex<Rx>,
    tx: Mutex<Tx>,
    pub(crate) room: Room,
    /// so_snd follows the peer's acknowledgements: netisr looks after it at each event. Changes before the first one only.
    pub(crate) follows: AtomicBool,
    /// so_rcv was full: whoever makes room reads on.
    pub(crate) paused: AtomicBool,
    /// Why the connection broke; 0: it did not. Told after the data that came before.
    pub(crate) broken: AtomicI32,
    /// Bound, by the caller or by Linux.
    pub(crate) bound: AtomicBool,
    /// Who the peer is, or was.
    pub(crate) peer: Mutex<Option<Addr>>,
}

/// All sockets that Linux may report events of.
static PCBS: RwLock<Option<HashMap<u64, Arc<Pcb>>>> = RwLock::new(None);
static NEXT_ID: AtomicU64 = AtomicU64::new(1);
/// Closed by their owners, with data still to send.
static CLOSING: AtomicI64 = AtomicI64::new(0);

/// Bytes that went to and came from Linux.
pub(crate) static BYTES_OUT: AtomicU64 = AtomicU64::new(0);
pub(crate) static BYTES_IN: AtomicU64 = AtomicU64::new(0);

/// Sockets that their owners have closed and that still have data to send.
pub(crate) fn closing() -> i64 {
    CLOSING.load(Ordering::Relaxed)
}

/// Datagrams that no receive buffer had room for.
pub(crate) fn datagrams_dropped() -> u64 {
    datagram::DROPPED.load(Ordering::Relaxed)
}

impl Pcb {
    pub(crate) fn new(so: So, fd: Fd, family: u8, phase: Phase) -> Arc<Pcb> {
        let acks = if so.is_stream() { ack::Acks::of(&fd) } else { None };
        let follows = AtomicBool::new(acks.is_some());
        Arc::new(Pcb {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            fd,
            so,
            family,
            stream: so.is_stream(),
            listening: AtomicBool::new(false),
            rx: Mutex::new(Rx {
                phase,
                eof: false,
                ends: false,
                pieces: 1,
                heard: false,
                gone: false,
            }),
            tx: Mutex::new(Tx {
                blocked: false,
                fin_wanted: false,
                fin_sent: false,
                closing: false,
                gone: false,
                acks,
            }),
            room: Room::default(),
            follows,
            paused: AtomicBool::new(false),
            broken: AtomicI32::new(0),
            bound: AtomicBool::new(false),
            peer: Mutex::new(None),
        })
    }

    pub(crate) fn rx(&self) -> MutexGuard<'_, Rx> {
        self.rx.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(crate) fn tx(&self) -> MutexGuard<'_, Tx> {
        self.tx.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// For a connection that came in through the listener `head`: follows acknowledgements as that one does.
    fn follow_as(&self, head: &Pcb) {
        let acks = head.tx().acks.as_ref().map(|acks| acks.child(&self.fd));
        self.follows.store(acks.is_some(), Ordering::Relaxed);
        self.tx().acks = acks;
    }

    pub(crate) fn peer(&self) -> Option<Addr> {
        *self.peer.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(crate) fn set_peer(&self, peer: Option<Addr>) {
        *self.peer.lock().unwrap_or_else(|e| e.into_inner()) = peer;
    }

    /// `TCP_NODELAY` and `TCP_NOPUSH` (1, 4), where a segment leaves when `flow.rs` says so and not Linux.
    /// `None`: Linux has the option.
    pub(crate) fn push_option(&self, name: c_int, set: Option<bool>) -> Option<bool> {
        let mut tx = self.tx();
        let flow = &mut tx.acks.as_mut()?.flow;
        let option = match name {
            1 => &mut flow.nodelay,
            4 => &mut flow.nopush,
            _ => return None,
        };
        if let Some(on) = set {
            *option = on;
        }
        Some(*option)
    }

    /// From now on netisr gets this socket's events.
    pub(crate) fn register(self: &Arc<Pcb>) -> Result<(), c_int> {
        {
            let mut pcbs = PCBS.write().unwrap_or_else(|e| e.into_inner());
            pcbs.get_or_insert_default().insert(self.id, Arc::clone(self));
        }
        let result = netisr::watch(&self.fd, self.id);
        if result.is_err() {
            self.unregister();
        }
        result
    }

    pub(crate) fn unregister(&self) {
        let mut pcbs = PCBS.write().unwrap_or_else(|e| e.into_inner());
        if let Some(pcbs) = pcbs.as_mut() {
            pcbs.remove(&self.id);
        }
    }
}

pub(crate) fn lookup(id: u64) -> Option<Arc<Pcb>> {
    PCBS.read()
        .unwrap_or_else(|e| e.into_inner())
        .as_ref()?
        .get(&id)
        .cloned()
}
