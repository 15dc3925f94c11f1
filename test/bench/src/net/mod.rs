//! `csock-bench net`: the same programs over csock, the message path and the kernel's sockets, in one run.
//!
//! Read in this order: `case.rs` (what is measured), `keys.rs` (the figures that decide), `run.rs` (one run), `road/` (the ways),
//! `program/` (the measured programs), `peer.rs`; `plan.rs` says which cases, `report.rs` and `plot.rs` show them.

mod case;
mod child;
mod formula;
mod keys;
mod meter;
mod peer;
mod plan;
mod plot;
mod program;
mod report;
mod results;
mod road;
mod run;
mod stage;
mod tables;
mod victim;

use crate::Place;
use anyhow::{Context, Result, anyhow, bail, ensure};
use case::Case;
use lexopt::prelude::*;
use results::Results;
use run::Times;
use stage::{Role, Stage};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    time::Duration,
};

/// `SO_SNDBUF` and `SO_RCVBUF` of csock's sockets (`csock.sndbuf`), which the message path's are given too.
const SOCKET_BUFFER: i32 = 512 * 1024;

/// Bytes of a packet on a line.
const ETHERNET: u32 = 1500;

/// The processes of this bench that are started by itself. True when one ran.
pub fn role() -> Result<bool> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    if args.first().is_some_and(|name| Role::names().contains(name)) {
        child::end_with_parent();
    }
    match args.as_slice() {
        [role, spec] if *role == Role::Program.name() => program::main(spec)?,
        [role, peer @ ..] if *role == Role::Peer.name() => peer::main(peer)?,
        [role] if *role == Role::Busy.name() => stage::Busy::main(),
        _ => return Ok(false),
    }
    Ok(true)
}

struct Options {
    quick: bool,
    json: Option<PathBuf>,
    plot: Option<PathBuf>,
    rounds: Option<usize>,
    milliseconds: Option<u64>,
    only: Option<String>,
}

impl Options {
    fn read(mut args: lexopt::Parser) -> Result<Self> {
        let mut options = Self {
            quick: false,
            json: None,
            plot: None,
            rounds: None,
            milliseconds: None,
            only: None,
        };
        while let Some(arg) = args.next()? {
            match arg {
                Long("quick") => options.quick = true,
                Long("json") => options.json = Some(args.value()?.into()),
                Long("plot") => options.plot = Some(args.value()?.into()),
                Long("rounds") => options.rounds = Some(args.value()?.parse()?),
                Long("milliseconds") => options.milliseconds = Some(args.value()?.parse()?),
                Long("only") => options.only = Some(args.value()?.string()?),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// What was measured.
pub struct Measured {
    results: Results,
    victims: victim::Victims,
    rounds: usize,
    times: Times,
    quick: bool,
}

pub fn main(place: &Place, args: lexopt::Parser) -> Result<()> {
    let options = Options::read(args)?;
    ensure!(
        std::fs::metadata("/proc/self")?.uid() == 0,
        "'bench net' starts programs as an ordinary user beside io-sock's: it must be root"
    );
    let measured = measure(place, &options)?;
    print!("{}", tables::all(&measured)?);
    print!("{}", report::keys(&measured)?);
    if let Some(path) = options.json {
        std::fs::write(&path, report::json(&measured)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = options.plot {
        plot::draw(&measured, &path)?;
    }
    Ok(())
}

fn measure(place: &Place, options: &Options) -> Result<Measured> {
    let mut cases = if options.quick {
        plan::quick()
    } else {
        plan::full()
    };
    let mut names = victim::scenarios(place)?;
    if let Some(only) = &options.only {
        cases = of_part(only);
        names.retain(|name| format!("victim_p99_hostile_vs_honest[{name}]").contains(only));
        ensure!(
            !(cases.is_empty() && names.is_empty()),
            "no key and no case has {only:?} in its name"
        );
    }
    let rounds = options.rounds.unwrap_or(5).max(1);
    let times = Times {
        warm_up: 300,
        measure: options.milliseconds.unwrap_or(1000),
    };
    let mut measured = Measured {
        results: Results::default(),
        victims: victim::Victims::new(),
        rounds,
        times,
        quick: options.quick,
    };
    let mut stages = Stages::default();
    for round in 0..rounds {
        // Roads of the same conditions stand beside each other, so that what disturbs the machine disturbs all of them; every other
        // round goes the other way.
        let mut order: Vec<Case> = cases.iter().copied().collect();
        if round % 2 == 1 {
            order.reverse();
        }
        let (lines, order): (Vec<Case>, Vec<Case>) = order.into_iter().partition(|case| case.line);
        eprintln!("round {} of {rounds}: {} cases", round + 1, cases.len());
        for case in &order {
            let outcome = stages.run(place, case, times);
            measured.results.add(*case, told(case, outcome));
        }
        for delay in lines.iter().map(|case| case.delay_ms).collect::<BTreeSet<u32>>() {
            let those: Vec<Case> = lines.iter().copied().filter(|c| c.delay_ms == delay).collect();
            for (case, outcome) in over_line(place, delay, &those, times) {
                measured.results.add(case, told(&case, outcome));
            }
        }
        if !names.is_empty() {
            let case = Case::new(case::Scenario::RequestResponse, case::RoadKind::CsockCopy, 1024);
            let stage = stages.of(place, &case)?;
            victim::round(place, stage, &names, times, &mut measured.victims);
        }
    }
    stages.stop();
    Ok(measured)
}

/// Says how a case went to whoever watches.
fn told(case: &Case, outcome: Result<case::Outcome>) -> Result<case::Outcome, String> {
    eprintln!("  {}", case.describe());
    outcome.map_err(|error| {
        let text = format!("{error:#}");
        eprintln!("    failed: {text}");
        text
    })
}

/// Runs cases over a line. A thread can enter its network but not leave it: one is made for this, and what it starts is there too.
fn over_line(
    place: &Place,
    delay_ms: u32,
    cases: &[Case],
    times: Times,
) -> Vec<(Case, Result<case::Outcome>)> {
    let run = || -> Result<Vec<_>> {
        let rules = netdelay::Rules {
            delay: Duration::from_millis(delay_ms.into()) / 2,
            ..netdelay::Rules::default()
        };
        let _line = netdelay::Link::enter(rules, ETHERNET).context("no line with a delay")?;
        let mut stages = Stages::default();
        let outcomes = cases
            .iter()
            .map(|case| (*case, stages.run(place, case, times)))
            .collect();
        stages.stop();
        Ok(outcomes)
    };
    let result = std::thread::scope(|scope| {
        let thread = scope.spawn(run);
        thread.join().unwrap_or_else(|_| bail!("a panic"))
    });
    // Without the line none of them could be run.
    result.unwrap_or_else(|error| {
        cases
            .iter()
            .map(|case| (*case, Err(anyhow!("{error:#}"))))
            .collect()
    })
}

/// The cases of all keys whose name has `part` in it, and those whose description has.
fn of_part(part: &str) -> BTreeSet<Case> {
    keys::all()
        .iter()
        .filter(|key| key.name.contains(part))
        .flat_map(|key| key.formula.terms())
        .map(|(case, _)| case)
        .chain(
            plan::full()
                .into_iter()
                .filter(|case| case.describe().contains(part)),
        )
        .collect()
}

/// One io-sock for each kind of conditions, started when it is first needed.
#[derive(Default)]
struct Stages(BTreeMap<(u32, bool), Stage>);

impl Stages {
    fn of(&mut self, place: &Place, case: &Case) -> Result<&mut Stage> {
        Ok(match self.0.entry(Stage::kind(case)) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => free.insert(Stage::start(place, case)?),
        })
    }

    /// Runs a case. A failure may have left io-sock in any state: the next case gets a new one.
    fn run(&mut self, place: &Place, case: &Case, times: Times) -> Result<case::Outcome> {
        let outcome = run::run(self.of(place, case)?, case, times);
        if outcome.is_err() {
            self.0.remove(&Stage::kind(case));
        }
        outcome
    }

    fn stop(self) {
        for (_, stage) in self.0 {
            if let Err(error) = stage.stop() {
                eprintln!("io-sock did not end well: {error:#}");
            }
        }
    }
}
