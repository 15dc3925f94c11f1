//! One interface over the ways into the stack, so that a program is written once and compared with itself.
//!
//! Each way is one file. All that uses the client library is in `csock.rs`.

mod csock;
mod kernel;
mod message;

pub use csock::{Copying, Csock, InPlace};
pub use kernel::Kernel;
pub use message::Message;

use super::case::Counts;
use anyhow::Result;
use std::net::SocketAddrV4;

/// Bytes at the start of a message by which a request and its answer are told apart.
pub const STAMP: usize = 8;

/// A way into the stack.
pub trait Road {
    /// A connected socket of this way.
    type Stream: Stream + Send + 'static;
    /// A listening socket of this way.
    type Listener;

    /// Connects; blocks. The stream sends messages of `size` bytes.
    fn connect(&mut self, addr: SocketAddrV4, size: usize) -> Result<Self::Stream>;
    /// Listens on a port of the stack's choice.
    fn listen(&mut self) -> Result<(Self::Listener, SocketAddrV4)>;
    /// Takes the next connection; blocks.
    fn accept(&mut self, listener: &Self::Listener, size: usize) -> Result<Self::Stream>;
    /// What both sides counted so far.
    fn counts(&mut self) -> Result<Counts>;
    /// Bytes of shared memory that the sockets have now.
    fn shared_bytes(&mut self) -> u64;
}

/// What came with one call.
#[derive(Clone, Copy)]
pub struct Piece {
    /// Bytes; 0 at the end of the stream.
    pub len: usize,
    /// The first [`STAMP`] of them, zeros where there are fewer.
    pub stamp: u64,
}

impl Piece {
    fn of(bytes: &[u8]) -> Self {
        Self {
            len: bytes.len(),
            stamp: bytes
                .first_chunk()
                .map_or(0, |b: &[u8; STAMP]| u64::from_ne_bytes(*b)),
        }
    }
}

/// Writes a message's stamp, as far as there is room for it.
fn stamp(message: &mut [u8], value: u64) {
    if let Some(room) = message.first_chunk_mut::<STAMP>() {
        *room = value.to_ne_bytes();
    }
}

/// A connected socket.
pub trait Stream {
    /// Sends one whole message that starts with `stamp`; the rest of it was filled once. Blocks.
    fn send(&mut self, stamp: u64) -> Result<()>;
    /// The next bytes, about one message's length at most; blocks.
    fn receive(&mut self) -> Result<Piece>;
    /// `TCP_NODELAY`.
    fn set_nodelay(&mut self) -> Result<()>;
}
