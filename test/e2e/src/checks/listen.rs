//! bind(2), listen(2), accept(2).

use super::listener;
use anyhow::{Context, Result, bail, ensure};
use custom_socket::{Error, Session, TcpListener};
use std::{
    io::{Read, Write},
    time::Duration,
};

/// EADDRINUSE on QNX.
const EADDRINUSE: i32 = 248;

pub fn gets_a_port(session: &Session) -> Result<()> {
    let (_listener, addr) = listener(session)?;
    ensure!(addr.port() != 0 && addr.ip().is_loopback(), "bound to {addr}");
    std::net::TcpStream::connect(addr)?;
    Ok(())
}

pub fn twice_on_a_port_is_refused(session: &Session) -> Result<()> {
    let (_listener, addr) = listener(session)?;
    match TcpListener::bind(session, addr) {
        Err(e) => ensure!(
            e.qnx_errno() == EADDRINUSE,
            "expected EADDRINUSE, got {e} ({})",
            e.qnx_errno()
        ),
        Ok(_) => bail!("bound twice to {addr}"),
    }
    Ok(())
}

pub fn accepts_many(session: &Session) -> Result<()> {
    const CONNECTIONS: u32 = 16;
    let (listener, addr) = listener(session)?;
    let peers = std::thread::spawn(move || -> Result<()> {
        for number in 0..CONNECTIONS {
            let mut stream = std::net::TcpStream::connect(addr)?;
            stream.write_all(&number.to_le_bytes())?;
            let mut back = [0u8; 4];
            stream.read_exact(&mut back)?;
            ensure!(
                back == number.to_le_bytes(),
                "connection {number} got another's bytes"
            );
        }
        Ok(())
    });
    for number in 0..CONNECTIONS {
        let (stream, from) = listener.accept()?;
        ensure!(
            stream.peer_addr()? == from,
            "accept says {from}, getpeername {:?}",
            stream.peer_addr()
        );
        let mut stream = stream;
        let mut block = [0u8; 4];
        stream.read_exact(&mut block)?;
        ensure!(block == number.to_le_bytes(), "out of order");
        stream.write_all(&block)?;
    }
    peers.join().ok().context("the peer panicked")?
}

pub fn nonblocking_accept_would_block(session: &Session) -> Result<()> {
    let (listener, addr) = listener(session)?;
    listener.set_nonblocking(true)?;
    ensure!(
        matches!(listener.accept(), Err(Error::WouldBlock)),
        "accept without a connection"
    );
    let _peer = std::net::TcpStream::connect(addr)?;
    for _ in 0..500 {
        match listener.accept() {
            Ok(_) => return Ok(()),
            Err(Error::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
            Err(e) => return Err(e.into()),
        }
    }
    bail!("the connection did not come out of accept within a second")
}
