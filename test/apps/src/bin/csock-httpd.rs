//! An HTTP server of one file, over csock or over the message path.

use anyhow::{Context, Result, bail};
use csock_apps::{peers, serve};
use lexopt::prelude::*;
use std::{net::SocketAddrV4, path::PathBuf};

const USAGE: &str = "usage: csock-httpd --path csock|message --listen IP:PORT --file FILE [--requests N]";

fn main() -> Result<()> {
    let (mut path, mut listen, mut file, mut requests) = (None, None, None, 1);
    let mut args = lexopt::Parser::from_env();
    while let Some(arg) = args.next()? {
        match arg {
            Long("path") => path = Some(args.value()?.string()?),
            Long("listen") => listen = Some(args.value()?.parse::<SocketAddrV4>()?),
            Long("file") => file = Some(PathBuf::from(args.value()?)),
            Long("requests") => requests = args.value()?.parse()?,
            other => bail!("{}\n{USAGE}", other.unexpected()),
        }
    }
    let (path, listen, file) = (path.context(USAGE)?, listen.context(USAGE)?, file.context(USAGE)?);
    let ledger = match path.as_str() {
        "csock" => serve::serve(&peers::Csock::connect()?, listen, &file, requests)?,
        "message" => serve::serve(&peers::Message::connect()?, listen, &file, requests)?,
        other => bail!("unknown path '{other}'; known: csock, message"),
    };
    ledger.print()
}
