//! An HTTP server of one file, over any way into the stack.

use crate::{
    ledger::{Ledger, progress},
    path::{Path, Stream},
};
use anyhow::{Context, Result, bail};
use std::{fs::File, net::SocketAddrV4, path::Path as FilePath, time::Instant};

/// A request head longer than this is refused.
const HEAD_LIMIT: usize = 16 * 1024;

/// Serves `file` to `requests` clients, one after the other, and returns what was counted.
///
/// Prints `listening ADDR` once it accepts, and `progress BYTES` while it sends.
pub fn serve<P: Path>(path: &P, addr: SocketAddrV4, file: &FilePath, requests: u32) -> Result<Ledger> {
    let (listener, bound) = path
        .listen(addr)
        .with_context(|| format!("cannot listen on {addr}"))?;
    println!("listening {bound}");
    let mut seconds = 0.0;
    for _ in 0..requests {
        let mut stream = path.accept(&listener).context("cannot accept")?;
        let start = Instant::now();
        one(&mut stream, file)?;
        seconds += start.elapsed().as_secs_f64();
    }
    let mut ledger = path.ledger()?;
    ledger.seconds = seconds;
    Ok(ledger)
}

fn one<S: Stream>(stream: &mut S, file: &FilePath) -> Result<()> {
    let wanted = request(stream)?;
    let name = file
        .file_name()
        .and_then(|n| n.to_str())
        .context("the served file has no name")?;
    if wanted.trim_start_matches('/') != name {
        stream.send_text("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
        return drain(stream);
    }
    let mut body = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let length = body.metadata()?.len();
    stream.send_text(&format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    ))?;
    let mut sent: u64 = 0;
    let mut told: u64 = 0;
    loop {
        let n = stream.send_from(&mut body)?;
        if n == 0 {
            break;
        }
        sent += n as u64;
        if sent - told >= 4 << 20 {
            told = sent;
            progress(sent);
        }
    }
    progress(sent);
    drain(stream)
}

/// Ends our side and reads until the peer has ended its own: then everything has arrived.
fn drain<S: Stream>(stream: &mut S) -> Result<()> {
    stream.finish()?;
    while stream.receive(&mut |_| {})? > 0 {}
    Ok(())
}

/// Reads a request head and returns its target.
fn request<S: Stream>(stream: &mut S) -> Result<String> {
    let mut head = Vec::new();
    loop {
        let n = stream
            .receive(&mut |bytes| head.extend_from_slice(bytes))
            .context("cannot read the request")?;
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&head)?.is_complete() {
            match (request.method, request.path) {
                (Some("GET"), Some(path)) => return Ok(path.to_owned()),
                (method, path) => bail!("unsupported request: {method:?} {path:?}; supported: GET"),
            }
        }
        if n == 0 || head.len() > HEAD_LIMIT {
            bail!(
                "no complete request head in {} bytes (limit {HEAD_LIMIT})",
                head.len()
            );
        }
    }
}
