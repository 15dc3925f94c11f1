//! Round trips with a payload: our message passing beside a Unix socket and a pipe, the same bytes there and back.

use anyhow::{Context, Result, bail};
use qnx::{AttachedName, Channel, ChannelFlags, Connection, Received};
use std::{
    ffi::CString,
    io::{BufRead, BufReader, Read, Write, pipe},
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::{Child, ChildStdout, Command, Stdio},
    time::Instant,
};

/// Sizes that are measured.
pub const SIZES: [usize; 9] = [
    16,
    64,
    256,
    1 << 10,
    4 << 10,
    16 << 10,
    64 << 10,
    256 << 10,
    1 << 20,
];

/// Round trips per size: about the same amount of bytes, within bounds.
fn rounds(size: usize) -> u32 {
    ((64 << 20) / size).clamp(200, 10_000) as u32
}

/// Nanoseconds per round trip over a Unix stream socket.
pub fn unix_socket(size: usize) -> Result<f64> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut child = start_echo(size, OwnedFd::from(theirs), None)?;
    let time = exchange(size, |block| {
        ours.write_all(block)?;
        Ok(ours.read_exact(block)?)
    });
    drop(ours);
    child.wait()?;
    time
}

/// Nanoseconds per round trip over two pipes.
pub fn pipes(size: usize) -> Result<f64> {
    let (there_read, mut there) = pipe()?;
    let (mut back, back_write) = pipe()?;
    let mut child = start_echo(size, OwnedFd::from(there_read), Some(OwnedFd::from(back_write)))?;
    let time = exchange(size, |block| {
        there.write_all(block)?;
        Ok(back.read_exact(block)?)
    });
    drop(there);
    child.wait()?;
    time
}

/// Nanoseconds per round trip by MsgSend (the reply carries the payload back), and how often a payload byte was copied on its way from
/// one process to the other, as the server's process counted.
pub fn message(size: usize) -> Result<(f64, f64)> {
    let (name, mut child, mut stdout) = start_server("payload", size)?;
    let connection =
        Connection::open_name(&CString::new(name)?).map_err(|e| anyhow::anyhow!("name_open: {e}"))?;
    let mut reply = vec![0u8; size];
    let time = exchange(size, |block| {
        connection
            .send(block, &mut reply)
            .map_err(|e| anyhow::anyhow!("MsgSend: {e}"))?;
        // What came back is what is sent next: the sockets and pipes do that with one buffer.
        std::mem::swap(block, &mut reply);
        Ok(())
    });
    // The server says what it counted when its client goes.
    drop(connection);
    let mut line = String::new();
    BufReader::new(&mut stdout).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    Ok((
        time?,
        line.trim()
            .parse()
            .context("the server did not say what it copied")?,
    ))
}

/// Starts a process that echoes messages of `size` bytes; returns its name, the process and what it prints, once it receives.
pub fn start_server(purpose: &str, size: usize) -> Result<(String, Child, ChildStdout)> {
    start_server_with(purpose, size, &[])
}

/// The same with these variables in its environment.
pub fn start_server_with(
    purpose: &str,
    size: usize,
    variables: &[(&str, &str)],
) -> Result<(String, Child, ChildStdout)> {
    let name = format!("bench-{purpose}-{}", std::process::id());
    let mut child = Command::new(std::env::current_exe()?)
        .args(["echo-messages", &name, &size.to_string()])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdout = child.stdout.take().context("stdout is piped")?;
    stdout.read_exact(&mut [0u8; 1])?;
    Ok((name, child, stdout))
}

fn exchange(size: usize, mut round: impl FnMut(&mut Vec<u8>) -> Result<()>) -> Result<f64> {
    let mut block = vec![0x5au8; size];
    for _ in 0..20 {
        round(&mut block)?;
    }
    let count = rounds(size);
    let start = Instant::now();
    for _ in 0..count {
        round(&mut block)?;
    }
    let elapsed = start.elapsed();
    if block.iter().any(|b| *b != 0x5a) {
        bail!("the payload came back changed");
    }
    Ok(elapsed.as_nanos() as f64 / f64::from(count))
}

fn start_echo(size: usize, input: OwnedFd, output: Option<OwnedFd>) -> Result<Child> {
    let output = match output {
        Some(fd) => fd,
        None => input.try_clone()?,
    };
    Ok(Command::new(std::env::current_exe()?)
        .args(["echo-bytes", &size.to_string()])
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .spawn()?)
}

/// The second process of the sockets and pipes: sends `size` bytes back at a time until its input ends.
pub fn echo_bytes(size: usize) -> Result<()> {
    let mut block = vec![0u8; size];
    // Descriptors 0 and 1 without the standard library's buffers.
    let (mut input, mut output) = (raw(&std::io::stdin())?, raw(&std::io::stdout())?);
    while input.read_exact(&mut block).is_ok() {
        output.write_all(&block)?;
    }
    Ok(())
}

fn raw(fd: &impl AsRawFd) -> Result<std::fs::File> {
    // SAFETY: the descriptor is open as long as the process runs; the duplicate is ours.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd.as_raw_fd()) };
    Ok(std::fs::File::from(borrowed.try_clone_to_owned()?))
}

/// The second process of the messages: replies with what it received.
pub fn echo_messages(name: &str, size: usize) -> Result<()> {
    let channel =
        Channel::create(ChannelFlags::DISCONNECT).map_err(|e| anyhow::anyhow!("ChannelCreate: {e}"))?;
    let _name = AttachedName::attach(&channel, &CString::new(name)?, Default::default())
        .map_err(|e| anyhow::anyhow!("name_attach: {e}"))?;
    std::io::stdout().write_all(b"r")?;
    std::io::stdout().flush()?;
    let mut block = vec![0u8; size.max(64)];
    loop {
        match channel
            .receive(&mut block)
            .map_err(|e| anyhow::anyhow!("MsgReceive: {e}"))?
        {
            // Clients come and go; the parent ends us.
            Received::Pulse(pulse) if pulse.code == qnx::PULSE_DISCONNECT => {
                let _ = qnx::detach_scoid(pulse.scoid);
                let now = qnx_host::counters();
                let copied = now.bytes_direct + 2 * (now.bytes_inline + now.bytes_bounced);
                let moved = 2 * now.receives * size as u64;
                println!("{}", copied as f64 / moved.max(1) as f64);
            }
            Received::Pulse(_) => {}
            Received::Message(message) => {
                message
                    .reply(0, &block[..size])
                    .map_err(|e| anyhow::anyhow!("MsgReply: {e}"))?;
            }
        }
    }
}
