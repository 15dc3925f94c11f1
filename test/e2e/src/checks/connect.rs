//! connect(2).

use super::pair;
use anyhow::{Result, bail, ensure};
use custom_socket::{Error, Session, TcpStream};
use std::{
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

/// ECONNREFUSED on QNX.
const ECONNREFUSED: i32 = 261;

pub fn refused_says_so(session: &Session) -> Result<()> {
    // A port that was free a moment ago.
    let addr = std::net::TcpListener::bind(super::ANY)?.local_addr()?;
    match TcpStream::connect(session, addr) {
        Err(e) => ensure!(
            e.qnx_errno() == ECONNREFUSED,
            "expected ECONNREFUSED, got {e} ({})",
            e.qnx_errno()
        ),
        Ok(_) => bail!("connected to a port where nobody listens"),
    }
    Ok(())
}

pub fn knows_both_addresses(session: &Session) -> Result<()> {
    let (ours, theirs) = pair(session)?;
    ensure!(
        ours.local_addr()? == theirs.peer_addr()?,
        "{:?} and {:?}",
        ours.local_addr(),
        theirs.peer_addr()
    );
    ensure!(
        ours.peer_addr()? == theirs.local_addr()?,
        "{:?} and {:?}",
        ours.peer_addr(),
        theirs.local_addr()
    );
    Ok(())
}

pub fn times_out(session: &Session) -> Result<()> {
    let full = std::net::TcpListener::bind(super::ANY)?;
    // SAFETY: the descriptor is open; a second listen(2) only changes the backlog.
    let shrunk = unsafe { libc::listen(full.as_raw_fd(), 0) };
    ensure!(shrunk == 0, "{}", std::io::Error::last_os_error());
    let (addr, limit) = (full.local_addr()?, Duration::from_millis(300));
    let mut kept = Vec::new();
    // Nobody accepts: once the backlog is full, Linux drops further requests to connect.
    for _ in 0..8 {
        let start = Instant::now();
        match TcpStream::connect_timeout(session, &addr, limit) {
            Ok(stream) => kept.push(stream),
            Err(Error::TimedOut) => {
                ensure!(
                    start.elapsed() >= limit && start.elapsed() < limit * 10,
                    "{limit:?} took {:?}",
                    start.elapsed()
                );
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        }
    }
    bail!("{} connections to a listener with a backlog of 0", kept.len())
}

pub fn many_at_once(session: &Session) -> Result<()> {
    let listener = std::net::TcpListener::bind(super::ANY)?;
    let addr = listener.local_addr()?;
    let mut kept = Vec::new();
    for _ in 0..20 {
        let ours = TcpStream::connect(session, addr)?;
        kept.push((ours, listener.accept()?.0));
    }
    for (ours, theirs) in &kept {
        ensure!(
            ours.local_addr()? == theirs.peer_addr()?,
            "two connections were mixed up"
        );
    }
    Ok(())
}
