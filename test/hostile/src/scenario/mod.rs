//! What a hostile client does, by name. Each scenario keeps some sockets busy as an honest client would and misbehaves besides, so
//! that the same program with `--honest` is the measure for what others feel.
//!
//! | file | what |
//! |---|---|
//! | `traffic.rs` | the honest part |
//! | `messages.rs`, `fields.rs` | storms of requests, guessed and stale handles, every field out of range |
//! | `bells.rs` | doorbells that nobody asked for, pulses that only the kernel may send |
//! | `memory.rs`, `lies.rs` | scribbling, punching, pools of a wrong kind; every word out of range |
//! | `stall.rs` | never taking, never giving back, never sleeping, a peer that does not read |
//! | `processes.rs` | many sessions, clients that are stopped, killed |

mod bells;
mod dice;
mod fields;
mod lies;
mod memory;
mod messages;
mod processes;
mod stall;
mod traffic;

pub use traffic::Traffic;

use crate::raw::{Pool, Session, Shape, Trouble};
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// One scenario.
#[derive(Debug)]
pub struct Row {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, for `--list`.
    pub what: &'static str,
    /// It needs the right to send pulses: on QNX io-sock's user id or the ability CONNECTION.
    pub pulses: bool,
    run: fn(&Plan) -> Result<()>,
}

macro_rules! scenarios {
    ($($name:literal, $run:path, $pulses:literal, $what:literal;)*) => {
        /// All of them.
        pub const ALL: &[Row] = &[$(Row { name: $name, what: $what, pulses: $pulses, run: $run },)*];
    };
}

scenarios! {
    "guessed-handles", messages::guessed, false, "sessions, sockets, blocks, pools and wait slots of others, by guessing";
    "stale-handles", messages::stale, false, "closed sockets, ended sessions, blocks in use, dropped wait slots";
    "asking-storm", messages::asking, false, "GETSOCKNAME from four threads, without a pause";
    "parking-storm", messages::parking, false, "WAIT, SEND and RECV parked to the limit and taken back";
    "churn", messages::churn, false, "SOCKET and CLOSE, LISTEN and ACCEPT, without a pause";
    "waiters", messages::waiters, false, "wait slots to the limit, with events that were never registered";
    "fields", fields::fields, false, "every field of every message out of range, each alone";
    "lengths", fields::lengths, false, "messages of every length, with room for answers of every length";
    "bells-by-pulse", bells::by_pulse, true, "doorbells that nobody asked for, for every session, by pulse";
    "bells-by-message", bells::by_message, false, "the same by message";
    "forged-pulses", bells::forged, true, "DISCONNECT, UNBLOCK, COIDDEATH and every other code, to both channels";
    "words", lies::words, false, "every word in shared memory out of range, each alone";
    "entries", lies::entries, false, "every field of ranges, ready entries and returned buffers out of range, each alone";
    "scribbling", memory::scribbling, false, "random words on every shared page while data moves";
    "punching", memory::punching, false, "holes in the pool and attempts to cut it, while data moves";
    "pools", memory::pools, false, "pools that are not sealed, can be revoked, are lazy, too long, of others, twice";
    "never-takes", stall::never_takes, false, "peers send, and nothing is ever taken";
    "keeps-buffers", stall::keeps_buffers, false, "everything is taken, and no buffer given back";
    "never-sleeps", stall::never_sleeps, false, "waits are armed and never slept in";
    "tiny-pieces", stall::tiny_pieces, false, "one byte in a range of its own, flushed, again and again";
    "deaf-peers", stall::deaf_peers, false, "peers that read nothing, and sockets closed with data for them";
    "sessions", processes::sessions, false, "as many sessions, pools and sockets as there are";
    "stopped", processes::stopped, false, "clients that are stopped while data moves";
    "killed", processes::killed, false, "clients that are killed at any moment";
}

/// The scenario of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    ALL.iter().find(|row| row.name == name)
}

/// How a scenario is run, and what it counts.
#[derive(Debug)]
pub struct Plan {
    /// Where the module is.
    pub path: String,
    /// Sockets to keep busy.
    pub sockets: usize,
    /// When it ends; what goes through a table goes through all of it once.
    pub until: Instant,
    ready: AtomicBool,
    /// Hostile acts.
    pub acts: AtomicU64,
    /// Bytes of honest traffic, one way.
    pub bytes: AtomicU64,
    /// How the module answered.
    answers: Mutex<BTreeMap<String, u64>>,
    /// Sessions of this process: their requests are ours.
    own: Mutex<Vec<u32>>,
}

impl Plan {
    /// For `seconds` from now.
    #[must_use]
    pub fn new(path: &str, seconds: f64, sockets: usize) -> Self {
        Self {
            path: path.to_owned(),
            sockets,
            until: Instant::now() + Duration::from_secs_f64(seconds),
            ready: AtomicBool::new(false),
            acts: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            answers: Mutex::new(BTreeMap::new()),
            own: Mutex::new(Vec::new()),
        }
    }

    /// Runs `row`.
    pub fn run(&self, row: &Row) -> Result<()> {
        (row.run)(self).with_context(|| format!("scenario {}", row.name))
    }

    /// The traffic of a scenario and nothing else; `busy`: and a thread for each processor that computes, since the hostile ones and
    /// the module, which answers them, do so, too.
    pub fn honest(&self, busy: bool) -> Result<()> {
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
        self.beside_traffic(|| {
            std::thread::scope(|scope| {
                for _ in 0..if busy { processors } else { 0 } {
                    scope.spawn(|| {
                        while !self.over() {
                            std::hint::spin_loop();
                        }
                    });
                }
            });
            while !self.over() {
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        })
    }

    /// Whether its time is up.
    #[must_use]
    pub fn over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Says once that it is at work.
    pub fn at_work(&self) {
        if !self.ready.swap(true, Ordering::Relaxed) {
            println!("ready");
        }
    }

    /// A session with a pool for a few sockets more than [`Plan::sockets`].
    pub fn session(&self) -> Result<Arc<Session>> {
        let session = Session::open(&self.path)?;
        self.own
            .lock()
            .expect("no panic while it is held")
            .push(session.id());
        let sockets = u32::try_from(self.sockets).unwrap_or(u32::MAX).saturating_add(16);
        session.attach(Pool::new(&Shape::of(sockets, (self.sockets + 16) * 128 * 1024))?)?;
        Ok(Arc::new(session))
    }

    /// Whether a session is this process's: to name it is no guess.
    #[must_use]
    pub fn owns(&self, session: u32) -> bool {
        let own = self.own.lock().expect("no panic while it is held");
        own.contains(&session)
    }

    /// Counts one act and how it was answered.
    pub fn count<T>(&self, outcome: &Result<T, Trouble>) {
        self.acts.fetch_add(1, Ordering::Relaxed);
        let name = match outcome {
            Ok(_) => "granted".to_owned(),
            Err(Trouble::Refused(refusal)) => refusal.error.to_string(),
            Err(Trouble::System(errno)) => format!("system {errno}"),
            Err(other) => other.to_string(),
        };
        self.note(name);
    }

    /// Counts something that happened.
    pub fn note(&self, name: impl Into<String>) {
        let mut answers = self.answers.lock().expect("no panic while it is held");
        *answers.entry(name.into()).or_default() += 1;
    }

    /// What was counted.
    #[must_use]
    pub fn answers(&self) -> BTreeMap<String, u64> {
        self.answers.lock().expect("no panic while it is held").clone()
    }

    /// Keeps the sockets busy in a thread of its own while `malice` goes on in a session of its own.
    pub fn beside_traffic(&self, malice: impl FnOnce() -> Result<()>) -> Result<()> {
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let busy = scope.spawn(|| -> Result<()> {
                let mut traffic = Traffic::new(&self.session()?, self.sockets)?;
                self.at_work();
                while !done.load(Ordering::Relaxed) {
                    self.bytes.fetch_add(traffic.turn()?, Ordering::Relaxed);
                }
                traffic.end()
            });
            while !self.ready.load(Ordering::Relaxed) && !busy.is_finished() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let outcome = malice();
            done.store(true, Ordering::Relaxed);
            match busy.join() {
                Ok(traffic) => outcome.and(traffic.context("the honest part")),
                Err(_) => bail!("the honest part panicked"),
            }
        })
    }
}
