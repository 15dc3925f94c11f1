//! The message path: one message per call, the data in it, as libsocket does.

use super::{Piece, Road, Stream, stamp};
use crate::net::{SOCKET_BUFFER, case::Counts};
use anyhow::{Context, Result, anyhow, bail};
use io_sock::control::client::Control;
use io_sock_msgpath::{Listener, MessagePath, Stream as MessageStream};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// Numbers of io-sock's options.
const SOL_SOCKET: i32 = 0xFFFF;
const SO_SNDBUF: i32 = 0x1001;
const SO_RCVBUF: i32 = 0x1002;
const IPPROTO_TCP: i32 = 6;
const TCP_NODELAY: i32 = 1;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 128;

/// A connection to io-sock, and one to ask for its counters.
pub struct Message {
    path: MessagePath,
    control: Control,
}

/// A socket and the program's buffers.
pub struct Socket {
    stream: MessageStream,
    message: Vec<u8>,
    buffer: Vec<u8>,
}

impl Message {
    /// Connects to io-sock.
    pub fn open() -> Result<Self> {
        Ok(Self {
            path: MessagePath::open("").map_err(|e| anyhow!("no message path: {e}"))?,
            control: Control::open("").map_err(|e| anyhow!("no control of io-sock: {e}"))?,
        })
    }

    fn socket(stream: MessageStream, size: usize) -> Result<Socket> {
        // The same buffers as csock's, or the comparison would be one of buffers.
        for name in [SO_SNDBUF, SO_RCVBUF] {
            stream
                .set_option(SOL_SOCKET, name, SOCKET_BUFFER)
                .map_err(|e| anyhow!("buffer of {SOCKET_BUFFER} bytes: {e}"))?;
        }
        Ok(Socket {
            stream,
            message: vec![0x5A; size],
            buffer: vec![0; size],
        })
    }
}

impl Road for Message {
    type Stream = Socket;
    type Listener = Listener;

    fn connect(&mut self, addr: SocketAddrV4, size: usize) -> Result<Socket> {
        let stream = self
            .path
            .connect(addr.into())
            .map_err(|e| anyhow!("connect: {e}"))?;
        Self::socket(stream, size)
    }

    fn listen(&mut self) -> Result<(Listener, SocketAddrV4)> {
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let listener = self
            .path
            .listen(any.into(), BACKLOG)
            .map_err(|e| anyhow!("listen: {e}"))?;
        match listener.local_addr().map_err(|e| anyhow!("getsockname: {e}"))? {
            SocketAddr::V4(bound) => Ok((listener, bound)),
            SocketAddr::V6(bound) => bail!("bound to {bound}, which is not IPv4"),
        }
    }

    fn accept(&mut self, listener: &Listener, size: usize) -> Result<Socket> {
        let (stream, _) = listener.accept().map_err(|e| anyhow!("accept: {e}"))?;
        Self::socket(stream, size)
    }

    fn counts(&mut self) -> Result<Counts> {
        let text = self
            .control
            .stat()
            .map_err(|e| anyhow!("io-sock's counters: {e}"))?;
        let value = |name: &str| -> Result<u64> {
            text.lines()
                .filter_map(|line| line.strip_prefix("msgpath.")?.split_once(':'))
                .find(|(found, _)| *found == name)
                .with_context(|| format!("io-sock counts no {name}"))?
                .1
                .trim()
                .parse()
                .with_context(|| format!("counter {name}"))
        };
        Ok(Counts {
            tx_bytes: value("tx_bytes")?,
            tx_copied: value("tx_bytes_copied")?,
            rx_bytes: value("rx_bytes")?,
            rx_copied: value("rx_bytes_copied")?,
            messages: value("messages")?,
            doorbells: 0,
        })
    }

    fn shared_bytes(&mut self) -> u64 {
        0
    }
}

impl Stream for Socket {
    fn send(&mut self, value: u64) -> Result<()> {
        stamp(&mut self.message, value);
        let mut left = self.message.as_slice();
        while !left.is_empty() {
            let n = self.stream.send(left, 0).map_err(|e| anyhow!("send: {e}"))?;
            left = left.get(n..).context("the stack took more than it was given")?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Piece> {
        let len = self
            .stream
            .receive(&mut self.buffer, 0)
            .map_err(|e| anyhow!("receive: {e}"))?;
        Ok(Piece::of(self.buffer.get(..len).unwrap_or_default()))
    }

    fn set_nodelay(&mut self) -> Result<()> {
        self.stream
            .set_option(IPPROTO_TCP, TCP_NODELAY, 1)
            .map_err(|e| anyhow!("TCP_NODELAY: {e}"))
    }
}
