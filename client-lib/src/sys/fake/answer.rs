//! The control path of the server: what it answers to each request.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions
)]

use super::{Peer, State};
use csock_wire::{
    Refusal, Request, SockAddr, WireErrno,
    layout::ModuleState,
    msg::{self, Events, Wait},
};

impl State {
    /// The answer, or `None` while the caller must wait.
    pub(super) fn answer<'b>(
        &mut self,
        socket: u32,
        request: &Request,
        buffer: &'b mut [u8],
    ) -> Option<&'b [u8]> {
        let kind = request.kind();
        let refuse = |error, buffer: &'b mut [u8]| msg::encode_refusal(kind, &Refusal::bare(error), buffer);
        self.turn(socket);
        if socket != 0 && self.peers.get(&socket).is_none_or(|peer| peer.closed) {
            return refuse(WireErrno::EBADF, buffer);
        }
        let addr = SockAddr::v4([127, 0, 0, 1], 4242);
        match request {
            Request::Hello(_) => msg::encode_reply::<msg::Hello>(
                &msg::HelloReply {
                    version: 1,
                    session: 0x1_0000,
                    max_sockets: 64,
                    max_pool_bytes: 1 << 30,
                    max_desc_len: 1 << 20,
                    max_ring_capacity: 4096,
                    max_parked: 64,
                    ..msg::HelloReply::default()
                },
                buffer,
            ),
            Request::PoolAttach(_) => {
                csock_wire::PoolHeader::read(&self.mem.unwrap()).unwrap();
                msg::encode_reply::<msg::PoolAttach>(&msg::Empty {}, buffer)
            }
            Request::Socket(body) => {
                let rings = self.rings(&body.rings);
                let socket = self.add(Peer {
                    rings,
                    echo: true,
                    ..Peer::default()
                });
                msg::encode_reply::<msg::Socket>(&msg::SocketReply { socket, reserved: 0 }, buffer)
            }
            Request::Bind(body) => {
                msg::encode_reply::<msg::Bind>(&msg::AddrReply { addr: body.addr }, buffer)
            }
            Request::Listen(_) => {
                let mem = self.mem.unwrap();
                let peer = self.peers.get_mut(&socket).unwrap();
                peer.listening = true;
                if let Some(rings) = peer.rings.take() {
                    rings.block.set_state(&mem, ModuleState::Released).unwrap();
                }
                msg::encode_reply::<msg::Listen>(&msg::Empty {}, buffer)
            }
            Request::Connect(_) => {
                let slow = self.slow_connect.is_some();
                self.peers.get_mut(&socket).unwrap().connected = !slow;
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
                let rings = self.rings(&body.rings);
                let socket = self.add(Peer {
                    rings,
                    connected: true,
                    echo: true,
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
                if let (None, Some(rings)) = (&self.liar, &peer.rings) {
                    assert_eq!(body.tx_position, rings.sq.cursor(), "all was taken");
                }
                peer.eof = true;
                self.turn(socket);
                msg::encode_reply::<msg::Shutdown>(&msg::Empty {}, buffer)
            }
            Request::Close(_) => {
                let peer = self.peers.get_mut(&socket).unwrap();
                peer.closed = true;
                match &peer.rings {
                    Some(_) if peer.connected => self.turn(socket),
                    Some(rings) => {
                        rings
                            .block
                            .set_state(&self.mem.unwrap(), ModuleState::Released)
                            .unwrap();
                        self.peers.remove(&socket);
                    }
                    None => drop(self.peers.remove(&socket)),
                }
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
            Request::Goodbye(_) => msg::encode_reply::<msg::Goodbye>(&msg::Empty {}, buffer),
        }
    }

    fn ready(&mut self, socket: u32, wait: &Wait) -> (Events, u16) {
        let asked = Events::from_bits_retain(wait.events);
        let slow = self.slow_connect;
        let peer = self.peers.get_mut(&socket).unwrap();
        let mut ready = Events::empty();
        if let Some(rings) = &peer.rings {
            let moved = [
                (Events::READABLE, rings.rq.position() != wait.seen_rq),
                (Events::TX_DONE, rings.cq.position() != wait.seen_cq),
                (Events::TX_SPACE, rings.sq.position() != wait.seen_sq),
            ];
            for (event, _) in moved.into_iter().filter(|(_, moved)| *moved) {
                ready |= event;
            }
        }
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
