//! What a process says about itself: threads and what they wait for, channels, connections. The raw material of `pidin`.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use crate::fds::Fd;
use crate::process::{Process, lock};
use crate::sys;
use crate::thread_block::state;
use crate::wire::{Packet, op};
use zerocopy::IntoBytes;

/// Longest text sent; a process with more to say is cut.
const TEXT_MAX: usize = 96 * 1024;
/// Bytes per packet.
const PIECE: usize = 16 * 1024;

/// The description: lines of words, the first of which says what the line is about.
pub fn text(process: &'static Process) -> String {
    let mut out = String::new();
    let name = std::env::args().next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default().to_string();
    let _ = writeln!(out, "process {} {name}", process.pid);
    // A thread does not hear when its message is received; the slot knows.
    let mut received = Vec::new();
    for coid in process.coids.all() {
        coid.conn
            .each_lane(|lane| received.extend(lane.users().into_iter().filter(|user| user.1)));
    }
    for block in lock(&process.threads).values() {
        let shown = match block.state.load(Ordering::Relaxed) {
            state::SEND if received.contains(&(block.tid, true)) => "REPLY",
            state::SEND => "SEND",
            state::RECEIVE => "RECEIVE",
            state::REPLY => "REPLY",
            _ => "RUNNING",
        };
        let (pid, chid) = (
            block.pid.load(Ordering::Relaxed),
            block.chid.load(Ordering::Relaxed),
        );
        let _ = writeln!(
            out,
            "thread {} {shown} {pid} {chid} {}",
            block.tid,
            block.priority.load(Ordering::Relaxed)
        );
    }
    for channel in process.channels.all() {
        let _ = writeln!(out, "channel {} {:#x}", channel.chid, channel.flags);
    }
    for coid in process.coids.all() {
        let dead = if coid.conn.is_dead() { "dead" } else { "alive" };
        let _ = writeln!(
            out,
            "coid {:#x} {} {} {:#x} {dead}",
            coid.coid, coid.conn.pid, coid.conn.chid, coid.conn.scoid
        );
    }
    for conn in lock(&process.scoids).alive() {
        let _ = writeln!(out, "scoid {:#x} {} {}", conn.scoid, conn.pid, conn.channel.chid);
    }
    let _ = writeln!(out, "handles {}", process.handles.len());
    out.truncate(TEXT_MAX);
    out
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
