//! `csock-bench ipc`: QNX message passing on this machine beside other ways to call another process, in one run.

mod build;
mod floor;
mod idle;
mod many;
mod payload;
mod plot;
mod report;
mod spin;
mod systems;

use crate::Place;
use crate::samples::Samples;
use anyhow::{Context, Result};
use csock_apps::stand::scratch_dir;
use lexopt::prelude::*;
use std::path::{Path, PathBuf};
use systems::{Bus, System, Times};

/// The ends of this program that are started as second processes. True when one ran.
pub fn role() -> Result<bool> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["floor-peer", path, bytes] => floor::peer(Path::new(path), bytes.parse()?)?,
        ["floor-first", rounds] => floor::print(rounds.parse()?)?,
        ["echo-bytes", size] => payload::echo_bytes(size.parse()?)?,
        ["echo-messages", name, size] => payload::echo_messages(name, size.parse()?)?,
        ["many-client", name, calls] => many::client(name, calls.parse()?)?,
        ["spin-client", name, gap, server] => spin::client(name, gap.parse()?, server.parse()?)?,
        ["idle-client", name] => idle::client(name)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// What was measured, as the report and the plot take it.
pub struct Measured {
    /// Both processes free to run on any core.
    pub two_cores: Interfaces,
    /// Both on one.
    pub one_core: Interfaces,
    /// Round trips by size of the payload.
    pub payload: Vec<Payload>,
    /// Clients, then calls per second in total.
    pub many: Vec<(u32, f64)>,
    /// By the wait policy's knob.
    pub spin: Vec<spin::Row>,
    /// Wake-ups of an idle server and its idle clients in five seconds.
    pub idle_wakeups: u64,
    /// Payload copies between send and receive of a large message, as the server's process counted them.
    pub copies_per_message: f64,
    /// Calls of each interface in a run.
    pub calls: u32,
    /// Runs; tables show their median.
    pub runs: u32,
}

/// The four interfaces on each system.
pub struct Interfaces {
    /// In the order of [`System::ALL`].
    pub systems: Vec<(System, Times)>,
    /// Nanoseconds per round trip of the floor with ping's structure.
    pub floor: Samples,
    /// The same with a bare word.
    pub word_floor: Samples,
}

/// Nanoseconds per round trip with `size` bytes there and back.
#[derive(Default)]
pub struct Payload {
    pub size: usize,
    pub message: Samples,
    pub unix_socket: Samples,
    pub pipes: Samples,
}

pub fn main(place: &Place, mut args: lexopt::Parser) -> Result<()> {
    let (mut json, mut plot, mut calls, mut runs) = (None, None, 10_000u32, 5u32);
    while let Some(arg) = args.next()? {
        match arg {
            Long("json") => json = Some(PathBuf::from(args.value()?)),
            Long("plot") => plot = Some(PathBuf::from(args.value()?)),
            Long("calls") => calls = args.value()?.parse()?,
            Long("runs") => runs = args.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let dir = scratch_dir("ipc")?;
    let result = measure(place, &dir, calls, runs.max(1));
    std::fs::remove_dir_all(&dir)?;
    let measured = result?;
    print!("{}", report::tables(&measured)?);
    if let Some(path) = json {
        std::fs::write(&path, report::json(&measured)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = plot {
        plot::draw(&measured, &path)?;
    }
    Ok(())
}

fn measure(place: &Place, dir: &Path, calls: u32, runs: u32) -> Result<Measured> {
    // Our own second processes find the same runtime directory.
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("QNX_HOST_DIR", dir.join("qnx")) };
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/qnx-host/include");
    let built = build::build(&dir.join("built"), &place.programs, &include)?;
    let bus = Bus::start()?;
    let ticks = calls.min(1_000);
    let rounds = calls.max(1_000);
    // System after system, then all over again: what disturbs the machine for a while disturbs all of them.
    let interfaces = |wrap: &[&str]| -> Result<Interfaces> {
        let mut all = Interfaces {
            systems: System::ALL.map(|system| (system, Times::new())).into(),
            floor: Samples::default(),
            word_floor: Samples::default(),
        };
        for _ in 0..runs {
            for (system, times) in &mut all.systems {
                systems::measure(*system, &built, &bus, dir, (calls, ticks), wrap, times)?;
            }
            let floor = match wrap {
                [] => floor::measure(rounds)?,
                _ => floor::on_one_core(rounds)?,
            };
            all.floor.push(floor.structure);
            all.word_floor.push(floor.word);
        }
        Ok(all)
    };
    eprintln!("interfaces, two cores");
    let two_cores = interfaces(&[])?;
    eprintln!("interfaces, one core");
    let one_core = interfaces(&["taskset", "-c", "0"])?;
    bus.stop()?;
    eprintln!("payloads");
    let (payload, copies_per_message) = payloads(runs)?;
    eprintln!("many clients");
    let many = many::measure()?;
    eprintln!("wait policy");
    let spin = spin::measure()?;
    eprintln!("idle");
    let idle_wakeups = idle::measure()?;
    Ok(Measured {
        two_cores,
        one_core,
        payload,
        many,
        spin,
        idle_wakeups,
        copies_per_message,
        calls,
        runs,
    })
}

/// Round trips of each size, and how often a byte of the largest was copied.
fn payloads(runs: u32) -> Result<(Vec<Payload>, f64)> {
    let mut all: Vec<Payload> = payload::SIZES
        .map(|size| Payload {
            size,
            ..Payload::default()
        })
        .into();
    let mut copies_per_message = f64::NAN;
    for _ in 0..runs {
        for one in &mut all {
            let (time, copies) = payload::message(one.size)?;
            one.message.push(time);
            one.unix_socket.push(payload::unix_socket(one.size)?);
            one.pipes.push(payload::pipes(one.size)?);
            // The largest decides: small ones may take the faster way through a slot.
            copies_per_message = copies;
        }
    }
    Ok((all, copies_per_message))
}
