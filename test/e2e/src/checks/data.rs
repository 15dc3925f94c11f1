//! Bytes, in order, whole, both ways.

use super::{listener, pair};
use crate::payload;
use anyhow::{Context, Result, ensure};
use custom_socket::{Session, Shutdown};
use std::io::{Read, Write};

pub fn of_every_size_arrives(session: &Session) -> Result<()> {
    let (mut ours, mut theirs) = pair(session)?;
    let sizes = [
        1usize,
        2,
        3,
        63,
        64,
        65,
        1459,
        1460,
        1461,
        4095,
        4096,
        65_535,
        65_536,
        65_537,
        300_001,
        1 << 20,
    ];
    let echo = std::thread::spawn(move || -> Result<()> {
        let mut block = vec![0u8; 1 << 16];
        loop {
            let n = theirs.read(&mut block)?;
            if n == 0 {
                return Ok(());
            }
            theirs.write_all(&block[..n])?;
        }
    });
    for size in sizes {
        let sent = payload(size as u64, size);
        let mut got = vec![0u8; size];
        // Written from another thread: what comes back must be taken while it is sent, or both ends fill up.
        std::thread::scope(|scope| -> Result<()> {
            let mut writer = ours.try_clone()?;
            let bytes = &sent;
            let thread = scope.spawn(move || writer.write_all(bytes));
            ours.read_exact(&mut got)?;
            Ok(thread.join().ok().context("the writer panicked")??)
        })?;
        ensure!(got == sent, "{size} bytes came back changed");
    }
    drop(ours);
    echo.join().ok().context("the peer panicked")?
}

pub fn both_ways_at_once(session: &Session) -> Result<()> {
    const SIZE: usize = 8 << 20;
    let (mut ours, mut theirs) = pair(session)?;
    let (there, back) = (payload(21, SIZE), payload(22, SIZE));
    std::thread::scope(|scope| -> Result<()> {
        let mut theirs_writer = theirs.try_clone()?;
        let mut ours_writer = ours.try_clone()?;
        let (there, back) = (&there, &back);
        scope.spawn(move || theirs_writer.write_all(back));
        scope.spawn(move || ours_writer.write_all(there));
        let reader = scope.spawn(move || -> Result<Vec<u8>> {
            let mut got = vec![0u8; SIZE];
            theirs.read_exact(&mut got)?;
            Ok(got)
        });
        let mut got = vec![0u8; SIZE];
        ours.read_exact(&mut got)?;
        ensure!(
            got == *back,
            "the bytes that we got are not the bytes that were sent"
        );
        let got = reader.join().ok().context("the reader panicked")??;
        ensure!(
            got == *there,
            "the bytes that the peer got are not the bytes that we sent"
        );
        Ok(())
    })
}

pub fn before_eof_is_readable(session: &Session) -> Result<()> {
    let (mut ours, mut theirs) = pair(session)?;
    let sent = payload(23, 200_000);
    theirs.write_all(&sent)?;
    drop(theirs);
    // Give the end of the stream time to overtake the data, if anything lets it.
    std::thread::sleep(std::time::Duration::from_millis(100));
    let mut got = Vec::new();
    ours.read_to_end(&mut got)?;
    ensure!(
        got == sent,
        "{} of {} bytes before the end",
        got.len(),
        sent.len()
    );
    ensure!(ours.read(&mut [0u8; 1])? == 0, "data after the end");
    Ok(())
}

pub fn reserve_and_drop_sends_nothing(session: &Session) -> Result<()> {
    let (ours, mut theirs) = pair(session)?;
    // The first one takes the piece of the pool that the connection goes on from.
    drop(ours.reserve(4096)?);
    let free = session.pool().free_bytes();
    for _ in 0..1000 {
        drop(ours.reserve(4096)?);
    }
    ensure!(
        session.pool().free_bytes() == free,
        "dropped reservations keep pool memory"
    );
    let mut buffer = ours.reserve(5)?;
    buffer.copy_from_slice(0, b"helloXX".get(..5).context("five bytes")?)?;
    buffer.commit(3)?;
    ours.shutdown(Shutdown::Write)?;
    let mut got = Vec::new();
    theirs.read_to_end(&mut got)?;
    ensure!(got == b"hel", "the peer got {got:?}");
    Ok(())
}

pub fn in_many_small_writes_keeps_order(session: &Session) -> Result<()> {
    const COUNT: u32 = 50_000;
    let (mut ours, mut theirs) = pair(session)?;
    let reader = std::thread::spawn(move || -> Result<()> {
        let mut got = Vec::new();
        theirs.read_to_end(&mut got)?;
        ensure!(got.len() == COUNT as usize * 4, "{} bytes", got.len());
        for (expected, number) in (0..COUNT).zip(got.chunks_exact(4)) {
            ensure!(
                number == expected.to_le_bytes(),
                "number {expected} is out of order"
            );
        }
        Ok(())
    });
    for number in 0..COUNT {
        ours.write_all(&number.to_le_bytes())?;
    }
    ours.shutdown(Shutdown::Write)?;
    reader.join().ok().context("the reader panicked")?
}

pub fn held_in_place_is_not_overwritten(session: &Session) -> Result<()> {
    let (listener, addr) = listener(session)?;
    let sent = payload(24, 4 << 20);
    let bytes = sent.clone();
    let writer = std::thread::spawn(move || -> Result<()> {
        Ok(std::net::TcpStream::connect(addr)?.write_all(&bytes)?)
    });
    let (stream, _) = listener.accept()?;
    let mut held = Vec::new();
    let mut at = 0;
    while let Some(received) = stream.recv_in_place()? {
        held.push((at, received));
        at += held.last().map_or(0, |(_, r)| r.len());
        // Two buffers back, all of the held ones must still be what they were.
        if held.len() > 2 {
            let (start, oldest) = held.remove(0);
            let mut copy = vec![0u8; oldest.len()];
            ensure!(oldest.copy_to(0, &mut copy) == copy.len(), "a short copy");
            ensure!(
                sent.get(start..start + copy.len()) == Some(copy.as_slice()),
                "bytes at {start} changed while they were held"
            );
        }
    }
    ensure!(at == sent.len(), "{at} of {} bytes", sent.len());
    writer.join().ok().context("the writer panicked")?
}
