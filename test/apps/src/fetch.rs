//! An HTTP client that fetches one file and hashes it, over any way into the stack.

use crate::{
    ledger::{Ledger, progress},
    path::{Path, Stream},
};
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, net::SocketAddrV4, time::Instant};

/// Fetches `/name` from `addr`; the ledger carries the body's SHA-256.
pub fn fetch<P: Path>(path: &P, addr: SocketAddrV4, name: &str) -> Result<Ledger> {
    let start = Instant::now();
    let mut stream = path
        .connect(addr)
        .with_context(|| format!("cannot connect to {addr}"))?;
    stream.send_text(&format!(
        "GET /{name} HTTP/1.0\r\nHost: {addr}\r\nConnection: close\r\n\r\n"
    ))?;
    let mut body = Body::default();
    let mut told: u64 = 0;
    loop {
        let mut result = Ok(());
        let n = stream
            .receive(&mut |bytes| result = body.take(bytes))
            .context("cannot receive")?;
        result?;
        if n == 0 {
            break;
        }
        if body.length - told >= 4 << 20 {
            told = body.length;
            progress(told);
        }
    }
    progress(body.length);
    let seconds = start.elapsed().as_secs_f64();
    let sha256 = body.finish()?;
    // The connection is closed before the count, so that the count is what remains.
    drop(stream);
    let mut ledger = path.ledger()?;
    ledger.seconds = seconds;
    ledger.sha256 = Some(sha256);
    Ok(ledger)
}

/// A response as it comes in: the head is kept until it is whole, the body is hashed where it lies.
#[derive(Default)]
struct Body {
    head: Vec<u8>,
    expected: Option<u64>,
    headed: bool,
    length: u64,
    hash: Sha256,
}

impl Body {
    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        if self.headed {
            self.content(bytes);
            return Ok(());
        }
        let before = self.head.len();
        self.head.extend_from_slice(bytes);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(end) = response.parse(&self.head)? else {
            return Ok(());
        };
        if response.code != Some(200) {
            bail!("the server answered {:?} {:?}", response.code, response.reason);
        }
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                self.expected = Some(
                    std::str::from_utf8(header.value)?
                        .trim()
                        .parse()
                        .context("bad Content-Length")?,
                );
            }
        }
        self.headed = true;
        let rest = bytes.get(end.saturating_sub(before)..).unwrap_or_default();
        self.content(rest);
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.length += bytes.len() as u64;
    }

    fn finish(self) -> Result<String> {
        if !self.headed {
            bail!(
                "the connection ended inside the response head, after {} bytes",
                self.head.len()
            );
        }
        if let Some(expected) = self.expected
            && expected != self.length
        {
            bail!("the connection ended after {} of {expected} bytes", self.length);
        }
        Ok(hex(&self.hash.finalize()))
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
