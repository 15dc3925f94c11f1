//! Doing nothing, where something is expected.

use super::{Plan, dice::Dice, traffic::peers};
use crate::raw::{Pool, Session, Shape, Sleeper, Socket, Stream, Trouble};
use anyhow::Result;
use csock_wire::{
    SharedMem,
    stream::{Incoming, Memory, Opened, Waiting, wait_value},
};
use std::{
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

/// Writes until the connection ends.
fn flood(mut peer: TcpStream) {
    let bytes = [0x55; 64 * 1024];
    while peer.write_all(&bytes).is_ok() {}
}

/// Reads nothing.
fn deaf(peer: TcpStream) {
    // Until the other side is gone: nothing tells us but an error, and we do not ask for one.
    thread::sleep(Duration::from_secs(3600));
    drop(peer);
}

fn streams(session: &Arc<Session>, addr: SocketAddr, count: usize) -> Result<Vec<Stream>, Trouble> {
    let sleeper = Sleeper::new(session)?;
    (0..count)
        .map(|_| Socket::new(session)?.connect(addr, &sleeper))
        .collect()
}

pub fn never_takes(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let addr = peers(8, flood)?;
        let _streams = streams(&session, addr, 8)?;
        while !plan.over() {
            // And still it rings, for whatever it may be worth.
            plan.count(&session.ring_by_message());
            thread::sleep(Duration::from_micros(100));
        }
        Ok(())
    })
}

pub fn keeps_buffers(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let addr = peers(8, flood)?;
        let mut streams = streams(&session, addr, 8)?;
        while !plan.over() {
            for stream in &mut streams {
                while let Incoming::Entry { .. } = stream.input.taker.peek()? {
                    stream.input.taker.pop()?;
                    plan.acts.fetch_add(1, Ordering::Relaxed);
                }
                session.mark(stream.input.index())?;
            }
        }
        Ok(())
    })
}

pub fn never_sleeps(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let addr = peers(8, flood)?;
        let mut streams = streams(&session, addr, 8)?;
        let sleeper = Sleeper::new(&session)?;
        let (mem, mut dice, mut number) = (session.pool().mem(), Dice::new(21), 0);
        let mut bytes = [0; 4096];
        while !plan.over() {
            for stream in &mut streams {
                let (index, block) = stream.socket().block().expect("it has one");
                for waiting in [Waiting::Room, Waiting::Data] {
                    number += 1;
                    let slot = match dice.below(3) {
                        0 => dice.below(1 << 16) as u16,
                        _ => sleeper.slot(),
                    };
                    waiting.arm(&mem, block, wait_value(number, slot))?;
                    plan.acts.fetch_add(1, Ordering::Relaxed);
                }
                // Something changes each time, so that the wait is due.
                stream.input.take(&mut bytes)?;
                session.mark(index)?;
            }
        }
        Ok(())
    })
}

pub fn tiny_pieces(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = plan.session()?;
        let addr = peers(4, |mut peer| {
            let _ = std::io::copy(&mut peer, &mut std::io::sink());
        })?;
        let mut streams = streams(&session, addr, 4)?;
        let data = session.pool().area().data() as u64;
        while !plan.over() {
            for stream in &mut streams {
                let (index, _) = stream.socket().block().expect("it has one");
                let writer = &mut stream.out.writer;
                while writer.room()? > 0 {
                    // The same byte again and again: overlap harms nobody but us.
                    let memory = Memory {
                        pool: 0,
                        offset: data,
                        cap: 1,
                    };
                    if writer.open(memory)? == Opened::Full {
                        break;
                    }
                    let _ = writer.append(1)?;
                    writer.flush()?;
                    plan.acts.fetch_add(1, Ordering::Relaxed);
                    session.mark(index)?;
                }
                let tail = writer.tail();
                stream.socket().committed.store(tail, Ordering::Relaxed);
            }
            let _ = session.ring_by_message();
        }
        Ok(())
    })
}

pub fn deaf_peers(plan: &Plan) -> Result<()> {
    plan.beside_traffic(|| {
        let session = Arc::new(Session::open(&plan.path)?);
        session.attach(Pool::new(&Shape::of(512, 32 << 20))?)?;
        let addr = peers(usize::MAX, deaf)?;
        let sleeper = Sleeper::new(&session)?;
        let bytes = vec![0x66; 1 << 20];
        while !plan.over() {
            let outcome = Socket::new(&session).and_then(|socket| {
                let mut stream = socket.connect(addr, &sleeper)?;
                stream.out.push(&bytes)?;
                stream.close()
            });
            plan.count(&outcome);
            if outcome.is_err() {
                // No more of it: what is closed ends at its deadline, and we wait for that.
                thread::sleep(Duration::from_millis(1));
            }
            let _ = session.pool().mem().len();
        }
        Ok(())
    })
}
