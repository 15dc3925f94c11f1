//! Real processes for the tests: forked children with their own copy of the stand-in, pipes to keep step with them, and
//! thin wrappers that turn the C conventions into values.
#![allow(dead_code, unused_imports)]

use core::ffi::c_void;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::sync::Once;
use std::time::{Duration, Instant};

pub use qnx_host::api::channel::*;
pub use qnx_host::api::connect::*;
pub use qnx_host::api::dispatch::*;
pub use qnx_host::api::event::*;
pub use qnx_host::api::file::*;
pub use qnx_host::api::memory::*;
pub use qnx_host::api::message::*;
pub use qnx_host::api::misc::*;
pub use qnx_host::api::name::*;
pub use qnx_host::api::pathmgr::*;
pub use qnx_host::api::resmgr::*;
pub use qnx_host::api::time::*;
pub use qnx_host::types::{self, *};

pub const SIDE: u32 = SIDE_CHANNEL as u32;

/// Gives this test binary a runtime directory of its own. Call first in every test.
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let dir = std::env::temp_dir().join(format!("qnx-host-test-{}", std::process::id()));
        // SAFETY: before the stand-in or another test reads the environment: all of them come through here.
        unsafe { std::env::set_var("QNX_HOST_DIR", &dir) };
        // Everything that is set up once is there before the first fork.
        // SAFETY: no pointers; a function that lives as long as the process.
        unsafe {
            ChannelDestroy_r(ChannelCreate_r(0));
            libc::atexit(remove_directory);
        };
    });
}

/// Runs at the end of the test binary. Children that call `exit` come here too: the directory is their parent's.
extern "C" fn remove_directory() {
    let dir = std::env::temp_dir().join(format!("qnx-host-test-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(dir);
}

/// QNX errno after a plain call.
pub fn errno() -> i32 {
    qnx_host::errno::errno()
}

/// A forked child.
pub struct Child {
    pub pid: i32,
    /// Status of `waitpid`.
    ended: Option<i32>,
}

/// Runs `body` in a forked child; a panic there becomes exit status 101 with its text on stderr.
pub fn spawn(body: impl FnOnce()) -> Child {
    init();
    // SAFETY: the child runs only `body` and leaves with _exit.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork");
    if pid == 0 {
        run_and_exit(body);
    }
    Child { pid, ended: None }
}

/// Ends a forked process after `body`: status 0, or 101 after a panic, whose text goes to stderr.
fn run_and_exit(body: impl FnOnce()) -> ! {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
    let code = match outcome {
        Ok(()) => 0,
        Err(payload) => {
            let text = payload
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| payload.downcast_ref::<&str>().copied())
                .unwrap_or("panic");
            let line = format!("child {}: {text}\n", std::process::id());
            // SAFETY: writes a local buffer; no lock that another thread of the parent may have held.
            unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
            101
        }
    };
    // SAFETY: ends the child without running the parent's exit handlers.
    unsafe { libc::_exit(code) };
}

/// A thread of a forked process that never returns: if it panics or ends, the process does.
pub fn forever(body: impl FnOnce() + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(|| run_and_exit(body))
}

impl Child {
    pub fn kill(&self, signal: i32) {
        // SAFETY: our own child.
        unsafe { libc::kill(self.pid, signal) };
    }

    /// Kills it and waits until it is gone.
    pub fn kill9(mut self) {
        self.kill(libc::SIGKILL);
        self.wait_status();
    }

    /// True once it has ended; its status can still be asked for.
    pub fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            let mut status = 0;
            // SAFETY: our own child, not waited for yet.
            if unsafe { libc::waitpid(self.pid, &mut status, libc::WNOHANG) } == self.pid {
                self.ended = Some(status);
            }
        }
        self.ended.is_some()
    }

    fn wait_status(&mut self) -> i32 {
        *self.ended.get_or_insert_with(|| {
            let mut status = 0;
            // SAFETY: our own child, not waited for yet.
            unsafe { libc::waitpid(self.pid, &mut status, 0) };
            status
        })
    }

    /// Waits for its end, however it comes: the status of `waitpid`.
    pub fn status(mut self) -> i32 {
        self.wait_status()
    }

    /// Waits for a normal end with status 0.
    pub fn join(mut self) {
        let status = self.wait_status();
        assert!(
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0,
            "child status {status:#x}"
        );
    }

    /// Waits for an end by `signal`.
    pub fn join_killed(mut self, signal: i32) {
        let status = self.wait_status();
        assert!(
            libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == signal,
            "child status {status:#x}"
        );
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill(libc::SIGKILL);
            self.wait_status();
        }
    }
}

/// One direction between parent and child: 64-bit words.
pub struct Tx(std::fs::File);
pub struct Rx(std::fs::File);

pub fn pipe() -> (Tx, Rx) {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    assert_eq!(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: two fresh descriptors, each owned once.
    unsafe {
        (
            Tx(std::fs::File::from_raw_fd(fds[1])),
            Rx(std::fs::File::from_raw_fd(fds[0])),
        )
    }
}

impl Tx {
    pub fn send(&mut self, value: u64) {
        self.0.write_all(&value.to_ne_bytes()).expect("pipe");
    }
}

impl Rx {
    pub fn recv(&mut self) -> u64 {
        let mut fds = libc::pollfd {
            fd: self.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one valid pollfd.
        let ready = unsafe { libc::poll(&mut fds, 1, 20_000) };
        assert_eq!(ready, 1, "the other side said nothing for 20 s");
        let mut bytes = [0; 8];
        self.0.read_exact(&mut bytes).expect("pipe");
        u64::from_ne_bytes(bytes)
    }
}

pub fn channel(flags: u32) -> i32 {
    // SAFETY: no pointers.
    let chid = unsafe { ChannelCreate_r(flags) };
    assert!(chid > 0, "ChannelCreate {chid}");
    chid
}

pub fn attach(pid: i32, chid: i32) -> i32 {
    // SAFETY: no pointers.
    let coid = unsafe { ConnectAttach_r(0, pid, chid, SIDE, 0) };
    assert!(coid > 0, "ConnectAttach {coid}");
    coid
}

/// MsgSend_r of two slices.
pub fn send(coid: i32, message: &[u8], answer: &mut [u8]) -> i64 {
    // SAFETY: two valid slices.
    unsafe {
        MsgSend_r(
            coid,
            message.as_ptr().cast(),
            message.len(),
            answer.as_mut_ptr().cast(),
            answer.len(),
        )
    }
}

/// What MsgReceive_r gave.
#[derive(Debug)]
pub struct Got {
    pub rcvid: i64,
    pub info: MsgInfo,
    pub bytes: Vec<u8>,
}

impl Got {
    pub fn pulse(&self) -> Pulse {
        assert_eq!(self.rcvid, 0, "not a pulse");
        // SAFETY: 24 bytes of plain data.
        unsafe { self.bytes.as_ptr().cast::<Pulse>().read_unaligned() }
    }
}

pub fn receive_room(chid: i32, room: usize) -> Got {
    let mut bytes = vec![0u8; room];
    let mut info = MsgInfo::default();
    // SAFETY: valid buffers.
    let rcvid = unsafe { MsgReceive_r(chid, bytes.as_mut_ptr().cast(), room, &mut info) };
    if rcvid > 0 {
        bytes.truncate(info.msglen as usize);
    }
    Got { rcvid, info, bytes }
}

pub fn receive(chid: i32) -> Got {
    receive_room(chid, 4096)
}

pub fn reply(rcvid: i64, status: i64, data: &[u8]) -> i32 {
    // SAFETY: a valid slice.
    unsafe { MsgReply_r(rcvid, status, data.as_ptr().cast(), data.len()) }
}

pub fn error(rcvid: i64, number: i32) -> i32 {
    // SAFETY: no pointers.
    unsafe { MsgError_r(rcvid, number) }
}

pub fn info(rcvid: i64) -> Result<MsgInfo, i32> {
    let mut info = MsgInfo::default();
    // SAFETY: a valid structure.
    match unsafe { MsgInfo_r(rcvid, &mut info) } {
        0 => Ok(info),
        error => Err(error),
    }
}

pub fn pulse(coid: i32, priority: i32, code: i32, value: i64) -> i32 {
    // SAFETY: no pointers.
    unsafe { MsgSendPulse_r(coid, priority, code, value) }
}

/// Arms TimerTimeout for the next call.
pub fn timeout(states: u32, after: Duration) {
    let ns = after.as_nanos() as u64;
    // SAFETY: valid or null pointers.
    let armed = unsafe {
        TimerTimeout_r(
            CLOCK_MONOTONIC,
            states,
            core::ptr::null(),
            &ns,
            core::ptr::null_mut(),
        )
    };
    assert_eq!(armed, 0);
}

/// The next thing on the channel within five seconds.
pub fn receive_soon(chid: i32) -> Got {
    timeout(TIMEOUT_RECEIVE, Duration::from_secs(5));
    let got = receive(chid);
    assert!(got.rcvid >= 0, "nothing came: {}", got.rcvid);
    got
}

/// Nothing waits on the channel.
pub fn assert_empty(chid: i32) {
    timeout(TIMEOUT_RECEIVE, Duration::ZERO);
    assert_eq!(receive(chid).rcvid, -260);
}

/// Polls until `ready`, five seconds at most.
pub fn eventually(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !ready() {
        assert!(Instant::now() < end, "did not happen: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn sleep_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

pub fn iov(bytes: &[u8]) -> libc::iovec {
    libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast::<c_void>(),
        iov_len: bytes.len(),
    }
}

/// A server process that echoes: reply data = message, status = its length.
pub fn echo_server(flags: u32) -> (Child, i32) {
    let (mut tx, mut rx) = pipe();
    let child = spawn(move || {
        let chid = channel(flags);
        tx.send(chid as u64);
        loop {
            let got = receive_room(chid, 4 << 20);
            if got.rcvid > 0 {
                // ESRCH: the client was killed meanwhile.
                let replied = reply(got.rcvid, got.bytes.len() as i64, &got.bytes);
                assert!(matches!(replied, 0 | -3), "MsgReply {replied}");
            }
        }
    });
    let chid = rx.recv() as i32;
    (child, chid)
}
