//! Programs in C over the C library, against a real io-sock: `client-lib/tests/c`.

use anyhow::{Context, Result, bail, ensure};
use csock_apps::stand::Running;
use csock_e2e::{Place, Totals, payload};
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

const SOON: Duration = Duration::from_secs(10);

/// Compiles a program of the client library's tests against its header and `libcustom_socket.a`.
fn compile(name: &str, out: &Path) -> Result<PathBuf> {
    let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../client-lib");
    let library = PathBuf::from(std::env::var_os("CSOCK_PROGRAMS").context("CSOCK_PROGRAMS is not set")?)
        .join("libcustom_socket.a");
    ensure!(
        library.is_file(),
        "no {}: run 'cargo xtask test'",
        library.display()
    );
    let program = out.join(name);
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(client.join("include"));
    cc.arg("-o")
        .arg(&program)
        .arg(client.join("tests/c").join(format!("{name}.c")))
        .arg(library);
    let result = cc.args(["-lpthread", "-ldl", "-lm"]).output()?;
    if !result.status.success() {
        bail!(
            "cc {name}.c: {}\n{}",
            result.status,
            String::from_utf8_lossy(&result.stderr)
        );
    }
    Ok(program)
}

#[test]
fn a_c_client_gets_its_bytes_back() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let program = compile("echo_client", stand.dir())?;
    let mut peer = Running::start("csock-peer", stand.command("csock-peer").arg("echo"))?;
    let addr = peer.expect("listening ")?;
    let (ip, port) = addr.split_once(':').context("an address has a port")?;
    let mut command = Command::new(program);
    command.args([ip, port, "4000000"]);
    stand.enter(&mut command, stand.user());
    let (status, text) = Running::start("echo_client", &mut command)?.finish()?;
    ensure!(status.success(), "echo_client: {status}\n{text}");
    Totals::until_clean(&stand, SOON)?;
    peer.kill()?;
    stand.stop()
}

#[test]
fn a_c_server_sends_back_what_it_gets() -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let program = compile("echo_server", stand.dir())?;
    let mut command = Command::new(program);
    command.arg("2");
    stand.enter(&mut command, stand.user());
    let mut server = Running::start("echo_server", &mut command)?;
    let port: u16 = server.expect("listening ")?.parse()?;
    for seed in 0..2 {
        let sent = payload(seed + 51, 1 << 20);
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port))?;
        let mut writer = stream.try_clone()?;
        let bytes = sent.clone();
        let thread = std::thread::spawn(move || -> Result<()> {
            writer.write_all(&bytes)?;
            Ok(writer.shutdown(std::net::Shutdown::Write)?)
        });
        let mut got = Vec::new();
        stream.read_to_end(&mut got)?;
        thread.join().ok().context("the writer panicked")??;
        ensure!(got == sent, "client {seed}: the bytes came back changed");
    }
    let (status, text) = server.finish()?;
    ensure!(status.success(), "echo_server: {status}\n{text}");
    Totals::until_clean(&stand, SOON)?;
    stand.stop()
}

/// Runs a program that needs an echo server as its peer, and expects nothing to be left of it.
fn against_an_echo_server(name: &str) -> Result<()> {
    let place = Place::find()?;
    let mut stand = place.stand(&[])?;
    let program = compile(name, stand.dir())?;
    let mut peer = Running::start("csock-peer", stand.command("csock-peer").arg("echo"))?;
    let addr = peer.expect("listening ")?;
    let (ip, port) = addr.split_once(':').context("an address has a port")?;
    let mut command = Command::new(program);
    command
        .args([ip, port])
        .env("QNX_HOST_DIR", stand.dir().join("qnx"));
    let (status, text) = Running::start(name, &mut command)?.finish()?;
    ensure!(status.success(), "{name}: {status}\n{text}");
    Totals::until_clean(&stand, SOON)?;
    peer.kill()?;
    stand.stop()
}

#[test]
fn a_buffer_is_named_once_and_outlives_its_socket_and_its_session() -> Result<()> {
    against_an_echo_server("buffers")
}

#[test]
fn a_child_is_turned_away_whatever_other_threads_were_doing() -> Result<()> {
    against_an_echo_server("forked")
}

#[test]
fn signals_end_waits_and_nothing_else() -> Result<()> {
    against_an_echo_server("signals")
}

/// U3, C5: a thread that waits may be cancelled, and leaves its socket usable.
#[test]
fn a_cancelled_thread_leaves_nothing_behind() -> Result<()> {
    against_an_echo_server("cancelled")
}
