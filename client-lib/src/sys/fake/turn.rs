//! The data path of the server: what the module's turn does with a socket's words.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

use super::{FakeSemaphore, Peer, State, Words};
use crate::sys::{Semaphore, Sleeper};
use csock_wire::{
    SharedMem, SharedRegion, WireErrno,
    stream::State as Bits,
    stream::{Area, Filler, PoolWindow, Reader, Supply, WaitWatch, Waiting},
};
use std::{collections::BTreeMap, vec, vec::Vec};

impl Default for Peer {
    fn default() -> Self {
        Self {
            words: None,
            connected: false,
            connecting: false,
            listening: false,
            backlog: 0,
            inbox: std::collections::VecDeque::new(),
            outbox: Vec::new(),
            echo: true,
            hold: false,
            acked: 0,
            eof: false,
            error: 0,
            closed: false,
            options: BTreeMap::new(),
        }
    }
}

impl State {
    pub(super) fn words(&self, block: u32) -> Option<Words> {
        Some(Words {
            block: self.area?.block(block)?,
            reader: Reader::new(),
            filler: Filler::new(),
            tx_watch: WaitWatch::new(Waiting::Room),
            rx_watch: WaitWatch::new(Waiting::Data),
        })
    }

    pub(super) fn add(&mut self, peer: Peer) -> u32 {
        self.next += 1;
        self.peers.insert(self.next, peer);
        self.turn(self.next);
        self.next
    }

    /// A closed socket goes.
    pub(super) fn bury(&mut self, socket: u32) {
        let peer = self.peers.remove(&socket);
        self.buried.extend(peer.map(|peer| peer.outbox));
    }

    /// A look at everything, and to sleep again.
    pub(crate) fn serve(&mut self) {
        let (Some(mem), Some(mut watch)) = (self.mem, self.watch.take()) else {
            return;
        };
        let _ = watch.wake(&mem);
        for _ in 0..4 {
            let _ = watch.drain(&mem, |_| {});
            let sockets: Vec<u32> = self.peers.keys().copied().collect();
            for socket in sockets {
                self.turn(socket);
            }
            if watch.arm(&mem).unwrap_or(true) {
                break;
            }
        }
        self.watch = Some(watch);
    }

    pub(super) fn turn(&mut self, socket: u32) {
        // `None`: somebody scribbled into the words. The real module would fail the session; this one does nothing.
        let _ = self.try_turn(socket);
    }

    /// What the module's turn does: take, acknowledge, deliver, tell.
    fn try_turn(&mut self, socket: u32) -> Option<()> {
        let (mem, area) = (self.mem?, self.area?);
        let (slow, sndbuf) = (self.slow_connect, self.sndbuf);
        let (free, supply, owners) = (&mut self.free, &mut self.supply, &mut self.owners);
        let share = if self.shares {
            area.share() as usize
        } else {
            usize::MAX
        };
        let peer = self.peers.get_mut(&socket)?;
        if peer.connecting && slow == Some(0) {
            peer.connected = true;
        }
        let words = peer.words.as_mut()?;
        let block = words.block;
        let window = |pool: u16| {
            (pool == 0).then(|| PoolWindow {
                start: area.data() as u64,
                end: area.len() as u64,
            })
        };
        words.reader.look(&mem, block, window).ok()?;
        while peer.connected
            && let Some(piece) = words.reader.next(1 << 20).ok()?
        {
            let mut bytes = vec![0; piece.len as usize];
            mem.copy_in(piece.offset as usize, &mut bytes).ok()?;
            if peer.echo {
                peer.inbox.extend(&bytes);
            }
            peer.outbox.extend(&bytes);
            words.reader.take(piece.len);
        }
        while words.reader.spent().is_some() {}
        if !peer.hold {
            peer.acked = words.reader.taken();
        }
        words.reader.free(|_| !peer.hold);
        let limit = if peer.connected { peer.acked + sndbuf } else { 0 };
        words.reader.publish(&mem, block, limit).ok()?;
        let mut starved = false;
        while !peer.inbox.is_empty() && words.filler.has_room(&mem, block).ok()? {
            let held =
                |owners: &BTreeMap<u32, u32>| owners.values().filter(|owner| **owner == socket).count();
            if free.is_empty() || held(owners) >= share {
                refill(&mem, &area, supply, free)?;
                owners.retain(|id, _| !free.contains(id));
            }
            let id = if held(owners) < share { free.pop() } else { None };
            let Some(id) = id else {
                // A client that has something left to read is not told: it is about to look again.
                starved = words.filler.look(&mem, block).ok()? == 0;
                break;
            };
            owners.insert(id, socket);
            let (offset, most) = area.buffer(id)?;
            let n = peer.inbox.len().min(most as usize);
            let bytes: Vec<u8> = peer.inbox.drain(..n).collect();
            mem.copy_out(offset, &bytes).ok()?;
            words.filler.push(&mem, block, id, n as u32).ok()?;
        }
        let mut bits = Bits::empty();
        bits.set(Bits::CONNECTED, peer.connected);
        bits.set(Bits::STARVED, starved);
        bits.set(Bits::END, peer.eof && peer.inbox.is_empty());
        bits.set(Bits::DEAF, peer.error != 0);
        bits = bits.with_error(WireErrno(peer.error));
        if let (Some(error), false) = (slow.filter(|e| *e != 0 && *e != u16::MAX), peer.connected) {
            bits |= Bits::REFUSED;
            bits = bits.with_error(WireErrno(error));
        }
        let released = peer.closed && !peer.hold;
        if released {
            bits = Bits::RELEASED;
        }
        if peer.listening {
            for _ in words.filler.position()..u64::from(peer.backlog) {
                words.filler.announce();
            }
        }
        words.filler.set_state(bits);
        words.filler.publish(&mem, block).ok()?;
        mem.full_fence();
        let due = [
            words.tx_watch.due(&mem, block).ok()?,
            words.rx_watch.due(&mem, block).ok()?,
        ];
        for slot in due.into_iter().flatten() {
            if let Some(Some(sleeper)) = self.waiters.get(usize::from(slot) - 1) {
                post(sleeper);
            }
        }
        if released {
            self.bury(socket);
        }
        Some(())
    }
}

fn post(sleeper: &Sleeper<FakeSemaphore>) {
    sleeper.semaphore.post();
}

/// Takes back the receive buffers that the client has given up.
fn refill(mem: &SharedRegion, area: &Area, supply: &mut Supply, free: &mut Vec<u32>) -> Option<()> {
    for wanted in [false, true] {
        supply.want(mem, wanted).ok()?;
        supply
            .drain(mem, area, |id| {
                assert!(!free.contains(&id), "buffer {id} came back twice");
                free.push(id);
                true
            })
            .ok()?;
        if !free.is_empty() {
            supply.want(mem, false).ok()?;
            break;
        }
    }
    Some(())
}
