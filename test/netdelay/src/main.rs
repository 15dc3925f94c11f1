//! `netdelay [options] -- CMD ARGS...`: see the README.

use lexopt::prelude::*;
use netdelay::{Link, Rules};
use std::error::Error;
use std::ffi::OsString;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitCode};
use std::time::Duration;

const USAGE: &str = "netdelay [--rtt-ms N] [--jitter-ms N] [--loss N[%]] [--seed N] [--mtu N] [--queue N] [--count] -- CMD ARGS...";

struct Arguments {
    rules: Rules,
    mtu: u32,
    count: bool,
    command: Vec<OsString>,
}

fn arguments() -> Result<Arguments, Box<dyn Error>> {
    let mut to = Arguments {
        rules: Rules::default(),
        mtu: 1500,
        count: false,
        command: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rtt-ms") => to.rules.delay = milliseconds(&parser.value()?.string()?)? / 2,
            Long("jitter-ms") => to.rules.jitter = milliseconds(&parser.value()?.string()?)?,
            Long("loss") => to.rules.loss = share(&parser.value()?.string()?)?,
            Long("seed") => to.rules.seed = parser.value()?.parse()?,
            Long("mtu") => to.mtu = parser.value()?.parse()?,
            Long("queue") => to.rules.queue = parser.value()?.parse()?,
            Long("count") => to.count = true,
            Long("help") | Short('h') => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            Value(program) => {
                to.command.push(program);
                to.command.extend(parser.raw_args()?);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if to.command.is_empty() {
        return Err(USAGE.into());
    }
    Ok(to)
}

fn milliseconds(text: &str) -> Result<Duration, Box<dyn Error>> {
    Ok(Duration::try_from_secs_f64(text.parse::<f64>()? / 1000.0)?)
}

/// "0.1%" or "0.001".
fn share(text: &str) -> Result<f64, Box<dyn Error>> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>()? / 100.0,
        None => text.parse()?,
    };
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(format!("{text} is no share").into())
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = arguments()?;
    let link = Link::enter(arguments.rules, arguments.mtu)?;
    let (program, rest) = arguments.command.split_first().ok_or(USAGE)?;
    let mut command = Command::new(program);
    command.args(rest);
    // SAFETY: one call that a child may make between fork and exec. Without us the program's network stands still,
    // so it ends with us; the thread that starts it is the last to end.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    let status = command
        .status()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    if arguments.count {
        let counts = link.counts();
        eprintln!(
            "netdelay: packets {} bytes {} lost {} dropped {}",
            counts.packets, counts.bytes, counts.lost, counts.dropped
        );
    }
    // As a shell tells of a signal.
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    Ok(ExitCode::from(
        code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    ))
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("netdelay: {error}");
        ExitCode::from(125)
    })
}
