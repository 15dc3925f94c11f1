//! Tables for a reader and one JSON object for a machine.

use super::{Interfaces, Measured, spin::GAPS, systems::System};
use crate::samples::Samples;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::Write as _;

/// The interfaces, in the order of the tables.
pub const INTERFACES: [&str; 4] = ["ping", "hello", "calculator", "timer"];

/// The third mission document's own figures, microseconds per call (another machine): D-Bus, Thrift, Thrift on its kernel module.
pub const DOCUMENT: [(&str, [f64; 3]); 4] = [
    ("ping", [230.0, 77.0, 47.8]),
    ("hello", [230.0, 39.0, 22.0]),
    ("calculator", [450.4, 95.0, 69.5]),
    ("timer", [350.0, 150.0, 140.0]),
];

/// The systems of [`DOCUMENT`].
pub const DOCUMENT_SYSTEMS: [&str; 3] = ["D-Bus", "Thrift, TSocket", "Thrift on stapler (kernel module)"];

/// Ratios and counts; smaller is better, ours divided by theirs.
#[derive(Serialize)]
struct Ratios {
    ping_vs_thrift: f64,
    hello_vs_thrift: f64,
    /// The same until the server has taken all: a one-way call of Thrift returns before that, MsgSend does not.
    hello_delivered_vs_thrift: f64,
    calculator_vs_thrift: f64,
    timer_vs_thrift: f64,
    ping_vs_dbus: f64,
    thrift_on_msgsend_ping_vs_thrift: f64,
    /// Two processes that hand ping's structure back and forth in shared memory.
    ping_vs_floor: f64,
    /// The same with a bare word, which carries no argument at all.
    ping_vs_word_floor: f64,
    rt_1mib_vs_unix_socket: f64,
    copies_per_message: f64,
    idle_wakeups: u64,
}

/// The JSON object.
pub fn json(measured: &Measured) -> Result<String> {
    let versus = |interface: &str, system: System| -> Result<f64> {
        Ok(time(measured, System::MsgSend, interface)? / time(measured, system, interface)?)
    };
    let largest = measured.payload.last().context("no payload was measured")?;
    let ratios = Ratios {
        ping_vs_thrift: versus("ping", System::Thrift)?,
        hello_vs_thrift: versus("hello", System::Thrift)?,
        hello_delivered_vs_thrift: versus("hello_delivered", System::Thrift)?,
        calculator_vs_thrift: versus("calculator", System::Thrift)?,
        timer_vs_thrift: versus("timer", System::Thrift)?,
        ping_vs_dbus: versus("ping", System::DBus)?,
        thrift_on_msgsend_ping_vs_thrift: time(measured, System::ThriftOnMsgSend, "ping")?
            / time(measured, System::Thrift, "ping")?,
        ping_vs_floor: time(measured, System::MsgSend, "ping")? / measured.two_cores.floor.median(),
        ping_vs_word_floor: time(measured, System::MsgSend, "ping")? / measured.two_cores.word_floor.median(),
        rt_1mib_vs_unix_socket: largest.message.median() / largest.unix_socket.median(),
        copies_per_message: measured.copies_per_message,
        idle_wakeups: measured.idle_wakeups,
    };
    Ok(serde_json::to_string_pretty(&ratios)?)
}

/// Nanoseconds per call of `interface` on `system`, on two cores.
pub fn time(measured: &Measured, system: System, interface: &str) -> Result<f64> {
    Ok(find(&measured.two_cores, system, interface)?.median())
}

fn find<'a>(all: &'a Interfaces, system: System, interface: &str) -> Result<&'a Samples> {
    all.systems
        .iter()
        .find(|(s, _)| *s == system)
        .and_then(|(_, times)| times.get(interface))
        .with_context(|| format!("{interface} was not measured on {}", system.name()))
}

/// Microseconds: the median, and from where to where the runs went.
fn shown(samples: &Samples) -> String {
    let (low, high) = samples.range();
    format!(
        "{:.2} ({:.2} to {:.2})",
        samples.median() / 1000.0,
        low / 1000.0,
        high / 1000.0
    )
}

/// The tables.
pub fn tables(measured: &Measured) -> Result<String> {
    let mut out = String::new();
    for (title, all) in [
        ("two cores", &measured.two_cores),
        ("one core", &measured.one_core),
    ] {
        writeln!(
            out,
            "microseconds per call, {title}: median of {} runs of {} calls each, and their range (hello: until sent, then until taken by \
             the server; calculator: four calls; timer: propagation)\n",
            measured.runs, measured.calls
        )?;
        writeln!(
            out,
            "| | ping | hello | hello, taken | calculator | timer |\n|---|---|---|---|---|---|"
        )?;
        for (system, _) in &all.systems {
            write!(out, "| {} |", system.name())?;
            for interface in ["ping", "hello", "hello_delivered", "calculator", "timer"] {
                write!(out, " {} |", shown(find(all, *system, interface)?))?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "| floor: shared memory, same wait policy, ping's structure | {} | | | | |",
            shown(&all.floor)
        )?;
        writeln!(
            out,
            "| floor: the same with a bare word | {} | | | | |\n",
            shown(&all.word_floor)
        )?;
    }
    writeln!(
        out,
        "another machine's (the third mission document)\n\n| | ping | hello | calculator | timer |\n|---|---|---|---|---|"
    )?;
    for (index, system) in DOCUMENT_SYSTEMS.iter().enumerate() {
        write!(out, "| {system} |")?;
        for (_, figures) in DOCUMENT {
            write!(out, " {} |", figures.get(index).copied().unwrap_or(f64::NAN))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\nmicroseconds per round trip, payload there and back\n\n| bytes | MsgSend | Unix socket | pipes |\n|---|---|---|---|"
    )?;
    for one in &measured.payload {
        writeln!(
            out,
            "| {} | {} | {} | {} |",
            one.size,
            shown(&one.message),
            shown(&one.unix_socket),
            shown(&one.pipes)
        )?;
    }
    writeln!(
        out,
        "\ncalls per second on one server thread\n\n| clients | calls/s |\n|---|---|"
    )?;
    for (clients, rate) in &measured.many {
        writeln!(out, "| {clients} | {rate:.0} |")?;
    }
    writeln!(
        out,
        "\nwait policy: microseconds per call, and CPU microseconds of the server per call, by `QNX_HOST_SPIN_US` and by what the client \
         works between two calls\n"
    )?;
    let gaps = GAPS.map(|gap| format!(" {gap} µs |")).concat();
    writeln!(out, "| spin, µs |{gaps}\n|---|{}", "---|".repeat(GAPS.len()))?;
    for row in &measured.spin {
        let cells: Vec<String> = row
            .cells
            .iter()
            .map(|(time, cpu)| format!(" {time:.2}, {cpu:.2} |"))
            .collect();
        writeln!(out, "| {} |{}", row.spin_us, cells.concat())?;
    }
    writeln!(
        out,
        "\nwake-ups of an idle server and eight idle clients in 5 s: {}",
        measured.idle_wakeups
    )?;
    Ok(out)
}
