//! Fetches a page over csock and writes it to stdout. On Linux build with `--features host`.
//!
//! `http_get 127.0.0.1:8000 /index.html`

use custom_socket::{Session, Shutdown, TcpStream};
use std::{
    env,
    error::Error,
    io::{self, Write},
    net::SocketAddr,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(addr), path) = (args.next(), args.next().unwrap_or_else(|| "/".into())) else {
        return Err("usage: http_get ADDR:PORT [PATH]".into());
    };
    let addr: SocketAddr = addr.parse()?;
    let session = Session::connect()?;
    let mut stream = TcpStream::connect(&session, addr)?;
    // By copy, as with any `Write`.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {addr}\r\n\r\n")?;
    stream.shutdown(Shutdown::Write)?;
    // In place: nothing is copied before the standard output.
    let mut out = io::stdout().lock();
    while let Some(received) = stream.recv_in_place()? {
        // SAFETY: io-sock is trusted with this page: it does not write to a buffer that it has handed over.
        out.write_all(unsafe { received.as_slice() })?;
    }
    let counted = session.client_counters();
    eprintln!(
        "{} bytes, {} copied here, {} messages",
        counted.rx_bytes, counted.rx_bytes_copied, counted.control_msgs
    );
    Ok(())
}
