//! Runs io-sock and its administration tool, each io-sock with a runtime directory of its own.

use super::compile::scratch;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running io-sock.
pub struct IoSock {
    child: Child,
    out: BufReader<ChildStdout>,
    dir: PathBuf,
    qnx_dir: PathBuf,
    prefix: String,
}

impl IoSock {
    /// Starts io-sock with `args` and waits until it is ready. Modules are looked up in `libraries`.
    pub fn start(libraries: &Path, args: &[&str]) -> Self {
        Self::start_program(env!("CARGO_BIN_EXE_io-sock"), libraries, args)
    }

    /// Starts another build of io-sock.
    pub fn start_program(program: &str, libraries: &Path, args: &[&str]) -> Self {
        Self::start_in(scratch("qnx").join("qnx"), "", program, libraries, args)
    }

    /// Starts a second io-sock beside this one, in the same QNX, under another prefix.
    pub fn start_beside(&self, prefix: &str, libraries: &Path, args: &[&str]) -> Self {
        let option = format!("prefix={prefix}");
        let args = [&["-o", &option], args].concat();
        let dir = scratch("run");
        fs::create_dir_all(self.qnx_dir()).expect("the other io-sock's directory");
        std::os::unix::fs::symlink(self.qnx_dir(), dir.join("qnx"))
            .expect("the scratch directory is writable");
        Self::start_in(dir, prefix, env!("CARGO_BIN_EXE_io-sock"), libraries, &args)
    }

    fn start_in(qnx_dir: PathBuf, prefix: &str, program: &str, libraries: &Path, args: &[&str]) -> Self {
        let dir = scratch("run");
        let log = fs::File::create(dir.join("stderr")).expect("the scratch directory is writable");
        let mut command = Command::new(program);
        command
            .args(args)
            .env("LD_LIBRARY_PATH", libraries)
            .env("QNX_HOST_DIR", &qnx_dir);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("io-sock starts");
        let out = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut io_sock = Self {
            child,
            out,
            dir,
            qnx_dir,
            prefix: prefix.to_owned(),
        };
        let mut line = String::new();
        while line.trim_end() != "io-sock: ready" {
            line.clear();
            let n = io_sock.out.read_line(&mut line).expect("stdout can be read");
            assert!(n > 0, "io-sock ended before it was ready:\n{}", io_sock.log());
        }
        io_sock
    }

    /// What it wrote to stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("stderr")).unwrap_or_default()
    }

    /// The runtime directory of its QNX.
    pub fn qnx_dir(&self) -> PathBuf {
        self.qnx_dir.clone()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Runs the administration tool: (succeeded, stdout, stderr).
    pub fn ctl(&self, args: &[&str]) -> (bool, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_io-sock-ctl"));
        // Not io-sock's: its own search path must not matter.
        command
            .args(args)
            .env("QNX_HOST_DIR", self.qnx_dir())
            .env("LD_LIBRARY_PATH", "/nowhere")
            .env("SOCK", &self.prefix);
        let output = command.output().expect("io-sock-ctl starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        (
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    /// Runs the tool, which must succeed; answers its stdout.
    pub fn ctl_ok(&self, args: &[&str]) -> String {
        let (ok, out, err) = self.ctl(args);
        assert!(ok, "{args:?}: {err}\n{}", self.log());
        out
    }

    /// Sends SIGTERM; answers the exit status and all of stderr.
    pub fn stop(mut self) -> (Option<i32>, String) {
        // SAFETY: a signal to our own child, which has not been waited for.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGTERM) };
        let status = self.wait();
        (status, self.log())
    }

    /// Waits for its end by itself.
    pub fn wait(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                return status.code();
            }
            assert!(
                start.elapsed() < PATIENCE,
                "io-sock does not end:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for IoSock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Starts io-sock with modules that are expected to fail and stops it again: what it wrote to stderr.
pub fn log_of(libraries: &Path, args: &[&str]) -> String {
    let (status, log) = IoSock::start(libraries, args).stop();
    assert_eq!(status, Some(0), "{log}");
    log
}
