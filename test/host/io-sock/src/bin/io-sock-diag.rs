//! io-sock's diagnostic variant: takes modules that were built with `INVARIANTS`, and no others.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    io_sock::process::main(env::args_os().skip(1), true)
}
