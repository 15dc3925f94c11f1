//! `csock-bench`: the measurements behind TEST_RESULTS.md. Started by `cargo xtask bench NAME`.

mod ipc;
mod net;
mod samples;

use anyhow::{Result, bail};
use lexopt::prelude::*;
use std::path::PathBuf;

const MENU: &str = "\
benches:
  ipc [--json FILE] [--plot FILE] [--calls N] [--runs N]   QNX message passing beside D-Bus, Thrift, sockets and pipes
  net [--quick] [--json FILE] [--plot FILE] [--rounds N] [--milliseconds N] [--only PART]
                     csock beside the message path and the kernel's sockets; PART: keys and cases with that in their name
";

/// Where the built things are.
pub struct Place {
    /// The module's file.
    pub module: PathBuf,
    /// The programs' directory.
    pub programs: PathBuf,
}

fn main() -> Result<()> {
    // Roles of this program's own child processes come first: they take no options.
    if ipc::role()? || net::role()? {
        return Ok(());
    }
    let (mut module, mut programs) = (PathBuf::new(), PathBuf::new());
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("module") => module = args.value()?.into(),
            Long("programs") => programs = args.value()?.into(),
            Value(name) if name == "ipc" => return ipc::main(&Place { module, programs }, args),
            Value(name) if name == "net" => return net::main(&Place { module, programs }, args),
            Value(name) => bail!("unknown bench {name:?}\n{MENU}"),
            other => return Err(other.unexpected().into()),
        }
    }
    print!("{MENU}");
    Ok(())
}
