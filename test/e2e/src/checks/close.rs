//! Ends: half, whole, by the peer, and many of them.

use super::{ANY, pair};
use crate::payload;
use anyhow::{Context, Result, bail, ensure};
use custom_socket::{Error, Session, Shutdown, TcpStream};
use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

/// ECONNRESET on QNX.
const ECONNRESET: i32 = 254;

pub fn half_keeps_the_other_half(session: &Session) -> Result<()> {
    let (mut ours, mut theirs) = pair(session)?;
    ours.write_all(b"question")?;
    ours.shutdown(Shutdown::Write)?;
    let mut got = String::new();
    theirs.read_to_string(&mut got)?;
    ensure!(got == "question", "the peer got {got:?}");
    theirs.write_all(b"answer")?;
    drop(theirs);
    let mut got = String::new();
    ours.read_to_string(&mut got)?;
    ensure!(got == "answer", "we got {got:?}");
    ensure!(ours.write(b"more").is_err(), "written after shutdown");
    Ok(())
}

pub fn delivers_what_was_written(session: &Session) -> Result<()> {
    let sent = payload(31, 1 << 20);
    let (mut ours, mut theirs) = pair(session)?;
    ours.write_all(&sent)?;
    drop(ours);
    // The peer reads late: the bytes must outlive our side of the socket.
    std::thread::sleep(Duration::from_millis(100));
    let mut got = Vec::new();
    theirs.read_to_end(&mut got)?;
    ensure!(got == sent, "{} of {} bytes after close", got.len(), sent.len());
    Ok(())
}

pub fn peer_reset_is_an_error(session: &Session) -> Result<()> {
    let (mut ours, theirs) = pair(session)?;
    // Closing with unread data resets the connection.
    ours.write_all(b"never read")?;
    std::thread::sleep(Duration::from_millis(50));
    drop(theirs);
    let mut block = [0u8; 16];
    match ours.recv(&mut block) {
        Err(e) if e.qnx_errno() == ECONNRESET => Ok(()),
        Err(e) => bail!("expected ECONNRESET, got {e} ({})", e.qnx_errno()),
        Ok(n) => bail!("expected ECONNRESET, got {n} bytes"),
    }
}

pub fn then_use_is_an_error(session: &Session) -> Result<()> {
    let (ours, _theirs) = pair(session)?;
    let other = ours.try_clone()?;
    ours.close()?;
    ensure!(other.recv(&mut [0u8; 1]).is_err(), "read from a closed socket");
    ensure!(other.send(b"x").is_err(), "written to a closed socket");
    ensure!(
        matches!(other.reserve(1), Err(Error::Closed)),
        "reserved on a closed socket"
    );
    Ok(())
}

pub fn hundreds_leave_nothing(session: &Session) -> Result<()> {
    let listener = std::net::TcpListener::bind(ANY)?;
    let addr = listener.local_addr()?;
    let peer = std::thread::spawn(move || -> Result<()> {
        for stream in listener.incoming().take(400) {
            let mut stream = stream?;
            let mut got = Vec::new();
            stream.read_to_end(&mut got)?;
            stream.write_all(&got)?;
        }
        Ok(())
    });
    let free = session.pool().free_bytes();
    for number in 0..400u64 {
        let mut ours = TcpStream::connect(session, addr).with_context(|| format!("connection {number}"))?;
        let sent = payload(number, 1000);
        ours.write_all(&sent)?;
        ours.shutdown(Shutdown::Write)?;
        let mut got = Vec::new();
        ours.read_to_end(&mut got)?;
        ensure!(got == sent, "connection {number}: the bytes came back changed");
    }
    peer.join().ok().context("the peer panicked")??;
    let start = Instant::now();
    loop {
        let mine = session.stats()?.mine;
        if mine.sockets_open == 0 && mine.ext_mbufs_outstanding == 0 && session.pool().free_bytes() == free {
            return Ok(());
        }
        let (now, open) = (session.pool().free_bytes(), mine.sockets_open);
        ensure!(
            start.elapsed() < Duration::from_secs(10),
            "left: {open} sockets, {now} of {free} bytes free, {mine:?}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
