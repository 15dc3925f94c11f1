//! Programs that hold sockets while somebody else looks at them: idle ones, and one that is about to be stopped.
//!
//! They wait to be killed: a program that watched itself would not be idle.

use super::{HOLDING, LISTENING, Outcome, Road, Spec, connect_all};
use crate::net::{meter::private_bytes, road::Stream};
use anyhow::{Context, Result};
use std::time::Duration;

/// How long both sides get to settle before their memory is read.
const SETTLE: Duration = Duration::from_millis(300);

/// Connects all sockets and does nothing.
pub fn connected<R: Road>(road: &mut R, spec: &Spec) -> Result<()> {
    let mut outcome = Outcome::default();
    let before = memory(road, spec)?;
    let _streams = connect_all(road, spec, &mut outcome)?;
    idle(road, spec, outcome, before)
}

/// Listens, takes connections until one is refused, and does nothing.
pub fn accepted<R: Road>(road: &mut R, spec: &Spec) -> Result<()> {
    let mut outcome = Outcome::default();
    let (listener, addr) = road.listen()?;
    let before = memory(road, spec)?;
    println!("{LISTENING}{}", addr.port());
    let mut streams = Vec::new();
    for _ in 0..spec.case.sockets {
        match road.accept(&listener, spec.size()) {
            Ok(stream) => streams.push(stream),
            Err(error) => {
                outcome.refused = Some(format!("{error:#}"));
                break;
            }
        }
    }
    outcome.opened = streams.len().try_into()?;
    idle(road, spec, outcome, before)
}

fn memory<R: Road>(road: &mut R, spec: &Spec) -> Result<[i64; 3]> {
    std::thread::sleep(SETTLE);
    Ok([
        road.shared_bytes().try_into()?,
        private_bytes(std::process::id())?,
        private_bytes(spec.io_sock)?,
    ])
}

fn idle<R: Road>(road: &mut R, spec: &Spec, mut outcome: Outcome, before: [i64; 3]) -> Result<()> {
    let now = memory(road, spec)?;
    outcome.memory = Some(std::array::from_fn(|i| now[i] - before[i]));
    hold(&outcome)
}

fn hold(outcome: &Outcome) -> Result<()> {
    println!("{HOLDING}{}", serde_json::to_string(outcome)?);
    loop {
        std::thread::park();
    }
}

/// One socket that sends and one that receives, until the process is stopped and killed.
pub fn stalled<R: Road>(road: &mut R, spec: &Spec) -> Result<()> {
    let mut outcome = Outcome::default();
    let mut streams = connect_all(road, spec, &mut outcome)?;
    let (mut out, mut within) = (
        streams.pop().context("two sockets")?,
        streams.pop().context("two sockets")?,
    );
    // The peer drains and fills every connection.
    std::thread::spawn(move || while out.send(0).is_ok() {});
    std::thread::spawn(move || while within.receive().is_ok_and(|piece| piece.len > 0) {});
    std::thread::sleep(Duration::from_millis(spec.warm_up_ms));
    hold(&outcome)
}
