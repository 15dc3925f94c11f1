//! `csock-bench ipc`: QNX message passing on this machine beside other ways to call another process, in one run.

mod build;
mod floor;
mod idle;
mod many;
mod payload;
mod plot;
mod report;
mod systems;

use crate::Place;
use anyhow::{Context, Result};
use csock_apps::stand::scratch_dir;
use lexopt::prelude::*;
use std::path::{Path, PathBuf};
use systems::{Bus, System, Times};

/// The ends of this program that are started as second processes. True when one ran.
pub fn role() -> Result<bool> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["floor-peer", path] => floor::peer(Path::new(path))?,
        ["floor-first", rounds] => println!("{}", floor::measure(rounds.parse()?, &[])?),
        ["echo-bytes", size] => payload::echo_bytes(size.parse()?)?,
        ["echo-messages", name, size] => payload::echo_messages(name, size.parse()?)?,
        ["many-client", name, calls] => many::client(name, calls.parse()?)?,
        ["idle-client", name] => idle::client(name)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// What was measured, as the report and the plot take it.
pub struct Measured {
    /// Nanoseconds per call, system by system, on two cores.
    pub systems: Vec<(System, Times)>,
    /// The same with both processes on one core.
    pub one_core: Vec<(System, Times)>,
    /// Nanoseconds per round trip of the floor: on two cores, on one.
    pub floor: (f64, f64),
    /// Payload size, then nanoseconds per round trip: message, Unix socket, pipe.
    pub payload: Vec<(usize, f64, f64, f64)>,
    /// Clients, then calls per second in total.
    pub many: Vec<(u32, f64)>,
    /// Wake-ups of an idle server and its idle clients in five seconds.
    pub idle_wakeups: u64,
    /// Payload copies between send and receive of a large message, as the server's process counted them.
    pub copies_per_message: f64,
    /// Calls of each interface.
    pub calls: u32,
}

pub fn main(place: &Place, mut args: lexopt::Parser) -> Result<()> {
    let (mut json, mut plot, mut calls) = (None, None, 10_000u32);
    while let Some(arg) = args.next()? {
        match arg {
            Long("json") => json = Some(PathBuf::from(args.value()?)),
            Long("plot") => plot = Some(PathBuf::from(args.value()?)),
            Long("calls") => calls = args.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    let dir = scratch_dir("ipc")?;
    let result = measure(place, &dir, calls);
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

fn measure(place: &Place, dir: &Path, calls: u32) -> Result<Measured> {
    // Our own second processes find the same runtime directory.
    // SAFETY: no other thread runs yet.
    unsafe { std::env::set_var("QNX_HOST_DIR", dir.join("qnx")) };
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/qnx-host/include");
    let built = build::build(&dir.join("built"), &place.programs, &include)?;
    let bus = Bus::start()?;
    let ticks = calls.min(2_000);
    let all = |wrap: &[&str]| -> Result<Vec<(System, Times)>> {
        System::ALL
            .into_iter()
            .map(|system| {
                Ok((
                    system,
                    systems::measure(system, &built, &bus, dir, calls, ticks, wrap)?,
                ))
            })
            .collect()
    };
    eprintln!("interfaces, two cores");
    let systems = all(&[])?;
    let rounds = calls.max(1_000);
    let two = floor::measure(rounds, &[])?;
    eprintln!("interfaces, one core");
    let one_core = all(&["taskset", "-c", "0"])?;
    let one = floor::on_one_core(rounds)?;
    bus.stop()?;
    eprintln!("payloads");
    let mut payload = Vec::new();
    let mut copies_per_message = f64::NAN;
    for size in payload::SIZES {
        let (message, copies) = payload::message(size)?;
        payload.push((size, message, payload::unix_socket(size)?, payload::pipes(size)?));
        // The largest decides: small ones may take the faster way through a slot.
        copies_per_message = copies;
    }
    eprintln!("many clients");
    let many = many::measure()?;
    eprintln!("idle");
    let idle_wakeups = idle::measure()?;
    Ok(Measured {
        systems,
        one_core,
        floor: (two, one),
        payload,
        many,
        idle_wakeups,
        copies_per_message,
        calls,
    })
}
