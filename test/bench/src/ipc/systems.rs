//! Running one interface on one system: start the server, run the client, read its results, end the server by its id.

use super::build::Built;
use crate::samples::Samples;
use anyhow::{Context, Result, bail};
use csock_apps::stand::Running;
use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

/// Nanoseconds per call of each run, by interface: `ping`, `hello` (until sent), `hello_delivered` (until the server has taken all),
/// `calculator` (four calls), `timer` (propagation).
pub type Times = BTreeMap<String, Samples>;

/// A way to call another process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    DBus,
    Thrift,
    ThriftOnMsgSend,
    MsgSend,
}

impl System {
    /// All of them, in the order of the tables.
    pub const ALL: [Self; 4] = [Self::DBus, Self::Thrift, Self::ThriftOnMsgSend, Self::MsgSend];

    /// The name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::DBus => "D-Bus",
            Self::Thrift => "Thrift, TSocket",
            Self::ThriftOnMsgSend => "Thrift on MsgSend",
            Self::MsgSend => "MsgSend",
        }
    }
}

/// A D-Bus daemon of our own, ended by its id.
pub struct Bus {
    address: String,
    daemon: Running,
}

impl Bus {
    /// Starts the daemon.
    pub fn start() -> Result<Self> {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--print-address=1"]);
        let mut daemon = Running::start("dbus-daemon", &mut command)?;
        let address = daemon.expect("unix:")?;
        Ok(Self {
            address: format!("unix:{address}"),
            daemon,
        })
    }

    /// Ends it.
    pub fn stop(self) -> Result<()> {
        self.daemon.kill()
    }
}

/// Runs the three services on `system` once and adds their times; `calls` of each, `ticks` of the timer. `wrap` is put before each
/// command (`taskset -c 0`).
pub fn measure(
    system: System,
    built: &Built,
    bus: &Bus,
    dir: &Path,
    (calls, ticks): (u32, u32),
    wrap: &[&str],
    times: &mut Times,
) -> Result<()> {
    for service in ["ping", "calculator", "timer"] {
        let calls = if service == "timer" { ticks } else { calls }.to_string();
        let name = format!("bench-{service}");
        let (program, server_args): (&Path, Vec<&str>) = match system {
            System::DBus => (&built.dbus, vec!["server"]),
            System::Thrift => (&built.thrift_server, vec!["tsocket", service]),
            System::ThriftOnMsgSend => (&built.thrift_server, vec!["msgsend", service, &name]),
            System::MsgSend => (&built.native, vec!["server", &name]),
        };
        let mut server = Running::start(system.name(), command(program, bus, dir, wrap).args(server_args))?;
        let port = server.expect("ready ")?;
        let (program, client_args): (&Path, Vec<&str>) = match system {
            System::DBus => (&built.dbus, vec!["client", service, &calls]),
            System::Thrift => (&built.thrift_client, vec!["tsocket", service, &port, &calls]),
            System::ThriftOnMsgSend => (&built.thrift_client, vec!["msgsend", service, &name, &calls]),
            System::MsgSend => (&built.native, vec!["client", service, &name, &calls]),
        };
        let client = Running::start(system.name(), command(program, bus, dir, wrap).args(client_args))?;
        let (status, text) = client.finish()?;
        server.kill()?;
        if !status.success() {
            bail!(
                "{} {service}: the client ended with {status}\n{text}",
                system.name()
            );
        }
        read(&text, times).with_context(|| format!("{} {service}", system.name()))?;
    }
    Ok(())
}

fn command(program: &Path, bus: &Bus, dir: &Path, wrap: &[&str]) -> Command {
    let mut command = match wrap.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    };
    command
        .env("QNX_HOST_DIR", dir.join("qnx"))
        .env("DBUS_SESSION_BUS_ADDRESS", &bus.address)
        .stderr(Stdio::inherit());
    command
}

/// Reads `result INTERFACE NANOSECONDS CALLS` lines.
fn read(text: &str, times: &mut Times) -> Result<()> {
    let mut found = false;
    for line in text.lines().filter_map(|l| l.strip_prefix("result ")) {
        let mut words = line.split_whitespace();
        let interface = words.next().context("a result without an interface")?;
        let total: f64 = words.next().context("a result without a time")?.parse()?;
        let calls: f64 = words.next().context("a result without a count")?.parse()?;
        times.entry(interface.to_owned()).or_default().push(total / calls);
        found = true;
    }
    if !found {
        bail!("the client printed no result:\n{text}");
    }
    Ok(())
}
