//! `cargo xtask on-target`: the assumptions that only a QNX system can confirm, collected from `ON-TARGET:` lines in the code.

use crate::cmd;
use anyhow::Result;
use std::process::Command;

/// Prints one line per assumption: place, then what to confirm.
pub fn main() -> Result<()> {
    let mut search = Command::new("git");
    // This file names the mark without meaning it.
    search.args([
        "grep",
        "-n",
        "-o",
        "ON-TARGET:.*",
        "--",
        ".",
        ":(exclude)*.md",
        ":(exclude)*/on_target.rs",
    ]);
    let (_, text) = cmd::capture(&mut search)?;
    let mut found = 0;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(file), Some(number), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let what = rest
            .trim_start_matches("ON-TARGET:")
            .trim()
            .trim_end_matches("*/")
            .trim();
        println!("{file}:{number}: {what}");
        found += 1;
    }
    println!("{found} assumptions to confirm on a QNX system");
    Ok(())
}
