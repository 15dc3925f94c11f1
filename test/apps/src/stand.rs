//! Starting and ending the stand-in `io-sock` and the programs around it: each with its own runtime directory, each ended by its id.

use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// How long a program may take to start or to end; generous, since machines under test are small and busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the programs are and how they are started.
#[derive(Clone, Debug)]
pub struct Programs {
    dir: PathBuf,
    /// A program and its arguments put before each command (an emulator); empty for none.
    runner: Vec<String>,
}

impl Programs {
    /// Programs in `dir`, started directly.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            runner: Vec::new(),
        }
    }

    /// The same, started through `runner`: words separated by spaces.
    pub fn through(mut self, runner: &str) -> Self {
        self.runner = runner.split_whitespace().map(str::to_owned).collect();
        self
    }

    /// Where the programs are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Whether the programs run under an emulator.
    pub fn emulated(&self) -> bool {
        !self.runner.is_empty()
    }

    /// A command that starts `name`.
    pub fn command(&self, name: &str) -> Command {
        let program = self.dir.join(name);
        match self.runner.split_first() {
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
            None => Command::new(program),
        }
    }
}

/// A process that is killed when nobody waits for it.
pub struct Running {
    child: Child,
    name: String,
    out: BufReader<ChildStdout>,
}

impl Running {
    /// Starts `command` with its stdout read by us.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        let out = child.stdout.take().context("a piped stdout is there")?;
        Ok(Self {
            child,
            name: name.to_owned(),
            out: BufReader::new(out),
        })
    }

    /// Reads lines until one starts with `mark`; returns the rest of it.
    pub fn expect(&mut self, mark: &str) -> Result<String> {
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if self.out.read_line(&mut line)? == 0 {
                let status = self.child.wait()?;
                bail!(
                    "{} ended ({status}) before it printed '{mark}'; it printed:\n{seen}",
                    self.name
                );
            }
            if let Some(rest) = line.strip_prefix(mark) {
                return Ok(rest.trim().to_owned());
            }
            seen.push_str(&line);
        }
    }

    /// The next line; `None` at the end of the output.
    pub fn line(&mut self) -> Result<Option<String>> {
        let mut line = String::new();
        let n = self.out.read_line(&mut line)?;
        Ok((n > 0).then(|| line.trim_end().to_owned()))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its `kill` name ("TERM", "KILL", "STOP", "CONT").
    pub fn signal(&self, name: &str) -> Result<()> {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status()?;
        if !status.success() {
            bail!("cannot send {name} to {} ({})", self.name, self.id());
        }
        Ok(())
    }

    /// Waits for the end, at most half a minute; returns the status and what it printed since the last read.
    pub fn finish(mut self) -> Result<(ExitStatus, String)> {
        let status = self.wait(PATIENCE)?;
        let mut text = String::new();
        self.out.read_to_string(&mut text)?;
        Ok((status, text))
    }

    /// Waits for the end for at most `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if start.elapsed() > limit {
                bail!("{} ({}) did not end within {limit:?}", self.name, self.id());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills the process and waits for its end.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `io-sock` with a runtime directory of its own.
pub struct Stand {
    dir: PathBuf,
    programs: Programs,
    process: Option<Running>,
    /// Whether other users' programs are served.
    public: bool,
}

impl Stand {
    /// Starts io-sock with the module at `module`; `options` are the module's (`tx=copy`).
    pub fn start(programs: &Programs, module: &Path, options: &[&str]) -> Result<Self> {
        let mut stand = Self {
            dir: scratch_dir("stand")?,
            programs: programs.clone(),
            process: None,
            public: false,
        };
        stand.load(module, options)?;
        Ok(stand)
    }

    /// As [`Stand::start`], with a runtime directory that all users share and an io-sock that serves them all.
    pub fn start_public(programs: &Programs, module: &Path, options: &[&str]) -> Result<Self> {
        let mut stand = Self {
            dir: scratch_dir("stand")?,
            programs: programs.clone(),
            process: None,
            public: true,
        };
        // Sticky, so that nobody removes another user's files; the one above it lets everybody through, whatever the umask says.
        let shared = stand.dir.join("qnx");
        std::fs::create_dir(&shared)?;
        for (dir, mode) in [(&stand.dir, 0o755), (&shared, 0o1777)] {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode))?;
        }
        stand.load(module, options)?;
        Ok(stand)
    }

    fn load(&mut self, module: &Path, options: &[&str]) -> Result<()> {
        let mut argument = module.display().to_string();
        for option in options {
            argument.push(',');
            argument.push_str(option);
        }
        self.restart(&["-m", &argument])
    }

    /// Starts io-sock without a module.
    pub fn bare(programs: &Programs) -> Result<Self> {
        let mut stand = Self {
            dir: scratch_dir("stand")?,
            programs: programs.clone(),
            process: None,
            public: false,
        };
        stand.restart(&[])?;
        Ok(stand)
    }

    /// Starts io-sock in the same runtime directory; an earlier one must have ended.
    pub fn restart(&mut self, args: &[&str]) -> Result<()> {
        let mut command = self.command("io-sock");
        command
            .args(args)
            .env("QNX_HOST_PUBLIC", if self.public { "1" } else { "0" });
        let mut process = Running::start("io-sock", &mut command)?;
        process.expect("io-sock: ready")?;
        self.process = Some(process);
        Ok(())
    }

    /// A command in this stand's runtime directory.
    pub fn command(&self, name: &str) -> Command {
        let mut command = self.programs.command(name);
        command.env("QNX_HOST_DIR", self.dir.join("qnx"));
        command
    }

    /// The runtime directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The programs that this stand starts.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Runs a program to its end and returns what it printed; an exit status other than 0 is an error.
    pub fn run(&self, name: &str, args: &[&str]) -> Result<String> {
        let mut command = self.command(name);
        command.args(args).stderr(Stdio::inherit());
        let (status, text) = Running::start(name, &mut command)?.finish()?;
        if !status.success() {
            bail!("{name} {args:?}: {status}\n{text}");
        }
        Ok(text)
    }

    /// The io-sock process.
    pub fn io_sock(&mut self) -> Result<&mut Running> {
        self.process.as_mut().context("io-sock is not running")
    }

    /// Kills io-sock.
    pub fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(process) => process.kill(),
            None => bail!("io-sock is not running"),
        }
    }

    /// Ends io-sock as an administrator would (it unloads its modules) and expects status 0.
    pub fn stop(&mut self) -> Result<()> {
        let Some(process) = self.process.take() else {
            bail!("io-sock is not running")
        };
        process.signal("TERM")?;
        let (status, text) = process.finish()?;
        if !status.success() {
            bail!("io-sock ended with {status}\n{text}");
        }
        Ok(())
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.process = None;
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A new empty directory of this process.
pub fn scratch_dir(purpose: &str) -> Result<PathBuf> {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let unique = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("csock-{purpose}-{}-{unique}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}
