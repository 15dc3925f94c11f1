//! What one client feels while another one misbehaves.
//!
//! The misbehaving one is a program beside the others, `csock-hostile`, of which this file knows no more than its command line:
//!
//! - `csock-hostile list` prints the names of its scenarios, one a line.
//! - `csock-hostile run NAME --seconds N [--honest]` runs one for N seconds against the csock that `QNX_HOST_DIR` and `SOCK` lead to,
//!   prints `ready` once it is at work, and ends with status 0. With `--honest` it has the same sockets and moves the same bytes,
//!   and keeps to the rules.

use super::{
    case::{Case, RoadKind, Scenario, User},
    child::Running,
    peer::Peer,
    run::{Times, peer, program, result},
    stage::Stage,
};
use crate::{Place, samples::Samples};
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// How long the other program may take to be at work, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nanoseconds: the victim's 99th percentile beside one scenario.
#[derive(Default)]
pub struct Beside {
    pub hostile: Samples,
    pub honest: Samples,
    /// Hostile over honest, round by round.
    pub ratio: Samples,
    /// Runs that failed, and why.
    pub failures: Vec<String>,
}

/// By the scenario's name; empty when there is no such program.
pub type Victims = BTreeMap<String, Beside>;

fn path(place: &Place) -> PathBuf {
    place.programs.join("csock-hostile")
}

/// Names of the scenarios there are.
pub fn scenarios(place: &Place) -> Result<Vec<String>> {
    let path = path(place);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let output = Command::new(&path).arg("list").stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("{} list: {}", path.display(), output.status);
    }
    Ok(String::from_utf8(output.stdout)?
        .lines()
        .map(str::to_owned)
        .collect())
}

/// One more round beside each scenario.
pub fn round(place: &Place, stage: &mut Stage, names: &[String], times: Times, all: &mut Victims) {
    for name in names {
        let beside = all.entry(name.clone()).or_default();
        let both = one(stage, &path(place), name, true, times)
            .and_then(|honest| Ok((honest, one(stage, &path(place), name, false, times)?)));
        match both {
            Ok((honest, hostile)) => {
                beside.honest.push(honest);
                beside.hostile.push(hostile);
                beside.ratio.push(hostile / honest);
            }
            Err(error) => beside.failures.push(format!("{error:#}")),
        }
    }
}

/// The victim asks and waits while the other one runs; its 99th percentile, nanoseconds.
fn one(stage: &mut Stage, path: &Path, name: &str, honest: bool, times: Times) -> Result<f64> {
    let case = Case::new(Scenario::RequestResponse, RoadKind::CsockCopy, 1024);
    stage.prepare(&case)?;
    let seconds = (times.warm_up + times.measure) / 1000 + 3;
    let mut command = Command::new(stage.share(path)?);
    command.args(["run", name, "--seconds", &seconds.to_string()]);
    if honest {
        command.arg("--honest");
    }
    stage.as_user(&mut command, User::Ordinary);
    let mut other = Running::start(name, &mut command)?;
    other.expect("ready", PATIENCE)?;
    let (_peer, port) = peer(stage, Peer::Echo(case.size))?;
    let outcome = result(program(stage, &case, times, port)?, times)?;
    other.finish(PATIENCE)?;
    let latency = outcome.latency.context("the victim measured no latency")?;
    Ok(latency.p99 as f64)
}
