//! Through the stand-in's message path: one message per call, the data in it.

use crate::{
    ledger::Ledger,
    path::{CHUNK, Path},
};
use anyhow::{Context, Result, anyhow, bail};
use io_sock::control::client::Control;
use io_sock_msgpath::{How, Listener, MessagePath, Stream};
use std::{
    collections::HashMap,
    fs::File,
    io::Read,
    net::{SocketAddr, SocketAddrV4},
};

/// A connection to io-sock, and what it had counted before.
pub struct Message {
    path: MessagePath,
    before: HashMap<String, u64>,
}

/// A socket and the buffer that the program keeps for it, as a program over libsocket would.
pub struct Socket {
    stream: Stream,
    buffer: Vec<u8>,
}

impl Message {
    /// Connects to io-sock.
    pub fn connect() -> Result<Self> {
        let path = MessagePath::open("").map_err(|e| anyhow!("no message path: {e}"))?;
        Ok(Self {
            path,
            before: counters()?,
        })
    }
}

/// io-sock's counters of its message path.
fn counters() -> Result<HashMap<String, u64>> {
    let text = Control::open("")
        .and_then(|control| control.stat())
        .map_err(|e| anyhow!("io-sock's counters: {e}"))?;
    let mut all = HashMap::new();
    for (name, value) in text.lines().filter_map(|line| line.split_once(':')) {
        all.insert(
            name.to_owned(),
            value.trim().parse().with_context(|| format!("counter {name}"))?,
        );
    }
    Ok(all)
}

impl Socket {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: vec![0; CHUNK],
        }
    }

    fn send_all(&self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let n = self.stream.send(bytes, 0).map_err(|e| anyhow!("send: {e}"))?;
            bytes = bytes.get(n..).context("the stack took more than it was given")?;
        }
        Ok(())
    }
}

impl Path for Message {
    type Stream = Socket;
    type Listener = Listener;

    fn listen(&self, addr: SocketAddrV4) -> Result<(Listener, SocketAddrV4)> {
        let listener = self
            .path
            .listen(addr.into(), 16)
            .map_err(|e| anyhow!("listen: {e}"))?;
        match listener.local_addr().map_err(|e| anyhow!("getsockname: {e}"))? {
            SocketAddr::V4(bound) => Ok((listener, bound)),
            SocketAddr::V6(bound) => bail!("bound to {bound}, which is not IPv4"),
        }
    }

    fn accept(&self, listener: &Listener) -> Result<Socket> {
        Ok(Socket::new(
            listener.accept().map_err(|e| anyhow!("accept: {e}"))?.0,
        ))
    }

    fn connect(&self, addr: SocketAddrV4) -> Result<Socket> {
        Ok(Socket::new(
            self.path
                .connect(addr.into())
                .map_err(|e| anyhow!("connect: {e}"))?,
        ))
    }

    fn ledger(&self) -> Result<Ledger> {
        let now = counters()?;
        let since = |name: &str| -> Result<u64> {
            let name = format!("msgpath.{name}");
            let value = now
                .get(&name)
                .with_context(|| format!("io-sock counts no {name}"))?;
            Ok(value - self.before.get(&name).copied().unwrap_or_default())
        };
        Ok(Ledger {
            tx_bytes: since("tx_bytes")?,
            tx_bytes_copied: since("tx_bytes_copied")?,
            rx_bytes: since("rx_bytes")?,
            rx_bytes_copied: since("rx_bytes_copied")?,
            control_msgs: since("messages")?,
            ..Ledger::default()
        })
    }
}

impl crate::path::Stream for Socket {
    fn send_text(&mut self, text: &str) -> Result<()> {
        self.send_all(text.as_bytes())
    }

    fn send_from(&mut self, file: &mut File) -> Result<usize> {
        let n = file.read(&mut self.buffer)?;
        self.send_all(self.buffer.get(..n).unwrap_or_default())?;
        Ok(n)
    }

    fn receive(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<usize> {
        let n = self
            .stream
            .receive(&mut self.buffer, 0)
            .map_err(|e| anyhow!("receive: {e}"))?;
        sink(self.buffer.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn finish(&mut self) -> Result<()> {
        self.stream
            .shutdown(How::Write)
            .map_err(|e| anyhow!("shutdown: {e}"))
    }
}
