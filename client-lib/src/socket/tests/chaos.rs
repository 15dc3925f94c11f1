//! A server that does anything at all, from a seed: random answers, random failures, random descriptors in the rings.
//! The library must come back from every call, with a result or an error, in a bounded number of steps (S-45).

use super::{addr, config};
use crate::{
    socket::{How, Socket},
    sys::{
        CallError,
        fake::{self, Fake, Lie, State},
    },
};
use alloc::sync::Arc;
use core::time::Duration;
use csock_wire::{DescFlags, SharedMem, Store, msg};
use std::{sync::Mutex, vec::Vec};

/// Seeds tried, unless `CSOCK_SEEDS` says another number; the whole takes a second or two. A failing run prints the
/// last one.
const SEEDS: u64 = if cfg!(miri) { 6 } else { 4000 };

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 8
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A number as a liar likes them.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => self.below(20),
            2 => 1 << self.below(64),
            3 => (1 << self.below(64)) - 1,
            4 => self.below(1 << 20) & !1023,
            _ => self.next() << 8 ^ self.next(),
        }
    }
}

/// One lie about one call.
fn lie(random: &mut Random, state: &mut State) -> Lie {
    scribble(random, state);
    match random.below(40) {
        0 => Lie::Fail(CallError::Interrupted),
        1 => Lie::Fail(CallError::TimedOut),
        2 => Lie::Fail(CallError::Busy),
        3 => Lie::Fail(CallError::Errno(random.number() as i32)),
        4 if random.below(4) == 0 => Lie::Fail(CallError::Gone),
        5..=8 => {
            let mut bytes: Vec<u8> = (0..msg::MAX_REPLY_LEN).map(|_| random.number() as u8).collect();
            if random.below(3) > 0 {
                // Looks like success.
                bytes[..24].fill(0);
            }
            bytes.truncate(random.below(msg::MAX_REPLY_LEN as u64 + 1) as usize);
            Lie::Reply(bytes)
        }
        _ => Lie::Truth,
    }
}

/// Now and then something in the rings.
fn scribble(random: &mut Random, state: &mut State) {
    if random.below(3) > 0 {
        return;
    }
    let Some(mem) = state.mem else { return };
    for peer in state.peers.values_mut() {
        let held = peer.held.front().copied();
        let Some(rings) = &mut peer.rings else { continue };
        match random.below(5) {
            0 => {
                let like = held.unwrap_or_default();
                let offset = if random.below(2) == 0 {
                    like.offset
                } else {
                    random.number()
                };
                let user = if random.below(2) == 0 {
                    like.user
                } else {
                    random.number()
                };
                let flags = DescFlags::from_bits_retain(if random.below(2) == 0 {
                    0
                } else {
                    random.number() as u32
                });
                let desc = fake::desc(
                    offset,
                    random.number() as u32,
                    flags,
                    user,
                    random.below(3).wrapping_mul(random.number()),
                );
                let ring = if random.below(2) == 0 {
                    &mut rings.cq
                } else {
                    &mut rings.rq
                };
                let _ = ring.push(&desc);
                let _ = ring.publish();
            }
            1 => {
                if let Ok(Some(posted)) = rings.fq.pop() {
                    let len = random.below(5000) as u32;
                    let _ = rings.rq.push(&fake::desc(
                        posted.offset,
                        len,
                        DescFlags::empty(),
                        posted.user,
                        0,
                    ));
                    let _ = rings.rq.publish();
                }
            }
            2 => {
                let at = rings.block.offset() + random.below(rings.block.len() as u64 / 4) as usize * 4;
                let _ = mem.store_u32(at, random.number() as u32, Store::Relaxed);
            }
            _ => {}
        }
    }
}

fn work(core: &Arc<crate::session_core::Core<Fake>>, random: &mut Random) -> Result<(), crate::Error> {
    let socket = Socket::stream(core, false, true)?;
    let limit = Some(Duration::from_micros(200));
    socket.set_read_timeout(limit)?;
    socket.set_write_timeout(limit)?;
    if random.below(8) == 0 {
        socket.listen(5)?;
        let _ = socket.accept()?.0.send(&[1; 10], How::default());
        return Ok(());
    }
    socket.connect(addr(), Some(Duration::from_millis(2)))?;
    for _ in 0..random.below(30) {
        match random.below(9) {
            0 | 1 => drop(socket.send(
                &[7; 9000],
                How {
                    more: false,
                    dontwait: random.below(2) == 0,
                },
            )),
            2 | 3 => drop(socket.receive(&mut [0; 3000], random.below(2) == 0)),
            4 => {
                if let Ok(Some(filled)) = socket.receive_in_place(usize::MAX, true) {
                    let mut bytes = std::vec![0; filled.len as usize];
                    core.mem
                        .copy_in(filled.offset, &mut bytes)
                        .expect("inside the pool");
                    if random.below(4) > 0 {
                        socket.release(filled.key);
                    }
                }
            }
            5 => {
                if let Ok(grant) = socket.reserve(random.below(20_000) as u32, true) {
                    core.mem
                        .copy_out(grant.offset, &std::vec![9; grant.len as usize])
                        .expect("inside the pool");
                    let _ = socket.commit(grant.key, grant.len, false);
                }
            }
            6 => drop(socket.take_error()),
            7 => drop(socket.local_addr()),
            _ => drop(socket.shutdown(random.below(3) as u32)),
        }
    }
    socket.close()
}

#[test]
fn anything_at_all() {
    let mut ended_well = 0;
    let seeds = std::env::var("CSOCK_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(SEEDS);
    for seed in 1..=seeds {
        std::println!("seed {seed}");
        let fake = Fake::new();
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let liar = Mutex::new(Random(random.next() | 1));
        if random.below(4) > 0 {
            fake.lie(move |_, state| lie(&mut liar.lock().unwrap(), state));
        }
        let Ok(core) = fake.open(crate::Config {
            control_timeout: Some(Duration::from_secs(1)),
            ..config()
        }) else {
            continue;
        };
        for _ in 0..4 {
            if work(&core, &mut random).is_ok() {
                ended_well += 1;
            }
        }
        let _ = core.stats();
    }
    // The test is worth something only if both happen.
    assert!(ended_well > 0 && ended_well < seeds * 4, "{ended_well}");
}
