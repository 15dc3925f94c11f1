//! Runs io-sock and its administration tool, each io-sock with a runtime directory of its own.

use super::compile::scratch;
use std::{
    fs,
    io::{self, BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
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
        Self::start_in(scratch("qnx").join("qnx"), "", program, &[], libraries, args)
    }

    /// Starts io-sock with more in its environment.
    pub fn start_with(environment: &[(&str, &str)], libraries: &Path, args: &[&str]) -> Self {
        let program = env!("CARGO_BIN_EXE_io-sock");
        Self::start_in(
            scratch("qnx").join("qnx"),
            "",
            program,
            environment,
            libraries,
            args,
        )
    }

    /// Starts a second io-sock beside this one, in the same QNX, under another prefix.
    pub fn start_beside(&self, prefix: &str, libraries: &Path, args: &[&str]) -> Self {
        let option = format!("prefix={prefix}");
        let args = [&["-o", &option], args].concat();
        let dir = scratch("run");
        fs::create_dir_all(self.qnx_dir()).expect("the other io-sock's directory");
        std::os::unix::fs::symlink(self.qnx_dir(), dir.join("qnx"))
            .expect("the scratch directory is writable");
        Self::start_in(dir, prefix, env!("CARGO_BIN_EXE_io-sock"), &[], libraries, &args)
    }

    fn start_in(
        qnx_dir: PathBuf,
        prefix: &str,
        program: &str,
        environment: &[(&str, &str)],
        libraries: &Path,
        args: &[&str],
    ) -> Self {
        let dir = scratch("run");
        let log = fs::File::create(dir.join("stderr")).expect("the scratch directory is writable");
        let mut command = Command::new(program);
        command
            .args(args)
            .envs(environment.iter().copied())
            .env("LD_LIBRARY_PATH", libraries)
            .env("QNX_HOST_DIR", &qnx_dir);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = spawn_bound(command).expect("io-sock starts");
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

    /// Ends it, and removes its directories, where nothing can be dropped: at the end of the process, for an io-sock in a static.
    pub fn end(&self) {
        // SAFETY: a signal to our own child, and a wait that stores nothing.
        unsafe {
            libc::kill(self.child.id().cast_signed(), libc::SIGKILL);
            libc::waitpid(self.child.id().cast_signed(), std::ptr::null_mut(), 0);
        }
        self.remove_directories();
    }

    fn remove_directories(&self) {
        let _ = fs::remove_dir_all(&self.dir);
        // Beside another io-sock it is a link, which went with the directory that held it.
        if !self.qnx_dir.starts_with(&self.dir) {
            let _ = fs::remove_dir_all(&self.qnx_dir);
        }
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
        self.remove_directories();
    }
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts a program that the kernel kills when this process ends, however it ends. Linux sends that signal when the *thread* ends
/// that started the program, and a test's thread ends with the test: so one thread that never ends starts them all.
fn spawn_bound(mut command: Command) -> io::Result<Child> {
    static LAUNCHER: Mutex<Option<Sender<Order>>> = Mutex::new(None);
    let us = std::process::id().cast_signed();
    // SAFETY: only calls that a child may make between fork and exec.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
                return Err(io::Error::last_os_error());
            }
            // The process may have ended before the signal was asked for.
            if libc::getppid() != us {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            Ok(())
        });
    }
    let (answer, child) = channel();
    let mut launcher = LAUNCHER.lock().unwrap_or_else(|e| e.into_inner());
    launcher
        .get_or_insert_with(|| {
            let (orders, todo): (Sender<Order>, Receiver<Order>) = channel();
            thread::spawn(move || {
                for (mut command, answer) in todo {
                    let _ = answer.send(command.spawn());
                }
            });
            orders
        })
        .send((command, answer))
        .expect("the launcher never ends");
    drop(launcher);
    child.recv().expect("the launcher answers every order")
}

/// Starts io-sock with modules that are expected to fail and stops it again: what it wrote to stderr.
pub fn log_of(libraries: &Path, args: &[&str]) -> String {
    let (status, log) = IoSock::start(libraries, args).stop();
    assert_eq!(status, Some(0), "{log}");
    log
}
