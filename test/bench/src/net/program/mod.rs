//! The measured program: a process of its own, so that its CPU time and its sleeps are its own.
//!
//! It runs one scenario over one road, looks at itself and at io-sock before and after, and prints one line.

mod hold;
mod stream;
mod turns;

use super::{
    case::{Case, Latency, Outcome, RoadKind, Scenario},
    meter::Look,
    road::{Copying, Csock, InPlace, Kernel, Message, Road},
};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::{Duration, Instant},
};

/// What stands before an outcome, an address and the word that a program holds its sockets.
pub const RESULT: &str = "result ";
pub const LISTENING: &str = "listening ";
pub const HOLDING: &str = "holding ";

/// What a program is told.
#[derive(Clone, Serialize, Deserialize)]
pub struct Spec {
    pub case: Case,
    /// The peer's port on this machine; 0 where the peer comes to us.
    pub port: u16,
    /// io-sock, to look at; 0 where there is none.
    pub io_sock: u32,
    pub warm_up_ms: u64,
    pub measure_ms: u64,
}

impl Spec {
    fn peer(&self) -> SocketAddrV4 {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port)
    }

    fn size(&self) -> usize {
        self.case.size as usize
    }
}

/// Runs what `text`, a [`Spec`], says.
pub fn main(text: &str) -> Result<()> {
    let spec: Spec = serde_json::from_str(text)?;
    // Settings for many connections are not what the default case asks about.
    let sockets = match spec.case.scenario {
        Scenario::IdleByDefault => 1,
        _ => spec.case.sockets,
    };
    match spec.case.road {
        RoadKind::CsockCopy => run(Csock::<Copying>::open(sockets)?, &spec),
        RoadKind::CsockInPlace => run(Csock::<InPlace>::open(sockets)?, &spec),
        RoadKind::Message => run(Message::open()?, &spec),
        RoadKind::Kernel => run(Kernel, &spec),
    }
}

fn run<R: Road>(mut road: R, spec: &Spec) -> Result<()> {
    match spec.case.scenario {
        Scenario::StreamOut => print(&stream::out(&mut road, spec)?),
        Scenario::StreamIn => print(&stream::within(&mut road, spec)?),
        Scenario::RequestResponse => print(&turns::turns(&mut road, spec)?),
        Scenario::Idle => hold::connected(&mut road, spec),
        Scenario::IdleByDefault => hold::accepted(&mut road, spec),
        Scenario::Stalled => hold::stalled(&mut road, spec),
    }
}

fn print(outcome: &Outcome) -> Result<()> {
    println!("{RESULT}{}", serde_json::to_string(outcome)?);
    Ok(())
}

/// Connects as often as the case says, or until it is refused; what was refused is noted, nothing at all is an error.
fn connect_all<R: Road>(road: &mut R, spec: &Spec, outcome: &mut Outcome) -> Result<Vec<R::Stream>> {
    let mut streams = Vec::new();
    for _ in 0..spec.case.sockets {
        match road.connect(spec.peer(), spec.size()) {
            Ok(stream) => streams.push(stream),
            Err(error) if streams.is_empty() => return Err(error),
            Err(error) => {
                outcome.refused = Some(format!("{error:#}"));
                break;
            }
        }
    }
    outcome.opened = streams.len().try_into()?;
    Ok(streams)
}

/// Operations between two looks at the clock: it costs as much as a small send.
fn batch(size: usize) -> u64 {
    (65_536 / size.max(1)).clamp(1, 64) as u64
}

/// Runs `operation` over and over, first to warm up, then measured; fills in what was used and counted.
///
/// `operation` returns the bytes that it moved.
fn measure<R: Road>(
    road: &mut R,
    spec: &Spec,
    outcome: &mut Outcome,
    batch: u64,
    mut operation: impl FnMut(bool) -> Result<u64>,
) -> Result<u64> {
    let me = std::process::id();
    let mut all = 0;
    let start = Instant::now();
    let warm_up = Duration::from_millis(spec.warm_up_ms);
    while start.elapsed() < warm_up {
        all += operation(false)?;
    }
    let counts = road.counts()?;
    let look = Look::at(me, spec.io_sock)?;
    let (mut bytes, mut calls) = (0, 0);
    let start = Instant::now();
    let time = Duration::from_millis(spec.measure_ms);
    while start.elapsed() < time {
        for _ in 0..batch {
            bytes += operation(true)?;
        }
        calls += batch;
    }
    outcome.seconds = start.elapsed().as_secs_f64();
    outcome.usage = Look::at(me, spec.io_sock)?.since(&look);
    outcome.counts = road.counts()?.since(counts);
    outcome.operations = calls;
    outcome.all_bytes = all + bytes;
    Ok(bytes)
}

fn percentiles(histogram: &hdrhistogram::Histogram<u64>) -> Latency {
    Latency {
        p50: histogram.value_at_quantile(0.5),
        p99: histogram.value_at_quantile(0.99),
        p999: histogram.value_at_quantile(0.999),
        max: histogram.max(),
    }
}

/// Three digits from 100 ns to a minute.
fn histogram() -> Result<hdrhistogram::Histogram<u64>> {
    hdrhistogram::Histogram::new_with_bounds(100, 60_000_000_000, 3).context("a histogram")
}
