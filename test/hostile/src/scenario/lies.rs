//! Lies in shared memory, one at a time: each word and each field of an entry, with each value that an honest client cannot write.

use super::{Plan, Traffic};
use crate::raw::{Session, Trouble, words};
use anyhow::{Context, Result, ensure};
use csock_wire::{
    SharedMem, SharedRegion, Store, WireErrno,
    msg::GetSockName,
    stream::{Block, GONE, MAX_WINDOW},
};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// What the module must make of a lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    /// The session is refused from then on.
    Fault,
    /// Nothing: the module does not read it, or it means nothing.
    Nothing,
    /// One or the other.
    Either,
}

/// A session with a stream that has moved bytes, about to lie.
struct Liar {
    session: Arc<Session>,
    traffic: Traffic,
    mem: SharedRegion,
    block: Block,
    index: u32,
}

impl Liar {
    fn new(plan: &Plan) -> Result<Self> {
        let session = plan.session()?;
        let mut traffic = Traffic::new(&session, 1)?;
        traffic.turn()?;
        let (index, block) = traffic.streams[0].socket().block().context("a block")?;
        let mem = session.pool().mem();
        Ok(Self {
            session,
            traffic,
            mem,
            block,
            index,
        })
    }

    fn word(&self, name: &str) -> usize {
        words::of(self.block, name)
    }

    fn load(&self, name: &str) -> u64 {
        self.mem.load_word(self.word(name)).unwrap_or(0)
    }

    fn store(&self, at: usize, value: u64) -> Result<(), Trouble> {
        Ok(self.mem.store_word(at, value)?)
    }

    /// Has the module look, and says whether it has given the session up: at most after `patience`.
    fn look(&self, patience: Duration) -> Result<bool> {
        let end = Instant::now() + patience;
        self.store(words::DIRTY, 1)?;
        loop {
            let _ = self.session.mark(self.index);
            let _ = self.session.ring_by_message();
            match self
                .session
                .ask(self.traffic.streams[0].socket().handle, &GetSockName {})
            {
                Err(e) if e.is(WireErrno::EPROTO) => return Ok(true),
                // The socket is cut off a moment before the session.
                Err(e) if e.is(WireErrno::EINVAL) && Instant::now() < end + Duration::from_secs(5) => {}
                Err(e) => return Err(e).context("after a lie"),
                Ok(_) if Instant::now() > end => return Ok(false),
                Ok(_) => thread::sleep(Duration::from_micros(200)),
            }
        }
    }
}

/// One lie: what it is called, what is expected, and how it is told.
type Lie = (String, Expect, Box<dyn Fn(&Liar) -> Result<(), Trouble>>);

fn lie(
    all: &mut Vec<Lie>,
    name: impl Into<String>,
    expect: Expect,
    tell: impl Fn(&Liar) -> Result<(), Trouble> + 'static,
) {
    all.push((name.into(), expect, Box::new(tell)));
}

/// Tells all of them, each in a session of its own, again and again.
fn tell(plan: &Plan, lies: &[Lie]) -> Result<()> {
    plan.beside_traffic(|| {
        loop {
            for (name, expect, tell) in lies {
                let liar = Liar::new(plan)?;
                tell(&liar)?;
                let patience = match expect {
                    Expect::Fault => Duration::from_secs(5),
                    // Whoever looks does so at once.
                    _ => Duration::from_millis(3),
                };
                let faulted = liar.look(patience).with_context(|| format!("lie {name}"))?;
                plan.count(&Ok(()));
                plan.note(if faulted { "given up" } else { "ignored" });
                let right = match expect {
                    Expect::Fault => faulted,
                    Expect::Nothing => !faulted,
                    Expect::Either => true,
                };
                ensure!(right, "{name}: expected {expect:?}, given up: {faulted}");
                liar.session.goodbye().context("a liar's goodbye")?;
            }
            plan.note("rounds over every lie");
            if plan.over() {
                return Ok(());
            }
        }
    })
}

pub fn words(plan: &Plan) -> Result<()> {
    let mut all = Vec::new();
    let sharp = [
        0,
        1,
        63,
        1 << 16,
        1 << 31,
        MAX_WINDOW + 1,
        1 << 62,
        GONE,
        !0 >> 1,
        !0,
    ];
    // What counts up and is the client's: back, and beyond what can be.
    for (name, beyond) in [("tail", 1 << 30), ("ranges", 65)] {
        lie(&mut all, format!("{name} backwards"), Expect::Fault, move |l| {
            l.store(l.word(name), l.load(name) - 1)
        });
        for step in [beyond, MAX_WINDOW, (1 << 62) - 1] {
            lie(&mut all, format!("{name} + {step:#x}"), Expect::Fault, move |l| {
                l.store(l.word(name), l.load(name) + step)
            });
        }
    }
    lie(&mut all, "tail GONE", Expect::Nothing, |l| {
        l.store(l.word("tail"), l.load("tail") | GONE)
    });
    for value in sharp {
        for name in ["head", "entries_taken"] {
            lie(
                &mut all,
                format!("{name} = {value:#x}"),
                Expect::Either,
                move |l| l.store(l.word(name), value),
            );
        }
        // What is a wish, and what the module has written itself.
        let ours = [
            "flush", "tx_wait", "rx_wait", "limit", "taken", "freed", "ready", "state",
        ];
        for name in ours {
            lie(
                &mut all,
                format!("{name} = {value:#x}"),
                Expect::Nothing,
                move |l| l.store(l.word(name), value),
            );
        }
        lie(
            &mut all,
            format!("armed = {value:#x}"),
            Expect::Nothing,
            move |l| l.store(words::SESSION, value),
        );
        lie(
            &mut all,
            format!("wanted = {value:#x}"),
            Expect::Nothing,
            move |l| l.store(words::SESSION + 8, value),
        );
        lie(
            &mut all,
            format!("dirty = {value:#x}"),
            Expect::Nothing,
            move |l| {
                l.store(words::DIRTY, value)?;
                l.store(words::DIRTY + 8, value)
            },
        );
        for at in [0, 8, 16, 24] {
            lie(
                &mut all,
                format!("header + {at} = {value:#x}"),
                Expect::Nothing,
                move |l| l.store(at, value),
            );
        }
    }
    for step in [5000, 1 << 32, u64::MAX >> 1] {
        lie(
            &mut all,
            format!("returns + {step:#x}"),
            Expect::Fault,
            move |l| {
                let at = words::returns(l.session.pool().area());
                l.store(at, l.mem.load_word(at)? + step)
            },
        );
    }
    lie(&mut all, "returns backwards", Expect::Fault, |l| {
        // Back from what the module has seen, and not only from what it will see.
        l.session.mark(l.index)?;
        l.session.ring_by_message()?;
        thread::sleep(Duration::from_millis(50));
        let at = words::returns(l.session.pool().area());
        l.store(at, l.mem.load_word(at)?.wrapping_sub(1))
    });
    tell(plan, &all)
}

pub fn entries(plan: &Plan) -> Result<()> {
    let mut all = Vec::new();
    // A range behind the last one: [start, offset, cap | pool << 32 | reserved << 48, user].
    let good = |l: &Liar| {
        let pool = l.session.pool();
        [l.load("tail") & !GONE, pool.area().data() as u64, 64, 0]
    };
    let post = |l: &Liar, entry: [u64; 4]| {
        let number = l.load("ranges");
        let at = l.word("range") + usize::try_from(number % 64).unwrap_or(0) * 32;
        l.mem.store_entry(at, entry)?;
        l.store(l.word("ranges"), number + 1)
    };
    lie(&mut all, "a good range", Expect::Nothing, move |l| {
        post(l, good(l))
    });
    for (field, values) in [
        (0, &[0, 1 << 20, 1 << 40, 1 << 63, !0][..]),
        (1, &[0, 8, 4095, 1 << 40, 1 << 63, !0, !63][..]),
    ] {
        for value in values {
            lie(
                &mut all,
                format!("range word {field} = {value:#x}"),
                Expect::Fault,
                move |l| {
                    let mut entry = good(l);
                    entry[field] = *value;
                    post(l, entry)
                },
            );
        }
    }
    for (name, third) in [
        ("longer than the pool", 0xFFFF_FFFF),
        ("of pool 1", 64 | 1 << 32),
        ("of pool 4", 64 | 4 << 32),
        ("of pool 65535", 64 | 0xFFFF << 32),
        ("reserved", 64 | 1 << 48),
    ] {
        lie(&mut all, format!("range {name}"), Expect::Fault, move |l| {
            let mut entry = good(l);
            entry[2] = third;
            post(l, entry)
        });
    }
    lie(&mut all, "range user", Expect::Fault, move |l| {
        let mut entry = good(l);
        entry[3] = 1;
        post(l, entry)
    });
    lie(
        &mut all,
        "range over the end by one byte",
        Expect::Fault,
        move |l| {
            let mut entry = good(l);
            entry[1] = l.session.pool().size() - 63;
            post(l, entry)
        },
    );
    lie(&mut all, "range up to the end", Expect::Nothing, move |l| {
        let mut entry = good(l);
        entry[1] = l.session.pool().size() - 64;
        post(l, entry)
    });
    lie(&mut all, "range over the area", Expect::Fault, move |l| {
        let mut entry = good(l);
        entry[1] -= 1;
        post(l, entry)
    });
    lie(&mut all, "bytes beyond the range", Expect::Fault, move |l| {
        post(l, good(l))?;
        l.store(l.word("tail"), l.load("tail") + 65)
    });
    // The module's own ring of filled buffers.
    for value in [0, !0, 1 << 32, 0xFFFF] {
        lie(
            &mut all,
            format!("ready entry = {value:#x}"),
            Expect::Nothing,
            move |l| {
                for entry in 0..64 {
                    l.store(l.word("entry") + entry * 8, value)?;
                }
                Ok(())
            },
        );
    }
    // Buffers that the client does not have.
    for id in [0u32, 191, 192, 4096, 1 << 31, !0] {
        lie(
            &mut all,
            format!("returned buffer {id}"),
            Expect::Fault,
            move |l| {
                let at = words::returns(l.session.pool().area());
                let posted = l.mem.load_word(at)?;
                let slot = usize::try_from(posted % 256).unwrap_or(0);
                l.mem.store_u32(at + 64 + slot * 4, id, Store::Relaxed)?;
                l.store(at, posted + 1)
            },
        );
    }
    tell(plan, &all)
}
