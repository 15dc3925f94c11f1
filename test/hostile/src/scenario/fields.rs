//! The form of messages: every field with every value that could hurt, every length.

use super::Plan;
use crate::raw::{Session, Socket, Trouble};
use anyhow::{Result, ensure};
use csock_wire::{
    Kind, SockAddr, WireErrno,
    msg::{self, Body, DONT_WAIT, Events, MAX_REPLY_LEN, MAX_REQUEST_LEN},
};
use std::{sync::Arc, time::Duration};

/// Parked requests are taken back after this.
const LIMIT: Duration = Duration::from_millis(2);

/// A session with a socket, made anew when it is lost.
struct Target<'a> {
    plan: &'a Plan,
    session: Arc<Session>,
    socket: Socket,
}

impl<'a> Target<'a> {
    fn new(plan: &'a Plan) -> Result<Self> {
        let session = plan.session()?;
        let socket = Socket::new(&session)?;
        Ok(Self {
            plan,
            session,
            socket,
        })
    }

    /// An honest request of every kind.
    fn requests(&self) -> Vec<(Kind, Vec<u8>)> {
        let mut all = Vec::new();
        let addr = SockAddr::v4([127, 0, 0, 1], 0);
        let (none, socket) = (0, self.socket.handle);
        let nodelay = csock_wire::SockOpt::NoDelay.to_wire();
        self.add(&mut all, none, &msg::Hello::THIS);
        self.add(
            &mut all,
            none,
            &msg::PoolAttach {
                handle: 1,
                size: 8192,
                number: 1,
                ..Default::default()
            },
        );
        self.add(&mut all, none, &Socket::request(3));
        self.add(&mut all, socket, &msg::Bind { addr });
        self.add(
            &mut all,
            socket,
            &msg::Listen {
                backlog: 5,
                reserved: 0,
            },
        );
        self.add(
            &mut all,
            socket,
            &msg::Connect {
                addr: SockAddr::v4([127, 0, 0, 1], 9),
            },
        );
        self.add(
            &mut all,
            socket,
            &msg::Accept {
                block: 4,
                reserved: 0,
            },
        );
        self.add(
            &mut all,
            socket,
            &msg::Shutdown {
                how: 1,
                reserved: 0,
                after: 0,
            },
        );
        self.add(&mut all, socket, &msg::GetSockName {});
        self.add(&mut all, socket, &msg::GetPeerName {});
        self.add(
            &mut all,
            socket,
            &msg::Wait {
                events: Events::READABLE.bits(),
                reserved: 0,
            },
        );
        self.add(&mut all, none, &msg::Stats {});
        let (level, name) = nodelay;
        self.add(
            &mut all,
            socket,
            &msg::SetSockOpt {
                level,
                name,
                len: 4,
                ..Default::default()
            },
        );
        self.add(
            &mut all,
            socket,
            &msg::GetSockOpt {
                level,
                name,
                len: 4,
                reserved: 0,
            },
        );
        self.add(
            &mut all,
            none,
            &msg::PoolDetach {
                number: 1,
                reserved: 0,
            },
        );
        self.add(
            &mut all,
            socket,
            &msg::Send {
                after: 0,
                len: 0,
                flags: DONT_WAIT,
            },
        );
        self.add(
            &mut all,
            socket,
            &msg::Recv {
                seen: 0,
                len: 1,
                flags: DONT_WAIT,
            },
        );
        self.add(&mut all, none, &msg::AddWaiter { event: [0; 4] });
        self.add(&mut all, none, &msg::DropWaiter { slot: 1, reserved: 0 });
        self.add(&mut all, none, &msg::Watch {});
        self.add(&mut all, none, &msg::Doorbell {});
        self.add(&mut all, socket, &msg::Close { after: 0 });
        self.add(&mut all, none, &msg::Goodbye {});
        all
    }

    fn add<B: Body>(&self, all: &mut Vec<(Kind, Vec<u8>)>, socket: u32, body: &B) {
        let mut bytes = [0; MAX_REQUEST_LEN];
        let session = if B::KIND == Kind::Hello {
            0
        } else {
            self.session.id()
        };
        if let Some(bytes) = msg::encode_request(session, socket, body, &mut bytes) {
            all.push((B::KIND, bytes.to_vec()));
        }
    }

    /// Sends `bytes` to both channels and tells the answer of the first.
    fn send(&mut self, kind: Kind, bytes: &[u8], room: usize) -> Result<()> {
        let mut reply = [0xFF; MAX_REPLY_LEN + 64];
        let reply = &mut reply[..room.min(MAX_REPLY_LEN + 64)];
        let sent = self.session.control().send(bytes, reply, LIMIT);
        let outcome = match sent {
            Ok(()) if reply.len() >= 24 => match u16::from_le_bytes([reply[0], reply[1]]) {
                0 => Ok(()),
                error => Err(Trouble::Refused(csock_wire::Refusal::bare(WireErrno(error)))),
            },
            Ok(()) => Err(Trouble::Wrong("granted without room for the answer")),
            Err(errno) => Err(errno.into()),
        };
        self.plan.count(&outcome);
        if kind == Kind::Hello && outcome.is_ok() && reply.len() >= 36 {
            // A session by chance, which nobody else would end.
            let session = u32::from_le_bytes([reply[32], reply[33], reply[34], reply[35]]);
            self.session.control().ask(session, 0, &msg::Goodbye {})?;
        }
        ensure!(
            !matches!(outcome, Err(Trouble::Wrong(_))),
            "{kind:?} of {} bytes with room for {room} was granted",
            bytes.len()
        );
        let mut none = [0; 24];
        let _ = self.session.bell().send(bytes, &mut none, LIMIT);
        if matches!(
            kind,
            Kind::Goodbye | Kind::Close | Kind::Listen | Kind::Shutdown | Kind::Connect
        ) && outcome.is_ok()
        {
            *self = Self::new(self.plan)?;
        }
        Ok(())
    }

    /// Whether the session and the socket are still ours; new ones if not.
    fn check(&mut self) -> Result<()> {
        match self.session.ask(self.socket.handle, &msg::GetSockName {}) {
            Ok(_) => Ok(()),
            // One of the lies was an honest close or goodbye.
            Err(e) if e.is(WireErrno::EBADF) => {
                *self = Self::new(self.plan)?;
                Ok(())
            }
            Err(e) => Err(e.into()),
        }
    }
}

pub fn fields(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let mut target = Target::new(plan)?;
        loop {
            let kinds = target.requests().len();
            for number in 0..kinds {
                let len = target.requests()[number].1.len();
                for width in [2, 4, 8] {
                    for at in (0..len).step_by(width).filter(|at| at + width <= len) {
                        for value in [0u64, 1, 2, 0x7FFF_FFFF, 0x8000_0000, 1 << 40, 1 << 63, u64::MAX] {
                            // Handles change when the target is made anew.
                            let (kind, mut bytes) = target.requests().swap_remove(number);
                            bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
                            target.send(kind, &bytes, kind.reply_len())?;
                        }
                    }
                }
                target.check()?;
            }
            plan.note("rounds over every field");
            if plan.over() {
                return Ok(());
            }
        }
    })
}

pub fn lengths(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let mut target = Target::new(plan)?;
        loop {
            let kinds = target.requests().len();
            for number in 0..kinds {
                let (kind, bytes) = target.requests().swap_remove(number);
                for len in 0..=bytes.len() + 9 {
                    let mut cut = target.requests().swap_remove(number).1;
                    cut.resize(len, 0);
                    target.send(kind, &cut, kind.reply_len())?;
                }
                for room in 0..kind.reply_len() {
                    let bytes = target.requests().swap_remove(number).1;
                    target.send(kind, &bytes, room)?;
                }
                // Longer than any message, and a send whose data is not as long as it says.
                let long = vec![0x4C; 70_000];
                target.send(kind, &long, kind.reply_len())?;
                let socket = target.socket.handle;
                for (says, brings) in [(100u32, 0usize), (u32::MAX, 10), (1, 5000), (0, 1)] {
                    let body = msg::Send {
                        after: 0,
                        len: says,
                        flags: DONT_WAIT,
                    };
                    let outcome = target.session.control().with_data(
                        target.session.id(),
                        socket,
                        &body,
                        &vec![1; brings],
                        &mut [],
                        LIMIT,
                    );
                    plan.count(&outcome);
                }
                target.check()?;
            }
            plan.note("rounds over every length");
            if plan.over() {
                return Ok(());
            }
        }
    })
}
