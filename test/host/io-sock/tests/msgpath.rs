//! The message path: ordinary sockets over one message per call, against ordinary peers.
//!
//! This process is the client. All tests share one io-sock, since a process sees one runtime directory.

mod common;

use common::process::IoSock;
use io_sock_msgpath::{Errno, How, Listener, MessagePath, Stream, wire::MSG_DONTWAIT};
use std::{
    collections::BTreeMap,
    env,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    thread,
    time::Duration,
};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
/// Set in a client process that this file starts.
const CHILD: &str = "IO_SOCK_TEST_CHILD";

static IO_SOCK: OnceLock<IoSock> = OnceLock::new();

/// A static is never dropped, so the process's end stops the io-sock that all tests share.
extern "C" fn end_io_sock() {
    if let Some(io_sock) = IO_SOCK.get() {
        io_sock.end();
    }
}

fn io_sock() -> &'static IoSock {
    IO_SOCK.get_or_init(|| {
        // SAFETY: a function that touches nothing which the process's end takes away.
        unsafe { libc::atexit(end_io_sock) };
        let io_sock = IoSock::start(Path::new("/nowhere"), &[]);
        // SAFETY: before any thread of this process has asked for it: all tests come here first.
        unsafe { env::set_var("QNX_HOST_DIR", io_sock.qnx_dir()) };
        io_sock
    })
}

fn path() -> MessagePath {
    io_sock();
    MessagePath::open("").expect("io-sock runs")
}

fn counters() -> BTreeMap<String, u64> {
    let text = io_sock().ctl_ok(&["stat"]);
    let pair = |line: &str| {
        line.split_once(": ")
            .and_then(|(name, value)| Some((name.to_owned(), value.parse().ok()?)))
    };
    text.lines().filter_map(pair).collect()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 255) as u8).collect()
}

fn send_all(stream: &Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let sent = stream.send(bytes, 0).unwrap();
        assert!(sent > 0);
        bytes = &bytes[sent..];
    }
}

fn receive_all(stream: &Stream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 100_000];
    loop {
        match stream.receive(&mut buffer, 0).unwrap() {
            0 => return all,
            len => all.extend_from_slice(&buffer[..len]),
        }
    }
}

/// A connection of ours and its other end, an ordinary socket.
fn pair(path: &MessagePath) -> (Stream, TcpStream) {
    let listener = TcpListener::bind(ANY_PORT).unwrap();
    let stream = path.connect(listener.local_addr().unwrap()).unwrap();
    let (peer, addr) = listener.accept().unwrap();
    assert_eq!(stream.local_addr().unwrap(), addr);
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    (stream, peer)
}

#[test]
fn a_client_of_an_ordinary_server() {
    let (stream, mut peer) = pair(&path());
    let data = pattern(5 << 20);
    thread::scope(|scope| {
        let data = &data;
        let peer = scope.spawn(move || {
            let mut received = vec![0; data.len()];
            peer.read_exact(&mut received).unwrap();
            assert!(received == *data);
            assert_eq!(peer.read(&mut [0]).unwrap(), 0);
            peer.write_all(data).unwrap();
        });
        send_all(&stream, data);
        stream.shutdown(How::Write).unwrap();
        assert!(receive_all(&stream) == *data);
        peer.join().unwrap();
    });
}

#[test]
fn a_server_of_an_ordinary_client() {
    let listener = path().listen(ANY_PORT, 5).unwrap();
    let addr = listener.local_addr().unwrap();
    let client = thread::spawn(move || {
        let mut client = TcpStream::connect(addr).unwrap();
        client.write_all(b"hello").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut back = String::new();
        client.read_to_string(&mut back).unwrap();
        (client.local_addr().unwrap(), back)
    });
    let (stream, peer) = listener.accept().unwrap();
    assert_eq!(receive_all(&stream), b"hello");
    send_all(&stream, b"goodbye");
    drop(stream);
    assert_eq!(client.join().unwrap(), (peer, "goodbye".to_owned()));
}

#[test]
fn without_waiting() {
    let path = path();
    let listener = path.listen(ANY_PORT, 5).unwrap();
    assert_eq!(listener.try_accept().unwrap_err(), Errno::EAGAIN);
    let (stream, mut peer) = pair(&path);
    let mut buffer = [0; 10];
    assert_eq!(stream.receive(&mut buffer, MSG_DONTWAIT), Err(Errno::EAGAIN));
    // A peer that does not read: the buffers between fill up.
    let data = pattern(1 << 20);
    let mut sent = 0;
    loop {
        match stream.send(&data, MSG_DONTWAIT) {
            Ok(len) => sent += len,
            Err(error) => {
                assert_eq!(error, Errno::EAGAIN);
                break;
            }
        }
    }
    assert!(sent > 0);
    let mut received = vec![0; sent];
    peer.read_exact(&mut received).unwrap();
    assert!(
        received
            .iter()
            .zip(data.iter().cycle())
            .take(1000)
            .all(|(a, b)| a == b)
    );
}

#[test]
fn errors_are_the_stack_s() {
    let path = path();
    let refused = TcpListener::bind(ANY_PORT).unwrap().local_addr().unwrap();
    assert_eq!(path.connect(refused).unwrap_err(), Errno::ECONNREFUSED);
    let taken = TcpListener::bind(ANY_PORT).unwrap();
    assert_eq!(
        path.listen(taken.local_addr().unwrap(), 1).unwrap_err(),
        Errno::EADDRINUSE
    );
    let (stream, peer) = pair(&path);
    assert_eq!(
        stream.option(0xffff, 0x1008).unwrap(),
        1,
        "SO_TYPE is SOCK_STREAM"
    );
    stream.set_option(0xffff, 0x8, 1).unwrap();
    assert_ne!(stream.option(0xffff, 0x8).unwrap(), 0, "SO_KEEPALIVE is set");
    assert_eq!(stream.set_option(0xffff, 0x7777, 1), Err(Errno::ENOPROTOOPT));
    stream.shutdown(How::Write).unwrap();
    assert_eq!(stream.send(b"x", 0), Err(Errno::EPIPE));
    assert_eq!(
        stream.send(b"x", 0x40000),
        Err(Errno::EOPNOTSUPP),
        "an unknown flag"
    );
    drop(peer);
    assert_eq!(receive_all(&stream), b"");
}

#[test]
fn each_byte_is_copied_twice_each_way() {
    let path = path();
    let (stream, mut peer) = pair(&path);
    let before = counters();
    let data = pattern(300_000);
    thread::scope(|scope| {
        scope.spawn(|| std::io::copy(&mut (&peer).take(300_000), &mut std::io::sink()).unwrap());
        send_all(&stream, &data);
    });
    peer.write_all(&data).unwrap();
    drop(peer);
    assert_eq!(receive_all(&stream).len(), data.len());
    let after = counters();
    let moved = |name: &str| after[name] - before[name];
    // Other tests of this process move bytes too.
    for way in ["tx", "rx"] {
        assert!(moved(&format!("msgpath.{way}_bytes")) >= 300_000);
        assert_eq!(
            moved(&format!("msgpath.{way}_bytes_copied")),
            2 * moved(&format!("msgpath.{way}_bytes"))
        );
    }
}

#[test]
fn a_blocked_call_can_time_out() {
    let path = path();
    let (stream, mut peer) = pair(&path);
    let before = counters()["msgpath.unblocked"];
    for _ in 0..3 {
        qnx::timeout(qnx::ClockId::Monotonic, qnx::TimeoutFlags::SEND_REPLY, 50_000_000).unwrap();
        assert_eq!(stream.receive(&mut [0; 4], 0), Err(Errno::ETIMEDOUT));
    }
    assert!(counters()["msgpath.unblocked"] >= before + 3);
    // The socket is none the worse.
    peer.write_all(b"late").unwrap();
    let mut buffer = [0; 4];
    assert_eq!(stream.receive(&mut buffer, 0), Ok(4));
    assert_eq!(&buffer, b"late");
    let listener = path.listen(ANY_PORT, 1).unwrap();
    qnx::timeout(qnx::ClockId::Monotonic, qnx::TimeoutFlags::SEND_REPLY, 50_000_000).unwrap();
    assert_eq!(listener.accept().map(drop), Err(Errno::ETIMEDOUT));
}

#[test]
fn a_blocked_call_costs_a_thread_and_no_more() {
    let path = path();
    let listeners: Vec<Listener> = (0..8).map(|_| path.listen(ANY_PORT, 1).unwrap()).collect();
    thread::scope(|scope| {
        for listener in &listeners {
            scope.spawn(|| listener.accept().map(drop).unwrap());
        }
        // All of them are blocked in io-sock; others are served all the same.
        thread::sleep(Duration::from_millis(100));
        assert!(counters()["msgpath.threads"] >= 8);
        for listener in &listeners {
            TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        }
    });
}

#[test]
fn garbage_is_refused() {
    io_sock();
    for name in [c"dev/socket", c"dev/io-sock"] {
        let connection = qnx::Connection::open_name(name).unwrap();
        let send = |message: &[u8]| connection.send(message, &mut [0; 64]);
        assert_eq!(send(&[]), Err(Errno::EBADMSG));
        assert_eq!(send(&[1]), Err(Errno::EBADMSG));
        // QNX's own types: _IO_CONNECT is answered, the others are not known here.
        assert_eq!(send(&[0x00, 0x01]), Ok(0));
        assert_eq!(send(&[0x01, 0x01, 0, 0]), Err(Errno::ENOSYS));
        assert_eq!(send(&[0xff; 40]), Err(Errno::ENOSYS));
        for kind in [0x4d00_u16, 0x4e00] {
            for len in [2_usize, 5, 31, 33, 3000] {
                let mut message = vec![0xa5; len];
                message[..2].copy_from_slice(&kind.to_le_bytes());
                assert!(send(&message).is_err(), "{name:?} {kind:#x} {len}");
            }
        }
    }
    // Numbers of sockets that are not ours, and lengths that are not true.
    let connection = qnx::Connection::open_name(c"dev/socket").unwrap();
    for operation in 1..13 {
        let mut header = [0; 32];
        header[..2].copy_from_slice(&(0x4e00_u16 + operation).to_le_bytes());
        header[2] = 1;
        header[4..8].copy_from_slice(&0x7fff_u32.to_le_bytes());
        header[24..].fill(0xff);
        assert_eq!(
            connection.send(&header, &mut [0; 8]),
            Err(Errno::EBADF),
            "{operation}"
        );
    }
    drop(pair(&path()));
}

/// Runs one of the client programs below in a process of its own.
fn child(program: &str) -> Child {
    io_sock();
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "child_program", "--nocapture", "--ignored"])
        .env(CHILD, program);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Not a test: what a started client does.
#[test]
#[ignore = "run by other tests, in a process of its own"]
fn child_program() {
    let Ok(program) = env::var(CHILD) else { return };
    if let "leave" | "stay" = program.as_str() {
        println!(
            "\nio-sock {} in {}",
            io_sock().id(),
            io_sock().qnx_dir().display()
        );
        if program == "stay" {
            thread::sleep(Duration::from_secs(60));
        }
        return;
    }
    let path = MessagePath::open("").unwrap();
    match program.as_str() {
        "block" => {
            // Sockets of every kind, threads blocked in each.
            let (stream, _peer) = pair(&path);
            let listener = path.listen(ANY_PORT, 1).unwrap();
            let (other, peer) = pair(&path);
            thread::scope(|scope| {
                scope.spawn(|| stream.receive(&mut [0; 1], 0));
                scope.spawn(|| listener.accept().map(drop));
                scope.spawn(|| while other.send(&pattern(100_000), 0).is_ok() {});
                thread::sleep(Duration::from_millis(100));
                println!("\nblocked");
                thread::sleep(Duration::from_secs(60));
            });
            drop(peer);
        }
        other => panic!("no program {other}"),
    }
}

#[test]
fn a_killed_client_leaves_nothing() {
    use std::io::{BufRead, BufReader};
    let before = counters();
    for _ in 0..5 {
        let mut child = child("block");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line == "blocked"));
        assert!(counters()["msgpath.sockets"] >= 3);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let gone = |name: &str| counters()[name] - before[name];
    for _ in 0..1000 {
        if gone("msgpath.disconnects") >= 5 {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    assert!(gone("msgpath.disconnects") >= 5);
    // Its threads are free again.
    let (stream, mut peer) = pair(&path());
    peer.write_all(b"x").unwrap();
    assert_eq!(stream.receive(&mut [0; 1], 0), Ok(1));
}

/// Starts a process whose tests share an io-sock; answers it, that io-sock's id and its runtime directory.
fn child_with_io_sock(program: &str) -> (Child, u32, PathBuf) {
    use std::io::{BufRead, BufReader};
    let mut child = child(program);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("io-sock ") {
        line.clear();
        assert!(
            out.read_line(&mut line).unwrap() > 0,
            "it did not say what it started"
        );
    }
    // Its test harness writes on.
    child.stdout = Some(out.into_inner());
    let (id, dir) = line["io-sock ".len()..].trim_end().split_once(" in ").unwrap();
    (child, id.parse().unwrap(), dir.into())
}

/// Whether the process is there, and not only waits to be collected.
fn runs(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn a_test_process_leaves_no_io_sock_behind() {
    let (mut child, id, dir) = child_with_io_sock("leave");
    assert!(child.wait().unwrap().success());
    assert!(!runs(id), "io-sock {id} outlived the process that started it");
    assert!(!dir.exists(), "{} is still there", dir.display());
}

#[test]
fn a_test_process_that_is_killed_leaves_no_io_sock_behind() {
    let (mut child, id, _) = child_with_io_sock("stay");
    assert!(runs(id));
    child.kill().unwrap();
    child.wait().unwrap();
    for _ in 0..1000 {
        if !runs(id) {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("io-sock {id} outlived the process that started it");
}
