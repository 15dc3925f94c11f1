//! Tables for a reader: counts before times, a row for each road under the same conditions.

use super::{
    Measured,
    case::{Case, Outcome, RoadKind, Scenario, User},
    formula::Metric,
    keys,
    report::short,
};
use crate::samples::Samples;
use anyhow::Result;
use std::fmt::Write as _;

/// A case without its road: the rows of a table.
fn conditions(case: &Case) -> Case {
    Case {
        road: RoadKind::CsockCopy,
        ..*case
    }
}

fn title(case: &Case) -> String {
    let user = match case.user {
        User::Ordinary => "ordinary user",
        User::Root => "root",
    };
    let cores = if case.cores == 1 { "one core" } else { "two cores" };
    let mut text = format!("{} B, {user}, {cores}", case.size);
    if case.sockets != 1 {
        let _ = write!(text, ", {} sockets", case.sockets);
    }
    if case.line {
        let _ = write!(text, ", a line with a round trip of {} ms", case.delay_ms);
    } else if case.acks {
        let _ = write!(text, ", acknowledged after {} ms", case.delay_ms);
    }
    if case.busy {
        text.push_str(", two busy loops");
    }
    text
}

/// A column of a table: its head and its number.
type Column = (&'static str, Metric);

const COUNTS: [Column; 5] = [
    ("messages", |_, o| o.counts.messages as f64 / o.operations as f64),
    ("doorbells", keys::doorbells),
    ("wake-ups: program", |_, o| {
        o.usage.client_wakeups as f64 / o.operations as f64
    }),
    ("io-sock", |_, o| {
        o.usage.server_wakeups as f64 / o.operations as f64
    }),
    ("below", |_, o| o.usage.stack_wakeups as f64 / o.operations as f64),
];

const CPU: [Column; 2] = [
    ("CPU: program, µs", |case, o| 1e6 * keys::client_cpu(case, o)),
    ("program and io-sock, µs", |case, o| 1e6 * keys::cpu(case, o)),
];

/// All tables.
pub fn all(measured: &Measured) -> Result<String> {
    let mut out = String::new();
    let stream: Vec<Column> = [COUNTS.as_slice(), &CPU].concat();
    let mut sent = stream.clone();
    sent.push(("copies per byte", keys::tx_copied));
    let mut received = stream.clone();
    received.push(("copies per byte", keys::rx_copied));
    let speed: [Column; 2] = [
        ("operations/s", keys::rate),
        ("MiB/s", |case, o| {
            keys::rate(case, o) * f64::from(case.size) / f64::from(1 << 20)
        }),
    ];
    sent.extend(speed);
    received.extend(speed);
    let mut turns = stream.clone();
    turns.extend::<[Column; 3]>([
        ("p50, µs", |case, o| keys::p50(case, o) / 1000.0),
        ("p99, µs", |_, o| {
            o.latency.map_or(f64::NAN, |l| l.p99 as f64 / 1000.0)
        }),
        ("p99.9, µs", |_, o| {
            o.latency.map_or(f64::NAN, |l| l.p999 as f64 / 1000.0)
        }),
    ]);
    let idle: [Column; 5] = [
        ("opened", |_, o| o.opened.into()),
        ("wake-ups in 5 s: program", |_, o| o.usage.client_wakeups as f64),
        ("io-sock", |_, o| o.usage.server_wakeups as f64),
        ("below", |_, o| o.usage.stack_wakeups as f64),
        ("bytes per socket", keys::bytes_per_socket),
    ];
    for (scenario, counting, caption, columns) in [
        (
            Scenario::StreamOut,
            false,
            "Streaming out, per message",
            sent.as_slice(),
        ),
        (
            Scenario::StreamIn,
            false,
            "Streaming in, per buffer's length",
            &received,
        ),
        (
            Scenario::RequestResponse,
            true,
            "Request and response, counts, waits that do not spin",
            &turns,
        ),
        (Scenario::RequestResponse, false, "Request and response", &turns),
        (Scenario::Idle, false, "Idle sockets", &idle),
        (
            Scenario::IdleByDefault,
            false,
            "Idle sockets with default settings",
            &idle,
        ),
        (
            Scenario::Stalled,
            false,
            "A program stopped in mid-transfer",
            &idle,
        ),
    ] {
        let cases: Vec<Case> = measured
            .results
            .rows()
            .iter()
            .map(|row| row.case)
            .filter(|case| case.scenario == scenario && case.counting == counting)
            .collect();
        if !cases.is_empty() {
            table(&mut out, measured, caption, columns, &cases)?;
        }
    }
    Ok(out)
}

fn table(
    out: &mut String,
    measured: &Measured,
    caption: &str,
    columns: &[Column],
    cases: &[Case],
) -> Result<()> {
    let heads: Vec<&str> = columns.iter().map(|(head, _)| *head).collect();
    writeln!(out, "**{caption}**\n\n| | {} |", heads.join(" | "))?;
    writeln!(out, "|---|{}", "---|".repeat(columns.len()))?;
    let mut last = None;
    for case in cases {
        if last != Some(conditions(case)) {
            last = Some(conditions(case));
            writeln!(out, "| *{}* |{}", title(case), " |".repeat(columns.len()))?;
        }
        let outcomes: Vec<&Outcome> = measured.results.outcomes(case).collect();
        let failures = measured.results.failures(case).count();
        let note = match failures {
            0 => String::new(),
            n => format!(" ({n} of {} failed)", n + outcomes.len()),
        };
        write!(out, "| {}{note} |", case.road.name())?;
        for (_, metric) in columns {
            let mut samples = Samples::default();
            for outcome in &outcomes {
                samples.push(metric(case, outcome));
            }
            write!(out, " {} |", cell(&samples))?;
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    Ok(())
}

/// The median, and the range where it matters.
fn cell(samples: &Samples) -> String {
    let (median, (low, high)) = (samples.median(), samples.range());
    if !median.is_finite() {
        String::new()
    } else if short(low) == short(high) {
        short(median)
    } else {
        format!("{} ({} to {})", short(median), short(low), short(high))
    }
}
