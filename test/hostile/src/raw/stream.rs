//! Both halves of a stream in shared memory.

use super::{Sleeper, Socket, Trouble, session::CHUNK};
use csock_wire::{
    SharedMem, SharedRegion, WireErrno,
    msg::{DONT_WAIT, Shutdown},
    stream::{Appended, Consumed, Incoming, Memory, Opened, State, Taker, Waiting, Writer},
};
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// How long a half waits for its peer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connected socket: two halves, which two threads may have.
#[derive(Debug)]
pub struct Stream {
    /// Sending.
    pub out: Out,
    /// Receiving.
    pub input: In,
}

/// The sending half.
#[derive(Debug)]
pub struct Out {
    socket: Arc<Socket>,
    index: u32,
    /// The wire's own book.
    pub writer: Writer<SharedRegion>,
    /// Posted ranges with their chunks, oldest first.
    ranges: VecDeque<(u64, Option<u64>)>,
}

/// The receiving half.
#[derive(Debug)]
pub struct In {
    socket: Arc<Socket>,
    index: u32,
    /// The wire's own book.
    pub taker: Taker<SharedRegion>,
    /// Buffer, place of its next byte, bytes left.
    current: Option<(u32, usize, u32)>,
}

/// What there was to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Got {
    /// So many bytes.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// Something, but no buffer for it.
    Starved,
    /// Nothing more, and why.
    End(WireErrno),
}

impl Stream {
    /// Over a socket that is connected.
    pub fn new(socket: Socket) -> Result<Self, Trouble> {
        let (index, block) = socket
            .block()
            .ok_or(Trouble::Wrong("a stream in memory needs a block"))?;
        let mem = socket.session().pool().mem();
        let socket = Arc::new(socket);
        Ok(Self {
            out: Out {
                socket: Arc::clone(&socket),
                index,
                writer: Writer::new(mem, block),
                ranges: VecDeque::new(),
            },
            input: In {
                socket,
                index,
                taker: Taker::new(mem, block),
                current: None,
            },
        })
    }

    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &Arc<Socket> {
        &self.out.socket
    }

    /// Closes behind everything that was sent.
    pub fn close(self) -> Result<(), Trouble> {
        let socket = Arc::clone(&self.out.socket);
        drop(self);
        match Arc::into_inner(socket) {
            Some(socket) => socket.close(),
            None => Err(Trouble::Wrong("somebody else has a half")),
        }
    }
}

impl Out {
    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Memory of ranges that the module is done with.
    fn reap(&mut self) -> Result<(), Trouble> {
        let freed = self.writer.freed()?;
        while let Some((number, chunk)) = self.ranges.front().copied() {
            if number >= freed {
                break;
            }
            self.ranges.pop_front();
            if let Some(offset) = chunk {
                self.socket.session().leave_chunk(offset);
            }
        }
        Ok(())
    }

    /// Opens a range if the open one is full. False: there is no memory, or no entry.
    fn ready(&mut self) -> Result<bool, Trouble> {
        if self.writer.place().room != 0 {
            return Ok(true);
        }
        self.reap()?;
        let chunk = self.socket.session().take_chunk();
        let memory = Memory {
            pool: 0,
            offset: chunk.unwrap_or(0),
            cap: chunk.map_or(0, |_| CHUNK),
        };
        if chunk.is_none() && self.ranges.back().is_none_or(|(_, chunk)| chunk.is_none()) {
            return Ok(false);
        }
        // Without memory: an empty range closes the one before it, so that its chunk comes back.
        match self.writer.open(memory)? {
            Opened::Range(number) => self.ranges.push_back((number, chunk)),
            Opened::Full => {
                if let Some(offset) = chunk {
                    self.socket.session().leave_chunk(offset);
                }
                return Ok(false);
            }
        }
        Ok(chunk.is_some())
    }

    /// Sends as much of `bytes` as there is room for; how much that was.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, Trouble> {
        let mem = self.socket.session().pool().mem();
        let mut sent = 0;
        while sent < bytes.len() {
            let mut room = self.writer.known_room();
            if room < u64::try_from(bytes.len() - sent).unwrap_or(u64::MAX) {
                room = self.writer.room()?;
            }
            if room == 0 || !self.ready()? {
                break;
            }
            let place = self.writer.place();
            let n = u64::from(place.room)
                .min(room)
                .min((bytes.len() - sent).try_into().unwrap_or(u64::MAX));
            let n = usize::try_from(n).unwrap_or(0);
            let at = usize::try_from(place.offset).unwrap_or(usize::MAX);
            mem.copy_out(at, &bytes[sent..sent + n])?;
            match self.writer.append(u32::try_from(n).unwrap_or(0))? {
                Appended::Taken => {}
                Appended::Gone => return Err(Trouble::Wrong("nobody asked for demotion")),
            }
            sent += n;
        }
        if sent != 0 {
            self.writer.flush()?;
            self.socket.committed.store(self.writer.tail(), Ordering::Relaxed);
            self.socket.session().mark(self.index)?;
        }
        Ok(sent)
    }

    /// Sends all of `bytes`.
    pub fn send(&mut self, bytes: &[u8], sleeper: &Sleeper) -> Result<(), Trouble> {
        let mut rest = bytes;
        loop {
            let n = self.push(rest)?;
            rest = &rest[n..];
            if rest.is_empty() {
                return Ok(());
            }
            let socket = Arc::clone(&self.socket);
            let can = |socket: &Socket| {
                if socket.state()?.contains(State::DEAF) {
                    return Err(Trouble::Refused(csock_wire::Refusal::bare(WireErrno::EPIPE)));
                }
                Ok(self.writer.room()? != 0 && self.ready()?)
            };
            if !socket.wait(Waiting::Room, sleeper, PATIENCE, can)? {
                return Err(Trouble::Wrong("no room, and no end of it"));
            }
        }
    }

    /// The end of what we send.
    pub fn finish(&self) -> Result<(), Trouble> {
        self.socket.shutdown(Shutdown::WRITE)
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        // What was not sent yet lies in its memory until the module has released the block.
        let _ = self.reap();
        let left = self.ranges.drain(..).filter_map(|(_, chunk)| chunk);
        if let Ok(mut chunks) = self.socket.chunks.lock() {
            chunks.extend(left);
        }
    }
}

impl In {
    /// The socket below.
    #[must_use]
    pub fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Copies what there is into `room`.
    pub fn take(&mut self, room: &mut [u8]) -> Result<Got, Trouble> {
        let session = Arc::clone(self.socket.session());
        if self.current.is_none() {
            match self.taker.peek()? {
                Incoming::Entry { id, len } => {
                    self.current = Some((id, session.buffer(id, len)?, len));
                }
                Incoming::Nothing(state) if state.contains(State::END) => {
                    return Ok(Got::End(state.error()));
                }
                Incoming::Nothing(state) if state.contains(State::STARVED) => return Ok(Got::Starved),
                Incoming::Nothing(_) => return Ok(Got::Nothing),
            }
        }
        let Some((id, at, left)) = self.current else {
            return Ok(Got::Nothing);
        };
        let n = room.len().min(left as usize);
        session.pool().mem().copy_in(at, &mut room[..n])?;
        let step = u32::try_from(n).unwrap_or(0);
        if self.taker.consume(step)? == Consumed::Recalled {
            return Err(Trouble::Wrong("nobody asked for a recall"));
        }
        self.current = Some((id, at + n, left - step));
        if left == step {
            self.current = None;
            self.taker.pop()?;
            session.give_back(id)?;
        }
        Ok(Got::Bytes(n))
    }

    /// Receives at least one byte, or the end.
    pub fn receive(&mut self, room: &mut [u8], sleeper: &Sleeper) -> Result<usize, Trouble> {
        loop {
            match self.take(room)? {
                Got::Bytes(n) => return Ok(n),
                Got::End(error) if error.is_ok() => return Ok(0),
                Got::End(error) => return Err(Trouble::Refused(csock_wire::Refusal::bare(error))),
                Got::Starved => {
                    let seen = self.taker.position();
                    match self.socket.receive_by_message(seen, room, DONT_WAIT) {
                        Ok(n) => return Ok(n as usize),
                        Err(e) if e.is(WireErrno::EREPEAT) || e.is(WireErrno::EAGAIN) => {}
                        Err(e) => return Err(e),
                    }
                }
                Got::Nothing => {
                    let socket = Arc::clone(&self.socket);
                    let taker = &mut self.taker;
                    let come = |_: &Socket| {
                        Ok(match taker.peek()? {
                            Incoming::Entry { .. } => true,
                            Incoming::Nothing(state) => state.intersects(State::END | State::STARVED),
                        })
                    };
                    if !socket.wait(Waiting::Data, sleeper, PATIENCE, come)? {
                        return Err(Trouble::Wrong("nothing came"));
                    }
                }
            }
        }
    }

    /// Fills `room`.
    pub fn receive_exactly(&mut self, room: &mut [u8], sleeper: &Sleeper) -> Result<(), Trouble> {
        let mut done = 0;
        while done < room.len() {
            match self.receive(&mut room[done..], sleeper)? {
                0 => return Err(Trouble::Wrong("the stream ended too early")),
                n => done += n,
            }
        }
        Ok(())
    }

    /// The number of its block.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }
}
