//! Runs one check of socket behaviour in a process of its own: `csock-check NAME`; without a name, lists them.

use anyhow::{Context, Result, bail};
use csock_e2e::checks::ALL;
use custom_socket::Session;

fn main() -> Result<()> {
    let Some(wanted) = std::env::args().nth(1) else {
        for (name, _) in ALL {
            println!("{name}");
        }
        return Ok(());
    };
    let Some((name, check)) = ALL.iter().find(|(name, _)| *name == wanted) else {
        bail!("unknown check '{wanted}'")
    };
    let session = Session::connect()?;
    check(&session).with_context(|| format!("check {name}"))?;
    println!("ok {name}");
    Ok(())
}
