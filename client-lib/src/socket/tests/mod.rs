//! Sockets against a server in this process: one that is honest, and one that lies.

mod chaos;
mod evil;
mod flow;
mod life;
mod patience;

use super::Socket;
use crate::{config::Config, session_core::Core, sys::fake::Fake};
use alloc::sync::Arc;
use core::net::SocketAddr;

pub(super) fn addr() -> SocketAddr {
    ([127, 0, 0, 1], 80).into()
}

/// A small pool, so that it runs out.
pub(super) fn config() -> Config {
    Config {
        pool_bytes: 1 << 20,
        max_sockets: 4,
        rx_buffers: 2,
        rx_buffer_len: 4096,
        tx_limit: 64 << 10,
        tx_piece: 16 << 10,
        tx_descriptors: 4,
        ..Config::DEFAULT
    }
}

pub(super) fn session() -> (Fake, Arc<Core<Fake>>) {
    let fake = Fake::new();
    let core = fake.open(config()).unwrap();
    (fake, core)
}

pub(super) fn connected() -> (Fake, Socket<Fake>) {
    let (fake, core) = session();
    let socket = Socket::stream(&core, false, true).unwrap();
    socket.connect(addr(), None).unwrap();
    (fake, socket)
}
