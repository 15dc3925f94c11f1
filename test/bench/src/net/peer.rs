//! Ordinary peers over the system's own sockets, a process each.

use super::program::LISTENING;
use anyhow::{Context, Result, bail};
use mio::{Events, Interest, Poll, Token};
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
};

/// What stands before the number of bytes that a peer took from connections that have ended.
pub const TOTAL: &str = "total ";

/// What a peer reads and writes at once.
const BLOCK: usize = 256 * 1024;

/// What a peer does with its connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Takes everything.
    Drain,
    /// Sends without end.
    Source,
    /// Both, each by a thread.
    Both,
    /// Answers each request of a size with itself.
    Echo(u32),
    /// Connects so often to a port, and holds the connections.
    Connect(u32, u16),
}

impl Peer {
    /// As arguments of this program's role.
    pub fn arguments(self) -> Vec<String> {
        let text = match self {
            Self::Drain => "drain".to_owned(),
            Self::Source => "source".to_owned(),
            Self::Both => "both".to_owned(),
            Self::Echo(size) => format!("echo {size}"),
            Self::Connect(count, port) => format!("connect {count} {port}"),
        };
        text.split(' ').map(str::to_owned).collect()
    }

    fn parse(arguments: &[&str]) -> Result<Self> {
        Ok(match arguments {
            ["drain"] => Self::Drain,
            ["source"] => Self::Source,
            ["both"] => Self::Both,
            ["echo", size] => Self::Echo(size.parse()?),
            ["connect", count, port] => Self::Connect(count.parse()?, port.parse()?),
            other => bail!("no peer: {other:?}"),
        })
    }
}

/// The peer's process; it runs until it is killed.
pub fn main(arguments: &[&str]) -> Result<()> {
    let peer = Peer::parse(arguments)?;
    if let Peer::Connect(count, port) = peer {
        return connect(count, port);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{LISTENING}{}", listener.local_addr()?.port());
    if peer == Peer::Drain {
        return drain(listener);
    }
    // A program under measurement ends or is killed in mid-transfer; its peer's threads then just end.
    for stream in listener.incoming() {
        let stream = stream?;
        match peer {
            Peer::Echo(size) => drop(std::thread::spawn(move || echo(stream, size))),
            Peer::Both => {
                let other = stream.try_clone()?;
                std::thread::spawn(move || take(other));
                std::thread::spawn(move || fill(stream));
            }
            _ => drop(std::thread::spawn(move || fill(stream))),
        }
    }
    Ok(())
}

/// One thread for all connections: their number must not change what a byte costs here.
fn drain(listener: TcpListener) -> Result<()> {
    const LISTENER: Token = Token(usize::MAX);
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut streams: Vec<Option<mio::net::TcpStream>> = Vec::new();
    let (mut open, mut total) = (0, 0u64);
    let mut block = vec![0; BLOCK];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                while let Some((mut stream, _)) = unless_later(listener.accept())? {
                    let token = Token(streams.len());
                    poll.registry().register(&mut stream, token, Interest::READABLE)?;
                    streams.push(Some(stream));
                    open += 1;
                }
                continue;
            }
            let place = streams.get_mut(event.token().0).context("a connection")?;
            while let Some(stream) = place {
                match unless_later(stream.read(&mut block)) {
                    Ok(None) => break,
                    Ok(Some(n)) if n > 0 => total += n as u64,
                    // The end, or a reset by a program that was killed.
                    _ => {
                        *place = None;
                        open -= 1;
                    }
                }
            }
        }
        if open == 0 && !streams.is_empty() {
            println!("{TOTAL}{total}");
        }
    }
}

fn unless_later<T>(result: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn take(mut stream: TcpStream) {
    let mut block = vec![0; BLOCK];
    while stream.read(&mut block).is_ok_and(|n| n > 0) {}
}

fn fill(mut stream: TcpStream) {
    let block = vec![0xA5; BLOCK];
    while stream.write_all(&block).is_ok() {}
}

fn echo(mut stream: TcpStream, size: u32) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut block = vec![0; size as usize];
    loop {
        stream.read_exact(&mut block)?;
        stream.write_all(&block)?;
    }
}

fn connect(count: u32, port: u16) -> Result<()> {
    let mut streams = Vec::new();
    for _ in 0..count {
        streams.push(TcpStream::connect((Ipv4Addr::LOCALHOST, port))?);
    }
    loop {
        std::thread::park();
    }
}
