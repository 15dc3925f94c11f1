//! What a process says about itself: threads and what they wait for, channels, connections. The raw material of `pidin`.
//!
//! Lines of words, the first of which says what the line is about; the last word of `process` and `thread` is the rest of
//! the line. `admin.rs` reads them.

use std::fmt::Write;
use std::fs;
use std::sync::atomic::Ordering;

use crate::fds::Fd;
use crate::process::{Process, lock};
use crate::sys;
use crate::thread_block::{Block, state};
use crate::wire::{Packet, op};
use zerocopy::IntoBytes;

/// Longest text sent; a process with more to say is cut, and says so.
const TEXT_MAX: usize = 96 * 1024;
/// Bytes per packet.
const PIECE: usize = 16 * 1024;

/// The description.
pub fn text(process: &'static Process) -> String {
    let mut out = String::new();
    let name = std::env::args().next().unwrap_or_default();
    let name = one_line(name.rsplit('/').next().unwrap_or_default());
    let _ = writeln!(out, "process {} {name}", process.pid);
    threads(process, &mut out);
    for channel in process.channels.all() {
        let _ = writeln!(out, "channel {} {:#x}", channel.chid, channel.flags);
    }
    for coid in process.coids.all() {
        let dead = if coid.conn.is_dead() { "dead" } else { "alive" };
        let flags = coid.flags.load(Ordering::Relaxed);
        let _ = writeln!(
            out,
            "coid {:#x} {} {} {:#x} {dead} {flags:#x}",
            coid.coid, coid.conn.pid, coid.conn.chid, coid.conn.scoid
        );
    }
    for conn in lock(&process.scoids).alive() {
        let _ = writeln!(out, "scoid {:#x} {} {}", conn.scoid, conn.pid, conn.channel.chid);
    }
    let _ = writeln!(out, "handles {}", process.handles.len());
    cut(out)
}

/// What does not fit is left out by whole lines.
fn cut(mut text: String) -> String {
    if text.len() > TEXT_MAX {
        let fits = text.as_bytes()[..TEXT_MAX]
            .iter()
            .rposition(|byte| *byte == b'\n');
        text.truncate(fits.map_or(0, |end| end + 1));
        text.push_str("cut\n");
    }
    text
}

fn one_line(name: &str) -> String {
    name.replace(|c: char| c.is_control(), "?")
}

fn threads(process: &'static Process, out: &mut String) {
    // A thread does not hear when its message is received; the slot knows.
    let mut received = Vec::new();
    for coid in process.coids.all() {
        coid.conn
            .each_lane(|lane| received.extend(lane.users().into_iter().filter(|user| user.1)));
    }
    let blocks: Vec<_> = lock(&process.threads).values().cloned().collect();
    for block in blocks {
        let linux = Linux::of(&block);
        let (shown, call) = match block.state.load(Ordering::Relaxed) {
            state::SEND if received.contains(&(block.tid, true)) => ("REPLY", None),
            state::SEND => ("SEND", None),
            state::RECEIVE => ("RECEIVE", None),
            state::REPLY => ("REPLY", None),
            _ => linux.state(),
        };
        let ipc = call.is_none() && !matches!(shown, "RUNNING" | "STOPPED");
        let whom = |id: i32| if ipc { id } else { 0 };
        let _ = writeln!(
            out,
            "thread {} {shown} {} {} {} {} {} {}",
            block.tid,
            whom(block.pid.load(Ordering::Relaxed)),
            whom(block.chid.load(Ordering::Relaxed)),
            block.priority.load(Ordering::Relaxed),
            block.linux_tid,
            call.unwrap_or(-1),
            one_line(linux.name.trim_end()),
        );
    }
}

/// What Linux says of a thread that is in no call of ours.
struct Linux {
    name: String,
    letter: u8,
    call: i64,
}

impl Linux {
    fn of(block: &Block) -> Linux {
        let file = |name: &str| {
            fs::read_to_string(format!("/proc/self/task/{}/{name}", block.linux_tid)).unwrap_or_default()
        };
        let (name, stat, call) = (file("comm"), file("stat"), file("syscall"));
        // The name in the middle may contain anything, also spaces and brackets.
        let letter = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.trim_start().bytes().next());
        let call = call.split(' ').next().and_then(|number| number.parse().ok());
        Linux {
            name,
            letter: letter.unwrap_or(b'?'),
            call: call.unwrap_or(-1),
        }
    }

    /// QNX's state, and the number of Linux's call for what QNX has no state for.
    fn state(&self) -> (&'static str, Option<i64>) {
        match (self.letter, self.call) {
            (b'T' | b't', _) => ("STOPPED", None),
            (b'S' | b'D', libc::SYS_clock_nanosleep | libc::SYS_nanosleep) => ("NANOSLEEP", Some(-1)),
            (b'S', libc::SYS_rt_sigtimedwait) => ("SIGWAITINFO", Some(-1)),
            (b'S', libc::SYS_rt_sigsuspend) => ("SIGSUSPEND", Some(-1)),
            (b'S' | b'D', call) => ("BLOCKED", Some(call)),
            _ => ("RUNNING", None),
        }
    }
}

/// Sends the description to a visitor.
pub fn answer(process: &'static Process, fd: &Fd) {
    let text = text(process);
    let mut pieces = text.as_bytes().chunks(PIECE).peekable();
    while let Some(piece) = pieces.next() {
        let more = i32::from(pieces.peek().is_some());
        let mut bytes = Packet {
            number: more,
            ..Packet::new(op::TEXT)
        }
        .as_bytes()
        .to_vec();
        bytes.extend_from_slice(piece);
        if sys::send_packet(fd, &bytes, &[], false).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_much_is_cut_between_lines() {
        assert_eq!(cut("a\nb\n".into()), "a\nb\n");
        let line = "thread \u{e9}\u{e9}\u{e9}\n";
        let text = cut(line.repeat(TEXT_MAX));
        assert!(text.len() <= TEXT_MAX + 4);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.last(), Some(&"cut"));
        assert!(lines[..lines.len() - 1].iter().all(|l| *l == line.trim_end()));
    }
}
