//! Calls that wait, and what ends the wait.

use super::pair;
use anyhow::{Context, Result, bail, ensure};
use custom_socket::{Error, Session};
use std::{
    io::{Read, Write},
    time::{Duration, Instant},
};

pub fn nonblocking_read_would_block(session: &Session) -> Result<()> {
    let (ours, mut theirs) = pair(session)?;
    ours.set_nonblocking(true)?;
    let mut block = [0u8; 16];
    ensure!(
        matches!(ours.recv(&mut block), Err(Error::WouldBlock)),
        "read from an empty socket"
    );
    theirs.write_all(b"x")?;
    for _ in 0..500 {
        match ours.recv(&mut block) {
            Ok(1) => return Ok(()),
            Ok(n) => bail!("{n} bytes for one"),
            Err(Error::WouldBlock) => std::thread::sleep(Duration::from_millis(2)),
            Err(e) => return Err(e.into()),
        }
    }
    bail!("the byte did not arrive within a second")
}

pub fn read_timeout_is_kept(session: &Session) -> Result<()> {
    let (ours, mut theirs) = pair(session)?;
    let limit = Duration::from_millis(150);
    ours.set_read_timeout(Some(limit))?;
    let mut block = [0u8; 16];
    for _ in 0..3 {
        let start = Instant::now();
        match ours.recv(&mut block) {
            Err(Error::TimedOut | Error::WouldBlock) => {}
            other => bail!("expected a time-out, got {other:?}"),
        }
        let took = start.elapsed();
        ensure!(
            took >= limit && took < limit * 10,
            "a time-out of {limit:?} took {took:?}"
        );
    }
    theirs.write_all(b"still there")?;
    ensure!(ours.recv(&mut block)? == 11, "data after a time-out");
    Ok(())
}

pub fn write_timeout_is_kept(session: &Session) -> Result<()> {
    let (ours, _theirs) = pair(session)?;
    let limit = Duration::from_millis(150);
    ours.set_write_timeout(Some(limit))?;
    let block = vec![0u8; 1 << 20];
    let start = Instant::now();
    // The peer never reads: buffers fill up, then the time-out must come.
    for _ in 0..1000 {
        let from = Instant::now();
        match ours.send(&block) {
            Ok(_) => {}
            Err(Error::TimedOut | Error::WouldBlock) => {
                ensure!(from.elapsed() >= limit, "timed out after {:?}", from.elapsed());
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        }
        ensure!(start.elapsed() < Duration::from_secs(20), "no time-out in 20 s");
    }
    bail!("a gigabyte went to a peer that does not read")
}

pub fn close_wakes_a_reader(session: &Session) -> Result<()> {
    let (ours, _theirs) = pair(session)?;
    let reader = ours.try_clone()?;
    let waiting = std::thread::spawn(move || reader.recv(&mut [0u8; 16]));
    std::thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    ours.close()?;
    let result = waiting.join().ok().context("the reader panicked")?;
    ensure!(
        start.elapsed() < Duration::from_secs(3),
        "the reader waited {:?} more",
        start.elapsed()
    );
    ensure!(matches!(result, Err(_) | Ok(0)), "the reader got {result:?}");
    Ok(())
}

pub fn many_threads_wait(session: &Session) -> Result<()> {
    const THREADS: usize = 12;
    let mut pairs = Vec::new();
    for _ in 0..THREADS {
        pairs.push(pair(session)?);
    }
    std::thread::scope(|scope| -> Result<()> {
        let mut threads = Vec::new();
        let mut peers = Vec::new();
        for (number, (mut ours, theirs)) in pairs.drain(..).enumerate() {
            peers.push((number, theirs));
            threads.push(scope.spawn(move || -> Result<()> {
                let mut got = [0u8; 8];
                ours.read_exact(&mut got)?;
                ensure!(
                    got == (number as u64).to_le_bytes(),
                    "thread {number} got another's bytes"
                );
                Ok(())
            }));
        }
        std::thread::sleep(Duration::from_millis(50));
        // Last first: nobody may depend on the order in which they began to wait.
        for (number, theirs) in peers.iter_mut().rev() {
            theirs.write_all(&(*number as u64).to_le_bytes())?;
        }
        for thread in threads {
            thread.join().ok().context("a reader panicked")??;
        }
        Ok(())
    })
}
