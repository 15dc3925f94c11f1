//! One server thread, 1 to 64 client processes.

use super::payload::start_server;
use anyhow::{Context, Result, bail};
use qnx::Connection;
use std::{
    ffi::CString,
    io::{Read, Write},
    process::{Command, Stdio},
    time::Instant,
};

const CLIENTS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Calls of all clients together.
const CALLS: u32 = 64_000;
/// Bytes there and back.
const SIZE: usize = 64;

/// Calls per second in total, by number of clients.
pub fn measure() -> Result<Vec<(u32, f64)>> {
    CLIENTS
        .into_iter()
        .map(|clients| Ok((clients, one(clients)?)))
        .collect()
}

fn one(clients: u32) -> Result<f64> {
    let (name, mut server, _stdout) = start_server("many", SIZE)?;
    let calls = CALLS / clients;
    let mut children = Vec::new();
    for _ in 0..clients {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command
            .args(["many-client", &name, &calls.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdout = child.stdout.take().context("stdout is piped")?;
        stdout.read_exact(&mut [0u8; 1])?;
        children.push(child);
    }
    // All are connected: the end of their input starts them.
    let start = Instant::now();
    for child in &mut children {
        drop(child.stdin.take());
    }
    let mut failed = 0;
    for mut child in children {
        failed += u32::from(!child.wait()?.success());
    }
    let seconds = start.elapsed().as_secs_f64();
    server.kill()?;
    server.wait()?;
    if failed > 0 {
        bail!("{failed} of {clients} clients failed");
    }
    Ok(f64::from(calls * clients) / seconds)
}

/// A client process: connects, waits for the end of its input, calls. Each reply must be its own request.
pub fn client(name: &str, calls: u32) -> Result<()> {
    let connection =
        Connection::open_name(&CString::new(name)?).map_err(|e| anyhow::anyhow!("name_open: {e}"))?;
    print!("r");
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let mut block = [0u8; SIZE];
    let mut reply = [0u8; SIZE];
    for call in 0..calls {
        let stamp = (u64::from(std::process::id()) << 32) | u64::from(call);
        // Behind the two bytes that a message's type would take.
        block[8..16].copy_from_slice(&stamp.to_ne_bytes());
        connection
            .send(&block, &mut reply)
            .map_err(|e| anyhow::anyhow!("MsgSend: {e}"))?;
        if reply != block {
            bail!("call {call} got another's reply");
        }
    }
    Ok(())
}
