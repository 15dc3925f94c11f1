//! Request and response, one at a time.

use super::{Spec, connect_all, histogram, measure, percentiles};
use crate::net::{
    case::Outcome,
    road::{Road, STAMP, Stream},
};
use anyhow::{Context, Result, bail};
use std::time::Instant;

/// Sends a request, waits for its answer; round robin over all sockets.
pub fn turns<R: Road>(road: &mut R, spec: &Spec) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut streams = connect_all(road, spec, &mut outcome)?;
    for stream in &mut streams {
        stream.set_nodelay()?;
    }
    let mut latencies = histogram()?;
    let (mut next, mut count) = (0, 0u64);
    measure(road, spec, &mut outcome, 1, |measured| {
        let stream = streams.get_mut(next).context("a socket")?;
        count += 1;
        let start = Instant::now();
        stream.send(count)?;
        let mut left = spec.size();
        while left > 0 {
            let piece = stream.receive()?;
            if piece.len == 0 || piece.len > left {
                bail!("{} bytes came where {left} were left of an answer", piece.len);
            }
            if left == spec.size() && piece.len >= STAMP && piece.stamp != count {
                bail!("answer {} came to request {count}", piece.stamp);
            }
            left -= piece.len;
        }
        if measured {
            latencies.saturating_record(start.elapsed().as_nanos() as u64);
        }
        next += 1;
        if next == streams.len() {
            next = 0;
        }
        Ok(spec.case.size.into())
    })?;
    outcome.latency = Some(percentiles(&latencies));
    Ok(outcome)
}
