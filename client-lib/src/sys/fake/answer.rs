//! The control path of the server: what it answers to each request.

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

use super::{FakeSemaphore, Peer, State};
use crate::sys::Sleeper;
use csock_wire::{
    Refusal, Request, SockAddr, WireErrno,
    msg::{self, DONT_WAIT, Events, Wait},
    stream::{Area, Watch},
};

impl State {
    /// The answer, or `None` while the caller must wait.
    pub(super) fn answer<'b>(
        &mut self,
        socket: u32,
        request: &Request,
        data: &[u8],
        room: &mut [u8],
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        let kind = request.kind();
        let refuse = |error, buffer: &'b mut [u8]| msg::encode_refusal(kind, &Refusal::bare(error), buffer);
        // The thread that watches is parked and asks for nothing: it must not look in the module's place.
        if !matches!(request, Request::Watch(_)) {
            self.serve();
        }
        if socket != 0 && self.peers.get(&socket).is_none_or(|peer| peer.closed) {
            return refuse(WireErrno::EBADF, buffer);
        }
        let addr = SockAddr::v4([127, 0, 0, 1], 4242);
        match request {
            Request::Hello(_) => msg::encode_reply::<msg::Hello>(
                &msg::HelloReply {
                    version: 2,
                    session: 0x1_0000,
                    max_sockets: 64,
                    max_pool_bytes: 1 << 30,
                    max_parked: 64,
                    max_waiters: self.max_waiters,
                    max_pools: 1,
                    ..msg::HelloReply::default()
                },
                buffer,
            ),
            Request::PoolAttach(body) => {
                let mem = self.mem.unwrap();
                csock_wire::PoolHeader::read(&mem).unwrap();
                let area = Area::plan(&body.area, body.size as usize).unwrap();
                self.free = (0..area.buffers()).rev().collect();
                let mut watch = Watch::new();
                watch.start(&area);
                self.watch = Some(watch);
                self.area = Some(area);
                self.serve();
                msg::encode_reply::<msg::PoolAttach>(&msg::Empty {}, buffer)
            }
            Request::Socket(body) => {
                let words = self.words(body.block);
                let socket = self.add(Peer {
                    words,
                    ..Peer::default()
                });
                msg::encode_reply::<msg::Socket>(&msg::SocketReply { socket, reserved: 0 }, buffer)
            }
            Request::Bind(body) => {
                msg::encode_reply::<msg::Bind>(&msg::AddrReply { addr: body.addr }, buffer)
            }
            Request::Listen(_) => {
                self.peers.get_mut(&socket).unwrap().listening = true;
                msg::encode_reply::<msg::Listen>(&msg::Empty {}, buffer)
            }
            Request::Connect(_) => {
                let slow = self.slow_connect.is_some();
                let peer = self.peers.get_mut(&socket).unwrap();
                peer.connected = !slow;
                peer.connecting = slow;
                self.serve();
                msg::encode_reply::<msg::Connect>(
                    &msg::ConnectReply {
                        state: u32::from(slow),
                        reserved: 0,
                    },
                    buffer,
                )
            }
            Request::Accept(body) => {
                let listener = self.peers.get_mut(&socket).unwrap();
                if listener.backlog == 0 {
                    return refuse(WireErrno::EAGAIN, buffer);
                }
                listener.backlog -= 1;
                let words = self.words(body.block);
                let socket = self.add(Peer {
                    words,
                    connected: true,
                    ..Peer::default()
                });
                msg::encode_reply::<msg::Accept>(
                    &msg::AcceptReply {
                        socket,
                        reserved: 0,
                        peer: addr,
                    },
                    buffer,
                )
            }
            Request::Shutdown(body) => {
                let peer = self.peers.get_mut(&socket).unwrap();
                if let (None, Some(words)) = (&self.liar, &peer.words) {
                    assert_eq!(body.after, words.reader.taken(), "all was taken");
                }
                peer.eof = true;
                self.serve();
                msg::encode_reply::<msg::Shutdown>(&msg::Empty {}, buffer)
            }
            Request::Close(_) => {
                let peer = self.peers.get_mut(&socket).unwrap();
                peer.closed = true;
                if peer.words.is_none() {
                    self.bury(socket);
                }
                self.serve();
                msg::encode_reply::<msg::Close>(&msg::Empty {}, buffer)
            }
            Request::GetSockName(_) => {
                msg::encode_reply::<msg::GetSockName>(&msg::AddrReply { addr }, buffer)
            }
            Request::GetPeerName(_) => {
                msg::encode_reply::<msg::GetPeerName>(&msg::AddrReply { addr }, buffer)
            }
            Request::Wait(wait) => {
                let (events, error) = self.ready(socket, wait);
                if events.is_empty() {
                    return None;
                }
                msg::encode_reply::<msg::Wait>(
                    &msg::WaitReply {
                        events: events.bits(),
                        error,
                        reserved: 0,
                    },
                    buffer,
                )
            }
            Request::Stats(_) => msg::encode_reply::<msg::Stats>(&msg::StatsReply::default(), buffer),
            Request::SetSockOpt(body) => {
                self.peers
                    .get_mut(&socket)
                    .unwrap()
                    .options
                    .insert((body.level, body.name), body.value);
                msg::encode_reply::<msg::SetSockOpt>(&msg::Empty {}, buffer)
            }
            Request::GetSockOpt(body) => {
                let value = self.peers[&socket]
                    .options
                    .get(&(body.level, body.name))
                    .copied()
                    .unwrap_or_default();
                msg::encode_reply::<msg::GetSockOpt>(
                    &msg::OptReply {
                        len: body.len,
                        reserved: 0,
                        value,
                    },
                    buffer,
                )
            }
            Request::PoolDetach(_) => msg::encode_reply::<msg::PoolDetach>(&msg::Empty {}, buffer),
            Request::Goodbye(_) => {
                self.over = true;
                msg::encode_reply::<msg::Goodbye>(&msg::Empty {}, buffer)
            }
            Request::Send(body) => {
                let peer = self.peers.get_mut(&socket).unwrap();
                if peer.hold {
                    if body.flags & DONT_WAIT != 0 {
                        return refuse(WireErrno::EAGAIN, buffer);
                    }
                    return None;
                }
                if let (None, Some(words)) = (&self.liar, &peer.words) {
                    assert_eq!(body.after, words.reader.taken(), "shared memory first");
                }
                assert_eq!(data.len(), body.len as usize);
                peer.outbox.extend(data);
                if peer.echo {
                    peer.inbox.extend(data);
                }
                self.serve();
                let reply = msg::SendReply {
                    len: body.len,
                    reserved: 0,
                };
                msg::encode_reply::<msg::Send>(&reply, buffer)
            }
            Request::Recv(body) => {
                let peer = self.peers.get_mut(&socket).unwrap();
                if peer
                    .words
                    .as_ref()
                    .is_some_and(|words| words.filler.position() != body.seen)
                {
                    return refuse(WireErrno::EREPEAT, buffer);
                }
                if peer.inbox.is_empty() && !peer.eof {
                    if body.flags & DONT_WAIT != 0 {
                        return refuse(WireErrno::EAGAIN, buffer);
                    }
                    return None;
                }
                let n = room.len().min(body.len as usize).min(peer.inbox.len());
                for (to, from) in room.iter_mut().zip(peer.inbox.drain(..n)) {
                    *to = from;
                }
                self.serve();
                let reply = msg::RecvReply {
                    len: n as u32,
                    reserved: 0,
                };
                msg::encode_reply::<msg::Recv>(&reply, buffer)
            }
            Request::AddWaiter(body) => {
                let address = body.event[1] as usize;
                // SAFETY: `register` made the event of a sleeper, which is never freed.
                let sleeper =
                    unsafe { core::ptr::with_exposed_provenance::<Sleeper<FakeSemaphore>>(address).as_ref() };
                let slot = self.waiters.iter().position(Option::is_none);
                let slot = slot.unwrap_or_else(|| {
                    self.waiters.push(None);
                    self.waiters.len() - 1
                });
                self.waiters[slot] = sleeper;
                let reply = msg::WaiterReply {
                    slot: slot as u32 + 1,
                    reserved: 0,
                };
                msg::encode_reply::<msg::AddWaiter>(&reply, buffer)
            }
            Request::DropWaiter(body) => {
                self.waiters[body.slot as usize - 1] = None;
                msg::encode_reply::<msg::DropWaiter>(&msg::Empty {}, buffer)
            }
            Request::Watch(_) if self.over => msg::encode_reply::<msg::Watch>(&msg::Empty {}, buffer),
            Request::Watch(_) => None,
            Request::Doorbell(_) => refuse(WireErrno::EINVAL, buffer),
        }
    }

    fn ready(&mut self, socket: u32, wait: &Wait) -> (Events, u16) {
        let asked = Events::from_bits_retain(wait.events);
        let slow = self.slow_connect;
        let peer = self.peers.get_mut(&socket).unwrap();
        let mut ready = Events::empty();
        let mem = self.mem.unwrap();
        let filled = peer
            .words
            .as_mut()
            .is_some_and(|words| words.filler.look(&mem, words.block).unwrap_or(1) > 0);
        ready.set(Events::READABLE, filled || !peer.inbox.is_empty() || peer.eof);
        ready.set(Events::WRITABLE, peer.connected && !peer.hold);
        if peer.listening && peer.backlog > 0 {
            ready |= Events::ACCEPTABLE;
        }
        let mut error = 0;
        if asked.contains(Events::CONNECTED) {
            match slow {
                Some(u16::MAX) => {}
                Some(e) => {
                    ready |= Events::CONNECTED;
                    error = e;
                    peer.connected = e == 0;
                }
                None => ready |= Events::CONNECTED,
            }
        }
        (ready & asked, error)
    }
}
