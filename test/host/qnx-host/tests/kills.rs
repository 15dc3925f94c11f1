//! Deaths at random: processes of every kind are killed at any point, and nothing hangs, nothing is left behind, and no
//! name becomes unusable.
//!
//! `QNX_TEST_KILLS` (default 300) says how many; `QNX_TEST_SEED` repeats the draws of an earlier run: who is killed, what
//! it was doing and after how long. What the system's scheduler makes of them is another matter.

mod common;
mod kill_roles;
use common::*;
use core::sync::atomic::Ordering;
use kill_roles::*;
use std::path::Path;
use std::time::{Duration, Instant};

fn knob(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| {
        let parsed = value.parse();
        parsed.unwrap_or_else(|_| panic!("{name}={value} is not a number"))
    })
}

/// One that lives, until it is its turn.
struct Living {
    child: Child,
    kind: usize,
    place: usize,
}

/// Written past the test harness, which would swallow it: this runs in a forked process.
fn say(text: &str) {
    let line = format!("{text}\n");
    // SAFETY: a live buffer.
    unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
}

/// A point of time anywhere: at once, within a message or two, or after many.
fn moment(random: &mut Random) -> Duration {
    let longest = random.pick(&[1, 100, 500, 2000, 2000, 6000]);
    Duration::from_micros(random.below(longest))
}

/// Ends the test with what the survivors' threads are in.
fn hangs(what: &str, shared: &Shared) -> ! {
    let survivors = [&shared.server[0], &shared.client_pid].map(|pid| pid.load(Ordering::SeqCst));
    let known = qnx_host::admin::processes().expect("processes");
    let known: Vec<_> = known
        .iter()
        .filter(|process| survivors.contains(&process.pid))
        .collect();
    panic!("{what}: {known:#?}");
}

/// Nobody who survives stands still for long.
struct Watch {
    beats: [u64; BEATS],
    moved: [Instant; BEATS],
}

impl Watch {
    fn new() -> Watch {
        Watch {
            beats: [0; BEATS],
            moved: [Instant::now(); BEATS],
        }
    }

    fn look(&mut self, shared: &Shared) {
        for (who, beat) in shared.beats.iter().enumerate() {
            let now = beat.load(Ordering::Relaxed);
            if now != self.beats[who] {
                (self.beats[who], self.moved[who]) = (now, Instant::now());
            }
            let still = self.moved[who].elapsed();
            if still > Duration::from_secs(20) {
                hangs(&format!("survivor {who} has stood still for {still:?}"), shared);
            }
        }
    }
}

/// What a process has open, mapped and running. Memory counts by kind: the stand-in's objects have names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Belongings {
    files: usize,
    mappings: [usize; 4],
    threads: usize,
}

impl Belongings {
    fn of(pid: i32) -> Belongings {
        let count = |what: &str| {
            let entries = std::fs::read_dir(format!("/proc/{pid}/{what}"));
            entries
                .unwrap_or_else(|error| panic!("survivor {pid} is gone: {error}"))
                .count()
        };
        let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("maps");
        Belongings {
            files: count("fd"),
            mappings: ["qnx-lane", "qnx-doorbell", "qnx-events", "qnx-shm"]
                .map(|kind| maps.matches(kind).count()),
            threads: count("task"),
        }
    }

    /// No more than before. Each thread may remember the lane that it used last, which keeps the lane and its client's
    /// table of events mapped.
    fn within(&self, before: &Belongings) -> bool {
        let remembered = [before.threads, 0, before.threads, 0];
        let mut mappings = self.mappings.iter().zip(before.mappings).zip(remembered);
        self.files <= before.files
            && self.threads <= before.threads
            && mappings.all(|((now, before), remembered)| *now <= before + remembered)
    }
}

/// The survivors let go of what they have.
fn quiet(shared: &Shared) {
    shared.order.store(order::PAUSE, Ordering::SeqCst);
    let end = Instant::now() + Duration::from_secs(20);
    while shared.paused.load(Ordering::SeqCst) != survivors::PAUSING {
        if Instant::now() >= end {
            hangs("a survivor does not come back from a call", shared);
        }
        sleep_ms(1);
    }
}

fn go_on(shared: &Shared) {
    shared.order.store(order::RUN, Ordering::SeqCst);
    eventually("the survivors go on", || {
        shared.paused.load(Ordering::SeqCst) == 0
    });
}

/// Starts and kills victims.
struct Field {
    shared: &'static Shared,
    random: Random,
    living: Vec<Living>,
    killed: u64,
    watch: Watch,
}

impl Field {
    fn start(&mut self, kind: usize) {
        let place = (0..PLACES).find(|place| self.living.iter().all(|one| one.place != *place));
        let place = place.expect("a free place");
        let victim = Victim {
            place,
            random: Random(self.random.next()),
            shared: self.shared,
        };
        let child = spawn(move || KINDS[kind].1(victim));
        self.living.push(Living { child, kind, place });
    }

    fn kill_one(&mut self) {
        std::thread::sleep(moment(&mut self.random));
        let number = self.random.below(self.living.len() as u64) as usize;
        let one = self.living.swap_remove(number);
        one.child.kill(libc::SIGKILL);
        let status = one.child.status();
        assert!(
            libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL,
            "the {} that was to be victim {} ended by itself: status {status:#x}",
            KINDS[one.kind].0,
            self.killed
        );
        let place = &self.shared.places[one.place];
        place.pid.store(0, Ordering::SeqCst);
        place.handle.store(0, Ordering::SeqCst);
        self.killed += 1;
        self.watch.look(self.shared);
    }

    fn kill_all(&mut self) {
        while !self.living.is_empty() {
            self.kill_one();
        }
    }

    fn kill_many(&mut self, kills: u64) {
        let end = self.killed + kills;
        while self.killed < end {
            while self.living.len() < PLACES {
                let kind = self.random.below(KINDS.len() as u64) as usize;
                self.start(kind);
            }
            self.kill_one();
        }
        self.kill_all();
    }
}

/// Files in a part of the runtime directory.
fn files(part: &str) -> Vec<String> {
    let dir = std::env::var_os("QNX_HOST_DIR").expect("set by init");
    let entries = std::fs::read_dir(Path::new(&dir).join(part)).expect("the directory is there");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// What must hold when all victims are dead and the survivors are quiet.
fn nothing_is_left(tester: i32, survivors: [i32; 2], before: &[Belongings; 2]) {
    for (pid, before) in survivors.iter().zip(before) {
        let mut now = Belongings::of(*pid);
        let end = Instant::now() + Duration::from_secs(10);
        while !now.within(before) {
            assert!(Instant::now() < end, "left behind: {now:?}, before {before:?}");
            sleep_ms(10);
            now = Belongings::of(*pid);
        }
    }
    // A process of its own: it uses every name, and asks the survivors what they know of.
    let heir = spawn(move || {
        for place in 0..PLACES {
            let name = name(place);
            // SAFETY: C strings; given back once.
            unsafe {
                assert_eq!(
                    (name_open(name.as_ptr(), 0), errno()),
                    (-1, 2),
                    "its server is dead"
                );
                let attached = name_attach(core::ptr::null_mut(), name.as_ptr(), 0);
                assert!(!attached.is_null(), "name {name:?}: errno {}", errno());
                let coid = name_open(name.as_ptr(), 0);
                assert_eq!(pulse(coid, 10, 1, 1), 0);
                assert_eq!(name_close(coid), 0);
                assert_eq!(name_detach(attached, 0), 0);
            }
            let lasting = std::ffi::CString::new(format!("/kill-{place}")).expect("name");
            // SAFETY: a C string. Named memory lives until it is unlinked, whoever dies.
            unsafe { qnx_shm_unlink(lasting.as_ptr()) };
        }
        let known = qnx_host::admin::processes().expect("processes");
        for process in known.iter().filter(|process| survivors.contains(&process.pid)) {
            assert!(!process.silent, "{process:?}");
            assert!(
                process.clients.is_empty() && process.connections.is_empty(),
                "{process:?}"
            );
            assert_eq!(process.handles, 0);
        }
        let pids: Vec<i32> = known.iter().map(|process| process.pid).collect();
        let others = [tester, std::process::id() as i32];
        assert!(
            pids.iter()
                .all(|pid| survivors.contains(pid) || others.contains(pid)),
            "{pids:?}"
        );
        let sockets: Vec<i32> = files("p").iter().filter_map(|name| name.parse().ok()).collect();
        assert!(
            sockets.iter().all(|pid| pids.contains(pid)),
            "sockets {sockets:?} of {pids:?}"
        );
        assert_eq!(files("n"), [""; 0], "names");
        assert_eq!(files("m"), [""; 0], "memory");
    });
    heir.join();
}

/// docs/qnx-ipc.md 3, 6, 8, 9 under kill -9: clients, interrupted threads, servers, name owners, memory owners, proxies, event
/// clients and lock owners die at random points. Survivors go on, every answer matches its request, names can be taken
/// again at once, and descriptors, mappings, threads, ids, handles and files come back.
#[test]
fn random_kills_leave_nothing_behind() {
    init();
    let kills = knob("QNX_TEST_KILLS").unwrap_or(300);
    let seed = knob("QNX_TEST_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.expect("a clock").as_nanos() as u64 % 1_000_000_000
    });
    say(&format!("{kills} kills, QNX_TEST_SEED={seed}"));
    let shared = Shared::new();
    let tester = std::process::id() as i32;
    let field = spawn(move || {
        let mut random = Random(seed);
        let start = |role: &dyn Fn(Tx)| {
            let (tx, mut rx) = pipe();
            let child = spawn(|| role(tx));
            rx.recv();
            child
        };
        let server = start(&|tx| survivors::server(shared, tx));
        let draws = Random(random.next());
        let client = start(&|tx| survivors::client(shared, draws.clone(), tx));
        let pids = [server.pid, client.pid];
        let watch = Watch::new();
        let mut field = Field {
            shared,
            random,
            living: Vec::new(),
            killed: 0,
            watch,
        };
        // What a process makes once in its life is made before it is counted.
        for kind in (0..KINDS.len()).cycle().take(4 * KINDS.len()) {
            field.start(kind);
            sleep_ms(5);
            field.kill_one();
        }
        quiet(shared);
        sleep_ms(200);
        let before = pids.map(Belongings::of);
        go_on(shared);
        field.watch = Watch::new();
        let begin = Instant::now();
        field.kill_many(kills);
        quiet(shared);
        nothing_is_left(tester, pids, &before);
        let work: Vec<u64> = shared
            .work
            .iter()
            .map(|work| work.load(Ordering::Relaxed))
            .collect();
        assert!(
            work.iter().all(|work| *work > 0),
            "a kind never got anywhere: {work:?}"
        );
        say(&format!(
            "{} kills in {:.1} s; work by kind {work:?}",
            field.killed,
            begin.elapsed().as_secs_f64()
        ));
    });
    let status = field.status();
    assert!(
        status == 0,
        "status {status:#x}; repeat with QNX_TEST_SEED={seed}"
    );
}
