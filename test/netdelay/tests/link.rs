//! A thread in a network of its own: what 127.0.0.1 costs there, and that nothing is lost but on purpose.

use netdelay::{Link, Rules};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};

const MS: Duration = Duration::from_millis(1);

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let one = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (other, _) = listener.accept().unwrap();
    (one, other)
}

/// Sends a byte there and back; the middle one of some times.
fn round_trip(one: &mut TcpStream, other: &mut TcpStream) -> Duration {
    let mut times: Vec<Duration> = (0..9)
        .map(|_| {
            let start = Instant::now();
            one.write_all(b"?").unwrap();
            other.read_exact(&mut [0]).unwrap();
            other.write_all(b"!").unwrap();
            one.read_exact(&mut [0]).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    times[4]
}

#[test]
fn a_round_trip_takes_its_time_and_other_threads_do_not_notice() {
    let rules = Rules {
        delay: 10 * MS,
        ..Rules::default()
    };
    let link = Link::enter(rules, 1500).unwrap();
    let (mut one, mut other) = pair();
    let there = round_trip(&mut one, &mut other);
    assert!(there >= 20 * MS && there < 40 * MS, "{there:?}");
    assert!(link.counts().packets >= 18, "{:?}", link.counts());
    let elsewhere = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                // A thread inherits the network, so this one goes back to the process's first.
                let first = std::fs::File::open(format!("/proc/{}/ns/net", std::process::id())).unwrap();
                // SAFETY: no memory is involved.
                let moved = unsafe { libc::setns(first.as_raw_fd(), libc::CLONE_NEWNET) };
                assert_eq!(moved, 0);
                let (mut one, mut other) = pair();
                round_trip(&mut one, &mut other)
            })
            .join()
            .unwrap()
    });
    assert!(elsewhere < 10 * MS, "{elsewhere:?}");
}

#[test]
fn bytes_survive_loss_and_jitter() {
    let rules = Rules {
        delay: MS,
        jitter: MS,
        loss: 0.01,
        ..Rules::default()
    };
    let link = Link::enter(rules, 1500).unwrap();
    let (mut one, mut other) = pair();
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| (i * 31 + (i >> 9)) as u8).collect();
    let back = std::thread::scope(|scope| {
        scope.spawn(|| {
            one.write_all(&bytes).unwrap();
            one.shutdown(std::net::Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        other.read_to_end(&mut back).unwrap();
        back
    });
    assert!(back == bytes);
    let counts = link.counts();
    assert!(counts.packets > 1400 && counts.lost > 0, "{counts:?}");
}

#[test]
fn the_program_runs_programs() {
    let netdelay = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_netdelay"))
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(
        netdelay(&["--", "sh", "-c", "echo there; exit 7"]),
        (Some(7), "there".to_owned(), String::new())
    );
    // Its loopback is not ours: nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connect = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{}",
        listener.local_addr().unwrap().port()
    );
    assert_ne!(netdelay(&["--", "bash", "-c", &connect]).0, Some(0));
    assert_eq!(
        Command::new("bash")
            .args(["-c", &connect])
            .status()
            .unwrap()
            .code(),
        Some(0)
    );
    let (_, _, counted) = netdelay(&["--rtt-ms", "1", "--count", "--", "bash", "-c", &connect]);
    assert!(
        counted.contains("netdelay: packets 2 "),
        "a SYN and a reset: {counted}"
    );
    for wrong in [
        &["--loss", "200%", "--", "true"][..],
        &[],
        &["--", "/nonexistent"],
    ] {
        let (code, _, said) = netdelay(wrong);
        assert_eq!(code, Some(125), "{wrong:?}");
        assert!(said.starts_with("netdelay: "), "{said}");
    }
}
