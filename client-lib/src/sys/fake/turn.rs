//! The data path of the server: what the module's turn does with a socket's rings.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

use super::{Peer, Rings, State};
use csock_wire::{
    Consumer, Desc, Producer, RingBlock, RingBlockGeometry, RingKind, SharedMem, WireErrno,
    layout::ModuleState,
};
use std::{vec, vec::Vec};

impl State {
    pub(super) fn rings(&self, geometry: &RingBlockGeometry) -> Option<Rings> {
        if geometry.is_none() {
            return None;
        }
        let mem = self.mem.unwrap();
        let block = RingBlock::validate(geometry, mem.len()).unwrap();
        block.check_magic(&mem).unwrap();
        block.set_state(&mem, ModuleState::Active).unwrap();
        Some(Rings {
            sq: Consumer::new(mem, block.ring(RingKind::Submission)),
            cq: Producer::new(mem, block.ring(RingKind::Completion)),
            fq: Consumer::new(mem, block.ring(RingKind::Fill)),
            rq: Producer::new(mem, block.ring(RingKind::Ready)),
            block,
        })
    }

    pub(super) fn add(&mut self, peer: Peer) -> u32 {
        self.next += 1;
        self.peers.insert(self.next, peer);
        self.next
    }

    pub(crate) fn serve(&mut self) {
        let sockets: Vec<u32> = self.peers.keys().copied().collect();
        for socket in sockets {
            self.turn(socket);
        }
    }

    pub(super) fn turn(&mut self, socket: u32) {
        // `None`: somebody scribbled into the rings. The real module would fail the session; this one does nothing.
        let _ = self.try_turn(socket);
    }

    /// What the module's turn does: take, complete, deliver.
    fn try_turn(&mut self, socket: u32) -> Option<()> {
        let mem = self.mem?;
        let peer = self.peers.get_mut(&socket)?;
        let rings = peer.rings.as_mut()?;
        if !peer.connected {
            return None;
        }
        while let Some(desc) = rings.sq.pop().ok()? {
            let mut bytes = vec![0; usize::try_from(desc.len).ok().filter(|len| *len <= 1 << 20)?];
            mem.copy_in(desc.offset as usize, &mut bytes).ok()?;
            if peer.echo {
                peer.inbox.extend(&bytes);
            }
            peer.outbox.extend(&bytes);
            peer.held.push_back(desc);
        }
        while !peer.hold
            && let Some(desc) = peer.held.pop_front()
        {
            rings
                .cq
                .push(&Desc::completion_raw(
                    desc.offset,
                    desc.user,
                    desc.len,
                    WireErrno::OK,
                ))
                .ok()?;
        }
        rings.cq.publish().ok()?;
        rings.sq.publish().ok()?;
        let _ = rings.sq.arm();
        while !peer.inbox.is_empty() {
            let Some(buffer) = rings.fq.pop().ok()? else {
                let _ = rings.fq.arm();
                break;
            };
            let n = peer.inbox.len().min(buffer.len as usize);
            let bytes: Vec<u8> = peer.inbox.drain(..n).collect();
            mem.copy_out(buffer.offset as usize, &bytes).ok()?;
            rings
                .rq
                .push(&Desc::buffer(buffer.offset, n as u32, buffer.user))
                .ok()?;
        }
        if peer.eof && !peer.eof_told && peer.inbox.is_empty() {
            rings.rq.push(&Desc::eof()).ok()?;
            peer.eof_told = true;
        }
        rings.rq.publish().ok()?;
        rings.fq.publish().ok()?;
        if peer.closed && peer.held.is_empty() {
            rings.block.set_state(&mem, ModuleState::Released).ok()?;
            self.peers.remove(&socket);
        }
        Some(())
    }
}
