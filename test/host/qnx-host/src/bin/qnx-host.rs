//! `qnx-host pidin`, `qnx-host fd`, `qnx-host names`: what runs in the stand-in of this runtime directory.

use std::process::ExitCode;

use qnx_host::admin;
use qnx_host::errno::{Errno, errno_name};

const USAGE: &str = "usage: qnx-host pidin | fd | names
  pidin   processes and their threads: QNX id, priority, state (SEND, RECEIVE, REPLY) and whom they wait for
  fd      connections of each process, and the clients of each channel
  names   names and the servers behind them
QNX_HOST_DIR names the runtime directory.";

/// The words of a line, as many as wanted.
fn words(line: &str) -> [&str; 6] {
    let mut words = line.splitn(6, ' ');
    core::array::from_fn(|_| words.next().unwrap_or(""))
}

fn pidin() -> Result<(), Errno> {
    println!(
        "{:>8} {:>4} {:<24} {:>4} {:<8} blocked on",
        "pid", "tid", "name", "prio", "state"
    );
    for text in admin::processes()? {
        let (mut pid, mut name) = ("", "");
        for line in text.lines() {
            match words(line) {
                ["process", id, called, ..] => (pid, name) = (id, called),
                ["thread", tid, state, server, chid, priority] => {
                    let on = match state {
                        "SEND" | "REPLY" => format!("pid {server} chid {chid}"),
                        "RECEIVE" => format!("chid {chid}"),
                        _ => String::new(),
                    };
                    println!("{pid:>8} {tid:>4} {name:<24} {priority:>4} {state:<8} {on}");
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn connections() -> Result<(), Errno> {
    for text in admin::processes()? {
        for line in text.lines() {
            match words(line) {
                ["process", pid, name, ..] => println!("{pid} {name}"),
                ["channel", chid, flags, ..] => println!("    channel {chid} flags {flags}"),
                ["coid", coid, pid, chid, scoid, state] => {
                    println!("    coid {coid} -> pid {pid} chid {chid} (scoid {scoid}) {state}");
                }
                ["scoid", scoid, pid, chid, ..] => println!("    scoid {scoid} <- pid {pid} on chid {chid}"),
                ["handles", count, ..] if count != "0" => println!("    {count} memory handles not used yet"),
                _ => {}
            }
        }
    }
    Ok(())
}

fn names() -> Result<(), Errno> {
    for name in admin::names()? {
        let state = if name.alive { "" } else { " (dead)" };
        println!("{:<32} pid {} chid {}{state}", name.name, name.pid, name.chid);
    }
    Ok(())
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let result = match (args.next().as_deref(), args.next()) {
        (Some("pidin"), None) => pidin(),
        (Some("fd"), None) => connections(),
        (Some("names"), None) => names(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(errno) => {
            eprintln!("qnx-host: {} ({})", errno_name(errno.0), errno.0);
            ExitCode::FAILURE
        }
    }
}
