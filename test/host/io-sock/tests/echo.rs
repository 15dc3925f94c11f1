//! The echo module: a kernel thread, upcalls, accept, mbuf-mode soreceive, clusters, and a clean way out, with ordinary peers.

mod common;

use common::{
    compile::{self, LINKERS, Linker},
    process::{IoSock, log_of},
};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::PathBuf,
    thread,
    time::Duration,
};

fn with_echo(linker: Linker) -> PathBuf {
    let dir = compile::scratch("modules");
    compile::module(&dir, "echo.c", "mods-echo.so", linker, &[]);
    dir
}

/// The number of a sysctl or counter.
fn number(io_sock: &IoSock, name: &str) -> u64 {
    let line = io_sock.ctl_ok(&["sysctl", name]);
    line.rsplit(' ')
        .next()
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{line}"))
}

fn connect(io_sock: &IoSock) -> TcpStream {
    let port = u16::try_from(number(io_sock, "net.inet.echo.port")).expect("a port");
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("echo listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a socket");
    stream
}

/// Waits until `what` holds.
fn eventually(what: impl Fn() -> bool) {
    for _ in 0..2000 {
        if what() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("it does not come true");
}

/// `len` bytes that differ from place to place.
fn pattern(len: usize, seed: usize) -> Vec<u8> {
    (0..len)
        .map(|at| ((at * 31 + at / 251 + seed * 97) % 256) as u8)
        .collect()
}

/// Sends `data` and takes it back.
fn echoed(mut stream: TcpStream, data: &[u8]) -> Vec<u8> {
    let mut writer = stream.try_clone().expect("a socket");
    thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(data).expect("echo reads");
            writer.shutdown(Shutdown::Write).expect("a connected socket");
        });
        let mut back = Vec::new();
        // The end of the stream comes back too.
        stream.read_to_end(&mut back).expect("echo writes and closes");
        back
    })
}

#[test]
fn bytes_come_back() {
    for linker in LINKERS {
        let dir = with_echo(linker);
        let io_sock = IoSock::start(&dir, &["-m", "echo"]);
        let data = pattern(3 << 20, 1);
        assert!(echoed(connect(&io_sock), &data) == data);
        assert_eq!(echoed(connect(&io_sock), b""), b"");
        assert_eq!(echoed(connect(&io_sock), b"x"), b"x");
        eventually(|| number(&io_sock, "net.inet.echo.connections") == 0);
        assert_eq!(number(&io_sock, "net.inet.echo.accepted"), 3);
        assert_eq!(number(&io_sock, "net.inet.echo.bytes"), data.len() as u64 + 1);
        let (status, log) = io_sock.stop();
        assert_eq!(status, Some(0), "{log}");
    }
}

#[test]
fn many_at_a_time() {
    let dir = with_echo(Linker::Gnu);
    let io_sock = IoSock::start(&dir, &["-m", "echo"]);
    thread::scope(|scope| {
        for client in 0..16 {
            let stream = connect(&io_sock);
            scope.spawn(move || {
                let data = pattern(200_000, client);
                assert!(echoed(stream, &data) == data, "client {client}");
            });
        }
    });
    assert_eq!(number(&io_sock, "net.inet.echo.accepted"), 16);
    assert_eq!(io_sock.stop().0, Some(0));
}

#[test]
fn a_peer_that_reads_late_loses_nothing() {
    let dir = with_echo(Linker::Lld);
    let io_sock = IoSock::start(&dir, &["-m", "echo"]);
    let data = pattern(8 << 20, 3);
    let mut stream = connect(&io_sock);
    let mut writer = stream.try_clone().unwrap();
    thread::scope(|scope| {
        let data = &data;
        let writing = scope.spawn(move || writer.write_all(data).unwrap());
        // Nobody reads: all buffers between here and echo fill up, and echo must wait for its upcall.
        thread::sleep(Duration::from_millis(300));
        let mut back = vec![0; data.len()];
        stream.read_exact(&mut back).unwrap();
        assert!(back == *data);
        writing.join().unwrap();
    });
    assert_eq!(io_sock.stop().0, Some(0));
}

#[test]
fn unloading_under_load_and_loading_again() {
    let dir = with_echo(Linker::Gnu);
    let io_sock = IoSock::start(&dir, &[]);
    // What the stack makes once and keeps.
    io_sock.ctl_ok(&["mount", "-T", "io-sock", "echo"]);
    io_sock.ctl_ok(&["umount", "mods-echo.so"]);
    let idle = io_sock.ctl_ok(&["stat"]);
    for round in 0..5 {
        io_sock.ctl_ok(&["mount", "-T", "io-sock", "echo"]);
        let streams: Vec<TcpStream> = (0..4).map(|_| connect(&io_sock)).collect();
        thread::scope(|scope| {
            for stream in &streams {
                // Ends with an error when echo goes.
                scope.spawn(move || (&*stream).write_all(&pattern(4 << 20, round)));
                scope.spawn(move || std::io::copy(&mut &*stream, &mut std::io::sink()));
            }
            eventually(|| number(&io_sock, "net.inet.echo.bytes") > 100_000);
            let port = number(&io_sock, "net.inet.echo.port");
            io_sock.ctl_ok(&["umount", "/dev/io-sock/mods-echo.so"]);
            assert!(TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).is_err());
        });
        drop(streams);
    }
    // Nothing is left: no socket, mbuf, cluster or thread more than before.
    let gauges = [
        "mbufs",
        "clusters",
        "ext_outstanding",
        "sockets",
        "soname_bytes",
        "kthreads",
        "credentials",
        "callouts",
    ];
    let counts = |text: &str| {
        let gauge = |line: &&str| gauges.iter().any(|name| line.starts_with(&format!("{name}: ")));
        text.lines().filter(gauge).map(str::to_owned).collect::<Vec<_>>()
    };
    let ends = std::time::Instant::now() + Duration::from_secs(10);
    while counts(&io_sock.ctl_ok(&["stat"])) != counts(&idle) {
        assert!(
            std::time::Instant::now() < ends,
            "before:\n{idle}\nafter:\n{}",
            io_sock.ctl_ok(&["stat"])
        );
        thread::sleep(Duration::from_millis(20));
    }
    let (status, log) = io_sock.stop();
    assert_eq!(status, Some(0), "{log}");
}

#[test]
fn the_limit_is_a_sysctl() {
    let dir = with_echo(Linker::Lld);
    let io_sock = IoSock::start(&dir, &["-m", "echo"]);
    assert_eq!(
        io_sock.ctl_ok(&["sysctl", "net.inet.echo.limit=1"]),
        "net.inet.echo.limit: 64 -> 1"
    );
    let mut first = connect(&io_sock);
    first.write_all(b"a").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let mut second = connect(&io_sock);
    assert_eq!(second.read(&mut [0]).unwrap_or(0), 0, "closed at once");
    first.write_all(b"b").unwrap();
    let mut back = [0];
    first.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"b");
    assert_eq!(
        io_sock.ctl_ok(&["sysctl", "net.inet.echo.note=bye"]),
        "net.inet.echo.note: hello -> bye"
    );
    assert_eq!(io_sock.stop().0, Some(0));
}

#[test]
fn a_port_that_is_taken() {
    let dir = with_echo(Linker::Lld);
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let log = log_of(&dir, &["-m", &format!("echo,port={port}")]);
    assert!(
        log.contains("io-sock: cannot load echo: module echo answered MOD_LOAD with EADDRINUSE (248)"),
        "{log}"
    );
    drop(taken);
    let io_sock = IoSock::start(&dir, &["-m", "echo", &format!("port={port}")]);
    assert_eq!(number(&io_sock, "net.inet.echo.port"), u64::from(port));
    assert_eq!(echoed(connect(&io_sock), b"there"), b"there");
    assert_eq!(io_sock.stop().0, Some(0));
}
