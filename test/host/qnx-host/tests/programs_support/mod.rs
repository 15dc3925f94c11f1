//! Compiling C programs against the built `libqnx_host.so`, and running them.
#![allow(dead_code)] // each test uses a part of it

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// Longer than any program needs; a hang is a failure, not a wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// Root of this crate.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The directory of `libqnx_host.so`: cargo builds it beside the test itself, being a crate type of the same library.
fn library_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("the test knows its own file");
    let deps = exe.parent().expect("a file lies in a directory").to_path_buf();
    assert!(
        deps.join("libqnx_host.so").exists(),
        "no libqnx_host.so in {}",
        deps.display()
    );
    deps
}

/// Where programs are put.
fn out_dir() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("programs");
    std::fs::create_dir_all(&dir).expect("the target's temporary directory is writable");
    dir
}

/// What a compiler of C, or of C++, is called with. Warnings are errors.
pub fn compiler(cpp: bool, standard: &str) -> Command {
    let mut command = Command::new(if cpp { "c++" } else { "cc" });
    command
        .args(["-O2", "-Wall", "-Wextra", "-Werror"])
        .arg(format!("-std={standard}"));
    command.arg("-I").arg(root().join("include"));
    command
}

/// Runs a compiler to the end.
pub fn compile(command: &mut Command) {
    let done = command.output().expect("a C compiler is installed");
    assert!(
        done.status.success(),
        "{command:?}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// The sources of all programs.
pub fn sources() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("programs")).expect("programs/ is there");
    let mut all: Vec<PathBuf> = folder
        .map(|entry| entry.expect("programs/ can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    all.sort();
    all
}

/// Compiles a file to a program of this name.
pub fn link(source: &Path, name: &str, more: &[&str]) -> PathBuf {
    let (program, library) = (out_dir().join(name), library_dir());
    let mut command = compiler(false, "gnu11");
    command.args(more).arg(source).arg("-o").arg(&program);
    command.arg("-L").arg(&library).args(["-lqnx_host", "-lpthread"]);
    command.arg(format!("-Wl,-rpath,{}", library.display()));
    compile(&mut command);
    program
}

/// A program of `programs/`, compiled once per test run.
fn program(name: &str) -> PathBuf {
    static BUILT: OnceLock<Mutex<Vec<String>>> = OnceLock::new();
    let mut built = BUILT
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|broken| broken.into_inner());
    if !built.iter().any(|known| known == name) {
        link(&root().join("programs").join(format!("{name}.c")), name, &[]);
        built.push(name.to_owned());
    }
    out_dir().join(name)
}

/// A stand-in machine of its own: programs started from one see each other and nobody else.
pub struct Machine {
    dir: PathBuf,
}

impl Machine {
    /// An empty one, named after its test.
    pub fn new(test: &str) -> Machine {
        // Short: sockets live in it, and their paths have 108 bytes.
        let dir = std::env::temp_dir().join(format!("qnx-programs-{}-{test}", std::process::id()));
        Machine { dir }
    }

    /// One that several users share, as the README says.
    pub fn shared(test: &str) -> Machine {
        let machine = Machine::new(test);
        std::fs::create_dir(&machine.dir).expect("the temporary directory is writable");
        let sticky = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        std::fs::set_permissions(&machine.dir, sticky).expect("our own directory");
        machine
    }

    /// Its runtime directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Starts one of `programs/`.
    pub fn start(&self, name: &str, args: &[&str]) -> Running {
        self.start_file(&program(name), args)
    }

    /// Starts one of `programs/` with a knob set.
    pub fn start_with(&self, knob: (&str, &str), name: &str, args: &[&str]) -> Running {
        self.launch(&program(name), args, &[knob])
    }

    /// Starts a program by its file.
    pub fn start_file(&self, file: &Path, args: &[&str]) -> Running {
        self.launch(file, args, &[])
    }

    fn launch(&self, file: &Path, args: &[&str], knobs: &[(&str, &str)]) -> Running {
        let mut child = Command::new(file)
            .args(args)
            .envs(knobs.iter().copied())
            .env("QNX_HOST_DIR", &self.dir)
            // cargo's own goes before the rpath, and may find the library of an earlier build.
            .env("LD_LIBRARY_PATH", library_dir())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let reader = std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut err = child.stderr.take().expect("piped");
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });
        let name = file
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let stdin = child.stdin.take();
        Running {
            name,
            child,
            stdin,
            lines,
            readers: Some((reader, errors)),
        }
    }

    /// Runs one of `programs/` to a good end: what it printed, and what it complained of.
    pub fn run(&self, name: &str, args: &[&str]) -> (Vec<String>, String) {
        self.start(name, args).finish()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A started program; killed by its id when it is dropped.
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    readers: Option<(JoinHandle<()>, JoinHandle<String>)>,
}

impl Running {
    /// The next line that it prints.
    pub fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("{} printed nothing for {PATIENCE:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => {
                let errors = self.errors();
                panic!("{} ended too early: {errors}", self.name)
            }
        }
    }

    /// The next line, if it comes in time.
    pub fn line_within(&mut self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    /// Closes its standard input.
    pub fn close_stdin(&mut self) {
        drop(self.stdin.take());
    }

    fn errors(&mut self) -> String {
        let Some((reader, errors)) = self.readers.take() else {
            return String::new();
        };
        let _ = reader.join();
        errors.join().unwrap_or_default()
    }

    /// Waits for an end with status 0: the lines not read yet, and what went to stderr.
    pub fn finish(mut self) -> (Vec<String>, String) {
        let (rest, errors) = self.end();
        let status = self.child.wait().expect("our own child");
        assert!(
            status.success(),
            "{}: {status}; it printed {rest:?} and {errors}",
            self.name
        );
        (rest, errors)
    }

    /// Waits for an end with any status: the lines not read yet, and what went to stderr.
    pub fn end(&mut self) -> (Vec<String>, String) {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("{} does not end; it printed {rest:?}", self.name),
            }
        }
        (rest, self.errors())
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().expect("our own child");
        self.child.wait().expect("our own child");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
