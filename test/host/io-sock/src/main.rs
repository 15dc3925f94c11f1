//! The `io-sock` program. Everything is in the library.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    io_sock::process::main(env::args_os().skip(1), false)
}
