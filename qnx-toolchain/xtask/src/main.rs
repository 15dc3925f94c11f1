//! `cargo xtask`: every command that builds, packs, tests or measures csock. `cargo xtask help` prints the menu.

mod check;
mod cmd;
mod counts;
mod dist;
mod gate;
mod host;
mod link;
mod on_target;
mod run;
mod setup;
mod target_dir;
mod test;
mod toolchain;

use anyhow::{Result, bail};
use lexopt::prelude::*;
use toolchain::Arch;

const MENU: &str = "\
usage: cargo xtask COMMAND [OPTIONS]

  demo [--json FILE] [--size-mib N] [--native]   serve a file to curl and fetch one back through csock
  test [--quick] [--kills N]                     everything: unit, loom, layout, ELF gate, end to end, 10000 (N) random kills
  dist [--arch x86_64|aarch64] [--ld lld|bfd]    target/dist/<arch>/...: module, client library, header; with the gate.
                                                 Without an SDP over FreeBSD 13's headers; IOSOCK_BASE=14 packs 14's
  host [--prefix DIR]                            QNX's calls on Linux for C programs: library, headers, tool, pkg-config file
  bindgen [--check]                              regenerate the checked-in bindings (or fail if they differ)
  bench [NAME] [ARGS...]                         measurements; without a name, lists them
  check [--shrink]                               citations, links, imports, dependencies, recipes: in seconds
  setup                                          install what demo, test and dist need, saying what
  on-target                                      list what only a QNX system can confirm
";

fn main() -> Result<()> {
    let mut args = lexopt::Parser::from_env();
    let command = match args.next()? {
        Some(Value(v)) => v.string()?,
        Some(Long("help") | Short('h')) | None => "help".to_owned(),
        Some(other) => bail!("{}\n{MENU}", other.unexpected()),
    };
    std::env::set_current_dir(cmd::root())?;
    target_dir::find()?;
    match command.as_str() {
        "help" => print!("{MENU}"),
        "setup" => setup::all()?,
        "check" => check::main(args)?,
        "dist" => dist(args)?,
        "test" => test::main(args)?,
        "demo" => run::demo(args)?,
        "bench" => run::bench(args)?,
        "host" => host::main(args)?,
        "bindgen" => run::bindgen(args)?,
        "on-target" => on_target::main()?,
        other => bail!("unknown command '{other}'\n{MENU}"),
    }
    Ok(())
}

fn dist(mut args: lexopt::Parser) -> Result<()> {
    let mut arches = Vec::new();
    let mut linker = link::Linker::default();
    while let Some(arg) = args.next()? {
        match arg {
            Long("arch") => arches.push(args.value()?.parse_with(Arch::parse)?),
            Long("ld") => linker = args.value()?.parse_with(link::Linker::parse)?,
            other => return Err(other.unexpected().into()),
        }
    }
    if arches.is_empty() {
        arches = vec![Arch::X86_64, Arch::Aarch64];
    }
    for arch in arches {
        dist::qnx(arch, linker)?;
    }
    Ok(())
}
