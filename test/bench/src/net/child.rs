//! A child process whose lines are waited for with a limit, and which never outlives its handle, nor its parent's process.

use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

/// Ends this process when its parent's end of stdin is gone: a killed bench must leave no busy loop behind.
pub fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });
}

/// A running program.
pub struct Running {
    child: Child,
    name: String,
    lines: Receiver<String>,
}

impl Running {
    /// Starts `command`; its stdout is read, its stderr is ours.
    pub fn start(name: &str, command: &mut Command) -> Result<Self> {
        let mut child = command
            // Held by `child`, closed by its drop and by our death.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}: {command:?}"))?;
        let out = child.stdout.take().context("a piped stdout is there")?;
        let (tell, lines) = mpsc::channel();
        // Ends with the pipe; a receiver that is gone ends it earlier.
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            child,
            name: name.to_owned(),
            lines,
        })
    }

    /// Waits for a line that starts with `mark`, at most `limit`; returns the rest of it.
    pub fn expect(&mut self, mark: &str, limit: Duration) -> Result<String> {
        let until = Instant::now() + limit;
        loop {
            match self
                .lines
                .recv_timeout(until.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix(mark) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} said no '{}' within {limit:?}", self.name, mark.trim())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait()?;
                    bail!("{} ended ({status}) without '{}'", self.name, mark.trim())
                }
            }
        }
    }

    /// Waits for a good end, at most `limit`.
    pub fn finish(mut self, limit: Duration) -> Result<()> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("{} ended with {status}", self.name);
                }
                return Ok(());
            }
            if Instant::now() > until {
                bail!("{} did not end within {limit:?}", self.name);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its `kill` name.
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
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process has ended and was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
