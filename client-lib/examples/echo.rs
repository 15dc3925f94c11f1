//! An echo server over csock, one thread per connection. On Linux build with `--features host`.
//!
//! `echo 127.0.0.1:7007`, then `nc 127.0.0.1 7007`

use custom_socket::{Session, TcpListener, TcpStream};
use std::{env, error::Error, io::Read, net::SocketAddr, thread};

fn main() -> Result<(), Box<dyn Error>> {
    let addr: SocketAddr = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".into()).parse()?;
    let session = Session::connect()?;
    let listener = TcpListener::bind(&session, addr)?;
    println!("listening {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(&stream) {
                eprintln!("{:?}: {error}", stream.peer_addr());
            }
        });
    }
    Ok(())
}

/// Sends everything back: read straight into the buffer that is sent.
fn serve(stream: &TcpStream) -> Result<(), Box<dyn Error>> {
    loop {
        let mut buffer = stream.reserve(16 * 1024)?;
        // SAFETY: reserved and not committed, so this thread alone has it; io-sock is trusted to keep to that.
        let n = (&*stream).read(unsafe { buffer.as_mut_slice() })?;
        if n == 0 {
            return Ok(());
        }
        buffer.commit(n)?;
    }
}
