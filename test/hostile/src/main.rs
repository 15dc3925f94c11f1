//! `csock-hostile`: clients of the module that speak its protocol by hand, honest and not.

use anyhow::{Context, Result, bail};
use csock_hostile::checks;
use std::process::ExitCode;

const USAGE: &str = "\
usage: csock-hostile check [NAME...] [--path PATH]   what must work: every byte compared, figures from the ledger
";

fn main() -> Result<ExitCode> {
    use lexopt::prelude::*;
    let (mut words, mut path) = (Vec::new(), String::from("/dev/csock"));
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("path") => path = parser.value()?.string()?,
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
        ["check", ref names @ ..] => check(names, &path),
        _ => bail!("{USAGE}"),
    }
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
            Ok(done) => {
                let per = |n: u64| n as f64 / done.operations as f64;
                let c = &done.counters;
                println!(
                    "ok {name}: {} operations in {:.3} s; each: {:.5} messages, {:.5} doorbells ({:.5} by message), {:.5} events, {:.5} worker wake-ups",
                    done.operations,
                    done.seconds,
                    per(c.control_msgs),
                    per(c.doorbells),
                    per(c.doorbell_msgs),
                    per(c.events),
                    per(c.worker_wakeups),
                );
            }
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
