//! What the end-to-end tests share: where the module and the programs are, and small files to move.
//!
//! `cargo xtask test` sets the environment; without it the tests fail and say so: a test that did not run must not look green.
//!
//! | Variable | Meaning |
//! |---|---|
//! | `CSOCK_MODULE` | the module under test (native, or the file that QNX would load) |
//! | `CSOCK_PROGRAMS` | directory of `io-sock`, `csock-httpd`, ... |
//! | `CSOCK_RUNNER` | put before each program (`qemu-aarch64 -L DIR`); empty for none |
//! | `CSOCK_USER` | `root`: client programs run as root; else as user 65534 beside root's io-sock, where root runs the tests |

pub mod checks;

use anyhow::{Context, Result, bail};
use csock_apps::{
    ledger::Ledger,
    stand::{Programs, Running, Stand},
};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Where things are.
pub struct Place {
    /// The module's file.
    pub module: PathBuf,
    /// The programs.
    pub programs: Programs,
}

impl Place {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a variable is missing or names nothing.
    pub fn find() -> Result<Self> {
        let variable = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .with_context(|| format!("{name} is not set: run 'cargo xtask test'"))
        };
        let (module, dir) = (variable("CSOCK_MODULE")?, variable("CSOCK_PROGRAMS")?);
        if !module.is_file() {
            bail!("CSOCK_MODULE: there is no {}", module.display());
        }
        let programs = Programs::new(&dir).through(&std::env::var("CSOCK_RUNNER").unwrap_or_default());
        Ok(Self { module, programs })
    }

    /// Starts an io-sock with the module.
    pub fn stand(&self, options: &[&str]) -> Result<Stand> {
        Stand::start(&self.programs, &self.module, options)
    }

    /// Bytes that a transfer test moves: less where every instruction is emulated.
    pub fn size(&self) -> usize {
        if self.programs.emulated() {
            1 << 20
        } else {
            16 << 20
        }
    }
}

/// The module's counters over all clients, as `csock-stat` prints them.
#[derive(Debug, Deserialize)]
#[allow(missing_docs)]
pub struct Totals {
    pub tx_bytes: u64,
    pub tx_bytes_copied: u64,
    pub rx_bytes: u64,
    pub rx_bytes_copied: u64,
    pub ext_mbufs_outstanding: u64,
    pub ext_mbufs_total: u64,
    pub faults: u64,
    pub sockets_open: u64,
    pub sessions_open: u64,
    pub pools_mapped: u64,
    pub parked: u64,
}

impl Totals {
    /// Asks the module.
    pub fn read(stand: &Stand) -> Result<Self> {
        let text = stand.run("csock-stat", &[])?;
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix("counters "))
            .context("csock-stat printed no counters")?;
        Ok(serde_json::from_str(line)?)
    }

    /// Whether nothing is left of earlier clients; the asking client itself is one session.
    pub fn is_clean(&self) -> bool {
        self.ext_mbufs_outstanding == 0
            && self.sockets_open == 0
            && self.sessions_open == 1
            && self.pools_mapped <= 1
            && self.parked == 0
    }

    /// Waits until nothing is left, at most `limit`: cleaning up after a dead client takes a moment.
    ///
    /// # Errors
    /// With the counters, when something is left after `limit`.
    pub fn until_clean(stand: &Stand, limit: Duration) -> Result<Self> {
        let start = Instant::now();
        loop {
            let totals = Self::read(stand)?;
            if totals.is_clean() {
                return Ok(totals);
            }
            if start.elapsed() > limit {
                bail!("left after {limit:?}: {totals:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Bytes that do not repeat, from a seed.
pub fn payload(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A small generator for kill times: seeded, so that a failing run can be repeated.
pub struct Dice(u64);

impl Dice {
    /// From `CSOCK_SEED`, else from the clock; prints the seed.
    pub fn new(purpose: &str) -> Self {
        let seed = std::env::var("CSOCK_SEED")
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or_else(|| {
                std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .map_or(1, |d| d.as_nanos() as u64)
            });
        println!("{purpose}: CSOCK_SEED={seed}");
        Self(seed | 1)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// Writes `bytes` to `dir/payload.bin`.
pub fn file(dir: &Path, bytes: &[u8]) -> Result<PathBuf> {
    let path = dir.join("payload.bin");
    std::fs::write(&path, bytes)?;
    Ok(path)
}

/// Starts our HTTP server of `file` over csock; returns it and its address.
pub fn httpd(stand: &Stand, file: &Path) -> Result<(Running, String)> {
    let mut command = stand.command("csock-httpd");
    command
        .args(["--path", "csock", "--listen", "127.0.0.1:0", "--file"])
        .arg(file);
    let mut server = Running::start("csock-httpd", &mut command)?;
    let addr = server.expect("listening ")?;
    Ok((server, addr))
}

/// Starts an ordinary HTTP server of the files in `dir` (not emulated: a peer is a peer); returns it and its address.
pub fn ordinary_server(stand: &Stand, dir: &Path) -> Result<(Running, String)> {
    let mut command = stand.command("csock-peer");
    command.arg("serve").arg(dir);
    let mut server = Running::start("csock-peer", &mut command)?;
    let line = server.expect("Serving HTTP on ")?;
    let port = line
        .split_whitespace()
        .nth(2)
        .context("the server did not say its port")?;
    Ok((server, format!("127.0.0.1:{port}")))
}

/// Reads the ledger from what a program printed.
pub fn ledger(text: &str) -> Result<Ledger> {
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(Ledger::MARK))
        .context("the program printed no ledger")?;
    Ok(serde_json::from_str(line)?)
}

/// GETs `/payload.bin` from `addr` over the system's own sockets.
pub fn get(addr: &str) -> Result<Vec<u8>> {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(addr)?;
    write!(stream, "GET /payload.bin HTTP/1.0\r\n\r\n")?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    let end = all
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .context("no end of the response head")?;
    Ok(all.split_off(end + 4))
}
