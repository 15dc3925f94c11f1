//! An honest client that looks at the clock: what others feel while one misbehaves.

use crate::{
    raw::{Pool, Session, Shape},
    scenario::Traffic,
};
use anyhow::{Context, Result};
use csock_wire::msg::GetSockName;
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// Between two looks: a client that asks all the time would be what the others wait for.
const PAUSE: Duration = Duration::from_micros(500);

/// For `seconds`: round trips of a request (GETSOCKNAME) and of a kilobyte through an echo, every byte compared.
pub fn watch(path: &str, seconds: f64) -> Result<Value> {
    let session = Arc::new(Session::open(path).context("no session")?);
    session
        .attach(Pool::new(&Shape::of(2, 512 * 1024))?)
        .context("no pool")?;
    let mut traffic = Traffic::new(&session, 1)?;
    let handle = traffic.streams[0].socket().handle;
    let mut control = Histogram::<u64>::new(3)?;
    let mut echo = Histogram::<u64>::new(3)?;
    let mut bytes = 0;
    println!("ready");
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < end {
        let start = Instant::now();
        session.ask(handle, &GetSockName {})?;
        control.record(nanos(start))?;
        let start = Instant::now();
        bytes += traffic.turn()?;
        echo.record(nanos(start))?;
        thread::sleep(PAUSE);
    }
    traffic.end()?;
    session.goodbye()?;
    Ok(json!({ "bytes": bytes, "control": figures(&control), "echo": figures(&echo) }))
}

fn nanos(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn figures(histogram: &Histogram<u64>) -> Value {
    json!({
        "count": histogram.len(),
        "p50": histogram.value_at_quantile(0.5),
        "p99": histogram.value_at_quantile(0.99),
        "max": histogram.max(),
    })
}
