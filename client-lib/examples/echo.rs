//! An echo server over csock, one thread per connection. On Linux build with `--features host`.
//!
//! `echo 127.0.0.1:7007`, then `nc 127.0.0.1 7007`

use custom_socket::{Session, TcpListener, TcpStream};
use std::{
    env,
    error::Error,
    io::{Read, Write},
    net::SocketAddr,
    thread,
};

fn main() -> Result<(), Box<dyn Error>> {
    let addr: SocketAddr = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".into())
        .parse()?;
    let session = Session::connect()?;
    let listener = TcpListener::bind(&session, addr)?;
    println!("listening {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(move || {
            if let Err(error) = serve(stream) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

/// Sends everything back.
fn serve(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; 16 * 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        let Some(got) = buffer.get(..n).filter(|got| !got.is_empty()) else {
            return Ok(());
        };
        stream.write_all(got)?;
    }
}
