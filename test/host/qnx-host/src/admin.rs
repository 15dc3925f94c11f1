//! Looking at a running stand-in from outside: processes, what their threads are blocked on, connections, names.
//!
//! Nothing here waits for long: a process that is stopped, dying or silent is reported as such.

use std::fs;
use std::time::Duration;

use crate::dir;
use crate::errno::Errno;
use crate::fds::Fd;
use crate::names;
use crate::proc_state;
use crate::resmgr::registry;
use crate::sys;
use crate::wire::{self, PACKET_LEN, Packet, op};

/// How long all processes together may take to describe themselves; each answers at once unless it is stopped.
const PATIENCE: Duration = Duration::from_secs(2);
/// Processes asked at the same time: a descriptor each.
const AT_ONCE: usize = 64;

/// A name and where it leads.
#[derive(Debug, Clone)]
pub struct Name {
    /// As given to name_attach; or a path, which begins with a slash.
    pub name: String,
    /// The server.
    pub pid: i32,
    /// Its channel.
    pub chid: i32,
    /// False for what a dead server has left behind.
    pub alive: bool,
}

/// A thread that has used a call of the stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// QNX's id.
    pub tid: i32,
    /// QNX's word: SEND, RECEIVE, REPLY, RUNNING, STOPPED, NANOSLEEP, SIGWAITINFO, SIGSUSPEND; or BLOCKED: in a call of
    /// Linux that QNX has no state for.
    pub state: String,
    /// Whom it waits for: the server (SEND, REPLY); 0 else.
    pub pid: i32,
    /// The server's channel, or its own (RECEIVE).
    pub chid: i32,
    /// QNX priority when it last blocked.
    pub priority: i32,
    /// Linux's id.
    pub linux_tid: i32,
    /// Number of Linux's call that it is BLOCKED in, -1 for none.
    pub call: i64,
    /// Linux's name of it.
    pub name: String,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Its number.
    pub chid: i32,
    /// `_NTO_CHF_*`.
    pub flags: u32,
}

/// A connection that the process has as a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its number; bit 30 marks a side channel.
    pub coid: i32,
    /// The server.
    pub pid: i32,
    /// Its channel.
    pub chid: i32,
    /// What the server calls us.
    pub scoid: i32,
    /// The server or its channel is gone.
    pub dead: bool,
    /// `_NTO_COF_*`.
    pub flags: u32,
}

/// A client that the process has as a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub scoid: i32,
    /// The client.
    pub pid: i32,
    /// The channel.
    pub chid: i32,
}

/// One process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// Its program.
    pub name: String,
    /// It is stopped or does not answer: only pid and name are known.
    pub silent: bool,
    /// It had more to say than fits.
    pub cut: bool,
    /// Threads that have used the stand-in.
    pub threads: Vec<Thread>,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// What it is connected to.
    pub connections: Vec<Connection>,
    /// Who is connected to it.
    pub clients: Vec<Client>,
    /// Memory handles that it made and nobody has used yet.
    pub handles: usize,
}

/// All names in the runtime directory, and all attached paths. Asks each server whether it lives; a stopped one does.
pub fn names() -> Result<Vec<Name>, Errno> {
    let names = names::all()?.into_iter();
    let names = names.map(|(name, record, alive)| Name {
        name,
        pid: record.pid,
        chid: record.chid,
        alive,
    });
    let paths = registry::all()?.into_iter();
    let paths = paths.map(|record| Name {
        alive: dir::is_alive(record.pid, record.nonce, record.chid),
        name: record.path,
        pid: record.pid,
        chid: record.chid,
    });
    Ok(names.chain(paths).collect())
}

/// All processes of the runtime directory that live, by pid. Takes two seconds at most per 64 of them, and that only if
/// one does not answer.
pub fn processes() -> Result<Vec<Process>, Errno> {
    let mut found = Vec::new();
    for pids in dir::reachable_pids()?.chunks(AT_ONCE) {
        // All are asked before the first is heard, so that silent ones are waited for together.
        let asked: Vec<_> = pids.iter().map(|pid| (*pid, ask(*pid))).collect();
        let end = sys::now_ns() + PATIENCE.as_nanos() as u64;
        for (pid, sock) in asked {
            match sock.and_then(|sock| hear(pid, &sock, end)) {
                Ok(process) => found.push(process),
                Err(Errno::EAGAIN) if proc_state::process_state(pid).is_some() => found.push(Process {
                    pid,
                    name: program(pid),
                    silent: true,
                    ..Process::default()
                }),
                // It has died.
                Err(_) => {}
            }
        }
    }
    Ok(found)
}

fn program(pid: i32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let text = String::from_utf8_lossy(first).into_owned();
    text.rsplit('/').next().unwrap_or_default().to_string()
}

fn ask(pid: i32) -> Result<Fd, Errno> {
    if proc_state::is_stopped(pid) {
        return Err(Errno::EAGAIN);
    }
    let sock = dir::connect(pid)?;
    wire::send(&sock, &Packet::new(op::DESCRIBE), &[], false)?;
    Ok(sock)
}

fn hear(pid: i32, sock: &Fd, end: u64) -> Result<Process, Errno> {
    let mut text = Vec::new();
    let mut bytes = vec![0u8; 64 * 1024];
    loop {
        let left = Duration::from_nanos(end.saturating_sub(sys::now_ns()));
        // A process that is stopped meanwhile costs the whole patience, once.
        let len = sys::receive_packet(sock, &mut bytes, &mut Vec::new(), left)?;
        let packet = Packet::parse(&bytes[..len])
            .filter(|packet| packet.op == op::TEXT)
            .ok_or(Errno::ESRCH)?;
        text.extend_from_slice(&bytes[PACKET_LEN..len]);
        if packet.number == 0 {
            return Ok(parse(pid, &String::from_utf8_lossy(&text)));
        }
    }
}

/// Numbers as they are printed: decimal, or hexadecimal after `0x`.
fn number(word: &str) -> i64 {
    match word.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).unwrap_or(0),
        None => word.parse().unwrap_or(0),
    }
}

/// Reads what `describe.rs` writes. Lines that it does not know are passed over.
fn parse(pid: i32, text: &str) -> Process {
    let mut process = Process {
        pid,
        ..Process::default()
    };
    for line in text.lines() {
        let words: Vec<&str> = line.splitn(9, ' ').collect();
        let at = |index: usize| words.get(index).map_or(0, |word| number(word));
        match words[0] {
            "process" => process.name = line.splitn(3, ' ').nth(2).unwrap_or("").to_string(),
            "thread" if words.len() == 9 => process.threads.push(Thread {
                tid: at(1) as i32,
                state: words[2].to_string(),
                pid: at(3) as i32,
                chid: at(4) as i32,
                priority: at(5) as i32,
                linux_tid: at(6) as i32,
                call: at(7),
                name: words[8].to_string(),
            }),
            "channel" => process.channels.push(Channel {
                chid: at(1) as i32,
                flags: at(2) as u32,
            }),
            "coid" if words.len() >= 7 => process.connections.push(Connection {
                coid: at(1) as i32,
                pid: at(2) as i32,
                chid: at(3) as i32,
                scoid: at(4) as i32,
                dead: words[5] == "dead",
                flags: at(6) as u32,
            }),
            "scoid" => process.clients.push(Client {
                scoid: at(1) as i32,
                pid: at(2) as i32,
                chid: at(3) as i32,
            }),
            "handles" => process.handles = at(1) as usize,
            "cut" => process.cut = true,
            _ => {}
        }
    }
    process
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_back() {
        let text = "process 7 my server\nthread 3 SEND 12 1 10 99 -1 a b\nthread broken\nchannel 1 0xa\n\
                    coid 0x40000001 12 1 0x10001 dead 0x801\nscoid 0x10002 5 1\nhandles 4\nwhatever 1\ncut\n";
        let process = parse(7, text);
        assert_eq!((process.pid, process.name.as_str()), (7, "my server"));
        let [thread] = &process.threads[..] else {
            panic!("{process:?}")
        };
        assert_eq!((thread.tid, thread.state.as_str()), (3, "SEND"));
        assert_eq!((thread.pid, thread.chid, thread.priority), (12, 1, 10));
        assert_eq!(
            (thread.linux_tid, thread.call, thread.name.as_str()),
            (99, -1, "a b")
        );
        assert_eq!(process.channels, [Channel { chid: 1, flags: 10 }]);
        assert_eq!(process.clients[0].scoid, 0x1_0002);
        let connection = &process.connections[0];
        assert_eq!(
            (connection.coid, connection.dead, connection.flags),
            (0x4000_0001, true, 0x801)
        );
        assert_eq!((process.handles, process.cut), (4, true));
    }
}
