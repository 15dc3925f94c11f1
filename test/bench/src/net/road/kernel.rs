//! Linux's own sockets.

use super::{Piece, Road, Stream, stamp};
use crate::net::case::Counts;
use anyhow::{Result, bail};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream},
};

/// Needs nothing.
pub struct Kernel;

/// A socket and the program's buffers.
pub struct Socket {
    stream: TcpStream,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl Socket {
    fn new(stream: TcpStream, size: usize) -> Self {
        Self {
            stream,
            message: vec![0x5A; size],
            buffer: vec![0; size],
        }
    }
}

impl Road for Kernel {
    type Stream = Socket;
    type Listener = TcpListener;

    fn connect(&mut self, addr: SocketAddrV4, size: usize) -> Result<Socket> {
        Ok(Socket::new(TcpStream::connect(addr)?, size))
    }

    fn listen(&mut self) -> Result<(TcpListener, SocketAddrV4)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        match listener.local_addr()? {
            SocketAddr::V4(bound) => Ok((listener, bound)),
            SocketAddr::V6(bound) => bail!("bound to {bound}, which is not IPv4"),
        }
    }

    fn accept(&mut self, listener: &TcpListener, size: usize) -> Result<Socket> {
        Ok(Socket::new(listener.accept()?.0, size))
    }

    /// Nothing is counted by the kernel.
    fn counts(&mut self) -> Result<Counts> {
        Ok(Counts::default())
    }

    fn shared_bytes(&mut self) -> u64 {
        0
    }
}

impl Stream for Socket {
    fn send(&mut self, value: u64) -> Result<()> {
        stamp(&mut self.message, value);
        Ok(self.stream.write_all(&self.message)?)
    }

    fn receive(&mut self) -> Result<Piece> {
        let len = self.stream.read(&mut self.buffer)?;
        Ok(Piece::of(self.buffer.get(..len).unwrap_or_default()))
    }

    fn set_nodelay(&mut self) -> Result<()> {
        Ok(self.stream.set_nodelay(true)?)
    }
}
