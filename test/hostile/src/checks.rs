//! The module end to end, driven by hand: what must work before a lie about it means anything.
//!
//! Each check has a kernel's socket as its peer, compares every byte, and says what the ledger counted.

use crate::{
    pattern::Pattern,
    raw::{Pool, Session, Shape, Sleeper, Socket, Stream},
};
use anyhow::{Context, Result, ensure};
use csock_wire::Counters;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// A named check: bytes or operations that it did.
pub type Check = fn(&str) -> Result<Done>;

/// All of them.
pub const ALL: &[(&str, Check)] = &[
    ("out-64mib", out),
    ("in-64mib", input),
    ("echo-16mib", echo),
    ("small-sends", small_sends),
    ("request-response", request_response),
    ("half-close", half_close),
    ("close-with-data", close_with_data),
    ("refused-connect", refused),
    ("accept-many", accept_many),
    ("slow-reader", slow_reader),
];

/// What a check did.
#[derive(Debug)]
pub struct Done {
    /// Operations that the counters are divided by.
    pub operations: u64,
    /// The session's ledger over the operations.
    pub counters: Counters,
    /// Seconds.
    pub seconds: f64,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let per = |n: u64| n as f64 / self.operations as f64;
        let c = &self.counters;
        write!(
            f,
            "{} operations in {:.3} s; each: ",
            self.operations, self.seconds
        )?;
        write!(f, "{:.5} messages, ", per(c.control_msgs))?;
        write!(
            f,
            "{:.5} doorbells ({:.5} by message), ",
            per(c.doorbells),
            per(c.doorbell_msgs)
        )?;
        write!(f, "{:.5} events", per(c.events))
    }
}

const MIB: u64 = 1 << 20;

fn client(path: &str, data: usize) -> Result<(Arc<Session>, Sleeper)> {
    let session = Arc::new(Session::open(path).context("no session")?);
    session
        .attach(Pool::new(&Shape::of(32, data))?)
        .context("no pool")?;
    let sleeper = Sleeper::new(&session).context("no wait slot")?;
    Ok((session, sleeper))
}

/// Counts and times `work`.
fn measure(session: &Session, operations: u64, work: impl FnOnce() -> Result<()>) -> Result<Done> {
    let before = session.stats()?.mine;
    let start = Instant::now();
    work()?;
    let seconds = start.elapsed().as_secs_f64();
    let mut counters = session.stats()?.mine;
    counters.control_msgs -= before.control_msgs;
    counters.doorbells -= before.doorbells;
    counters.doorbell_msgs -= before.doorbell_msgs;
    counters.events -= before.events;
    Ok(Done {
        operations,
        counters,
        seconds,
    })
}

fn connected(session: &Arc<Session>, sleeper: &Sleeper) -> Result<(Stream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let socket = Socket::new(session).context("no socket")?;
    let stream = socket
        .connect(listener.local_addr()?, sleeper)
        .context("no connection")?;
    let (peer, _) = listener.accept()?;
    peer.set_read_timeout(Some(Duration::from_secs(20)))?;
    peer.set_write_timeout(Some(Duration::from_secs(20)))?;
    Ok((stream, peer))
}

fn read_all(mut peer: TcpStream, pattern: Pattern) -> Result<u64> {
    let (mut at, mut bytes) = (0, vec![0; 256 * 1024]);
    loop {
        let n = peer.read(&mut bytes)?;
        if n == 0 {
            return Ok(at);
        }
        let wrong = pattern.wrong(at, &mut bytes[..n]);
        ensure!(wrong.is_none(), "byte {wrong:?} is wrong");
        at += n as u64;
    }
}

fn write_all(peer: &mut TcpStream, pattern: Pattern, total: u64) -> Result<()> {
    let (mut at, mut bytes) = (0, vec![0; 256 * 1024]);
    while at < total {
        let n = bytes.len().min((total - at) as usize);
        pattern.fill(at, &mut bytes[..n]);
        peer.write_all(&bytes[..n])?;
        at += n as u64;
    }
    Ok(())
}

fn send_all(stream: &mut Stream, sleeper: &Sleeper, pattern: Pattern, total: u64, step: usize) -> Result<()> {
    let (mut at, mut bytes) = (0, vec![0; step]);
    while at < total {
        let n = bytes.len().min((total - at) as usize);
        pattern.fill(at, &mut bytes[..n]);
        stream
            .out
            .send(&bytes[..n], sleeper)
            .with_context(|| format!("at {at}"))?;
        at += n as u64;
    }
    Ok(())
}

fn joined<T>(handle: thread::JoinHandle<Result<T>>) -> Result<T> {
    handle.join().map_err(|_| anyhow::anyhow!("the peer panicked"))?
}

fn out(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 2 << 20)?;
    let (mut stream, peer) = connected(&session, &sleeper)?;
    let pattern = Pattern::new(1);
    let reader = thread::spawn(move || read_all(peer, pattern));
    let done = measure(&session, 64, || {
        send_all(&mut stream, &sleeper, pattern, 64 * MIB, 64 * 1024)
    })?;
    stream.close()?;
    ensure!(joined(reader)? == 64 * MIB, "bytes are missing");
    Ok(done)
}

fn input(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 1 << 20)?;
    let (mut stream, mut peer) = connected(&session, &sleeper)?;
    let pattern = Pattern::new(2);
    let writer = thread::spawn(move || write_all(&mut peer, pattern, 64 * MIB));
    let mut at = 0;
    let done = measure(&session, 64, || {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            let n = stream
                .input
                .receive(&mut bytes, &sleeper)
                .with_context(|| format!("at {at}"))?;
            if n == 0 {
                return Ok(());
            }
            let wrong = pattern.wrong(at, &mut bytes[..n]);
            ensure!(wrong.is_none(), "byte {wrong:?} is wrong");
            at += n as u64;
        }
    })?;
    ensure!(at == 64 * MIB, "{at} bytes came");
    joined(writer)?;
    stream.close()?;
    Ok(done)
}

/// A server of ours gives back what a kernel's client sends.
fn echo(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 2 << 20)?;
    let listener = Socket::new(&session)?;
    let addr = listener.listen_anywhere()?;
    let pattern = Pattern::new(3);
    let mut peer = TcpStream::connect(addr)?;
    peer.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut stream = listener.accept(&sleeper, Duration::from_secs(10))?;
    let reader = peer.try_clone()?;
    let reader = thread::spawn(move || read_all(reader, pattern));
    let writer = thread::spawn(move || {
        write_all(&mut peer, pattern, 16 * MIB)?;
        Ok(peer.shutdown(Shutdown::Write)?)
    });
    let done = measure(&session, 16, || {
        let mut bytes = vec![0; 64 * 1024];
        loop {
            match stream.input.receive(&mut bytes, &sleeper).context("receive")? {
                0 => return Ok(()),
                n => stream.out.send(&bytes[..n], &sleeper).context("send")?,
            }
        }
    })?;
    stream.out.finish()?;
    joined(writer)?;
    ensure!(joined(reader)? == 16 * MIB, "bytes are missing");
    stream.close()?;
    listener.close()?;
    Ok(done)
}

fn small_sends(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 1 << 20)?;
    let (mut stream, peer) = connected(&session, &sleeper)?;
    let pattern = Pattern::new(4);
    let reader = thread::spawn(move || read_all(peer, pattern));
    let done = measure(&session, 200_000, || {
        send_all(&mut stream, &sleeper, pattern, 20_000_000, 100)
    })?;
    stream.close()?;
    ensure!(joined(reader)? == 20_000_000, "bytes are missing");
    Ok(done)
}

fn request_response(path: &str) -> Result<Done> {
    const TURNS: u64 = 5_000;
    let (session, sleeper) = client(path, 1 << 20)?;
    let (mut stream, mut peer) = connected(&session, &sleeper)?;
    let echo = thread::spawn(move || {
        let mut bytes = [0; 1024];
        for _ in 0..TURNS {
            peer.read_exact(&mut bytes)?;
            peer.write_all(&bytes)?;
        }
        Ok(())
    });
    let pattern = Pattern::new(5);
    let done = measure(&session, TURNS, || {
        let mut bytes = [0; 1024];
        for turn in 0..TURNS {
            pattern.fill(turn * 1024, &mut bytes);
            stream.out.send(&bytes, &sleeper)?;
            bytes.fill(0);
            stream
                .input
                .receive_exactly(&mut bytes, &sleeper)
                .with_context(|| format!("turn {turn}"))?;
            ensure!(
                pattern.wrong(turn * 1024, &mut bytes).is_none(),
                "turn {turn} differs"
            );
        }
        Ok(())
    })?;
    joined(echo)?;
    stream.close()?;
    Ok(done)
}

/// We end sending, the peer sends on; then the other way round.
fn half_close(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 1 << 20)?;
    let pattern = Pattern::new(6);
    let done = measure(&session, 2, || {
        let (mut stream, mut peer) = connected(&session, &sleeper)?;
        stream.out.send(b"last words", &sleeper)?;
        stream.out.finish()?;
        let mut words = Vec::new();
        peer.read_to_end(&mut words)?;
        ensure!(words == b"last words", "before the end: {words:?}");
        write_all(&mut peer, pattern, MIB)?;
        drop(peer);
        let (mut at, mut bytes) = (0, vec![0; 10_000]);
        loop {
            let n = stream.input.receive(&mut bytes, &sleeper)?;
            if n == 0 {
                break;
            }
            ensure!(pattern.wrong(at, &mut bytes[..n]).is_none(), "bytes differ");
            at += n as u64;
        }
        ensure!(at == MIB, "{at} bytes behind our end");
        stream.close()?;

        let (mut stream, peer) = connected(&session, &sleeper)?;
        peer.shutdown(Shutdown::Write)?;
        ensure!(
            stream.input.receive(&mut bytes, &sleeper)? == 0,
            "the peer's end is no end"
        );
        let reader = thread::spawn(move || read_all(peer, pattern));
        send_all(&mut stream, &sleeper, pattern, MIB, 5_000)?;
        stream.close()?;
        ensure!(joined(reader)? == MIB, "bytes behind the peer's end are missing");
        Ok(())
    })?;
    Ok(done)
}

/// Closing loses nothing of what was sent.
fn close_with_data(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 8 << 20)?;
    let pattern = Pattern::new(7);
    measure(&session, 10, || {
        for _ in 0..10 {
            let (mut stream, peer) = connected(&session, &sleeper)?;
            let mut bytes = vec![0; 4 << 20];
            pattern.fill(0, &mut bytes);
            let sent = stream.out.push(&bytes)? as u64;
            stream.close()?;
            thread::sleep(Duration::from_millis(20));
            let read = read_all(peer, pattern)?;
            ensure!(read == sent, "{read} of {sent} bytes came");
        }
        Ok(())
    })
}

fn refused(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 1 << 20)?;
    measure(&session, 20, || {
        for _ in 0..20 {
            let addr = {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                listener.local_addr()?
            };
            let outcome = Socket::new(&session)?.connect(addr, &sleeper);
            ensure!(
                matches!(&outcome, Err(e) if e.is(csock_wire::WireErrno::ECONNREFUSED)),
                "nobody listens, and yet: {outcome:?}"
            );
        }
        Ok(())
    })
}

fn accept_many(path: &str) -> Result<Done> {
    let (session, sleeper) = client(path, 1 << 20)?;
    let listener = Socket::new(&session)?;
    let addr: SocketAddr = listener.listen_anywhere()?;
    let done = measure(&session, 300, || {
        let peers = thread::spawn(move || {
            for n in 0..300u32 {
                let mut peer = TcpStream::connect(addr)?;
                peer.set_read_timeout(Some(Duration::from_secs(20)))?;
                peer.write_all(&n.to_le_bytes())?;
                let mut back = [0; 4];
                peer.read_exact(&mut back)?;
                ensure!(back == n.to_le_bytes(), "connection {n} was answered {back:?}");
            }
            Ok(())
        });
        for n in 0..300 {
            let mut stream = listener
                .accept(&sleeper, Duration::from_secs(10))
                .with_context(|| format!("connection {n}"))?;
            let mut number = [0; 4];
            stream.input.receive_exactly(&mut number, &sleeper)?;
            stream.out.send(&number, &sleeper)?;
            stream.close()?;
        }
        joined(peers)
    })?;
    listener.close()?;
    Ok(done)
}

/// The peer sends more than all receive buffers hold, and we take our time.
fn slow_reader(path: &str) -> Result<Done> {
    let session = Arc::new(Session::open(path)?);
    let mut shape = Shape::of(8, 1 << 20);
    (shape.geometry.small_count, shape.geometry.large_count) = (4, 4);
    session.attach(Pool::new(&shape)?)?;
    let sleeper = Sleeper::new(&session)?;
    let (mut stream, mut peer) = connected(&session, &sleeper)?;
    let pattern = Pattern::new(8);
    let writer = thread::spawn(move || write_all(&mut peer, pattern, 4 * MIB));
    let done = measure(&session, 4, || {
        let (mut at, mut bytes) = (0, vec![0; 30_000]);
        loop {
            if at < MIB {
                thread::sleep(Duration::from_millis(2));
            }
            let n = stream
                .input
                .receive(&mut bytes, &sleeper)
                .with_context(|| format!("at {at}"))?;
            if n == 0 {
                break;
            }
            ensure!(pattern.wrong(at, &mut bytes[..n]).is_none(), "bytes differ");
            at += n as u64;
        }
        ensure!(at == 4 * MIB, "{at} bytes came");
        Ok(())
    })?;
    joined(writer)?;
    stream.close()?;
    Ok(done)
}
