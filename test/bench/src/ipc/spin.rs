//! What the wait policy's knob buys and costs: latency of a call and CPU time of the server, by how long a waiter may spin before it
//! sleeps, and by how long the client works between its calls.

use super::payload::start_server_with;
use anyhow::{Context, Result, bail};
use qnx::Connection;
use std::{
    ffi::CString,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Values of `QNX_HOST_SPIN_US`, microseconds.
const SPINS: [u32; 5] = [0, 10, 40, 100, 400];
/// How long the client works between two calls, microseconds.
pub const GAPS: [u32; 3] = [0, 20, 200];
/// Bytes there and back.
const SIZE: usize = 64;
/// Time for one cell of the table.
const MEASURE: Duration = Duration::from_millis(400);

/// One value of the knob: for each of [`GAPS`], microseconds per call, and CPU microseconds of the server per call.
pub struct Row {
    pub spin_us: u32,
    pub cells: Vec<(f64, f64)>,
}

/// The table.
pub fn measure() -> Result<Vec<Row>> {
    SPINS
        .into_iter()
        .map(|spin_us| {
            let cells = GAPS
                .into_iter()
                .map(|gap| cell(spin_us, gap))
                .collect::<Result<_>>()?;
            Ok(Row { spin_us, cells })
        })
        .collect()
}

fn cell(spin_us: u32, gap_us: u32) -> Result<(f64, f64)> {
    let knob = ("QNX_HOST_SPIN_US", spin_us.to_string());
    let (name, mut server, _stdout) = start_server_with("spin", SIZE, &[(knob.0, knob.1.as_str())])?;
    let output = Command::new(std::env::current_exe()?)
        .args([
            "spin-client",
            &name,
            &gap_us.to_string(),
            &server.id().to_string(),
        ])
        .env(knob.0, &knob.1)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    server.kill()?;
    server.wait()?;
    if !output.status.success() {
        bail!("the client ended with {}", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    let (latency, cpu) = text.trim().split_once(' ').context("two figures were expected")?;
    Ok((latency.parse()?, cpu.parse()?))
}

/// The client: prints microseconds per call and CPU microseconds of process `server` per call.
pub fn client(name: &str, gap_us: u64, server: u32) -> Result<()> {
    let connection =
        Connection::open_name(&CString::new(name)?).map_err(|e| anyhow::anyhow!("name_open: {e}"))?;
    let mut reply = [0u8; SIZE];
    let gap = Duration::from_micros(gap_us);
    let mut round = || -> Result<Duration> {
        let work = Instant::now();
        while work.elapsed() < gap {
            std::hint::spin_loop();
        }
        let call = Instant::now();
        connection
            .send(&[1u8; SIZE], &mut reply)
            .map_err(|e| anyhow::anyhow!("MsgSend: {e}"))?;
        Ok(call.elapsed())
    };
    let warm_up = Instant::now();
    while warm_up.elapsed() < MEASURE / 4 {
        round()?;
    }
    let (before, start) = (cpu_ns(server)?, Instant::now());
    let (mut calls, mut waited) = (0u32, Duration::ZERO);
    while start.elapsed() < MEASURE {
        waited += round()?;
        calls += 1;
    }
    let cpu = cpu_ns(server)? - before;
    let per_call = |ns: f64| ns / 1000.0 / f64::from(calls);
    println!("{} {}", per_call(waited.as_nanos() as f64), per_call(cpu as f64));
    Ok(())
}

/// CPU time that all threads of a process have used, as the scheduler counted it.
fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let first = text.split_whitespace().next().context("an empty schedstat")?;
        sum += first.parse::<u64>()?;
    }
    Ok(sum)
}
