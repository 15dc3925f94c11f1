//! The whole way between two programs started on their own (no fork of a process with threads, which qemu-user cannot
//! do): also run for aarch64 under qemu, where direct copies do not exist.
//!
//! `QNX_TEST_RUNNER` = command that runs this binary when it is not for this machine, such as `qemu-aarch64 -L /dir`.

mod common;
use common::*;
use std::ffi::CString;
use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStdout, Command, Stdio};

struct Program {
    child: std::process::Child,
    out: BufReader<ChildStdout>,
}

/// Starts this test binary again to play `role`.
fn start(role: &str, argument: &str) -> Program {
    init();
    let own = std::env::current_exe().expect("own path");
    let mut command = match std::env::var("QNX_TEST_RUNNER") {
        Ok(runner) => {
            let mut words = runner.split_ascii_whitespace();
            let mut command = Command::new(words.next().expect("runner"));
            command.args(words).arg(&own);
            command
        }
        Err(_) => Command::new(&own),
    };
    command.args(["play_a_role", "--exact", "--nocapture", "--test-threads=1"]);
    command
        .env("QNX_TEST_ROLE", role)
        .env("QNX_TEST_ARGUMENT", argument);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("start");
    let out = BufReader::new(child.stdout.take().expect("stdout"));
    Program { child, out }
}

impl Program {
    fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// What follows the next `say` of the program.
    fn hear(&mut self) -> u64 {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(
                self.out.read_line(&mut line).expect("line"),
                0,
                "the program ended"
            );
            // The test harness writes to the same place, without a line end.
            if let Some((_, said)) = line.split_once("SAY ") {
                return said.trim().parse().expect("number");
            }
        }
    }

    fn finish(mut self) {
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("output");
        assert!(self.child.wait().expect("wait").success(), "{rest}");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn say(value: u64) {
    println!("SAY {value}");
}

fn name(text: &str) -> CString {
    CString::new(text).expect("name")
}

const SHM_ANON: *const core::ffi::c_char = usize::MAX as *const _;

#[test]
fn play_a_role() {
    let Ok(role) = std::env::var("QNX_TEST_ROLE") else {
        return;
    };
    let argument = std::env::var("QNX_TEST_ARGUMENT").unwrap_or_default();
    match role.as_str() {
        "echo" => echo(&argument),
        "lender" => lender(argument.parse().expect("pid")),
        "client" => client(&argument),
        other => panic!("role {other}"),
    }
    std::process::exit(0);
}

/// Serves a name: echoes messages, ends on pulse 9, counts clients that have gone.
fn echo(as_name: &str) {
    let chid = channel(CHF_DISCONNECT | CHF_UNBLOCK);
    // SAFETY: a C string and a fresh handle.
    let attached = unsafe { name_attach(dispatch_create_channel(chid, 0), name(as_name).as_ptr(), 0) };
    assert!(!attached.is_null());
    say(chid as u64);
    loop {
        let got = receive_room(chid, 1 << 20);
        match got.rcvid {
            0 => match got.pulse().code {
                PULSE_CODE_DISCONNECT => {
                    // SAFETY: no pointers.
                    assert_eq!(unsafe { ConnectDetach_r(got.pulse().scoid) }, 0);
                    say(1);
                }
                PULSE_CODE_UNBLOCK => {
                    error(got.pulse().value as i64, 4);
                }
                9 => return,
                _ => {}
            },
            rcvid if got.bytes == b"park" => {
                say(rcvid as u64);
            }
            rcvid => {
                reply(rcvid, got.bytes.len() as i64, &got.bytes);
            }
        }
    }
}

/// Lends one page to process `pid`.
fn lender(pid: i32) {
    // SAFETY: SHM_ANON is a value; valid variables otherwise.
    unsafe {
        let fd = qnx_shm_open(SHM_ANON, O_RDWR | O_CREAT, 0o600);
        assert_eq!(shm_ctl(fd, (SHMCTL_ANON | SHMCTL_SEAL) as i32, 0, 4096), 0);
        let at = qnx_mmap(
            core::ptr::null_mut(),
            4096,
            PROT_READ | PROT_WRITE,
            MAP_SHARED,
            fd,
            0,
        )
        .cast::<u64>();
        at.write_volatile(4711);
        let mut handle = 0;
        assert_eq!(shm_create_handle(fd, pid, O_RDWR, &mut handle, 0), 0);
        say(handle);
        while at.read_volatile() == 4711 {
            sleep_ms(1);
        }
        assert_eq!(at.read_volatile(), 1147);
    }
}

/// Blocks for ever in a message to a name.
fn client(to: &str) {
    // SAFETY: a C string.
    let coid = unsafe { name_open(name(to).as_ptr(), 0) };
    assert!(coid > 0);
    assert_eq!(send(coid, b"hello", &mut [0; 5]), 5);
    send(coid, b"park", &mut []);
}

#[test]
fn messages_and_pulses() {
    let mut server = start("echo", "spawned-echo");
    let chid = server.hear() as i32;
    // SAFETY: a C string.
    let coid = unsafe { name_open(name("spawned-echo").as_ptr(), 0) };
    assert!(coid > 0, "name_open {}", errno());
    assert_eq!(attach(server.pid(), chid) & SIDE_CHANNEL, SIDE_CHANNEL);
    for len in [0usize, 5, 4032, 5000, 300_000, 1 << 20] {
        let message: Vec<u8> = (0..len).map(|i| (i * 7 + i / 251) as u8).collect();
        let mut answer = vec![0; len];
        assert_eq!(send(coid, &message, &mut answer), len as i64);
        assert_eq!(answer, message, "{len} bytes");
    }
    assert_eq!(pulse(coid, 10, 9, 0), 0);
    server.finish();
    eventually("the coid dies", || send(coid, b"x", &mut []) == -9);
}

#[test]
fn memory_handle() {
    let mut lender = start("lender", &std::process::id().to_string());
    let handle = lender.hear();
    // SAFETY: no pointers; then a new mapping of a page.
    unsafe {
        let fd = shm_open_handle_pid(handle, O_RDWR, lender.pid());
        assert!(fd >= 0, "errno {}", errno());
        assert_eq!(
            shm_ctl(fd, SHMCTL_GET_FLAGS as i32, 0, 0),
            (SHMCTL_ANON | SHMCTL_SEAL) as i32
        );
        let mut status = Stat::default();
        assert_eq!((qnx_fstat(fd, &mut status), status.size), (0, 4096));
        let at = qnx_mmap(
            core::ptr::null_mut(),
            4096,
            PROT_READ | PROT_WRITE,
            MAP_SHARED,
            fd,
            0,
        )
        .cast::<u64>();
        assert_eq!(at.read_volatile(), 4711);
        at.write_volatile(1147);
    }
    lender.finish();
}

#[test]
fn killed_client_and_killed_server() {
    let mut server = start("echo", "spawned-kill");
    server.hear();
    let mut one = start("client", "spawned-kill");
    assert!(server.hear() > 0, "parked");
    let _ = one.child.kill();
    assert_eq!(server.hear(), 1, "unblocked, answered and disconnected");
    // SAFETY: a C string.
    let coid = unsafe { name_open(name("spawned-kill").as_ptr(), 0) };
    let blocked = std::thread::spawn(move || send(coid, b"park", &mut []));
    assert!(server.hear() > 0, "parked");
    let _ = server.child.kill();
    assert_eq!(blocked.join().expect("client"), -3);
    // SAFETY: a C string.
    let gone = unsafe { name_open(name("spawned-kill").as_ptr(), 0) };
    assert_eq!((gone, errno()), (-1, 2));
}
