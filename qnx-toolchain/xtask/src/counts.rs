//! Adds up what test runners report, so that the last line of `cargo xtask test` says how much was run.

use crate::cmd;
use anyhow::{Context, Result};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Instant,
};

/// What one stage of the tests did.
struct Stage {
    name: String,
    passed: u64,
    failed: u64,
    /// A failure that no count shows: the command itself ended badly.
    broken: Option<String>,
    seconds: f64,
}

/// All stages so far.
#[derive(Default)]
pub struct Counts {
    stages: Vec<Stage>,
}

impl Counts {
    /// Runs a test command, shows what it prints and adds up its `test result:` lines.
    ///
    /// A command that ends with 0 and ran no test counts as failed: a check that tests nothing is a bug.
    pub fn tests(&mut self, name: &str, command: &mut Command) -> Result<()> {
        println!("== {name}");
        let start = Instant::now();
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let (mut passed, mut failed) = (0, 0);
        if let Some(out) = child.stdout.take() {
            for line in BufReader::new(out).lines() {
                let line = line?;
                println!("{line}");
                if let Some((p, f)) = result_line(&line) {
                    passed += p;
                    failed += f;
                }
            }
        }
        let status = child.wait()?;
        let broken = match (status.success(), passed + failed) {
            (true, 0) => Some("ran no test".to_owned()),
            (false, _) if failed == 0 => Some(format!("{status}")),
            _ => None,
        };
        self.stages.push(Stage {
            name: name.into(),
            passed,
            failed,
            broken,
            seconds: start.elapsed().as_secs_f64(),
        });
        Ok(())
    }

    /// Runs a check that is one yes or no.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) {
        println!("== {name}");
        let start = Instant::now();
        let result = check();
        if let Err(e) = &result {
            println!("{name}: {e:#}");
        }
        let ok = u64::from(result.is_ok());
        self.stages.push(Stage {
            name: name.into(),
            passed: ok,
            failed: 1 - ok,
            broken: None,
            seconds: start.elapsed().as_secs_f64(),
        });
    }

    /// Runs one command as a check.
    pub fn command(&mut self, name: &str, command: &mut Command) {
        self.check(name, || cmd::run(command));
    }

    /// Prints the table and the closing line; returns whether all is well.
    pub fn finish(self) -> bool {
        println!(
            "\n{:<44} {:>7} {:>7} {:>8}",
            "stage", "passed", "failed", "seconds"
        );
        let (mut passed, mut failed) = (0, 0);
        for stage in &self.stages {
            // A broken stage counts as one failure: the closing line must not look green.
            let lost = stage.failed + u64::from(stage.broken.is_some());
            let note = stage.broken.as_deref().unwrap_or_default();
            println!(
                "{:<44} {:>7} {:>7} {:>8.1} {note}",
                stage.name, stage.passed, lost, stage.seconds
            );
            passed += stage.passed;
            failed += lost;
        }
        println!("{passed} passed, {failed} failed");
        failed == 0
    }
}

/// Reads `test result: ok. 12 passed; 0 failed; ...`.
fn result_line(line: &str) -> Option<(u64, u64)> {
    let rest = line.trim_start().strip_prefix("test result:")?;
    let number = |word: &str| {
        rest.split([';', '.'])
            .find_map(|part| part.trim().strip_suffix(word)?.trim().parse::<u64>().ok())
    };
    Some((number("passed")?, number("failed")?))
}

#[cfg(test)]
mod tests {
    use super::result_line;

    #[test]
    fn reads_libtest_result_lines() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(result_line(line), Some((12, 3)));
        assert_eq!(result_line("test foo ... ok"), None);
    }
}
