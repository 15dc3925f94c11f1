//! One direction, as fast as it goes.

use super::{Spec, batch, connect_all, measure};
use crate::net::{
    case::Outcome,
    road::{Road, Stream},
};
use anyhow::{Context, Result, bail};

/// Sends messages, round robin over all sockets.
pub fn out<R: Road>(road: &mut R, spec: &Spec) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut streams = connect_all(road, spec, &mut outcome)?;
    let size = spec.case.size.into();
    let (mut next, mut count) = (0, 0u64);
    measure(road, spec, &mut outcome, batch(spec.size()), |_| {
        let stream = streams.get_mut(next).context("a socket")?;
        stream.send(count)?;
        count += 1;
        next += 1;
        if next == streams.len() {
            next = 0;
        }
        Ok(size)
    })?;
    Ok(outcome)
}

/// Receives with a buffer of the case's size; an operation is that many bytes, in however many pieces they came.
pub fn within<R: Road>(road: &mut R, spec: &Spec) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut streams = connect_all(road, spec, &mut outcome)?;
    let mut next = 0;
    let bytes = measure(road, spec, &mut outcome, batch(spec.size()), |_| {
        let stream = streams.get_mut(next).context("a socket")?;
        let piece = stream.receive()?;
        if piece.len == 0 {
            bail!("the peer ended the stream");
        }
        // It is looked at, as a program would.
        std::hint::black_box(piece.stamp);
        next += 1;
        if next == streams.len() {
            next = 0;
        }
        Ok(piece.len as u64)
    })?;
    outcome.operations = bytes / u64::from(spec.case.size);
    Ok(outcome)
}
