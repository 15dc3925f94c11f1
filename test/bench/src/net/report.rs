//! The keys with their bars, for a reader, and one JSON object for a machine.

use super::{
    Measured,
    case::Scenario,
    formula::Bar,
    keys::{self, Key},
    results::Row,
};
use crate::samples::Samples;
use anyhow::Result;
use serde::Serialize;
use std::{collections::BTreeMap, fmt::Write as _};

/// How a figure stands to its bar.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

impl Verdict {
    fn text(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Missed => "missed",
            Self::NotMeasured => "not measured",
        }
    }
}

/// A figure as it is printed and written.
#[derive(Serialize)]
struct Figure {
    name: String,
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    bar: String,
    verdict: Verdict,
    /// What went otherwise than the key says.
    notes: Vec<String>,
}

impl Figure {
    fn new(name: &str, bar: Bar, samples: &Samples, notes: Vec<String>, as_asked: bool) -> Self {
        let value = Some(samples.median()).filter(|v| v.is_finite());
        let (low, high) = samples.range();
        let verdict = match value {
            None => Verdict::NotMeasured,
            Some(value) if as_asked && bar.is_met(value) => Verdict::Met,
            Some(_) => Verdict::Missed,
        };
        Self {
            name: name.to_owned(),
            value,
            low: value.map(|_| low),
            high: value.map(|_| high),
            bar: bar.to_string(),
            verdict,
            notes,
        }
    }
}

fn figure(measured: &Measured, key: &Key) -> Figure {
    let results = &measured.results;
    let mut samples = Samples::default();
    for round in 0..results.rounds() {
        if let Some(value) = key.formula.value(results, round).filter(|v| v.is_finite()) {
            samples.push(value);
        }
    }
    let (mut notes, mut as_asked) = (Vec::new(), true);
    for (case, _) in key.formula.terms() {
        for text in results.failures(&case) {
            notes.push(format!("{}: failed: {text}", case.describe()));
        }
        // How many can be opened by default is the very question of that scenario.
        let fewest = results
            .outcomes(&case)
            .map(|o| (o.opened, o.refused.clone()))
            .min();
        if let Some((opened, refused)) = fewest
            && opened < case.sockets
        {
            as_asked &= case.scenario == Scenario::IdleByDefault;
            let why = refused.unwrap_or_default();
            notes.push(format!("{}: only {opened} opened: {why}", case.describe()));
        }
    }
    notes.dedup();
    Figure::new(key.name, key.bar, &samples, notes, as_asked)
}

fn figures(measured: &Measured) -> Vec<Figure> {
    let mut all: Vec<Figure> = keys::all().iter().map(|key| figure(measured, key)).collect();
    all.extend(victims(measured));
    all
}

/// Bars of the victim's figures: hostile over honest, and milliseconds beside the honest one.
const VICTIM_RATIO: Bar = Bar::AtMost(1.5);
const VICTIM_MS: Bar = Bar::AtMost(5.0);

fn victims(measured: &Measured) -> Vec<Figure> {
    let mut all = Vec::new();
    // The worst of the scenarios' medians.
    let mut worst = f64::NAN;
    for (name, beside) in &measured.victims {
        let name = format!("victim_p99_hostile_vs_honest[{name}]");
        all.push(Figure::new(
            &name,
            VICTIM_RATIO,
            &beside.ratio,
            beside.failures.clone(),
            true,
        ));
        worst = worst.max(beside.honest.median() / 1e6);
    }
    let mut honest = Samples::default();
    honest.push(worst);
    let absent = || vec!["there is no program csock-hostile yet".to_owned()];
    if all.is_empty() {
        let name = "victim_p99_hostile_vs_honest";
        all.push(Figure::new(
            name,
            VICTIM_RATIO,
            &Samples::default(),
            absent(),
            true,
        ));
    }
    let notes = if measured.victims.is_empty() {
        absent()
    } else {
        Vec::new()
    };
    all.push(Figure::new(
        "victim_p99_ms_beside_honest",
        VICTIM_MS,
        &honest,
        notes,
        true,
    ));
    all
}

/// Four digits that matter.
pub fn short(value: f64) -> String {
    match value.abs() {
        v if v == 0.0 || v.fract() == 0.0 && v < 1e9 => format!("{value:.0}"),
        v if v >= 1000.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

/// The keys as a table.
pub fn keys(measured: &Measured) -> Result<String> {
    let mut out = String::new();
    writeln!(
        out,
        "| key | here | range of {} rounds | bar | |\n|---|---|---|---|---|",
        measured.rounds
    )?;
    let all = figures(measured);
    for f in &all {
        let (value, range) = match (f.value, f.low, f.high) {
            (Some(value), Some(low), Some(high)) => {
                (short(value), format!("{} to {}", short(low), short(high)))
            }
            _ => ("".to_owned(), "".to_owned()),
        };
        writeln!(
            out,
            "| `{}` | {value} | {range} | {} | {} |",
            f.name,
            f.bar,
            f.verdict.text()
        )?;
    }
    let count = |verdict| all.iter().filter(|f| f.verdict == verdict).count();
    writeln!(
        out,
        "\n{} met, {} missed, {} not measured",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::NotMeasured)
    )?;
    for f in &all {
        for note in &f.notes {
            writeln!(out, "- `{}`: {note}", f.name)?;
        }
    }
    Ok(out)
}

/// The JSON object: each key with its median at the top, the same with range, bar and verdict below, then every run.
pub fn json(measured: &Measured) -> Result<String> {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(flatten)]
        keys: BTreeMap<String, serde_json::Value>,
        figures: Vec<Figure>,
        rounds: usize,
        warm_up_ms: u64,
        measure_ms: u64,
        quick: bool,
        cases: Vec<Row<'a>>,
    }
    let figures = figures(measured);
    let mut keys: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    for f in &figures {
        match f.name.split_once('[') {
            // One object for what there is for each scenario.
            Some((name, scenario)) => {
                let object = keys
                    .entry(name.to_owned())
                    .or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
                if let Some(object) = object.as_object_mut() {
                    object.insert(scenario.trim_end_matches(']').to_owned(), f.value.into());
                }
            }
            None => drop(keys.insert(f.name.clone(), f.value.into())),
        }
    }
    Ok(serde_json::to_string_pretty(&Document {
        keys,
        figures,
        rounds: measured.rounds,
        warm_up_ms: measured.times.warm_up,
        measure_ms: measured.times.measure,
        quick: measured.quick,
        cases: measured.results.rows(),
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::case::{Case, Outcome};
    use crate::net::{plan, results::Results, run::Times};

    /// The names of the issue that asks for them.
    const NAMES: [&str; 32] = [
        "tx_100b_vs_message_path",
        "tx_100b_vs_kernel",
        "tx_1k_vs_kernel",
        "tx_1mib_inplace_vs_kernel",
        "tx_1mib_copy_vs_kernel",
        "tx_100b_inplace_vs_copy",
        "client_cpu_100b_vs_kernel_send",
        "tx_100b_inflight_fill_20ms",
        "tx_100b_20ms_vs_message_path",
        "tx_1b_nagle_vs_message_path",
        "rx_1mib_inplace_vs_message_path",
        "rx_1mib_inplace_vs_kernel",
        "rx_100b_vs_kernel",
        "rr_1k_p50_vs_message_path",
        "rr_1k_p50_vs_kernel",
        "rr_wakeups_per_op",
        "rr_wakeups_per_op_root",
        "rr_doorbells_per_op",
        "rr_cpu_per_op_vs_message_path",
        "rr_1k_p50_busy_vs_message_path",
        "tx_100b_busy_vs_kernel",
        "control_msgs_per_million_ops",
        "doorbells_per_op_streaming",
        "tx_copied_per_byte",
        "rx_copied_per_byte",
        "idle_wakeups_1000_sockets_5s",
        "stalled_client_wakeups_5s",
        "bytes_per_idle_socket",
        "idle_connections_by_default",
        "cost_per_op_1000_sockets_vs_1",
        "victim_p99_hostile_vs_honest",
        "victim_p99_ms_beside_honest",
    ];

    fn measured(results: Results) -> Measured {
        Measured {
            results,
            victims: super::super::victim::Victims::new(),
            rounds: 1,
            times: Times {
                warm_up: 1,
                measure: 1,
            },
            quick: true,
        }
    }

    fn outcome(case: &Case) -> Outcome {
        let mut outcome = Outcome {
            opened: case.sockets,
            operations: 1000,
            seconds: 1.0,
            latency: Some(crate::net::case::Latency::default()),
            memory: Some([1, 2, 3]),
            ..Outcome::default()
        };
        outcome.usage.client_cpu = 1.0;
        outcome.counts.tx_bytes = 1;
        outcome.counts.rx_bytes = 1;
        outcome
    }

    #[test]
    fn the_quick_plan_gives_every_key_a_value_but_the_victims() -> Result<()> {
        let mut results = Results::default();
        for case in plan::quick() {
            results.add(case, Ok(outcome(&case)));
        }
        let mut measured = measured(results);
        let names: Vec<String> = figures(&measured).iter().map(|f| f.name.clone()).collect();
        assert_eq!(names, NAMES);
        let unmeasured = |measured: &Measured| {
            figures(measured)
                .iter()
                .filter(|f| f.verdict == Verdict::NotMeasured)
                .count()
        };
        // Two of the victim; the latencies' ratios are 0 over 0 here.
        assert_eq!(unmeasured(&measured), 2 + 3);
        let beside = measured.victims.entry("storm".to_owned()).or_default();
        beside.ratio.push(1.0);
        beside.honest.push(1e6);
        assert_eq!(unmeasured(&measured), 3);
        let object: serde_json::Value = serde_json::from_str(&json(&measured)?)?;
        for name in NAMES {
            assert!(object.get(name).is_some(), "{name} is not in the JSON object");
        }
        assert_eq!(object["victim_p99_hostile_vs_honest"]["storm"], 1.0);
        Ok(())
    }

    #[test]
    fn what_failed_or_fell_short_is_never_met() {
        let mut results = Results::default();
        for case in plan::quick() {
            let result = match case.scenario {
                Scenario::Idle => Ok(Outcome {
                    opened: 10,
                    ..outcome(&case)
                }),
                Scenario::Stalled => Err("it hung".to_owned()),
                _ => Ok(outcome(&case)),
            };
            results.add(case, result);
        }
        let all = figures(&measured(results));
        let verdict = |name: &str| all.iter().find(|f| f.name == name).map(|f| f.verdict);
        assert_eq!(
            verdict("idle_wakeups_1000_sockets_5s"),
            Some(Verdict::Missed),
            "no wake-up, but of ten sockets"
        );
        assert_eq!(verdict("stalled_client_wakeups_5s"), Some(Verdict::NotMeasured));
    }
}
