//! What the commands print for people.

use std::io::{self, Write};

use qnx_host::admin::{self, Process, Thread};

/// Linux's calls that threads are found in most; others are shown by number.
pub fn call_name(call: i64) -> String {
    let known = [
        (libc::SYS_futex, "futex"),
        (libc::SYS_read, "read"),
        (libc::SYS_write, "write"),
        (libc::SYS_ppoll, "poll"),
        (libc::SYS_epoll_pwait, "epoll"),
        (libc::SYS_wait4, "wait"),
        (libc::SYS_waitid, "wait"),
        (libc::SYS_accept4, "accept"),
        (libc::SYS_recvmsg, "recvmsg"),
        (libc::SYS_recvfrom, "recv"),
        (libc::SYS_sendto, "send"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_poll, "poll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_epoll_wait, "epoll"),
        #[cfg(target_arch = "x86_64")]
        (libc::SYS_pause, "pause"),
    ];
    let name = known.iter().find(|(number, _)| *number == call);
    name.map_or_else(|| format!("call {call}"), |(_, name)| name.to_string())
}

/// The program behind a pid, if it is one of ours and lives.
fn program(all: &[Process], pid: i32) -> &str {
    let found = all.iter().find(|process| process.pid == pid);
    found.map_or("", |process| process.name.as_str())
}

fn blocked_on(all: &[Process], thread: &Thread) -> String {
    match thread.state.as_str() {
        "SEND" | "REPLY" => format!("{} chid {} {}", thread.pid, thread.chid, program(all, thread.pid)),
        "RECEIVE" => thread.chid.to_string(),
        "BLOCKED" => format!("Linux: {}", call_name(thread.call)),
        _ => String::new(),
    }
}

/// `pidin`: a line per thread. `all` to find names of servers in, `shown` to print.
pub fn threads(out: &mut impl Write, all: &[Process], shown: &[&Process]) -> io::Result<()> {
    writeln!(
        out,
        "{:>8} {:>4} {:<20} {:>4}  {:<11} Blocked",
        "pid", "tid", "name", "prio", "STATE"
    )?;
    for process in shown {
        let (pid, name) = (process.pid, &process.name);
        if process.silent {
            writeln!(out, "{pid:>8} {:>4} {name:<20} {:>4}  STOPPED", "-", "-")?;
        }
        for thread in &process.threads {
            let line = format!(
                "{pid:>8} {:>4} {name:<20} {:>3}r  {:<11} {}",
                thread.tid,
                thread.priority,
                thread.state,
                blocked_on(all, thread)
            );
            writeln!(out, "{}", line.trim_end())?;
        }
        print_cut(out, process)?;
    }
    Ok(())
}

fn print_cut(out: &mut impl Write, process: &Process) -> io::Result<()> {
    if process.cut {
        writeln!(out, "{:>8} (has more to show than fits)", process.pid)?;
    }
    Ok(())
}

/// A connection's number as QNX's tools write it: descriptors in decimal, side channels in hexadecimal.
fn coid(number: i32) -> String {
    if number & 0x4000_0000 != 0 {
        format!("{number:#x}")
    } else {
        number.to_string()
    }
}

/// `fd`: a block per process.
pub fn connections(out: &mut impl Write, all: &[Process], shown: &[&Process]) -> io::Result<()> {
    writeln!(out, "{:>8} name", "pid")?;
    for process in shown {
        let stopped = if process.silent { " (stopped)" } else { "" };
        writeln!(out, "{:>8} {}{stopped}", process.pid, process.name)?;
        for connection in &process.connections {
            let state = if connection.dead { " dead" } else { "" };
            let number = coid(connection.coid);
            writeln!(
                out,
                "{number:>20} -> pid {} chid {} scoid {:#x} flags {:#x} {}{state}",
                connection.pid,
                connection.chid,
                connection.scoid,
                connection.flags,
                program(all, connection.pid)
            )?;
        }
        for channel in &process.channels {
            writeln!(
                out,
                "{:>20} flags {:#x}",
                format!("chid {}", channel.chid),
                channel.flags
            )?;
            for client in process
                .clients
                .iter()
                .filter(|client| client.chid == channel.chid)
            {
                writeln!(
                    out,
                    "{:>20} <- pid {} {}",
                    format!("{:#x}", client.scoid),
                    client.pid,
                    program(all, client.pid)
                )?;
            }
        }
        if process.handles != 0 {
            writeln!(out, "{:>20} memory handles not used yet", process.handles)?;
        }
        print_cut(out, process)?;
    }
    Ok(())
}

/// `names`: a line per name.
pub fn names(out: &mut impl Write, all: &[Process], names: &[admin::Name]) -> io::Result<()> {
    writeln!(
        out,
        "{:>8} {:>5} {:<6} {:<20} name",
        "pid", "chid", "state", "server"
    )?;
    for name in names {
        writeln!(
            out,
            "{:>8} {:>5} {:<6} {:<20} {}",
            name.pid,
            name.chid,
            if name.alive { "ok" } else { "stale" },
            if name.alive { program(all, name.pid) } else { "" },
            name.name
        )?;
    }
    Ok(())
}
