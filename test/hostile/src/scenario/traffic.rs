//! What an honest client does: sockets that send and get back what they sent.

use crate::{
    pattern::Pattern,
    raw::{Session, Sleeper, Socket, Stream},
};
use anyhow::{Context, Result, ensure};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

/// Bytes that a socket sends and gets back at a time.
pub const STEP: usize = 1024;

/// Connected sockets with an echo of the kernel's behind each.
#[derive(Debug)]
pub struct Traffic {
    /// The connections.
    pub streams: Vec<Stream>,
    sleeper: Sleeper,
    at: u64,
}

/// Serves one connection until its end.
fn echo(mut peer: TcpStream) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(n @ 1..) = peer.read(&mut bytes) {
        if peer.write_all(&bytes[..n]).is_err() {
            return;
        }
    }
}

/// A kernel's socket that accepts `count` connections and hands each to `serve`, in a thread of its own.
pub fn peers(count: usize, serve: fn(TcpStream)) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    thread::spawn(move || {
        for _ in 0..count {
            let Ok((peer, _)) = listener.accept() else { return };
            let _ = peer.set_nodelay(true);
            let small = thread::Builder::new().stack_size(128 * 1024);
            // Without a thread the connection ends at once, and the client says so.
            let _ = small.spawn(move || serve(peer));
        }
    });
    Ok(addr)
}

impl Traffic {
    /// `count` connections of `session`.
    pub fn new(session: &Arc<Session>, count: usize) -> Result<Self> {
        let addr = peers(count, echo)?;
        let sleeper = Sleeper::new(session)?;
        let connect = |n| {
            let socket = Socket::new(session)?;
            socket
                .connect(addr, &sleeper)
                .with_context(|| format!("connection {n} of {count}"))
        };
        let streams = (0..count).map(connect).collect::<Result<_>>()?;
        Ok(Self {
            streams,
            sleeper,
            at: 0,
        })
    }

    /// Every socket sends, and every socket gets back what it sent: bytes sent.
    pub fn turn(&mut self) -> Result<u64> {
        let mut bytes = [0; STEP];
        for (n, stream) in self.streams.iter_mut().enumerate() {
            Pattern::new(n as u64).fill(self.at, &mut bytes);
            stream.out.send(&bytes, &self.sleeper).context("sending")?;
        }
        for (n, stream) in self.streams.iter_mut().enumerate() {
            bytes.fill(0);
            stream
                .input
                .receive_exactly(&mut bytes, &self.sleeper)
                .context("receiving")?;
            let wrong = Pattern::new(n as u64).wrong(self.at, &mut bytes);
            ensure!(wrong.is_none(), "byte {wrong:?} of connection {n} is wrong");
        }
        self.at += STEP as u64;
        Ok((self.streams.len() * STEP) as u64)
    }

    /// Closes everything.
    pub fn end(self) -> Result<()> {
        for stream in self.streams {
            stream.close()?;
        }
        Ok(())
    }

    /// The thread's wait slot.
    #[must_use]
    pub fn sleeper(&self) -> &Sleeper {
        &self.sleeper
    }
}
