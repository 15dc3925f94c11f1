//! One interface over the two ways into the stack, so that a program is written once and compared with itself.

use crate::ledger::Ledger;
use anyhow::Result;
use std::{fs::File, net::SocketAddrV4};

/// Bytes that a program prepares or takes at once.
pub const CHUNK: usize = 256 * 1024;

/// A way into the stack.
pub trait Path {
    /// A connected socket of this way.
    type Stream: Stream;
    /// A listening socket of this way.
    type Listener;

    /// Listens on `addr`; returns the listener and the address that it got.
    fn listen(&self, addr: SocketAddrV4) -> Result<(Self::Listener, SocketAddrV4)>;
    /// Takes the next connection; blocks.
    fn accept(&self, listener: &Self::Listener) -> Result<Self::Stream>;
    /// Connects to `addr`; blocks.
    fn connect(&self, addr: SocketAddrV4) -> Result<Self::Stream>;
    /// What was counted so far.
    fn ledger(&self) -> Result<Ledger>;
}

/// A connected socket.
pub trait Stream {
    /// Sends a short text.
    fn send_text(&mut self, text: &str) -> Result<()>;
    /// Reads up to `CHUNK` bytes of `file` into memory that the way sends from, and sends them. 0 at the file's end.
    fn send_from(&mut self, file: &mut File) -> Result<usize>;
    /// Shows the next received bytes to `sink`; 0 at the end of the stream. Blocks.
    fn receive(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<usize>;
    /// Says that nothing more will be sent.
    fn finish(&mut self) -> Result<()>;
}
