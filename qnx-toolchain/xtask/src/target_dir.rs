//! Where cargo builds: the one place that knows. `CARGO_TARGET_DIR` and cargo's own configuration may have moved it.

use crate::cmd;
use anyhow::{Context, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

static FOUND: OnceLock<PathBuf> = OnceLock::new();

/// Asks cargo. Called once, before any command runs, with the workspace's root as the current directory.
///
/// # Errors
/// When cargo does not say.
pub fn find() -> Result<()> {
    let found = ask(&mut Command::new("cargo"))?;
    let _ = FOUND.set(found);
    Ok(())
}

/// The target directory.
///
/// # Panics
/// When [`find`] was not called.
pub fn target_dir() -> &'static Path {
    FOUND.get().expect("main asks cargo before it does anything else")
}

/// What `cargo` says, in the environment that it is given.
fn ask(cargo: &mut Command) -> Result<PathBuf> {
    let out = cargo
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(cmd::root())
        .stdin(Stdio::null())
        .output()
        .context("cannot start cargo")?;
    if !out.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&out.stderr));
    }
    let said: serde_json::Value = serde_json::from_slice(&out.stdout).context("cargo metadata is no JSON")?;
    let dir = said.get("target_directory").and_then(serde_json::Value::as_str);
    Ok(dir.context("cargo metadata names no target_directory")?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(dir: Option<&str>) -> PathBuf {
        let mut cargo = Command::new("cargo");
        cargo
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET_DIR");
        if let Some(dir) = dir {
            cargo.env("CARGO_TARGET_DIR", dir);
        }
        ask(&mut cargo).expect("cargo answers")
    }

    #[test]
    fn the_variable_moves_it() {
        assert_eq!(told(Some("/elsewhere/built")), Path::new("/elsewhere/built"));
        // Relative to where our commands run, as cargo itself takes it.
        assert_eq!(told(Some("elsewhere")), cmd::root().join("elsewhere"));
    }

    /// A second home for "target" is where `CARGO_TARGET_DIR=... cargo xtask dist` failed.
    #[test]
    fn no_other_file_knows_it() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![src];
        let mut read = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("the sources are there") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).expect("source is text");
                read += 1;
                for sign in [concat!("join(\"", "target\")"), concat!("join(\"", "target/")] {
                    assert!(!text.contains(sign), "{} has {sign}", path.display());
                }
            }
        }
        assert!(read > 10, "{read} files");
    }
}
