//! Running one case once: a peer, a program, and a look at both sides where the program must not look itself.

use super::{
    case::{Case, Outcome, RoadKind, Scenario, User},
    child::Running,
    meter::Look,
    peer::{Peer, TOTAL},
    program::{HOLDING, LISTENING, RESULT, Spec},
    stage::{Busy, Role, Stage},
};
use anyhow::{Context, Result, ensure};
use std::time::Duration;

/// How long a run may take beyond the time that it measures.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long sockets are watched that do nothing, and how long they get to become quiet.
const WATCH: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_secs(1);
/// What io-sock gets to clean up after a killed program, so that the next one does not pay for it.
const CLEAN_UP: Duration = Duration::from_millis(300);

/// Milliseconds of a run.
#[derive(Clone, Copy)]
pub struct Times {
    pub warm_up: u64,
    pub measure: u64,
}

/// Runs `case`.
pub fn run(stage: &mut Stage, case: &Case, times: Times) -> Result<Outcome> {
    stage.prepare(case)?;
    let _busy = if case.busy {
        Some(Busy::start(stage, 2)?)
    } else {
        None
    };
    match case.scenario {
        Scenario::StreamOut => stream_out(stage, case, times),
        Scenario::StreamIn => {
            let (_peer, port) = peer(stage, Peer::Source)?;
            result(program(stage, case, times, port)?, times)
        }
        Scenario::RequestResponse => {
            let (_peer, port) = peer(stage, Peer::Echo(case.size))?;
            result(program(stage, case, times, port)?, times)
        }
        Scenario::Idle => idle(stage, case, times),
        Scenario::IdleByDefault => idle_by_default(stage, case, times),
        Scenario::Stalled => stalled(stage, case, times),
    }
}

fn io_sock(stage: &Stage, case: &Case) -> u32 {
    match case.road {
        RoadKind::Kernel => 0,
        _ => stage.io_sock,
    }
}

/// Starts the measured program.
pub fn program(stage: &Stage, case: &Case, times: Times, port: u16) -> Result<Running> {
    let spec = Spec {
        case: *case,
        port,
        io_sock: io_sock(stage, case),
        warm_up_ms: times.warm_up,
        measure_ms: times.measure,
    };
    let mut command = stage.command(Role::Program, case.user);
    command.arg(serde_json::to_string(&spec)?);
    Running::start("the program", &mut command)
}

/// Starts a peer; it and its port.
pub fn peer(stage: &Stage, what: Peer) -> Result<(Running, u16)> {
    let mut command = stage.command(Role::Peer, User::Root);
    command.args(what.arguments());
    let mut peer = Running::start("the peer", &mut command)?;
    let port = peer.expect(LISTENING, PATIENCE)?.parse()?;
    Ok((peer, port))
}

/// Waits for the program's outcome and its end.
pub fn result(mut program: Running, times: Times) -> Result<Outcome> {
    let limit = Duration::from_millis(times.warm_up + times.measure) + PATIENCE;
    let outcome = serde_json::from_str(&program.expect(RESULT, limit)?)?;
    program.finish(PATIENCE)?;
    Ok(outcome)
}

fn stream_out(stage: &Stage, case: &Case, times: Times) -> Result<Outcome> {
    let (mut peer, port) = peer(stage, Peer::Drain)?;
    let outcome = result(program(stage, case, times, port)?, times)?;
    let total: u64 = peer.expect(TOTAL, PATIENCE)?.parse()?;
    ensure!(
        total == outcome.all_bytes,
        "{} bytes were sent, {total} came",
        outcome.all_bytes
    );
    Ok(outcome)
}

fn holding(program: &mut Running) -> Result<Outcome> {
    Ok(serde_json::from_str(&program.expect(HOLDING, PATIENCE)?)?)
}

/// Looks at what must be quiet.
fn watch(outcome: &mut Outcome, client: u32, server: u32) -> Result<()> {
    std::thread::sleep(QUIET);
    let before = Look::at(client, server)?;
    std::thread::sleep(WATCH);
    outcome.usage = Look::at(client, server)?.since(&before);
    outcome.seconds = WATCH.as_secs_f64();
    Ok(())
}

fn idle(stage: &Stage, case: &Case, times: Times) -> Result<Outcome> {
    let (_peer, port) = peer(stage, Peer::Drain)?;
    let mut program = program(stage, case, times, port)?;
    let mut outcome = holding(&mut program)?;
    watch(&mut outcome, program.id(), io_sock(stage, case))?;
    drop(program);
    std::thread::sleep(CLEAN_UP);
    Ok(outcome)
}

fn idle_by_default(stage: &Stage, case: &Case, times: Times) -> Result<Outcome> {
    let mut program = program(stage, case, times, 0)?;
    let port = program.expect(LISTENING, PATIENCE)?.parse()?;
    let peer = Peer::Connect(case.sockets, port);
    let mut command = stage.command(Role::Peer, User::Root);
    command.args(peer.arguments());
    let _peer = Running::start("the peer", &mut command)?;
    let outcome = holding(&mut program)?;
    drop(program);
    std::thread::sleep(CLEAN_UP);
    Ok(outcome)
}

fn stalled(stage: &Stage, case: &Case, times: Times) -> Result<Outcome> {
    let (_peer, port) = peer(stage, Peer::Both)?;
    let mut program = program(stage, case, times, port)?;
    let mut outcome = holding(&mut program)?;
    program
        .signal("STOP")
        .context("the program could not be stopped")?;
    watch(&mut outcome, 0, io_sock(stage, case))?;
    drop(program);
    std::thread::sleep(CLEAN_UP);
    Ok(outcome)
}
