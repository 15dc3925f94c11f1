//! `qnx-host pidin`, `qnx-host fd`, `qnx-host names`: what runs in the stand-in of this runtime directory.

mod json;
mod text;

use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::prelude::*;
use qnx_host::admin::{self, Process};
use qnx_host::errno::errno_name;
use serde_json::Value as Json;

const USAGE: &str = "usage: qnx-host [--json] pidin | fd | names [PID...]
  pidin   processes and their threads: id, name, priority, state, and whom they are blocked on:
          SEND and REPLY the server's pid and channel, RECEIVE the own channel
  fd      connections of each process (side channels are 0x40000000|n), its channels and their clients
  names   names and attached paths, the servers behind them, and whether one is stale: left behind by a dead server
  --json  the same as one JSON array
With PIDs only these processes. QNX_HOST_DIR names the runtime directory. `pidin fd` is `fd`.";

/// What is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Threads,
    Connections,
    Names,
}

struct Args {
    what: What,
    json: bool,
    pids: Vec<i32>,
}

fn arguments() -> Result<Args, lexopt::Error> {
    let (mut what, mut json, mut pids) = (None, false, Vec::new());
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("json") => json = true,
            Short('h') | Long("help") => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            Value(word) => {
                let word = word.string()?;
                match (word.as_str(), what) {
                    ("pidin", None) => what = Some(What::Threads),
                    ("fd" | "fds", None | Some(What::Threads)) if pids.is_empty() => {
                        what = Some(What::Connections)
                    }
                    ("names", None) => what = Some(What::Names),
                    (_, Some(_)) => pids.push(word.parse().map_err(|_| format!("{word}: not a pid"))?),
                    _ => return Err(format!("{word}: not a command").into()),
                }
            }
            other => return Err(other.unexpected()),
        }
    }
    let what = what.ok_or("no command")?;
    Ok(Args { what, json, pids })
}

fn run(args: &Args) -> Result<(), String> {
    let say = |errno: qnx_host::errno::Errno| format!("{} ({})", errno_name(errno.0), errno.0);
    let wanted = |pid: i32| args.pids.is_empty() || args.pids.contains(&pid);
    let all = admin::processes().map_err(say)?;
    let shown: Vec<&Process> = all.iter().filter(|process| wanted(process.pid)).collect();
    let names = match args.what {
        What::Names => admin::names().map_err(say)?,
        _ => Vec::new(),
    };
    let names: Vec<_> = names.into_iter().filter(|name| wanted(name.pid)).collect();
    let mut out = io::stdout().lock();
    let written = if args.json {
        let image: Vec<Json> = match args.what {
            What::Threads => shown.iter().map(|process| json::threads(process)).collect(),
            What::Connections => shown.iter().map(|process| json::connections(process)).collect(),
            What::Names => names.iter().map(json::name).collect(),
        };
        writeln!(out, "{:#}", Json::Array(image))
    } else {
        match args.what {
            What::Threads => text::threads(&mut out, &all, &shown),
            What::Connections => text::connections(&mut out, &all, &shown),
            What::Names => text::names(&mut out, &all, &names),
        }
    };
    match written {
        // The reader, a pager or `head`, has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| error.to_string()),
    }
}

fn main() -> ExitCode {
    let args = match arguments() {
        Ok(args) => args,
        Err(error) => {
            eprintln!("qnx-host: {error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qnx-host: {error}");
            ExitCode::FAILURE
        }
    }
}
