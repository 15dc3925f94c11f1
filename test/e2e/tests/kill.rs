//! Death at any point: a killed client leaves nothing behind, a killed io-sock leaves no call hanging.

use anyhow::{Result, ensure};
use csock_apps::stand::Running;
use csock_e2e::{Dice, Place, Totals, file, get, httpd, ordinary_server, payload};
use std::{
    io::Read,
    process::Stdio,
    time::{Duration, Instant},
};

/// How long the module may take to clean up after a dead client, and a client to notice a dead io-sock.
const SOON: Duration = Duration::from_secs(20);

/// Kills in one run; more by `CSOCK_KILLS`.
fn kills(default: u64) -> u64 {
    std::env::var("CSOCK_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(default)
}

#[test]
fn clients_killed_at_random_leave_nothing() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&["orphan_ms=200"])?;
    let bytes = payload(4, 8 << 20);
    let path = file(stand.dir(), &bytes)?;
    let (_peer, addr) = ordinary_server(&stand, stand.dir())?;
    let mut dice = Dice::new("clients_killed_at_random_leave_nothing");
    let count = kills(200);
    for round in 0..count {
        let delay = Duration::from_micros(dice.below(25_000));
        if round % 2 == 0 {
            let mut command = stand.command("csock-fetch");
            command
                .args(["--path", "csock", &addr, "payload.bin"])
                .stderr(Stdio::null());
            let client = Running::start("csock-fetch", &mut command)?;
            std::thread::sleep(delay);
            client.kill()?;
        } else {
            let (server, addr) = httpd(&stand, &path)?;
            let reader = std::thread::spawn(move || {
                // The connection ends somewhere: only that it ends matters.
                let mut stream = std::net::TcpStream::connect(addr).ok()?;
                std::io::Write::write_all(&mut stream, b"GET /payload.bin HTTP/1.0\r\n\r\n").ok()?;
                stream.read_to_end(&mut Vec::new()).ok()
            });
            std::thread::sleep(delay);
            server.kill()?;
            ensure!(
                joined(reader, SOON),
                "round {round}: the peer of a killed server still waits"
            );
        }
        if round % 50 == 49 {
            Totals::until_clean(&stand, SOON)?;
        }
    }
    println!("{count} clients killed");
    Totals::until_clean(&stand, SOON)?;
    // And the next client is served as if nothing had been.
    let (server, addr) = httpd(&stand, &path)?;
    ensure!(
        get(&addr)? == bytes,
        "after the kills: the bytes that arrived are not the bytes that were sent"
    );
    server.finish()?;
    Totals::until_clean(&stand, SOON)?;
    stand.stop()
}

#[test]
fn a_killed_io_sock_leaves_no_call_hanging() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let bytes = payload(5, 32 << 20);
    file(stand.dir(), &bytes)?;
    let mut dice = Dice::new("a_killed_io_sock_leaves_no_call_hanging");
    let count = kills(200) / 10;
    let module = place.module.display().to_string();
    for round in 0..count {
        let (_peer, addr) = ordinary_server(&stand, stand.dir())?;
        let path = stand.dir().join("payload.bin");
        let (mut server, served) = httpd(&stand, &path)?;
        let mut command = stand.command("csock-fetch");
        command
            .args(["--path", "csock", &addr, "payload.bin"])
            .stderr(Stdio::null());
        let mut client = Running::start("csock-fetch", &mut command)?;
        // Half of the servers are killed in accept, half while they send.
        let reader = (round % 2 == 0).then(|| {
            std::thread::spawn(move || {
                let mut stream = std::net::TcpStream::connect(served).ok()?;
                std::io::Write::write_all(&mut stream, b"GET /payload.bin HTTP/1.0\r\n\r\n").ok()?;
                stream.read_to_end(&mut Vec::new()).ok()
            })
        });
        std::thread::sleep(Duration::from_micros(dice.below(60_000)));
        stand.kill()?;
        for (name, process) in [("fetch", &mut client), ("httpd", &mut server)] {
            let status = process
                .wait(SOON)
                .map_err(|e| e.context(format!("round {round}: {name} hangs")))?;
            // A transfer may have ended before the kill; a server that waited in accept cannot have, and must say that it failed.
            let waited = name == "httpd" && reader.is_none();
            ensure!(
                !(waited && status.success()),
                "round {round}: {name} lost its io-sock and ended with {status}"
            );
        }
        if let Some(reader) = reader {
            ensure!(
                joined(reader, SOON),
                "round {round}: the peer of a killed io-sock still waits"
            );
        }
        stand.restart(&["-m", &module])?;
        Totals::until_clean(&stand, SOON)?;
    }
    println!("io-sock killed {count} times");
    stand.stop()
}

/// Whether the thread ends within `limit`.
fn joined<T>(thread: std::thread::JoinHandle<T>, limit: Duration) -> bool {
    let start = Instant::now();
    while !thread.is_finished() {
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    thread.join().is_ok()
}
