//! Looking at a running stand-in from outside: processes, what their threads are blocked on, connections, names.

use std::time::Duration;

use crate::dir;
use crate::errno::Errno;
use crate::names;
use crate::sys;
use crate::wire::{self, PACKET_LEN, Packet, op};

/// How long a process may take to describe itself; it answers at once unless it is stopped.
const PATIENCE: Duration = Duration::from_secs(2);

/// A name and where it leads.
pub struct Name {
    /// As given to name_attach.
    pub name: String,
    /// The server.
    pub pid: i32,
    /// Its channel.
    pub chid: i32,
    /// False for what a dead server has left behind.
    pub alive: bool,
}

/// All names in the runtime directory. Asks each server whether it lives.
pub fn names() -> Result<Vec<Name>, Errno> {
    let all = names::all()?.into_iter();
    Ok(all
        .map(|(name, record, alive)| Name {
            name,
            pid: record.pid,
            chid: record.chid,
            alive,
        })
        .collect())
}

/// Descriptions of all processes that can be reached: lines of words, the first of which says what the line is about
/// (`process`, `thread`, `channel`, `coid`, `scoid`, `handles`). Processes that have died are left out; of one that does
/// not answer there is only its pid.
pub fn processes() -> Result<Vec<String>, Errno> {
    let mut found = Vec::new();
    for pid in dir::reachable_pids()? {
        match describe(pid) {
            Ok(text) => found.push(text),
            Err(Errno::EAGAIN) => found.push(format!("process {pid} (stopped)\n")),
            Err(_) => {}
        }
    }
    Ok(found)
}

fn describe(pid: i32) -> Result<String, Errno> {
    let sock = dir::connect(pid)?;
    wire::send(&sock, &Packet::new(op::DESCRIBE), &[], true)?;
    let mut text = Vec::new();
    let mut bytes = vec![0u8; 64 * 1024];
    loop {
        let len = sys::receive_packet(&sock, &mut bytes, &mut Vec::new(), PATIENCE)?;
        let packet = Packet::parse(&bytes[..len])
            .filter(|packet| packet.op == op::TEXT)
            .ok_or(Errno::ESRCH)?;
        text.extend_from_slice(&bytes[PACKET_LEN..len]);
        if packet.number == 0 {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
    }
}
