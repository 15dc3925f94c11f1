//! csock: by its copying calls, and in place. The only file of the bench that uses the client library.

use super::{Piece, Road, Stream, stamp};
use crate::net::case::Counts;
use anyhow::{Context, Result, bail};
use custom_socket::{Config, Session, TcpListener, TcpStream};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Connections that one session is used for where a program has many; with the default settings there is one session.
const PER_SESSION: u32 = 200;

/// Up to so many connections the default settings are used. All of this goes once the defaults serve a thousand.
const BY_DEFAULT: u32 = 16;

/// Sessions with the module, more when they are needed; the type of stream says how it moves data.
pub struct Csock<S> {
    sessions: Vec<Session>,
    /// Bytes that each session's pool had free before its first socket.
    free_before: Vec<usize>,
    /// Settings for many connections; `None`: one session with the defaults.
    many: Option<Config>,
    connections: u32,
    how: std::marker::PhantomData<S>,
}

/// A stream that is sent to and received from by copying.
pub struct Copying {
    stream: TcpStream,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

/// A stream whose bytes are written and read where they lie.
pub struct InPlace {
    stream: TcpStream,
    size: usize,
}

impl<S> Csock<S> {
    /// Opens the first session: with the defaults, or with settings for `connections`, where they are many.
    pub fn open(connections: u32) -> Result<Self> {
        let many = (connections > BY_DEFAULT).then_some(Config {
            pool_bytes: 64 << 20,
            max_sockets: PER_SESSION + 4,
            ..Config::DEFAULT
        });
        let mut road = Self {
            sessions: Vec::new(),
            free_before: Vec::new(),
            many,
            connections: 0,
            how: std::marker::PhantomData,
        };
        road.another()?;
        Ok(road)
    }

    fn another(&mut self) -> Result<()> {
        let session = match self.many {
            Some(config) => Session::connect_with(config),
            None => Session::connect(),
        }
        .context("cannot open a csock session")?;
        self.free_before.push(session.pool().free_bytes());
        self.sessions.push(session);
        Ok(())
    }

    /// The session for the next connection.
    fn next(&mut self) -> Result<&Session> {
        if self.many.is_some()
            && self.connections > 0
            && self.connections.is_multiple_of(PER_SESSION)
            && self.sessions.len() as u32 <= self.connections / PER_SESSION
        {
            self.another()?;
        }
        self.sessions.last().context("no session")
    }
}

/// How a stream is made of the library's.
pub trait Made {
    fn made(stream: TcpStream, size: usize) -> Self;
}

impl Made for Copying {
    fn made(stream: TcpStream, size: usize) -> Self {
        Self {
            stream,
            message: vec![0x5A; size],
            buffer: vec![0; size],
        }
    }
}

impl Made for InPlace {
    fn made(stream: TcpStream, size: usize) -> Self {
        Self { stream, size }
    }
}

impl<S: Made + Stream + Send + 'static> Road for Csock<S> {
    type Stream = S;
    type Listener = TcpListener;

    fn connect(&mut self, addr: SocketAddrV4, size: usize) -> Result<S> {
        let stream = TcpStream::connect(self.next()?, addr).context("connect")?;
        self.connections += 1;
        Ok(S::made(stream, size))
    }

    fn listen(&mut self) -> Result<(TcpListener, SocketAddrV4)> {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let listener = TcpListener::bind(self.next()?, any).context("listen")?;
        match listener.local_addr()? {
            SocketAddr::V4(bound) => Ok((listener, bound)),
            SocketAddr::V6(bound) => bail!("bound to {bound}, which is not IPv4"),
        }
    }

    fn accept(&mut self, listener: &TcpListener, size: usize) -> Result<S> {
        let (stream, _) = listener.accept().context("accept")?;
        self.connections += 1;
        Ok(S::made(stream, size))
    }

    fn counts(&mut self) -> Result<Counts> {
        let mut sum = Counts::default();
        for session in &self.sessions {
            let stats = session.stats()?;
            let (module, client) = (stats.mine, stats.client);
            sum.tx_bytes += client.tx_bytes;
            sum.tx_copied += client.tx_bytes_copied + module.tx_bytes_copied;
            sum.rx_bytes += client.rx_bytes;
            sum.rx_copied += client.rx_bytes_copied + module.rx_bytes_copied;
            sum.messages += client.control_msgs;
            sum.doorbells += client.doorbells_sent;
        }
        Ok(sum)
    }

    fn shared_bytes(&mut self) -> u64 {
        let taken =
            |(session, before): (&Session, &usize)| before.saturating_sub(session.pool().free_bytes());
        self.sessions
            .iter()
            .zip(&self.free_before)
            .map(taken)
            .sum::<usize>() as u64
    }
}

impl Stream for Copying {
    fn send(&mut self, value: u64) -> Result<()> {
        stamp(&mut self.message, value);
        let mut left = self.message.as_slice();
        while !left.is_empty() {
            let n = self.stream.send(left)?;
            left = left.get(n..).context("the library took more than it was given")?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Piece> {
        let len = self.stream.recv(&mut self.buffer)?;
        Ok(Piece::of(self.buffer.get(..len).unwrap_or_default()))
    }

    fn set_nodelay(&mut self) -> Result<()> {
        Ok(self.stream.set_nodelay(true)?)
    }
}

impl Stream for InPlace {
    fn send(&mut self, value: u64) -> Result<()> {
        let mut buffer = self.stream.reserve(self.size)?;
        // SAFETY: reserved and not committed: nobody else touches it; io-sock is trusted to keep to that.
        stamp(unsafe { buffer.as_mut_slice() }, value);
        // SAFETY: the rest is what earlier messages of this very program left there: filled once, sent again.
        unsafe { buffer.assume_filled(self.size) };
        Ok(buffer.commit(self.size)?)
    }

    fn receive(&mut self) -> Result<Piece> {
        let Some(received) = self.stream.recv_in_place()? else {
            return Ok(Piece { len: 0, stamp: 0 });
        };
        // SAFETY: io-sock is trusted with this program's data: it writes to a buffer before it hands it over, not after.
        Ok(Piece::of(unsafe { received.as_slice() }))
    }

    fn set_nodelay(&mut self) -> Result<()> {
        Ok(self.stream.set_nodelay(true)?)
    }
}
