//! An idle server and its idle clients: how often the kernel ran them in five seconds.

use super::payload::start_server;
use anyhow::{Context, Result};
use qnx::Connection;
use std::{
    ffi::CString,
    io::Read,
    process::{Child, Command, Stdio},
    time::Duration,
};

const CLIENTS: usize = 8;

/// Context switches of all their threads in five seconds, after they have become idle.
pub fn measure() -> Result<u64> {
    let (name, mut server, _stdout) = start_server("idle", 64)?;
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command
            .args(["idle-client", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut ready = [0u8; 1];
        child
            .stdout
            .take()
            .context("stdout is piped")?
            .read_exact(&mut ready)?;
        clients.push(child);
    }
    std::thread::sleep(Duration::from_secs(1));
    let count = |all: &mut dyn Iterator<Item = &Child>| all.map(|c| switches(c.id())).sum::<Result<u64>>();
    let before = count(&mut clients.iter().chain([&server]))?;
    std::thread::sleep(Duration::from_secs(5));
    let after = count(&mut clients.iter().chain([&server]))?;
    for child in clients.iter_mut().chain([&mut server]) {
        child.kill()?;
        child.wait()?;
    }
    Ok(after - before)
}

/// Voluntary and other context switches of all threads of a process.
fn switches(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = std::fs::read_to_string(task?.path().join("status"))?;
        for line in status.lines() {
            if let Some((name, value)) = line.split_once(':')
                && name.ends_with("ctxt_switches")
            {
                sum += value.trim().parse::<u64>()?;
            }
        }
    }
    Ok(sum)
}

/// A client that calls once and then waits for the end of its input.
pub fn client(name: &str) -> Result<()> {
    let connection =
        Connection::open_name(&CString::new(name)?).map_err(|e| anyhow::anyhow!("name_open: {e}"))?;
    let mut reply = [0u8; 64];
    connection
        .send(&[1u8; 64], &mut reply)
        .map_err(|e| anyhow::anyhow!("MsgSend: {e}"))?;
    print!("r");
    std::io::Write::flush(&mut std::io::stdout())?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
