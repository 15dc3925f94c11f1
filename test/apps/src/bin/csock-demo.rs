//! The demo: a file goes to `curl` and comes from Python's `http.server` through csock, then through the message path, in one run.

use anyhow::{Context, Result, bail};
use csock_apps::{
    fetch::hex,
    ledger::Ledger,
    stand::{Programs, Running, Stand, scratch_dir},
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lexopt::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const MIB: f64 = 1024.0 * 1024.0;

struct Options {
    module: PathBuf,
    programs: PathBuf,
    json: Option<PathBuf>,
    size: u64,
}

/// What `--json` writes.
#[derive(Serialize)]
struct Outcome {
    module: String,
    module_target: String,
    serve_ok: bool,
    fetch_ok: bool,
    tx_copied_per_byte: f64,
    rx_copied_per_byte: f64,
    control_msgs_per_mib: f64,
    doorbells_per_mib: f64,
    wakeups_per_mib: f64,
    csock_mib_s: f64,
    message_path_mib_s: f64,
    csock_serve_mib_s: f64,
    csock_fetch_mib_s: f64,
    message_path_serve_mib_s: f64,
    message_path_fetch_mib_s: f64,
    message_path_copied_per_byte: f64,
    ext_mbufs_outstanding_after: u64,
    server_peer: String,
    client_peer: String,
    size_mib: f64,
}

/// One transfer as the demo saw it.
struct Transfer {
    ledger: Ledger,
    ok: bool,
    mib_s: f64,
}

fn main() -> Result<()> {
    let options = options()?;
    let dir = scratch_dir("demo")?;
    let result = run(&options, &dir);
    std::fs::remove_dir_all(&dir)?;
    let result = result?;
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&result)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    table(&result);
    if !(result.serve_ok && result.fetch_ok) {
        bail!("the bytes that arrived are not the bytes that were sent");
    }
    Ok(())
}

fn options() -> Result<Options> {
    let (mut module, mut programs, mut json, mut mib) = (None, None, None, 256u64);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("module") => module = Some(PathBuf::from(args.value()?)),
            Long("programs") => programs = Some(PathBuf::from(args.value()?)),
            Long("json") => json = Some(PathBuf::from(args.value()?)),
            Long("size-mib") => mib = args.value()?.parse()?,
            other => return Err(other.unexpected().into()),
        }
    }
    if mib == 0 {
        bail!("--size-mib 0: at least 1");
    }
    Ok(Options {
        module: module.context("--module FILE is missing")?,
        programs: programs.context("--programs DIR is missing")?,
        json,
        size: mib << 20,
    })
}

fn run(options: &Options, dir: &Path) -> Result<Outcome> {
    let target = module_target(&options.module)?;
    println!("module    {} ({target})", shown(&options.module));
    let file = dir.join("payload.bin");
    let digest = make_file(&file, options.size)?;
    println!("payload   {} MiB, SHA-256 {digest}", options.size >> 20);

    // Every byte by reference, also the head of the answer: by default the module copies pieces as short as that.
    let mut stand = Stand::start(
        &Programs::new(&options.programs),
        &options.module,
        &["copy_below=0"],
    )?;
    let (python, curl) = (have("python3"), have("curl"));
    let demo = Demo {
        file: &file,
        digest: &digest,
        size: options.size,
        dir,
        curl,
        python,
    };
    let before = ledger(&stand.run("csock-stat", &[])?)?;
    let serve = demo.serve(&stand, "csock")?;
    let fetch = demo.fetch(&stand, "csock")?;
    let after = ledger(&stand.run("csock-stat", &[])?)?;
    let message_serve = demo.serve(&stand, "message")?;
    let message_fetch = demo.fetch(&stand, "message")?;
    stand.stop().context("io-sock did not end well")?;

    let mib = options.size as f64 / MIB;
    let both = |a: &Transfer, b: &Transfer| 2.0 * mib / (mib / a.mib_s + mib / b.mib_s);
    let counted = |f: fn(&Ledger) -> u64| (f(&serve.ledger) + f(&fetch.ledger)) as f64 / (2.0 * mib);
    Ok(Outcome {
        module: shown(&options.module),
        module_target: target,
        serve_ok: serve.ok && message_serve.ok,
        fetch_ok: fetch.ok && message_fetch.ok,
        tx_copied_per_byte: ratio(serve.ledger.tx_bytes_copied, serve.ledger.tx_bytes),
        rx_copied_per_byte: ratio(fetch.ledger.rx_bytes_copied, fetch.ledger.rx_bytes),
        control_msgs_per_mib: counted(|l| l.control_msgs),
        doorbells_per_mib: counted(|l| l.doorbells),
        // The worker's wake-ups are everybody's, which root alone may see; csock-stat's own are among them.
        wakeups_per_mib: counted(|l| l.waits)
            + (after.worker_wakeups - before.worker_wakeups) as f64 / (2.0 * mib),
        csock_mib_s: both(&serve, &fetch),
        message_path_mib_s: both(&message_serve, &message_fetch),
        csock_serve_mib_s: serve.mib_s,
        csock_fetch_mib_s: fetch.mib_s,
        message_path_serve_mib_s: message_serve.mib_s,
        message_path_fetch_mib_s: message_fetch.mib_s,
        message_path_copied_per_byte: ratio(
            message_serve.ledger.tx_bytes_copied + message_fetch.ledger.rx_bytes_copied,
            message_serve.ledger.tx_bytes + message_fetch.ledger.rx_bytes,
        ),
        ext_mbufs_outstanding_after: after.ext_mbufs_outstanding,
        server_peer: if python {
            "python3 -m http.server".into()
        } else {
            "our own std::net server (no python3 here)".into()
        },
        client_peer: if curl {
            "curl".into()
        } else {
            "our own std::net client (no curl here)".into()
        },
        size_mib: mib,
    })
}

struct Demo<'a> {
    file: &'a Path,
    digest: &'a str,
    size: u64,
    dir: &'a Path,
    curl: bool,
    python: bool,
}

impl Demo<'_> {
    /// Our server over `path`, an ordinary client.
    fn serve(&self, stand: &Stand, path: &str) -> Result<Transfer> {
        let mut command = stand.command("csock-httpd");
        command
            .args(["--path", path, "--listen", "127.0.0.1:0", "--file"])
            .arg(self.file);
        let mut server = Running::start("csock-httpd", &mut command)?;
        let addr = server.expect("listening ")?;
        let url = format!("http://{addr}/payload.bin");
        let got = self.dir.join("got.bin");
        let mut client = if self.curl {
            let mut curl = Command::new("curl");
            curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--output"])
                .arg(&got)
                .arg(&url);
            curl
        } else {
            let mut peer = stand.command("csock-peer");
            peer.args(["get", &url]).arg(&got);
            peer
        };
        let mut client = client
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start the client")?;
        let ledger = self.watch(&mut server, &format!("serve, {path:>7}"))?;
        let status = client.wait()?;
        if !status.success() {
            bail!("the client ended with {status}");
        }
        let ok = file_digest(&got)? == self.digest;
        std::fs::remove_file(&got)?;
        Ok(self.transfer(ledger, ok))
    }

    /// An ordinary server, our client over `path`.
    fn fetch(&self, stand: &Stand, path: &str) -> Result<Transfer> {
        let mut command = if self.python {
            let mut python = Command::new("python3");
            python
                .args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"])
                .arg(self.dir)
                .arg("0");
            python
        } else {
            let mut peer = stand.command("csock-peer");
            peer.arg("serve").arg(self.dir);
            peer
        };
        let mut server = Running::start("the HTTP server", command.stderr(Stdio::null()))?;
        // "Serving HTTP on 127.0.0.1 port 40000 (http://127.0.0.1:40000/) ..."
        let line = server.expect("Serving HTTP on ")?;
        let port = line
            .split_whitespace()
            .nth(2)
            .context("the server did not say its port")?;
        let mut command = stand.command("csock-fetch");
        command.args(["--path", path, &format!("127.0.0.1:{port}"), "payload.bin"]);
        let mut client = Running::start("csock-fetch", &mut command)?;
        let ledger = self.watch(&mut client, &format!("fetch, {path:>7}"))?;
        let ok = ledger.sha256.as_deref() == Some(self.digest);
        server.kill()?;
        Ok(self.transfer(ledger, ok))
    }

    fn transfer(&self, ledger: Ledger, ok: bool) -> Transfer {
        let mib_s = self.size as f64 / MIB / ledger.seconds;
        Transfer { ledger, ok, mib_s }
    }

    /// Shows the program's progress until it prints its ledger and ends.
    fn watch(&self, program: &mut Running, what: &str) -> Result<Ledger> {
        let bar = ProgressBar::with_draw_target(Some(self.size), ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template("{msg} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec}")?
                .progress_chars("=> "),
        );
        bar.set_message(what.to_owned());
        let mut text = String::new();
        while let Some(line) = program.line()? {
            if let Some(bytes) = line.strip_prefix("progress ") {
                bar.set_position(bytes.parse()?);
            } else {
                text.push_str(&line);
                text.push('\n');
            }
        }
        bar.finish();
        let status = program.wait(std::time::Duration::from_secs(30))?;
        if !status.success() {
            bail!("{what}: the program ended with {status}\n{text}");
        }
        ledger(&text)
    }
}

fn ledger(text: &str) -> Result<Ledger> {
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(Ledger::MARK))
        .context("the program printed no ledger")?;
    Ok(serde_json::from_str(line)?)
}

fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { f64::NAN } else { a as f64 / b as f64 }
}

/// Writes `size` bytes that do not repeat and returns their SHA-256.
fn make_file(path: &Path, size: u64) -> Result<String> {
    let mut file = std::io::BufWriter::new(File::create(path)?);
    let mut hash = Sha256::new();
    // xorshift64: fast, and no two blocks alike.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut block = vec![0u8; 1 << 16];
    let mut left = size;
    while left > 0 {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let n = left.min(block.len() as u64) as usize;
        hash.update(&block[..n]);
        file.write_all(&block[..n])?;
        left -= n as u64;
    }
    file.flush()?;
    Ok(hex(&hash.finalize()))
}

fn file_digest(path: &Path) -> Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = vec![0u8; 1 << 18];
    loop {
        let n = file.read(&mut block)?;
        if n == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&block[..n]);
    }
}

/// The target that the module says it was built for, from its own build line.
fn module_target(path: &Path) -> Result<String> {
    let data = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&data);
    let at = text
        .find("csock-target=")
        .with_context(|| format!("{} does not say its target", path.display()))?;
    let rest = &text[at + "csock-target=".len()..];
    Ok(rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_')
        .collect())
}

/// The path without the part that differs from machine to machine.
fn shown(path: &Path) -> String {
    let text = path.display().to_string();
    // The target directory may have any name.
    text.rfind("dist/")
        .map_or(text.clone(), |at| text[at..].to_owned())
}

fn have(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn table(r: &Outcome) {
    println!();
    println!("                         csock   message path");
    println!(
        "serve to {:<12} {:>8.0} {:>14.0}  MiB/s",
        first(&r.client_peer),
        r.csock_serve_mib_s,
        r.message_path_serve_mib_s
    );
    println!(
        "fetch from {:<10} {:>8.0} {:>14.0}  MiB/s",
        first(&r.server_peer),
        r.csock_fetch_mib_s,
        r.message_path_fetch_mib_s
    );
    println!(
        "copied per byte sent  {:>8} {:>14.2}",
        r.tx_copied_per_byte, r.message_path_copied_per_byte
    );
    println!("copied per byte recv. {:>8}", r.rx_copied_per_byte);
    println!("control msgs per MiB  {:>8.2}", r.control_msgs_per_mib);
    println!("doorbells per MiB     {:>8.2}", r.doorbells_per_mib);
    println!("wake-ups per MiB      {:>8.2}", r.wakeups_per_mib);
    println!("external mbufs left   {:>8}", r.ext_mbufs_outstanding_after);
    println!("serve ok: {}, fetch ok: {}", r.serve_ok, r.fetch_ok);
}

fn first(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}
