//! Ordinary peers over the system's own sockets: what stands in for `curl` and `python3 -m http.server` where those are missing, and
//! the far ends of the end-to-end tests.

use anyhow::{Context, Result, bail};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::Path,
};

const USAGE: &str = "\
usage: csock-peer get URL FILE        fetch URL into FILE
       csock-peer serve DIR           serve the files of DIR; prints the port as Python's http.server does
       csock-peer echo                send everything back, connection by connection; prints 'listening ADDR'";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["get", url, file] => get(url, Path::new(file)),
        ["serve", dir] => serve(Path::new(dir)),
        ["echo"] => echo(),
        _ => bail!("{USAGE}"),
    }
}

fn get(url: &str, file: &Path) -> Result<()> {
    let rest = url.strip_prefix("http://").context("only http:// is known")?;
    let (addr, name) = rest.split_once('/').context("the URL names no file")?;
    let mut stream = TcpStream::connect(addr)?;
    write!(stream, "GET /{name} HTTP/1.0\r\nHost: {addr}\r\n\r\n")?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if !line.contains(" 200 ") {
        bail!("the server answered {line:?}");
    }
    while line.trim_end() != "" {
        line.clear();
        reader.read_line(&mut line)?;
    }
    std::io::copy(&mut reader, &mut File::create(file)?)?;
    Ok(())
}

fn serve(dir: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!(
        "Serving HTTP on 127.0.0.1 port {} (our own server)",
        listener.local_addr()?.port()
    );
    for stream in listener.incoming() {
        let mut reader = BufReader::new(stream?);
        let mut request = String::new();
        reader.read_line(&mut request)?;
        let mut line = request.clone();
        while line.trim_end() != "" {
            line.clear();
            reader.read_line(&mut line)?;
        }
        let name = request
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .trim_start_matches('/');
        let mut stream = reader.into_inner();
        // A plain name only: nothing outside `dir` is served.
        match File::open(dir.join(name)) {
            Ok(mut file) if !name.contains('/') && !name.starts_with('.') => {
                write!(
                    stream,
                    "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n",
                    file.metadata()?.len()
                )?;
                std::io::copy(&mut file, &mut stream)?;
            }
            _ => write!(stream, "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
        stream.shutdown(Shutdown::Write)?;
    }
    Ok(())
}

fn echo() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || -> Result<()> {
            let mut stream = stream;
            let mut block = vec![0u8; 1 << 16];
            loop {
                let n = stream.read(&mut block)?;
                if n == 0 {
                    stream.shutdown(Shutdown::Write)?;
                    return Ok(());
                }
                stream.write_all(block.get(..n).unwrap_or_default())?;
            }
        });
    }
    Ok(())
}
