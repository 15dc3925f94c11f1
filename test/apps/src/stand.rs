//! Starting and ending the stand-in `io-sock` and the programs around it: each with its own runtime directory, each ended by its id.

use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader, Read},
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::Arc,
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
    /// Removes the copies when nobody starts these programs any more.
    #[expect(dead_code, reason = "only its end matters")]
    copied: Option<Arc<Copied>>,
}

/// A directory of ours.
#[derive(Debug)]
struct Copied(PathBuf);

impl Drop for Copied {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Programs {
    /// Programs in `dir`, started directly.
    pub fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            runner: Vec::new(),
            copied: None,
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

    /// The same programs where every user can start them: copies, if a directory on the way is closed.
    pub fn reachable(&self) -> Result<Self> {
        let dir = std::fs::canonicalize(&self.dir)?;
        let open = |dir: &Path| std::fs::metadata(dir).is_ok_and(|dir| dir.permissions().mode() & 0o001 != 0);
        if dir.ancestors().all(open) {
            return Ok(self.clone());
        }
        let copy = Copied(scratch_dir("programs")?);
        std::fs::set_permissions(&copy.0, std::fs::Permissions::from_mode(0o755))?;
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            // Through links.
            let metadata = std::fs::metadata(entry.path())?;
            if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 {
                std::fs::copy(entry.path(), copy.0.join(entry.file_name()))?;
            }
        }
        Ok(Self {
            dir: copy.0.clone(),
            runner: self.runner.clone(),
            copied: Some(Arc::new(copy)),
        })
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

/// User and group id of ordinary programs: nobody's.
pub const ORDINARY: u32 = 65534;

/// What an administrator starts: these always run as the user of this process.
const ADMINISTRATORS: [&str; 3] = ["io-sock", "io-sock-ctl", "csock-stat"];

/// Whose the client programs are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum User {
    /// The user of this process: root, or whoever runs the tests and cannot change it.
    Own,
    /// [`ORDINARY`], while io-sock is root's: what programs on a QNX system are.
    Ordinary,
}

impl User {
    /// `CSOCK_USER`: `root` runs client programs as root; otherwise they are ordinary where this process may change its user.
    pub fn from_environment() -> Self {
        use std::os::unix::fs::MetadataExt;
        let root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        match std::env::var("CSOCK_USER").as_deref() {
            Ok("root") => User::Own,
            _ if root => User::Ordinary,
            _ => User::Own,
        }
    }
}

/// A running `io-sock` with a runtime directory of its own.
pub struct Stand {
    dir: PathBuf,
    programs: Programs,
    process: Option<Running>,
    user: User,
}

impl Stand {
    /// Starts io-sock with the module at `module`; `options` are the module's (`tx=copy`). Client programs run as
    /// [`User::from_environment`] says.
    pub fn start(programs: &Programs, module: &Path, options: &[&str]) -> Result<Self> {
        Self::start_for(User::from_environment(), programs, module, options)
    }

    /// As [`Stand::start`], for client programs of `user`.
    pub fn start_for(user: User, programs: &Programs, module: &Path, options: &[&str]) -> Result<Self> {
        let mut stand = Self::empty(programs, user)?;
        stand.load(module, options)?;
        Ok(stand)
    }

    /// A runtime directory and no io-sock yet. All users share it when clients are another user's.
    pub fn empty(programs: &Programs, user: User) -> Result<Self> {
        let dir = scratch_dir("stand")?;
        let shared = dir.join("qnx");
        std::fs::create_dir(&shared)?;
        // Sticky, so that nobody removes another user's files; the one above it lets everybody through, whatever the umask says.
        let modes = match user {
            User::Own => [0o755, 0o700],
            User::Ordinary => [0o755, 0o1777],
        };
        for (dir, mode) in [&dir, &shared].into_iter().zip(modes) {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode))?;
        }
        Ok(Self {
            dir,
            programs: match user {
                User::Own => programs.clone(),
                User::Ordinary => programs.reachable()?,
            },
            process: None,
            user,
        })
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
        let mut stand = Self::empty(programs, User::from_environment())?;
        stand.restart(&[])?;
        Ok(stand)
    }

    /// Starts io-sock in the same runtime directory; an earlier one must have ended.
    pub fn restart(&mut self, args: &[&str]) -> Result<()> {
        self.process = Some(self.io_sock_beside(args)?);
        Ok(())
    }

    /// Starts one more io-sock in the same runtime directory.
    pub fn io_sock_beside(&self, args: &[&str]) -> Result<Running> {
        let mut process = Running::start("io-sock", self.command("io-sock").args(args))?;
        process.expect("io-sock: ready")?;
        Ok(process)
    }

    /// A command in this stand's runtime directory: an administrator's as ourselves, others as the stand's user.
    pub fn command(&self, name: &str) -> Command {
        let mut command = self.programs.command(name);
        if ADMINISTRATORS.contains(&name) {
            self.enter(&mut command, User::Own);
        } else {
            self.enter(&mut command, self.user);
        }
        command
    }

    /// Lets a command find this stand's io-sock, and run as `user`. What a process of ours serves there, it serves to all users.
    pub fn enter(&self, command: &mut Command, user: User) {
        let public = self.user == User::Ordinary && user == User::Own;
        command
            .env("QNX_HOST_DIR", self.dir.join("qnx"))
            .env("QNX_HOST_PUBLIC", if public { "1" } else { "0" });
        if user == User::Ordinary {
            command.uid(ORDINARY).gid(ORDINARY);
        }
    }

    /// Whose the client programs are.
    pub fn user(&self) -> User {
        self.user
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
