//! `csock-hostile`: clients of the module that speak its protocol by hand, honest and not.

use anyhow::{Context, Result, bail};
use csock_hostile::{
    checks,
    raw::Session,
    scenario::{self, Plan, Row},
    victim,
};
use csock_wire::msg;
use serde_json::{Map, Value, json};
use std::process::ExitCode;

const USAGE: &str = "\
usage: csock-hostile [run] SCENARIO [--honest]   misbehaves, beside honest traffic; --honest: only the traffic
       csock-hostile honest [--busy]             the same traffic; --busy: beside threads that compute, as the hostile ones do
       csock-hostile list | --list [--json]      scenarios, one a line
       csock-hostile check [NAME...]             what must work: every byte compared, figures from the ledger
       csock-hostile victim                      an honest client that measures its latencies
       csock-hostile stats                       the module's ledger, for root

options: --seconds N (2)  --sockets K (8)  --path PATH ($SOCK/dev/csock)  --json
Each prints 'ready' once it is at work and ends with status 0 when the module kept to the rules.
";

struct Options {
    path: String,
    seconds: f64,
    sockets: usize,
    honest: bool,
    busy: bool,
    json: bool,
}

fn main() -> ExitCode {
    work().unwrap_or_else(|error| {
        eprintln!("csock-hostile: {error:#}");
        ExitCode::FAILURE
    })
}

fn work() -> Result<ExitCode> {
    use lexopt::prelude::*;
    let mut words: Vec<String> = Vec::new();
    let mut options = Options {
        // As the library: SOCK names the io-sock.
        path: std::env::var("SOCK").unwrap_or_default() + msg::NODE_PATH,
        seconds: 2.0,
        sockets: 8,
        honest: false,
        busy: false,
        json: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("path") => options.path = parser.value()?.string()?,
            Long("seconds") => options.seconds = parser.value()?.parse()?,
            Long("sockets") => options.sockets = parser.value()?.parse()?,
            Long("honest") => options.honest = true,
            Long("busy") => options.busy = true,
            Long("json") => options.json = true,
            Long("list") => words.push("list".into()),
            Long("help") | Short('h') => {
                print!("{USAGE}");
                return Ok(ExitCode::SUCCESS);
            }
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["list"] => list(options.json),
        ["check", ref names @ ..] => return check(names, &options.path),
        ["victim"] => println!("{}", victim::watch(&options.path, options.seconds)?),
        ["stats"] => stats(&options.path)?,
        ["honest"] => {
            options.honest = true;
            run(&scenario::ALL[0], &options)?;
        }
        ["run", name] | [name] => match scenario::find(name) {
            Some(row) => run(row, &options)?,
            None => bail!("there is no scenario '{name}'\n{USAGE}"),
        },
        _ => bail!("{USAGE}"),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(json: bool) {
    for row in scenario::ALL {
        if json {
            println!(
                "{}",
                json!({ "name": row.name, "what": row.what, "needs_pulses": row.pulses })
            );
        } else {
            println!("{}", row.name);
        }
    }
}

fn run(row: &Row, options: &Options) -> Result<()> {
    let plan = Plan::new(&options.path, options.seconds, options.sockets);
    if options.honest {
        plan.honest(options.busy)?;
    } else {
        plan.run(row)?;
    }
    let counted = |n: &std::sync::atomic::AtomicU64| n.load(std::sync::atomic::Ordering::Relaxed);
    let report = json!({
        "scenario": if options.honest { "honest" } else { row.name },
        "acts": counted(&plan.acts),
        "bytes": counted(&plan.bytes),
        "answers": plan.answers(),
    });
    if options.json {
        println!("{report}");
    } else {
        println!(
            "{} acts, {} bytes of honest traffic",
            report["acts"], report["bytes"]
        );
        for (answer, count) in plan.answers() {
            println!("{count:>10} {answer}");
        }
    }
    Ok(())
}

/// The totals, which the module tells root alone.
fn stats(path: &str) -> Result<()> {
    let total = Session::open(path)?.stats()?.total;
    let named: Map<String, Value> = total
        .named()
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    println!("{}", Value::from(named));
    Ok(())
}

fn check(names: &[&str], path: &str) -> Result<ExitCode> {
    let mut failed = 0;
    let known = |name| checks::ALL.iter().any(|(known, _)| *known == name);
    if let Some(name) = names.iter().find(|name| !known(**name)) {
        bail!("there is no check '{name}'");
    }
    for (name, check) in checks::ALL {
        if !names.is_empty() && !names.contains(name) {
            continue;
        }
        match check(path).with_context(|| format!("check {name}")) {
            Ok(done) => println!("ok {name}: {done}"),
            Err(error) => {
                failed += 1;
                println!("FAILED {error:#}");
            }
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
