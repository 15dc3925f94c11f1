//! The module by hand against kernel peers, as root's client and as an ordinary user's.

use anyhow::{Context, Result};
use csock_apps::stand::{Programs, Stand, User};
use std::path::{Path, PathBuf};

fn variable(name: &str) -> Result<PathBuf> {
    std::env::var_os(name)
        .map(PathBuf::from)
        .with_context(|| format!("{name} is not set: run 'cargo xtask test'"))
}

fn checks(user: User) -> Result<()> {
    let programs = Programs::new(&variable("CSOCK_PROGRAMS")?);
    let module: &Path = &variable("CSOCK_MODULE")?;
    let mut stand = Stand::start_for(user, &programs, module, &[])?;
    let text = stand.run("csock-hostile", &["check"])?;
    print!("{text}");
    stand.stop()
}

#[test]
fn everything_works_for_root() -> Result<()> {
    checks(User::Own)
}

#[test]
fn everything_works_for_an_ordinary_user() -> Result<()> {
    checks(User::Ordinary)
}
