//! A server that does anything at all, from a seed: random answers, random failures, random words in the blocks.
//! The library must come back from every call, with a result or an error, in a bounded number of steps (F7).

use super::{addr, config};
use crate::{
    socket::{How, Socket},
    sys::{
        CallError,
        fake::{Fake, Lie, State},
    },
};
use core::time::Duration;
use csock_wire::{SharedMem, msg};
use std::vec::Vec;

/// Seeds tried, unless `CSOCK_SEEDS` says another number. A failing run prints the last one.
const SEEDS: u64 = if cfg!(miri) { 4 } else { 1000 };

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

/// Now and then something in a block.
fn scribble(random: &mut Random, state: &mut State) {
    let Some(mem) = state.mem else { return };
    for peer in state.peers.values() {
        let Some(words) = &peer.words else { continue };
        if random.below(4) == 0 {
            let at = [192, 200, 208, 256, 264, 64, 0, 2368, 2376][random.below(9) as usize];
            mem.store_word(words.block.offset() + at, random.number())
                .unwrap();
        }
    }
}

fn once(seed: u64) {
    let fake = Fake::new();
    let config = crate::Config {
        control_timeout: Some(Duration::from_millis(20)),
        ..config()
    };
    let Ok(core) = fake.open(config) else { return };
    let mut random = Random(seed << 20 | 0xC0FFEE);
    let mut liar = Random(seed << 24 | 0xBAD);
    fake.lie(move |_, state| lie(&mut liar, state));
    let mut sockets = Vec::new();
    for _ in 0..20 {
        match random.below(9) {
            0 | 1 => sockets.extend(Socket::stream(&core, false)),
            _ if sockets.is_empty() => {}
            choice => {
                let socket = &sockets[random.below(sockets.len() as u64) as usize];
                let _ = socket.set_read_timeout(Some(Duration::from_millis(2)));
                let _ = socket.set_write_timeout(Some(Duration::from_millis(2)));
                match choice {
                    2 => drop(socket.connect(addr(), Some(Duration::from_millis(2)))),
                    3 => drop(socket.send(&[1; 9000], How::default())),
                    4 => drop(socket.receive(&mut [0; 3000], false)),
                    5 => {
                        if let Ok(grant) = socket.reserve(random.below(5000) as u32, false) {
                            let _ = socket.commit(grant.key, random.below(5000) as u32, 0, false);
                            socket.abort(grant.key);
                        }
                    }
                    6 => {
                        if let Ok(Some(filled)) = socket.receive_in_place(100, false) {
                            core.let_go(filled.id);
                        }
                    }
                    7 => drop(socket.shutdown(msg::Shutdown::WRITE)),
                    _ => drop(socket.close()),
                }
            }
        }
    }
}

#[test]
fn anything_at_all() {
    let seeds = std::env::var("CSOCK_SEEDS").ok().and_then(|n| n.parse().ok());
    for seed in 1..=seeds.unwrap_or(SEEDS) {
        let thread = std::thread::spawn(move || once(seed));
        assert!(thread.join().is_ok(), "seed {seed}");
    }
}
