//! `cargo xtask check`: what must hold of the sources as text, within seconds. A stage of the tests, too.
//!
//! | File | What it refuses |
//! |---|---|
//! | `citations.rs` | a citation that leads nowhere |
//! | `links.rs` | a link or a file name in a document that leads nowhere; a document that nothing leads to |
//! | `requirements.rs` | a requirement without state, place or test |
//! | `imports/` | files that import each other in a circle, folders too |
//! | `manifests.rs` | a dependency that is named and not used |
//! | `recipes.rs` | a recipe whose steps are not the places that its example has |
//!
//! Each check takes a [`Tree`] and returns what it found, so that a test can show it a wrong one.

mod citations;
mod imports;
mod links;
mod manifests;
mod markdown;
mod recipes;
mod requirements;
mod tree;

use anyhow::{Result, bail};
use lexopt::prelude::*;
use std::{fmt, fs, time::Instant};
pub use tree::Tree;

/// This folder names citations and paths without meaning them.
const OWN_FOLDER: &str = "qnx-toolchain/xtask/src/check";

/// Something that does not hold.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    /// From 1; 0 when it is about the file as a whole.
    line: usize,
    what: String,
}

impl Finding {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.what),
            line => write!(f, "{}:{line}: {}", self.file, self.what),
        }
    }
}

/// A check: its name in the list of stages, and what it does.
type Check = (&'static str, fn(&Tree) -> Vec<Finding>);

const CHECKS: [Check; 6] = [
    ("citations lead somewhere", citations::check),
    ("links and named files", links::check),
    ("security requirements", requirements::check),
    ("imports go sideways or down", imports::check),
    ("named dependencies are used", manifests::check),
    ("recipes name every place", recipes::check),
];

/// Runs `one` for each check: its name, and the check as a function of its own.
///
/// # Errors
/// When the files cannot be listed.
pub fn each(mut one: impl FnMut(&str, &dyn Fn() -> Result<()>)) -> Result<()> {
    let tree = Tree::read()?;
    for (name, check) in CHECKS {
        one(name, &|| report(check(&tree)));
    }
    Ok(())
}

/// Runs all of them and prints what they found. `--shrink` first takes from the list of known circles what has left them.
pub fn main(mut args: lexopt::Parser) -> Result<()> {
    while let Some(arg) = args.next()? {
        match arg {
            Long("shrink") => {
                let (file, list) = imports::shrunk(&Tree::read()?);
                fs::write(file, list)?;
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let mut failed = false;
    each(|name, check| {
        let start = Instant::now();
        let result = check();
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("ok    {name}, {seconds:.2} s"),
            Err(e) => {
                println!("FAIL  {name}: {e}");
                failed = true;
            }
        }
    })?;
    if failed {
        bail!("the check failed");
    }
    Ok(())
}

fn report(mut findings: Vec<Finding>) -> Result<()> {
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}
