//! Sockets against a server in this process: one that is honest, and one that lies.

mod chaos;
mod evil;
mod flow;
mod life;
mod patience;
mod place;
mod queue;
mod races;

use super::Socket;
use crate::{config::Config, session::Core, sys::fake::Fake};
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
        rx_small: 4,
        rx_small_len: 1024,
        rx_large: 2,
        rx_large_len: 4096,
        tx_piece: 64 << 10,
        ..Config::DEFAULT
    }
}

pub(super) fn session() -> (Fake, Arc<Core<Fake>>) {
    let fake = Fake::new();
    let core = fake.open(config()).unwrap();
    (fake, core)
}

/// A connected socket of a session.
pub(super) fn dial(core: &Arc<Core<Fake>>) -> Socket<Fake> {
    let socket = Socket::stream(core, false).unwrap();
    socket.connect(addr(), None).unwrap();
    socket
}

pub(super) fn connected() -> (Fake, Socket<Fake>) {
    let (fake, core) = session();
    let socket = dial(&core);
    (fake, socket)
}
