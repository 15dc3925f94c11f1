//! An HTTP client that fetches one file and hashes it, over csock or over the message path.

use anyhow::{Context, Result, bail};
use csock_apps::{fetch, peers};
use lexopt::prelude::*;
use std::net::SocketAddrV4;

const USAGE: &str = "usage: csock-fetch --path csock|message IP:PORT NAME";

fn main() -> Result<()> {
    let (mut path, mut addr, mut name) = (None, None, None);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("path") => path = Some(args.value()?.string()?),
            Value(v) if addr.is_none() => addr = Some(v.parse::<SocketAddrV4>()?),
            Value(v) if name.is_none() => name = Some(v.string()?),
            other => bail!("{}\n{USAGE}", other.unexpected()),
        }
    }
    let (path, addr, name) = (path.context(USAGE)?, addr.context(USAGE)?, name.context(USAGE)?);
    let ledger = match path.as_str() {
        "csock" => fetch::fetch(&peers::Csock::connect()?, addr, &name)?,
        "message" => fetch::fetch(&peers::Message::connect()?, addr, &name)?,
        other => bail!("unknown path '{other}'; known: csock, message"),
    };
    ledger.print()
}
